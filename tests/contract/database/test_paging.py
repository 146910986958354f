"""Paging against a plain Python oracle, also while cases change between pages; and filters."""

from __future__ import annotations

import random
import threading
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from contract.database.places import NOW, case
from sekisho.errors import ConflictError
from sekisho.model.case import Case, CaseState
from sekisho.ports.cases import CaseFilter
from sekisho.stores.database import Database, SqlCases
from sekisho.stores.database.rows import as_row
from sekisho.stores.database.tables import CASES

QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STATES = list(CaseState)
# Few different values, so that there are ties, empty pages and full ones.
MOMENTS = st.integers(NOW, NOW + 2)
NAMES = st.sampled_from(["", "a", "b"])
KINDS = st.fixed_dictionaries(
    {
        "state": st.sampled_from(STATES),
        "updated": MOMENTS,
        "subscriber": st.integers(1, 3),
        "key": st.sampled_from(["family:a", "method:b"]),
        "family": NAMES,
        "device_model": NAMES,
        "assignee": NAMES,
    }
)
# At most two conditions, so that most questions have several pages of answers.
NARROWING = {
    "states": st.lists(st.sampled_from(STATES), min_size=2, max_size=5).map(tuple),
    "subscriber": st.integers(1, 4),
    "key": st.just("family:a"),
    "family": NAMES,
    "device_model": NAMES,
    "assignee": NAMES,
    "since": st.just(NOW + 1),
    "until": st.just(NOW + 2),
}
FILTERS = (
    st.sets(st.sampled_from(sorted(NARROWING)), max_size=2)
    .flatmap(lambda names: st.fixed_dictionaries({name: NARROWING[name] for name in sorted(names)}))
    .map(lambda fields: CaseFilter(**fields))
)
IDS = st.text(min_size=1, max_size=3, alphabet="aAあé.0")


def fits(one: Case, wanted: CaseFilter) -> bool:
    return (
        (not wanted.states or one.state in wanted.states)
        and wanted.subscriber in (None, one.subscriber)
        and wanted.key in ("", one.key)
        and wanted.family in ("", one.family)
        and wanted.device_model in ("", one.device_model)
        and wanted.assignee in (None, one.assignee)
        and (not wanted.since or one.updated >= wanted.since)
        and (not wanted.until or one.updated < wanted.until)
    )


def order(one: Case) -> tuple[int, str]:
    return -one.updated, one.id


def fill(database: Database, held: dict[str, Case]) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM cases")
        if held:
            connection.execute(insert(CASES), [as_row(one) for one in held.values()])


@QUIET
@given(
    kinds=st.dictionaries(IDS, KINDS, min_size=10, max_size=30),
    wanted=FILTERS,
    limit=st.integers(1, 5),
    changes=st.lists(st.tuples(st.integers(0, 99), KINDS), max_size=6),
)
def test_pages_are_those_of_the_oracle(
    database: Database,
    cases: SqlCases,
    kinds: dict[str, Any],
    wanted: CaseFilter,
    limit: int,
    changes: list[Any],
) -> None:
    held = {name: case(name, revision=1, **kind) for name, kind in kinds.items()}
    fill(database, held)
    untouched = {name for name, one in held.items() if fits(one, wanted)}
    shown: list[Case] = []
    after, place = "", (-(2**63), "")
    while True:
        page = cases.find(wanted, after=after, limit=limit)
        rest = sorted((one for one in held.values() if fits(one, wanted) and order(one) > place), key=order)
        assert list(page.cases) == rest[:limit]
        assert bool(page.next) == (len(rest) > limit)
        shown += page.cases
        if not page.next:
            break
        after, place = page.next, order(page.cases[-1])
        if changes and held:
            number, kind = changes.pop()
            name = sorted(held)[number % len(held)]
            held[name] = cases.save(msgspec.structs.replace(held[name], **kind), [])
            untouched.discard(name)
    # Those that nobody touched come once each, whatever happened to the others.
    assert sorted(one.id for one in shown if one.id in untouched) == sorted(untouched)


def test_pages_while_another_thread_writes(database: Database, cases: SqlCases) -> None:
    held = {
        f"{number:04}": case(f"{number:04}", revision=1, updated=NOW + number // 3) for number in range(900)
    }
    fill(database, held)
    moving = [f"{number:04}" for number in range(0, 900, 9)]
    end = threading.Event()
    faults: list[Exception] = []

    def write() -> None:
        chance, at = random.Random(1), NOW + 10_000
        try:
            while not end.is_set():
                one = cases.case(chance.choice(moving))
                assert one is not None
                at += 1
                cases.save(msgspec.structs.replace(one, updated=at, detections=one.detections + 1), [])
        except (AssertionError, ConflictError) as error:
            faults.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            shown, after = [], ""
            while True:
                page = cases.find(CaseFilter(states=(CaseState.NEW,)), after=after, limit=37)
                shown += page.cases
                after = page.next
                if not after:
                    break
            ids = [one.id for one in shown]
            assert shown == sorted(shown, key=order)
            assert len(ids) == len(set(ids))
            assert set(held) - set(moving) <= set(ids)
    finally:
        end.set()
        writer.join(60)
    assert not faults
    written = cases.find(CaseFilter(since=NOW + 10_000), limit=1000).cases
    assert len(written) > 10


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize(
    "wanted",
    [
        CaseFilter(),
        CaseFilter(states=(CaseState.NEW, CaseState.NOTIFIED)),
        CaseFilter(family="a"),
        CaseFilter(subscriber=1),
    ],
)
def test_a_page_in_the_middle_is_read_from_an_index(
    database: Database, cases: SqlCases, wanted: CaseFilter, bounded: bool
) -> None:
    """No scan of the table: each piece begins in the middle of an index, also when what is past its time is left out."""
    from sekisho.stores.database.cases import _page
    from sekisho.stores.database.expiry import Past, kept

    held = {
        f"{n:05}": case(f"{n:05}", revision=1, updated=NOW, family="a", subscriber=1) for n in range(3000)
    }
    fill(database, held)
    statement = _page(wanted, (NOW, "01500"), 51, *((kept(Past(NOW - 9, NOW - 9)),) if bounded else ()))
    literal = statement.compile(database.engine, compile_kwargs={"literal_binds": True})
    with database.writing() as connection:
        if database.engine.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE cases")
            plan = "\n".join(
                row[0] for row in connection.exec_driver_sql(f"EXPLAIN {literal}".replace("%", "%%"))
            )
            assert "Seq Scan" not in plan, plan
        else:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}").all()
            plan = "\n".join(row[3] for row in rows)
            reads = [line for line in plan.splitlines() if "cases" in line]
            assert reads, plan
            assert all("SEARCH cases USING INDEX" in line and "updated" in line for line in reads), plan
    assert [one.id for one in cases.find(wanted, after=f"{NOW}.01500").cases[:2]] == ["01501", "01502"]
