"""The contract of `CaseStore`."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy.exc import SQLAlchemyError

from contract.database.places import NOW, case, ended, event, opened, program
from sekisho.errors import ConflictError, DescriptionError, StoreError
from sekisho.model.case import CaseState
from sekisho.ports.cases import CaseFilter
from sekisho.stores.database import Database, SqlCases


def test_what_is_stored_is_read(cases: SqlCases) -> None:
    new = case(
        "事案-1", subscriber=-(2**63), family="mirai", methods=("known_cc", "外向き走査"), assignee="佐藤",
        device_model="IP-カメラ 9'\"\\%_;--", relapses=2, updated=2**62,
    )  # fmt: skip
    stored = cases.save(
        new, [event("事案-1", "opened", before=None, text="改行\n\u0001と NUL \0 も", number=1.5)]
    )
    assert stored.revision == 1
    assert cases.case("事案-1") == stored
    (only,) = cases.events("事案-1")
    assert (only.seq, only.kind) == (1, "opened")
    assert only.body == {"before": None, "text": "改行\n\u0001と NUL \0 も", "number": 1.5}
    assert cases.case("nobody") is None
    assert cases.events("nobody") == ()


def test_it_is_still_there_when_opened_again(address: str) -> None:
    for number in range(3):
        database = opened(address)
        store = SqlCases(database)
        held = store.case("c1")
        assert (held.revision if held else 0) == number
        store.save(held or case(), [event(), event()])
        assert [one.seq for one in store.events("c1")] == list(range(1, 2 * number + 3))
        database.close()


def test_events_page(cases: SqlCases) -> None:
    cases.save(case(), [event(number=number) for number in range(25)])
    assert [one.body["number"] for one in cases.events("c1", after=10, limit=5)] == [10, 11, 12, 13, 14]


def test_several_are_asked_for_at_once(cases: SqlCases) -> None:
    cases.save_all([(case(f"c{number}"), []) for number in range(1203)])
    wanted = [f"c{number}" for number in range(0, 1203, 2)]
    found = cases.these([*wanted, "c0", "nobody's"])
    assert found == {one: cases.case(one) for one in wanted}
    assert cases.these(()) == {}


def test_an_older_revision_is_refused_and_leaves_nothing(cases: SqlCases) -> None:
    first = cases.save(case(), [event(kind="opened")])
    second = cases.save(first, [event()])
    for late in (case(), first, case(revision=7), case("c2", revision=1)):
        with pytest.raises(ConflictError) as refused:
            cases.save(late, [event(late.id)])
        assert refused.value.todo.ja
    assert cases.case("c1") == second
    assert cases.case("c2") is None
    assert len(cases.events("c1")) == 2


def test_several_cases_are_stored_together_or_not_at_all(cases: SqlCases) -> None:
    second, first = cases.save_all([(case("c2"), [event("c2")]), (case("c1"), [event("c1"), event("c1")])])
    assert (cases.case("c1"), cases.case("c2")) == (first, second)
    assert (first.id, first.revision, len(cases.events("c1"))) == ("c1", 1, 2)
    later = cases.save(second, [])
    for wrong in (
        [(first, [event("c1")]), (second, [])],
        [(first, [event("c1")]), (case("c3"), [event("c1")])],
        [(first, [event("c1")]), (case("c3"), []), (first, [])],
        [(first, [event("c1")]), (case("c3"), [event("c3", kind="\0")])],
    ):
        with pytest.raises(StoreError):
            cases.save_all(wrong)
    assert (cases.case("c1"), cases.case("c2"), cases.case("c3")) == (first, later, None)
    assert len(cases.events("c1")) == 2
    assert cases.save_all([]) == ()


@pytest.mark.parametrize("bad", ["another case", "NUL", "surrogate", "too large"])
def test_a_bad_event_leaves_nothing_of_its_case(cases: SqlCases, bad: str) -> None:
    first = cases.save(case(), [event()])
    wrong = {
        "another case": event("c2"),
        "NUL": event(kind="com\0ment"),
        "surrogate": event(kind="\ud800"),
        "too large": event().__class__("c1", 0, 2**63, "sato", "comment"),
    }[bad]
    with pytest.raises(StoreError) as refused:
        cases.save(first, [event(), wrong])
    assert not isinstance(refused.value, ConflictError)
    assert cases.case("c1") == first
    assert len(cases.events("c1")) == 1


def test_events_are_not_changed_and_go_only_with_their_case(database: Database, cases: SqlCases) -> None:
    cases.save(case(), [event(), event()])
    forbidden = ["UPDATE case_events SET who = 'x'", "DELETE FROM case_events WHERE seq = 1"]
    if database.engine.dialect.name == "sqlite":
        forbidden.append(
            "INSERT OR REPLACE INTO case_events SELECT \"case\", seq, at, 'x', kind, body FROM case_events"
        )
    for statement in forbidden:
        with pytest.raises(SQLAlchemyError), database.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert [one.who for one in cases.events("c1")] == ["sato", "sato"]
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM cases")
        assert connection.exec_driver_sql("SELECT count(*) FROM case_events").scalar_one() == 0


def test_counts_name_every_state(cases: SqlCases) -> None:
    assert cases.counts() == dict.fromkeys(map(str, CaseState), 0)
    for number, state in enumerate([CaseState.NEW, CaseState.NEW, CaseState.HEALED]):
        cases.save(case(str(number), state=state), [])
    assert cases.counts() == dict.fromkeys(map(str, CaseState), 0) | {"new": 2, "healed": 1}


def test_pages_go_on_where_they_ended(cases: SqlCases) -> None:
    # Ids that a language's collation, or one without case, would sort differently.
    for number, identifier in enumerate(["a", "B", "ア", "あ", "_", "Z", "é", "z"]):
        cases.save(case(identifier, updated=NOW + number // 4), [])
    shown, after = [], ""
    while True:
        page = cases.find(CaseFilter(), after=after, limit=3)
        shown += [one.id for one in page.cases]
        after = page.next
        if not after:
            break
    assert shown == [*sorted(["_", "Z", "é", "z"]), *sorted(["a", "B", "ア", "あ"])]


def test_a_last_page_that_is_full_has_no_next(cases: SqlCases) -> None:
    for number in range(4):
        cases.save(case(str(number)), [])
    assert cases.find(CaseFilter(), limit=4).next == ""
    assert len(cases.find(CaseFilter(), limit=0).cases) == 1
    assert cases.find(CaseFilter(family="none")) == cases.find(CaseFilter(states=(CaseState.CLOSED,)))


@pytest.mark.parametrize("after", ["x", "1", "1.", ".a", "'; DROP TABLE cases", "9" * 30 + ".a"])
def test_a_wrong_page_key_is_said(cases: SqlCases, after: str) -> None:
    with pytest.raises(DescriptionError):
        cases.find(CaseFilter(), after=after)


def test_one_of_many_threads_wins(cases: SqlCases) -> None:
    first = cases.save(case(), [])
    won: list[str] = []
    lost: list[str] = []
    gate = threading.Barrier(8)

    def write(name: str) -> None:
        gate.wait()
        try:
            cases.save(case(revision=first.revision, assignee=name), [event(kind="assigned", to=name)])
            won.append(name)
        except ConflictError:
            lost.append(name)

    threads = [threading.Thread(target=write, args=(str(number),)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert (len(won), len(lost)) == (1, 7)
    held = cases.case("c1")
    assert held is not None
    assert (held.assignee, held.revision) == (won[0], 2)
    assert [one.body for one in cases.events("c1")] == [{"to": won[0]}]


def test_two_processes_count_on_one_case(address: str, cases: SqlCases) -> None:
    """Each adds 100 to one number by read, change, save; whoever is refused reads again: none is lost."""
    cases.save(case(), [])
    code = """
    import msgspec
    from sekisho.errors import ConflictError
    store, done, refused = SqlCases(database), 0, 0
    while done < 100:
        held = store.case("c1")
        try:
            store.save(msgspec.structs.replace(held, detections=held.detections + 1), [event(n=held.detections)])
            done += 1
        except ConflictError:
            refused += 1
    print(refused)
    """
    for running in [program(code, address) for _ in range(2)]:
        ended(running)
    held = cases.case("c1")
    assert held is not None
    assert (held.detections, held.revision) == (200, 201)
    life = cases.events("c1")
    assert [one.seq for one in life] == list(range(1, 201))
    assert [one.body["n"] for one in life] == list(range(200))
