"""The contract of `NoticeStore`: above all, no notice twice."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.database.places import case, ended, event, notice, program
from sekisho.errors import ConflictError, StoreError
from sekisho.model.case import CaseState
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.stores.database import Database, SqlCases, SqlNotices


@pytest.fixture(autouse=True)
def _a_case(cases: SqlCases) -> None:
    cases.save(case(), [])
    cases.save(case("c2"), [])


def test_what_is_stored_is_read(notices: SqlNotices) -> None:
    (stored,) = notices.add([notice(subject="件名 'x' %s", attempts=3, message_id="<a@b>")])
    assert stored == notice(subject="件名 'x' %s", attempts=3, message_id="<a@b>", revision=1)
    assert notices.notice("n1") == notices.notice("<a@b>") == stored
    assert notices.notice("") is None
    assert notices.notice("nobody") is None
    assert notices.add([]) == ()


def test_the_same_one_is_stored_once(notices: SqlNotices) -> None:
    first = notices.add([notice("n1", once="x"), notice("n2", once="y"), notice("n3", once="x")])
    assert [one.id for one in first] == ["n1", "n2"]
    again = notices.add([notice("n4", once="y"), notice("n5", once="z"), notice("n6", once="x")])
    assert [one.id for one in again] == ["n5"]
    assert [one.id for one in notices.find([])] == ["n1", "n2", "n5"]


def test_an_id_that_is_taken_stores_none_of_the_batch(notices: SqlNotices) -> None:
    notices.add([notice("n1")])
    with pytest.raises(ConflictError):
        notices.add([notice("n0"), notice("n1", once="other"), notice("n2")])
    assert [one.id for one in notices.find([])] == ["n1"]


def test_a_notice_needs_its_case(notices: SqlNotices) -> None:
    with pytest.raises(StoreError) as refused:
        notices.add([notice("n1"), notice("n2", case="nobody")])
    assert not isinstance(refused.value, ConflictError)
    assert notices.find([]) == ()


def test_an_older_revision_is_refused(notices: SqlNotices) -> None:
    (first,) = notices.add([notice()])
    second = notices.change(msgspec.structs.replace(first, state=NoticeState.APPROVED))
    assert (second.revision, second.state) == (2, NoticeState.APPROVED)
    for late in (first, msgspec.structs.replace(second, id="n9")):
        with pytest.raises(ConflictError):
            notices.change(msgspec.structs.replace(late, state=NoticeState.WITHDRAWN))
    assert notices.notice("n1") == second


def test_a_change_cannot_take_anothers_key(notices: SqlNotices) -> None:
    first, _ = notices.add([notice("n1"), notice("n2")])
    with pytest.raises(ConflictError):
        notices.change(msgspec.structs.replace(first, once="once-n2"))
    assert notices.notice("n1") == first


def test_a_notice_and_its_case_are_stored_both_or_neither(cases: SqlCases, notices: SqlNotices) -> None:
    (first,) = notices.add([notice()])
    read = cases.case("c1")
    assert read is not None
    known = msgspec.structs.replace(read, state=CaseState.NOTIFIED)
    sent = msgspec.structs.replace(first, state=NoticeState.SENT)
    stored = notices.change(sent, (known, [event()]))
    assert (stored.revision, notices.notice("n1")) == (2, stored)
    assert cases.case("c1") == msgspec.structs.replace(known, revision=2)
    assert [one.seq for one in cases.events("c1")] == [1]
    for late_notice, late_case in ((sent, cases.case("c1")), (stored, known)):
        assert late_case is not None
        with pytest.raises(ConflictError):
            notices.change(msgspec.structs.replace(late_notice, detail="late"), (late_case, [event()]))
    assert notices.notice("n1") == stored
    assert cases.case("c1") == msgspec.structs.replace(known, revision=2)
    assert len(cases.events("c1")) == 1


def test_when_notices_left_for_a_line(cases: SqlCases, notices: SqlNotices) -> None:
    cases.save(case("other", subscriber=4712), [])
    notices.add([
        notice(f"{whose}-{state.value}-{at}", case=whose, state=state, sent_at=at)
        for whose in ("c1", "c2", "other") for state in NoticeState for at in (0, 5, 7)
    ])  # fmt: skip
    left = ("sending", "sent", "delivered", "bounced")
    assert list(notices.left(4, subscriber=4711)) == [5] * 2 * len(left) + [7] * 2 * len(left)
    assert list(notices.left(5, subscriber=4712)) == [7] * len(left)
    assert list(notices.left(0, subscriber=4713)) == []
    assert list(notices.left(5)) == list(notices.left(5, channel=Channel.EMAIL)) == [7] * 3 * len(left)
    assert list(notices.left(0, channel=Channel.LETTER)) == []
    assert list(notices.left(5, after="c2-sent-7")) == [7] * len(left)


def test_a_line_is_found_by_its_cases_however_many_others_were_told(
    database: Database, cases: SqlCases, notices: SqlNotices
) -> None:
    """It is asked for each notice that is sent: no step of it may go through all that went out before."""
    from sekisho.stores.database.notices import _OF_LINE

    others = [case(f"o{n:04}", subscriber=10_000 + n) for n in range(2000)]
    cases.save_all([(one, []) for one in others])
    notices.add([notice(one.id, case=one.id, state=NoticeState.SENT, sent_at=9) for one in others])
    notices.add([notice("mine", state=NoticeState.SENT, sent_at=8)])
    asked = _OF_LINE.params(line=4711, behind=5)
    literal = asked.compile(database.engine, compile_kwargs={"literal_binds": True})
    with database.writing() as connection:
        if database.engine.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")
            plan = [str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {literal}")]
            assert not any("Seq Scan" in line for line in plan), plan
        else:
            plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}")]
            reads = [line for line in plan if "SEARCH" in line or "SCAN" in line]
            assert [line.split(" ", 2)[:2] for line in reads] == [
                ["SEARCH", "cases"],
                ["SEARCH", "notices"],
            ], plan
            assert "(subscriber=?" in reads[0], plan
            assert "(case=?" in reads[1], plan
    assert notices.left(5, subscriber=4711) == (8,)


def test_whose_case_says_nothing(cases: SqlCases, notices: SqlNotices) -> None:
    cases.save(case("told", notified_at=6), [])
    notices.add([
        notice(f"{whose}-{state.value}-{at}", case=whose, state=state, sent_at=at)
        for whose in ("c1", "told") for state in NoticeState for at in (5, 7)
    ])  # fmt: skip
    found = notices.untold(Channel.EMAIL, 5)
    assert [one.id for one in found] == ["c1-bounced-7", "c1-delivered-7", "c1-sent-7"]
    assert [one.id for one in notices.untold(Channel.EMAIL, 5, after="c1-bounced-7")] == [
        "c1-delivered-7",
        "c1-sent-7",
    ]
    assert notices.untold(Channel.LETTER, 0) == ()
    assert found[0] == notices.notice("c1-bounced-7")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    held=st.dictionaries(
        st.text(min_size=1, max_size=3, alphabet="aBあ0"),
        st.tuples(st.sampled_from(list(NoticeState)), st.sampled_from(["c1", "c2"])),
        max_size=20,
    ),
    states=st.lists(st.sampled_from(list(NoticeState)), max_size=3),
    of=st.sampled_from(["", "c1", "c2", "c3"]),
    limit=st.integers(1, 7),
)
def test_finding_is_that_of_the_oracle(
    database: Database, notices: SqlNotices, held: dict, states: list[NoticeState], of: str, limit: int
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM notices")
    notices.add([notice(name, state=state, case=whose) for name, (state, whose) in held.items()])
    wanted = sorted(
        name for name, (state, whose) in held.items() if (not states or state in states) and of in ("", whose)
    )
    found: list[Notice] = []
    while page := notices.find(states, case=of, after=found[-1].id if found else "", limit=limit):
        assert len(page) <= limit
        found += page
    assert [one.id for one in found] == wanted


def test_processes_that_add_the_same_ones_crosswise(address: str, notices: SqlNotices) -> None:
    code = """
    import time
    word, step = sys.argv[2], int(sys.argv[3])
    time.sleep(max(0.0, float(sys.argv[4]) - time.time()))  # all begin at once
    store, stored = SqlNotices(database), []
    for at in range(0, 3000, 1500):
        batch = [notice(f"{word}{n}", once=f"once-{n}") for n in range(at, at + 1500)]
        stored += [one.once for one in store.add(batch[::step])]
    print(" ".join(stored))
    """
    begin = time.time() + 3
    runs = [program(code, address, word, step, begin) for word, step in (("a", 1), ("b", -1), ("c", 1))]
    stored = [once for running in runs for once in ended(running)[0].split()]
    assert sorted(stored) == sorted(f"once-{n}" for n in range(3000))
    assert len(notices.find([], limit=5000)) == 3000


def test_two_processes_take_notices_to_send(address: str, notices: SqlNotices) -> None:
    """Each marks approved ones as being sent before it sends: none is taken by both."""
    notices.add([notice(f"{n:03}", state=NoticeState.APPROVED) for n in range(100)])
    code = """
    import msgspec
    from sekisho.errors import ConflictError
    from sekisho.model.notice import NoticeState
    store = SqlNotices(database)
    while page := store.find([NoticeState.APPROVED], limit=10):
        for one in page:
            try:
                store.change(msgspec.structs.replace(one, state=NoticeState.SENDING))
                print(one.id)
            except ConflictError:
                pass
    """
    taken = [line for running in [program(code, address) for _ in range(2)] for line in ended(running)]
    assert sorted(taken) == [f"{n:03}" for n in range(100)]
