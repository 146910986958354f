"""What is shared: both engines against the plain store, step by step; paging under writes; questions without sorting."""

from __future__ import annotations

import json
import random
from itertools import count
from threading import Event, Thread
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from fakes.hub import DESCRIPTION, Hub, address, indicator
from fakes.shared import PlainSharing
from sekisho.errors import ConflictError
from sekisho.exchange.taxii import Answer, TaxiiServer
from sekisho.model.indicator import Tlp
from sekisho.model.sharing import Collection, Held, Offered, Outcome, Sent, Sight
from sekisho.ports.sharing import EVERY, LAST, ObjectFilter, Versions
from sekisho.stores.database import Database, SqlCollections, SqlObjects, SqlSent
from sekisho.stores.database.shared_pages import bounded, question

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOW = 1_795_000_000_000_000
ALL = ObjectFilter(versions=EVERY)
WIDE = 1 << 40
VERSIONS = ["", "2026-01-01T00:00:00.", "2026-01-01T00:00:00.5", "2026-01-02T00:00:00."]
IDS = ["a--1", "a--2", "b--1", "c--あ"]


def offered(
    identifier: str, key: str = "", digest: str = "d", body: str = "{}", *,
    owner: str = "", audience: str = "", tlp: Tlp = Tlp.CLEAR,
) -> Offered:  # fmt: skip
    return Offered(identifier, identifier[0], key and key + "Z", key, digest, body, owner, audience, tlp)


MEMBERS = ["", "m1", "m2", "m3"]
OFFERED = st.builds(
    offered, st.sampled_from(IDS), st.sampled_from(VERSIONS), st.sampled_from("xyz"), owner=st.sampled_from(MEMBERS),
    audience=st.sampled_from(["", "", *MEMBERS[1:]]), tlp=st.sampled_from(Tlp),
)  # fmt: skip
SIGHTS = st.one_of(st.none(), st.builds(Sight, st.sampled_from(MEMBERS[1:]), st.sampled_from(Tlp)))
CHOICES = st.one_of(
    st.just(EVERY),
    st.builds(
        Versions,
        last=st.booleans(),
        first=st.booleans(),
        keys=st.lists(st.sampled_from(VERSIONS[1:]), max_size=2).map(tuple),
    ),
)
FILTERS = st.builds(
    ObjectFilter,
    ids=st.lists(st.sampled_from(IDS), max_size=2).map(tuple),
    types=st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(tuple),
    versions=CHOICES,
    added_after=st.sampled_from([-1, NOW, NOW + 3, NOW + 9]),
    sight=SIGHTS,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"), st.lists(OFFERED, min_size=1, max_size=8), st.sampled_from([0, NOW, NOW + 8])
        ),
        st.tuples(st.just("delete"), st.sampled_from(IDS), CHOICES, st.sampled_from(MEMBERS)),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture
def collections(database: Database) -> SqlCollections:
    made = SqlCollections(database)
    made.found(Collection("c1", "題"))
    return made


@pytest.fixture
def objects(database: Database, collections: SqlCollections) -> SqlObjects:
    return SqlObjects(database)


def walk(store: Any, wanted: ObjectFilter = ALL, limit: int = 3, *, bodies: bool = True) -> list[Held]:
    found: list[Held] = []
    while True:
        page = store.find("c1", wanted, limit=limit, octets=WIDE, bodies=bodies)
        assert len(page.held) <= limit
        found += page.held
        if not page.more:
            return found
        wanted = msgspec.structs.replace(wanted, behind=page.held[-1].added)


@QUIET
@given(steps=STEPS, wanted=FILTERS, limit=st.integers(1, 4), bodies=st.booleans())
def test_it_does_what_the_plain_store_does(
    collections: SqlCollections,
    objects: SqlObjects,
    steps: Any,
    wanted: ObjectFilter,
    limit: int,
    bodies: bool,
) -> None:
    plain = PlainSharing()
    plain.found(Collection("c1", "題"))
    collections.drop("c1")
    collections.found(Collection("c1", "題"))
    for verb, *given_ in steps:
        assert getattr(objects, verb)("c1", *given_) == getattr(plain, verb)("c1", *given_)
        assert walk(objects) == walk(plain)
    assert walk(objects, wanted, limit, bodies=bodies) == walk(plain, wanted, 99, bodies=bodies)
    for identifier in IDS:
        assert objects.has("c1", identifier) == plain.has("c1", identifier)
        assert objects.has("c1", identifier, wanted.sight) == plain.has("c1", identifier, wanted.sight)


def test_a_time_of_adding_is_never_given_twice(objects: SqlObjects) -> None:
    objects.add("c1", [offered("a--1"), offered("a--2")], NOW)
    assert [one.added for one in walk(objects)] == [NOW, NOW + 1]
    assert objects.delete("c1", "a--2", EVERY) == 1
    objects.add("c1", [offered("a--2"), offered("b--1")], NOW - 50)
    assert [one.added for one in walk(objects)] == [NOW, NOW + 2, NOW + 3]


def test_newest_and_oldest_are_those_since_the_moment_asked_for(objects: SqlObjects) -> None:
    """But not since the place where a page ended: a walk must not find a newest one on each page."""
    low, middle, high = VERSIONS[1:]
    for at, key in enumerate((low, high, middle, high + "1")):
        objects.add("c1", [offered("a--1", key)], NOW + at)
    for choice, since in ((Versions(last=True), [3, 3, 3, 3]), (Versions(first=True), [0, 2, 2, 3])):
        for after, place in enumerate(since):
            found = walk(objects, ObjectFilter(versions=choice, added_after=NOW + after - 1))
            assert [one.added for one in found] == [NOW + place]
    assert walk(objects, ObjectFilter(versions=Versions(first=True), behind=NOW)) == []


def test_a_large_request_is_stored_whole_and_in_order(objects: SqlObjects) -> None:
    many = [offered(f"a--{n}", VERSIONS[1], body=f'{{"文":{n}}}') for n in range(1300)]
    assert {one.outcome for one in objects.add("c1", many, NOW)} == {Outcome.STORED}
    assert {one.outcome for one in objects.add("c1", many, NOW + 5)} == {Outcome.SAME}
    assert [one.body for one in walk(objects, ALL, 1000)] == [one.body for one in many]
    asked = [*(one.id for one in many), "a--none", "\0", "\ud800"]
    assert objects.known("c1", asked) == {one.id for one in many}
    assert (
        objects.known("c1", ["a--none"]) == objects.known("c2", asked) == objects.known("\0", asked) == set()
    )


def test_no_such_collection(objects: SqlObjects) -> None:
    for name in ("c2", "\0", "\ud800"):
        with pytest.raises(ConflictError):
            objects.add(name, [offered("a--1")], NOW)
        assert objects.find(name, ALL, limit=1, octets=1).held == ()
        assert not objects.has(name, "a--1")
        assert objects.delete(name, "a--1", EVERY) == 0
    assert objects.find("c1", ObjectFilter(ids=("\0", "\ud800")), limit=1, octets=1).held == ()


def test_a_page_ends_after_so_many_octets_but_is_never_empty(objects: SqlObjects) -> None:
    objects.add("c1", [offered(f"a--{n}", body="x" * 100) for n in range(5)], NOW)
    for octets, many in ((1, 1), (100, 1), (101, 2), (450, 5)):
        page = objects.find("c1", ALL, limit=99, octets=octets)
        assert (len(page.held), page.more) == (many, many < 5)


def test_collections(collections: SqlCollections, objects: SqlObjects) -> None:
    one, two = Collection("c1", "other", "text", "alias"), Collection("c0", "two")
    objects.add("c1", [offered("a--1")], NOW)
    collections.found(one)
    collections.found(two)
    assert collections.collections() == (two, one)
    assert objects.has("c1", "a--1")
    with pytest.raises(ConflictError):
        collections.found(Collection("c3", "three", alias="alias"))
    assert collections.drop("c1")
    assert not collections.drop("c1")
    assert not collections.drop("\ud800")
    assert not objects.has("c1", "a--1")


def test_records_belong_to_who_sent(database: Database) -> None:
    records = SqlSent(database)
    old, new = Sent("s1", "member-1", NOW, "{}"), Sent("s2", "member-1", NOW + 9, '{"文":1}')
    records.keep(old)
    records.keep(new)
    with pytest.raises(ConflictError):
        records.keep(old)
    assert records.sent("s2", "member-1") == new
    assert records.sent("s2", "member-2") is None
    assert records.sent("\0", "member-1") is None
    assert records.expire(NOW + 9) == 1
    assert (records.sent("s1", "member-1"), records.sent("s2", "member-1")) == (None, new)


def test_walks_beside_writers_see_each_object_once(objects: SqlObjects) -> None:
    """What was there before a walk began is in it once; what comes meanwhile, at most once."""
    objects.add("c1", [offered(f"a--{n}") for n in range(400)], NOW)
    ended = Event()

    def write(name: str) -> None:
        chance = random.Random(name)
        number = 0
        while not ended.is_set() and number < 2000:
            some = [offered(f"{name}--{number + n}") for n in range(chance.randrange(1, 9))]
            objects.add("c1", some, NOW + chance.randrange(500))
            number += len(some)

    writers = [Thread(target=write, args=(name,)) for name in "bc"]
    for one in writers:
        one.start()
    try:
        for limit in (7, 50, 1000):
            before = {one.id for one in walk(objects, ALL, 1000)}
            seen = [one.id for one in walk(objects, ALL, limit)]
            assert len(seen) == len(set(seen))
            assert before <= set(seen)
    finally:
        ended.set()
        for one in writers:
            one.join()
    seen = [one.id for one in walk(objects, ALL, 100)]
    assert len(seen) == len(set(seen)) > 400


def test_no_page_is_sorted(database: Database, objects: SqlObjects) -> None:
    if database.engine.dialect.name != "sqlite":
        objects.add("c1", [offered(f"{n % 3}--{n}", body="x" * 300) for n in range(3000)], NOW)
        with database.writing() as connection:
            connection.exec_driver_sql("ANALYZE shared_objects")
    questions = [
        ObjectFilter(),
        ALL,
        ObjectFilter(types=("1",)),
        ObjectFilter(versions=Versions(first=True, last=True), behind=NOW + 5),
        ObjectFilter(sight=Sight("m1", Tlp.AMBER)),
        ObjectFilter(sight=Sight("p1", Tlp.GREEN, ("p1", "p2"))),
    ]
    if database.engine.dialect.name == "sqlite":
        # PostgreSQL weighs these by its statistics, and may sort the few rows that it expects.
        questions += [
            ObjectFilter(types=("1", "2"), added_after=NOW),
            ObjectFilter(versions=Versions(keys=(VERSIONS[1],)), types=("1",)),
        ]
    for wanted in questions:
        asked = question("c1", wanted).limit(101)
        if database.engine.dialect.name != "sqlite":
            asked = bounded(asked).params(octets=WIDE)
        words = asked.compile(database.engine, compile_kwargs={"literal_binds": True}).string
        how = "EXPLAIN QUERY PLAN " if database.engine.dialect.name == "sqlite" else "EXPLAIN "
        with database.reading() as connection:
            plan = "\n".join(str(row) for row in connection.execute(text(how + words.replace(":", "\\:"))))
        assert "SEARCH" in plan or "Index" in plan, plan
        assert "TEMP B-TREE" not in plan, plan
        assert "Sort" not in plan, plan
    assert ObjectFilter().versions == LAST


def test_the_server_answers_alike_on_each_engine(database: Database) -> None:
    """The same requests to a server over this engine and over the plain store: the same answers, octet for octet."""
    answers: list[list[Answer]] = []
    for engine in (True, False):
        hub = Hub(page=5)
        hub.ticks = count(NOW)
        if engine:
            for one in hub.stores.collections():
                SqlCollections(database).found(one)
            numbers = count(1)
            hub.server = TaxiiServer(
                DESCRIPTION, SqlCollections(database), SqlObjects(database), SqlSent(database),
                clock=lambda hub=hub: next(hub.ticks), fresh=lambda numbers=numbers: f"s{next(numbers)}", key=b"k" * 32, limits=hub.limits,
            )  # fmt: skip
        else:
            numbers = count(1)
            hub.server._fresh = lambda numbers=numbers: f"s{next(numbers)}"
        answers.append(asked_much(hub))
    assert answers[0] == answers[1]
    assert {one.status for one in answers[0]} == {200, 202, 404}


def asked_much(hub: Hub) -> list[Answer]:
    objects = "/first/collections/both/objects/"
    many = [indicator(n % 9, 1 + n % 4, x_文="\\u0000 é") for n in range(1, 30)] + [
        address(n) for n in range(9)
    ]
    sent = json.dumps({"objects": [*many, {"type": "x"}]}).encode()
    found = [hub.ask(objects, method="POST", body=sent) for _ in range(2)]
    found += [hub.ask(f"/first/status/{name}/") for name in ("s1", "s3")]
    for query in ("", "limit=3&match[type]=ipv4-addr,indicator", "match[version]=first,2026-01-03T00:00:00Z"):
        for path in (objects, "/first/collections/both/manifest/"):
            answer = hub.ask(path, query=query)
            while (told := json.loads(answer.body)).get("more"):
                found.append(answer)
                answer = hub.ask(path, query=f"{query}&next={told['next']}")
            found.append(answer)
    for method in ("GET", "DELETE", "GET"):
        found.append(hub.ask(f"{objects}{indicator(1)['id']}/", method=method))
    return [*found, hub.ask(f"{objects}{indicator(2)['id']}/versions/")]
