"""The law, as data: one TOML file per standard and edition.

Importing this room reads no file; each function below is an entry point that reads its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path

from sekisho.language import Text
from sekisho.model.requirement import Catalogue, Status

HERE = Path(__file__).parent

BUILT_IN = ("jp-2020", "jp-2025-report", "nict-2024-art3", "en303645-v2.1.1", "jc-star-1")


@cache
def _built_in(name: str) -> Catalogue:
    from sekisho.catalogues.reading import read

    return read(HERE / f"{name}.toml")


def jp_2020() -> Catalogue:
    """Return 端末設備等規則 第34条の10 as in force since 2020-04-01."""
    return _built_in("jp-2020")


def jp_2025_report() -> Catalogue:
    """Return the committee's proposal of 2025; not law, so without dates."""
    return _built_in("jp-2025-report")


def nict_2024_art3() -> Catalogue:
    """Return the yardstick of a weak code: parameters only, no requirement."""
    return _built_in("nict-2024-art3")


def en303645_v2_1_1() -> Catalogue:
    """Return all 68 provisions of ETSI EN 303 645 V2.1.1."""
    return _built_in("en303645-v2.1.1")


def jc_star_1() -> Catalogue:
    """Return the 16 criteria of JC-STAR level 1; 07 to 16 are flagged unverified."""
    return _built_in("jc-star-1")


def built_in() -> tuple[Catalogue, ...]:
    """Return all built-in catalogues, checked against each other."""
    from sekisho.catalogues.reading import check_together

    catalogues = tuple(_built_in(name) for name in BUILT_IN)
    check_together(catalogues)
    return catalogues


def in_force(catalogue: Catalogue, day: date) -> bool:
    """Tell whether ``catalogue`` is law on ``day``; its last day (``effective_until``) counts."""
    return (
        catalogue.status is Status.IN_FORCE
        and catalogue.effective_from is not None
        and catalogue.effective_from <= day
        and (catalogue.effective_until is None or day <= catalogue.effective_until)
    )


def pick(catalogues: Iterable[Catalogue], day: date) -> tuple[Catalogue, ...]:
    """Return those of ``catalogues`` that are in force on ``day``: at most one edition per standard."""
    return tuple(one for one in catalogues if in_force(one, day))


def sources() -> dict[str, Text]:
    """Return the title of every source tag that a catalogue may cite."""
    from sekisho.catalogues.reading import read_sources

    return read_sources()


def elsewhere(reference: str) -> tuple[str, ...]:
    """Return near clauses of regimes without a catalogue here (EN 18031-1, CRA, PSTI, NIST IR 8425).

    ``reference`` is ``catalogue/requirement``, such as ``jp-2020/JP20-1``. The mapping is ours.
    """
    from sekisho.catalogues.crosswalk import read_rows

    found = (clause for row in read_rows() if reference in row.together for clause in row.elsewhere)
    return tuple(dict.fromkeys(found))
