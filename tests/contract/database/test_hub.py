"""The hub's books on both engines: members, tokens, reports, disputes, the ledger; and the hub as a whole."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import msgspec
import pytest

from contract.database.people import act
from fakes.sharing import DAY, Ring, evidence, indicator, opened_ring
from sekisho.errors import ConflictError, DescriptionError
from sekisho.model.corroboration import Dispute, IndicatorState, Report, Standing, Use
from sekisho.model.indicator import Tlp
from sekisho.model.membership import (
    Announcement,
    Contact,
    HubToken,
    Member,
    MemberRole,
    MemberState,
    Network,
    Proof,
    Right,
    Roster,
)
from sekisho.ports.hub import LedgerEntry, LedgerPage, StandingFilter
from sekisho.stores.database import (
    Database,
    SqlAudit,
    SqlDisputes,
    SqlHubTokens,
    SqlLedger,
    SqlMembers,
    SqlReports,
)
from sekisho.stores.database.hub_pages import SqlReportPages
from sekisho.workflows.hub import sweep

NOW = 1_795_000_000_000
MEMBER = Member(
    "m1", "会社", "Company", MemberRole.FULL, MemberState.ACTIVE, "g", NOW, listed=True,
    proofs=(Proof("terms", "約款", "2026-01-01"),), contacts=(Contact("佐藤", "abuse@example.jp", key="-----BEGIN…"),),
)  # fmt: skip


def report(key: str = "k1", member: str = "m1", last: int = NOW, **more: object) -> Report:
    made = Report(
        key,
        member,
        "cc",
        "address",
        "198.51.100.7/32",
        23,
        6,
        "mirai",
        "flow",
        "",
        last - 5,
        last,
        1,
        Tlp.AMBER,
    )
    return msgspec.structs.replace(made, **more)


def standing(key: str = "k1", **more: object) -> Standing:
    made = Standing(key, f"indicator--{key}", "cc", "address", "198.51.100.7/32", 23, 6, "mirai", IndicatorState.CONFIRMED,
                    Use.WATCH, 51, 2, Tlp.GREEN, NOW, NOW, NOW - 5, NOW)  # fmt: skip
    return msgspec.structs.replace(made, **more)


def test_members_their_rights_and_networks(database: Database) -> None:
    store = SqlMembers(database)
    stored = store.put(MEMBER, act("member"))
    assert store.members() == (stored,) == (msgspec.structs.replace(MEMBER, revision=1),)
    with pytest.raises(ConflictError):
        store.put(MEMBER, act("member"))
    changed = store.put(msgspec.structs.replace(stored, state=MemberState.SUSPENDED), act("member"))
    with pytest.raises(ConflictError):
        store.put(stored, act("member"))
    assert store.members() == (changed,)
    one, other = Right("m1", "c1", True, False, Tlp.AMBER), Right("m2", "c1", False, True, Tlp.CLEAR)
    for right in (one, other):
        store.grant(right, act("grant"))
    assert store.rights("m1") == (one,)
    assert store.rights() == (one, other)
    store.grant(msgspec.structs.replace(one, read=False), act("grant"))
    assert store.rights() == (other,)
    held = Network("203.0.113.0/24", "m1", NOW)
    store.hold(held, act("network"))
    store.hold(msgspec.structs.replace(held, until=NOW + DAY), act("network"))
    assert store.networks() == (msgspec.structs.replace(held, until=NOW + DAY),)
    assert SqlAudit(database).verify().whole


def test_who_held_an_address_when() -> None:
    many = [
        MEMBER,
        msgspec.structs.replace(MEMBER, id="m2"),
        msgspec.structs.replace(MEMBER, id="m3", state=MemberState.LEFT),
    ]
    roster = Roster(many, [
        Network("203.0.113.0/24", "m1", 10, 20), Network("203.0.113.0/25", "m2", 20), Network("2001:db8::/32", "m2", 0),
        Network("203.0.113.0/24", "m3", 0),
    ])  # fmt: skip
    for address, at, found in (
        ("203.0.113.9", 9, set()), ("203.0.113.9", 10, {"m1"}), ("203.0.113.9", 19, {"m1"}), ("203.0.113.9", 20, {"m2"}),
        ("203.0.113.200", 20, set()), ("2001:db8::1", 0, {"m2"}), ("198.51.100.1", 15, set()),
    ):  # fmt: skip
        assert roster.holders(address, at) == found


def test_tokens(database: Database) -> None:
    members, store = SqlMembers(database), SqlHubTokens(database)
    stored = members.put(MEMBER, act("member"))
    token = HubToken("d1", "m1", "名", NOW, NOW + DAY)
    store.add(token, act("make-token"), most=2)
    store.add(msgspec.structs.replace(token, id="d2", created=NOW + 1), act("make-token"), most=2)
    with pytest.raises(DescriptionError):
        store.add(msgspec.structs.replace(token, id="d3"), act("make-token"), most=2)
    assert store.bearer("d1") == (stored, token)
    assert store.bearer("none") is store.shown("none") is None
    assert store.shown("d1") == (stored, token, ())
    may = [Right("m1", "c1", True, False, Tlp.AMBER), Announcement("m1", "c2", False, False, Tlp.CLEAR)]
    for one in (*may, Right("m2", "c1", True, True, Tlp.RED), Right("m1", "c3", False, False, Tlp.RED)):
        members.grant(one, act("grant"))
    told = store.shown("d1")
    assert told is not None
    assert [(one.collection, one.read, one.ceiling) for one in told[2]] == [
        ("c1", True, Tlp.AMBER),
        ("c2", False, Tlp.CLEAR),
    ]
    assert members.rights("m1") == told[2]
    assert [one.id for one in store.of("m1")] == ["d2", "d1"]
    store.used("d1", NOW + 5)
    store.used("d1", NOW + 3)
    found = store.bearer("d1")
    assert found is not None
    assert found[1].last_used == NOW + 5
    assert store.expire("d1", NOW + 9, act("rotate"))
    assert not store.expire("d1", NOW + 99, act("rotate"))  # never later
    assert store.expire("d1", 0, act("revoke"))
    assert store.bearer("d1") is None
    assert not store.expire("\0", 0, act("revoke"))


def test_reports_fold_and_standings_are_found(database: Database) -> None:
    store = SqlReports(database)
    store.report([report(), report(member="m2"), report("k2")])
    store.report([report(last=NOW + 9, family="new"), report(last=NOW - 99, family="old")])
    (first, second) = store.reports(["k1"])
    assert (first.first, first.last, first.sightings, first.family) == (NOW - 104, NOW + 9, 3, "new")
    assert second == report(member="m2")
    assert [one.key for one in store.of("m1", after="k1")] == ["k2"]
    store.settle([standing(), standing("k3", published=0), standing("k1", score=60, published=NOW)])
    assert store.keys() == ("k1", "k2", "k3")
    assert store.keys("k1", 1) == ("k2",)
    assert [one.key for one in store.due()] == [one.key for one in store.due(None)] == ["k3"]
    assert store.due(0) == ()
    assert [one.score for one in store.standings(["k1", "none", "\0"])] == [60]
    assert [one.key for one in store.by_ids(["indicator--k3"])] == ["k3"]
    assert [one.key for one in store.usable(grades=("watch",))] == ["k1", "k3"]
    pages = SqlReportPages(database)
    assert [pages.shares(name) for name in ("m1", "m2", "nobody")] == [(2, 1), (1, 0), (0, 0)]
    assert pages.tallies() == {("confirmed", "watch"): 2}
    assert store.usable(grades=("block",)) == ()
    store.withdraw("m1", ["k1", "k2"])
    assert store.reports(["k1", "k2"]) == (second,)


def test_standings_are_paged_newest_change_first(database: Database) -> None:
    store, pages = SqlReports(database), SqlReportPages(database)
    made = [standing(f"k{n}", since=NOW + n // 3, family="mirai" if n % 2 else "") for n in range(10)]
    store.settle(
        [*made, standing("held", since=NOW - 1, state=IndicatorState.HELD, grade=Use.NONE, value="x.example")]
    )
    found, after = [], ""
    while True:
        page = pages.listed(StandingFilter(), after=after, limit=3)
        assert len(page.standings) <= 3
        found += [one.key for one in page.standings]
        after = page.next
        if not after:
            break
    assert found == ["k9", "k8", "k7", "k6", "k5", "k4", "k3", "k2", "k1", "k0", "held"]
    asked = {
        StandingFilter(states=("held",)): ["held"],
        StandingFilter(values=("x.example", "none")): ["held"],
        StandingFilter(families=("mirai",), grades=("watch",)): ["k9", "k7", "k5", "k3", "k1"],
        StandingFilter(uses=("download",)): [],
        StandingFilter(values=("\0",)): [],
    }
    for wanted, keys in asked.items():
        assert [one.key for one in pages.listed(wanted, limit=9).standings] == keys
    for wrong in ("x", "1", "-1.k", "1" * 16 + ".k", "1.\0"):
        with pytest.raises(DescriptionError):
            pages.listed(StandingFilter(), after=wrong)


def test_disputes_and_outcomes(database: Database) -> None:
    store = SqlDisputes(database)
    one = Dispute("d1", "k1", "m1", NOW, "違う")
    assert store.open(one, act("dispute"))
    assert not store.open(msgspec.structs.replace(one, id="d2"), act("dispute"))
    assert store.disputes(["k1"]) == store.disputes() == (one,)
    done = msgspec.structs.replace(one, decided=NOW + 1, decided_by="x", upheld=1)
    assert store.decide(done, act("decide"))
    assert not store.decide(done, act("decide"))
    assert store.disputes() == (done,)
    store.outcome(["m1", "m2"], "k1", NOW, good=True)
    store.outcome(["m1"], "k1", NOW + 1, good=False)
    assert store.outcomes() == {"m1": [(NOW + 1, False)], "m2": [(NOW, True)]}


def test_the_ledger(database: Database) -> None:
    store = SqlLedger(database)
    one = LedgerEntry("l1", "m1", NOW, '{"文":1}', "m2", NOW, 0, NOW + 9)
    other = msgspec.structs.replace(one, id="l2", carrier="m3", notified=NOW + 50, expires=NOW + 99)
    store.enter([one, other])
    store.enter([msgspec.structs.replace(one, supplier="another")])
    assert store.entries() == (one, other)
    assert store.entries(carrier="m3") == (other,)
    later = msgspec.structs.replace(other, id="l0", received=NOW + 1)
    store.enter([later])
    page = store.newest(limit=2)
    assert page.entries == (later, other)
    assert store.newest(after=page.next) == LedgerPage((one,), "")
    assert store.newest(carrier="m2").entries == (one,)
    assert store.newest(carrier="\0").entries == ()
    with pytest.raises(DescriptionError):
        store.newest(after="l1")
    assert store.expire(later.expires) == 3
    store.enter([one, other])
    store.receipt(["l1", "l2"], "m2", NOW + 3)
    store.receipt(["l1"], "m2", NOW + 7)
    assert [entry.receipt for entry in store.entries()] == [NOW + 3, 0]
    assert store.forget_items(NOW + 1) == 1
    assert [entry.log_items for entry in store.entries(after="")] == ["", '{"文":1}']
    assert store.expire(NOW + 9) == 1
    assert [entry.id for entry in store.entries()] == ["l2"]


def test_a_whole_hub_answers_alike_on_each_engine(address: str, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    with opened_ring(folder, database=address if address.startswith("postgresql:") else "") as ring:
        story(ring)


def test_members_who_report_the_same_at_once(address: str, tmp_path: Path) -> None:
    with opened_ring(tmp_path / "hub", database=address if address.startswith("postgresql:") else "") as ring:
        for name in "abcd":
            ring.join(name)
        told: list[int] = []

        def send(name: str) -> None:
            for turn in range(3):
                first = "abcd".index(name) * 1000 + turn * 50
                places = range(30) if name in "ac" else reversed(range(30))
                some = [indicator(f"198.51.100.{at}", number=first + at + 1) for at in places]
                told.append(ring.ask(name, "POST", ring.at("list-in", "objects"), {"objects": some}).status)

        threads = [Thread(target=send, args=(name,)) for name in "abcd"]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert told == [202] * 12
        sweep(ring.books)
        assert {one.voices for one in ring.books.reports.standings(ring.books.reports.keys())} == {4}


def story(ring: Ring) -> None:
    ring.join("a", "full", "198.51.100.200/32").join("b").join("c", "receive-only", "203.0.113.0/24")
    for number, name in enumerate("ab"):
        some = [indicator(f"198.51.100.{at}", number=number * 50 + at + 1) for at in range(20)]
        assert ring.post(name, "list-in", *some)["success_count"] == 20
    assert ring.post("a", "evidence-in", evidence())["success_count"] == 1
    assert len(ring.published("c")) == 20
    assert len(ring.objects("c", "evidence", limit=1)) == 1
    assert ring.objects("b", "evidence") == []
    assert ring.ask("c", "GET", "/feed/watch.txt").body.count(b"198.51.100.") == 20
    assert ring.books.ledger.entries()[0].receipt
    assert ring.books.audit.verify().whole  # type: ignore[attr-defined]
