"""Labels and purposes, expiry and receipts: what the law asks of every engine."""

from __future__ import annotations

import msgspec
import pytest

from contract.conftest import Make
from contract.engines import DAY, LABEL, NOW, WHOLE, Clock, batches, lines, plain
from fakes.watched import HOUR, START
from sekisho.errors import PurposeError, StoreError
from sekisho.model.detection import Window
from sekisho.model.purpose import LegalBasis, Purpose, Stage
from sekisho.ports.flows import Query, RecordStore

COUNT = Query(
    "rows", 'SELECT COUNT(*) AS "n" FROM "FLOW"', 'SELECT CAST(SUM("n") AS BIGINT) AS "n" FROM "PART"'
)
CC, NOTICE = Purpose.CC_DETECTION, Purpose.NOTICE
SHORT = msgspec.structs.replace(LABEL, expires=NOW + DAY)
FOR_NOTICE = msgspec.structs.replace(LABEL, purposes=(NOTICE,))


def count(store: RecordStore, purpose: Purpose = CC, window: Window = WHOLE) -> int:
    return int(plain(store.tables("flows", window, purpose).ask(COUNT))[0][0])


def test_a_purpose_that_the_label_lacks_is_refused_and_logged(store: RecordStore) -> None:
    store.append("flows", iter(batches(lines(20))), LABEL)
    with pytest.raises(PurposeError):
        store.tables("flows", WHOLE, NOTICE)
    assert store.state()["refusals"] == 1
    assert count(store) == 20
    assert store.state()["refusals"] == 1


def test_one_row_of_another_label_is_enough_but_only_within_the_window(store: RecordStore) -> None:
    store.append("flows", iter(batches(lines(20))), LABEL)
    store.append("flows", iter(batches(lines(1, start=5))), FOR_NOTICE)
    with pytest.raises(PurposeError):
        store.tables("flows", WHOLE, CC)
    assert count(store, CC, Window(START, START + HOUR)) == 20
    assert count(store, NOTICE, Window(START + 5 * HOUR, START + 6 * HOUR)) == 1


def test_tables_that_were_given_out_see_new_labels_too(store: RecordStore) -> None:
    store.append("flows", iter(batches(lines(20))), LABEL)
    tables = store.tables("flows", WHOLE, CC)
    store.append("flows", iter(batches(lines(5))), FOR_NOTICE)
    with pytest.raises(PurposeError):
        tables.ask(COUNT)


def test_an_expired_label_is_refused_even_before_deletion(store: RecordStore, clock: Clock) -> None:
    store.append("flows", iter(batches(lines(20))), SHORT)
    tables = store.tables("flows", WHOLE, CC)
    clock.now = SHORT.expires - 1
    assert plain(tables.ask(COUNT)) == [(20,)]
    clock.now = SHORT.expires
    with pytest.raises(PurposeError):
        tables.ask(COUNT)
    with pytest.raises(PurposeError):
        store.tables("flows", WHOLE, CC)


def test_expiry_deletes_by_label_and_leaves_receipts(store: RecordStore, clock: Clock) -> None:
    store.append("flows", iter(batches(lines(20))), SHORT)
    store.append("flows", iter(batches(lines(30))), LABEL)
    store.append("more", iter(batches(lines(7))), SHORT)
    store.compact("more")
    assert store.expire(SHORT.expires - 1) == ()
    clock.now = SHORT.expires
    receipts = store.expire(clock.now)
    assert {(one.dataset, one.rows, one.reason, one.at) for one in receipts} == {
        ("flows", 20, "label", clock.now),
        ("more", 7, "label", clock.now),
    }
    assert count(store) == 30
    assert store.state()["receipts"] == 2
    assert store.state()["datasets"]["more"]["rows"] == 0
    assert store.expire(clock.now) == ()


def test_rows_may_come_again_after_expiry(store: RecordStore, clock: Clock) -> None:
    store.append("flows", iter(batches(lines(20))), SHORT)
    clock.now = SHORT.expires
    store.expire(clock.now)
    store.append("flows", iter(batches(lines(3))), LABEL)
    assert count(store) == 3


def test_the_longest_time_of_a_stage_holds_for_rows_and_labels(make: Make, clock: Clock) -> None:
    store = make({Stage.RAW_FLOW: 8 * DAY})
    store.append("flows", iter(batches(lines(40, hours=4))), LABEL)
    public = msgspec.structs.replace(LABEL, basis=LegalBasis.NOT_COMMUNICATION, expires=NOW + 8 * DAY)
    store.append("flows", iter(batches(lines(9))), public)
    with pytest.raises(StoreError):
        store.append("flows", iter(batches(lines(5))), msgspec.structs.replace(LABEL, expires=NOW + 9 * DAY))
    clock.now = START + 3 * HOUR
    later = msgspec.structs.replace(LABEL, expires=clock.now + 8 * DAY)
    store.append("flows", iter(batches(lines(10, start=1))), later)
    receipts = store.expire(START + 2 * HOUR + 8 * DAY - 1)
    # The first label has run out; of the second, the hour is one millisecond too young.
    assert [(one.rows, one.reason) for one in receipts] == [(40, "label")]
    receipts = store.expire(START + 2 * HOUR + 8 * DAY)
    assert sorted((one.rows, one.reason) for one in receipts) == [(9, "label"), (10, "retention")]


def test_an_expired_label_can_no_longer_be_put_on(store: RecordStore, clock: Clock) -> None:
    clock.now = LABEL.expires
    with pytest.raises(StoreError):
        store.append("flows", iter(batches(lines(5))), LABEL)


def test_a_dataset_that_is_not_there_is_said(store: RecordStore) -> None:
    with pytest.raises(StoreError):
        store.tables("flows", WHOLE, CC)
    with pytest.raises(StoreError):
        store.compact("flows")
    assert store.state()["datasets"] == {}


def test_state_tells_what_is_held(store: RecordStore) -> None:
    rows = lines(100, hours=2)
    assert store.append("flows", iter(batches(rows)), LABEL) == 100
    assert store.append("flows", iter([]), SHORT) == 0
    for _ in range(2):
        state = store.state()["datasets"]["flows"]
        times = [row["flowStartMilliseconds"] for row in rows]
        assert (state["rows"], state["oldest"], state["newest"]) == (100, min(times), max(times))
        assert state["labels"]
        store.compact("flows")


def test_what_was_good_stays_when_the_input_breaks(store: RecordStore) -> None:
    def broken() -> object:
        yield from batches(lines(30))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.append("flows", broken(), LABEL)
    store.append("flows", iter(batches(lines(5))), LABEL)
    assert count(store) in {5, 35}
