"""The spool: nothing lost, nothing twice, nothing overwritten, nothing in the clear on a disk."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sekisho.errors import StoreError
from sekisho.formats.datagrams import Datagrams, datagrams_of
from sekisho.model.pipeline import by_exporter
from sekisho.stores import spool_block
from sekisho.stores import spool_place as places
from sekisho.stores.spool import Position, Spool
from sekisho.stores.spool_block import Header
from sekisho.stores.spool_place import Place, in_memory, key_file, place
from sekisho.stores.spool_segments import segments
from sekisho.stores.spool_writer import SpoolWriter

MEMORY = Path("/dev/shm")
Row = tuple[bytes, str, int]


@pytest.fixture(params=["memory", "encrypted"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    keys = MEMORY / f"sekisho-test-{os.getpid()}"
    yield Place(tmp_path / "spool", keys if request.param == "encrypted" else None)
    for file in keys.glob("*"):
        file.unlink()
    with contextlib.suppress(FileNotFoundError):
        keys.rmdir()


def rows(count: int, seed: int = 0, *, equal: bool = False, times: bool = True) -> list[Row]:
    pick = random.Random(seed)
    return [
        (
            pick.randbytes(1400 if equal else pick.choice((0, 1, 20, 200, 1400, 9000))),
            f"192.0.2.{pick.randrange(5)}",
            1_000_000 + (number if times else 0),
        )
        for number in range(count)
    ]


def everything(spool: Spool, most: int = 1024) -> list[Row]:
    got: list[Row] = []
    for block in spool.blocks(lambda: False, most=most, follow=False):
        got += list(block.datagrams.each())
        spool.done(block.end)
    return got


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("times", [False, True])
def test_what_goes_in_comes_out(where: Place, equal: bool, times: bool) -> None:
    sent = rows(1500, equal=equal, times=times)
    with SpoolWriter(where) as writer:
        for begin, end in ((0, 1), (1, 480), (480, 1500)):  # the last is more than one call takes
            assert writer.append(datagrams_of(sent[begin:end])) == end - begin
        assert writer.append(datagrams_of([])) == 0
        table = by_exporter(writer.counts())
    assert sum(row.get("spool spooled", 0) for row in table.values()) == 1500
    with Spool(where) as spool:
        assert everything(spool) == sent


def test_slots_wider_than_datagrams_and_strided_rows(where: Place) -> None:
    sent = rows(300, times=False)
    wide = datagrams_of(sent, 9216)
    with SpoolWriter(where) as writer:
        writer.append(wide)
        writer.append(
            Datagrams(
                wide.octets[::3], wide.length[::3], wide.exporter[::3], wide.received[::3], wide.exporters
            )
        )
    with Spool(where) as spool:
        assert everything(spool, most=1) == sent + sent[::3]


def test_reader_first_then_writer_and_both_go_on_after_a_stop(where: Place) -> None:
    sent = rows(1000)
    spool = Spool(where)
    assert spool.read() is None
    with SpoolWriter(where, segment_octets=100_000) as writer:
        writer.append(datagrams_of(sent[:400]))
    got = everything(spool)
    with SpoolWriter(where, segment_octets=100_000) as writer:
        writer.append(datagrams_of(sent[400:600]))
        spool.close()
        spool = Spool(where)
        got += everything(spool)
        for number in range(600, 1000, 50):
            writer.append(datagrams_of(sent[number : number + 50]))
        got += everything(spool)
        assert writer.ordinal == 1000
    spool.close()
    assert got == sent
    assert len(segments(where.folder)) == 1


def test_not_done_comes_again_and_the_callers_position_wins(where: Place) -> None:
    sent = rows(30)
    with SpoolWriter(where) as writer:
        for number in range(0, 30, 10):
            writer.append(datagrams_of(sent[number : number + 10]))
    with Spool(where) as spool:
        first = spool.read(1)
        assert first is not None
        spool.done(first.end)
        second = spool.read(1)
        assert second is not None
    with Spool(where) as spool:
        assert everything(spool) == sent[10:]
    with Spool(where, second.end) as spool:
        assert everything(spool) == sent[20:]
    with Spool(where, Position("another spool", 30)) as spool:  # the memory was cleared: ordinals began anew
        assert everything(spool) == sent


def test_one_reader_and_one_writer(where: Place) -> None:
    with SpoolWriter(where), Spool(where):
        with pytest.raises(StoreError, match="another process"):
            SpoolWriter(where)
        with pytest.raises(StoreError, match="another process"):
            Spool(where)


def test_full_drops_the_new_and_counts_by_exporter(where: Place) -> None:
    sent = rows(4000, equal=True)
    kept: list[Row] = []
    with SpoolWriter(where, most_octets=1, segment_octets=500_000) as writer, Spool(where) as spool:
        for number in range(0, 2000, 100):
            if writer.append(datagrams_of(sent[number : number + 100])):
                kept += sent[number : number + 100]
        assert 600 <= len(kept) <= 715  # two segments of 500,000 octets
        assert kept == sent[: len(kept)]
        table = by_exporter(writer.counts())
        for exporter in {one for _, one, _ in sent}:
            wanted = sum(one == exporter for _, one, _ in sent[:2000])
            assert table[exporter]["spool spooled"] + table[exporter]["spool spool-full"] == wanted
            assert table[exporter]["spool spool-full"] > 0
        assert spool.waiting <= 1_000_000
        got = everything(spool)
        assert got == kept
        assert spool.waiting == 0  # a full spool gives up its last segment, too
        assert writer.append(datagrams_of(sent[2000:2100])) == 100
        assert everything(spool) == sent[2000:2100]


def test_a_disk_that_is_full_is_counted_and_does_not_tear(
    where: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = rows(30, equal=True)
    with SpoolWriter(where) as writer, Spool(where) as spool:
        writer.append(datagrams_of(sent[:10]))
        whole = os.pwrite
        monkeypatch.setattr(
            spool_block.os, "pwrite", lambda f, data, at: whole(f, data[: len(data) // 2], at)
        )
        assert writer.append(datagrams_of(sent[10:20])) == 0
        monkeypatch.undo()
        assert writer.append(datagrams_of(sent[20:])) == 10
        assert everything(spool) == sent[:10] + sent[20:]
        assert sum(one.count for one in writer.counts() if one.name == "spool-full") == 10


def test_every_cut_of_the_file_loses_only_what_was_not_whole(where: Place) -> None:
    sent = rows(12, times=False)
    edges = [0]
    with SpoolWriter(where) as writer:
        for number in range(0, 12, 4):
            writer.append(datagrams_of(sent[number : number + 4]))
            edges.append(writer._offset)
    path = segments(where.folder)[0].path
    content = path.read_bytes()
    key = key_file(where.keys, where.folder).read_bytes() if where.keys else b""
    headers = [Header.unpack(content[edge : edge + 64]) for edge in edges[:-1]]
    ends = [edge + 64 + one.octets for edge, one in zip(edges, headers, strict=False) if one]
    assert len(ends) == 3
    pick = random.Random(1)
    for cut in sorted({*edges, *ends, *(pick.randrange(len(content)) for _ in range(60))}):
        path.write_bytes(content[:cut])
        if where.keys:  # an empty spool gets a fresh one
            key_file(where.keys, where.folder).write_bytes(key)
        whole = sum(end <= cut for end in ends)
        with SpoolWriter(where) as writer:
            assert writer.ordinal == 4 * whole
            torn = next(one.count for one in writer.counts() if one.name == "torn-octets")
            assert (torn > 0) is (cut > edges[whole])
            writer.append(datagrams_of(sent[:2]))
        (where.folder / "cursor").unlink(missing_ok=True)
        with Spool(where) as spool:
            assert everything(spool) == sent[: 4 * whole] + sent[:2]


def test_a_block_whose_header_was_never_written_is_not_there(where: Place) -> None:
    sent = rows(8)
    with SpoolWriter(where) as writer, Spool(where) as spool:
        writer.append(datagrams_of(sent[:4]))
        path = segments(where.folder)[-1].path
        with path.open("r+b") as file:  # as a kill between the two steps leaves it
            file.seek(writer._offset + 64)
            file.write(b"x" * 5000)
        assert everything(spool) == sent[:4]
        writer.append(datagrams_of(sent[4:]))
        assert everything(spool) == sent[4:]


def test_exporters_outlive_the_process_that_named_them(where: Place) -> None:
    a = datagrams_of([(b"1", "192.0.2.1", 5), (b"2", "192.0.2.2", 5)])
    b = datagrams_of([(b"3", "192.0.2.3", 5), (b"4", "192.0.2.2", 5)])
    for block in (a, b, a):
        with SpoolWriter(where) as writer:
            writer.append(block)
    with Spool(where) as spool:
        got = everything(spool)
    assert [exporter[-1] for _, exporter, _ in got] == ["1", "2", "3", "2", "1", "2"]


def test_encrypted_shows_nothing_and_an_altered_block_is_left_out(tmp_path: Path) -> None:
    keys = MEMORY / f"sekisho-test-alter-{os.getpid()}"
    where = Place(tmp_path / "spool", keys)
    marker = b"GET /secret-url HTTP/1.1"
    try:
        with SpoolWriter(where) as writer:
            for _ in range(3):
                writer.append(datagrams_of([(marker * 10, "192.0.2.1", 7)] * 5))
        file = key_file(keys, where.folder)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        key = file.read_bytes()
        for path in tmp_path.rglob("*"):
            if path.is_file():
                assert marker not in path.read_bytes()
                assert key[16:] not in path.read_bytes()
        path = segments(where.folder)[0].path
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with Spool(where) as spool:
            assert len(everything(spool)) == 10
            assert {one.name: one.count for one in spool.counts()} == {"read": 10, "torn": 5, "unreadable": 0}
        file.unlink()  # the machine was started anew
        (where.folder / "cursor").unlink()
        with SpoolWriter(where) as writer, Spool(where) as spool:
            writer.append(datagrams_of([(b"new", "192.0.2.1", 7)]))
            assert everything(spool) == [(b"new", "192.0.2.1", 7)]
            assert {one.name: one.count for one in spool.counts()} == {"read": 1, "torn": 0, "unreadable": 15}
    finally:
        for one in keys.glob("*"):
            one.unlink()
        keys.rmdir()


def test_an_empty_spool_gets_a_fresh_key_each_start(tmp_path: Path) -> None:
    keys = MEMORY / f"sekisho-test-fresh-{os.getpid()}"
    where = Place(tmp_path / "spool", keys)
    try:
        seen = set()
        for _ in range(3):
            SpoolWriter(where).close()
            seen.add(key_file(keys, where.folder).read_bytes())
        assert len(seen) == 3
        with SpoolWriter(where) as writer:
            writer.append(datagrams_of([(b"x", "192.0.2.1", 7)]))
        held = key_file(keys, where.folder).read_bytes()
        SpoolWriter(where).close()
        assert key_file(keys, where.folder).read_bytes() == held
    finally:
        for one in keys.glob("*"):
            one.unlink()
        keys.rmdir()


def test_memory_is_asked_of_the_kernel_and_the_disk_is_always_encrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert in_memory(MEMORY / "not" / "yet" / "there")
    assert not in_memory(Path("/usr"))
    memory = MEMORY / f"sekisho-test-place-{os.getpid()}"
    memory.mkdir()
    try:
        here = place("x", 1000, memory=[memory])
        assert here.folder.is_relative_to(memory)
        assert here.keys is None
        disk = Path("/usr")  # never written to: only asked what it is
        there = place("x", 1000, disk=disk, memory=[memory])
        assert there.folder == disk
        assert there.keys is not None
        assert in_memory(there.keys)
        assert any("encrypted" in note.en for note in there.notes)
        with pytest.raises(StoreError, match="no memory file system has room"):
            place("y", 1 << 60, memory=[memory])
        with pytest.raises(StoreError, match="there is no memory file system"):
            place("y", 1, disk=disk, memory=[])
        own = memory / f"sekisho-{os.getuid()}"
        own.chmod(0o755)
        with pytest.raises(StoreError, match="others"):
            place("x", 1000, memory=[memory])
        own.chmod(0o700)
        swaps = tmp_path / "swaps"
        swaps.write_text("Filename Type Size Used Priority\n/dev/vdb partition 1 0 -2\n")
        monkeypatch.setattr(places, "_SWAPS", swaps)
        assert any("swap is on (/dev/vdb)" in note.en for note in place("x", 1000, memory=[memory]).notes)
    finally:
        for path in sorted(memory.rglob("*"), reverse=True):
            path.rmdir()
        memory.rmdir()


def test_a_key_is_never_written_to_a_disk() -> None:
    with pytest.raises(StoreError, match="not in memory"):
        places.make_key(Path("/var/tmp/sekisho-test-key"))
    assert not Path("/var/tmp/sekisho-test-key").exists()


def write_for_ever(where: Place, words: int) -> None:
    """Append numbered datagrams and say after each block how many are kept; ended by a kill."""
    writer = SpoolWriter(where, segment_octets=200_000)
    at = writer.ordinal
    while True:
        os.write(words, b"%d\n" % at)
        block = [(b"%d " % n * (n % 200), "192.0.2.1", n) for n in range(at, at + 1 + at % 97)]
        at += writer.append(datagrams_of(block))


def test_kill_9_at_random_points_loses_nothing_and_repeats_nothing(where: Place) -> None:
    """Each number that the writer said was kept is read exactly once, over 25 kills; the reader stops and goes on, too."""
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
                    got += [at for _, _, at in block.datagrams.each()]
                    spool.done(block.end)
                    if len(got) % 7 == 0:
                        break
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            said = max([said, *(int(line) for line in words.read().split(b"\n")[:-1])])
    with SpoolWriter(where), Spool(where) as spool:
        for block in spool.blocks(lambda: False, follow=False):
            for payload, _, at in block.datagrams.each():
                assert payload == b"%d " % at * (at % 200)
                got.append(at)
    assert said > 1000
    assert got == list(range(len(got)))
    assert len(got) >= said


def test_memory_of_the_reader_stays_flat(where: Place) -> None:
    block = datagrams_of(rows(480, equal=True))
    with SpoolWriter(where, segment_octets=4_000_000) as writer, Spool(where) as spool:
        for _ in range(30):
            writer.append(block)
            for one in spool.blocks(lambda: False, follow=False):
                spool.done(one.end)
            assert spool.waiting <= 8_100_000
        assert len(spool._room) <= 2 * block.octets.nbytes
        assert np.array_equal(block.length, datagrams_of(rows(480, equal=True)).length)
