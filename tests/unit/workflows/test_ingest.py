"""Ingest that is ended at the worst moments: no file is lost, no row is doubled."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sekisho.demo import capture
from sekisho.language import Language
from sekisho.wiring.watch import Watch
from sekisho.workflows.ingest import Taken

START = 1_795_000_000.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    capture.write(tmp_path, START)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "watch.toml").write_text(capture.settings(), encoding="utf-8")
    return folder


def run(data: Path, *files: Path) -> list[Taken]:
    with Watch(data) as watch:
        return list(watch.ingest(files, {}, lambda *_: None, kind="", language=Language.EN))


def rows(data: Path) -> int:
    with Watch(data) as watch:
        return int(watch.store.state()["datasets"].get("flow", {}).get("rows", 0))


def test_ended_between_keeping_and_noting(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        pass

    def end(_: Path, noted: object) -> None:
        assert isinstance(noted, Taken)
        raise Ended

    with monkeypatch.context() as patched:
        patched.setattr("sekisho.wiring.watch.add", end)
        with pytest.raises(Ended):
            run(data, data.parent / "capture.pcap")
    assert not (data / "taken.jsonl").exists()
    before = rows(data)
    assert before > 2000
    for _ in range(2):
        (again,) = run(data, data.parent / "capture.pcap")
        assert (again.outcome, rows(data)) == ("again", before)


@pytest.mark.parametrize("life", range(6))
def test_killed_at_some_moment_and_started_again(data: Path, life: int) -> None:
    files = []
    for number in range(4):
        folder = data.parent / str(number)
        folder.mkdir()
        capture.write(folder, START + 86_400 * number)
        files.append(folder / "capture.pcap")
    process = subprocess.Popen(
        [sys.executable, "-m", "sekisho", "ingest", *map(str, files), "--data", str(data)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (data / "records").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.15 * life)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = run(data, *files)
    assert {one.outcome for one in done} <= {"taken", "again"}
    whole = data.parent / "whole"
    shutil.copytree(data, whole, ignore=shutil.ignore_patterns("records", "taken.jsonl"))
    expected = sum(one.kept for one in run(whole, *files))
    assert rows(data) == rows(whole) == expected > 9000


def test_a_torn_file_is_no_success_the_second_time_either(data: Path) -> None:
    torn = data.parent / "torn.pcap"
    torn.write_bytes((data.parent / "capture.pcap").read_bytes()[:100_007])
    (first,) = run(data, torn)
    (again,) = run(data, torn)
    assert first.outcome == "partly"
    assert (again.outcome, again.before, again.counted) == ("again", "partly", first.counted)


def test_a_file_rejected_as_a_whole_may_be_tried_again(data: Path) -> None:
    bad = data.parent / "conn.log"
    line = {"ts": START, "id.orig_h": "no address", "id.orig_p": 1, "id.resp_h": "192.0.2.1", "id.resp_p": 2}
    bad.write_text(20 * (json.dumps({**line, "proto": "tcp", "conn_state": "SF"}) + "\n"))
    for _ in range(2):
        (done,) = run(data, bad)
        assert (done.outcome, sum(done.counted.rejected.values())) == ("rejected", 20), done


NFDUMP = f"""ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt
2026-11-18 18:00:00,2026-11-18 18:00:01,1.0,{capture.CAMERA},198.51.100.9,40000,23,TCP,...AP.S.,0,0,5,270
"""


def test_a_file_without_a_zone_is_refused_and_taken_once_it_is_told(data: Path) -> None:
    file = data.parent / "nfdump.csv"
    file.write_text(NFDUMP)
    (refused,) = run(data, file)
    assert (refused.outcome, rows(data)) == ("failed", 0)
    assert "--zone Asia/Tokyo" in refused.fault
    files = (file, data.parent / "capture.pcap")  # what states its times itself needs no zone
    with Watch(data) as watch:
        done = list(
            watch.ingest(files, {"zone": "Asia/Tokyo"}, lambda *_: None, kind="", language=Language.EN)
        )
    assert [one.outcome for one in done] == ["taken", "taken"]
    assert done[0].begin == 1_794_992_400_000  # 2026-11-18 09:00 UTC


OTHER = "203.0.113.7"


def flows(*lines: str, bad: int = 0) -> str:
    at = 1_794_992_400_000
    head = (
        "flowStartMilliseconds,sourceAddress,destinationAddress,sourceTransportPort,destinationTransportPort,"
    )
    rows = [f"{at},{one},198.51.100.9,40000,443,6,5,270" for one in lines] + [f"{at},?,?,1,2,6,1,60"] * bad
    return "\n".join([head + "protocolIdentifier,packetDeltaCount,octetDeltaCount", *rows, ""])


def with_prefix(data: Path, prefix: str) -> None:
    file = data / "watch.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("customers = [", f'customers = ["{prefix}", '), encoding="utf-8")


def test_what_was_nobodys_is_taken_when_its_prefix_is_named(data: Path) -> None:
    file = data.parent / "flows.csv"
    file.write_text(flows(capture.CAMERA, OTHER, OTHER))
    (first,) = run(data, file)
    assert (first.kept, first.elsewhere, rows(data)) == (1, 2, 1)
    assert run(data, file)[0].outcome == "again"
    with_prefix(data, "203.0.113.0/24")
    (added,) = run(data, file)
    assert (added.outcome, added.kept, added.elsewhere, rows(data)) == ("taken", 2, 0, 3)
    # Ended before it was noted: the store knows.
    lines = (data / "taken.jsonl").read_text().splitlines()
    (data / "taken.jsonl").write_text(lines[0] + "\n")
    assert run(data, file)[0].outcome == "again"
    assert run(data, file)[0].outcome == "again"
    assert rows(data) == 3


def test_a_file_of_nobody_is_taken_when_its_prefix_is_named(data: Path) -> None:
    file = data.parent / "flows.csv"
    file.write_text(flows(OTHER, OTHER))
    assert run(data, file)[0].outcome == "foreign"
    with_prefix(data, "203.0.113.0/24")
    assert (run(data, file)[0].kept, rows(data)) == (2, 2)


def test_rows_that_could_not_be_taken_are_no_nothing_found(data: Path) -> None:
    file = data.parent / "flows.csv"
    file.write_text(flows(capture.CAMERA, bad=3))
    run(data, file)
    with Watch(data) as watch:
        detectors, _ = watch.detectors(("outbound_scan",), ())
        looks = list(watch.detect(detectors, watch.window(None, None), past=0))
        assert {(look.state, look.lost) for look in looks} == {("not-measured", ("flows.csv: 3",))}
        watch.note_looks(looks, looks[0].window)
        assert not (data / "looks.jsonl").exists()


def test_an_empty_folder_is_said(data: Path) -> None:
    (data.parent / "nothing").mkdir()
    (said,) = run(data, data.parent / "nothing")
    assert said.outcome == "failed"
    assert "no file in this folder" in said.fault


def test_two_at_once_say_that_one_of_them_has_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture_file = data.parent / "capture.pcap"
    assert run(data, capture_file)[0].outcome == "taken"
    (data / "taken.jsonl").unlink()
    before = rows(data)
    # The other one began to keep it after this one had looked.
    monkeypatch.setattr("sekisho.stores.records_duckdb.DuckRecords.kept", lambda *_: None)
    assert run(data, capture_file)[0].outcome == "again"
    assert rows(data) == before


def test_a_file_and_the_same_compressed_are_one(data: Path) -> None:
    import gzip

    file, packed = data.parent / "flows.csv", data.parent / "flows.csv.gz"
    file.write_text(flows(capture.CAMERA))
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert [one.outcome for one in run(data, packed, file, packed)] == ["taken", "again", "again"]
    torn = data.parent / "torn.csv.gz"
    torn.write_bytes(packed.read_bytes()[:-9])
    assert run(data, torn)[0].outcome in {"partly", "failed"}
