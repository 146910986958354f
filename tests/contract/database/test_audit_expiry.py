"""The audit log's oldest entries go at their time, with a checkpoint; the chain is checked from there, on both engines."""

from __future__ import annotations

import random
import time
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.exc import SQLAlchemyError

from contract.database.places import ended, kill, opened, program
from contract.database.test_audit import TRIGGERS
from sekisho.errors import StoreError
from sekisho.model.audit import EXPIRE_AUDIT, GENESIS, Act, AuditEntry, Checkpoint, stamped
from sekisho.stores.database import Database, SqlAudit, audit_check, audit_expiry
from sekisho.stores.database.audit import chained
from sekisho.stores.database.audit_expiry import Overdue, due, expire

AT = 1_000_000
RULE = "audit, 5 d"


def append(log: SqlAudit, times: list[int]) -> list[AuditEntry]:
    return [log.append("佐藤", "sender", "export", f"case-{at}", at=at) for at in times]


def append_at_once(database: Database, count: int) -> None:
    """The same in one transaction: hundreds on the disk one by one would be most of a test."""
    with database.writing() as connection:
        for at in range(1, count + 1):
            chained(connection, Act("佐藤", "sender", "export", f"case-{at}", at, "", "", {}))


def overdue(until: int, at: int = AT) -> Overdue:
    return Overdue(until, at, RULE, "関守", "admin")


def expired(database: Database, until: int, at: int = AT) -> list[Checkpoint]:
    return list(expire(database, overdue(until, at)))


def forced(database: Database, *statements: str) -> None:
    """Do what only the owner of the database can: take the triggers away, and change."""
    triggers = {*TRIGGERS} | {"checkpoints_are_not_changed", "checkpoints_are_not_deleted", "checkpoints_are_true",
                              "checkpoints_delete", "audit_is_not_replaced"}  # fmt: skip
    with database.engine.begin() as connection:
        for name in triggers:
            table = "audit_checkpoints" if name.startswith("checkpoints") else "audit"
            of = f" ON {table}" if database.engine.dialect.name == "postgresql" else ""
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}{of}")
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_the_oldest_go_at_their_time_and_the_chain_goes_on(database: Database, audit: SqlAudit) -> None:
    old = append(audit, [10, 20, 30, 40])
    assert (due(database, overdue(9)), expired(database, 9)) == (0, [])
    assert audit_check.checkpoints(database) == ()
    assert due(database, overdue(20)) == 2
    (first,) = expired(database, 20)
    assert (first.last, first.hash, first.count, first.at) == (2, old[1].hash, 2, AT)
    assert (first.until, first.rule, first.broken, first.prev) == (20, RULE, 0, GENESIS)
    assert (due(database, overdue(20)), expired(database, 20)) == (0, [])
    *left, said = audit.entries()
    assert left == old[2:]
    assert (said.act, said.object, said.who, said.role, said.at) == (
        EXPIRE_AUDIT,
        "audit",
        "関守",
        "admin",
        AT,
    )
    assert said.details == {"last": 2, "count": 2, "until": 20, "rule": RULE, "checkpoint": first.seal}
    found = audit.verify()
    assert found.whole
    assert (found.entries, found.checkpoint, found.note) == (3, first, f"5:{said.hash}")
    (second,) = expired(database, 40, AT + 1)
    assert (second.last, second.count, second.prev) == (4, 2, first.seal)
    assert audit_check.checkpoints(database) == (first, second)
    # Also what says so goes at its time; the newest checkpoint is named by what stays.
    (third,) = expired(database, AT + 1, AT + 2)
    assert (third.last, third.count) == (6, 2)
    assert [one.act for one in audit.entries()] == [EXPIRE_AUDIT]
    assert audit.verify().whole
    (after,) = append(audit, [50])
    assert after.seq == 8
    assert audit.verify().whole


def test_nothing_goes_behind_an_entry_within_its_time(database: Database, audit: SqlAudit) -> None:
    append(audit, [10, 90, 20])
    assert due(database, overdue(50)) == 1
    (made,) = expired(database, 50)
    assert (made.last, [one.at for one in audit.entries()]) == (1, [90, 20, AT])


def test_a_clock_that_ran_ahead_holds_nothing_back(database: Database, audit: SqlAudit) -> None:
    append(audit, [10, AT * 9, 20, AT * 9, 90])
    assert due(database, overdue(50)) == 3
    (made,) = expired(database, 50)
    assert (made.last, made.count) == (3, 3)
    assert audit.verify().whole


def test_more_than_one_batch(database: Database, audit: SqlAudit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_expiry, "_BATCH", 4)
    append(audit, list(range(1, 11)))
    assert due(database, overdue(9)) == 9
    assert [(one.last, one.count) for one in expired(database, 9)] == [(4, 4), (8, 4), (9, 1)]
    assert audit.verify().whole
    assert audit.verify().entries == 4


def test_the_database_refuses_any_other_deletion(database: Database, audit: SqlAudit) -> None:
    old = append(audit, [10, 20, 30, 40])
    (first,) = expired(database, 20)
    said = audit.entries()[-1]
    columns = 'last, hash, "count", at, until, rule, broken, prev, seal'

    def checkpoint(**other: object) -> str:
        made = stamped(Checkpoint(3, old[2].hash, 1, AT, 30, RULE, 0, first.seal))
        row = msgspec.to_builtins(msgspec.structs.replace(made, **other))
        values = ", ".join(f"'{one}'" if isinstance(one, str) else str(one) for one in row.values())
        return f"INSERT INTO audit_checkpoints ({columns}) VALUES ({values})"

    forbidden = [
        "DELETE FROM audit", "DELETE FROM audit WHERE seq = 3", "UPDATE audit SET seq = 1 WHERE seq = 3",
        "DELETE FROM audit_checkpoints", "UPDATE audit_checkpoints SET last = 4",
        "UPDATE audit_checkpoints SET at = at + 1",
        checkpoint(),  # no entry names it
        checkpoint(seal=first.seal),  # the entry names another one
        checkpoint(seal="%"), checkpoint(seal=""),
    ]  # fmt: skip
    if database.engine.dialect.name == "sqlite":
        audited = "seq, at, who, role, act, object, basis, reason, details, prev, hash"
        forbidden += [
            f"INSERT OR REPLACE INTO audit_checkpoints SELECT {columns} FROM audit_checkpoints",
            # The next link, with the hash of an older one: that would go without a word.
            f"REPLACE INTO audit ({audited}) VALUES (6, 1, 'a', 'b', 'c', '', '', '', '{{}}', '{said.hash}', '{old[2].hash}')",
        ]
    else:
        forbidden += ["TRUNCATE audit", "TRUNCATE audit_checkpoints"]
    before = audit.entries()
    for statement in forbidden:
        with pytest.raises(SQLAlchemyError), database.engine.begin() as connection:
            connection.exec_driver_sql(statement)
        assert (audit.entries(), audit_check.checkpoints(database)) == (before, (first,)), statement
    assert audit.verify().whole


@pytest.mark.parametrize(
    "wrong",
    [
        {"last": 2}, {"last": 4}, {"last": 9}, {"hash": "x"}, {"count": 2}, {"at": AT + 1}, {"until": AT + 2},
        {"until": 29}, {"prev": GENESIS},
    ],
)  # fmt: skip
def test_a_checkpoint_that_is_not_true_is_refused(
    database: Database, audit: SqlAudit, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, object]
) -> None:
    append(audit, [10, 20, 30, 40, 50])
    expired(database, 20)
    before = audit.entries()
    real = audit_expiry._made

    def lying(*given: object) -> Checkpoint:
        return stamped(msgspec.structs.replace(real(*given), **wrong))  # type: ignore[arg-type]

    monkeypatch.setattr(audit_expiry, "_made", lying)
    with pytest.raises(StoreError) as refused:
        expired(database, 30, AT)
    assert "past its time" in refused.value.where
    assert audit.entries() == before, "neither deleted, nor said so"
    monkeypatch.undo()
    assert [one.last for one in expired(database, 30)] == [3]


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE audit SET who = 'x' WHERE seq = 4", 4),
        ("UPDATE audit SET prev = 'x' WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 3", 4),
        ("UPDATE audit_checkpoints SET hash = 'x'", 3),
        ('UPDATE audit_checkpoints SET last = 3, "count" = 3', 3),
        ("UPDATE audit_checkpoints SET at = at - 1", None),
        ("UPDATE audit_checkpoints SET rule = 'other'", None),
        ("UPDATE audit_checkpoints SET broken = 1", None),
        ("DELETE FROM audit_checkpoints", 3),
    ],
)
def test_any_change_is_found(database: Database, audit: SqlAudit, change: str, broken: int | None) -> None:
    append(audit, [10, 20, 30, 40, 50])
    expired(database, 20)
    assert audit.verify().whole
    forced(database, change)
    found = audit.verify()
    assert not found.whole
    assert found.broken == broken
    assert found.fits == ("checkpoints" not in change)


def test_a_checkpoint_that_somebody_invented_is_found(database: Database, audit: SqlAudit) -> None:
    old = append(audit, [10, 20, 30, 40, 50])
    made = stamped(Checkpoint(2, old[1].hash, 2, AT, 20, RULE))
    row = [f"'{one}'" if isinstance(one, str) else str(one) for one in msgspec.to_builtins(made).values()]
    forced(
        database,
        f"INSERT INTO audit_checkpoints VALUES ({', '.join(row)})",
        "DELETE FROM audit WHERE seq < 3",
    )
    found = audit.verify()
    assert (found.broken, found.fits, found.whole) == (None, False, False)


def test_what_was_altered_before_it_went_stays_known(database: Database, audit: SqlAudit) -> None:
    append(audit, [10, 20, 30, 40, 50])
    forced(database, "UPDATE audit SET who = 'x' WHERE seq = 2")
    assert audit.verify().broken == 2
    forced(database)
    with database.engine.begin() as connection:
        trigger = "DELETE FROM audit WHERE seq <= NEW.last"
        if database.engine.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "CREATE TRIGGER checkpoints_delete AFTER INSERT ON audit_checkpoints "
                "FOR EACH ROW EXECUTE FUNCTION sekisho_checkpoint_deletes()"
            )
        else:
            connection.exec_driver_sql(
                f"CREATE TRIGGER checkpoints_delete AFTER INSERT ON audit_checkpoints BEGIN {trigger}; END"
            )
    (first,) = expired(database, 30)
    assert first.broken == 2
    (second,) = expired(database, 40)
    assert second.broken == 0
    found = audit.verify()
    assert (found.broken, found.fits, found.lost, found.whole) == (None, True, 2, False)


def test_noted_heads(database: Database, audit: SqlAudit) -> None:
    old = append(audit, [10, 20, 30, 40, 50])
    (made,) = expired(database, 30)
    head = audit.verify()

    def noted(head: str) -> tuple[bool | None, bool, bool, bool]:
        found = audit.verify(head)
        return found.noted, found.noted_deleted, found.whole, found.undecided

    assert noted("") == (None, False, True, False)
    for good in (head.note, head.head, f"4:{old[3].hash}", old[4].hash):
        assert noted(good) == (True, False, True, False)
    # The last deleted one is known; those before it are known to be deleted, by their number.
    for good in (f"3:{made.hash}", made.hash):
        assert noted(good) == (True, True, True, False)
    assert noted(f"2:{old[1].hash}") == (None, True, True, True)
    for bad in (f"3:{old[1].hash}", f"4:{made.hash}", f"7:{old[4].hash}", f"0:{old[0].hash}", f"x:{old[0].hash}",
                old[1].hash, "f" * 64, f"{'9' * 6000}:{old[0].hash}", f"²:{old[0].hash}"):  # fmt: skip
        assert noted(bad)[0] is False, bad
        assert not noted(bad)[2]
    # A tail that is cut off shows, as ever.
    append(audit, [60])
    longer = audit.verify().note
    forced(database, "DELETE FROM audit WHERE seq = 7")
    assert audit.verify().whole
    assert noted(longer) == (False, False, False, False)
    forced(database, "DELETE FROM audit")
    assert not audit.verify().whole


EXPIRING = """
from sekisho.stores.database.audit import chained
from sekisho.stores.database.audit_expiry import Overdue, expire
"""


def test_two_at_once_delete_each_entry_once(address: str, database: Database, audit: SqlAudit) -> None:
    append_at_once(database, 400)
    code = (
        EXPIRING
        + """
for until in range(20, 400, 20):
    for one in expire(database, Overdue(until, 1000, "r", sys.argv[2])):
        print(one.count)
SqlAudit(database).append(sys.argv[2], "", "end", "", at=1001)
"""
    )
    runs = [program(code, address, name) for name in "abc"]
    counts = [int(line) for running in runs for line in ended(running)]
    assert sum(counts) == 380
    made = audit_check.checkpoints(database)
    assert sorted(one.count for one in made) == sorted(counts)
    assert [one.last for one in made] == list(range(20, 400, 20))
    found = audit.verify()
    assert (found.whole, found.entries) == (True, 20 + len(made) + 3)


def test_it_may_be_checked_meanwhile(address: str, database: Database, audit: SqlAudit) -> None:
    append_at_once(database, 300)
    code = (
        EXPIRING
        + """
for until in range(1, 300):
    list(expire(database, Overdue(until, 1000, "r")))
"""
    )
    running = program(code, address)
    looks = 0
    while running.poll() is None:
        found = audit.verify()
        assert found.whole, found
        looks += 1
    ended(running)
    assert looks > 2
    assert len(audit_check.checkpoints(database)) == 299


def test_killed_in_the_middle(address: str) -> None:
    database = opened(address)
    append_at_once(database, 2000)
    code = (
        EXPIRING
        + """
print("go", flush=True)
for until in range(int(sys.argv[2]), 2000):
    for one in expire(database, Overdue(until, 10_000, "r")):
        print(one.last, flush=True)
"""
    )
    sure = 0
    for life in range(5):
        running = program(code, address, sure + 1)
        assert running.stdout is not None
        assert running.stdout.readline() == "go\n"
        time.sleep(random.Random(life).uniform(0.05, 0.4))
        said = [int(line) for line in kill(running)]
        sure = max([sure, *said])
        made = audit_check.checkpoints(database)
        last = made[-1].last if made else 0
        assert last >= sure
        entries = SqlAudit(database).entries(limit=10**6)
        assert entries[0].seq == last + 1
        assert sum(one.count for one in made) == last
        assert sum(one.act == EXPIRE_AUDIT for one in entries) == len(made)
        assert SqlAudit(database).verify().whole
        sure = last
    assert sure > 20
    database.close()


def test_nothing_of_what_went_stays_in_the_file(address: str, database: Database, audit: SqlAudit) -> None:
    audit.append("SECRET-PERSON", "", "x", "", at=10)
    append(audit, [20])
    expired(database, 10)
    if not address.startswith("postgresql:"):
        database.close()
        stored = b"".join(one.read_bytes() for one in Path(address).parent.glob("cases.db*"))
        assert b"SECRET-PERSON" not in stored
    else:
        with database.reading() as connection:
            rows = connection.exec_driver_sql("SELECT count(*) FROM audit WHERE who = 'SECRET-PERSON'")
            assert rows.scalar_one() == 0
