"""Files that were altered after they were written: never read as data, and named; the rest is still answered."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from contract.engines import LABEL, WHOLE, Clock, batches, lines, plain
from fakes.watched import HOUR, START, flow
from sekisho.errors import StoreError
from sekisho.model.detection import Window
from sekisho.model.purpose import Purpose
from sekisho.ports.flows import Damage, Query
from sekisho.stores.records_duckdb import DuckRecords, Settings

CC = Purpose.CC_DETECTION
NUMBERS = Query("numbers", 'SELECT "octetDeltaCount" AS "n" FROM "FLOW"')


def opened(root: Path) -> DuckRecords:
    return DuckRecords(root, Clock(), Settings(shards=1, threads=1))


def filled(root: Path, *, hours: int = 3) -> DuckRecords:
    """A journal with one piece for each hour; the flows of hour N have N·1000 + 0…99 octets."""
    store = opened(root)
    for hour in range(hours):
        rows = [
            flow(1 + n % 7, "192.0.2.1", 80, at=hour * 3600 + n, octets=hour * 1000 + n) for n in range(100)
        ]
        store.append("flows", iter(batches(rows)), LABEL)
    store.close()
    return store


def numbers(store: DuckRecords, window: Window = WHOLE) -> list[int]:
    return [int(row[0]) for row in plain(store.tables("flows", window, CC).ask(NUMBERS))]


def damaged(store: DuckRecords, window: Window = WHOLE) -> tuple[Damage, ...]:
    return store.tables("flows", window, CC).damaged()


def hour(number: int) -> Window:
    return Window(START + number * HOUR, START + (number + 1) * HOUR)


def overwrite(file: Path, offset: int, count: int) -> None:
    content = bytearray(file.read_bytes())
    content[offset : offset + count] = bytes(octet ^ 0x5A for octet in content[offset : offset + count])
    file.write_bytes(content)


def test_a_journal_that_an_older_program_could_not_read_stays_missing_and_named(tmp_path: Path) -> None:
    """It kept the file as damaged and compacted without it: that today's program can read it brings no row back."""
    store = filled(tmp_path)
    journal = next(tmp_path.rglob("*.journal"))
    octets = journal.read_bytes()
    journal.write_bytes(octets.replace(b"SKJ3", b"SKJ9"))  # a sign that it doesn't know
    assert store.compact("flows")["damaged"] == 1
    store.compact("flows")
    broken = journal.with_suffix(".damaged")
    broken.write_bytes(octets)
    assert numbers(store) == []
    name = broken.relative_to(tmp_path).as_posix()
    for number in range(3):
        begin = START + number * HOUR
        assert damaged(store, hour(number)) == (Damage(name, Window(begin, begin + 99_001)),)
    assert {one.file for one in damaged(store)} == {name}
    store.close()


@pytest.mark.parametrize("compacting", [False, True])
@pytest.mark.parametrize(("offset", "count"), [(700, 100), (64, 1), (3000, 400)])
def test_an_altered_piece_of_a_journal_is_not_read_and_named(
    tmp_path: Path, offset: int, count: int, compacting: bool
) -> None:
    store = filled(tmp_path)
    journal = next(tmp_path.rglob("*.journal"))
    name = journal.relative_to(tmp_path).as_posix()
    overwrite(journal, offset, count)
    if compacting:
        assert store.compact("flows")["damaged"] == 1
        store.compact("flows")
        name = name.replace(".journal", ".damaged")
    assert sorted(numbers(store)) == [*range(1000, 1100), *range(2000, 2100)]
    (one,) = damaged(store)
    assert (one.file, one.window) == (name, Window(START, START + 99_001))
    assert damaged(store, hour(0)) == (one,)
    assert damaged(store, hour(1)) == damaged(store, hour(2)) == ()
    state = store.state()["datasets"]["flows"]
    assert (state["rows"], state["damaged"]) == (200, [name])
    assert state["torn"] == 0


@pytest.mark.parametrize("compacting", [False, True])
def test_an_altered_header_loses_its_piece_alone_and_nobody_knows_whose(
    tmp_path: Path, compacting: bool
) -> None:
    store = filled(tmp_path)
    overwrite(next(tmp_path.rglob("*.journal")), 20, 4)
    if compacting:
        store.compact("flows")
    assert sorted(numbers(store)) == [*range(1000, 1100), *range(2000, 2100)]
    assert [one.window for one in damaged(store, hour(2))] == [None]
    assert len(store.state()["datasets"]["flows"]["damaged"]) == 1


def test_octets_that_are_missing_at_the_end_are_damage_and_a_half_written_piece_is_not(
    tmp_path: Path,
) -> None:
    store = filled(tmp_path)
    journal = next(tmp_path.rglob("*.journal"))
    whole = journal.read_bytes()
    # What a killed writer leaves: no header yet, and some of the rows.
    journal.write_bytes(whole + bytes(64) + whole[64:1000])
    assert len(numbers(store)) == 300
    assert damaged(store) == ()
    state = store.state()["datasets"]["flows"]
    assert (state["torn"], state["damaged"]) == (1000, [])
    journal.write_bytes(whole[:-10])
    assert len(numbers(store)) == 200
    assert len(damaged(store)) == 1


def test_a_journal_of_noise_is_damaged(tmp_path: Path) -> None:
    store = filled(tmp_path)
    journal = next(tmp_path.rglob("*.journal"))
    journal.write_bytes(random.Random(1).randbytes(5000))
    assert numbers(store) == []
    assert len(damaged(store, hour(1))) == 1
    assert store.extent("flows").rows == 0


@pytest.mark.parametrize("place", ["first", "middle", "footer"])
def test_an_altered_parquet_file_is_not_read_and_named(tmp_path: Path, place: str) -> None:
    store = filled(tmp_path)
    store.compact("flows")
    assert damaged(store) == ()
    file = sorted(tmp_path.rglob("*.parquet"))[1]
    size = file.stat().st_size
    overwrite(file, {"first": 4, "middle": size // 2, "footer": size - 60}[place], 40)
    assert sorted(numbers(store)) == [*range(100), *range(2000, 2100)]
    name = file.relative_to(tmp_path).as_posix()
    assert damaged(store) == (Damage(name, hour(1)),)
    assert damaged(store, hour(2)) == ()
    state = store.state()["datasets"]["flows"]
    assert (state["rows"], state["damaged"]) == (200, [name])
    assert store.extent("flows").newest == START + 2 * HOUR + 99_000
    # What comes later isn't put together with it, and it goes with its label.
    store.append("flows", iter(batches(lines(30, start=1))), LABEL)
    store.compact("flows")
    assert file.exists()
    assert len(numbers(store, hour(1))) == 30
    assert len(damaged(store, hour(1))) == 1
    store.expire(LABEL.expires)
    assert store.state()["datasets"]["flows"]["damaged"] == []


def test_what_was_seen_whole_is_not_read_again_and_an_alteration_after_that_is(tmp_path: Path) -> None:
    store = filled(tmp_path)
    journal = next(tmp_path.rglob("*.journal"))
    assert len(numbers(store)) == 300
    overwrite(journal, 700, 100)
    assert len(numbers(store)) == 200


def test_a_number_of_compactions_that_is_altered_is_said(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.compact("flows")
    high = next(tmp_path.rglob("high"))
    high.write_bytes(b"7" + high.read_bytes()[1:])
    with pytest.raises(StoreError, match="damaged"):
        numbers(store)


def test_a_folder_that_may_only_be_read_is_answered(tmp_path: Path) -> None:
    """A real read-only file system, in a mount namespace of its own."""
    store = filled(tmp_path / "store")
    store.compact("flows")
    for lock in tmp_path.rglob(".reading"):
        lock.unlink()
    code = f"""
    import sys
    sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
    from pathlib import Path
    from unit.stores.test_records_damage import damaged, numbers, opened
    store = opened(Path(sys.argv[1]))
    print(len(numbers(store)), len(damaged(store)), store.state()["datasets"]["flows"]["rows"])
    """
    script = tmp_path / "asks.py"
    script.write_text(textwrap.dedent(code))
    root = tmp_path / "store"
    command = f'mount --bind "{root}" "{root}" && mount -o remount,ro,bind "{root}" && exec "{sys.executable}" "{script}" "{root}"'
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", command],
        capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ),
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()) == (0, ["300", "0", "300"]), done.stderr
    assert not list(root.rglob(".reading"))
