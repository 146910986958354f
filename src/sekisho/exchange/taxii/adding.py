"""Adding objects (TAXII 2.1, section 5.5): each is checked by itself, and one that is no good keeps none out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sekisho.exchange.taxii.messages import Limits, Refusal
from sekisho.formats.stix_object import ObjectFault
from sekisho.formats.stix_object import read as read_object
from sekisho.model.sharing import Offered, Outcome, Put, rfc3339

_OBJECTS = b'"objects"'
_OTHER_CONTENT = "this version is there already with another content"
# The same words for what may be seen and what may not: an id drawn at random is nobody else's.
_TAKEN = "this id is taken by somebody else: send it under one drawn at random (UUIDv4)"


class _Envelope(msgspec.Struct):
    objects: list[msgspec.Raw] = []


class Checked(msgspec.Struct, frozen=True):
    """What can be stored, and what can't: (id as far as known, why)."""

    offered: tuple[Offered, ...]
    faults: tuple[tuple[str, str], ...]


Admit = Callable[[Mapping[str, Any], Offered], Offered]


def read(body: bytes, limits: Limits, admit: Admit | None = None) -> Checked:
    """Read an envelope; ``admit`` looks at each object after its grammar.

    :raises Refusal: 400 no JSON, 413 too large, 422 no envelope
    """
    if len(body) > limits.octets:
        raise Refusal(413, f"at most {limits.octets} octets")
    try:
        objects = msgspec.json.decode(body, type=_Envelope).objects
        body.decode()
    except msgspec.ValidationError as error:
        raise Refusal(422, "an envelope is an object with a list of objects") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "the body is no JSON in UTF-8") from error
    # Only a body that could name its list twice is read a second time: plainly, or with a letter written as an escape.
    if (body.count(_OBJECTS) > 1 or b"\\u" in body) and _twice(body):
        raise Refusal(400, "a property of the envelope is given twice")
    if not objects:
        raise Refusal(422, "the envelope holds no objects")
    if len(objects) > limits.objects:
        raise Refusal(413, f"at most {limits.objects} objects")
    offered: list[Offered] = []
    faults: list[tuple[str, str]] = []
    for octets in map(bytes, objects):
        try:
            offered.append(_offered(octets, limits, admit))
        except ObjectFault as fault:
            faults.append((fault.identifier, fault.what))
    return Checked(tuple(offered), tuple(faults))


def _offered(octets: bytes, limits: Limits, admit: Admit | None) -> Offered:
    if len(octets) > limits.object_octets:
        raise ObjectFault(f"larger than {limits.object_octets} octets")
    one, values = read_object(octets)
    offered = Offered(one.id, one.type, one.version, one.version_key, one.digest, octets.decode())
    try:
        return admit(values, offered) if admit else offered
    except ObjectFault as fault:
        raise ObjectFault(fault.what, one.id) from None


def _twice(body: bytes) -> bool:
    """Say whether the envelope names anything twice; the objects are looked at one by one later."""
    names: list[list[str]] = []

    def last(pairs: list[tuple[str, Any]]) -> None:
        names[:] = [[name for name, _ in pairs]]

    try:
        json.loads(body, object_pairs_hook=last)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "the body is no JSON in UTF-8") from error
    return len(set(names[0])) != len(names[0])


def status(
    identifier: str, now: int, checked: Checked, store: Callable[[Sequence[Offered]], tuple[Put, ...]]
) -> dict[str, Any]:
    """Store what can be stored and return the status resource (section 4.3.1): nothing is ever pending."""
    moment = rfc3339(now)
    puts = store(checked.offered) if checked.offered else ()
    good: list[dict[str, str]] = []
    bad = [{"id": name or "unknown", "version": moment, "message": why} for name, why in checked.faults]
    for one, put in zip(checked.offered, puts, strict=True):
        told = {"id": one.id, "version": put.version}
        if put.outcome is Outcome.OTHER:
            bad.append(told | {"message": put.why or (_OTHER_CONTENT if put.known else _TAKEN)})
        else:
            good.append(told)
    made: dict[str, Any] = {
        "id": identifier,
        "status": "complete",
        "request_timestamp": moment,
        "total_count": len(good) + len(bad),
        "success_count": len(good),
        "failure_count": len(bad),
        "pending_count": 0,
    }
    return made | ({"successes": good} if good else {}) | ({"failures": bad} if bad else {})
