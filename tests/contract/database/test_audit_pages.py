"""The audit log, newest first: pages and filters, on both engines; and the counts of notices."""

from __future__ import annotations

from contract.database.places import NOW, case, notice
from sekisho.model.case import CaseState
from sekisho.model.notice import NoticeState
from sekisho.model.survival import course
from sekisho.stores.database import Database, SqlAudit, SqlCases, SqlNotices
from sekisho.stores.database.audit_pages import AuditFilter, audit_page
from sekisho.stores.database.case_courses import case_courses, cases_changed


def test_entries_come_newest_first_and_by_filters(database: Database, audit: SqlAudit) -> None:
    for number in range(9):
        audit.append(
            ("sato", "ito")[number % 2], "analyst", f"act{number % 3}", f"c{number}", at=NOW + number
        )
    every = audit_page(database, AuditFilter(), limit=4)
    assert [one.seq for one in every] == [9, 8, 7, 6]
    assert [one.seq for one in audit_page(database, AuditFilter(), before=6, limit=99)] == [5, 4, 3, 2, 1]
    assert [one.seq for one in audit_page(database, AuditFilter(who="ito"))] == [8, 6, 4, 2]
    assert [one.seq for one in audit_page(database, AuditFilter(who="sato", act="act0"))] == [7, 1]
    assert [one.seq for one in audit_page(database, AuditFilter(object="c4"))] == [5]
    assert [one.seq for one in audit_page(database, AuditFilter(since=NOW + 2, until=NOW + 4))] == [4, 3]


def test_notices_are_counted_by_state(cases: SqlCases, notices: SqlNotices) -> None:
    cases.save(case(), [])
    notices.add([notice("n1"), notice("n2"), notice("n3", state=NoticeState.SENT)])
    counts = notices.counts()
    assert (counts["draft"], counts["sent"], counts["bounced"]) == (2, 1, 0)
    assert set(counts) == {one.value for one in NoticeState}


def test_courses_are_those_of_whole_cases(database: Database, cases: SqlCases) -> None:
    assert case_courses(database) == []
    empty = cases_changed(database)
    stored = [
        cases.save(case("c1", state=CaseState.HEALED, healed_at=NOW, notified_at=NOW - 9000, relapses=2), []),
        cases.save(case("c2", family="mirai", device_model="R1", channel="email", close_reason="merged"), []),
    ]
    read = case_courses(database)
    for notified in (False, True):
        assert [course(one, notified=notified) for one in read] == [
            course(one, notified=notified) for one in stored
        ]
    assert [(one.family, one.device_model, one.channel, one.relapses) for one in read] == [
        (one.family, one.device_model, one.channel, one.relapses) for one in stored
    ]
    assert cases_changed(database) != empty
    before = cases_changed(database)
    cases.save(case("c1", revision=1, updated=NOW + 1), [])
    assert cases_changed(database) != before
