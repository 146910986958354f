"""When flows go: by their own time, whatever is set later on, also while their journal is open."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from contract.engines import DAY, LABEL, NOW, Clock, batches
from fakes.watched import HOUR, START, flow
from sekisho.model.detection import Window
from sekisho.model.purpose import Purpose, Stage
from sekisho.ports.flows import Query
from sekisho.stores.records_duckdb import DuckRecords, Settings, expiry
from sekisho.stores.records_duckdb.due import due
from sekisho.stores.records_duckdb.layout import labels

RAW = Stage.RAW_FLOW
ANYTIME = Window(NOW - 100 * DAY, NOW + 100 * DAY)
ROWS = Query(
    "rows", 'SELECT COUNT(*) AS "n" FROM "FLOW"', 'SELECT CAST(SUM("n") AS BIGINT) AS "n" FROM "PART"'
)


def of_days(days: float) -> Settings:
    return Settings(
        shards=1,
        threads=1,
        longest={RAW: 30 * DAY},
        kept={RAW: int(days * DAY)},
        late={RAW: int(min(1, days) * DAY)},
    )


def taken(root: Path, *ages: float, clock: Clock | None = None, days: float = 7.0) -> DuckRecords:
    """A store that took in one flow of each age in days, all in one journal that is open."""
    clock = clock or Clock()
    store = DuckRecords(root, clock, of_days(days))
    label = msgspec.structs.replace(LABEL, expires=clock.now + int(days * DAY))
    rows = [flow(7, "192.0.2.1", 443, at=(clock.now - START) / 1000 - age * 86_400) for age in ages]
    store.append("flows", iter(batches(rows)), label)
    return store


def held(store: DuckRecords, window: Window = ANYTIME) -> int:
    return int(store.tables("flows", window, Purpose.CC_DETECTION).ask(ROWS).to_pylist()[0]["n"])


def goes(root: Path, age: float, days: float) -> float:
    """When flows of that age go by the days of now, in days after they were taken in."""
    hour = int(NOW - age * DAY) // HOUR * HOUR
    (end,) = expiry.ends(root, "flows", {hour}, of_days(days))
    return (end - NOW) / DAY


@pytest.mark.parametrize("days", [14, 7, 6, 2, 1, 0.5])
def test_what_was_late_goes_a_day_after_it_was_taken_in_whatever_is_set_later(
    tmp_path: Path, days: float
) -> None:
    taken(tmp_path, 20).close()
    assert goes(tmp_path, 20, days) == min(1, days)


def test_labels_of_an_earlier_version_tell_it_by_their_file(tmp_path: Path) -> None:
    taken(tmp_path, 20).close()
    ((folder, _),) = labels(tmp_path / "flows")
    (folder / "taken").unlink()
    os.utime(folder / "label.json", (NOW / 1000, NOW / 1000))
    assert goes(tmp_path, 20, 7) == goes(tmp_path, 20, 1) == 1
    os.utime(folder / "label.json", (NOW / 1000 + 900_000,) * 2)  # copied later on
    assert goes(tmp_path, 20, 7) == 1


def test_a_label_that_comes_again_under_other_days_counts_from_the_newest_moment(tmp_path: Path) -> None:
    taken(tmp_path, 20).close()
    clock = Clock()
    clock.now += 6 * DAY
    taken(tmp_path, 20, clock=clock, days=1).close()
    assert len(list(labels(tmp_path / "flows"))) == 1
    assert goes(tmp_path, 14, 1) == 7


@pytest.mark.parametrize("days", [7, 1, 14])
@pytest.mark.parametrize("later", [0.0, 0.99, 1.0, 3.3, 6.9])
def test_the_first_start_that_counts_is_where_the_hours_that_are_over_end(
    tmp_path: Path, days: float, later: float
) -> None:
    taken(tmp_path, 3).close()
    ((folder, label),) = labels(tmp_path / "flows")
    assert label is not None
    now, settings = NOW + int(later * DAY), of_days(days)
    begin = expiry.begin_of(folder, label, now, settings)
    assert begin is not None
    for back in range(-48, 40 * 24):
        hour = (NOW - back * HOUR) // HOUR * HOUR
        assert expiry.hour_over(folder, label, hour, now, settings) == (hour < begin)
        assert hour >= begin or expiry.may_be_over(label, hour, now, settings)


@pytest.mark.parametrize("ended", [False, True])
def test_rows_past_their_time_are_not_answered_beside_newer_ones_of_their_journal(
    tmp_path: Path, ended: bool
) -> None:
    store = taken(tmp_path, 40, 40, 0.01, 0.02, 0.03)
    if ended:
        store.close()
    assert held(DuckRecords(tmp_path, Clock(), of_days(7))) == held(store) == 3
    long_ago = Window(NOW - 41 * DAY, NOW - 39 * DAY)
    assert held(store, long_ago) == 0


def test_a_deletion_is_announced_only_when_it_can_happen(tmp_path: Path) -> None:
    writer, settings = taken(tmp_path, 40, 0.01), of_days(7)
    other = DuckRecords(tmp_path, Clock(), settings)
    assert not other.overdue(NOW)
    assert due(tmp_path, NOW, settings, other.writing) == other.expire(NOW) == ()
    assert writer.overdue(NOW)
    announced = due(tmp_path, NOW, settings, writer.writing)
    assert [one.rows for one in announced] == [one.rows for one in writer.expire(NOW)] == [1]
    assert not writer.overdue(NOW)
    assert held(writer) == 1


def test_what_is_younger_than_a_journal_in_use_waits_with_it(tmp_path: Path) -> None:
    writer = taken(tmp_path, 0.01)
    second = taken(tmp_path, 40)
    second.close()
    other = DuckRecords(tmp_path, Clock(), of_days(7))
    assert not other.overdue(NOW)
    assert other.expire(NOW) == ()
    writer.close()
    assert other.overdue(NOW)
    assert [one.rows for one in other.expire(NOW)] == [1]
