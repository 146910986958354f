"""The watch as the console sees it: detections by their index, and how a running watch stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from sekisho.language import Text
from sekisho.model.detected import DetectionCounts, Listed
from sekisho.model.detection import Window
from sekisho.ports.detections import DetectionFilter, DetectionPage
from sekisho.wiring.console_folder import ConsoleFolder, looking
from sekisho.wiring.refreshing import Refreshing

if TYPE_CHECKING:
    from sekisho.stores.database.detections import SqlDetections
    from sekisho.stores.detection_tail import DetectionTail
    from sekisho.wiring.figures import Watched

_EVERY = DetectionFilter()


class Shown(msgspec.Struct, frozen=True):
    """One detection; ``evidence`` are its flow rows, None when the log no longer has them."""

    listed: Listed
    evidence: tuple[dict[str, Any], ...] | None


class Method(msgspec.Struct, frozen=True):
    """A way of detecting: its title, and the sentence of each reason."""

    name: str
    title: Text
    reasons: Mapping[str, Text]
    parameters: Mapping[str, Text]


class WatchDesk:
    """Detections and the running watch. The index follows the log by itself, a few seconds behind at most."""

    def __init__(self, folder: ConsoleFolder) -> None:
        self._folder = folder
        self.fresh = Refreshing(self._index)

    def detections(
        self, wanted: DetectionFilter = _EVERY, *, after: str = "", limit: int = 50, who: str = ""
    ) -> DetectionPage:
        """Return a page, newest first.

        :raises DescriptionError: ``after`` is not the ``next`` of a page
        :raises PurposeError: detections may not be looked at
        """
        self.fresh()
        return self._asked.find(wanted, looking(self._folder), after=after, limit=limit, who=who)

    def detection(self, identifier: str, *, who: str = "") -> Shown | None:
        """Return one detection with its flow rows; None when there is none of that id."""
        self.fresh()
        listed = self._asked.one(identifier, looking(self._folder), who)
        if listed is None:
            return None
        logged = self._tail.logged(identifier, listed.place)
        return Shown(listed, logged.detection.evidence if logged else None)

    def counts(self, wanted: DetectionFilter = _EVERY, *, who: str = "") -> DetectionCounts:
        """Count by method, grade, family and hour."""
        self.fresh()
        return self._asked.counts(wanted, looking(self._folder), who)

    def of_case(self, case: str) -> tuple[str, ...]:
        """Return the ids of the detections that a case holds now, for `DetectionFilter.ids`."""
        self._folder.ready()
        from sekisho.model.case_life import held

        return tuple(held(self._folder.holdings.cases(self._folder.database, _notice()).events(case)))

    def cases_of(self, listed: Sequence[Listed]) -> Mapping[str, str]:
        """Return which case holds a detection, by the detection's id; one that no case holds isn't among them."""
        self._folder.ready()
        from sekisho.model.case import CaseState

        store = self._folder.holdings.cases(self._folder.database, _notice())
        wanted = {one.id for one in listed}
        lines = list(dict.fromkeys(one.subscriber for one in listed))
        found: dict[str, str] = {}
        for lives in store.of_lines(lines).values():
            for life in sorted(
                lives, key=lambda one: (one.case.state is not CaseState.CLOSED, one.case.updated)
            ):
                if not life.case.merged_into:
                    found |= dict.fromkeys(wanted & life.sightings.keys(), life.case.id)
        return found

    def methods(self) -> Mapping[str, Method]:
        """Return the ways of detecting that are installed, by name."""

        def made() -> Mapping[str, Method]:
            from sekisho import plugins

            units = plugins.units("detectors").items()
            return {name: Method(name, one.title, one.reasons, one.parameters) for name, one in units}

        return self._folder.once("methods", made)

    def looked(self, methods: Sequence[str], window: Window) -> tuple[int, ...]:
        """Return the beginnings of the hours that all of ``methods`` have wholly looked at: others say nothing."""
        return tuple(self._folder.looks.hours(methods, window))

    def figures(self) -> Watched | None:
        """Return how a watch of this folder stood last; None when none ever ran."""
        self._folder.ready()
        from sekisho.wiring.figures import last_figures

        return last_figures(self._folder.folder)

    def behind(self) -> int:
        """Return how many octets of the log the index hasn't read yet; 0 when it has read all."""
        self._folder.ready()
        from sekisho.stores.database.detection_filling import SqlDetectionFilling

        return self._tail.behind(SqlDetectionFilling(self._folder.database).mark())

    def catch_up(self) -> int:
        """Read the log to its end now; return how many lines were taken in."""
        return self.fresh.now()

    def _index(self) -> int:
        self._folder.ready()
        from sekisho.stores.database.detection_filling import SqlDetectionFilling
        from sekisho.workflows.index_detections import index_detections

        filling = SqlDetectionFilling(self._folder.database)
        return index_detections(self._tail, filling, self._folder.now()).taken

    @property
    def _tail(self) -> DetectionTail:
        self._folder.ready()
        from sekisho.stores.detection_tail import DetectionTail

        return self._folder.once("tail", lambda: DetectionTail(self._folder.log.file))

    @property
    def _asked(self) -> SqlDetections:
        self._folder.ready()
        from sekisho.stores.database.detections import SqlDetections
        from sekisho.stores.ledger import REFUSALS

        folder = self._folder
        return folder.once(
            "asked", lambda: SqlDetections(folder.database, folder.folder / REFUSALS, folder.now)
        )


def _notice() -> Any:
    from sekisho.model.purpose import Purpose

    return Purpose.NOTICE
