"""How raw things are shown: hostile text made visible, bytes made readable, numbers and times tidied.

A terminal under test may send anything: control characters that drive a printer, bidi overrides that
turn a file name around, piles of combining marks, markup. Nothing of that is dropped here (it is
evidence); it is spelled out, so that what a person reads is what was on the wire.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

JST = timezone(timedelta(hours=9), "JST")
REIWA = date(2019, 5, 1)

_KEPT = {"\n", "\t"}
_SPELLED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_MARKS_IN_A_ROW = 4
# Nothing in these ranges is hidden or combines; nearly every text is of them alone.
_PLAIN = re.compile(r"[\t\n -~\u3001-\u3003\u3041-\u3096\u30a0-\u30ff\u4e00-\u9fff\uff01-\uff5e]*")
_PRINTABLE = range(0x20, 0x7F)
# What no text holds: C0 and C1 without line ends, tab and escape.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
_NO_SLUG = re.compile("[^0-9A-Za-z-]")
_ROW = 16
_BINARY_SHARE = 0.3


class Figure(float):
    """A number as an argument of a sentence: tidy by itself, obedient to a format when there is one."""

    def __format__(self, spec: str) -> str:
        """Return at most three decimals and thousands marked, unless ``spec`` says otherwise."""
        return super().__format__(spec) if spec else number(float(self))


def number(value: float) -> str:
    """Return a number for people: 1,234 or 0.25 or 6.2e-05."""
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN differs from itself
        return str(value)
    if value == int(value) and abs(value) < 1e15:  # noqa: PLR2004 - exact integers of a double
        return f"{int(value):,}"
    if abs(value) < 0.001:  # noqa: PLR2004 - below a millisecond, three decimals would say nought
        return f"{value:.2g}"
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def spelled(sign: str) -> str:
    """Return a character as an escape of letters that every font has, as in Rust and Python."""
    point = ord(sign)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{{{point:04X}}}"  # noqa: PLR2004 - one byte


def visible(text: str) -> str:
    """Return ``text`` with every invisible or direction-changing character spelled out.

    Line feeds and tabs stay. More than four combining marks in a row are spelled, too.
    """
    if _PLAIN.fullmatch(text):
        return text
    shown: list[str] = []
    marks = 0
    for sign in text:
        kind = unicodedata.category(sign)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        hidden = (kind in _SPELLED and sign not in _KEPT) or marks > _MARKS_IN_A_ROW
        shown.append(spelled(sign) if hidden else sign)
    return "".join(shown)


def limited(text: str, most: int) -> str:
    """Return ``text``, or its first ``most`` characters with an ellipsis and the full length."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,})"


def walk(value: Any, change: Callable[[str], str]) -> Any:
    """Return JSON-like ``value`` with ``change`` done to every string in it (not to the keys)."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: walk(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [walk(one, change) for one in value]
    return value


def slug(text: str) -> str:
    """Return ``text`` as part of an identifier; different texts give different ones."""
    return _NO_SLUG.sub(lambda found: f"_{ord(found[0]):x}", text)


def scalar(value: Any) -> str:
    """Return a JSON scalar as text; None is a dash, and an integer (a port!) has no thousands marks."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    return str(value)


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield ``(path, text)`` of every leaf of JSON-like data; lists of scalars are one leaf."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from flat(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(one, dict | list | tuple) for one in value):
        for index, one in enumerate(value):
            yield from flat(one, f"{path}[{index}]")
    elif isinstance(value, list | tuple):
        yield path, ", ".join(scalar(one) for one in value) or "[]"
    else:
        yield path, "{}" if isinstance(value, dict) else scalar(value)


def readable(data: bytes) -> tuple[str, ...]:
    """Return bytes as lines: text with its escapes and line ends visible, or a hex dump when binary."""
    if _binary(data):
        return tuple(_dump(data))
    try:
        text = visible(data.decode("utf-8").replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n\n"))
    except UnicodeDecodeError:
        text = "".join(_byte(one) for one in data)
    lines = text.expandtabs(4).split("\n")
    return tuple(lines[:-1] if lines[-1] == "" and len(lines) > 1 else lines)


def _byte(value: int) -> str:
    if value == 0x0A:  # noqa: PLR2004 - line feed
        return "\\n\n"
    if value == 0x0D:  # noqa: PLR2004 - carriage return
        return "\\r"
    return chr(value) if value in _PRINTABLE else f"\\x{value:02x}"


def _binary(data: bytes) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        odd = sum(one not in _PRINTABLE and one not in b"\r\n\t" for one in data)
        return odd > len(data) * _BINARY_SHARE
    return len(_CONTROLS.findall(text)) > len(text) * _BINARY_SHARE


def _dump(data: bytes) -> Iterator[str]:
    for start in range(0, len(data), _ROW):
        row = data[start : start + _ROW]
        text = "".join(chr(one) if one in _PRINTABLE else "." for one in row)
        yield f"{start:04x}  {row.hex(' '):<{_ROW * 3 - 1}}  {text}"


def moment(text: str) -> str:
    """Return an ISO 8601 time as ``2026-11-21 13:05:02 JST``; anything else as it stands."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    if found.tzinfo is None:
        return text
    return f"{found.astimezone(JST):%Y-%m-%d %H:%M:%S} JST"


def day(text: str, *, japanese: bool) -> str:
    """Return an ISO date, in Japanese with the 令和 year behind it; anything else as it stands."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return text
    if not japanese or found < REIWA:
        return text
    year = found.year - REIWA.year + 1
    return f"{text}（令和{'元' if year == 1 else year}年{found.month}月{found.day}日）"
