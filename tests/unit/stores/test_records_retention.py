"""When flows go: by their own time, whatever is set later on, also while their journal is open."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from contract.engines import DAY, LABEL, NOW, Clock, batches
from fakes.watched import HOUR, START, flow
from sekisho.model.purpose import Stage
from sekisho.stores.records_duckdb import DuckRecords, Settings, expiry
from sekisho.stores.records_duckdb.layout import labels

RAW = Stage.RAW_FLOW


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
