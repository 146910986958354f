"""Slots of the spool: kept and read where the kernel put them; whole or not at all; the same counts and order."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sekisho.formats.datagrams import Datagrams, datagrams_of
from sekisho.model.pipeline import by_exporter
from sekisho.stores import spool as spool_reader
from sekisho.stores import spool_writer
from sekisho.stores.spool import Spool
from sekisho.stores.spool_place import Place
from sekisho.stores.spool_segments import segments
from sekisho.stores.spool_slots import STRIDE, allocate, count_in, octets_of
from sekisho.stores.spool_writer import SpoolWriter

MEMORY = Path("/dev/shm")
Row = tuple[bytes, str, int]


@pytest.fixture
def where() -> Iterator[Place]:
    folder = MEMORY / f"sekisho-test-{os.getpid()}-slots"
    yield Place(folder)
    shutil.rmtree(folder, ignore_errors=True)


def rows(count: int, seed: int = 0, longest: int = STRIDE, *, times: bool = False) -> list[Row]:
    pick = random.Random(seed)
    return [
        (
            pick.randbytes(pick.choice((0, 1, 200, 1400, longest))),
            f"192.0.2.{pick.randrange(5)}",
            1000 + n * times,
        )
        for n in range(count)
    ]


def put(writer: SpoolWriter, block: list[Row]) -> int:
    """As the receiver does: into free slots where there are any, else as a block of its own."""
    made = datagrams_of(block)
    slots = writer.room(len(block))
    if slots is None or len(slots) < len(block) or made.octets.shape[1] > slots.shape[1]:
        return writer.append(made)
    slots[: len(block), : made.octets.shape[1]] = made.octets
    return writer.append(
        Datagrams(slots[: len(block)], made.length, made.exporter, made.received, made.exporters)
    )


def everything(spool: Spool, most: int = 1024) -> list[Row]:
    got: list[Row] = []
    for block in spool.blocks(lambda: False, most=most, follow=False):
        got += list(block.datagrams.each())
        spool.done(block.end)
    return got


@pytest.mark.parametrize("times", [False, True])
def test_what_goes_in_comes_out_and_blocks_lie_side_by_side(where: Place, times: bool) -> None:
    sent = rows(3000, times=times)
    with SpoolWriter(where) as writer, Spool(where) as spool:
        for begin, end in ((0, 1), (1, 480), (480, 2000), (2000, 3000)):
            assert put(writer, sent[begin:end]) == end - begin
        assert [one.slotted for one in segments(where.folder)] == [True]
        block = spool.read(4096)
        assert block is not None
        assert list(block.datagrams.each()) == sent
        assert block.datagrams.octets.flags.c_contiguous
        assert not block.datagrams.octets.flags.owndata
        assert not block.datagrams.octets.flags.writeable
        table = by_exporter(writer.counts())
    assert sum(row.get("spool spooled", 0) for row in table.values()) == 3000


def test_many_segments_of_both_kinds_in_any_order(where: Place) -> None:
    """Long datagrams, blocks without slots and short ones by turns; the reader is there from the beginning, or comes late."""
    pick = random.Random(3)
    sent: list[Row] = []
    got: list[Row] = []
    with Spool(where) as spool:
        with SpoolWriter(where, segment_octets=200_000) as writer:
            for number in range(300):
                block = rows(pick.randrange(1, 60), number, pick.choice((700, STRIDE, STRIDE, 9000)))
                if pick.random() < 0.2:
                    assert writer.append(datagrams_of(block)) == len(block)
                else:
                    assert put(writer, block) == len(block)
                sent += block
                if number % 3 == 0:
                    got += everything(spool, pick.choice((1, 50, 5000)))
            assert {one.slotted for one in segments(where.folder)} == {True, False} or len(got) > 0
        got += everything(spool)
    assert got == sent


def test_a_position_within_slots_and_a_writer_that_is_started_again(where: Place) -> None:
    sent = rows(900)
    ends = []
    for begin in range(0, 900, 300):
        with SpoolWriter(where, segment_octets=4_000_000) as writer:
            for at in range(begin, begin + 300, 50):
                put(writer, sent[at : at + 50])
    with Spool(where) as spool:
        while block := spool.read(50):
            ends.append(block.end)
    assert [one.ordinal for one in ends] == list(range(50, 901, 50))
    for end in ends:
        with Spool(where, end) as spool:
            got = [row for one in spool.blocks(lambda: False, follow=False) for row in one.datagrams.each()]
            assert got == sent[end.ordinal :]


def test_full_drops_the_new_and_counts_by_exporter(where: Place) -> None:
    sent = rows(2000, longest=1400)
    segment = octets_of(count_in(300_000))
    with SpoolWriter(where, segment_octets=300_000, most_octets=900_000) as writer:
        kept = sum(put(writer, sent[at : at + 20]) for at in range(0, 2000, 20))
        held = sum(os.stat(one.path).st_size for one in segments(where.folder))
        assert held <= 900_000
        assert 2 * 900_000 // segment * 100 < kept < 2000
        table = by_exporter(writer.counts())
        assert sum(row.get("spool spool-full", 0) for row in table.values()) == 2000 - kept
        with Spool(where) as spool:
            got = everything(spool)
        assert len(got) == kept
        assert put(writer, sent[:20]) == 20
        with Spool(where) as spool:
            assert everything(spool) == sent[:20]


def test_the_reader_lets_nothing_gather_while_a_later_segment_waits(
    where: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment's end is no sign that little comes in: a spool of small ones would else be read too slowly."""
    sent = rows(2000, longest=1400)
    got: list[int] = []
    gathered: list[int] = []
    monkeypatch.setattr(spool_reader, "let_come", lambda *_: gathered.append(sum(got)))
    with SpoolWriter(where, segment_octets=300_000) as writer, Spool(where) as reading:
        for at in range(0, 2000, 20):
            put(writer, sent[at : at + 20])
        assert len(segments(where.folder)) > 5
        got.extend(len(one.datagrams) for one in reading.blocks(lambda: sum(got) >= 2000))
    assert sum(got) == 2000
    assert all(one > 2000 - 200 for one in gathered)


def test_a_memory_without_room_is_counted_and_never_a_signal(
    where: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    sent = rows(400)
    with SpoolWriter(where, segment_octets=150_000) as writer:
        put(writer, sent[:50])
        with monkeypatch.context() as patched:
            patched.setattr(spool_writer, "allocate", full)
            put(writer, sent[50:80])
            assert sum(put(writer, sent[at : at + 20]) for at in range(80, 200, 20)) > 0
        put(writer, sent[200:220])
        kept = writer.ordinal
    with Spool(where) as spool:
        assert len(everything(spool)) == kept


def test_a_segment_has_its_length_only_with_all_its_pages(
    where: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an allocation that broke off leaves isn't taken for a whole one, however blocks are counted."""

    def killed(*_: object) -> None:
        raise InterruptedError

    where.folder.mkdir()
    size = octets_of(100)
    with (where.folder / "one").open("w+b", buffering=0) as file:
        with monkeypatch.context() as patched:
            patched.setattr(os, "posix_fallocate", killed)
            with pytest.raises(InterruptedError):
                allocate(file.fileno(), 100)
        assert os.fstat(file.fileno()).st_size < size
        for length in (0, size - 1, size, 2 * size):
            os.ftruncate(file.fileno(), 0)
            os.ftruncate(file.fileno(), length)
            allocate(file.fileno(), 100)
            about = os.fstat(file.fileno())
            assert about.st_size == size
            assert about.st_blocks * 512 >= size


def test_a_block_without_its_header_is_not_there(where: Place) -> None:
    """What a kill between the slots, the table and the header leaves is not read, and the next block takes its place."""
    sent = rows(60)
    with SpoolWriter(where) as writer:
        put(writer, sent[:20])
        slots = writer.room(20)
        assert slots is not None
        slots[:, :] = 255
        (one,) = segments(where.folder)
        whole = bytearray(one.path.read_bytes())
        put(writer, sent[20:40])
        after = bytearray(one.path.read_bytes())
    changed = np.flatnonzero(np.frombuffer(whole, np.uint8) != np.frombuffer(after, np.uint8))
    header = int(changed[0]) // 64 * 64
    assert header < 8192  # within the index
    after[header : header + 64] = bytes(64)
    one.path.write_bytes(after)
    with Spool(where) as spool:
        assert everything(spool) == sent[:20]
        with SpoolWriter(where) as writer:
            assert writer.ordinal == 20
            put(writer, sent[40:])
            assert everything(spool) == sent[40:]


def write_for_ever(where: Place, words: int) -> None:
    writer = SpoolWriter(where, segment_octets=100_000, most_octets=1 << 28)
    at = writer.ordinal
    while True:
        os.write(words, b"%d\n" % at)
        at += put(writer, [(b"%d " % n * (n % 200), "192.0.2.1", n) for n in range(at, at + 1 + at % 37)])


def test_kill_9_at_random_points_loses_nothing_and_repeats_nothing(where: Place) -> None:
    """25 kills of the writer while a reader reads, stops and goes on; each number once, in order, unaltered."""
    where.folder.mkdir()
    pick = random.Random(4)
    got: list[int] = []
    said = 0
    for _ in range(25):
        out, into = os.pipe()
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                write_for_ever(where, into)
            os._exit(1)
        os.close(into)
        with os.fdopen(out, "rb") as words:
            assert int(words.readline()) >= said
            time.sleep(pick.random() * 0.1)
            with Spool(where) as spool:
                for block in spool.blocks(lambda: False, follow=False):
                    for payload, _, at in block.datagrams.each():
                        assert payload == b"%d " % at * (at % 200)
                        got.append(at)
                    spool.done(block.end)
                    if len(got) % 7 == 0:
                        break
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            said = max([said, *(int(line) for line in words.read().split(b"\n")[:-1])])
    with SpoolWriter(where), Spool(where) as spool:
        got += [
            at for block in spool.blocks(lambda: False, follow=False) for _, _, at in block.datagrams.each()
        ]
    assert said > 1000
    assert got == list(range(len(got)))
    assert len(got) >= said


def test_what_was_decoded_does_not_change_when_its_slots_are_used_again() -> None:
    """Batches of the decoder and of the door wait in memory longer than the slots that they came from."""
    from ipaddress import ip_network

    from bench import flows

    from fakes.tally import Counts
    from sekisho.formats.flow_export import Decoder
    from sekisho.formats.pseudonyms import Pseudonyms

    door = Pseudonyms(bytes(32), [ip_network("100.64.0.0/10")])
    cols = flows.columns(5000)
    for kind in (flows.v5, flows.v9, flows.ipfix, flows.sflow):
        block = kind(cols)
        found = [door.watch(one)[0] for one in Decoder().decode(block, Counts())]
        assert found
        before = [one.to_pylist() for one in found]
        block.octets[:] = 0xA5
        assert [one.to_pylist() for one in found] == before
