"""100,000 open cases with 1,000,000 events stay quick: any page in less than 300 ms."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from sqlalchemy import func, insert, literal, select, true, union_all

from contract.database.places import NOW, case, event
from sekisho.model.case import CaseState
from sekisho.ports.cases import CaseFilter
from sekisho.stores.database import Database, SqlCases
from sekisho.stores.database.rows import as_row
from sekisho.stores.database.tables import CASES, EVENTS

LIMIT_S = 0.3
SPAN = 10**8
OPEN = tuple(state for state in CaseState if state.open)
MIDDLE = f"{NOW + SPAN // 2}.x"


def fill(database: Database) -> None:
    chance = random.Random(1)
    rows = [
        as_row(
            case(
                f"0{number:05}", revision=1, subscriber=chance.randrange(80_000), state=chance.choice(OPEN),
                family=f"f{chance.randrange(20)}", key=f"family:f{chance.randrange(20)}",
                device_model=f"m{int(chance.expovariate(0.05))}", updated=NOW + chance.randrange(SPAN),
            )
        )
        for number in range(10_000)
    ]  # fmt: skip
    with database.writing() as connection:
        connection.execute(insert(CASES), rows)
        # The others of other lines and other times, made where they lie: so many sent there would be most of the test.
        for ten in range(1, 10):
            other = {
                "id": literal(str(ten)) + func.substr(CASES.c.id, 2),
                "subscriber": (CASES.c.subscriber + ten * 7919) % 80_000,
                "updated": (CASES.c.updated - NOW + ten * 10_000_019) % SPAN + NOW,
            }
            moved = select(*(other.get(one.name, one) for one in CASES.c)).where(CASES.c.id < "010000")
            connection.execute(insert(CASES).from_select([one.name for one in CASES.c], moved))
        # Ten of each case, made where they lie: a million sent there would be most of the test.
        each = union_all(*(select(literal(number).label("seq")) for number in range(1, 11))).subquery()
        place = {"case": CASES.c.id, "seq": each.c.seq}
        same = as_row(event(text="x" * 60))
        columns = [place.get(one.name, literal(same[one.name], one.type)) for one in EVENTS.c]
        rows_of = select(*columns).select_from(CASES.join(each, true())).order_by(*place.values())
        connection.execute(insert(EVENTS).from_select([one.name for one in EVENTS.c], rows_of))
        assert connection.execute(select(func.count()).select_from(EVENTS)).scalar_one() == 1_000_000


@pytest.mark.slow
def test_pages_are_quick(database: Database, cases: SqlCases) -> None:
    fill(database)
    asked: dict[str, Callable[[], object]] = {
        "first page": lambda: cases.find(CaseFilter(states=OPEN)),
        "middle page": lambda: cases.find(CaseFilter(states=OPEN), after=MIDDLE),
        "last pages": lambda: cases.find(CaseFilter(states=OPEN), after=f"{NOW + SPAN // 1000}.x"),
        "one state": lambda: cases.find(CaseFilter(states=(CaseState.NEW,)), after=MIDDLE),
        "every state": lambda: cases.find(CaseFilter(), after=MIDDLE),
        "family": lambda: cases.find(CaseFilter(states=OPEN, family="f3"), after=MIDDLE),
        "family and a rare model": lambda: cases.find(CaseFilter(family="f3", device_model="m150")),
        "family and key": lambda: cases.find(CaseFilter(states=OPEN, family="f3", key="family:f9")),
        "nobody's, and a model": lambda: cases.find(CaseFilter(states=OPEN, assignee="", device_model="m3")),
        "somebody who has none": lambda: cases.find(CaseFilter(states=OPEN, assignee="sato")),
        "a line": lambda: cases.find(CaseFilter(subscriber=77)),
        "a short while long ago": lambda: cases.find(CaseFilter(states=OPEN, until=NOW + 5000)),
        "a life": lambda: cases.events("050000"),
        "counts": cases.counts,
    }
    slow = {}
    for name, ask in asked.items():
        took: list[float] = []
        # One of five in time: what the others wait for is the machine's other work, not the store's.
        while len(took) < 5 and min(took, default=LIMIT_S) >= LIMIT_S:
            begin = time.perf_counter()
            ask()
            took.append(time.perf_counter() - begin)
        if min(took) >= LIMIT_S:
            slow[name] = [round(one, 3) for one in took]
    assert not slow
    assert len(cases.find(CaseFilter(states=OPEN), after=MIDDLE).cases) == 50
    assert sum(cases.counts().values()) == 100_000
