"""Cases past their time go with their events and notices, on both engines; the audit log and all others stay."""

from __future__ import annotations

import msgspec
import pytest

from sekisho.errors import ConflictError
from sekisho.language import Language
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.detection import Grade
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.stores.database import Database, SqlAudit, SqlCases, SqlNotices
from sekisho.stores.database.expiry import Gone, Past, due, expire

NEVER = -(1 << 60)


def save(cases: SqlCases, name: str, opened: int, updated: int) -> Case:
    case = Case(name, 7, "family:mirai", CaseState.NEW, Grade.LIKELY, opened, updated, opened, updated)
    events = [
        CaseEvent(name, 0, opened, "sekisho", "opened"),
        CaseEvent(name, 0, updated, "関守", "comment", {"text": "x"}),
    ]
    return cases.save(case, events)


def notice(case: str, name: str) -> Notice:
    return Notice(
        name, case, Channel.EMAIL, Language.JA, "mirai", "件名", "本文", "digest", name, NoticeState.SENT, 1, 1
    )  # fmt: skip


def test_by_last_change_and_by_opening(
    database: Database, cases: SqlCases, notices: SqlNotices, audit: SqlAudit
) -> None:
    save(cases, "old", 100, 200)
    save(cases, "fresh", 150, 900)
    save(cases, "touched", 10, 900)
    notices.add([notice("old", "n-1"), notice("old", "n-2"), notice("fresh", "n-3")])
    audit.append("関守", "sender", "approve-notice", "old", at=300)
    assert due(database, Past(199, 9)) == Gone()
    past = Past(untouched=200, opened=10)
    assert due(database, past) == Gone(2, 4, 2)
    assert cases.case("old") is not None
    assert expire(database, past) == Gone(2, 4, 2)
    assert [cases.case(name) is None for name in ("old", "fresh", "touched")] == [True, False, True]
    assert cases.events("old") == ()
    assert len(cases.events("fresh")) == 2
    assert [one.id for one in notices.find(())] == ["n-3"]
    assert [one.object for one in audit.entries()] == ["old"]
    assert audit.verify().whole
    assert expire(database, past) == Gone()


def test_more_than_one_batch(database: Database, cases: SqlCases) -> None:
    many = [Case(f"c-{n:04}", n, "k", CaseState.NEW, Grade.LIKELY, 1, n, 1, 1) for n in range(1, 1202)]
    for at in range(0, len(many), 300):
        cases.save_all([(one, ()) for one in many[at : at + 300]])
    assert expire(database, Past(1200, NEVER)) == Gone(1200)
    assert due(database, Past(1 << 50, NEVER)) == Gone(1)


def test_who_holds_a_case_that_went_is_told(database: Database, cases: SqlCases) -> None:
    case = save(cases, "old", 100, 200)
    expire(database, Past(200, NEVER))
    with pytest.raises(ConflictError):
        cases.save(msgspec.structs.replace(case, updated=999), [])
