"""Every released schema is migrated with what it holds; a newer one is refused; a step that fails leaves nothing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from contract.database.people import RULES, account, passkey, session, token
from contract.database.places import HEAD, NOW, case, ended, event, opened, program
from contract.database.released import DUMPS, ENGINES, dump_file, dumped, load, write
from sekisho.errors import StoreError
from sekisho.model.notice import NoticeState
from sekisho.stores.database import (
    SqlAccounts,
    SqlAudit,
    SqlBrake,
    SqlCases,
    SqlNotices,
    SqlPasskeys,
    SqlSessions,
    SqlTokens,
    migrations,
    opening,
    postgres,
    sqlite,
)
from sekisho.stores.database.migrations import STEPS
from sekisho.stores.database.migrations.dialect import Dialect
from sekisho.stores.database.tables import METADATA

VERSIONS = range(1, len(STEPS) + 1)
Steps = tuple[Callable[[Dialect], Iterable[str]], ...]


def engine_of(address: str) -> str:
    return "postgresql" if address.startswith("postgresql:") else "sqlite"


def schema(address: str) -> list[str]:
    """Return the definitions, one a line each, in an order that doesn't depend on how they came."""
    text = dumped(engine_of(address), address)
    pieces = re.findall(r"^(?:CREATE|ALTER)\b.*?;$", text, re.DOTALL | re.MULTILINE)
    return sorted(re.sub(r"\s+", " ", piece) for piece in pieces)


def with_steps(monkeypatch: pytest.MonkeyPatch, *more: Callable[[Dialect], Iterable[str]]) -> None:
    """Be a program that knows more schemas."""
    real = migrations.migrate

    def later(engine: Engine, where: str, dialect: Dialect, keep_copy: Callable[[int], None]) -> int:
        return real(engine, where, dialect, keep_copy, (*STEPS, *more))

    monkeypatch.setattr(opening, "migrate", later)


def test_each_released_schema_has_its_dumps() -> None:
    wanted = {dump_file(engine, version) for engine in ENGINES for version in VERSIONS}
    assert wanted == set(DUMPS.iterdir())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_schema_is_migrated_with_all_it_holds(address: str, version: int) -> None:
    load(engine_of(address), address, dump_file(engine_of(address), version).read_text(encoding="utf-8"))
    database = opened(address)
    cases, notices, log = SqlCases(database), SqlNotices(database), SqlAudit(database)
    held = cases.case("c1")
    assert held == case(
        "c1", family="mirai", methods=("known_cc",), assignee="佐藤", updated=NOW + 5, revision=2
    )
    assert [(one.seq, one.kind, one.body) for one in cases.events("c1")] == [
        (1, "opened", {"n": 1, "文": "感染"}),
        (2, "assigned", {"to": "佐藤"}),
    ]
    assert (cases.case("c2") or held).subscriber == -3
    sent = notices.notice("<1@x>")
    assert sent is not None
    assert (sent.id, sent.state, sent.revision, sent.body) == ("n1", NoticeState.SENT, 2, "本文\n二行目")
    assert log.verify().entries == (3 if version < 2 else 6)
    people = SqlAccounts(database)
    if version < 2:
        assert people.accounts() == ()
    else:
        assert people.accounts() == (account(revision=1),)
        assert people.secret("a1") == "$argon2id$not-one"
        assert SqlSessions(database).session(session().id) == (account(revision=1), session())
        assert SqlPasskeys(database).of("a1") == (passkey(),)
        assert SqlTokens(database).of("a1") == (token(),)
        assert not SqlPasskeys(database).spend("00ff", NOW + 5, NOW)
        assert SqlBrake(database).failures("name:x", NOW, RULES) == 1
        assert SqlBrake(database).known("a1", ["place:y"], NOW) == {"place:y"}
    assert log.verify().whole
    # And it goes on from there.
    cases.save(held, [event("c1")])
    log.append("a", "b", "c", "d", at=NOW)
    assert log.verify().whole
    database.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_step_is_not_changed(
    address: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    version: int,
) -> None:
    """The steps up to a version make exactly the schema that was released as that version."""
    engine = engine_of(address)
    load(engine, address, dump_file(engine, version).read_text(encoding="utf-8"))
    released = schema(address)
    assert len(released) > 10
    if engine == "sqlite":
        other = str(tmp_path / "made.db")
    else:
        cluster = request.getfixturevalue("cluster")
        other = cluster.database()
    real = migrations.migrate
    monkeypatch.setattr(opening, "migrate", lambda *given: real(*given, STEPS[:version]))
    opened(other).close()
    assert schema(other) == released


def test_the_tables_are_those_of_the_program(address: str) -> None:
    database = opened(address)
    found = inspect(database.engine)
    for table in METADATA.sorted_tables:
        columns = {one["name"]: one for one in found.get_columns(table.name)}
        assert set(columns) == {one.name for one in table.columns}
        assert list(columns) == [one.name for one in table.columns]
        assert not [
            name for name, one in columns.items() if one["nullable"] and name not in table.primary_key.columns
        ]
        for name, one in columns.items():
            assert str(one["type"]).split()[0] == str(table.columns[name].type).split()[0], (table.name, name)
    database.close()


def test_an_older_one_is_migrated_and_a_copy_is_kept(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = opened(address)
    write(database)
    database.close()
    # What is only in the write-ahead log when the migration begins must be in the copy as well.
    if engine_of(address) == "sqlite":
        ended(program("import os\nSqlCases(database).save(case('late'), [])\nos._exit(0)", address))
    with_steps(
        monkeypatch,
        lambda _: ["ALTER TABLE cases ADD COLUMN room BIGINT NOT NULL DEFAULT 7"],
        lambda dialect: [f"CREATE TABLE more (id {dialect.text} PRIMARY KEY)"],
    )
    database = opened(address)
    with database.reading() as connection:
        assert (
            connection.exec_driver_sql("SELECT max(version) FROM sekisho_schema").scalar_one()
            == len(STEPS) + 2
        )
        assert connection.exec_driver_sql("SELECT DISTINCT room FROM cases").scalars().all() == [7]
        assert connection.exec_driver_sql("SELECT count(*) FROM more").scalar_one() == 0
    assert SqlAudit(database).verify().whole
    database.close()
    monkeypatch.undo()
    with pytest.raises(StoreError) as refused:
        opened(address)
    assert "newer" in refused.value.what.en
    if engine_of(address) == "sqlite":
        (copy,) = Path(address).parent.glob("*.bak")
        assert copy.name == f"cases.db.schema-{len(STEPS)}.bak"
        assert copy.stat().st_mode & 0o777 == 0o600
        kept = opened(str(copy))
        assert SqlCases(kept).counts()["new"] == 3
        kept.close()


def test_a_new_one_leaves_no_copy(tmp_path: Path) -> None:
    opened(str(tmp_path / "cases.db")).close()
    assert not list(tmp_path.glob("*.bak"))


def test_a_copy_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = tmp_path / f"cases.db.schema-{len(STEPS)}.bak"
    older.write_bytes(b"older")
    opened(str(tmp_path / "cases.db")).close()
    with_steps(monkeypatch, lambda _: ["CREATE TABLE more (id BIGINT)"])
    opened(str(tmp_path / "cases.db")).close()
    assert older.read_bytes() == b"older"
    assert (tmp_path / f"cases.db.schema-{len(STEPS)}-1.bak").stat().st_size > 1000


def test_a_step_that_fails_leaves_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = opened(address)
    write(database)
    database.close()
    before = dumped(engine_of(address), address)
    with_steps(
        monkeypatch,
        lambda _: [
            "CREATE TABLE half (id BIGINT)",
            "INSERT INTO half VALUES (1)",
            "DELETE FROM notices",
            "DROP INDEX notices_by_case",
            "nonsense",
        ],
    )
    with pytest.raises(StoreError):
        opened(address)
    monkeypatch.undo()
    assert dumped(engine_of(address), address) == before
    opened(address).close()


def test_a_copy_that_cannot_be_made_stops_the_migration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "cases.db")
    opened(address).close()
    before = dumped("sqlite", address)

    def full(_path: Path, _version: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sqlite, "keep_copy", full)
    with_steps(monkeypatch, lambda _: ["CREATE TABLE more (id BIGINT)"])
    with pytest.raises(StoreError, match="can't be read or written"):
        opened(address)
    assert dumped("sqlite", address) == before


def test_many_processes_open_a_new_one_at_once(address: str) -> None:
    code = "database = opened(sys.argv[1])\nSqlCases(database).save(case(sys.argv[2]), [])\nprint('ok')"
    runs = [program(code, address, name, head=HEAD) for name in "abcdef"]
    assert [ended(running) for running in runs] == [["ok"]] * 6
    database = opened(address)
    assert SqlCases(database).counts()["new"] == 6
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sekisho_schema").scalar_one() == len(STEPS)
    database.close()


def test_somebody_elses_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "cases.db"
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("CREATE TABLE cases (id)")
        raw.commit()
    with pytest.raises(StoreError) as refused:
        opened(str(file))
    assert "not a database of Sekisho" in refused.value.what.en
    assert dumped("sqlite", str(file)).count("CREATE") == 1


def test_dialects_are_named_as_sqlalchemy_names_them() -> None:
    assert {sqlite.DIALECT.name, postgres.DIALECT.name} == set(ENGINES)
