"""The failure lane: what is down, since when, which services; free text, a marking, and nobody's line."""

from __future__ import annotations

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
