"""The failure lane: what is down, since when, which services; free text, a marking, and nobody's line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import category

from sekisho.formats.stix_object import ObjectFault

_COMMON = frozenset({
    "type", "spec_version", "id", "created", "modified", "created_by_ref", "revoked", "labels", "confidence", "lang",
    "external_references", "object_marking_refs",
})  # fmt: skip
_ALLOWED: Mapping[str, frozenset[str]] = {
    "incident": _COMMON | {"name", "description", "kill_chain_phases"},
    "note": _COMMON | {"abstract", "content", "authors", "object_refs"},
}


# Signs that nobody sees and that change what is read: controls, and those of direction, of width nought, of tags, of lines.
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
_LINES = frozenset("\n\r\t")


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
    for name, value in one.items():
        if any(map(_hides, _texts(value))):
            raise ObjectFault(
                f"{name}: no control signs, none that are hidden or turn the direction of writing"
            )


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts of a property, however deep: its depth was bounded before."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _hides(text: str) -> bool:
    """Say whether there is anything in a text that isn't seen."""
    return not text.isprintable() and any(category(sign) in _HIDDEN and sign not in _LINES for sign in text)
