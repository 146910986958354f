"""Exactly once: the rows of an append with a position appear together, and never a second time."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from contract.conftest import Make
from contract.engines import DAY, LABEL, NOW, WHOLE, Clock, batches, lines, plain
from contract.test_kill import HEAD, kill, numbers, opened, program
from fakes.watched import flow
from sekisho.errors import StoreError
from sekisho.model.purpose import Purpose
from sekisho.ports.flows import Once, Query, RecordStore
from sekisho.stores.records_duckdb import DuckRecords

COUNT = Query(
    "rows", 'SELECT COUNT(*) AS "n" FROM "FLOW"', 'SELECT CAST(SUM("n") AS BIGINT) AS "n" FROM "PART"'
)


def count(store: RecordStore) -> int:
    return int(plain(store.tables("flows", WHOLE, Purpose.CC_DETECTION).ask(COUNT))[0][0])


def never() -> Iterator[pa.RecordBatch]:
    def touched(_: int) -> pa.RecordBatch:
        raise AssertionError("the input of a repeated append must not be touched")

    return map(touched, range(1))


def test_a_position_is_kept_once_and_positions_grow(store: RecordStore) -> None:
    assert store.append("flows", iter(batches(lines(30))), LABEL) == 30
    assert store.kept("flows", "spool-a") is None
    assert store.append("flows", iter(batches(lines(20))), LABEL, Once("spool-a", 7)) == 20
    assert store.kept("flows", "spool-a") == 7
    for again in (7, 3, 0):
        assert store.append("flows", never(), LABEL, Once("spool-a", again)) == 0
    assert store.append("flows", iter(batches(lines(5))), LABEL, Once("spool-a", 8)) == 5
    assert store.append("flows", iter(batches(lines(4))), LABEL, Once("spool-b", 1)) == 4
    assert store.append("other", iter(batches(lines(3))), LABEL, Once("spool-a", 1)) == 3
    assert (count(store), store.kept("flows", "spool-a"), store.kept("other", "spool-a")) == (59, 8, 1)
    assert store.kept("nowhere", "spool-a") is None


def test_a_position_without_rows_is_kept_too(store: RecordStore) -> None:
    assert store.append("flows", iter([]), LABEL, Once("file")) == 0
    assert store.kept("flows", "file") == 0
    store.append("flows", never(), LABEL, Once("file"))
    assert count(store) == 0
    store.compact("flows")
    assert store.kept("flows", "file") == 0


def test_what_was_kept_is_known_to_the_next_process_and_after_compactions(make: Make) -> None:
    store = make()
    for position in range(1, 6):
        store.append("flows", iter(batches(lines(12, hours=5))), LABEL, Once("spool", position))
        if position % 2:
            store.compact("flows")
    assert store.append("flows", never(), LABEL, Once("spool", 5)) == 0
    if isinstance(store, DuckRecords):
        store.close()
        store = make()
        assert store.append("flows", never(), LABEL, Once("spool", 5)) == 0
        assert store.append("flows", never(), LABEL, Once("spool", 4)) == 0
    assert (store.kept("flows", "spool"), count(store)) == (5, 60)


def test_all_or_nothing_when_the_input_breaks(store: RecordStore) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches(lines(300, hours=9), 50)
        raise RuntimeError

    store.append("flows", iter(batches(lines(7))), LABEL, Once("file-a"))
    with pytest.raises(RuntimeError):
        store.append("flows", broken(), LABEL, Once("file-b"))
    assert (count(store), store.kept("flows", "file-b")) == (7, None)
    bad = [
        *batches(lines(40)),
        batches(lines(3))[0].rename_columns(["dns", *batches(lines(1))[0].schema.names[1:]]),
    ]
    with pytest.raises(StoreError):
        store.append("flows", iter(bad), LABEL, Once("file-b"))
    assert count(store) == 7
    assert store.append("flows", iter(batches(lines(300, hours=9), 50)), LABEL, Once("file-b")) == 300
    assert count(store) == 307


def test_a_position_goes_no_sooner_than_its_rows(store: RecordStore, clock: Clock) -> None:
    short = msgspec.structs.replace(LABEL, expires=NOW + DAY)
    store.append("flows", iter(batches(lines(20))), short, Once("file"))
    store.compact("flows")
    clock.now = short.expires - 1
    store.expire(clock.now)
    assert store.kept("flows", "file") == 0


ONCE = """
from sekisho.ports.flows import Once
first = int(sys.argv[2])
while True:
    at = (store.kept("flows", "spool") or 0) + 1
    rows = [flow(1 + n % 11, f"192.0.2.{n % 9}" if n % 2 else "2001:db8::1", 80, at=n * 400, octets=at * 50 + n) for n in range(50)]
    store.append("flows", iter(batches(rows, 10)), LABEL, Once("spool", at))
    print(at, flush=True)
    if at % 7 == 0:
        store.compact("flows")
"""


def test_killed_at_any_moment_each_position_is_there_whole_and_once(tmp_path: Path) -> None:
    """Twelve lives that append and compact; rows of six hours, two families and three shards in each append."""
    for life in range(12):
        running = program(ONCE, tmp_path, 0)
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(random.Random(life).uniform(0.0, 0.3))
        said = [int(line) for line in kill(running)]
        store = opened(tmp_path)
        found = numbers(store)
        last = store.kept("flows", "spool")
        assert last is not None
        assert sorted(found) == list(range(50, 50 * (last + 1)))
        assert last >= max(said, default=1)
        if life % 4 == 3:
            store.compact("flows")
            assert sorted(numbers(store)) == sorted(found)
        store.close()


def test_stopped_between_any_two_writes_of_an_append(tmp_path: Path) -> None:
    """Not by chance: the file of the journal is cut at every length that a kill could leave."""
    store = opened(tmp_path)
    store.append(
        "flows",
        iter(batches([flow(3, "192.0.2.1", 80, octets=n + 1) for n in range(10)])),
        LABEL,
        Once("s", 1),
    )
    journal = next(tmp_path.rglob("*.journal"))
    before = journal.stat().st_size
    store.append(
        "flows",
        iter(batches([flow(3, "2001:db8::1", 80, octets=n + 11) for n in range(10)])),
        LABEL,
        Once("s", 2),
    )
    whole = journal.read_bytes()
    store.close()
    for cut in [*range(before, len(whole), 41), len(whole) - 1]:
        journal.write_bytes(whole[:cut])
        assert sorted(numbers(store)) == list(range(1, 11)), cut
        assert store.kept("flows", "s") == 1
    # The header is written last: without it the rows behind it do not count.
    journal.write_bytes(whole[:before] + bytes(64) + whole[before + 64 :])
    assert (store.kept("flows", "s"), len(numbers(store))) == (1, 10)
    journal.write_bytes(whole)
    assert (store.kept("flows", "s"), len(numbers(store))) == (2, 20)


def test_two_processes_with_the_same_file_take_it_once(tmp_path: Path) -> None:
    code = """
from sekisho.ports.flows import Once
import time
def slow():
    for one in batches(lines(400), 100):
        time.sleep(0.05)
        yield one
for number in range(5):
    print(store.append("flows", slow(), LABEL, Once(f"file-{number}")), flush=True)
"""
    both = [program(code, tmp_path) for _ in range(2)]
    ends = [one.communicate(timeout=60) for one in both]
    assert all(one.returncode == 0 for one in both), ends
    taken = [sum(map(int, out.split())) for out, _ in ends]
    assert sum(taken) == 2000
    store = opened(tmp_path)
    assert count(store) == 2000


def test_a_full_disk_in_the_middle_keeps_nothing_of_that_append(tmp_path: Path) -> None:
    """A real file system of 4 MB, in a mount namespace of its own."""
    code = """
    import json
    from contract.engines import WHOLE
    from sekisho.errors import StoreError
    from sekisho.model.purpose import Purpose
    from sekisho.ports.flows import Once, Query
    whole, said = 0, ""
    try:
        while True:
            store.append("flows", iter(batches(lines(3000), 700)), LABEL, Once("s", whole + 1))
            whole += 1
    except StoreError as error:
        said = error.where
    count = Query("n", 'SELECT COUNT(*) AS "n" FROM "FLOW"', 'SELECT CAST(SUM("n") AS BIGINT) AS "n" FROM "PART"')
    now = store.tables("flows", WHOLE, Purpose.CC_DETECTION).ask(count).to_pylist()[0]["n"]
    print(json.dumps({"whole": whole, "said": said, "now": now, "kept": store.kept("flows", "s")}))
    """
    script = tmp_path / "full.py"
    script.write_text(textwrap.dedent(HEAD) + textwrap.dedent(code))
    root = tmp_path / "small"
    root.mkdir()
    command = f'mount -t tmpfs -o size=4m none "{root}" && exec "{sys.executable}" "{script}" "{root}"'
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", command],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert "No space left" in said["said"]
    assert said["whole"] >= 2
    assert (said["now"], said["kept"]) == (3000 * said["whole"], said["whole"])
