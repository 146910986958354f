"""The filters of a request (TAXII 2.1, section 3.4), and the marks by which a walk goes on.

A mark says only where the page before ended. It is sealed with the asker and with what was asked: it opens nothing that
the request would not open by itself, and fits no other request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import msgspec

from sekisho.exchange.taxii.messages import Limits, Refusal
from sekisho.formats.stix_object import time_key
from sekisho.ports.sharing import EVERY, LAST, ObjectFilter, Versions

_MATCH = re.compile(r"match\[(\w{1,40})\]", re.ASCII)
_SPEC_VERSION = re.compile(r"\d\.\d", re.ASCII)
_LIMIT = re.compile(r"[0-9]{1,9}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEAL = 16
_PLACE = 8
_MOST_FIELDS = 20
OURS = "2.1"


class Asked(msgspec.Struct, frozen=True):
    """What a request asks for.

    :ivar nothing: no specification version is asked for in which anything could be given
    :ivar words: the filters as they came, in an order of their own: what a mark is sealed with
    """

    wanted: ObjectFilter
    limit: int
    nothing: bool
    words: str


class Marks:
    """Makes and reads marks; the key outlives the process, so that a walk outlives a restart."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def made(self, added: int, asker: Sequence[str]) -> str:
        """Return the mark behind an object."""
        place = added.to_bytes(_PLACE, "big")
        return urlsafe_b64encode(place + self._seal(place, asker)).decode()

    def read(self, mark: str, asker: Sequence[str]) -> int:
        """Return where a mark stands. :raises Refusal: it is none of this asker's."""
        try:
            octets = urlsafe_b64decode(mark.encode("ascii"))
        except (ValueError, Error):
            octets = b""
        place, seal = octets[:_PLACE], octets[_PLACE:]
        again = urlsafe_b64encode(octets).decode() == mark  # no second spelling
        if not again or not hmac.compare_digest(seal, self._seal(place, asker)):
            raise Refusal(400, "next does not belong to this request")
        return int.from_bytes(place, "big")

    def _seal(self, place: bytes, asker: Sequence[str]) -> bytes:
        words = msgspec.json.encode([place.hex(), *asker])
        return hmac.digest(self._key, words, hashlib.sha256)[:_SEAL]


def asked(
    query: str, supported: frozenset[str], limits: Limits, default: Versions = LAST
) -> tuple[Asked, str]:
    """Read the filters, and the mark (empty for none).

    :param supported: the fields that ``match`` may name here
    :raises Refusal: 400
    """
    given = _given(query, limits)
    matches: dict[str, tuple[str, ...]] = {}
    for name, value in given.items():
        if not name.startswith("match"):
            continue
        found = _MATCH.fullmatch(name)
        if found is None or found[1] not in supported:
            raise Refusal(400, f"{name[:60]} is no filter of this endpoint")
        matches[found[1]] = _values(name, value, limits)
    specs = matches.get("spec_version", (OURS,))
    if not all(map(_SPEC_VERSION.fullmatch, specs)):
        raise Refusal(400, "match[spec_version]: such as 2.1")
    versions = _versions(matches["version"]) if "version" in matches else default
    after = _moment(given["added_after"]) if "added_after" in given else -1
    wanted = ObjectFilter(matches.get("id", ()), matches.get("type", ()), versions, after)
    words = msgspec.json.encode([sorted(matches.items()), after]).decode()
    return Asked(wanted, _limit(given.get("limit"), limits), OURS not in specs, words), given.get("next", "")


def _given(query: str, limits: Limits) -> dict[str, str]:
    if len(query) > limits.query:
        raise Refusal(400, "the query is too long")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Refusal(400, "the query can't be read") from error
    given = dict(pairs)
    if len(given) != len(pairs):
        raise Refusal(400, "a parameter is given twice")
    for name in ("limit", "next", "added_after"):
        if given.get(name) == "":
            raise Refusal(400, f"{name} is empty")
    return given


def _values(name: str, value: str, limits: Limits) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(part.strip() for part in value.split(",")))
    if "" in values or len(values) > limits.values:
        raise Refusal(400, f"{name}: from 1 to {limits.values} values with commas between")
    return values


def _limit(value: str | None, limits: Limits) -> int:
    if value is None:
        return limits.page
    if not _LIMIT.fullmatch(value) or int(value) < 1:
        raise Refusal(400, "limit is a whole number from 1")
    return min(int(value), limits.page)


def _versions(values: Sequence[str]) -> Versions:
    if "all" in values:
        return EVERY
    keys = tuple(time_key(one) for one in values if one not in {"last", "first"})
    if "" in keys:
        raise Refusal(400, "match[version]: last, first, all or times such as 2026-11-21T00:00:00.000Z")
    return Versions(last="last" in values, first="first" in values, keys=keys)


def _moment(value: str) -> int:
    """Return a time in microseconds; finer parts make no difference, as nothing is added between two microseconds."""
    key = time_key(value)
    if not key:
        raise Refusal(400, "added_after is no time such as 2026-11-21T00:00:00.000000Z")
    whole, _, fraction = key.partition(".")
    moment = datetime.fromisoformat(whole[:17] + "00").replace(tzinfo=UTC) - _EPOCH
    return (moment // timedelta(seconds=1) + int(whole[17:])) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
