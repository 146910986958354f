"""What is wrong with a settings file, in both languages: the usual faults of msgspec, TOML and UTF-8 in words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sekisho.language import Text

_PLACE = re.compile(r"(?P<what>.*?)(?: - at (?:key in )?`(?P<place>\$[^`]*)`)?", re.DOTALL)
# Fault of msgspec → ours; groups are filled in.
_KNOWN: Sequence[tuple[re.Pattern[str], Text]] = tuple(
    (re.compile(pattern, re.DOTALL), Text(ja=ja, en=en))
    for pattern, ja, en in (
        (r"Object contains unknown field `(.*)`", "知らない項目「{0}」", "unknown name {0!r}"),
        (r"Object missing required field `(.*)`", "項目「{0}」がない", "{0!r} is missing"),
        (r"Invalid enum value '?(.*?)'?", "「{0}」という値は取れない", "{0!r} is not a possible value"),
        (r"Expected `(.*)`, got `(.*)`", "{0} のはずが {1} になっている", "expected {0}, got {1}"),
        (r"Expected `(.*)`", "{0} でなければならない", "expected {0}"),
    )
)
_TOML = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)


def fault_text(error: Exception) -> Text:
    """Return what ``error`` says; what isn't known is told as it is, behind words that say of which sort it is."""
    if isinstance(error, UnicodeDecodeError):
        return Text(ja="UTF-8でない（UTF-8で保存し直す）", en="it is not UTF-8 (save it as UTF-8)")
    said = str(error)
    if found := _TOML.fullmatch(said):
        return Text(
            ja=f"TOMLの書き方が違う：{found['line']} 行目 {found['column']} 字目（{found['what']}）",
            en=f"not TOML: line {found['line']}, column {found['column']}: {found['what']}",
        )
    match = _PLACE.fullmatch(said)
    what, place = (match["what"], match["place"] or "") if match else (said, "")
    where = place.removeprefix("$").strip(".")
    for pattern, text in _KNOWN:
        if found := pattern.fullmatch(what):
            return Text(
                ja=text.ja.format(*found.groups()) + (f"（{where}）" if where else ""),
                en=text.en.format(*found.groups()) + (f" ({where})" if where else ""),
            )
    return Text(ja=f"誤り：{said}", en=said)
