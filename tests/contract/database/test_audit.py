"""The contract of `AuditLog`: it only grows, its chain holds under many writers, and no change stays unseen."""

from __future__ import annotations

import math

import pytest
from sqlalchemy.exc import SQLAlchemyError

from contract.database.places import NOW, ended, program
from sekisho.errors import StoreError
from sekisho.model.audit import GENESIS
from sekisho.stores.database import Database, SqlAudit, Verified, audit_check

TRIGGERS = ("audit_is_not_changed", "audit_is_not_deleted", "audit_is_not_emptied", "audit_is_continued")


def append(log: SqlAudit, count: int, **more: object) -> None:
    for number in range(count):
        log.append(
            "佐藤",
            "sender",
            "re-identify",
            f"case-{number}",
            at=NOW + number,
            basis="consent",
            reason="通知",
            details=more,
        )


def forced(database: Database, statement: str) -> None:
    """Do what only the owner of the database can: take the triggers away, and change."""
    with database.engine.begin() as connection:
        for name in TRIGGERS:
            of = " ON audit" if database.engine.dialect.name == "postgresql" else ""
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}{of}")
        connection.exec_driver_sql(statement)


def test_what_is_appended_is_read_and_chained(audit: SqlAudit) -> None:
    assert audit.entries() == ()
    assert audit.verify() == Verified(0, None, GENESIS)
    details = {
        "整数": 2**70,
        "分数": 0.1,
        "真": True,
        "無": None,
        "文": "\0\u2028\"'%",
        "大": 1e300,
        "零": -0.0,
    }
    first = audit.append("佐藤", "admin", "export", "x", at=NOW, details=details)
    second = audit.append("", "", "", "", at=0, details={"nan": math.nan})
    assert audit.entries() == (first, second)
    assert first.details == details
    assert second.details == {"nan": None}
    assert (first.seq, first.prev, second.seq, second.prev) == (1, GENESIS, 2, first.hash)
    assert audit.entries(after=1, limit=5) == (second,)
    assert audit.verify() == Verified(2, None, second.hash)


def test_what_cannot_be_kept_is_refused_not_dropped(audit: SqlAudit) -> None:
    append(audit, 1)
    for bad in ("NUL \0", "\ud800"):
        with pytest.raises(StoreError):
            audit.append("x", "y", "z", "o", at=NOW, reason=bad)
    with pytest.raises(StoreError):
        audit.append("x", "y", "z", "o", at=2**63)
    append(audit, 1)
    assert audit.verify().entries == 2
    assert audit.verify().whole


def test_many_processes_make_one_chain(address: str, audit: SqlAudit) -> None:
    code = """
    log = SqlAudit(database)
    for number in range(60):
        print(log.append(sys.argv[2], "sender", "approve-notice", str(number), at=number).hash)
    """
    runs = [program(code, address, name) for name in "abcd"]
    said = [line for running in runs for line in ended(running)]
    entries = audit.entries()
    assert [one.seq for one in entries] == list(range(1, 241))
    assert sorted(said) == sorted(one.hash for one in entries)
    assert audit.verify() == Verified(240, None, entries[-1].hash)
    for name in "abcd":
        assert [one.object for one in entries if one.who == name] == [str(n) for n in range(60)]


def test_the_database_itself_refuses_changes(database: Database, audit: SqlAudit) -> None:
    append(audit, 3)
    columns = "seq, at, who, role, act, object, basis, reason, details, prev, hash"
    new = "'a', 'b', 'c', 'd', 'e', 'f', '{}'"
    head = audit.verify().head
    forbidden = [
        "UPDATE audit SET who = 'x' WHERE seq = 2",
        "UPDATE audit SET seq = 9 WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        f"INSERT INTO audit ({columns}) VALUES (5, 1, {new}, '{head}', 'h')",
        f"INSERT INTO audit ({columns}) VALUES (0, 1, {new}, '{GENESIS}', 'h')",
        f"INSERT INTO audit ({columns}) VALUES (4, 1, {new}, '{GENESIS}', 'h')",
        f"INSERT INTO audit ({columns}) VALUES (4, 1, {new}, 'invented', 'h')",
        f"INSERT INTO audit ({columns}) VALUES (3, 1, {new}, '{head}', 'h') ON CONFLICT (seq) DO UPDATE SET who = 'x'",
    ]
    if database.engine.dialect.name == "sqlite":
        forbidden += [
            f"INSERT OR REPLACE INTO audit SELECT {columns.replace('who', chr(39) + 'x' + chr(39))} FROM audit WHERE seq = 3",
            f"REPLACE INTO audit ({columns}) VALUES (4, 1, {new}, (SELECT prev FROM audit WHERE seq = 3), 'h')",
            "UPDATE OR REPLACE audit SET seq = 1 WHERE seq = 2",
        ]
    else:
        forbidden += ["TRUNCATE audit"]
    before = audit.entries()
    for statement in forbidden:
        with pytest.raises(SQLAlchemyError), database.engine.begin() as connection:
            connection.exec_driver_sql(statement)
        assert audit.entries() == before, statement


@pytest.mark.parametrize(
    "change",
    [
        "at = at + 1", "who = 'x'", "role = 'admin'", "act = 'export'", "object = 'case-9'", "basis = ''",
        "reason = 'other'", "details = '{}'", "details = 'no json'", "details = '[1]'", "prev = 'x'", "hash = 'x'",
        "seq = 99", "details = ' ' || details || ' '",
    ],
)  # fmt: skip
def test_any_change_is_found(
    database: Database, audit: SqlAudit, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(audit_check, "_PAGE", 3)
    append(audit, 8, number=1)
    head = audit.verify()
    assert head.whole
    assert audit.verify(head.head).noted
    forced(database, f"UPDATE audit SET {change} WHERE seq = 5")
    found = audit.verify()
    if change.startswith("details = ' '"):  # the same facts in other blanks are the same facts
        assert found == head
        return
    assert not found.whole
    # A hole shows at the entry behind it.
    assert found.broken == (6 if change.startswith("seq") else 5)
    assert found.entries == 8


@pytest.mark.parametrize(("gone", "broken"), [("seq = 1", 2), ("seq = 4", 5), ("seq < 7", 7)])
def test_a_missing_entry_is_found(database: Database, audit: SqlAudit, gone: str, broken: int) -> None:
    append(audit, 8)
    forced(database, f"DELETE FROM audit WHERE {gone}")
    assert audit.verify().broken == broken


def test_a_cut_or_rewritten_end_shows_against_a_noted_head(database: Database, audit: SqlAudit) -> None:
    append(audit, 5)
    noted = audit.verify().head
    append(audit, 3)
    assert audit.verify(noted) == Verified(8, None, audit.entries()[-1].hash, noted=True)
    forced(database, "DELETE FROM audit WHERE seq > 4")
    assert audit.verify().whole  # nothing in the database can tell
    assert audit.verify(noted).noted is False
    assert not audit.verify(noted).whole
    append(audit, 4, rewritten=True)
    assert audit.verify().whole
    assert not audit.verify(noted).whole
    forced(database, "DELETE FROM audit")
    assert not audit.verify(noted).whole


def test_a_damaged_entry_is_said_when_listed(database: Database, audit: SqlAudit) -> None:
    append(audit, 2)
    forced(database, "UPDATE audit SET details = 'no json' WHERE seq = 2")
    with pytest.raises(StoreError) as refused:
        audit.entries()
    assert "audit verify" in refused.value.todo.en
