"""What is said of an accident at a moment: which rules hold, whether it is serious, what is due by when."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from sekisho.model.accident import Judgement, RuleSet
from sekisho.model.duty import Duty
from sekisho.model.incident import Incident, Standing
from sekisho.model.periodic import Periodic
from sekisho.model.telling import Telling
from sekisho.model.timeline import Fact


class DueDay(msgspec.Struct, frozen=True):
    """A last day as people plan with it.

    :ivar holiday: its name when it is one; ``weekend`` for Saturdays and Sundays
    :ivar checked: the holidays of that year are known
    :ivar days: days left, counted from the day of judging in Japan; negative when it is past
    """

    day: date
    weekend: bool
    holiday: str
    checked: bool
    days: int


class Ruling(msgspec.Struct, frozen=True):
    """Everything said of the accident at ``incident.as_of``.

    ``urgent`` is whether something must be reported without delay: serious, a leak, a stop or a threat. ``target`` is
    the operator's own moment for the first report; None when none was set, or it is reported. ``later`` counts the facts
    of a later time, which are not used. ``unasked`` are the questions that nobody has answered: while there are any and
    nothing else is due, ``urgent`` is undecided. ``reported`` is the first report to the ministry that is on record.
    """

    incident: Incident
    facts: tuple[Fact, ...]
    rules: RuleSet
    serious: Standing
    urgent: Standing
    judgements: tuple[Judgement, ...]
    duties: tuple[Duty, ...]
    due_days: tuple[DueDay, ...]
    periodic: Periodic
    periodic_due: DueDay
    becomes: datetime | None
    telling: Telling | None = None
    target: datetime | None = None
    later: int = 0
    unasked: tuple[str, ...] = ()
    reported: datetime | None = None

    @property
    def first_missing(self) -> Duty | None:
        """The duty that surely asks for a first report while none is on record; None when there is none."""
        sure = (one for one in self.duties if one.standing is Standing.YES)
        return next(sure, None) if self.reported is None else None

    @property
    def hit(self) -> bool:
        """Whether any service or equipment failed as far as it is told: a leak alone has no restoration to wait for."""
        return bool(self.incident.effects or self.incident.equipment)

    @property
    def running(self) -> bool:
        """Whether something still goes on."""
        one = self.incident
        return any(part.end is None for part in one.effects) or any(
            part.end is None for part in one.equipment
        )
