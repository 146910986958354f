"""The list as a MISP feed: a manifest, one event, and the hashes by which MISP finds what it has already."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from sekisho.exchange.feeds.forms import Entry, Head, stamp


def event_uuid(identity: str) -> str:
    """Return the id of the one event: the same for the same hub."""
    return str(uuid5(NAMESPACE_URL, f"misp-event:{identity}"))


def manifest(head: Head, identity: str) -> bytes:
    """Write ``manifest.json``."""
    told = _about(head, identity)
    return msgspec.json.encode(
        {event_uuid(identity): {name: told[name] for name in told if name not in {"uuid", "published"}}}
    )


def event(head: Head, identity: str, entries: Sequence[Entry]) -> bytes:
    """Write the event."""
    moment = str(head.changed // 1000)
    attributes = []
    for one in entries:
        kind, value = _value(one)
        attributes.append(
            {
                "uuid": one.id.partition("--")[2], "type": kind, "category": "Network activity", "to_ids": True,
                "value": value, "timestamp": moment, "comment": " ".join(filter(None, (one.use, one.family, one.grade))),
                "first_seen": stamp(one.since),
            }
        )  # fmt: skip
    return msgspec.json.encode({"Event": {**_about(head, identity), "Attribute": attributes}})


def hashes(identity: str, entries: Sequence[Entry]) -> str:
    """Write ``hashes.csv``: MISP looks values up by their MD5, which protects nothing and isn't meant to."""
    found = dict.fromkeys(part for one in entries for part in _value(one)[1].split("|"))
    md5 = (hashlib.md5(part.encode(), usedforsecurity=False).hexdigest() for part in found)
    return "".join(f"{one},{event_uuid(identity)}\n" for one in md5)


def _value(one: Entry) -> tuple[str, str]:
    if one.kind == "domain":
        return ("hostname|port", f"{one.value}|{one.port}") if one.port else ("domain", one.value)
    return ("ip-dst|port", f"{one.host}|{one.port}") if one.port else ("ip-dst", one.host)


def _about(head: Head, identity: str) -> dict[str, Any]:
    return {
        "uuid": event_uuid(identity), "info": head.title, "date": stamp(head.changed)[:10],
        "timestamp": str(head.changed // 1000), "analysis": "1", "threat_level_id": "2", "published": True,
        "Orgc": {"name": head.title, "uuid": identity.partition("--")[2]},
        "Tag": [{"name": f"tlp:{head.tlp.name.lower().replace('_', '+')}"}],
    }  # fmt: skip
