"""What the hub's analysis hangs on, as data: weights of evidence, half-lives, thresholds; see ``sharing.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from sekisho.catalogues.detection import Setting
from sekisho.errors import CatalogueError
from sekisho.language import Text
from sekisho.model.corroboration import Rules

_ROOMS = ("sharing", "evidence", "life_days")


@cache
def settings() -> Mapping[str, Mapping[str, Setting]]:
    """Return every value with its source and reason, by room."""
    document = tomllib.loads(files("sekisho.catalogues").joinpath("sharing.toml").read_text(encoding="utf-8"))
    return {room: msgspec.convert(document[room], dict[str, Setting]) for room in _ROOMS}


def sharing_rules(own: Mapping[str, Any] | None = None) -> Rules:
    """Return the catalogue's values, overruled by the hub's own (``evidence`` and ``life_days`` are tables in it).

    :raises CatalogueError: an unknown name, or a value that isn't above zero
    """
    given = dict(own or {})
    chosen: dict[str, Any] = {name: one.value for name, one in settings()["sharing"].items()}
    for room in ("evidence", "life_days"):
        table = {name: one.value for name, one in settings()[room].items()}
        more = given.pop(room, {})
        if not isinstance(more, Mapping) or set(more) - set(table):
            raise _wrong(f"{room}: {', '.join(table)}")
        chosen[room] = table | dict(more)
    if set(given) - set(chosen):
        raise _wrong(", ".join(sorted(set(given) - set(chosen))))
    try:
        found = msgspec.convert(chosen | given, Rules)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from error
    numbers = {**msgspec.to_builtins(found), **found.evidence, **found.life_days}
    for name, value in numbers.items():
        if isinstance(value, int) and value <= 0:
            raise _wrong(f"{name} = {value}")
    return found


def _wrong(where: str) -> CatalogueError:
    return CatalogueError(
        Text(ja="共有の設定に誤りがある", en="a setting of the sharing is wrong"),
        f"[sharing] {where}",
        Text(
            ja=f"使える設定：{'、'.join(settings()['sharing'])}",
            en=f"settings: {', '.join(settings()['sharing'])}",
        ),
    )
