"""What people write, as it is kept: without signs that reorder what is read, steer a screen or begin a line of their own.

A name with a line break in it would write a line of its own into a mail, one with U+202E turns a heading round. Such a
sign is replaced by U+FFFD, so that it is seen that something stood there; a line break in what is one line, by a blank.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import msgspec

from sekisho.model.timeline import Details

T = TypeVar("T")
_BREAKS = str.maketrans(dict.fromkeys("\n\r\t\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "))
#: Fields in which people write several lines; a `Details` has more of them.
_LONG = frozenset({"text", "happened", "learned", "evidence", "plan"})
_DETAILS = frozenset(Details.__struct_fields__) - {"operator", "contact", "cause_class"}


def one_line(text: str) -> str:
    """Return the text as one line."""
    return _seen(text.replace("\r\n", " ").translate(_BREAKS))


def several_lines(text: str) -> str:
    """Return the text with its own line breaks and tabs, and no other signs that don't print."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join("\t".join(map(_seen, line.split("\t"))) for line in plain.split("\n"))


def readable(noun: T) -> T:
    """Return a noun whose texts, and those of what it holds, are such lines; several only where people write several."""
    found: T = _readable(noun, several=False)
    return found


def _readable(value: Any, *, several: bool) -> Any:
    if type(value) is str:  # words of a vocabulary (`StrEnum`) are no texts that people write
        return several_lines(value) if several else one_line(value)
    if isinstance(value, msgspec.Struct):
        return _struct(value, _DETAILS if isinstance(value, Details) else _LONG)
    if isinstance(value, tuple | list | frozenset):
        return type(value)(_readable(one, several=several) for one in value)
    if isinstance(value, Mapping):
        return {
            _readable(name, several=False): _readable(one, several=several) for name, one in value.items()
        }
    return value


def _struct(value: msgspec.Struct, long: Collection[str]) -> msgspec.Struct:
    changed = {}
    for name in value.__struct_fields__:
        before = getattr(value, name)
        after = _readable(before, several=name in long)
        if after != before:
            changed[name] = after
    return msgspec.structs.replace(value, **changed) if changed else value


def _seen(text: str) -> str:
    if text.isprintable():
        return text
    # Blanks of other widths (U+3000, U+00A0) are blanks, though Python prints them escaped.
    return "".join(
        sign if sign.isprintable() or unicodedata.category(sign) == "Zs" else "\N{REPLACEMENT CHARACTER}"
        for sign in text
    )
