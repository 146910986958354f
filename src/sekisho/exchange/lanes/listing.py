"""The list lane: an address or a domain with a port, what it is used for, and how that was seen. Nothing else.

Whatever could name a subscriber, a victim or a single communication has no place: no source address, no free text, no
custom property, no identity, no observed data. What is free in STIX (labels) is bound to a few words here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network
from typing import Any

import msgspec

from sekisho.exchange.lists.stix_pattern import targets
from sekisho.formats.stix_object import ObjectFault
from sekisho.formats.written_text import one_line
from sekisho.model.domain_names import misleading

_INDICATOR = frozenset({
    "type", "spec_version", "id", "created", "modified", "created_by_ref", "pattern", "pattern_type", "pattern_version",
    "valid_from", "valid_until", "indicator_types", "confidence", "revoked", "labels", "object_marking_refs",
    "kill_chain_phases",
})  # fmt: skip
_SIGHTING = frozenset({
    "type", "spec_version", "id", "created", "modified", "created_by_ref", "sighting_of_ref", "first_seen", "last_seen",
    "count", "labels", "object_marking_refs", "revoked",
})  # fmt: skip
_OPINION = frozenset({
    "type", "spec_version", "id", "created", "modified", "created_by_ref", "object_refs", "opinion", "explanation",
    "object_marking_refs",
})  # fmt: skip
# A family has a number in its name at times (apt28, v3); an address has more of them, or a longer one.
_NUMBERED = re.compile(r"(?:\d+[._-]){2}\d|\d{6}")
# What a name can carry of somebody: an address as hosts of lines are named by it, a telephone number.
# Each is looked for at every digit: a number before an address must not hide it.
_QUAD = re.compile(r"(?<!\d)(?=(\d{1,3})[-._](\d{1,3})[-._](\d{1,3})[-._](\d{1,3})(?!\d))", re.ASCII)
_JOINED = re.compile(r"(?<!\d)(?=(\d{3})(\d{3})(\d{3})(\d{3})(?!\d))", re.ASCII)
_TELEPHONE = re.compile(r"(?<!\d)0[-_.]?\d(?:[-_.]?\d){8,9}(?!\d)", re.ASCII)
_TELLING = re.compile(
    r"@|(?:\d[ ._()/:-]*){7}|(?:\d{1,3}[._-]){3}\d|(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f]",
    re.IGNORECASE,
)
# What has as many digits and tells of nobody: a day, the number of a weakness.
_HARMLESS = re.compile(
    r"(?<![\w.-])(?:20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|CVE-(?:19|20)\d\d-\d{4,6})(?![\w-]|\.\d)",
    re.IGNORECASE | re.ASCII,
)
_MOST_OCTET = 255
_LABEL = re.compile(r"(use|evidence|family|feed):([a-z0-9][a-z0-9._-]{0,39})")
_DOMAIN = re.compile(
    r"\[\s*domain-name:value\s*=\s*'((?=[^']{1,253}')[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})+)'\s*"
    r"(?:AND\s+network-traffic:dst_port\s*=\s*(\d{1,5})\s*)?\]",
    re.IGNORECASE | re.ASCII,
)
_WORDS = re.compile(r"[a-z][a-z-]{0,49}")
_MOST_TARGETS = 16
_MOST_PORT = 65_535
_MOST_COUNT = 1_000_000
_AGAINST = frozenset({"disagree", "strongly-disagree"})


class Target(msgspec.Struct, frozen=True):
    """A place on the Internet: ``kind`` is ``address`` or ``domain``."""

    kind: str
    value: str
    port: int = 0
    protocol: int = 0


class Told(msgspec.Struct, frozen=True):
    """What an object of this lane says.

    :ivar targets: of an indicator; empty for the others
    :ivar ids: the objects that a sighting or an opinion is about
    :ivar first: milliseconds, as written; ``last`` too
    :ivar against: it is an opinion that says no
    """

    targets: tuple[Target, ...] = ()
    ids: tuple[str, ...] = ()
    use: str = "cc"
    evidence: str = "flow"
    family: str = ""
    feed: str = ""
    first: int = 0
    last: int = 0
    count: int = 1
    revoked: bool = False
    against: bool = False
    reason: str = ""


def told(one: Mapping[str, Any], uses: Mapping[str, int], kinds_of_evidence: Mapping[str, int]) -> Told:
    """Return what an object says.

    :raises ObjectFault: this lane doesn't take it, and why
    """
    match one["type"]:
        case "indicator":
            _only(one, _INDICATOR)
            found = Told(targets=_targets(one), **_labels(one, uses, kinds_of_evidence))
            last = milliseconds(one["modified"])
            first = min(milliseconds(one["valid_from"]), last)
            _plain_words(one)
            return msgspec.structs.replace(found, first=first, last=last, revoked=one.get("revoked", False))
        case "sighting":
            _only(one, _SIGHTING)
            last = milliseconds(one.get("last_seen", one["modified"]))
            first = milliseconds(one.get("first_seen", one.get("last_seen", one["modified"])))
            count = one.get("count", 1)
            if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= _MOST_COUNT:
                raise ObjectFault("count: from 1 to 1,000,000; that something was not seen has no place here")
            return Told(
                ids=(one["sighting_of_ref"],), first=first, last=last, count=count,
                **_labels(one, uses, kinds_of_evidence),
            )  # fmt: skip
        case "opinion":
            _only(one, _OPINION)
            if one["opinion"] not in _AGAINST:
                raise ObjectFault("opinion: only disagree and strongly-disagree, which open a dispute")
            reason = one.get("explanation", "")
            if not isinstance(reason, str):
                raise ObjectFault("explanation is no text")
            return Told(ids=tuple(one["object_refs"]), against=True, reason=_explained(reason))
    raise ObjectFault("the list lane takes indicator, sighting and opinion")


def _explained(reason: str) -> str:
    """Return why somebody disagrees as the line that people of the hub read."""
    line = one_line(reason)
    rest = _HARMLESS.sub(" – ", unicodedata.normalize("NFKC", line))
    if _TELLING.search(rest) or "\N{REPLACEMENT CHARACTER}" in line:
        raise ObjectFault(
            "explanation: a plain line without addresses, numbers of lines and mail addresses; a day is written 2026-11-20"
        )
    return line[:500]


def milliseconds(text: str) -> int:
    """Return a STIX time; it was checked before. A leap second is the second before it."""
    whole = re.sub(r":60(?=[.Z])", ":59", text)
    return int(datetime.fromisoformat(re.sub(r"\.(\d{1,6})\d*Z", r".\1Z", whole)).timestamp() * 1000)


def _only(one: Mapping[str, Any], allowed: frozenset[str]) -> None:
    for name in one:
        if name not in allowed:
            raise ObjectFault(f"{name[:60]} has no place in the list lane")


def _listed(one: Mapping[str, Any], name: str) -> list[Any]:
    found = one.get(name, [])
    if not isinstance(found, list):
        raise ObjectFault(f"{name} is no list")
    return list(found)


def _labels(one: Mapping[str, Any], uses: Mapping[str, int], kinds: Mapping[str, int]) -> dict[str, Any]:
    found: dict[str, str] = {}
    for label in _listed(one, "labels"):
        match = _LABEL.fullmatch(label) if isinstance(label, str) else None
        if match is None or match[1] in found:
            raise ObjectFault(
                "labels: at most one each of use:, evidence:, family:, feed: with small letters"
            )
        found[match[1]] = match[2]
    if any(_NUMBERED.search(found.get(name, "")) for name in ("family", "feed")):
        raise ObjectFault("labels: a name of a family or a feed, without the numbers of an address")
    if found.get("use", "cc") not in uses:
        raise ObjectFault(f"use: one of {', '.join(uses)}")
    if found.get("evidence", "flow") not in kinds:
        raise ObjectFault(f"evidence: one of {', '.join(kinds)}")
    return found


def _plain_words(one: Mapping[str, Any]) -> None:
    """Bind what is open in STIX to words: an address fits into every open vocabulary."""
    words = _listed(one, "indicator_types")
    for part in _listed(one, "kill_chain_phases"):
        if not isinstance(part, dict) or set(part) != {"kill_chain_name", "phase_name"}:
            raise ObjectFault("kill_chain_phases: a name and a phase")
        words += part.values()
    if not all(isinstance(word, str) and _WORDS.fullmatch(word) for word in words):
        raise ObjectFault("indicator_types and kill_chain_phases: words of small letters")


def _targets(one: Mapping[str, Any]) -> tuple[Target, ...]:
    pattern = one["pattern"]
    if one["pattern_type"] != "stix" or one.get("pattern_version", "2.1") != "2.1":
        raise ObjectFault("pattern_type: stix")
    domain = _DOMAIN.fullmatch(pattern.strip())
    if domain:
        if fault := misleading(domain[1].lower()):
            raise ObjectFault(f"pattern: {fault}")
        if _carries(domain[1]):
            raise ObjectFault(
                "pattern: a name with an address or a telephone number in it; report the address of the host"
            )
        return (Target("domain", domain[1].lower(), _port(domain[2] or "")),)
    found: dict[Target, None] = {}
    for target in targets(pattern):
        if target.fault:
            raise ObjectFault(f"pattern: {target.fault}: a destination's address or domain, and a port")
        try:
            network = ip_network(target.address)
        except ValueError:
            raise ObjectFault("pattern: no address") from None
        found[Target("address", str(network), _port(target.port), target.protocol)] = None
        if len(found) > _MOST_TARGETS:
            raise ObjectFault(f"pattern: at most {_MOST_TARGETS} places")
    if not found:
        raise ObjectFault("pattern: names no place")
    return tuple(found)


def _carries(name: str) -> bool:
    """Say whether a name holds an address or a telephone number: then it may name the line that asked for it."""
    found = (match for form in (_QUAD, _JOINED) for match in form.finditer(name))
    quads = (tuple(map(int, match.groups())) for match in found)
    return any(max(quad) <= _MOST_OCTET for quad in quads) or bool(_TELEPHONE.search(name))


def _port(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) <= _MOST_PORT:
        raise ObjectFault("pattern: no port")
    return int(text)
