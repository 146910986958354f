"""Receiver process and decoding process with a spool between them, on loopback, with a kill."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes.refusing import full_at
from sekisho.model.pipeline import by_exporter, unexplained
from sekisho.stores.spool import Spool
from sekisho.stores.spool_place import key_file
from sekisho.workflows.receive import Receiving, Told, last_told, receive, receive_until_told, waiting_blocks

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def receiving(request: pytest.FixtureRequest) -> Iterator[Receiving]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Receiving(
        name=f"test-{os.getpid()}-{port}",
        listens=(("127.0.0.1", port),),
        most_octets=1 << 20,
        allowed=("127.0.0.0/8",),
    )
    yield made
    shutil.rmtree(made.place().folder, ignore_errors=True)


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.02)


def listening(receiving: Receiving, process: int) -> bool:
    told = last_told(receiving.place())
    return told is not None and told.process == process


def test_receive_in_this_process(receiving: Receiving) -> None:
    """The figures are told at the start, each second, and at the end; each datagram has a fate."""
    heard = []
    began, sent = time.monotonic(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def stopped() -> bool:
            nonlocal sent
            sent += 1
            sender.sendto(b"x" * 1000, ("127.0.0.1", receiving.listens[0][1]))
            return time.monotonic() - began > 1.3

        end = receive(receiving, stopped, heard.append)
    assert len(heard) >= 3
    assert unexplained(end.counts) == 0
    row = by_exporter(end.counts)["127.0.0.1"]
    # Each is received before it is asked again; the one of the last answer comes too late, or just in time.
    assert sent > 3
    assert sent - 1 <= row["receiver received"] <= sent
    assert row["spool spooled"] + row["spool spool-full"] == row["receiver received"]
    again = receive(receiving, lambda: True, lambda _: None)
    assert by_exporter(again.counts)["127.0.0.1"] == row  # figures go on over a start


def test_kill_9_of_the_receiver_process_and_the_decoder_deals_with_each_once(receiving: Receiving) -> None:
    receiving = Receiving(name=receiving.name, listens=receiving.listens)
    where = receiving.place()
    got: list[int] = []
    sent = 0
    spooled_before_kill = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for round_ in range(3):
            process = SPAWN.Process(target=receive_until_told, args=(receiving,))
            process.start()
            until(lambda process=process: listening(receiving, process.pid or 0))
            until_time = time.monotonic() + 0.3
            while time.monotonic() < until_time:
                for _ in range(50):
                    sender.sendto(struct.pack("!I", sent) * 100, ("127.0.0.1", receiving.listens[0][1]))
                    sent += 1
                time.sleep(0.001)
                for spool, block in waiting_blocks(where, lambda: False, follow=False):
                    got += [struct.unpack_from("!I", payload)[0] for payload, _, _ in block.datagrams.each()]
                    spool.done(block.end)
            assert process.pid
            os.kill(process.pid, signal.SIGKILL if round_ < 2 else signal.SIGTERM)
            process.join(10)
            spooled_before_kill = max(spooled_before_kill, len(got))
    for spool, block in waiting_blocks(where, lambda: False, follow=False):
        got += [struct.unpack_from("!I", payload)[0] for payload, _, _ in block.datagrams.each()]
        spool.done(block.end)
    assert len(got) == len(set(got))
    assert got == sorted(got)
    told = last_told(where)
    assert told is not None
    table = by_exporter(told.counts)
    assert sum(row.get("spool spooled", 0) for row in table.values()) == len(got)
    assert unexplained(told.counts) == 0
    # Loopback with a buffer of 64 MiB loses nothing but what waited in the socket of a killed process.
    assert len(got) > 0.9 * sent


def test_figures_that_can_not_be_left_do_not_end_the_receiver(receiving: Receiving) -> None:
    """A full memory file system: receiving goes on, the fault is told, and later figures are whole again."""
    heard: list[Told] = []
    folder = receiving.place().folder

    def tell(made: Told) -> None:
        heard.append(made)
        counts = folder / "counts.part"
        if len(heard) == 1:
            counts.mkdir()  # what the file is written to before it takes the old one's place
        elif counts.is_dir():
            counts.rmdir()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def stopped() -> bool:
            sender.sendto(b"x" * 100, ("127.0.0.1", receiving.listens[0][1]))
            return len(heard) >= 3

        end = receive(receiving, stopped, tell)
    assert [one.part for one in heard[1].faults] == ["counts"]
    assert [one.part for one in heard[2].faults] == ["counts"], "so that who reads the file learns of it"
    assert end.faults == ()
    assert last_told(receiving.place()) == end
    assert unexplained(end.counts) == 0


def test_a_spool_that_refuses_is_told(receiving: Receiving, tmp_path: Path) -> None:
    on_disk = Receiving(name=receiving.name, listens=receiving.listens, disk=str(tmp_path / "spool"))
    heard: list[Told] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def stopped() -> bool:
            for _ in range(20):
                sender.sendto(b"x" * 1400, ("127.0.0.1", receiving.listens[0][1]))
            return len(heard) >= 3

        with full_at(200_000):
            end = receive(on_disk, stopped, heard.append)
    assert "spool" in {one.part for told in heard for one in told.faults}
    assert unexplained(end.counts) == 0
    row = by_exporter(end.counts)["127.0.0.1"]
    assert row["spool spooled"] > 20
    assert row["spool spool-full"] > 20


def test_two_receivers_share_a_port_with_a_spool_each(receiving: Receiving) -> None:
    pair = [
        Receiving(
            name=f"{receiving.name}-{lane}", listens=receiving.listens, most_octets=1 << 20, shared=True
        )
        for lane in range(2)
    ]
    processes = [SPAWN.Process(target=receive_until_told, args=(one,)) for one in pair]
    for process in processes:
        process.start()
    try:
        for one, process in zip(pair, processes, strict=True):
            until(lambda one=one, process=process: listening(one, process.pid or 0))
        for number in range(100):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"%d" % number, ("127.0.0.1", receiving.listens[0][1]))
        spools = [Spool(one.place()) for one in pair]
        got: list[list[bytes]] = [[], []]

        def all_there() -> bool:
            for rows, spool in zip(got, spools, strict=True):
                while block := spool.read():
                    rows += [payload for payload, _, _ in block.datagrams.each()]
            return sum(map(len, got)) == 100

        until(all_there)
        assert min(map(len, got)) > 0
        for spool in spools:
            spool.close()
    finally:
        for process in processes:
            process.terminate()
            process.join(10)
        for one in pair:
            shutil.rmtree(one.place().folder)
    assert [process.exitcode for process in processes] == [0, 0]


def test_a_spool_on_a_disk_is_encrypted(receiving: Receiving, tmp_path: Path) -> None:
    on_disk = Receiving(name=receiving.name, listens=receiving.listens, disk=str(tmp_path / "spool"))
    marker = b"payload-marker-on-the-wire"
    sent = 0

    def stopped() -> bool:
        nonlocal sent
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(marker, ("127.0.0.1", on_disk.listens[0][1]))
        sent += 1
        return sent > 20

    receive(on_disk, stopped, lambda _: None)
    where = on_disk.place()
    if where.keys is None:
        pytest.fail("the test's folder is in memory: give pytest a --basetemp on a disk")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) > 20 * len(marker)
    assert not [path for path in files if marker in path.read_bytes()]
    rows = [
        payload
        for _, block in waiting_blocks(where, lambda: False, follow=False)
        for payload, _, _ in block.datagrams.each()
    ]
    key_file(where.keys, where.folder).unlink()
    assert rows
    assert set(rows) == {marker}
