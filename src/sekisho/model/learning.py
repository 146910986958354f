"""Learning from accidents: measures with owner and day, whether they are done, and whether it happened again. Pure.

Nobody can say that it did not happen again as long as a cause is not written: that is undecided, never "no".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from sekisho.model.incident import Service, Standing


class Countermeasure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measure after an accident.

    :ivar accident: its id; ``text`` what is to be done, by ``owner``, up to ``due``
    :ivar done_on: the day; ``done_by`` who said so, ``proof`` what shows it
    """

    id: str
    accident: str
    text: str
    owner: str
    due: date
    done_on: date | None = None
    done_by: str = ""
    proof: str = ""

    def late(self, today: date) -> bool:
        """Say whether its day is past and it isn't done."""
        return self.done_on is None and self.due < today


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An accident as far as learning goes; ``cause`` is the operator's own word for its kind, empty when not written."""

    id: str
    title: str
    occurred: date
    cause: str
    services: frozenset[Service]
    known: bool = True


class Lesson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An accident, its measures, and what came after it.

    :ivar again: `YES` when a later accident has the same cause in the same service; `UNDECIDED` when a cause isn't
        written, or a later accident can't be judged
    :ivar same: ids of those; ``alike`` of later ones with the same cause, or in the same service, alone
    :ivar unheld: a measure was done before the same happened again: it did not hold
    """

    case: Case
    measures: tuple[Countermeasure, ...]
    again: Standing
    same: tuple[str, ...]
    alike: tuple[str, ...]
    unheld: bool


def lessons(cases: Iterable[Case], measures: Sequence[Countermeasure]) -> tuple[Lesson, ...]:
    """Return every accident with what was done after it, newest first."""
    ordered = sorted(cases, key=lambda one: (one.occurred, one.id))
    causes = [_folded(one.cause) for one in ordered]
    # From here on backwards every later cause is written, and every later accident could be read.
    sure = [True] * (len(ordered) + 1)
    for index in range(len(ordered) - 1, -1, -1):
        sure[index] = sure[index + 1] and bool(causes[index]) and ordered[index].known
    found = []
    for index, one in enumerate(ordered):
        mine = tuple(measure for measure in measures if measure.accident == one.id)
        same, alike = _later(one, causes[index], ordered[index + 1 :], causes[index + 1 :])
        last = index + 1 == len(ordered)
        unsure = not last and not (causes[index] and sure[index + 1])
        again = Standing.YES if same else Standing.UNDECIDED if unsure else Standing.NO
        unheld = any(
            measure.done_on and measure.done_on <= other.occurred for measure in mine for other in same
        )
        found.append(
            Lesson(
                one,
                mine,
                again,
                tuple(other.id for other in same),
                tuple(other.id for other in alike),
                unheld,
            )
        )
    return tuple(reversed(found))


def _later(
    one: Case, cause: str, later: Sequence[Case], causes: Sequence[str]
) -> tuple[list[Case], list[Case]]:
    """Return those with the same cause in the same service, and those with either alone."""
    same, alike = [], []
    for other, its in zip(later, causes, strict=True):
        cause_too, service_too = bool(cause) and its == cause, not one.services.isdisjoint(other.services)
        if cause_too and service_too:
            same.append(other)
        elif cause_too or service_too:
            alike.append(other)
    return same, alike


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
