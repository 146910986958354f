"""Retention without a running watch: what is past its time goes when somebody ingests, detects or hunts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from sekisho.demo import capture
from sekisho.errors import NothingThere
from sekisho.language import Language
from sekisho.model.purpose import LegalBasis, Purpose
from sekisho.model.watching import Watching
from sekisho.ports.flows import Query
from sekisho.wiring import watch as wired
from sekisho.wiring.held import held as disclosed
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.watch import Watch
from sekisho.workflows.ingest import Taken

DAY = 86_400_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time of day, in a box so that a test can move it."""
    at = [int(time.time() * 1000)]
    monkeypatch.setattr(wired, "milliseconds", lambda: at[0])
    return at


def opened(data: Path, basis: str = "legitimate-business") -> Watch:
    data.mkdir(exist_ok=True)
    (data / "watch.toml").write_text(f'customers = ["{capture.CUSTOMERS}"]\nbasis = "{basis}"\n')
    return Watch(data)


def take(data: Path, at: int, basis: str = "legitimate-business") -> Taken:
    folder = data.parent / f"capture-{at}"
    capture.write(folder, at / 1000)
    with opened(data, basis) as watch:
        (done,) = watch.ingest([folder / "capture.pcap"], {}, lambda *_: None, kind="", language=Language.EN)
    return done


def held(data: Path) -> int:
    with Watch(data) as watch:
        return int(watch.store.state()["datasets"].get("flow", {}).get("rows", 0))


@pytest.mark.parametrize(("days", "reason"), [(-40, "too-old"), (0.375, "in-the-future")])
def test_what_is_past_its_time_or_ahead_of_it_is_not_taken_in(
    tmp_path: Path, clock: list[int], days: float, reason: str
) -> None:
    data, at = tmp_path / "data", clock[0] + int(days * DAY)
    done = take(data, at)
    assert (done.outcome, done.kept, held(data)) == ("left-out", 0, 0)
    assert done.counted.rejected == {reason: done.read - done.elsewhere}
    assert done.read > 2000
    # Nothing of it was kept, so the file may be tried again: under another ground its time says nothing.
    assert take(data, at, "not-communication").outcome == "taken"
    assert held(data) == done.read


def test_the_part_that_may_be_kept_is(tmp_path: Path, clock: list[int]) -> None:
    data = tmp_path / "data"
    with opened(data) as watch:
        times = watch.times()
    assert times is not None
    done = take(data, times.begin - 600_000)
    assert done.outcome == "taken"
    assert 0 < done.kept == held(data) < done.read
    assert done.counted.rejected["too-old"] + done.kept == done.read


def test_ingest_and_detect_delete_what_is_due_first(tmp_path: Path, clock: list[int]) -> None:
    data = tmp_path / "data"
    begin = clock[0]
    assert take(data, begin - 7_200_000).outcome == "taken"
    before = held(data)
    clock[0] = begin + 8 * DAY
    second = take(data, clock[0] - 7_200_000)
    assert held(data) == second.kept
    receipts = [json.loads(line) for line in (data / "records" / "receipts.jsonl").read_text().splitlines()]
    assert [(one["rows"], one["reason"]) for one in receipts] == [(before, "label")]


@pytest.mark.parametrize("what", ["window", "detect"])
def test_a_question_does_not_fail_of_what_has_expired(tmp_path: Path, clock: list[int], what: str) -> None:
    data = tmp_path / "data"
    begin = clock[0]
    take(data, begin - 7_200_000)
    clock[0] = begin + 5 * DAY
    newer = take(data, clock[0] - 7_200_000)
    clock[0] = begin + 8 * DAY
    with Watch(data, create=False) as watch:
        whole = wired.Window(begin - DAY, clock[0])
        window = watch.window(None, None) if what == "window" else whole
        detectors: dict[str, Any] = watch.detectors(("outbound_scan",), ())[0]
        looks = list(watch.detect(detectors, window, past=0))
    assert {look.state for look in looks} == {"found"} or "found" in {look.state for look in looks}
    assert held(data) == newer.kept
    assert (data / "records" / "receipts.jsonl").exists()
    assert not (data / "records" / "refusals.jsonl").exists()


def test_detections_go_as_well(tmp_path: Path, clock: list[int]) -> None:
    data = tmp_path / "data"
    take(data, clock[0] - 7_200_000)
    with Watch(data, create=False) as watch:
        looks = list(
            watch.detect(watch.detectors(("outbound_scan",), ())[0], watch.window(None, None), past=0)
        )
        watch.remember([one for look in looks for one in look.detections])
    assert (data / "detections.jsonl").stat().st_size
    clock[0] += 400 * DAY
    take(data, clock[0] - 7_200_000)
    assert not (data / "detections.jsonl").read_bytes()


def test_the_default_ground_is_one_of_communication() -> None:
    assert Watching().basis is not LegalBasis.NOT_COMMUNICATION


def test_flows_that_were_deleted_are_said_to_be(tmp_path: Path, clock: list[int]) -> None:
    data = tmp_path / "data"
    take(data, clock[0] - 7_200_000)
    count = held(data)
    clock[0] += 8 * DAY
    with Watch(data, create=False) as watch, pytest.raises(NothingThere) as caught:
        watch.window(None, None)
    assert f"({count:,} rows)" in caught.value.what.en
    assert "were deleted at their time" in caught.value.what.en


def promised(data: Path, now: int) -> tuple[int, int]:
    """What is said of when the first and the last flow of the camera goes."""
    with Watch(data, create=False) as watch:
        (line, _), *_ = _lines(watch)
        told = disclosed(Holdings(watch, lambda: now), line, "tester").holdings[0]
    return told.expires, told.last


def _lines(watch: Watch) -> list[tuple[int, int]]:
    asked = watch.store.tables("flow", wired.Window(0, 1 << 50), Purpose.CC_DETECTION)
    sql = 'SELECT "subscriber" AS "line", COUNT(*) AS "n" FROM "FLOW" GROUP BY 1'
    found = asked.ask(Query("lines", sql, 'SELECT * FROM "PART" ORDER BY "n" DESC')).to_pylist()
    return [(row["line"], row["n"]) for row in found]


def due(data: Path, now: int) -> int:
    with Watch(data, create=False) as watch:
        return sum(one.rows for one in Holdings(watch, lambda: now).expire("tester", dry=True).receipts)


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize(
    ("age", "first", "last"), [(20, 1.0, 1.0), (6.5, 1.0, 1.0), (3, 4.0, 4.1), (29.5, 0.5, 0.6)]
)
def test_flows_are_kept_from_their_own_time_on(
    tmp_path: Path, clock: list[int], age: float, first: float, last: float, compacted: bool
) -> None:
    """What is older than its time can be looked at for a day; what is said is what happens."""
    data, begin = tmp_path / "data", clock[0]
    done = take(data, begin - int(age * DAY))
    assert (done.outcome, held(data)) == ("taken", done.kept)
    assert (done.late == done.kept) == (age > 7)
    if compacted:
        with Watch(data) as watch:
            assert watch.store.compact("flow")["made"]
    goes = promised(data, begin)
    assert begin + (first - 0.1) * DAY < goes[0] <= goes[1] <= begin + (last + 0.1) * DAY, goes
    assert due(data, goes[0] - 1) == 0
    assert 0 < due(data, goes[0]) <= due(data, goes[1]) == done.kept
    clock[0] = goes[0] - 1
    with Watch(data, create=False) as watch:
        watch.tidy()
        assert sum(rows for _, rows in _lines(watch)) == done.kept
    assert held(data) == done.kept
    clock[0] = goes[1]
    with Watch(data, create=False) as watch:
        # Nor is it told while it isn't deleted, as in a folder that may only be read.
        assert not _lines(watch)
        watch.tidy()
    assert held(data) == 0


def test_what_comes_in_as_it_happens_goes_with_its_label(tmp_path: Path, clock: list[int]) -> None:
    clock[0] = clock[0] // 3_600_000 * 3_600_000 + 1_800_000
    data = tmp_path / "data"
    take(data, clock[0] - 4_200_000)
    with Watch(data) as watch:
        (label,) = [one["expires"] for one in watch.store.state()["datasets"]["flow"]["labels"].values()]
    assert promised(data, clock[0]) == (label, label)
