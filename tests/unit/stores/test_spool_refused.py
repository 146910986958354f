"""A folder that refuses the next segment, or the names of exporters: the block before is safe, and nothing else is hit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from fakes.refusing import full_at, no_more_files
from sekisho.formats.datagrams import Datagrams, datagrams_of
from sekisho.stores import spool_writer
from sekisho.stores.spool import Spool
from sekisho.stores.spool_place import Place
from sekisho.stores.spool_segments import segments
from sekisho.stores.spool_writer import SpoolWriter

MEMORY = Path("/dev/shm")


@pytest.fixture(params=["slots", "disk"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    folder = MEMORY / f"sekisho-refused-{os.getpid()}" if request.param == "slots" else tmp_path / "spool"
    yield Place(folder, None)
    rmtree(folder, ignore_errors=True)


def block(number: int, octets: int = 1000, count: int = 100, exporter: str = "192.0.2.1") -> Datagrams:
    return datagrams_of([(bytes([number]) * octets, exporter, 1_000_000) for _ in range(count)])


def got(where: Place) -> list[int]:
    with Spool(where) as spool:
        return [
            row[0][0] for one in spool.blocks(lambda: False, follow=False) for row in one.datagrams.each()
        ][::100]


def test_a_segment_that_cant_be_begun_leaves_the_last_in_use_and_touches_no_foreign_file(
    where: Place, tmp_path: Path
) -> None:
    with SpoolWriter(where, segment_octets=150_000) as writer:
        writer.room(100)
        kept = [number for number in range(6) if writer.append(block(number))]
        before = writer.ordinal
        with no_more_files():
            tried = [number for number in range(6, 40) if writer.append(block(number))]
        # Whoever opens a file now must not be written into.
        files = [(tmp_path / f"foreign-{n}").open("w+b") for n in range(8)]
        after = [number for number in range(40, 60) if writer.append(block(number))]
        assert writer.ordinal == before + 100 * (len(tried) + len(after))
        assert len(after) == 20
        assert writer.error
        for file in files:
            assert file.read() == b""
            file.close()
        counted = {one.name: one.count for one in writer.counts() if one.count}
        assert counted["spooled"] == writer.ordinal
        assert sum(counted.values()) == 100 * (6 + 34 + 20)
    assert kept == list(range(6))
    assert got(where) == [*kept, *tried, *after]


def test_an_empty_segment_that_cant_be_replaced_is_still_there(
    where: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with SpoolWriter(where) as writer:
        assert len(segments(where.folder)) == 1
        with monkeypatch.context() as patched:
            patched.setattr(spool_writer, "begin", refuse)
            with pytest.raises(OSError):
                writer._begin()
            assert writer._begin_slots() is False
        assert len(segments(where.folder)) == 1
        assert writer.append(block(7)) == 100
        assert {path.name for path in where.folder.glob("aside*")} == set()
    assert got(where) == [7]


def test_names_that_cant_be_written_cost_the_block_and_are_written_with_the_next(where: Place) -> None:
    with SpoolWriter(where) as writer:
        assert writer.append(block(1)) == 100
        before = writer.ordinal
        with no_more_files():
            assert writer.append(block(2, exporter="192.0.2.2")) == 0
            assert writer.append(block(3, exporter="192.0.2.2")) == 0
        assert writer.ordinal == before
        assert writer.append(block(4, exporter="192.0.2.2")) == 100
        counted = {(one.exporter, one.name): one.count for one in writer.counts() if one.count}
    assert counted["192.0.2.2", "store-error"] == 200
    assert counted["192.0.2.2", "spooled"] == 100
    with Spool(where) as spool:
        rows = [row for one in spool.blocks(lambda: False, follow=False) for row in one.datagrams.each()]
    assert {(octets[0], name) for octets, name, _ in rows} == {(1, "192.0.2.1"), (4, "192.0.2.2")}


def test_a_disk_that_fills_up_in_a_block_leaves_the_blocks_before(tmp_path: Path) -> None:
    where = Place(tmp_path / "spool", None)
    with SpoolWriter(where) as writer:
        assert writer.append(block(1)) == 100
        with full_at(150_000):
            assert writer.append(block(2)) == 0
        assert writer.append(block(3)) == 100
    assert got(where) == [1, 3]
