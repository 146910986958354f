"""Observations: flat typed facts, each derived from evidence by a pure function (OSCAL, OONI)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from sekisho.model.evidence import Attempt, Pointer
from sekisho.model.verdict import Assurance, Scalar


class Observation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fact: ``name`` of ``subject`` is ``value``.

    ``name`` is one of the ``facts`` that its probe declares, such as ``port.open``. ``subject`` says of
    what: ``lan tcp/80``, ``login web``, ``setting dns``. ``attributes`` hold further scalars.
    """

    name: str
    subject: str
    value: Scalar
    attributes: dict[str, Scalar] = {}
    because: tuple[Pointer, ...] = ()
    assurance: Assurance = Assurance.OBSERVED


class Observations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All facts of an assessment together with how each probe ended.

    A criterion that finds no fact asks `attempts` why: absence is never a pass.
    """

    facts: tuple[Observation, ...] = ()
    attempts: dict[str, Attempt] = {}

    def of(self, name: str, subject: str | None = None) -> tuple[Observation, ...]:
        """Return the facts called ``name`` (of ``subject``), in the order they were found."""
        return tuple(fact for fact in self.facts if fact.name == name and subject in {None, fact.subject})

    def one(self, name: str, subject: str | None = None) -> Observation | None:
        """Return the last fact called ``name`` (of ``subject``), or None."""
        found = self.of(name, subject)
        return found[-1] if found else None

    def subjects(self, name: str) -> Iterator[str]:
        """Yield each subject that has a fact called ``name``, once, in order."""
        yield from dict.fromkeys(fact.subject for fact in self.facts if fact.name == name)


def because(facts: Iterable[Observation]) -> tuple[Pointer, ...]:
    """Return the pointers of several facts, each once, in order."""
    return tuple(dict.fromkeys(pointer for fact in facts for pointer in fact.because))
