"""The crosswalk: which requirements of different catalogues speak of the same thing.

It is kept as rows and read both ways, so it can't be one-sided.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from sekisho.language import Text
from sekisho.model.requirement import Catalogue, Confidence, Requirement

_FILE = Path(__file__).parent / "crosswalk.toml"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requirements (``catalogue/requirement``) about one ``title``, and clauses of regimes elsewhere."""

    title: Text
    confidence: Confidence
    together: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()


class _Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: tuple[Row, ...]


@cache
def read_rows() -> tuple[Row, ...]:
    """Return all rows of the built-in crosswalk."""
    return msgspec.convert(tomllib.loads(_FILE.read_text("utf-8")), _Rows).rows


def near(reference: str) -> tuple[str, ...]:
    """Return what stands in a row with ``reference`` but in another catalogue, each once, in order."""
    own = reference.partition("/")[0]
    found = (
        other
        for row in read_rows()
        if reference in row.together
        for other in row.together
        if other.partition("/")[0] != own
    )
    return tuple(dict.fromkeys(found))


def crossed(catalogue: Catalogue) -> Catalogue:
    """Return ``catalogue`` with the crosswalk filled in beside what its own file says."""

    def fill(one: Requirement) -> Requirement:
        both = dict.fromkeys((*one.crosswalk, *near(f"{catalogue.id}/{one.id}")))
        return msgspec.structs.replace(one, crosswalk=tuple(both))

    return msgspec.structs.replace(catalogue, requirements=tuple(fill(one) for one in catalogue.requirements))
