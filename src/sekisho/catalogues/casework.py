"""What the work on cases hangs on, as data: hours of folding, days of quiet, the smallest group of a comparison."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from sekisho.catalogues.detection import Setting
from sekisho.errors import CatalogueError
from sekisho.language import Text

_HOUR = 3_600_000


class Casework(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values in use; see ``casework.toml`` for why each is what it is."""

    fold_hours: int
    quiet_days: int
    silent_hours: int
    small_events: int

    @property
    def fold_milliseconds(self) -> int:
        """The window of folding."""
        return self.fold_hours * _HOUR


@cache
def settings() -> Mapping[str, Setting]:
    """Return every value with its source and reason."""
    document = tomllib.loads(
        files("sekisho.catalogues").joinpath("casework.toml").read_text(encoding="utf-8")
    )
    return msgspec.convert(document["casework"], dict[str, Setting])


def casework(own: Mapping[str, int] | None = None) -> Casework:
    """Return the catalogue's values, overruled by the operator's ``own``.

    :raises CatalogueError: an unknown name, or a value that isn't above zero
    """
    chosen = {name: setting.value for name, setting in settings().items()} | dict(own or {})
    try:
        found = msgspec.convert(chosen, Casework)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from error
    for name in Casework.__struct_fields__:
        if getattr(found, name) <= 0:
            raise _wrong(f"{name} = {getattr(found, name)}")
    return found


def _wrong(where: str) -> CatalogueError:
    return CatalogueError(
        Text(ja="事案の設定に誤りがある", en="a setting of the casework is wrong"),
        f"[casework] {where}",
        Text(ja=f"使える設定：{'、'.join(settings())}", en=f"settings: {', '.join(settings())}"),
    )
