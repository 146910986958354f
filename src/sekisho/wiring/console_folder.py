"""The data folder of a console: everything of it is opened when it is first used, once for all threads."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sekisho.catalogues.handling import Handling
    from sekisho.model.purpose import Purpose, Stage
    from sekisho.model.watching import Watching
    from sekisho.stores.database import Database
    from sekisho.stores.detection_log import DetectionLog
    from sekisho.stores.look_log import LookLog
    from sekisho.stores.records_duckdb import DuckRecords
    from sekisho.wiring.holdings import Holdings

T = TypeVar("T")
#: The parts that are made of the settings.
OF_SETTINGS = ("settings", "rules", "holdings")
_MODULES = (
    "sekisho.stores.database", "sekisho.stores.database.audit_pages", "sekisho.stores.database.case_courses",
    "sekisho.stores.database.case_lives", "sekisho.stores.detection_tail", "sekisho.stores.assessment_reading",
    "sekisho.wiring.holdings", "sekisho.wiring.held", "sekisho.wiring.figures", "sekisho.workflows.flow_questions",
    "sekisho.workflows.index_detections", "sekisho.workflows.register_assessments", "sekisho.workflows.describe",
    "sekisho.model.survival", "sekisho.reports.healing", "sekisho.plugins",
)  # fmt: skip


class ConsoleFolder:
    """A `wiring.data_folder.DataFolder` whose parts come when they are asked for.

    :ivar now: gives the time in milliseconds
    """

    def __init__(self, folder: Path, now: Callable[[], int], *, create: bool) -> None:
        self.folder = folder
        self.now = now
        self.key = folder / "pseudonym.key"
        self._create = create
        self._guard = RLock()
        self._open: dict[str, Any] = {}
        self._settings_file = folder / "watch.toml"
        self._seen: tuple[int, ...] | None = None

    def ready(self) -> None:
        """Load what questions need, in one thread while the others wait.

        Two threads that import a package and a module of it at the same time can meet half of it.
        """
        if "modules" in self._open:
            return
        with self._guard:
            if "modules" not in self._open:
                self._open["modules"] = [importlib.import_module(name) for name in _MODULES]

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return the part called ``name``; the first who asks makes it."""
        if name not in self._open:
            self.ready()
            with self._guard:
                if name not in self._open:
                    self._open[name] = make()
        made: T = self._open[name]
        return made

    @property
    def settings(self) -> Watching:
        """The settings of the watch as the file has them now; the defaults when there are none.

        :raises DescriptionError: they are wrong
        """
        from sekisho.wiring.settings import read_settings

        self._follow()
        return self.once("settings", lambda: read_settings(self._settings_file))

    def _follow(self) -> None:
        """Forget what was made of the settings when their file isn't the one that was read.

        Another process changes it, too: four eyes that are switched on there hold here from the next question on. What
        identifies the file is taken before it is read, so a change in between is seen the next time.
        """
        try:
            facts = self._settings_file.stat()
            now = (facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
        except OSError:
            now = None
        if self._seen != now:
            with self._guard:
                self.close(*OF_SETTINGS)
                self._seen = now

    @property
    def rules(self) -> dict[Stage, Handling]:
        """How long data of each stage is kept, and what for."""
        self._follow()
        return self.once("rules", self._rules)

    def _rules(self) -> dict[Stage, Handling]:
        from sekisho.catalogues.handling import read_handling
        from sekisho.model.purpose import Stage

        days: dict[str, float] = dict(self.settings.keep)
        if self.settings.days is not None:
            days[Stage.RAW_FLOW] = self.settings.days
        return read_handling(days)

    @cached_property
    def log(self) -> DetectionLog:
        """The log of detections."""
        from sekisho.stores.detection_log import DetectionLog

        return DetectionLog(self.folder / "detections.jsonl")

    @cached_property
    def looks(self) -> LookLog:
        """What the methods have looked at."""
        from sekisho.stores.look_log import LookLog

        return LookLog(self.folder / "looks.jsonl")

    @property
    def store(self) -> DuckRecords:
        """The stored flows."""
        return self.once("store", self._store)

    def _store(self) -> DuckRecords:
        from sekisho.stores.records_duckdb import DuckRecords
        from sekisho.wiring.data_folder import bounds

        return DuckRecords(self.folder / "records", self.now, bounds(self.rules, self.settings.shards))

    def has_records(self) -> bool:
        """Say whether any flow was ever kept here."""
        from sekisho.wiring.data_folder import DATASET

        return (self.folder / "records" / DATASET).is_dir()

    @property
    def database(self) -> Database:
        """The database.

        :raises DescriptionError: there is none yet, and none is to be made
        :raises StoreError: it can't be opened
        """
        return self.once("database", self._database)

    def _database(self) -> Database:
        from sekisho.wiring.warn import open_database

        if self._create:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return open_database(self.folder, self.settings.database, create=self._create)

    @property
    def holdings(self) -> Holdings:
        """The datasets behind their purposes."""
        self.ready()
        self._follow()
        from sekisho.wiring.holdings import Holdings

        return self.once("holdings", lambda: Holdings(self, self.now))

    def close(self, *names: str) -> None:
        """Close what was opened; with ``names`` these parts alone, and who asks for one of them next makes it anew."""
        with self._guard:
            for name in names or ("store", "database"):
                part = self._open.pop(name, None)
                if hasattr(part, "close"):
                    part.close()


def looking(folder: ConsoleFolder) -> Purpose:
    """Return the purpose for which detections and flows are looked at, by the settings."""
    from sekisho.model.purpose import Purpose

    wanted = (Purpose.CC_DETECTION, Purpose.ATTACK_DETECTION)
    return next((one for one in wanted if one in folder.settings.purposes), Purpose.DEMONSTRATION)
