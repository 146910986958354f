"""Learning in the console: measures after accidents, whether they are done, whether it happened again."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import ConflictError, DescriptionError
from sekisho.language import Text
from sekisho.model.accident import japan_day
from sekisho.model.learning import Case, Countermeasure, Lesson, lessons
from sekisho.model.timeline import TimelineError, What, in_force
from sekisho.wiring.console_papers import Papers, Written

if TYPE_CHECKING:
    from sekisho.model.accident_record import AccidentRecord
    from sekisho.model.case_life import Actor
    from sekisho.wiring.console_accidents import AccidentDesk

KIND = "measure"
_MOST_ACCIDENTS, _LONGEST = 500, 1_000
_NONE = Text(ja="その対策はない", en="there is no such measure")
_NO_ACCIDENT = Text(ja="その事故はない", en="there is no such accident")
_EMPTY = Text(ja="対策・担当が要る", en="the measure and its owner are needed")
_NOT_YET = Text(ja="まだ来ていない日に済みとはできない", en="it can't be done on a day still to come")
_NO_PROOF = Text(ja="済みの証拠が要る", en="proof is needed")
_DONE = Text(ja="その対策は済んでいる", en="that measure is done already")


class LearningDesk:
    """Measures after accidents; every version stays."""

    def __init__(self, papers: Papers, accidents: AccidentDesk) -> None:
        self._papers = papers
        self._accidents = accidents

    @property
    def today(self) -> date:
        """The day in Japan."""
        return japan_day(datetime.fromtimestamp(self._papers.now / 1000, UTC))

    def lessons(self) -> tuple[Lesson, ...]:
        """Return the accidents on record (the newest 500), what was done after each, and whether it happened again."""
        return lessons(map(_case, self._accidents.find(limit=_MOST_ACCIDENTS)), self.measures())

    def measures(self) -> tuple[Countermeasure, ...]:
        """Return every measure by its day."""
        found = (one for one, _ in self._papers.every(KIND, Countermeasure))
        return tuple(sorted(found, key=lambda one: (one.due, one.id)))

    def add(self, accident: str, text: str, owner: str, due: date, actor: Actor) -> Countermeasure:
        """Record what is to be done after an accident, by whom, by when.

        :raises DescriptionError: no such accident, no text or owner
        """
        if self._accidents.accident(accident) is None:
            raise DescriptionError(_NO_ACCIDENT, accident[:40])
        if not text.strip() or not owner.strip():
            raise DescriptionError(_EMPTY, accident[:40])
        made = Countermeasure(
            f"M{secrets.token_hex(6)}", accident, text.strip()[:_LONGEST], owner.strip()[:100], due
        )
        self._papers.write(KIND, [Written(made.id, 0, made)], actor, "add-measure", accident)
        return made

    def done(self, identifier: str, on: date, proof: str, actor: Actor) -> Countermeasure:
        """Record that a measure is done.

        :raises DescriptionError: no such measure, a day still to come, no proof
        :raises ConflictError: it is done already
        """
        found, version = self._known(identifier)
        if found.done_on:
            raise ConflictError(_DONE, identifier)
        if on > self.today:
            raise DescriptionError(_NOT_YET, on.isoformat())
        if not proof.strip():
            raise DescriptionError(_NO_PROOF, identifier)
        changed = msgspec.structs.replace(
            found, done_on=on, done_by=actor.name, proof=proof.strip()[:_LONGEST]
        )
        written = [Written(identifier, version, changed)]
        self._papers.write(KIND, written, actor, "measure-done", identifier, {"accident": found.accident})
        return changed

    def withdraw(self, identifier: str, actor: Actor) -> None:
        """Take back what was recorded last: the proof that it is done, or else the measure itself; both stay on record.

        :raises DescriptionError: there is no such measure
        """
        found, version = self._known(identifier)
        left = msgspec.structs.replace(found, done_on=None, done_by="", proof="") if found.done_on else None
        written = [Written(identifier, version, left)]
        self._papers.write(KIND, written, actor, "withdraw-measure", identifier, {"accident": found.accident})

    def _known(self, identifier: str) -> tuple[Countermeasure, int]:
        found = self._papers.one(KIND, identifier, Countermeasure)
        if found is None:
            raise DescriptionError(_NONE, identifier[:40])
        return found[0], found[1].version


def _case(record: AccidentRecord) -> Case:
    occurred = japan_day(datetime.fromtimestamp(record.occurred / 1000, UTC))
    told = record.told()
    try:
        kept = in_force(told.facts)
    except TimelineError:  # its own page says why
        return Case(
            record.id, record.title, occurred, told.about.report.cause_class, frozenset(), known=False
        )
    hit = frozenset(one.service for one in kept if one.service and one.what in (What.DOWN, What.DEGRADED))
    return Case(record.id, record.title, occurred, told.about.report.cause_class, hit)
