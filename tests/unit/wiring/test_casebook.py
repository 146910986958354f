"""A data folder from detections to the observed healing, with its real stores; and what a look must be to count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from fakes.watched import START, flow
from sekisho.errors import AuthorisationError
from sekisho.model.case import CaseState, Healing
from sekisho.model.detection import Coverage, Detection, Grade, Window
from sekisho.model.tables import WATCHED
from sekisho.ports.cases import CaseFilter
from sekisho.wiring.casebook import Casebook
from sekisho.wiring.watch import DATASET, Watch, milliseconds
from sekisho.workflows.detect import Looked

HOUR, DAY = 3_600_000, 86_400_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    with Watch(folder):
        pass
    return folder


def seen(line: int, ago: int, name: str = "a", method: str = "outbound_scan") -> Detection:
    at = milliseconds() - ago
    return Detection(f"{line}{name}", method, line, at - 1000, at, Grade.LIKELY, "r")


def at_work(watch: Watch, lines: list[int], days: int) -> None:
    """Flows of each of the last days, so that the whole of it lies in what may be kept."""
    shift = milliseconds() - START
    rows = []
    for line in lines:
        for hour in range(1, days * 24, 6):
            row = flow(line, "192.0.2.9", 443)
            row["flowStartMilliseconds"] += shift - hour * HOUR
            row["flowEndMilliseconds"] += shift - hour * HOUR
            rows.append(row)
    batches = pa.Table.from_pylist(rows, WATCHED).to_batches()
    assert watch.store.append(DATASET, iter(batches), watch.label("test")) == len(rows)


def healings(book: Casebook) -> dict[int, Healing]:
    every = {one.id: one.subscriber for one in book.every(CaseFilter())}
    return {every[one.case]: one.healing for one in book.heal()}


def test_from_the_log_to_the_observed_healing(data: Path) -> None:
    with Casebook(data, create=True) as book:
        book.watch.remember([seen(1, 6 * DAY), seen(2, 6 * DAY), seen(3, 10 * HOUR)])
        assert book.fold().opened == 3
        at_work(book.watch, [1, 3], 6)
        assert set(healings(book).values()) == {Healing.UNKNOWN, Healing.ACTIVE}  # nobody has looked yet
        book.watch.looks.add(("outbound_scan",), Window(milliseconds() - 9 * DAY, milliseconds()))
        assert healings(book) == {1: Healing.HEALED, 2: Healing.UNKNOWN, 3: Healing.ACTIVE}
        assert book.store.counts()[CaseState.HEALED] == 1
        book.watch.remember([seen(1, HOUR, "back")])
        done = book.fold()
        assert (done.changed, done.relapsed) == (1, 1)


def test_an_observation_says_which_records_were_left_out_as_damaged(data: Path) -> None:
    with Casebook(data, create=True) as book:
        book.watch.remember([seen(1, 6 * DAY)])
        book.fold()
        at_work(book.watch, [1], 6)
        book.watch.looks.add(("outbound_scan",), Window(milliseconds() - 9 * DAY, milliseconds()))
        journal = next(data.rglob("*.journal"))
        octets = bytearray(journal.read_bytes())
        octets[700:760] = bytes(60)
        journal.write_bytes(octets)
        assert healings(book) == {1: Healing.UNKNOWN}
        assert book.damaged == (journal.relative_to(data / "records").as_posix(),)


def test_folding_goes_on_where_it_was_and_a_lost_mark_does_no_harm(data: Path) -> None:
    with Casebook(data, create=True) as book:
        book.watch.remember([seen(1, DAY)])
        book.fold()
        (data / "folded.json").write_bytes(b'{"database":')
        assert book.fold() == book.fold(everything=True)
        before = next(iter(book.every(CaseFilter())))
    (data / "cases.db").rename(data / "old.db")
    for suffix in ("-wal", "-shm"):
        (data / f"cases.db{suffix}").unlink(missing_ok=True)
    with Casebook(data, create=True) as book:
        assert book.fold().opened == 1  # another database: everything is folded again
        again = next(iter(book.every(CaseFilter())))
        assert again.id == before.id


def looked(method: str, window: Window, **more: Any) -> Looked:
    return msgspec.structs.replace(Looked(method, window, coverage=Coverage(1, 9)), **more)


def test_only_a_look_that_could_judge_counts_and_only_what_is_over(data: Path) -> None:
    begin = milliseconds() // HOUR * HOUR - 3 * HOUR
    wide, parts = (
        Window(begin, begin + 9 * HOUR),
        [Window(begin + n * HOUR, begin + (n + 1) * HOUR) for n in range(3)],
    )
    with Watch(data) as watch:
        looks = [
            *(looked("good", part) for part in parts[::2]),  # the hour between had no flow at all
            looked("faulty", parts[0]),
            looked("faulty", parts[1], fault="ZeroDivisionError"),
            looked("blind", parts[0], coverage=Coverage(1, 9, blind=True)),
            looked("empty", parts[0], coverage=Coverage()),
        ]
        watch.note_looks(looks, wide)
        told = {name: len(watch.looks.hours((name,), wide)) for name in ("good", "faulty", "blind", "empty")}
        assert told == {"good": 3, "faulty": 1, "blind": 0, "empty": 0}


def test_who_acts_has_a_role_of_the_settings(data: Path) -> None:
    with Casebook(data, create=True) as book:
        assert book.actor("anyone").role == "analyst"
        with pytest.raises(AuthorisationError):
            book.actor(" ")
    file = data / "watch.toml"
    file.write_text(file.read_text(encoding="utf-8") + '[people]\nsato = "sender"\n', encoding="utf-8")
    with Casebook(data) as book:
        assert book.actor("sato").role == "sender"
        with pytest.raises(AuthorisationError):
            book.actor("anyone")
