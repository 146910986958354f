"""Known holes of devices, and what a virtual patch can match of them, as data."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import msgspec

from sekisho.errors import CatalogueError
from sekisho.language import Text
from sekisho.model.containment import TCP, UDP, Hole

_FILE = Path(__file__).with_name("virtual_patches.toml")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{1,80}")
_ID = re.compile(r"[a-z0-9-]{3,40}")
_CVE = re.compile(r"CVE-\d{4}-\d{4,7}")
_MOST_PORT = 65_535


@cache
def virtual_patches(file: Path = _FILE) -> tuple[Hole, ...]:
    """Return every hole of ``virtual_patches.toml``.

    :raises CatalogueError: a field is wrong, an id stands twice, a source is missing, or confidence D is not flagged
    """
    try:
        found = msgspec.convert(tomllib.loads(file.read_text("utf-8"))["hole"], tuple[Hole, ...])
    except (KeyError, ValueError, tomllib.TOMLDecodeError, msgspec.ValidationError) as fault:
        raise _error(str(fault)) from fault
    seen: set[str] = set()
    for one in found:
        checks = {
            "id": _ID.fullmatch(one.id) and one.id not in seen,
            "protocol": one.protocol in {TCP, UDP},
            "port": 0 < one.port <= _MOST_PORT,
            "paths": all(map(_PATH.fullmatch, one.paths)),
            "cve": not one.cve or _CVE.fullmatch(one.cve),
            "sources": one.sources,
            "confidence": one.confidence in {"A", "B", "C"} or (one.confidence == "D" and not one.verified),
        }
        wrong = [name for name, good in checks.items() if not good]
        if wrong:
            raise _error(f"{one.id}: {', '.join(wrong)}")
        seen.add(one.id)
    return found


def holes_of(model: str) -> tuple[Hole, ...]:
    """Return the holes that a device of that model is known for; none when the model isn't known."""
    plain = model.casefold()
    return (
        tuple(one for one in virtual_patches() if any(word in plain for word in one.models)) if plain else ()
    )


def _error(where: str) -> CatalogueError:
    return CatalogueError(
        Text(ja="仮想パッチの表に誤りがある", en="the table of virtual patches is wrong"),
        f"{_FILE.name}: {where}",
    )
