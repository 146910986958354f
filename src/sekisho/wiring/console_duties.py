"""Duties as the console keeps them: what the operator says of itself, what is due when, proof of what is done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.accident import japan_day
from sekisho.model.compliance import Done, Entry, Operator, State
from sekisho.model.learning import Countermeasure
from sekisho.model.reminding import Reminded
from sekisho.wiring.console_learning import KIND as MEASURES
from sekisho.wiring.console_papers import DONE, REMINDED, Papers, Written

if TYPE_CHECKING:
    from sekisho.model.accident_record import AccidentRecord
    from sekisho.model.case_life import Actor
    from sekisho.model.ruling import Ruling
    from sekisho.wiring.console_accidents import AccidentDesk
    from sekisho.wiring.console_learning import LearningDesk

OPERATOR = "operator"
#: How far the list goes ahead, days.
AHEAD = 400
# Newest first: what is older than these has no day left to come.
_MOST_ACCIDENTS = 500
_LONGEST = 400
_NEAR = 30
# Facts may be a few minutes ahead of the clock; after this no moment of judging changes what is due.
_SETTLING_MS = 3_600_000
_NO_DUTY = Text(ja="その番号の義務は今の一覧にない", en="no duty of that id is in the list now")
_NOT_YET = Text(ja="まだ来ていない日に済みとはできない", en="it can't be done on a day still to come")
_TOO_EARLY = Text(
    ja="対象の期間が終わる前、事故の起きる前などの日に済みとはできない",
    en="it can't be done before its period has ended, or before the accident",
)
_VACANT = Text(
    ja="空きは、「人と事業場」に選任した人を書けば消える。証拠では済みにならない",
    en="a vacancy goes when the person appointed is written under “People and sites”; no proof fills it",
)
_NO_PROOF = Text(
    ja="済みの証拠（受付番号、文書の場所など）が要る",
    en="proof is needed (a receipt's number, where it is kept)",
)


class Listed(msgspec.Struct, frozen=True):
    """The list of a day.

    :ivar broken: ids of accidents that can't be judged, so that their duties are missing here
    :ivar more: older accidents exist that were not looked at
    :ivar said: the version of what the operator said; 0 for nothing, or for a file of its own
    """

    today: date
    entries: tuple[Entry, ...]
    broken: tuple[str, ...]
    more: bool
    said: int = 0


class DutyDesk:
    """The operator's own duties. Every change is in the audit log before it happens, and every version stays."""

    def __init__(self, papers: Papers, accidents: AccidentDesk, learning: LearningDesk) -> None:
        self._papers = papers
        self._accidents = accidents
        self._learning = learning
        # Of what is over for good: id → revision and ruling. The first page asks again and again.
        self._settled: dict[str, tuple[int, Ruling]] = {}

    @property
    def today(self) -> date:
        """The day in Japan."""
        return japan_day(datetime.fromtimestamp(self._papers.now / 1000, UTC))

    def operator(self) -> tuple[Operator, int]:
        """Return what the operator said of itself, without proofs, and its version; 0 when nothing was said yet."""
        found = self._papers.one(OPERATOR, OPERATOR, Operator)
        return (found[0], found[1].version) if found else (Operator(), 0)

    def say(self, operator: Operator, seen: int, actor: Actor) -> None:
        """Keep what the operator says of itself, and the proofs that come with it, unless one is on record already.

        :raises DescriptionError: it doesn't go together, or a course is still to come
        :raises ConflictError: somebody was faster
        """
        from sekisho.workflows.list_duties import check, duties_of

        if len(operator.sites) > _LONGEST or len(operator.engineers) + len(operator.installers) > _LONGEST:
            raise DescriptionError(
                Text(ja="多すぎる（400まで）", en="too many (400 at most)"), str(len(operator.sites))
            )
        check(operator)
        if any(one.on > self.today for one in operator.done):
            raise DescriptionError(_NOT_YET)
        duties_of(operator, (), self.today, self.today)
        kept = msgspec.structs.replace(operator, done=())
        self._papers.write(OPERATOR, [Written(OPERATOR, seen, kept)], actor, "change-operator", OPERATOR)
        held = {paper.name for _, paper in self._papers.every(DONE, Done)}
        fresh = {one.id: one for one in operator.done if one.id not in held}
        if fresh:
            written = [Written(name, self._papers.version(DONE, name), one) for name, one in fresh.items()]
            self._papers.write(DONE, written, actor, "duty-done", OPERATOR, {"duties": len(written)})

    def listed(
        self, until: date | None = None, today: date | None = None, operator: Operator | None = None
    ) -> Listed:
        """Return every duty up to ``until`` (default: 400 days ahead) by its day, as of ``today``.

        ``operator``: from a file, with its own proofs, in place of the one that is kept here.
        """
        from sekisho.workflows.list_duties import duties_of, measures_of

        papers = self._papers.gathered({OPERATOR: Operator, DONE: Done, MEASURES: Countermeasure})
        kept = next(((one, paper.version) for one, paper in papers[OPERATOR]), (Operator(), 0))
        known, version = (operator, 0) if operator else kept
        proofs = tuple(one for one, _ in papers[DONE])
        records = self._accidents.find(limit=_MOST_ACCIDENTS)
        rulings, broken = self._rulings(records)
        today = today or self.today
        until = until or today + timedelta(days=AHEAD)
        said = msgspec.structs.replace(known, done=(*known.done, *proofs))
        titles = {one.id: one.title for one in records}
        found = [*duties_of(said, rulings, today, until)]
        found += measures_of((one for one, _ in papers[MEASURES]), titles, today, until)
        found.sort(key=lambda one: (one.day or date.max, one.id))
        return Listed(today, tuple(found), broken, len(records) == _MOST_ACCIDENTS, version)

    def near(self) -> tuple[Entry, ...]:
        """Return what is late, then what has its day within a month; without proof, by its day."""
        today = self.today
        soon = today + timedelta(days=_NEAR)
        found = self.listed(soon, today).entries
        shown = [one for one in found if one.day and one.state in (State.LATE, State.DUE)]
        return tuple(sorted(shown, key=lambda one: one.state is not State.LATE))

    def reminded(self) -> frozenset[str]:
        """Return the reminders that went out: recipient, duty and stage, as `remember` keeps them."""
        return frozenset(one.name for one in self._papers.newest(REMINDED) if one.body)

    def remember(self, names: Iterable[str], actor: Actor) -> None:
        """Keep that reminders went out. :raises ConflictError: another process did at the same time."""
        written = [Written(name, 0, Reminded(name)) for name in names]
        if written:
            self._papers.write(REMINDED, written, actor, "remind-duties", "duties", {"duties": len(written)})

    def done(self, identifier: str, on: date, proof: str, actor: Actor) -> None:
        """Record that a duty is done; a measure after an accident by its own proof.

        :raises DescriptionError: no such duty, a vacancy, a day still to come or too early, no proof
        :raises ConflictError: that measure is done already
        """
        if measure := _measure(identifier):
            self._learning.done(measure, on, proof, actor)
            return
        entry = next((one for one in self.listed().entries if one.id == identifier), None)
        if entry is None:
            raise DescriptionError(_NO_DUTY, identifier[:100])
        if not entry.provable:
            raise DescriptionError(_VACANT, identifier[:100])
        if entry.since and on < entry.since:
            raise DescriptionError(_TOO_EARLY, f"{on} < {entry.since}")
        if on > self.today:
            raise DescriptionError(_NOT_YET, str(on))
        if not proof.strip():
            raise DescriptionError(_NO_PROOF, identifier[:100])
        seen = self._papers.version(DONE, identifier)
        noun = Done(identifier, on, actor.name, proof.strip()[:_LONGEST])
        self._papers.write(DONE, [Written(identifier, seen, noun)], actor, "duty-done", identifier)

    def undone(self, identifier: str, actor: Actor) -> None:
        """Take a proof back; both stay on record. :raises DescriptionError: there is none."""
        if measure := _measure(identifier):
            if not any(one.id == measure and one.done_on for one in self._learning.measures()):
                raise DescriptionError(_NO_DUTY, identifier[:100])
            self._learning.withdraw(measure, actor)
            return
        found = self._papers.one(DONE, identifier, Done)
        if found is None:
            raise DescriptionError(_NO_DUTY, identifier[:100])
        self._papers.write(
            DONE, [Written(identifier, found[1].version, None)], actor, "duty-undone", identifier
        )

    def _rulings(self, records: Iterable[AccidentRecord]) -> tuple[list[Ruling], tuple[str, ...]]:
        rulings: list[Ruling] = []
        broken = []
        now, settled = self._papers.now, {}
        for one in records:
            kept = self._settled.get(one.id)
            try:
                ruling = (
                    kept[1] if kept and kept[0] == one.revision else self._accidents.judged(one.told(), now)
                )
            except DescriptionError:  # its own page says why
                broken.append(one.id)
                continue
            rulings.append(ruling)
            if one.ended and max(one.ended, one.changed) < now - _SETTLING_MS:
                settled[one.id] = (one.revision, ruling)
        self._settled = settled
        return rulings, tuple(broken)


def _measure(identifier: str) -> str:
    """Return the id of the measure that an entry of the list is; empty for any other duty."""
    from sekisho.workflows.list_duties import MEASURE

    return identifier.removeprefix(MEASURE) if identifier.startswith(MEASURE) else ""
