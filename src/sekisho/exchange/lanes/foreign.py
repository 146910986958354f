"""What the list of a hub elsewhere says: as much of it as our own list lane takes, and which hubs are behind it.

Unlike a member's report it isn't refused for what it has besides: that is left behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sekisho.exchange.lanes import listing
from sekisho.formats.stix_object import ObjectFault, is_identifier, time_key

#: How the hub notes that a hub elsewhere saw something.
PARTNER = "partner"
USES = {"cc": 1, "download": 1, "reflector": 1}
_KEPT = (
    "type", "spec_version", "id", "created", "modified", "pattern", "pattern_type", "pattern_version", "valid_from",
    "valid_until", "revoked",
)  # fmt: skip
_MOST_ORIGINS = 16
_FAMILY = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_LONGEST = 40


class Word(msgspec.Struct, frozen=True):
    """What an object says: ``author`` and ``origins`` are identities; ``until`` (milliseconds) its own end, 0 for none."""

    told: listing.Told
    author: str
    origins: tuple[str, ...]
    until: int


def word(one: Mapping[str, Any], extension: str) -> Word:
    """Return what an indicator of another hub's list says; ``extension`` names the property that tells the hubs behind it.

    :raises ObjectFault: it can't be understood, and why
    """
    if one["type"] != "indicator":
        raise ObjectFault("no indicator")
    author = one.get("created_by_ref")
    if not is_identifier(author, "identity"):
        raise ObjectFault("created_by_ref: says of no hub that it stands by it")
    labels = one.get("labels", [])
    uses = [label[4:] for label in labels if label.startswith("use:")]
    families = [label for label in labels if len(label) <= _LONGEST and _FAMILY.issuperset(label)]
    wanted = [f"use:{uses[0]}"] if uses else []
    wanted += [f"evidence:{PARTNER}", *(f"family:{name}" for name in families[:1])]
    bare = {name: one[name] for name in _KEPT if name in one} | {"labels": wanted}
    told = listing.told(bare, USES, {PARTNER: 1})
    said = one.get("extensions", {}).get(extension, {})
    said = said if isinstance(said, dict) else {}
    seen = said.get("last_seen")
    if isinstance(seen, str) and time_key(seen):
        last = min(listing.milliseconds(seen), told.last)
        told = msgspec.structs.replace(told, last=last, first=min(told.first, last))
    until = listing.milliseconds(one["valid_until"]) if "valid_until" in one else 0
    return Word(told, str(author), _origins(said.get("origins", [])), until)


def _origins(found: Any) -> tuple[str, ...]:
    if (
        not isinstance(found, list)
        or len(found) > _MOST_ORIGINS
        or not all(is_identifier(name, "identity") for name in found)
    ):
        raise ObjectFault(f"origins: at most {_MOST_ORIGINS} identities")
    return tuple(dict.fromkeys(found))
