"""The sockets of the assessments' registry: what is kept of each folder, and the questions to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from sekisho.model.registry import AssessmentRow, MatrixRow, Registered, State
from sekisho.model.verdict import Verdict


class AssessmentFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which assessments are asked for; empty fields don't narrow. Order: newest ``began`` first, then id.

    ``since`` ≤ ``began`` < ``until``. ``verdict`` is that on ``catalogue``, or on any when none is named. ``text`` is a
    part of id, maker, model, unit, number or person.
    """

    terminal: str = ""
    maker: str = ""
    model: str = ""
    catalogue: str = ""
    verdict: Verdict | None = None
    states: tuple[State, ...] = ()
    since: int = 0
    until: int = 0
    text: str = ""


class AssessmentPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of assessments and the key of the next one (keyset paging); ``next`` is empty at the end."""

    assessments: tuple[AssessmentRow, ...]
    next: str = ""


class Known(msgspec.Struct, frozen=True):
    """What the registry knows of a folder: its mark, and where it stood."""

    mark: str
    state: State


class AssessmentFiling(Protocol):
    """Keeps the registry like the folders."""

    def known(self) -> Mapping[str, Known]:
        """Return what is known, by id."""
        ...

    def put(self, registered: Sequence[Registered]) -> None:
        """Store assessments, in place of what was known of them."""
        ...

    def drop(self, identifiers: Collection[str]) -> None:
        """Forget assessments whose folders are gone."""
        ...


class AssessmentIndex(Protocol):
    """Answers questions about assessments."""

    def find(self, wanted: AssessmentFilter, *, after: str = "", limit: int = 50) -> AssessmentPage:
        """Return a page."""
        ...

    def one(self, identifier: str) -> AssessmentRow | None:
        """Return one assessment."""
        ...

    def matrix(self, catalogue: str = "", *, after: str = "", limit: int = 100) -> tuple[MatrixRow, ...]:
        """Return where terminals stand, in the order of their keys, those behind ``after``."""
        ...

    def catalogues(self) -> tuple[str, ...]:
        """Return the catalogues that anything was judged by."""
        ...
