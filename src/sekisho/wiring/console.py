"""Marries the console: one data folder, open for all of a server's threads, and a desk for each kind of question."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

from sekisho.errors import SekishoError
from sekisho.wiring.console_accidents import AccidentDesk
from sekisho.wiring.console_casework import CaseDesk
from sekisho.wiring.console_checks import CheckDesk
from sekisho.wiring.console_descriptions import DescriptionDesk
from sekisho.wiring.console_drills import DrillDesk
from sekisho.wiring.console_duties import DutyDesk
from sekisho.wiring.console_flows import FlowDesk
from sekisho.wiring.console_folder import OF_SETTINGS, ConsoleFolder
from sekisho.wiring.console_hub import HubRoom
from sekisho.wiring.console_judging import JudgingDesk
from sekisho.wiring.console_keeping import KeepingDesk
from sekisho.wiring.console_learning import LearningDesk
from sekisho.wiring.console_lessons import LessonDesk
from sekisho.wiring.console_names import NameDesk
from sekisho.wiring.console_papers import Papers
from sekisho.wiring.console_reminders import ReminderDesk
from sekisho.wiring.console_runs import RunDesk
from sekisho.wiring.console_terminals import TerminalDesk
from sekisho.wiring.console_today import TodayDesk
from sekisho.wiring.console_watch import WatchDesk
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.staff_names import StaffNames

if TYPE_CHECKING:
    from sekisho.model.watching import Watching
    from sekisho.stores.database import Database

_FIRST_S, _ROUND_S = 30, 600


class Console:
    """A data folder for the console. Nothing is opened before it is used, and then once.

    :ivar watch: detections and the running watch; ``flows`` the stored flows
    :ivar casework: cases, notices, healing; ``terminals`` assessments; ``keeping`` audit log, retention
    :ivar accidents: accidents of networks, their documents; ``duties`` what is due when, ``reminders`` of it
    :ivar checks: self-checks; ``drills``; ``learning`` what is done after accidents, ``lessons`` for others, ``names`` of staff
    :ivar hub: the sharing hub that is run here; None without one
    :ivar runs: assessments in progress; ``today`` what needs a person; ``judging`` judging again and reports; ``descriptions`` of terminals
    """

    def __init__(
        self,
        folder: Path,
        *,
        create: bool = False,
        now: Callable[[], int] = milliseconds,
        hub: Path | None = None,
    ) -> None:
        """Name the data folder; with ``create`` it and its database are made when they aren't there.

        :param hub: folder of a hub that the people of this console run
        """
        self.folder = folder
        self.now = now
        self._ended = Event()
        self._folder = ConsoleFolder(folder, now, create=create)
        self.watch = WatchDesk(self._folder)
        self.flows = FlowDesk(self._folder)
        self.casework = CaseDesk(self._folder)
        self.terminals = TerminalDesk(self._folder)
        self.keeping = KeepingDesk(self._folder)
        names = StaffNames(self._folder)
        self.accidents = AccidentDesk(self._folder, self.keeping, names)
        papers = Papers(self._folder, self.keeping, names)
        self.checks = CheckDesk(papers, self.keeping, self.accidents)
        self.drills = DrillDesk(papers)
        self.names = NameDesk(self._folder, self.keeping, names)
        self.learning = LearningDesk(papers, self.accidents)
        self.duties = DutyDesk(papers, self.accidents, self.learning)
        self.reminders = ReminderDesk(self._folder, papers, self.duties, names)
        self.lessons = LessonDesk(self._folder, papers, self.accidents, self.duties)
        self.runs = RunDesk(self._folder, self.keeping)
        self.today = TodayDesk(self._folder, self.runs, self.accidents)
        self.judging = JudgingDesk(self._folder, self.keeping)
        self.hub = HubRoom(hub, now) if hub else None
        self.descriptions = DescriptionDesk(self._folder, self.keeping)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def settings(self) -> Watching:
        """The settings of the watch. :raises DescriptionError: they are wrong."""
        return self._folder.settings

    @property
    def database(self) -> Database:
        """The database. :raises DescriptionError: there is none yet. :raises StoreError: it can't be opened."""
        return self._folder.database

    def warm(self) -> Thread:
        """Load on a thread of its own what the first questions need, and let the indices catch up."""

        def load() -> None:
            for part in (
                lambda: self._folder.holdings.gate.label("cases", self.now()),
                self.watch.methods,
                self.watch.fresh,
                self.terminals.fresh,
                self.casework.healing,
            ):
                with suppress(SekishoError):  # whoever asks for it is told
                    part()

        thread = Thread(target=load, name="warming", daemon=True)
        thread.start()
        return thread

    def keep_on(self) -> Thread:
        """Do by itself, on a thread of its own until `close`, what nobody asks for: send reminders, erase names past their time."""

        def work() -> None:
            wait = _FIRST_S
            while not self._ended.wait(wait):
                wait = _ROUND_S
                self.reminders.look()
                with suppress(SekishoError, OSError):  # the next round may find it mended
                    self.names.tidy()

        thread = Thread(target=work, name="rounds", daemon=True)
        thread.start()
        return thread

    def reread(self) -> None:
        """Take the settings anew: they were changed."""
        self._folder.close(*OF_SETTINGS)

    def close(self) -> None:
        """Close what was opened; whoever still asks gets errors."""
        self._ended.set()
        self.watch.fresh.close()
        self.terminals.fresh.close()
        self.casework.close()
        if self.hub:
            self.hub.close()
        self._folder.close()
