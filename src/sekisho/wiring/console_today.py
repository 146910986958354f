"""What needs a person today: runs that go, ask or ended badly, and accidents that aren't settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import DescriptionError
from sekisho.model.accident_record import AccidentRecord
from sekisho.model.assess_run import RunsNow, RunState
from sekisho.model.ruling import Ruling
from sekisho.wiring.console_bounds import plain

if TYPE_CHECKING:
    from sekisho.wiring.console_accidents import AccidentDesk
    from sekisho.wiring.console_folder import ConsoleFolder
    from sekisho.wiring.console_runs import RunDesk

_DAY = 86_400_000
# A run that ended badly is old news after a week; so many of the newest are looked at.
_RUN_DAYS, _RUNS = 7, 30
# The last day of a detailed report is thirty days after an accident; one that is late stays in sight for a while.
_ACCIDENT_DAYS, _ACCIDENTS = 45, 20


class Unsettled(msgspec.Struct, frozen=True):
    """An accident that goes on, or whose reports may still be due.

    :ivar ruling: what is said of it now; None where its facts contradict themselves
    :ivar signed: the documents of which a version was signed off
    """

    record: AccidentRecord
    ruling: Ruling | None
    signed: frozenset[str]

    @property
    def going(self) -> bool:
        """Whether it goes on; one of which nobody can tell does."""
        return not self.record.ended and (self.ruling is None or self.ruling.running)


class TodayDesk:
    """Looks for what needs somebody; it changes nothing."""

    def __init__(self, folder: ConsoleFolder, runs: RunDesk, accidents: AccidentDesk) -> None:
        self._folder = folder
        self._runs = runs
        self._accidents = accidents

    def runs(self, now: int) -> RunsNow:
        """Return the runs that go now and those that ended badly within a week."""
        failed, later = [], set[str]()
        for one in self._runs.runs(limit=_RUNS):
            own = {str(plain(address)) for address in one.order.addresses}
            badly = one.state in (RunState.FAILED, RunState.DIED)
            if badly and one.order.at >= now - _RUN_DAYS * _DAY and not own & later:
                failed.append(one)
            later |= own
        return RunsNow(self._runs.alive(), tuple(failed))

    def accidents(self, now: int) -> tuple[Unsettled, ...]:
        """Return accidents that go on, then those whose reports may still be due."""
        self._folder.ready()
        from sekisho.stores.database import SqlAccidents

        store = SqlAccidents(self._folder.database)
        found = store.unsettled(now - _ACCIDENT_DAYS * _DAY, _ACCIDENTS)
        signed = store.signed([one.id for one in found])
        return tuple(
            Unsettled(one, self._judged(one, now), frozenset(kind for name, kind in signed if name == one.id))
            for one in found
        )

    def _judged(self, record: AccidentRecord, now: int) -> Ruling | None:
        try:
            return self._accidents.judged(record.told(), now)
        except DescriptionError:  # one that can't be judged must not hide the others
            return None
