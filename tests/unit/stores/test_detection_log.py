"""The log of detections: what `add` returned from is there, also when the disk fills up in the midst of a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.refusing import full_at
from sekisho.errors import StoreError
from sekisho.model.detection import Detection, Grade
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.stores.detection_log import DetectionLog

NOW = 1_795_212_000_000
LABEL = Label((Purpose.CC_DETECTION,), LegalBasis.LEGITIMATE_BUSINESS, Stage.CANDIDATE, NOW + 1000)


def one(name: str) -> Detection:
    return Detection(name, "known_cc", 7, NOW - 60_000, NOW - 50_000, Grade.CONFIRMED, "matched")


def names(log: DetectionLog) -> list[str]:
    return [line.detection.id for line in log.found(Purpose.CC_DETECTION, NOW)]


@pytest.mark.parametrize("room", [0, 1, 50])
def test_a_disk_that_fills_up_is_said_and_leaves_no_half_line(tmp_path: Path, room: int) -> None:
    log = DetectionLog(tmp_path / "detections.jsonl")
    log.add([one("d-1")], LABEL, NOW)
    before = log.file.read_bytes()
    with full_at(len(before) + room), pytest.raises(StoreError):
        log.add([one("d-2"), one("d-3")], LABEL, NOW)
    assert log.file.read_bytes() == before
    log.add([one("d-4")], LABEL, NOW)
    assert names(log) == ["d-1", "d-4"]


def test_a_disk_that_is_full_deletes_nothing_when_it_should_expire(tmp_path: Path) -> None:
    log = DetectionLog(tmp_path / "detections.jsonl")
    log.add([one("d-1"), one("d-2")], LABEL, NOW)
    log.add([one("d-3")], Label(LABEL.purposes, LABEL.basis, LABEL.stage, NOW + 9000), NOW)
    before = log.file.read_bytes()
    with full_at(10), pytest.raises(StoreError):
        log.expire(NOW + 1000)
    assert log.file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["detections.jsonl"]
    assert log.expire(NOW + 1000)[0].rows == 2
    assert names(log) == ["d-3"]


def test_a_log_that_cant_be_read_is_a_fault_and_not_empty(tmp_path: Path) -> None:
    log = DetectionLog(tmp_path)
    for ask in (lambda: names(log), lambda: log.due(NOW), lambda: log.held(7), lambda: log.expire(NOW)):
        with pytest.raises(StoreError):
            ask()
