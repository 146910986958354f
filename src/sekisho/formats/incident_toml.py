"""An accident on record as a file for the commands: TOML that `sekisho.formats.incident_file.read_toml` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from sekisho.model.timeline import About, Fact

# What a file of facts has, in the order in which people read it.
_CELLS = (
    "time", "what", "service", "area", "users_least", "users_most", "equipment", "all_traffic", "unusable", "source",
    "note",
)  # fmt: skip
_DELETE = "\x7f"


def write_toml(about: About, facts: Sequence[Fact]) -> str:
    """Return the file. ``facts`` are those in force; what nobody said is left out, for it means "not known"."""
    said = {
        name: _plain(getattr(about, name))
        for name, usual in zip(About.__struct_fields__, About.__struct_defaults__, strict=True)
        if getattr(about, name) != usual
    }
    lines = [*_table(said, ())]
    for one in facts:
        cells = {name: _plain(getattr(one, name)) for name in _CELLS}
        lines += [
            "",
            "[[facts]]",
            *_pairs({name: value for name, value in cells.items() if value not in (None, "")}),
        ]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, builtin_types=(datetime, date), str_keys=True)


def _table(found: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[str]:
    """Yield what stands in a table, and then the tables in it."""
    # An empty list is kept: it is the answer "none".
    kept = {name: value for name, value in found.items() if value not in (None, "", {})}
    if place:
        yield ""
        yield f"[{'.'.join(map(_word, place))}]"
    yield from _pairs({name: value for name, value in kept.items() if not isinstance(value, dict)})
    for name, value in kept.items():
        if isinstance(value, dict):
            yield from _table(value, (*place, name))


def _pairs(found: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_word(name)} = {_value(value)}" for name, value in found.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return _quoted(value) if isinstance(value, str) else str(value)


def _word(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else _quoted(name)


def _quoted(text: str) -> str:
    # A basic string of TOML escapes as JSON does, and DEL as well.
    return json.dumps(text, ensure_ascii=False).replace(_DELETE, "\\u007f")
