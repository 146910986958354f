"""The decoding side of the watch: what waits in memory has a bound, and a store that refuses loses nothing."""

from __future__ import annotations

import os
import shutil
import struct
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from sekisho.cli import watch_view
from sekisho.demo import capture
from sekisho.errors import StoreError
from sekisho.formats.datagrams import datagrams_of
from sekisho.language import Text
from sekisho.model.detection import Detection, Window
from sekisho.model.pipeline import StageCount, Step
from sekisho.model.purpose import Label, Purpose
from sekisho.ports.flows import Once, Query
from sekisho.stores.spool import BLOCK_DATAGRAMS, Position, Spool
from sekisho.stores.spool_place import Place
from sekisho.stores.spool_segments import identity
from sekisho.stores.spool_writer import SpoolWriter
from sekisho.wiring.live import _clear, live, receiving
from sekisho.wiring.live_parts import Templates
from sekisho.wiring.watch import DATASET, Watch
from sekisho.workflows.receive import Told
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


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return capture.write(tmp_path_factory.mktemp("captured"), time.time())[1]


@pytest.fixture
def watch(tmp_path: Path, listed: Path) -> Iterator[Watch]:
    data = tmp_path / "data"
    data.mkdir()
    (data / "watch.toml").write_text(capture.settings(), encoding="utf-8")
    shutil.copy(listed, data)
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
        faults.append(" ".join(f"{one.what.en} {one.where}" for one in figures.faults))

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
        for begin in range(0, 10_000, 400):
            spool.append(datagrams_of([(netflow5(n), "192.0.2.1", 1) for n in range(begin, begin + 400)]))
    _, waited, faults = run(watch, 10_000 * PER, rows=20_000)
    found = numbers(watch)
    assert refused == 40
    assert "full disk" in faults
    assert faults[-1] == ""
    assert set(found) == set(range(1, 10_000 * PER + 1))
    assert max(found.values()) == 1
    # What is gathered, and one reading of the spool on top of it.
    assert max(waited) <= 20_000 + (BLOCK_DATAGRAMS + 400) * PER


def test_datagrams_of_an_unknown_version_are_told_by_exporter(watch: Watch) -> None:
    """An exporter that is set to another format sends, and nothing comes of it: that must be seen."""
    with SpoolWriter(place_of(watch)) as spool:
        other = [(struct.pack("!HH", version, 1) + bytes(60), "192.0.2.7", 1) for version in (1, 7, 8)]
        spool.append(datagrams_of([*other, (netflow5(1), "192.0.2.1", 1)]))
    running, _, _ = run(watch, 1)
    assert running._counts["192.0.2.7", Step.DECODER, "version-unknown"] == 3
    with Spool(place_of(watch)) as reading:
        rows = watch_view._rows(running.figures(reading), None)
    assert (rows["192.0.2.7"]["rejected"], rows["192.0.2.1"]["rejected"]) == (3, 0)


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


def spooled(watch: Watch, count: int) -> None:
    with SpoolWriter(place_of(watch)) as spool:
        spool.append(datagrams_of([(netflow5(n), "192.0.2.1", 1) for n in range(count)]))


@pytest.mark.parametrize("file", ["templates.part", "cursor.part"])
def test_a_full_disk_under_templates_or_cursor_does_not_end_the_watch(watch: Watch, file: str) -> None:
    """Neither file can be written for a while: the fault is shown, then all is kept, once."""
    spooled(watch, 400)
    folder = watch.folder if file.startswith("templates") else place_of(watch).folder
    (folder / file).mkdir()
    ends = time.monotonic() + 2
    pace = Pace(write=0.05, look=600.0, tell=0.001, idle=0.01)
    running = live(watch, receiving(watch, listen=(), ports=(), disk=False), (), pace=pace)
    parts: list[tuple[str, ...]] = []

    def tell(figures: Figures) -> None:
        parts.append(tuple(one.part for one in figures.faults))
        if "store" in parts[-1] and (folder / file).is_dir() and len(parts) > 20:
            (folder / file).rmdir()

    last = running.run(lambda: time.monotonic() > ends, tell)
    assert ("store",) in parts
    assert last.faults == ()
    assert numbers(watch) == Counter(range(1, 400 * PER + 1))


def test_a_disk_that_is_full_at_the_end_leaves_what_waits_to_the_next_watch(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    spooled(watch, 100)
    (watch.folder / "templates.part").mkdir()
    ends = time.monotonic() + 0.5
    running = live(watch, receiving(watch, listen=(), ports=(), disk=False), (), pace=Pace(write=0.1))
    last = running.run(lambda: time.monotonic() > ends, lambda _: None)
    assert [one.part for one in last.faults] == ["store"]
    (watch.folder / "templates.part").rmdir()
    run(watch, 100 * PER)
    assert numbers(watch) == Counter(range(1, 100 * PER + 1))


def contact(number: int, count: int = 10, server: str = capture.CC_ADDRESS) -> bytes:
    """One datagram: answered contacts of line ``number`` of the demonstration's prefix with a listed server."""
    now = int(time.time())
    head = struct.pack(">HHIIIIBBH", 5, count, 60_000, now, 0, 0, 0, 0, 0x4001)
    line = (IPv4Address(capture.CUSTOMERS.partition("/")[0]) + number).packed
    theirs = IPv4Address(server).packed, capture.CC_PORT
    rows = b""
    for one in range(count):
        ours = (line, 40_000 + one // 2)
        (a, a_port), (b, b_port) = (ours, theirs) if one % 2 == 0 else (theirs, ours)
        rows += struct.pack(
            ">4s4s4sHHIIIIHHBBBBHHBBH", a, b, bytes(4), 1, 2, 10, 900, 50_000, 55_000, a_port, b_port, 0, 0x1B, 6, 0,
            0, 0, 24, 24, 0,
        )  # fmt: skip
    return head + rows


def watching(watch: Watch, lists: Path, *, look: float = 0.2) -> LiveWatch:
    pace = Pace(write=0.05, look=look, look_after_match=0.1, tell=0.001, idle=0.01)
    return live(watch, receiving(watch, listen=(), ports=(), disk=False), (lists,), pace=pace)


def test_what_can_not_be_remembered_waits_and_the_watch_goes_on(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SpoolWriter(place_of(watch)) as spool:
        spool.append(datagrams_of([(contact(7), "192.0.2.1", 1)]))
    remembered: list[str] = []
    refused = 0

    def remember(found: Sequence[Detection]) -> None:
        nonlocal refused
        if refused < 3:
            refused += 1
            raise StoreError(Text(ja="満杯", en="full"), "detections.jsonl")
        remembered.extend(one.method for one in found)

    monkeypatch.setattr(watch, "remember", remember)
    ends = time.monotonic() + 60
    parts: set[str] = set()
    # One look: what it found is tried again without another.
    last = watching(watch, watch.folder / "cc-list.csv", look=600.0).run(
        lambda: bool(remembered) or time.monotonic() > ends,
        lambda figures: parts.update(one.part for one in figures.faults),
    )
    assert refused == 3
    assert "remember" in parts
    assert "known_cc" in remembered
    assert (last.found, last.faults) == (1, ())


def test_more_detections_than_are_shown_are_counted_and_each_is_told_once(watch: Watch) -> None:
    # Ten lines a server: what a large share of the lines talks with is left out as popular.
    servers = [f"198.51.100.{n}" for n in range(100, 112)]
    (watch.folder / "more.txt").write_text("".join(f"{one}:{capture.CC_PORT}\n" for one in servers))
    with SpoolWriter(place_of(watch)) as spool:
        contacts = [(contact(n, 10, servers[n // 10]), "192.0.2.1", 1) for n in range(1, 120)]
        spool.append(datagrams_of(contacts))
    told: list[str] = []
    ends = time.monotonic() + 60
    looked: set[int] = set()

    def tell(figures: Figures) -> None:
        told.extend(one.id for one in figures.new)
        looked.add(figures.looked_at)

    # Several looks over the same hour, of which each finds all of them.
    last = watching(watch, watch.folder / "more.txt").run(
        lambda: len(looked) > 2 or time.monotonic() > ends, tell
    )
    tell(last)
    assert last.found == len(told) == len(set(told)) == 119
    assert len(last.detections) == 50


def test_a_list_that_breaks_or_vanishes_is_a_fault_and_the_last_good_one_holds(
    watch: Watch, tmp_path: Path
) -> None:
    lists = tmp_path / "cc.csv"
    good = (watch.folder / "cc-list.csv").read_bytes()
    lists.write_bytes(good)
    seen: list[tuple[tuple[str, ...], int]] = []
    steps = iter(
        [lambda: lists.write_text("this,is\nno,list\n"), lists.unlink, lambda: lists.write_bytes(good)]
    )
    wanted = [(), ("lists",), ("lists",), ()]
    ends = time.monotonic() + 60
    since = time.monotonic()

    def tell(figures: Figures) -> None:
        nonlocal since
        now = tuple(one.part for one in figures.faults)
        if len(seen) < len(wanted) and now == wanted[len(seen)] and time.monotonic() - since > 1.3:
            seen.append((now, figures.indicators))
            since = time.monotonic()
            next(steps, lambda: None)()

    watching(watch, lists).run(lambda: len(seen) == len(wanted) or time.monotonic() > ends, tell)
    assert seen == [((), 2), (("lists",), 2), (("lists",), 2), ((), 2)]


def test_a_method_that_fails_is_a_fault_of_the_watch(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("sekisho.detectors.flows.brute_force.BruteForce.detect", fail)
    spooled(watch, 10)
    ends = time.monotonic() + 60
    parts: set[str] = set()
    watching(watch, watch.folder / "cc-list.csv").run(
        lambda: "look brute_force" in parts or time.monotonic() > ends,
        lambda figures: parts.update(f"{one.part} {one.where}".split(":")[0] for one in figures.faults),
    )
    assert "look brute_force" in parts


def test_templates_of_the_last_kept_rows_outlive_refusals(tmp_path: Path) -> None:
    """Killed after several refusals, the next watch goes on behind the kept rows with the templates of then."""
    file = tmp_path / "templates.json"
    notes = Templates(file)
    notes.keep(Position("s", 10), {"held": 10}, None)
    for refused in (20, 30, 40):
        notes.keep(Position("s", refused), {"held": refused}, Position("s", 10))
    assert Templates(file).at(Position("s", 10)) == {"held": 10}
    assert Templates(file).at(Position("s", 40)) == {"held": 40}


def test_only_what_was_dealt_with_is_cleared_away(watch: Watch) -> None:
    """The receiver's last word is up to a second old: what it spooled since is not deleted."""
    place = place_of(watch)
    with SpoolWriter(place) as spool:
        spool.append(datagrams_of([(netflow5(n), "192.0.2.1", 1) for n in range(50)]))
    with Spool(place) as reader:
        block = reader.read()
        assert block is not None
        reader.done(block.end)
    with SpoolWriter(place) as spool:
        spool.append(datagrams_of([(netflow5(n), "192.0.2.1", 1) for n in range(50, 60)]))
        _clear(place)
        assert place.folder.exists(), "somebody writes it"
    told = Told(1, identity(place.folder), (), 0.0, (), (StageCount("192.0.2.1", Step.SPOOL, "spooled", 50),))
    (place.folder / "counts").write_bytes(msgspec.json.encode(told))
    _clear(place)
    assert place.folder.exists(), "ten datagrams wait"
    with Spool(place) as reader:
        block = reader.read()
        assert block is not None
        assert len(block.datagrams) == 10
        reader.done(block.end)
    _clear(place)
    assert not place.folder.exists()
