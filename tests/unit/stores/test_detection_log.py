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


def torn_in_the_middle(tmp_path: Path) -> DetectionLog:
    log = DetectionLog(tmp_path / "detections.jsonl")
    log.add([one("d-1")], LABEL, NOW)
    with log.file.open("ab") as out:
        out.write(b'\xff\xfe{"at":1,"lab\n')
    log.add([one("d-2")], Label(LABEL.purposes, LABEL.basis, LABEL.stage, NOW + 9000), NOW + 500)
    return log


def test_a_torn_line_is_told_with_its_place(tmp_path: Path) -> None:
    log = torn_in_the_middle(tmp_path)
    whole = log.file.read_bytes()
    log.file.write_bytes(whole[:-20])
    found = log.read(Purpose.CC_DETECTION, NOW)
    assert [line.detection.id for line in found.logged] == ["d-1"]
    assert [(torn.line, torn.after) for torn in found.torn] == [(2, NOW), (3, NOW)]


def test_what_is_past_its_time_is_told_apart_from_what_is_not_there(tmp_path: Path) -> None:
    found = torn_in_the_middle(tmp_path).read(Purpose.CC_DETECTION, NOW + 2000)
    assert found.past == {"d-1"}
    assert [line.detection.id for line in found.logged] == ["d-2"]


def test_a_torn_line_goes_with_what_was_written_behind_it(tmp_path: Path) -> None:
    log = torn_in_the_middle(tmp_path)
    assert [receipt.reason for receipt in log.expire(NOW + 1000)] == ["label"]
    assert len(log.read(Purpose.CC_DETECTION, NOW).torn) == 1
    due = log.due(NOW + 9000)
    assert log.expire(NOW + 9000) == due
    assert [(receipt.rows, receipt.reason) for receipt in due] == [(1, "label"), (1, "label-unreadable")]
    assert log.file.read_bytes() == b""


def test_a_log_of_nothing_but_rubbish_is_not_deleted_before_anybody_saw_it(tmp_path: Path) -> None:
    log = DetectionLog(tmp_path / "detections.jsonl")
    log.file.write_bytes(b"rubbish")
    assert log.expire(NOW) == ()
    assert [torn.line for torn in log.read(Purpose.CC_DETECTION, NOW).torn] == [1]
