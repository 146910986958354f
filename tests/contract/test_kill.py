"""Killed at any moment: nothing that was on the disk is lost, nothing is doubled; and several processes at once.

For engines that keep rows on a disk; each is opened by a program of its own.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from contract.engines import LABEL, WHOLE, Clock, batches, lines, plain
from fakes.command import Running
from fakes.watched import flow
from sekisho.errors import StoreError
from sekisho.model.purpose import Purpose
from sekisho.ports.flows import Query
from sekisho.stores.records_duckdb import DuckRecords, Settings
from sekisho.stores.records_duckdb.layout import parts

CC = Purpose.CC_DETECTION
TESTS = Path(__file__).resolve().parents[1]
HEAD = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from contract.engines import Clock, LABEL, batches, lines
from fakes.watched import flow
from sekisho.stores.records_duckdb import DuckRecords, Settings
store = DuckRecords(Path(sys.argv[1]), Clock(), Settings(shards=3, threads=1, row_group=2048))
"""
APPEND = """
first, number = int(sys.argv[2]), 0
while True:
    rows = [flow(1 + n % 11, "192.0.2.1", 80, at=n, octets=first + number * 50 + n) for n in range(50)]
    number += 1
    store.append("flows", iter(batches(rows, 10)), LABEL)
    print(first + number * 50, flush=True)
"""
COMPACT = """
print("go", flush=True)
while True:
    store.compact("flows")
    store.append("flows", iter(batches([flow(3, "192.0.2.1", 80, octets=0)])), LABEL)
"""
# Every row has a number of its own in this column, so that a lost or doubled one shows.
NUMBERS = Query("numbers", 'SELECT "octetDeltaCount" AS "n" FROM "FLOW" WHERE "octetDeltaCount" > 0')


def program(code: str, *words: object) -> Running:
    return Running(textwrap.dedent(HEAD) + textwrap.dedent(code), words)


def kill(one: Running) -> list[str]:
    one.send_signal(signal.SIGKILL)
    # Not `communicate`: it reads the pipe itself and would miss what an earlier readline left in the buffer.
    assert one.stdout is not None
    assert one.stderr is not None
    with one.stdout as stdout, one.stderr as stderr:
        out, err = stdout.read(), stderr.read()
    assert one.wait(timeout=30) == -signal.SIGKILL, err
    return out[: out.rfind("\n") + 1].splitlines()


def opened(path: Path, **more: int) -> DuckRecords:
    return DuckRecords(path, Clock(), Settings(shards=3, threads=1, row_group=2048, **more))


def numbers(store: DuckRecords) -> list[int]:
    return [int(row[0]) for row in plain(store.tables("flows", WHOLE, CC).ask(NUMBERS))]


def test_killed_while_appending(tmp_path: Path) -> None:
    """Ten lives: each ends in the middle of an append, each begins where the last was sure to have ended."""
    sure: set[int] = set()
    for life in range(10):
        first = 1_000_000 * (life + 1)
        running = program(APPEND, tmp_path, first)
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(random.Random(life).uniform(0.0, 0.12))
        done = [first + 50, *map(int, kill(running))][-1]
        sure |= set(range(first, done))
        store = opened(tmp_path)
        found = numbers(store)
        assert len(found) == len(set(found))
        assert sure <= set(found)
        # What was under way when it was killed may be there up to some batch, and nothing else.
        assert all(number % 1_000_000 < 10**6 and number >= 10**6 for number in found)
        if life % 3 == 2:
            store.compact("flows")
            assert sorted(numbers(store)) == sorted(found)
        store.close()


def test_killed_while_compacting(tmp_path: Path) -> None:
    store = opened(tmp_path)
    rows = lines(20_000)
    for at in range(0, 20_000, 2_000):
        piece = [dict(row, octetDeltaCount=at + n + 1) for n, row in enumerate(rows[at : at + 2_000])]
        store.append("flows", iter(batches(piece, 500)), LABEL)
        store.close()
    for life in range(12):
        running = program(COMPACT, tmp_path)
        assert running.stdout is not None
        assert running.stdout.readline() == "go\n"
        time.sleep(random.Random(life).uniform(0.0, 0.25))
        kill(running)
        assert sorted(numbers(store)) == list(range(1, 20_001))
    store.compact("flows")
    assert sorted(numbers(store)) == list(range(1, 20_001))


def test_stopped_between_any_two_steps_of_a_compaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, not by chance: the process ends before and after each call that changes the disk."""

    class Ended(BaseException):
        pass

    for step in range(40):
        root = tmp_path / str(step)
        store = opened(root)
        for at in range(4):
            rows = [flow(3, "192.0.2.1", 80, octets=at * 100 + n + 1) for n in range(100)]
            store.append("flows", iter(batches(rows)), LABEL)
            store.close()
        left = [step]

        def stepping(name: str, left: list[int] = left) -> None:
            real = getattr(Path, name)

            def step_or_end(*given: object, **named: object) -> object:
                if not left[0]:
                    raise Ended
                left[0] -= 1
                found = real(*given, **named)
                if not left[0]:
                    raise Ended
                left[0] -= 1
                return found

            monkeypatch.setattr(Path, name, step_or_end)

        stepping("rename")
        stepping("unlink")
        try:
            store.compact("flows")
        except Ended:
            pass
        else:
            monkeypatch.undo()
            assert step > 4
            return
        finally:
            monkeypatch.undo()
        assert sorted(numbers(store)) == list(range(1, 401)), step
        store.compact("flows")
        assert sorted(numbers(store)) == list(range(1, 401)), step
    pytest.fail("it never came to its end")


@pytest.mark.parametrize("cut", [1, 7, 8, 100, 1000])
def test_a_torn_tail_is_counted_and_what_is_before_it_is_good(tmp_path: Path, cut: int) -> None:
    store = DuckRecords(tmp_path, Clock(), Settings(shards=1, threads=1))
    for at in range(5):
        store.append(
            "flows", iter(batches([flow(3, "192.0.2.1", 80, octets=at * 10 + n) for n in range(10)])), LABEL
        )
    store.close()
    journal = next(tmp_path.rglob("*.journal"))
    os.truncate(journal, journal.stat().st_size - cut)
    state = store.state()["datasets"]["flows"]
    assert state["rows"] == 40
    assert state["torn"] > 0
    assert store.compact("flows")["torn"] == state["torn"]
    after = store.state()["datasets"]["flows"]
    assert (after["rows"], after["torn"], after["files"]) == (40, 0, 1)


def test_a_journal_of_zeros_or_noise_loses_only_itself(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.append("flows", iter(batches(lines(50))), LABEL)
    store.close()
    cell = next(tmp_path.rglob("*.journal")).parent
    (cell / "000000000077.journal").write_bytes(bytes(5000))
    (cell / "000000000078.journal").write_bytes(random.Random(1).randbytes(5000))
    (cell / "000000000079.journal").write_bytes(b"")
    state = store.state()["datasets"]["flows"]
    assert (state["rows"], state["torn"]) == (50, 10_000)
    store.compact("flows")
    assert len(numbers(store)) == 50


def test_a_journal_in_use_is_left_alone(tmp_path: Path) -> None:
    writer, other = opened(tmp_path), opened(tmp_path)
    writer.append("flows", iter(batches(lines(60))), LABEL)
    assert other.compact("flows")["busy"] > 0
    writer.append("flows", iter(batches(lines(60))), LABEL)
    assert len(numbers(other)) == 120
    writer.close()
    assert other.compact("flows")["made"] > 0
    assert len(numbers(writer)) == 120


def test_readers_writers_and_a_compaction_at_once(tmp_path: Path) -> None:
    """Two processes append, one compacts all the time, two threads ask: no answer ever loses or doubles a row."""
    store = opened(tmp_path)
    store.append("flows", iter(batches([flow(1, "192.0.2.1", 80, octets=1)])), LABEL)
    running = [
        program(APPEND, tmp_path, 10**6),
        program(APPEND, tmp_path, 2 * 10**6),
        program(COMPACT, tmp_path),
    ]
    faults: list[str] = []
    until = time.monotonic() + 6

    def ask() -> None:
        before: set[int] = set()
        while time.monotonic() < until:
            try:
                found = numbers(store)
            except StoreError as error:
                faults.append(error.where)
                raise
            if len(found) != len(set(found)) or not before <= set(found):
                faults.append(f"{len(found)} rows, {len(set(found))} of them different, {len(before)} before")
            before = set(found)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    ends = [kill(one) for one in running]
    assert not faults, faults[:3]
    found = set(numbers(store))
    for base, said in zip((10**6, 2 * 10**6), ends, strict=False):
        assert set(range(base, int(said[-1]))) <= found
        assert len(said) > 3


def test_many_appends_make_few_files(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for _ in range(50):
        store.append("flows", iter(batches(lines(40))), LABEL)
    assert store.state()["datasets"]["flows"]["files"] <= 6  # two sets of columns in three shards
    store.compact("flows")
    state = store.state()["datasets"]["flows"]
    assert (state["files"], state["rows"]) == (3, 2000)


def test_small_files_are_put_together_by_and_by(tmp_path: Path) -> None:
    """Each compaction leaves a file; they stay few, and a large one isn't written again for a small one."""
    store = DuckRecords(tmp_path, Clock(), Settings(shards=1, threads=1))
    noise = random.Random(1)
    rows = [dict(row, octetDeltaCount=noise.getrandbits(50)) for row in lines(60_000)]
    store.append("flows", iter(batches(rows, 20_000)), LABEL)
    store.compact("flows")
    cell = next(tmp_path.rglob("*.parquet")).parent
    large = parts(cell)[0].path
    for _ in range(12):
        store.append("flows", iter(batches(lines(40))), LABEL)
        store.compact("flows")
    assert parts(cell)[0].path == large
    assert len(parts(cell)) <= 6
    assert store.state()["datasets"]["flows"]["rows"] == 60_480


def test_a_full_disk_is_said_and_what_was_good_stays(tmp_path: Path) -> None:
    """A real file system of 4 MB, in a mount namespace of its own."""
    code = """
    import json
    from sekisho.errors import StoreError
    from sekisho.model.purpose import Purpose
    from sekisho.ports.flows import Query
    from contract.engines import WHOLE
    kept, said = 0, ""
    try:
        while True:
            kept += store.append("flows", iter(batches(lines(2000))), LABEL)
    except StoreError as error:
        said = error.where
    count = Query("n", 'SELECT COUNT(*) AS "n" FROM "FLOW"', 'SELECT CAST(SUM("n") AS BIGINT) AS "n" FROM "PART"')
    now = store.tables("flows", WHOLE, Purpose.CC_DETECTION).ask(count).to_pylist()[0]["n"]
    try:
        store.compact("flows")
        compacted = "done"
    except StoreError as error:
        compacted = error.where
    after = store.tables("flows", WHOLE, Purpose.CC_DETECTION).ask(count).to_pylist()[0]["n"]
    print(json.dumps({"kept": kept, "said": said, "now": now, "compacted": compacted, "after": after}))
    """
    script = tmp_path / "full.py"
    script.write_text(textwrap.dedent(HEAD) + textwrap.dedent(code))
    root = tmp_path / "small"
    root.mkdir()
    command = f'mount -t tmpfs -o size=4m none "{root}" && exec "{sys.executable}" "{script}" "{root}"'
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert "No space left" in said["said"]
    assert said["kept"] > 1000
    assert said["kept"] <= said["now"] <= said["kept"] + 2000
    assert said["after"] == said["now"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        opened(tmp_path / "file" / "store")


def test_memory_has_a_bound(tmp_path: Path) -> None:
    store = DuckRecords(tmp_path, Clock(), Settings(shards=1, threads=1, memory="20MB"))
    store.append("flows", iter(batches(lines(20_000), 5_000)), LABEL)
    wide = Query("wide", 'SELECT "a".* FROM "FLOW" AS "a", "FLOW" AS "b" ORDER BY "a"."octetDeltaCount"')
    with pytest.raises(StoreError, match="memory"):
        store.tables("flows", WHOLE, CC).ask(wide)
    assert len(numbers(store)) == 20_000
