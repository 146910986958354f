"""The verb detect: run the methods over a window of the record store, and say what each was able to see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from sekisho.errors import SekishoError
from sekisho.formats.flow_queries import IN_WINDOW
from sekisho.language import Language, Text
from sekisho.model.baseline import BECAUSE
from sekisho.model.detection import Coverage, Detection, Window, sampling_words
from sekisho.model.purpose import Purpose
from sekisho.model.verdict import Scalar
from sekisho.ports.flows import Detector, Query, RecordStore, Tables

HOUR = 3_600_000
_SLOTS = f"""
SELECT DISTINCT CAST(FLOOR(("flowStartMilliseconds" - $begin) / $step) AS BIGINT) AS "slot" FROM "FLOW" WHERE {IN_WINDOW}
"""


class Looked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One method's look at one window. ``fault`` is not empty when the method itself failed: nothing was measured."""

    method: str
    window: Window
    detections: tuple[Detection, ...] = ()
    coverage: Coverage = Coverage()
    fault: str = ""

    @property
    def state(self) -> str:
        """Return ``found``, ``nothing-found`` or ``not-measured``; the last two are not the same."""
        if self.detections:
            return "found"
        return (
            "not-measured" if self.fault or not self.coverage.rows or self.coverage.blind else "nothing-found"
        )


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
) -> Iterator[Looked]:
    """Look at ``window`` in steps of ``step`` milliseconds with each method; ``past`` milliseconds before are the past.

    Steps without a single flow are left out; when there is none with any, the window is looked at as a whole, so that
    each method says that there was nothing to look at. A method that fails is data (`Looked.fault`): the others go on.
    """
    parts: dict[Purpose, tuple[Window, ...]] = {}
    for name, detector in detectors.items():
        asked = purpose or detector.purpose
        if asked not in parts:
            parts[asked] = _parts(store.tables(dataset, window, asked), window, step) or (window,)
        for part in parts[asked]:
            begin = part.begin
            try:
                tables = store.tables(dataset, Window(begin - past, part.end), asked)
                finds = detector.detect(tables, part, parameters(name))
            except SekishoError:
                raise
            except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way; it is data, and shown
                yield Looked(name, part, fault=f"{type(error).__name__}: {error}")
                continue
            yield Looked(name, part, finds.detections, finds.coverage)


def _parts(tables: Tables, window: Window, step: int) -> tuple[Window, ...]:
    """Return the steps of a window in which a flow began."""
    if window.end - window.begin <= step:
        return (window,)
    asked = {"begin": window.begin, "end": window.end, "step": step}
    slots = {row["slot"] for row in tables.ask(Query("slots", _SLOTS, parameters=asked)).to_pylist()}
    begins = (window.begin + slot * step for slot in sorted(slots))
    return tuple(Window(begin, min(begin + step, window.end)) for begin in begins)


def sentence(detection: Detection, reasons: Mapping[str, Text], language: Language) -> str:
    """Return what a detection says of itself: what was seen, why that is too much, what the sample allows to say."""
    said = (
        reasons[detection.reason].say(language, **detection.arguments) if detection.reason in reasons else ""
    )
    because = BECAUSE.get(str(detection.arguments.get("because", "")))
    parts = [said, because.say(language) if because else "", sampling_words(detection.sampling).say(language)]
    return ("" if language is Language.JA else " ").join(part for part in parts if part)
