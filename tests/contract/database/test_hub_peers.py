"""The books of hubs elsewhere, of device models and of disclosure on both engines."""

from __future__ import annotations

import msgspec
import pytest

from contract.database.people import act
from sekisho.errors import ConflictError
from sekisho.model.corroboration import IndicatorState, Report, Standing, Use
from sekisho.model.device_model import (
    Advisory,
    Affected,
    DisclosedFinding,
    Disclosure,
    DisclosureStep,
    ModelReport,
    Product,
    ShownPart,
)
from sekisho.model.federation import Foreign, Offer, Peer, Position
from sekisho.model.indicator import Tlp
from sekisho.model.line_count import LineCount
from sekisho.stores.database import (
    Database,
    SqlAdvisories,
    SqlAudit,
    SqlDisclosures,
    SqlForeign,
    SqlLineCounts,
    SqlModels,
    SqlOffers,
    SqlPeers,
    SqlReports,
    SqlShownModels,
)

PEER = Peer("p", "https://hub.example/", "/t", "", ("list", "failure"), ("q",), Tlp.GREEN, "", 1)
ROW = Foreign("p", "k1", "indicator--1", "2026-11-18T10:00:00", Tlp.GREEN, 1, 2, "mirai", ("identity--1",))
REPORT = Report(
    "k1", "p", "cc", "address", "198.51.100.7/32", 23, 6, "mirai", "partner", "", 1, 2, 1, Tlp.GREEN
)
STANDING = Standing(
    "k1", "indicator--9", "cc", "address", "198.51.100.7/32", 23, 6, "mirai", IndicatorState.CONFIRMED, Use.WATCH, 51, 2,
    Tlp.GREEN, 1, 1, 1, 2,
)  # fmt: skip


def test_terms_and_positions(database: Database) -> None:
    peers = SqlPeers(database)
    peers.put(PEER, act("peer"))
    other = msgspec.structs.replace(PEER, member="o", take=(), forward=())
    peers.put(other, act("peer"))
    peers.put(msgspec.structs.replace(PEER, identity="identity--1"), act("peer"))
    assert [(one.member, one.identity, one.take) for one in peers.peers()] == [
        ("o", "", ()), ("p", "identity--1", ("list", "failure")),
    ]  # fmt: skip
    first = Position("p", "list", "2026-11-18T10:00:00.000001Z", 5, 5)
    peers.reach(first)
    peers.reach(Position("o", "list", "", 6, 0, "refused", "away"))
    peers.reach(msgspec.structs.replace(first, added="2026-11-18T11:00:00Z"))
    assert [one.added for one in peers.positions("p")] == ["2026-11-18T11:00:00Z"]
    assert len(peers.positions()) == 2
    SqlForeign(database).book("p", [ROW], ["k1"], [REPORT])
    SqlOffers(database).settle([Offer("p", "k1", "k1", STANDING, ("identity--1",))])
    assert peers.drop("p", act("remove-peer"))
    assert not peers.drop("p", act("remove-peer"))
    assert SqlForeign(database).about(["k1"]) == ()
    assert SqlOffers(database).offers(["k1"]) == ()
    assert SqlReports(database).of("p") == ()
    assert [one.member for one in peers.peers()] == ["o"]
    assert [one.act for one in SqlAudit(database).entries()].count("remove-peer") == 1


def test_what_a_peer_says_replaces_what_it_said(database: Database) -> None:
    foreign, reports = SqlForeign(database), SqlReports(database)
    second = msgspec.structs.replace(ROW, id="indicator--2", tlp=Tlp.AMBER)
    reports.report([msgspec.structs.replace(REPORT, member="a")])
    foreign.book("p", [ROW, second], ["k1"], [REPORT])
    foreign.book("p", [ROW, second], ["k1"], [REPORT])
    assert foreign.about(["k1"], "p") == (ROW, second)
    assert foreign.said("p", ["indicator--2", "none"]) == (second,)
    assert foreign.said("q", ["indicator--2"]) == ()
    assert (foreign.count("p"), reports.of("p")) == (1, (REPORT,))
    assert foreign.counts() == {"p": 1}
    dead = [msgspec.structs.replace(one, alive=0) for one in (ROW, second)]
    foreign.book("p", dead, ["k1"], [])
    assert reports.of("p") == ()
    assert [one.member for one in reports.reports(["k1"])] == ["a"]
    assert (foreign.tidy(2), foreign.tidy(3), foreign.count("p")) == (0, 2, 0)


def test_offers_are_due_until_written(database: Database) -> None:
    offers = SqlOffers(database)
    one = Offer("p", "k1", "k1", STANDING, ("identity--1", "identity--2"))
    offers.settle([one, msgspec.structs.replace(one, partner="q", published=-1)])
    assert offers.due("p") == (one,)
    assert offers.due("q") == ()
    offers.settle([msgspec.structs.replace(one, published=7)])
    assert offers.due("p") == ()
    assert [found.published for found in offers.offers(["k1"])] == [7, -1]
    assert offers.counts() == {"p": 1}


def test_models_advisories_and_disclosure(database: Database) -> None:
    models, advisories, disclosures = SqlModels(database), SqlAdvisories(database), SqlDisclosures(database)
    row = ModelReport("a", "acme", "r100", "", "infected", 5, 1, 9, ("tcp/23",), ())
    models.report([row, msgspec.structs.replace(row, member="b", last=3)])
    models.report([msgspec.structs.replace(row, devices=6)])
    assert [(one.member, one.devices) for one in models.reports("acme")] == [("a", 6), ("b", 5)]
    assert models.reports(member="b")[0].ports == ("tcp/23",)
    assert (models.reports("other"), models.expire(5), len(models.reports())) == ((), 1, 1)
    models.claim(Product("acme", "", "m1"), act("claim-model"))
    models.claim(Product("acme", "", "m2"), act("claim-model"))
    assert models.products() == (Product("acme", "", "m2"),)
    one = Advisory(
        "advisory--1", "m2", "A-1", "1", "題", "csaf_vex", "final", "2026-11-01", Tlp.GREEN, "", 5, "d1", "{}"
    )
    said = Affected("advisory--1", "acme", "r100", "1.0", "CVE-2026-1", "fixed")
    assert advisories.publish(one, [said, said], act("advisory"))
    assert not advisories.publish(one, [said], act("advisory"))
    with pytest.raises(ConflictError):
        advisories.publish(msgspec.structs.replace(one, id="advisory--2", digest="d2"), [], act("advisory"))
    assert advisories.advisories() == (msgspec.structs.replace(one, body=""),)
    assert advisories.advisory("advisory--1") == one
    assert advisories.advisory("none") is None
    assert advisories.affected("acme", "r100") == advisories.affected() == (said,)
    assert advisories.affected("acme", "r200") == ()
    finding = DisclosedFinding("f1", "m2", "acme", "r100", "題", 1, 0)
    step = DisclosureStep("f1", 0, 1, "opened", "", "佐藤")
    stored = disclosures.step(finding, step, act("finding-opened"))
    decided = msgspec.structs.replace(stored, state=Disclosure.PUBLISHED, decided=2)
    assert disclosures.step(decided, msgspec.structs.replace(step, kind="decided"), act("x")).revision == 2
    with pytest.raises(ConflictError):
        disclosures.step(decided, step, act("x"))
    assert [(one.seq, one.kind) for one in disclosures.steps("f1")] == [(1, "opened"), (2, "decided")]
    assert [one.state for one in disclosures.findings()] == [Disclosure.PUBLISHED]


def test_counts_of_lines_replace_themselves_and_end(database: Database) -> None:
    counts = SqlLineCounts(database)
    rows = [LineCount("m", "indicator--1", f"2026-11-1{day}", day, 5) for day in (5, 6, 7)]
    counts.tell(rows)
    counts.tell([LineCount("n", "indicator--2", "2026-11-16", 9, 6)])
    counts.tell([msgspec.structs.replace(rows[0], lines=50, at=7)])
    assert [(one.member, one.day, one.lines) for one in counts.told("2026-11-15")] == [
        ("m", "2026-11-15", 50), ("m", "2026-11-16", 6), ("m", "2026-11-17", 7), ("n", "2026-11-16", 9),
    ]  # fmt: skip
    assert len(counts.told("2026-11-16", indicators=["indicator--1"])) == 2
    assert counts.told("2026-11-16", indicators=[]) == ()
    assert len(counts.told("2026-11-01", member="n")) == 1
    assert counts.forget("2026-11-17", member="m") == 2
    assert counts.forget("2026-11-17") == 1
    assert len(counts.told("2026-01-01")) == 1


def test_parts_of_what_a_maker_was_told_are_replaced_by_the_place(database: Database) -> None:
    shown = SqlShownModels(database)
    first = [ShownPart("acme", "r100", "1.0", "infected", side, 5, ("tcp/23",)) for side in "abc"]
    other = ShownPart("acme", "r100", "*", "weak-code", "a", 7, (), ("CVE-2026-1234",))
    shown.show([("acme", "r100", "1.0", "infected")], [*first, other])
    assert shown.shown() == (other, *first)
    shown.show([("acme", "r100", "1.0", "infected")], [msgspec.structs.replace(first[0], devices=6)])
    assert [(one.side, one.devices) for one in shown.shown()] == [("a", 7), ("a", 6)]
    shown.show([("acme", "r100", "*", "weak-code"), ("acme", "r100", "1.0", "infected")], [])
    assert shown.shown() == ()
