"""The verb detect: run the methods over a window of the record store, and say what each was able to see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import msgspec

from sekisho.errors import SekishoError, StoreError
from sekisho.formats.flow_queries import IN_WINDOW
from sekisho.language import Language, Text
from sekisho.model.baseline import BECAUSE
from sekisho.model.detection import Coverage, Detection, Window, same, sampling_words
from sekisho.model.purpose import Purpose
from sekisho.model.verdict import Scalar
from sekisho.ports.flows import Damage, Detector, Query, RecordStore, Tables

HOUR = 3_600_000
# Windows to look at, each with whether it lies between two others.
Parts = tuple[tuple[Window, bool], ...]
_SLOTS = f"""
SELECT DISTINCT CAST(FLOOR(("flowStartMilliseconds" - $begin) / $step) AS BIGINT) AS "slot" FROM "FLOW" WHERE {IN_WINDOW}
"""


class Looked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One method's look at one window. ``fault`` is not empty when the method itself failed: nothing was measured.

    ``between`` marks a window that overlaps its neighbours, so that nothing hides on a full hour; its rows were looked at
    by them as well. ``damaged`` are files with flows of the window that are no longer what was written, ``lost`` files that
    could be taken in only in part, ``stale`` lists that were not fetched for too long: without what is missing a detection
    still stands, but "nothing found" can't be said.
    """

    method: str
    window: Window
    detections: tuple[Detection, ...] = ()
    coverage: Coverage = Coverage()
    fault: str = ""
    between: bool = False
    damaged: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """Return ``found``, ``nothing-found`` or ``not-measured``; the last two are not the same."""
        if self.detections:
            return "found"
        gaps = self.fault or self.damaged or self.lost or self.stale
        unseen = gaps or not self.coverage.rows or self.coverage.blind
        return "not-measured" if unseen else "nothing-found"


def detect(
    detectors: Mapping[str, Detector],
    store: RecordStore,
    dataset: str,
    window: Window,
    *,
    past: int,
    parameters: Callable[[str], Mapping[str, Scalar]],
    step: int = HOUR,
    purpose: Purpose | None = None,
    lost: Iterable[Damage] = (),
) -> Iterator[Looked]:
    """Look at ``window`` in steps of ``step`` milliseconds with each method; ``past`` milliseconds before are the past.

    Steps begin at multiples of ``step``, whatever was asked for, so that the same flows give the same counts. Methods
    that count over time (``counts_over_time``) also look at the windows half a step on; what two overlapping windows both show
    is given once, by the one that saw more of it. Windows without a single flow are left out; when none has any,
    the window is looked at as a whole, so that each method says that there was nothing to look at. A method that
    fails is data (`Looked.fault`): the others go on. ``lost`` are flows that never got into the store, by file and time.
    """
    parts: dict[tuple[Purpose, bool], Parts] = {}
    broken: dict[Purpose, tuple[Damage, ...]] = {}
    missing = tuple(one for one in lost if one.meets(window))
    for name, detector in detectors.items():
        asked, twice = purpose or detector.purpose, bool(getattr(detector, "counts_over_time", False))
        if (asked, twice) not in parts:
            bound = store.tables(dataset, window, asked)
            found = _parts(bound, window, step, twice=twice)
            broken[asked] = bound.damaged()
            parts[asked, twice] = found or ((window, False),)

        tables = partial(_with_past, store, dataset, asked, past)
        looks = _looks(name, detector, tables, parts[asked, twice], parameters)
        yield from _with_damage(name, _once(looks), (broken[asked], missing), window)


def _with_past(store: RecordStore, dataset: str, asked: Purpose, past: int, part: Window) -> Tables:
    return store.tables(dataset, Window(part.begin - past, part.end), asked)


def _looks(
    name: str,
    detector: Detector,
    tables: Callable[[Window], Tables],
    parts: Parts,
    parameters: Callable[[str], Mapping[str, Scalar]],
) -> Iterator[Looked]:
    """Yield one method's look at each part; ``tables`` gives a part with its past."""
    for part, between in parts:
        try:
            finds = detector.detect(tables(part), part, parameters(name))
        except StoreError as error:
            # One question of one method can't be answered (too much memory, a sum that overflows): the others go on.
            yield Looked(name, part, fault=f"{error.what.en}: {error.where}", between=between)
            continue
        except SekishoError:
            raise
        except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way; it is data, and shown
            yield Looked(name, part, fault=f"{type(error).__name__}: {error}", between=between)
            continue
        yield Looked(name, part, finds.detections, finds.coverage, between=between)


def _with_damage(
    name: str, looks: Iterator[Looked], unseen: tuple[tuple[Damage, ...], tuple[Damage, ...]], window: Window
) -> Iterator[Looked]:
    """Yield ``looks`` with the damaged files, and those lost, that each would have needed; then what none has met."""
    met: set[str] = set()
    for look in looks:
        files, lost = (tuple(sorted({one.file for one in some if one.meets(look.window)})) for some in unseen)
        met.update(files, lost)
        yield msgspec.structs.replace(look, damaged=files, lost=lost) if files or lost else look
    for some in unseen:
        for one in some:
            if one.file not in met:
                gap, file = one.window or window, (one.file,)
                part = Window(max(gap.begin, window.begin), min(gap.end, window.end))
                yield Looked(name, part, damaged=file) if some is unseen[0] else Looked(name, part, lost=file)


def _once(looks: Iterator[Looked]) -> Iterator[Looked]:
    """Yield looks in which nothing is told twice by two windows that overlap."""
    before: Looked | None = None
    for look in looks:
        if before is None:
            before = look
            continue
        mine, theirs = list(look.detections), list(before.detections)
        if look.window.begin < before.window.end:
            for one in look.detections:
                for other in before.detections:
                    if same(one, other):
                        if one.rows > other.rows and other in theirs:
                            theirs.remove(other)
                        elif one in mine:
                            mine.remove(one)
        yield msgspec.structs.replace(before, detections=tuple(theirs))
        before = msgspec.structs.replace(look, detections=tuple(mine))
    if before is not None:
        yield before


def _parts(tables: Tables, window: Window, step: int, *, twice: bool) -> Parts:
    """Return the steps of a window in which a flow began, and with ``twice`` those between as well."""
    half = step // 2
    asked = {"begin": window.begin // half * half, "end": window.end, "step": half}
    slots = {row["slot"] for row in tables.ask(Query("slots", _SLOTS, parameters=asked)).to_pylist()}
    halves = {asked["begin"] // half + slot for slot in slots}
    begins = {half * (number - number % 2) for number in halves}
    if twice:
        begins |= {half * (number - (number + 1) % 2) for number in halves}
    parts = (
        (Window(max(begin, window.begin), min(begin + step, window.end)), begin % step != 0)
        for begin in sorted(begins)
    )
    return tuple((part, between) for part, between in parts if part.begin < part.end)


def sentence(detection: Detection, reasons: Mapping[str, Text], language: Language) -> str:
    """Return what a detection says of itself: what was seen, why that is too much, what the sample allows to say."""
    said = (
        reasons[detection.reason].say(language, **detection.arguments) if detection.reason in reasons else ""
    )
    because = BECAUSE.get(str(detection.arguments.get("because", "")))
    parts = [
        said,
        because.say(language) if because else "",
        sampling_words(detection.sampling, detection.arguments).say(language),
    ]
    return ("" if language is Language.JA else " ").join(part for part in parts if part)
