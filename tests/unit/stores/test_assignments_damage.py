"""Assignments that are damaged or can't be read: no wrong name, no traceback, and what is past its time still goes."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from fakes.refusing import no_more_files
from sekisho.errors import StoreError
from sekisho.formats.assignment_rows import CLOSED, Rows, octets_of
from sekisho.model.assignment import Assignment
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.stores.assignments import AssignmentStore

NOON, DAY = 1_700_000_000_000, 86_400_000


def opened(root: Path, days: int = 100) -> AssignmentStore:
    label = Label((Purpose.NOTICE,), LegalBasis.CONSENT_BY_TERMS, Stage.ASSIGNMENT, NOON + days * DAY)
    return AssignmentStore(root, lambda: NOON, lambda: label)


def filled(root: Path, days: int = 100, day: int = 0) -> Path:
    store = opened(root, days)
    before = set(root.glob("*/*/*.parquet"))
    at = NOON + day * DAY
    store.add([Assignment(f"u{n}", f"192.0.2.{n}/32", at, at + 5_000, source="x:1") for n in range(50)])
    (made,) = set(root.glob("*/*/*.parquet")) - before
    return made


def foot(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-8] + b"garbage!")


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def page(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4:400] = b"\xff" * 396
    file.write_bytes(content)


@pytest.mark.parametrize("harm", [foot, half, empty, page])
def test_a_damaged_file_names_nobody_and_is_named(tmp_path: Path, harm: object) -> None:
    filled(tmp_path, day=1)
    file = filled(tmp_path)
    harm(file)  # type: ignore[operator]
    with pytest.raises(StoreError) as told:
        list(opened(tmp_path).look_up([("192.0.2.1", 0, NOON + 1000)]))
    assert told.value.where == str(file)


@pytest.mark.parametrize("harm", [foot, half, empty])
def test_a_damaged_file_is_counted_as_damaged_and_expires(tmp_path: Path, harm: object) -> None:
    filled(tmp_path, days=5)
    file = filled(tmp_path)
    harm(file)  # type: ignore[operator]
    store, octets = opened(tmp_path), file.stat().st_size
    held = store.held()
    assert (held["files"], held["rows"], held["damaged"]) == (2, 50, 1)
    assert [(one.rows, one.reason) for one in store.due(NOON + 5 * DAY)] == [(50, "label")]
    receipts = list(store.expire(NOON + 200 * DAY))
    assert sorted((one.rows, one.reason) for one in receipts) == [(0, "label"), (50, "label")]
    assert octets in {one.octets for one in receipts}
    assert list(tmp_path.iterdir()) == []


def test_compaction_leaves_a_damaged_file_and_those_beside_it(tmp_path: Path) -> None:
    filled(tmp_path)
    opened(tmp_path).add([Assignment("b", "198.51.100.1/32", NOON, NOON + 5_000)])
    files = sorted(tmp_path.glob("*/*/*.parquet"))
    half(files[0])
    assert opened(tmp_path).compact() == 0
    assert sorted(tmp_path.glob("*/*/*.parquet")) == files


def test_compaction_keeps_a_line_of_the_log_that_it_stands_in(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for source, line in (("b", 3), ("a", 90)):
        rows = Rows(source)
        rows.add(
            "u",
            octets_of(ip_address("192.0.2.1")),
            CLOSED,
            (NOON, NOON + 5_000, NOON),
            session=5,
            scope=1,
            line=line,
        )
        store.add_statements(iter([rows.batch()]))
    store.compact()
    assert (store.held()["files"], store.held()["rows"]) == (1, 1)
    (answer,) = store.look_up([("192.0.2.1", 0, NOON + 1000)])
    assert [one.source for one in answer.candidates] == ["a:90"]


def test_a_look_up_begins_anew_when_files_are_put_together_under_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    store = opened(tmp_path)
    store.add([Assignment("b", "198.51.100.1/32", NOON, NOON + 5_000)])
    listed = AssignmentStore._readable
    done = []

    def meanwhile(self: AssignmentStore) -> object:
        found = listed(self)
        if not done:
            done.append(opened(tmp_path).compact())
        return found

    monkeypatch.setattr(AssignmentStore, "_readable", meanwhile)
    assert [one.account for one in store.look_up([("198.51.100.1", 0, NOON + 1000)])] == ["b"]
    assert done == [2]


def test_a_label_that_cant_be_read_just_now_deletes_nothing(tmp_path: Path) -> None:
    file = filled(tmp_path)
    store = opened(tmp_path)
    with no_more_files(), pytest.raises(StoreError):
        list(store.expire(NOON))
    with no_more_files(), pytest.raises(StoreError):
        store.due(NOON)
    with no_more_files(), pytest.raises(StoreError):
        list(store.look_up([("192.0.2.1", 0, NOON)]))
    assert file.exists()
    assert list(store.expire(NOON)) == []


def test_one_label_out_of_reach_stops_no_other(tmp_path: Path) -> None:
    one, other = sorted((filled(tmp_path, days=5), filled(tmp_path, days=6)))
    label = one.parents[1] / "label.json"
    content = label.read_bytes()
    label.unlink()
    label.mkdir()  # an error of the system that is not "there is none"
    store, gone = opened(tmp_path), []
    with pytest.raises(StoreError):
        gone.extend(store.expire(NOON + 7 * DAY))
    assert one.exists()
    assert not other.exists()
    label.rmdir()
    label.write_bytes(content)
    assert [receipt.reason for receipt in store.expire(NOON + 7 * DAY)] == ["label"]


def test_a_folder_that_is_just_being_made_is_left(tmp_path: Path) -> None:
    (tmp_path / ("a" * 32)).mkdir()
    assert list(opened(tmp_path).expire(NOON)) == []
    assert (tmp_path / ("a" * 32)).is_dir()
