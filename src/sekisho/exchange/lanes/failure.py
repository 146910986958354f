"""The failure lane: what is down, since when, which services; free text, a marking, and nobody's line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sekisho.formats.stix_object import ObjectFault

_COMMON = frozenset({
    "type", "spec_version", "id", "created", "modified", "created_by_ref", "revoked", "labels", "confidence", "lang",
    "external_references", "object_marking_refs",
})  # fmt: skip
_ALLOWED: Mapping[str, frozenset[str]] = {
    "incident": _COMMON | {"name", "description", "kill_chain_phases"},
    "note": _COMMON | {"abstract", "content", "authors", "object_refs"},
}


# Signs that change what is read: controls but for lines and tabs, and those that turn the direction of writing.
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TEXTS = ("name", "description", "abstract", "content")


def check(one: Mapping[str, Any]) -> None:
    """Check that an object tells of a failure.

    :raises ObjectFault: this lane doesn't take it, and why
    """
    allowed = _ALLOWED.get(one["type"])
    if allowed is None:
        raise ObjectFault("the failure lane takes incident and note")
    for name in one:
        if name not in allowed:
            raise ObjectFault(f"{name[:60]} has no place in the failure lane")
    for name in _TEXTS:
        if isinstance(one.get(name), str) and _HIDDEN.search(one[name]):
            raise ObjectFault(f"{name}: no control signs, none that turn the direction of writing")
