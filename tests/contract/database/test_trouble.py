"""The disk is full, the file or the server is gone, somebody holds the lock: said as `StoreError`, nothing is lost."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from contract.database.cluster import Cluster
from contract.database.places import HEAD, case, ended, event, opened, program
from sekisho.errors import ConflictError, DescriptionError, StoreError
from sekisho.language import Language
from sekisho.ports.cases import CaseFilter
from sekisho.stores.database import SqlAudit, SqlCases, sqlite
from sekisho.stores.database.sqlite import overwritten

# Fills the disk but for a little, saves until that is refused, makes room, and goes on.
FILL = """
import json, os
from pathlib import Path
def refused_at(cases, filler, leave):
    state = os.statvfs(filler.parent)
    with filler.open("wb") as out:
        out.write(bytes(max(0, state.f_bavail * state.f_frsize - leave)))
    n = 0
    try:
        while n < 100_000:
            cases.save(case(f"{n:05}"), [event(f"{n:05}", text="x" * 2000)])
            n += 1
    except StoreError as error:
        return n, error.where
    return n, ""
def counted(cases, n):
    return sum(1 for i in range(n) if len(cases.events(f"{i:05}")) == 1), sum(cases.counts().values())
"""


def in_small_disk(tmp_path: Path, megabytes: int, code: str) -> dict[str, object]:
    """Run ``code`` in a mount namespace of its own, with a file system of that size in ``sys.argv[1]``."""
    # Below the system's own folder, since the server runs as somebody who can't enter ours.
    root = Path(tempfile.mkdtemp(prefix="sekisho-small-"))
    script = tmp_path / "full.py"
    script.write_text(HEAD + FILL + textwrap.dedent(code))
    command = f'mount -t tmpfs -o size={megabytes}m,mode=755 none "{root}" && exec "{sys.executable}" "{script}" "{root}"'
    done = subprocess.run(
        ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", command],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    root.rmdir()
    assert done.returncode == 0, done.stderr
    said: dict[str, object] = json.loads(done.stdout)
    return said


def test_a_full_disk_under_sqlite(tmp_path: Path) -> None:
    said = in_small_disk(
        tmp_path,
        16,
        """
        root = Path(sys.argv[1])
        database = opened(str(root / "cases.db"))
        cases, log = SqlCases(database), SqlAudit(database)
        log.append("a", "b", "c", "d", at=1)
        n, where = refused_at(cases, root / "filler", 6_000_000)
        whole, held = counted(cases, n)
        try:
            for i in range(100):
                log.append("a", "b", "c", "d", at=2, reason="x" * 50_000)
            logged = ""
        except StoreError as error:
            logged = error.where
        (root / "filler").unlink()
        cases.save(case("after"), [event("after")])
        log.append("a", "b", "c", "d", at=3)
        again = SqlCases(opened(str(root / "cases.db")))
        print(json.dumps({"n": n, "where": where, "whole": whole, "held": held, "logged": logged,
                          "after": again.counts()["new"], "log": log.verify().whole}))
        """,
    )
    assert "full" in str(said["where"])
    assert "full" in str(said["logged"])
    assert int(str(said["n"])) > 50
    assert said["whole"] == said["held"] == said["n"]
    assert said["after"] == int(str(said["n"])) + 1
    assert said["log"]


@pytest.mark.lab
def test_a_full_disk_under_postgres(tmp_path: Path) -> None:
    """The server may even stop; when there is room again, what was acknowledged is there."""
    said = in_small_disk(
        tmp_path,
        160,
        """
        from contract.database.cluster import Cluster
        place = Path(sys.argv[1]) / "pg"
        place.mkdir()
        server = Cluster(place, "max_wal_size=32MB", "min_wal_size=32MB")
        try:
            server.start()
            address = server.database()
            database = opened(address)
            cases = SqlCases(database)
            n, where = refused_at(cases, Path(sys.argv[1]) / "filler", 12_000_000)
            (Path(sys.argv[1]) / "filler").unlink()
            server.start()
            whole, held = counted(cases, n)
            cases.save(case("after"), [event("after")])
            print(json.dumps({"n": n, "where": where, "whole": whole, "held": held, "after": cases.counts()["new"]}))
            database.close()
        finally:
            server.remove()
        """,
    )
    assert said["where"]
    assert int(str(said["n"])) > 50
    assert said["whole"] == said["n"]
    # The one that was refused may be there as a whole: its acknowledgement is what got lost.
    assert int(str(said["held"])) - int(str(said["n"])) in (0, 1)
    assert said["after"] == int(str(said["held"])) + 1


def test_the_file_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "cases.db"
    database = opened(str(file))
    cases = SqlCases(database)
    first = cases.save(case(), [event()])
    file.rename(tmp_path / "elsewhere")
    for attempt in (
        lambda: cases.save(first, [event()]),
        lambda: cases.case("c1"),
        lambda: SqlAudit(database).entries(),
    ):
        with pytest.raises(StoreError) as refused:
            attempt()
        assert not isinstance(refused.value, ConflictError)
        assert "gone" in refused.value.what.en
    assert not file.exists()
    file.write_bytes(b"")
    with pytest.raises(StoreError):
        cases.case("c1")
    (tmp_path / "elsewhere").replace(file)
    assert cases.save(first, [event()]).revision == 2
    database.close()


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A server that a test may stop."""
    server = Cluster()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.mark.lab
def test_the_server_is_gone_and_comes_back(own_cluster: Cluster) -> None:
    address = own_cluster.database()
    database = opened(address)
    cases = SqlCases(database)
    first = cases.save(case(), [event()])
    own_cluster.stop()
    for attempt in (lambda: cases.save(first, []), lambda: cases.find(CaseFilter()), lambda: opened(address)):
        with pytest.raises(StoreError) as refused:
            attempt()
        assert not isinstance(refused.value, ConflictError)
    own_cluster.start()
    assert cases.save(first, [event()]).revision == 2
    database.close()


@pytest.mark.lab
def test_a_server_that_is_lax_by_default_is_told_to_be_strict(own_cluster: Cluster) -> None:
    address = own_cluster.database()
    import psycopg

    with psycopg.connect(address, autocommit=True) as raw:
        raw.execute("ALTER ROLE sekisho SET synchronous_commit = off")
    database = opened(address)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    with database.writing() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    database.close()


@pytest.mark.lab
def test_no_secret_in_what_is_said(own_cluster: Cluster) -> None:
    address = own_cluster.database()
    secret = address.replace("sekisho@", "sekisho:hush@") + "&password=hush2"
    own_cluster.stop()
    with pytest.raises(StoreError) as refused:
        opened(secret)
    assert "hush" not in refused.value.explain(Language.EN) + str(refused.value)


def test_no_rows_in_what_is_said(address: str) -> None:
    """What the engine refuses isn't quoted: it may be about a person."""
    database = opened(address)
    cases = SqlCases(database)
    cases.save(case("secret-name"), [])
    with pytest.raises(StoreError) as refused:
        cases.save(case("secret-name"), [])
    assert "secret-name" not in refused.value.explain(Language.JA)
    database.close()


@pytest.mark.parametrize(
    "url", ["mysql://h/d", "postgres", "http://h/", "sqlite:///x.db", "postgresql+asyncpg://h/d"]
)
def test_another_url_is_refused(url: str) -> None:
    from sekisho.stores.database import open_postgres

    with pytest.raises(DescriptionError):
        open_postgres(url)


def test_a_held_lock_is_said(tmp_path: Path) -> None:
    address = str(tmp_path / "cases.db")
    database = opened(address)
    hold = program(
        "with database.writing():\n    print('held', flush=True)\n    __import__('time').sleep(60)", address
    )
    assert hold.stdout is not None
    assert hold.stdout.readline() == "held\n"
    try:
        with pytest.raises(StoreError) as refused:
            opened(address, patience=0.2)
        assert "holds" in refused.value.what.en
        # Readers don't wait for writers.
        assert SqlCases(database).counts()["new"] == 0
    finally:
        hold.kill()
        hold.communicate(timeout=10)
    patient = opened(address, patience=0.2)
    SqlCases(patient).save(case(), [])
    patient.close()
    database.close()


def test_an_outside_program_that_writes_too_is_waited_for(tmp_path: Path) -> None:
    """It knows nothing of the lock file; nobody who reads before writing may find that it was quicker."""
    address = str(tmp_path / "cases.db")
    database = opened(address)
    log, end = SqlAudit(database), threading.Event()

    def meddle() -> None:
        with closing(sqlite3.connect(address, isolation_level=None, timeout=30)) as raw:
            raw.execute("CREATE TABLE theirs (n)")
            while not end.is_set():
                raw.execute("INSERT INTO theirs VALUES (1)")

    other = threading.Thread(target=meddle)
    other.start()
    try:
        for number in range(150):
            log.append("a", "b", "c", "d", at=number)
    finally:
        end.set()
        other.join(30)
    assert log.verify().entries == 150
    assert log.verify().whole
    database.close()


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"SQLite format 3\0" + bytes(4000)])
def test_a_file_that_is_none_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "cases.db"
    file.write_bytes(content)
    with pytest.raises(StoreError):
        opened(str(file))
    assert file.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        opened(str(tmp_path / "file" / "cases.db"))


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    address = str(tmp_path / "folder" / "cases.db")
    database = opened(address)
    SqlCases(database).save(case(), [])
    assert {one.stat().st_mode & 0o777 for one in Path(address).parent.iterdir()} == {0o600}
    assert Path(address).parent.stat().st_mode & 0o777 == 0o700
    database.close()


def test_the_engine_is_set_to_be_safe(tmp_path: Path) -> None:
    database = opened(str(tmp_path / "cases.db"))
    with database.reading() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "trusted_schema")
        }
    database.close()
    assert found == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000, "trusted_schema": 0,
    }  # fmt: skip


def test_ended_programs_leave_no_lock(tmp_path: Path) -> None:
    address = str(tmp_path / "cases.db")
    for number in range(3):
        ended(program(f"SqlCases(database).save(case('{number}'), [])", address))
    database = opened(address, patience=0.0)
    assert SqlCases(database).counts()["new"] == 3
    database.close()


def test_opened_twice_in_one_process_it_goes_on_when_another_process_leaves(tmp_path: Path) -> None:
    """A console opens its database more than once; a command beside it comes and goes, and takes no log away from it."""
    address = str(tmp_path / "cases.db")
    first = opened(address)
    SqlCases(first).save(case("1"), [])
    opened(address).close()
    second = opened(address)
    ended(program("SqlCases(database).save(case('2'), [])", address))
    assert Path(f"{address}-wal").exists()
    for database in (first, second):
        assert SqlCases(database).counts()["new"] == 2
    SqlCases(first).save(case("3"), [])
    ended(program("assert SqlCases(database).counts()['new'] == 3", address))
    first.close()
    second.close()


def test_the_log_is_cut_off_unless_somebody_reads(tmp_path: Path) -> None:
    address = str(tmp_path / "cases.db")
    database = opened(address)
    SqlCases(database).save(case("1"), [])
    with closing(sqlite3.connect(address)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM cases").fetchone()
        SqlCases(database).save(case("2"), [])
        assert not database.folded()
        SqlCases(database).save(case("3"), [])  # nobody was kept out by it
    assert database.folded()
    assert Path(f"{address}-wal").stat().st_size == 0
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 30_000
    assert SqlCases(database).counts()["new"] == 3
    database.close()


def of_file(address: str, pragma: str) -> int:
    """Return what a file says of itself; its ``schema_version`` grows each time that it is written anew."""
    with closing(sqlite3.connect(address)) as raw:
        return int(raw.execute(f"PRAGMA {pragma}").fetchone()[0])


def test_a_file_that_could_not_be_written_anew_is_so_later_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes just now, or it is too large: that it is wanted outlives the program, and is True only when done."""
    address = str(tmp_path / "cases.db")
    database = opened(address)
    assert database.folded()
    with database.writing() as connection:
        assert overwritten(connection, 0) == 0
    before = of_file(address, "schema_version")
    assert database.folded()
    assert of_file(address, "schema_version") == before, "nothing was deleted"
    with database.writing() as connection:
        assert overwritten(connection, 3) == 3
    with closing(sqlite3.connect(address, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not database.folded()
    database.close()
    database = opened(address)
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_WRITTEN_ANEW", 4096)
        assert not database.folded()
    assert of_file(address, "schema_version") == before
    assert database.folded()
    assert database.folded()
    assert of_file(address, "schema_version") == before + 1
    database.close()
