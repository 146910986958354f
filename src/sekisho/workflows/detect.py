"""The verb detect: run the methods over a window of the record store, and say what each was able to see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from sekisho.errors import SekishoError
from sekisho.language import Language, Text
from sekisho.model.baseline import BECAUSE
from sekisho.model.detection import Coverage, Detection, Window, sampling_words
from sekisho.model.purpose import Purpose
from sekisho.model.verdict import Scalar
from sekisho.ports.flows import Detector, RecordStore

HOUR = 3_600_000


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

    A method that fails is data (`Looked.fault`), so that the others go on.
    """
    for name, detector in detectors.items():
        for begin in range(window.begin, window.end, step):
            part = Window(begin, min(begin + step, window.end))
            try:
                tables = store.tables(dataset, Window(begin - past, part.end), purpose or detector.purpose)
                finds = detector.detect(tables, part, parameters(name))
            except SekishoError:
                raise
            except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way; it is data, and shown
                yield Looked(name, part, fault=f"{type(error).__name__}: {error}")
                continue
            yield Looked(name, part, finds.detections, finds.coverage)


def sentence(detection: Detection, reasons: Mapping[str, Text], language: Language) -> str:
    """Return what a detection says of itself: what was seen, why that is too much, what the sample allows to say."""
    said = (
        reasons[detection.reason].say(language, **detection.arguments) if detection.reason in reasons else ""
    )
    because = BECAUSE.get(str(detection.arguments.get("because", "")))
    parts = [said, because.say(language) if because else "", sampling_words(detection.sampling).say(language)]
    return ("" if language is Language.JA else " ").join(part for part in parts if part)
