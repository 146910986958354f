"""MISP events and feeds (a manifest and one JSON file per event): ``ip-dst`` and ``ip-dst|port`` meant for detection.

Attributes without ``to_ids`` are context, not indicators, and are rejected by that name; ``ip-src`` (who attacked) is
counted as others. The port of an ``ip-port`` object stands in another attribute and is joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from sekisho.exchange.lists.entries import Entries, Limits, Reading, milliseconds
from sekisho.exchange.lists.stix import tlp_of
from sekisho.model.indicator import Indicator, Tlp

NAME = "misp"

_FAMILY = ("malpedia", "botnet", "malware", "tool", "rat", "ransomware", "banker", "stealer")

Object = Mapping[str, Any]


def sniff(head: str, name: str) -> bool:  # noqa: ARG001 - all forms are asked alike
    """Say whether it is JSON with an event or attributes."""
    return head.lstrip()[:1] in {"{", "["} and any(
        word in head for word in ('"Event"', '"Attribute"', '"response"')
    )


def read(octets: bytes, entries: Entries, options: Mapping[str, str]) -> None:  # noqa: ARG001 - all alike
    """Read one event, a list of events or an answer of the REST API."""
    try:
        found = msgspec.json.decode(octets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        entries.reject("event", "bad-json", str(fault)[:200])
        return
    events = list(_events(found))
    if not events:
        entries.reject("event", "bad-event", "no event in it")
    for event in events:
        read_event(event, entries)


def read_feed(manifest: bytes, fetch: Callable[[str], bytes | None], name: str, limits: Limits) -> Reading:
    """Read a feed: every event that the manifest names; ``fetch("<uuid>.json")`` gives its octets or None."""
    entries = Entries(name, limits)
    try:
        uuids = msgspec.json.decode(manifest, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        entries.reject("manifest", "bad-json", str(fault)[:200])
        return entries.done("misp-feed")
    for uuid in uuids:
        # A manifest is a stranger's: its keys become file names.
        octets = fetch(f"{uuid}.json") if _is_uuid(uuid) else None
        if octets is None:
            entries.reject(uuid[:60], "missing-event" if _is_uuid(uuid) else "bad-uuid")
        else:
            read(octets, entries, {})
    return entries.done("misp-feed")


def read_event(event: Object, entries: Entries) -> None:
    """Read the attributes of one event and of its objects."""
    tags = _tags(event)
    for attribute in _listed(event, "Attribute"):
        _one(attribute, "", tags, entries)
    for one in _listed(event, "Object"):
        if one.get("deleted") is True:
            continue
        attributes = _listed(one, "Attribute")
        ports = [
            str(part.get("value", "")) for part in attributes if part.get("object_relation") == "dst-port"
        ]
        for attribute in attributes:
            _one(attribute, ports[0] if len(ports) == 1 else "", tags + _own(one), entries)


def _events(found: object) -> Iterator[Object]:
    if isinstance(found, list):
        for one in found:
            yield from _events(one)
    elif isinstance(found, dict):
        if "Event" in found:
            yield from _events(found["Event"])
        elif "response" in found:
            yield from _events(found["response"])
        elif "Attribute" in found or "Object" in found:
            yield found


def _one(attribute: Object, port: str, tags: tuple[str, ...], entries: Entries) -> None:
    with entries.each(str(attribute.get("uuid", "?"))[:60]):
        _attribute(attribute, port, tags, entries)


def _attribute(one: Object, port: str, tags: tuple[str, ...], entries: Entries) -> None:
    kind, where = str(one.get("type", "")), str(one.get("uuid", "?"))[:60]
    if kind not in {"ip-dst", "ip-dst|port"} or one.get("deleted") is True:
        entries.other()
        return
    # What a stranger writes there may have no hash.
    if not any(one.get("to_ids") == yes for yes in (True, "1")):
        entries.reject(where, "not-for-detection")
        return
    address, _, own = str(one.get("value", "")).partition("|")
    words = tags + _tags(one)
    levels = [level for word in words if (level := tlp_of(word)) is not None]
    more = Indicator("", family=_family(words), reference=where, tlp=max(levels, default=Tlp.CLEAR))
    entries.add(
        address,
        own or port,
        where,
        more=more,
        first_seen=milliseconds(one.get("first_seen")),
        last_seen=milliseconds(one.get("last_seen")),
    )


def _tags(one: Object) -> tuple[str, ...]:
    return (*(str(tag.get("name", "")) for tag in _listed(one, "Tag")), *_own(one))


def _own(one: Object) -> tuple[str, ...]:
    """Return what "your organisation only" (distribution 0) means as a tag."""
    return ("tlp:amber+strict",) if str(one.get("distribution", "")) == "0" else ()


def _family(words: tuple[str, ...]) -> str:
    for word in words:
        head, _, tail = word.partition("=")
        if head.startswith("misp-galaxy:") and head.removeprefix("misp-galaxy:") in _FAMILY:
            return tail.strip('" ')
    return ""


def _listed(one: Object, name: str) -> list[Object]:
    found = one.get(name)
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def _is_uuid(text: str) -> bool:
    return len(text) == len("00000000-0000-0000-0000-000000000000") and all(
        sign in "0123456789abcdefABCDEF-" for sign in text
    )
