"""Looking at stored flows: windows, edges, faults; nothing is told twice and nothing hides on a full hour."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.watched import HOUR, START, MemoryTables, answered, flow
from sekisho.catalogues.detection import parameters
from sekisho.detectors.flows.outbound_scan import DETECTOR as SCAN
from sekisho.errors import PurposeError, StoreError
from sekisho.language import Language, Text
from sekisho.model.detection import Window
from sekisho.workflows.detect import Looked, detect, sentence

Rows = list[dict[str, Any]]


class Store:
    """The one method of a record store that looking needs."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def tables(self, dataset: str, window: Window, purpose: object) -> MemoryTables:
        return MemoryTables(self.rows, window)


def looks(rows: Rows, window: Window, detectors: Any = None) -> list[Looked]:
    return list(
        detect(
            detectors or {SCAN.name: SCAN},
            Store(rows),
            "flow",
            window,
            past=0,
            parameters=parameters,
        )  # type: ignore[arg-type]
    )


def scan(begin_s: float, count: int = 40, line: int = 7) -> Rows:
    return [flow(line, f"203.0.113.{n + 1}", 23, at=begin_s + n) for n in range(count)]


DAY = Window(START, START + 24 * HOUR)


@pytest.mark.parametrize("begin_s", [100, 3580, 3600, 5380, 7190])
def test_a_scan_is_found_once_wherever_the_hour_ends(begin_s: float) -> None:
    found = [one for look in looks(scan(begin_s), DAY) for one in look.detections]
    assert [one.rows for one in found] == [40]


@pytest.mark.parametrize("cut_s", [0, 60, 1000])
def test_counts_do_not_depend_on_where_the_question_begins(cut_s: int) -> None:
    rows = scan(3580)
    (one,) = [one for look in looks(rows, Window(START + cut_s * 1000, DAY.end)) for one in look.detections]
    assert one.rows == 40


def test_two_scans_hours_apart_are_two() -> None:
    found = [one for look in looks(scan(100) + scan(20_000), DAY) for one in look.detections]
    assert len(found) == 2


def test_only_windows_with_flows_are_looked_at_and_rows_count_once() -> None:
    rows = [row for n in range(10) for row in answered(7, "198.51.100.1", 443, at=50_000 + n)]
    seen = looks(rows, DAY)
    assert sum(look.coverage.rows for look in seen if not look.between) == 20
    assert len(seen) == 2
    assert {look.state for look in seen} == {"nothing-found"}


def test_no_flow_at_all_is_not_measured() -> None:
    (only,) = looks([], DAY)
    assert only.state == "not-measured"


class Broken:
    """A plug-in that fails."""

    name = "broken"
    purpose = SCAN.purpose
    reasons: dict[str, Any] = {}

    def detect(self, *_: Any) -> None:
        raise ZeroDivisionError("ouch")


def test_a_method_that_fails_is_data_and_the_others_go_on() -> None:
    seen = looks(scan(100), DAY, {"broken": Broken(), SCAN.name: SCAN})
    assert {look.state for look in seen if look.method == "broken"} == {"not-measured"}
    assert "found" in {look.state for look in seen if look.method == SCAN.name}
    assert "ouch" in next(look.fault for look in seen if look.method == "broken")


class Asking(Broken):
    """A method whose question the store can't answer, or for which there is no right to ask."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def detect(self, *_: Any) -> None:
        raise self.error


def test_a_question_that_cannot_be_answered_is_data_and_a_refused_purpose_is_not() -> None:
    seen = looks(
        scan(100),
        DAY,
        {
            "asking": Asking(StoreError(Text(ja="答えられない", en="can't be answered"), "sum")),
            SCAN.name: SCAN,
        },
    )
    assert {look.fault for look in seen if look.method == "asking"} == {"can't be answered: sum"}
    assert "found" in {look.state for look in seen if look.method == SCAN.name}
    with pytest.raises(PurposeError):
        looks(scan(100), DAY, {"asking": Asking(PurposeError(Text(ja="目的", en="purpose")))})


def test_a_sentence_says_what_why_and_what_a_sample_allows() -> None:
    (one,) = [one for look in looks(scan(100, 60), DAY) for one in look.detections]
    assert "60" in sentence(one, SCAN.reasons, Language.JA)
    assert "less than a day of past" in sentence(one, SCAN.reasons, Language.EN)
