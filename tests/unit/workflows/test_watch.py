"""The decoding side of the watch: what waits in memory has a bound, and a store that refuses loses nothing."""

from __future__ import annotations

import os
import shutil
import struct
import time
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pyarrow as pa
import pytest

from sekisho.demo import capture
from sekisho.errors import StoreError
from sekisho.formats.datagrams import datagrams_of
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.model.purpose import Label, Purpose
from sekisho.ports.flows import Once, Query
from sekisho.stores.spool_place import Place
from sekisho.stores.spool_writer import SpoolWriter
from sekisho.wiring.live import live, receiving
from sekisho.wiring.watch import DATASET, Watch
from sekisho.workflows.watch import Figures, LiveWatch, Pace

PER = 30
NUMBERS = Query("numbers", 'SELECT "octetDeltaCount" AS "n" FROM "FLOW"')


def netflow5(number: int) -> bytes:
    """Datagram ``number``: flows of one line, each with octets that no other has."""
    head = struct.pack(">HHIIIIBBH", 5, PER, 60_000, int(time.time()), 0, number * PER, 0, 0, 0x4001)
    line, other = IPv4Address(capture.CAMERA).packed, IPv4Address("203.0.113.9").packed
    return head + b"".join(
        struct.pack(
            ">4s4s4sHHIIIIHHBBBBHHBBH", line, other, bytes(4), 1, 2, 3, number * PER + one + 1, 50_000, 55_000,
            40_000, 443, 0, 0x1B, 6, 0, 0, 0, 24, 24, 0,
        )
        for one in range(PER)
    )  # fmt: skip


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    data = tmp_path / "data"
    data.mkdir()
    (data / "watch.toml").write_text(capture.settings(), encoding="utf-8")
    capture.write(data, time.time())
    with Watch(data) as made:
        yield made
        shutil.rmtree(place_of(made).folder, ignore_errors=True)


def place_of(watch: Watch) -> Place:
    return receiving(watch, listen=(), ports=(), disk=False).place()


def run(
    watch: Watch, until: int, *, rows: int = 2000, most: float = 30.0
) -> tuple[LiveWatch, list[int], list[str]]:
    """Run until so many rows are kept; return what waited in memory, and the faults that were shown."""
    pace = Pace(write=0.05, rows=rows, look=600.0, tell=0.001, idle=0.01)
    running = live(watch, receiving(watch, listen=(), ports=(), disk=False), (), pace=pace)
    waited: list[int] = []
    faults: list[str] = []
    ends = time.monotonic() + most

    def tell(figures: Figures) -> None:
        waited.append(running._rows)
        faults.append(figures.fault)

    def stopped() -> bool:
        kept = sum(count for (_, _, name), count in running._counts.items() if name == "kept")
        return kept >= until or time.monotonic() > ends

    running.run(stopped, tell)
    return running, waited, faults


def numbers(watch: Watch) -> Counter[int]:
    window = Window(0, (int(time.time()) + 86_400) * 1000)
    return Counter(
        watch.store.tables(DATASET, window, Purpose.CC_DETECTION).ask(NUMBERS).column("n").to_pylist()
    )


def test_a_store_that_refuses_for_a_while_loses_and_doubles_nothing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = watch.store.append
    refused = 0

    def append(
        dataset: str, batches: Iterator[pa.RecordBatch], label: Label, once: Once | None = None
    ) -> int:
        nonlocal refused
        if refused < 40:
            refused += 1
            raise StoreError(Text(ja="満杯", en="full"), "disk")
        return real(dataset, batches, label, once)

    monkeypatch.setattr(watch.store, "append", append)
    with SpoolWriter(place_of(watch)) as spool:
        for begin in range(0, 8000, 400):
            spool.append(datagrams_of([(netflow5(n), "192.0.2.1", 1) for n in range(begin, begin + 400)]))
    _, waited, faults = run(watch, 8000 * PER, rows=20_000)
    found = numbers(watch)
    assert refused == 40
    assert "full disk" in faults
    assert faults[-1] == ""
    assert set(found) == set(range(1, 8000 * PER + 1))
    assert max(found.values()) == 1
    # What is gathered, and one reading of the spool on top of it.
    assert max(waited) <= 20_000 + 4496 * PER


def test_rows_that_were_kept_and_not_noted_are_not_read_again(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended between the append and the spool's cursor: the position in the store wins."""

    class Ended(BaseException):
        pass

    def end(*_: object) -> None:
        raise Ended

    place = place_of(watch)
    with SpoolWriter(place) as spool:
        spool.append(datagrams_of([(netflow5(n), "192.0.2.1", 1) for n in range(100)]))
        with monkeypatch.context() as patched:
            patched.setattr("sekisho.stores.spool.Spool.done", end)
            with pytest.raises(Ended):
                run(watch, 10**9, most=5)
        assert not (place.folder / "cursor").exists()
        assert len(numbers(watch)) == 100 * PER
        spool.append(datagrams_of([(netflow5(n), "192.0.2.1", 1) for n in range(100, 150)]))
    run(watch, 50 * PER)
    found = numbers(watch)
    assert set(found) == set(range(1, 150 * PER + 1))
    assert max(found.values()) == 1
    assert os.listdir(place.folder)
