"""Marries the work on cases: the database, the log of detections, the flows, and the settings of one data folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from sekisho import plugins
from sekisho.catalogues.casework import casework
from sekisho.errors import AuthorisationError, DescriptionError
from sekisho.language import Text
from sekisho.model.case import Case
from sekisho.model.case_life import ANALYST, Actor, Change, Life, Sighting
from sekisho.model.detection import Detection, Window
from sekisho.model.purpose import Purpose, Stage
from sekisho.ports.cases import CaseFilter
from sekisho.ports.flows import Tables
from sekisho.stores.database.case_lives import SqlLives
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.warn import open_database
from sekisho.wiring.watch import DATASET, Watch, milliseconds
from sekisho.workflows.cases import Folded, Observed, fold_detections, heal

_MARK = "folded.json"
# Writers of the log take their time stamp before they wait for its lock.
_SLACK = 600_000


class _Mark(msgspec.Struct, frozen=True):
    """Up to where detections were folded into which database: only a short cut, folding again does no harm."""

    database: str
    upto: int


class Proof(msgspec.Struct, frozen=True):
    """Detections with their flow rows, by id; which of those that aren't there are past their time; torn lines of the log."""

    found: Mapping[str, Detection] = {}
    past: frozenset[str] = frozenset()
    torn: tuple[int, ...] = ()


class Casebook:
    """The cases of one data folder, open."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Open; with ``create`` the database is made when it isn't there.

        :raises DescriptionError: there is no such folder, or no database
        """
        self.watch = Watch(folder, create=False)
        try:
            self.values = casework(self.watch.settings.casework)
            self._database = open_database(folder, self.watch.settings.database, create=create)
        except BaseException:
            self.watch.store.close()
            raise
        self.store = Holdings(self.watch).cases(self._database, Purpose.NOTICE)
        self._lives = SqlLives(self._database)
        self._mark = folder / _MARK
        self.damaged: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._database.close()
        self.watch.store.close()

    def actor(self, name: str) -> Actor:
        """Return who acts. A name has the role of the settings; while they name nobody, each user is an analyst.

        :raises AuthorisationError: no name, or the settings know others only
        """
        people = self.watch.settings.people
        if not name.strip() or (people and name not in people):
            raise AuthorisationError(
                Text(ja="この人は設定にない", en="the settings don't know this person"),
                name,
                Text(ja="watch.toml の people に役割とともに書く", en="name them under people in watch.toml"),
            )
        return Actor(name, people[name].value if people else ANALYST)

    def life(self, identifier: str) -> Life:
        """Return a case with its events. :raises DescriptionError: there is none of that id."""
        case = self.store.case(identifier)
        if case is None:
            raise DescriptionError(Text(ja="その番号の事案はない", en="there is no such case"), identifier)
        return Life(case, self.store.events(identifier))

    def save(self, *changes: Change) -> tuple[Case, ...]:
        """Store changes together. :raises ConflictError: somebody was faster; nothing is stored."""
        return self.store.save_all([(one.case, one.events) for one in changes])

    def fold(self, *, everything: bool = False) -> Folded:
        """Fold what the log of detections holds, since the last time or ``everything``.

        What is past its time goes first: a case that is over for that reason is not taken up again.
        """
        self.watch.tidy()
        at = milliseconds()
        upto = 0 if everything else self._upto()
        read = self.watch.log.read(self._purpose(), at)
        logged = [one for one in read.logged if one.at >= upto - _SLACK]
        done = fold_detections(
            self.store,
            self._lives.of_lines,
            (one.detection for one in logged),
            window=self.values.fold_milliseconds,
            at=at,
        )
        if logged:
            mark = _Mark(self._database.where, max(one.at for one in logged))
            part = self._mark.with_suffix(".part")
            part.write_bytes(msgspec.json.encode(mark))
            part.replace(self._mark)
        # Those before the mark were told when it was made.
        torn = tuple(one.line for one in read.torn if everything or one.after >= upto - _SLACK)
        return msgspec.structs.replace(done, torn=torn)

    def heal(self, *, days: int = 0) -> Iterator[Observed]:
        """Observe the open cases; ``days`` stands for the settings' value when it isn't 0.

        ``damaged`` names the record files that were left out, when all were observed.
        """
        damaged: dict[str, None] = {}

        def tables(window: Window) -> Tables | None:
            if not self.watch.has_records():
                return None
            bound = self.watch.store.tables(DATASET, window, self._purpose())
            damaged.update(dict.fromkeys(one.file for one in bound.damaged()))
            return bound

        yield from heal(
            self.store,
            tables,
            self.watch.looks.hours,
            now=milliseconds(),
            days=days or self.values.quiet_days,
            silent_hours=self.values.silent_hours,
        )
        self.damaged = tuple(damaged)

    def evidence(self, sightings: Sequence[Sighting]) -> Proof:
        """Return the detections behind sightings with their flow rows, as far as the log still keeps them."""
        at = milliseconds()
        read = self.watch.log.read(self._purpose(), at)
        wanted = {one.id for one in sightings}
        kept = self.watch.rules[Stage.CANDIDATE].milliseconds
        over = {one.id for one in sightings if one.end + kept <= at}
        found = {one.detection.id: one.detection for one in read.logged if one.detection.id in wanted}
        return Proof(
            found, frozenset((over | read.past) & wanted - set(found)), tuple(one.line for one in read.torn)
        )

    def reasons(self) -> Mapping[str, Mapping[str, Text]]:
        """Return the sentences of each method."""
        return {name: one.reasons for name, one in plugins.units("detectors").items()}

    def titles(self) -> Mapping[str, Text]:
        """Return the title of each method."""
        return {name: one.title for name, one in plugins.units("detectors").items()}

    def every(self, wanted: CaseFilter, limit: int = 10_000) -> Iterator[Case]:
        """Yield all cases that are asked for, page by page."""
        after = ""
        while True:
            page = self.store.find(wanted, after=after, limit=limit)
            yield from page.cases
            if not page.next:
                return
            after = page.next

    def _purpose(self) -> Purpose:
        return next(
            (one for one in (Purpose.CC_DETECTION, Purpose.ATTACK_DETECTION)
             if one in self.watch.settings.purposes),
            Purpose.DEMONSTRATION,
        )  # fmt: skip

    def _upto(self) -> int:
        try:
            mark = msgspec.json.decode(self._mark.read_bytes(), type=_Mark)
        except (FileNotFoundError, msgspec.DecodeError):
            return 0
        fresh = mark.database != self._database.where or not any(self.store.counts().values())
        return 0 if fresh else mark.upto
