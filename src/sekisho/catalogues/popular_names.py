"""Names that must never come onto a shared list, as data: a guard against poisoned lists of C&C names."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from sekisho.errors import CatalogueError
from sekisho.language import Text
from sekisho.model.domain_names import CommonNames, misleading

_FILE = Path(__file__).with_name("popular_names.toml")


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    registries: frozenset[str]
    suffixes: frozenset[str]
    services: frozenset[str]
    regions: dict[str, frozenset[str]]


@cache
def popular_names() -> CommonNames:
    """Return the names of ``popular_names.toml``.

    :raises CatalogueError: for a field that is missing, or what is no name
    """
    try:
        found = msgspec.convert(tomllib.loads(_FILE.read_text("utf-8")), _Table)
    except (ValueError, OSError) as error:
        raise _wrong(str(error)) from error
    wrong = sorted(one for one in found.suffixes | found.services if misleading(one))
    if wrong:
        raise _wrong(", ".join(wrong))
    regions = frozenset((top, name) for top, names in found.regions.items() for name in names)
    return CommonNames(found.registries, found.suffixes, regions, found.services)


def _wrong(where: str) -> CatalogueError:
    return CatalogueError(
        Text(ja="よく使われる名前の表に誤りがある", en="the table of popular names is wrong"),
        f"{_FILE.name}: {where}",
    )
