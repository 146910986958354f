"""The grammar of one STIX 2.1 object: its octets are checked, never changed.

What the standard doesn't name (custom properties, extensions, types of one's own) stays as it is. Refused is what two
readers could understand differently: a name given twice, numbers that are none, depth without end.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NoReturn

import msgspec

from sekisho.formats.stix_pattern import fault_of
from sekisho.formats.stix_types import ONE_OF, ORDERS, POINTS_AT, TIMES, TYPES, Kind

DEEPEST = 64
LONGEST_TIME = 40
_TYPE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", re.ASCII)
_LONGEST_TYPE = 250
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:)(\d\d)(?:\.(\d+))?Z", re.ASCII)
_LAST_SECOND = 60
_SURE = 100


class ObjectFault(ValueError):
    """Why an object is no good.

    :ivar identifier: the object's id as far as it can be told
    """

    def __init__(self, what: str, identifier: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.identifier = identifier


class Checked(msgspec.Struct, frozen=True):
    """What an object says of itself.

    :ivar version: ``modified``, else ``created``, as written; empty when it has neither
    :ivar version_key: the same in the form that sorts as text (`time_key`)
    :ivar digest: SHA-256 of its value: the same for the same value in another order or with other white space
    """

    id: str
    type: str
    version: str
    version_key: str
    digest: str


def time_key(text: Any) -> str:
    """Return a STIX time in a form whose order as text is the order in time; empty when it is none.

    Fractions of any length are kept; zeros at their end make no difference.
    """
    found = _TIME.fullmatch(text) if isinstance(text, str) and len(text) <= LONGEST_TIME else None
    if found is None or int(found[2]) > _LAST_SECOND:
        return ""
    try:
        # A leap second is a time, but not to `datetime`.
        datetime.fromisoformat(f"{found[1]}{min(int(found[2]), 59):02}")
    except ValueError:
        return ""
    return f"{found[1]}{found[2]}.{(found[3] or '').rstrip('0')}"


def is_identifier(text: Any, kind: str = "") -> bool:
    """Say whether it is ``type--UUID``, of the type ``kind`` when that is given."""
    if not isinstance(text, str):
        return False
    head, mark, tail = text.partition("--")
    return bool(mark) and (head == kind if kind else _is_type(head)) and _UUID.fullmatch(tail) is not None


def _is_type(text: str) -> bool:
    return len(text) <= _LONGEST_TYPE and _TYPE.fullmatch(text) is not None


def check(octets: bytes) -> Checked:
    """Check one object.

    :raises ObjectFault: it is none, and why
    """
    return read(octets)[0]


def read(octets: bytes) -> tuple[Checked, dict[str, Any]]:
    """Check one object, and return it as values as well.

    :raises ObjectFault: it is none, and why
    """
    one = _decoded(octets)
    identifier = one["id"] if is_identifier(one.get("id")) else ""
    try:
        _common(one)
        _named(one)
    except ObjectFault as fault:
        raise ObjectFault(fault.what, identifier) from None
    version = one.get("modified", one.get("created", ""))
    canonical = msgspec.json.encode(one, order="sorted")
    digest = hashlib.sha256(canonical).hexdigest()
    return Checked(identifier, one["type"], version, time_key(version), digest), one


def _decoded(octets: bytes) -> dict[str, Any]:
    try:
        # msgspec refuses what is no JSON (NaN, half a surrogate pair); the other one shows a name given twice.
        msgspec.json.decode(octets)
        one = json.loads(octets, object_pairs_hook=_once, parse_constant=_no_constant)
    except ObjectFault:
        raise
    except RecursionError:
        _refuse("nested too deeply")
    except (msgspec.DecodeError, ValueError) as error:
        raise ObjectFault("not JSON") from error
    if not isinstance(one, dict):
        _refuse("not a JSON object")
    _shallow(one)
    return one


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        _refuse("a property is given twice")
    return made


def _no_constant(_name: str) -> NoReturn:
    _refuse("not a number of JSON")


def _refuse(what: str) -> NoReturn:
    raise ObjectFault(what)


def _shallow(one: Any) -> None:
    """Bound the depth: others, too, must be able to read what was stored."""
    layer: list[Any] = [one]
    for _ in range(DEEPEST):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not layer:
            return
    _refuse("nested too deeply")


def _common(one: Mapping[str, Any]) -> None:
    """Check what all kinds have in common (section 3)."""
    kind = one.get("type")
    if not isinstance(kind, str) or not _is_type(kind):
        _refuse("type is missing or no name of a type")
    if kind == "bundle":
        _refuse("a bundle is no object: send what is in it")
    if not is_identifier(one.get("id"), kind):
        _refuse("id is missing or not of the form type--UUID with its own type")
    if one.get("spec_version", "2.1") != "2.1":
        _refuse("spec_version is not 2.1")
    for name, value in one.items():
        if value is None or value in ([], {}):
            _refuse(f"{name[:60]} is null or empty: leave it out")
        if name.endswith("_ref") and not is_identifier(value, POINTS_AT.get(name, "")):
            _refuse(f"{name[:60]} is no identifier of the right type")
        if name.endswith("_refs") and not _are_identifiers(value, POINTS_AT.get(name, "")):
            _refuse(f"{name[:60]} is no list of identifiers of the right type")
    _values(one)


def _are_identifiers(value: Any, kind: str) -> bool:
    return isinstance(value, list) and all(is_identifier(part, kind) for part in value)


def _values(one: Mapping[str, Any]) -> None:
    confidence = one.get("confidence", 0)
    if isinstance(confidence, bool) or not isinstance(confidence, int) or not 0 <= confidence <= _SURE:
        _refuse("confidence is no whole number from 0 to 100")
    if not isinstance(one.get("revoked", False), bool):
        _refuse("revoked is neither true nor false")
    if not _texts(one.get("labels", [])):
        _refuse("labels is no list of texts")
    if not isinstance(one.get("extensions", {}), dict):
        _refuse("extensions is no object")
    for name, wanted in (
        ("external_references", ("source_name",)),
        ("kill_chain_phases", ("kill_chain_name", "phase_name")),
    ):
        for part in _list(one, name):
            if not isinstance(part, dict) or not all(isinstance(part.get(inner), str) for inner in wanted):
                _refuse(f"{name} lacks {' or '.join(wanted)}")
    for part in _list(one, "granular_markings"):
        _granular(part)


def _list(one: Mapping[str, Any], name: str) -> Iterable[Any]:
    found = one.get(name, [])
    if not isinstance(found, list):
        _refuse(f"{name} is no list")
    return found


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def _granular(part: Any) -> None:
    """Check a marking of a part (section 7.2.3)."""
    if not isinstance(part, dict) or not part.get("selectors") or not _texts(part["selectors"]):
        _refuse("granular_markings lacks selectors")
    reference = part.get("marking_ref")
    if ("lang" in part) == (reference is not None):
        _refuse("granular_markings needs marking_ref or lang, and not both")
    if reference is not None and not is_identifier(reference, "marking-definition"):
        _refuse("granular_markings: marking_ref is no marking definition")


def _named(one: Mapping[str, Any]) -> None:
    """Check what is asked of the object's own type."""
    kind, wanted = TYPES.get(one["type"], (Kind.CUSTOM, ()))
    for name in wanted:
        if name not in one:
            _refuse(f"{name} is missing")
    groups = ONE_OF.get(one["type"])
    if groups and not any(all(name in one for name in group) for group in groups):
        _refuse("one of these is missing: " + ", ".join("+".join(group) for group in groups))
    asked = TIMES if kind is not Kind.CUSTOM else {"created", "modified"}
    keys: dict[str, str] = {}
    for name in asked & one.keys():
        keys[name] = time_key(one[name])
        if not keys[name]:
            _refuse(f"{name} is no time such as 2026-11-21T00:00:00.000Z")
    for early, late, same in ORDERS:
        if (
            early in keys
            and late in keys
            and not (keys[early] < keys[late] or (same and keys[early] == keys[late]))
        ):
            _refuse(f"{late} is not after {early}")
    if one["type"] in _ADDRESSES:
        _address(one)
    if one["type"] == "indicator":
        _pattern(one)


def _pattern(one: Mapping[str, Any]) -> None:
    """Check an indicator's pattern; of those that aren't STIX's own only that they are texts."""
    pattern, language = one["pattern"], one["pattern_type"]
    if not (isinstance(pattern, str) and isinstance(language, str)):
        _refuse("pattern and pattern_type are texts")
    if language == "stix" and (fault := fault_of(pattern)):
        _refuse(f"pattern: {fault}")


_ADDRESSES = {"ipv4-addr": ipaddress.IPv4Interface, "ipv6-addr": ipaddress.IPv6Interface}


def _address(one: Mapping[str, Any]) -> None:
    """Check an address, alone or with the length of its network (sections 6.7 and 6.8)."""
    try:
        _ADDRESSES[one["type"]](str(one["value"]))
    except ValueError:
        _refuse("value is no address of this type")
