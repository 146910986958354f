"""The store of assignments: sealed, idempotent, late records, purposes and expiry, answers that explain themselves."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from sekisho.errors import ReadingError, StoreError
from sekisho.formats.assignment_rows import BEGINS, CLOSED, ENDS, LEASED, OPEN, Rows, name_number, octets_of
from sekisho.model.assignment import Answer, Assignment, Outcome
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.stores.assignments import AssignmentStore, Settings

NOON = 1_700_000_000_000
DAY = 86_400_000
EXPIRES = NOON + 100 * DAY


def opened(
    root: Path,
    *,
    purpose: Purpose = Purpose.NOTICE,
    expires: int = EXPIRES,
    now: Callable[[], int] = lambda: NOON,
) -> AssignmentStore:
    label = Label((purpose,), LegalBasis.CONSENT_BY_TERMS, Stage.ASSIGNMENT, expires)
    return AssignmentStore(root, now, lambda: label, Settings())


def one(
    account: str, begin: int, end: int, address: str = "192.0.2.1", ports: tuple[int, int] = (0, 65535)
) -> Assignment:
    return Assignment(account, f"{address}/{32 if '.' in address else 128}", begin, end, *ports, "log:3")


def said(
    state: int,
    times: tuple[int, int, int],
    account: str = "a",
    address: str = "192.0.2.1",
    session: str = "s",
) -> pa.RecordBatch:
    rows = Rows("radius.log")
    rows.add(
        account, octets_of(ip_address(address)), state, times, session=name_number(session), scope=1, line=9
    )
    return rows.batch()


def first(store: AssignmentStore, moment: int, address: str = "192.0.2.1", port: int = 0) -> Answer:
    return next(store.look_up([(address, port, moment)]))


def test_answers_in_order_with_candidates_and_reasons(tmp_path: Path) -> None:
    store = opened(tmp_path / "a")
    every = [
        one("a", NOON, NOON + 60_000),
        one("b", NOON + 60_000, NOON + 90_000),
        one("c", NOON + 5 * DAY, NOON + 5 * DAY + 9_000),
    ]
    assert store.add(every) == 3
    asked = [
        ("192.0.2.1", 0, NOON + 5 * DAY + 1_000), ("192.0.2.1", 0, NOON + 5_000), ("192.0.2.1", 0, NOON + 60_500),
        ("192.0.2.1", 0, NOON + 91_000), ("192.0.2.77", 0, NOON + 70_000), ("192.0.2.1", 0, NOON + 3 * DAY),
        ("203.0.113.1", 0, NOON),
    ]  # fmt: skip
    found = list(store.look_up(asked))
    assert [(answer.outcome, answer.account, answer.because) for answer in found] == [
        (Outcome.FOUND, "c", ""), (Outcome.FOUND, "a", ""), (Outcome.AMBIGUOUS, "", "two-accounts"),
        (Outcome.FOUND, "b", "within-skew"), (Outcome.GAP, "", "nobody-had-it"), (Outcome.NO_DATA, "", "no-log"),
        (Outcome.NO_DATA, "", "no-log"),
    ]  # fmt: skip
    assert found[0].candidates == (every[2],)
    assert set(found[2].candidates) == set(every[:2])


def test_sealed_and_the_same_twice_is_one(tmp_path: Path) -> None:
    root = tmp_path / "a"
    store = opened(root)
    every = [one(f"u{n}", NOON + n * 1000, NOON + n * 1000 + 500, f"192.0.2.{n}") for n in range(50)]
    store.add(every)
    before = store.held()
    store.add(every)
    opened(root).add(every)
    assert store.held() == before
    modes = {stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*")) if path.is_dir()} == {
        0o700
    }


def test_a_stop_that_comes_later_closes_the_session(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.add_statements(iter([said(OPEN, (NOON, 0, NOON))]))
    assert first(store, NOON + 3 * DAY).because == "still-open"
    assert first(store, NOON + 3 * DAY).candidates[0].end == 0
    assert first(store, NOON + 8 * DAY).outcome is not Outcome.FOUND
    store.add_statements(iter([said(CLOSED, (0, NOON + 2 * DAY, NOON + 2 * DAY))]))
    assert first(store, NOON + 3 * DAY).outcome is not Outcome.FOUND
    assert first(store, NOON + DAY) == Answer(
        Outcome.FOUND, "a", (Assignment("a", "192.0.2.1/32", NOON, NOON + 2 * DAY, source="radius.log:9"),)
    )


def test_a_stop_without_a_start_and_without_a_length_names_nobody(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.add_statements(iter([said(CLOSED, (0, NOON, NOON))]))
    assert first(store, NOON - 1000).outcome is not Outcome.FOUND
    assert store.load(NOON, NOON + 1).faults == {"end-without-begin": 1}


def test_blocks_pair_across_files_and_the_inside_is_resolved(tmp_path: Path) -> None:
    store = opened(tmp_path)
    rows = Rows("cgn")
    outside = octets_of(ip_address("198.51.100.1"))
    rows.add(
        "inside:100.64.0.9", outside, BEGINS, (NOON, 0, NOON), session=5, scope=1, line=1, ports=(1024, 2047)
    )
    store.add_statements(iter([rows.batch()]))
    rows.add(
        "inside:100.64.0.9",
        outside,
        ENDS,
        (0, NOON + 9_000, NOON + 9_000),
        session=5,
        scope=1,
        line=1,
        ports=(1024, 2047),
    )
    rows.add(
        "inside:100.64.0.8", outside, BEGINS, (NOON, 0, NOON), session=6, scope=1, line=2, ports=(2048, 3071)
    )
    later = (NOON + 20_000, 0, NOON + 20_000)
    rows.add("inside:100.64.0.7", outside, BEGINS, later, session=7, scope=1, line=3, ports=(4096, 5119))
    store.add_statements(iter([rows.batch()]))
    store.add([one("line-9", NOON - 5000, NOON + 60_000, "100.64.0.9")])
    answer = first(store, NOON + 5_000, "198.51.100.1", 1500)
    assert (answer.outcome, answer.account) == (Outcome.FOUND, "line-9")
    assert [candidate.account for candidate in answer.candidates] == ["inside:100.64.0.9", "line-9"]
    assert first(store, NOON + 5_000, "198.51.100.1").because == "port-needed"
    assert first(store, NOON + 12_000, "198.51.100.1", 1500).outcome is Outcome.GAP
    # The inside address is known, the line behind it is not.
    assert first(store, NOON + 5_000, "198.51.100.1", 2500).outcome in {Outcome.GAP, Outcome.NO_DATA}


_KILLED = """
import os, signal, sys
from pathlib import Path
from sekisho.formats.assignment_rows import rows_of
from sekisho.model.assignment import Assignment
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.stores.assignments import AssignmentStore, Settings
NOON, DAY = 1_700_000_000_000, 86_400_000
label = Label((Purpose.NOTICE,), LegalBasis.CONSENT_BY_TERMS, Stage.ASSIGNMENT, NOON + 100 * DAY)
def batches():
    for part in range(8):
        if part == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        yield rows_of([Assignment(f"u{n}", f"192.0.2.{n % 200}/32", NOON + n * 1000, NOON + n * 1000 + 900, source="x:1")
                       for n in range(part * 100, part * 100 + 100)])
store = AssignmentStore(Path(sys.argv[1]), lambda: NOON, lambda: label, Settings(batch_rows=200))
print(store.add_statements(batches()))
"""


def test_a_killed_run_goes_on_where_it_was_and_nothing_is_twice(tmp_path: Path) -> None:
    def run(folder: str, kill: int) -> int:
        command = [sys.executable, "-c", _KILLED, str(tmp_path / folder), str(kill)]
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode

    assert run("whole", -1) == 0
    assert run("killed", 5) == -9
    half = opened(tmp_path / "killed").held()["rows"]
    assert half == 400
    assert run("killed", -1) == 0
    whole, again = opened(tmp_path / "whole"), opened(tmp_path / "killed")
    assert again.held() == whole.held()
    assert whole.held()["rows"] == 800
    asked = [(f"192.0.2.{n % 200}", 0, NOON + n * 1000 + 400) for n in range(0, 800, 7)]
    assert list(again.look_up(asked)) == list(whole.look_up(asked))


def test_what_the_label_does_not_allow_is_not_read_and_expires(tmp_path: Path) -> None:
    opened(tmp_path, purpose=Purpose.CC_DETECTION).add([one("a", NOON, NOON + 9_000)])
    assert first(opened(tmp_path), NOON + 1_000).outcome is Outcome.NO_DATA
    store = opened(tmp_path, expires=NOON + 2 * DAY)
    store.add([one("b", NOON, NOON + 9_000)])
    assert first(store, NOON + 1_000).account == "b"
    late = opened(tmp_path, now=lambda: NOON + 2 * DAY)
    assert first(late, NOON + 1_000).outcome is Outcome.NO_DATA
    receipts = list(late.expire(NOON + 2 * DAY))
    assert [(receipt.rows, receipt.reason) for receipt in receipts] == [(1, "label")]
    assert len(late.held()["labels"]) == 1


def test_an_altered_label_allows_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path, purpose=Purpose.CC_DETECTION)
    store.add([one("a", NOON, NOON + 9_000)])
    file = next(tmp_path.glob("*/label.json"))
    label = msgspec.json.decode(file.read_bytes(), type=Label)
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(label, purposes=(Purpose.NOTICE,))))
    assert first(store, NOON + 1_000).outcome is Outcome.NO_DATA
    assert next(store.expire(NOON)).reason == "label-unreadable"


def test_compaction_changes_no_answer(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for part in range(4):
        store.add(
            [
                one(f"u{n % 7}", NOON + n * 1000, NOON + n * 1000 + 3000, f"192.0.2.{n % 40}")
                for n in range(part, 60)
            ]
        )
    asked = [(f"192.0.2.{n}", 0, NOON + step * 1700) for n in range(40) for step in range(30)]
    before, rows = list(store.look_up(asked)), store.held()["rows"]
    assert store.compact() == 3
    assert store.held()["rows"] == 60 < rows
    assert list(store.look_up(asked)) == before


def test_only_what_is_asked_is_loaded(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for day in range(60):
        store.add([one("a", NOON + day * DAY, NOON + day * DAY + 5_000)])
    assert store.load(NOON + 30 * DAY, NOON + 31 * DAY).statements.num_rows <= 12
    assert first(store, NOON + 30 * DAY + 1000).account == "a"


def test_a_promise_ends_when_the_address_is_given_again_on_another_day(tmp_path: Path) -> None:
    store = opened(tmp_path)
    long = NOON + 40 * DAY
    store.add_statements(iter([said(LEASED, (NOON, long, NOON), "a", session="a")]))
    assert first(store, NOON + 35 * DAY).account == "a"
    store.add_statements(iter([said(LEASED, (NOON + DAY, NOON + 2 * DAY, NOON + DAY), "b", session="b")]))
    assert first(store, NOON + 35 * DAY).outcome is not Outcome.FOUND
    assert first(store, NOON + DAY // 2).account == "a"


@pytest.mark.parametrize(
    "question", [("192.0.2", 0, NOON), ("192.0.2.1", 65_536, NOON), ("192.0.2.1", -1, NOON), ("", 0, NOON)]
)
def test_wrong_questions_are_refused(tmp_path: Path, question: tuple[str, int, int]) -> None:
    with pytest.raises(ReadingError):
        list(opened(tmp_path).look_up([question]))


@pytest.mark.parametrize("wrong", [{"network": "192.0.2.1/33"}, {"port_end": 65_536}, {"begin": 5, "end": 4}])
def test_wrong_assignments_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    good: Sequence[Assignment] = [one("a", NOON, 0)]
    with pytest.raises(StoreError):
        opened(tmp_path).add([*good, msgspec.structs.replace(good[0], **wrong)])
