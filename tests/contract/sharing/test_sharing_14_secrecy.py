"""14. The list holds nothing about a subscriber; evidence reaches the one member that held the address at that time."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.sharing import DAY, NOW, Ring, evidence, grant, hold, indicator
from sekisho.catalogues.sharing import sharing_rules
from sekisho.exchange.lanes import listing
from sekisho.formats.stix_object import ObjectFault, read
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Right
from sekisho.wiring.hub import upkeep
from sekisho.workflows.hub import retired_items

RULES = sharing_rules()
SECRET = "203.0.113.77"
PROPERTIES = (
    "name", "description", "external_references", "x_subscriber", "extensions", "granular_markings", "lang", "where_sighted_refs",
    "observed_data_refs", "victim", "source", "summary",
)  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        *({name: SECRET} for name in PROPERTIES),
        {"labels": [f"family:{SECRET}", "evidence:flow", "x"]}, {"labels": [SECRET]}, {"labels": ["evidence:guess"]},
        {"indicator_types": [SECRET]}, {"kill_chain_phases": [{"kill_chain_name": "a", "phase_name": SECRET}]},
        {"kill_chain_phases": [{"kill_chain_name": "a", "phase_name": "b", "x": SECRET}]},
        {"pattern": f"[network-traffic:src_ref.value = '{SECRET}' AND network-traffic:dst_ref.value = '198.51.100.7']"},
        {"pattern": f"[email-addr:value = 'x@{SECRET}']"}, {"pattern": f"[url:value = 'http://{SECRET}/']"},
        {"pattern": f"[network-traffic:dst_ref.value = '198.51.100.7'] FOLLOWEDBY [ipv4-addr:value = '{SECRET}']"},
        {"pattern_type": "snort"}, {"pattern_version": SECRET},
    ],
    ids=str,
)  # fmt: skip
def test_14_the_list_lane_refuses_all_that_could_name_somebody(ring: Ring, more: dict[str, Any]) -> None:
    with pytest.raises(ObjectFault):
        listing.told(indicator(**more), {"cc": 1}, RULES.evidence)


@pytest.mark.parametrize(
    "kind", ["identity", "observed-data", "ipv4-addr", "note", "report", "relationship", "grouping", "x-own"]
)
def test_14_nor_any_other_type(kind: str) -> None:
    with pytest.raises(ObjectFault):
        listing.told({"type": kind}, {"cc": 1}, RULES.evidence)


NAMES = st.one_of(st.text(max_size=30), st.sampled_from([*PROPERTIES, *sorted(listing._INDICATOR)]))
VALUES = st.recursive(
    st.sampled_from([SECRET, 3_405_803_853, f"x{SECRET}x", 1]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
)


@settings(max_examples=300, deadline=None)
@given(extra=st.dictionaries(NAMES, VALUES, min_size=1, max_size=3))
def test_14_nothing_passes_that_is_not_named(extra: dict[str, Any]) -> None:
    one = extra | indicator()
    try:
        read(json.dumps(one).encode())
        listing.told(one, {"cc": 1}, RULES.evidence)
    except ObjectFault:
        return
    assert SECRET not in str(one)
    assert "3405803853" not in str(one)


def test_14_evidence_reaches_the_holder_of_that_time_alone(ring: Ring) -> None:
    day = NOW // DAY * DAY
    ring.join("sees", "full", "198.51.100.0/24").join("old").join("new", "receive-only").join("none")
    hold(ring.books, "old", "203.0.113.0/24", 1, day - 2 * DAY, "op")
    hold(ring.books, "new", "203.0.113.0/24", day - 2 * DAY, 0, "op")
    hold(ring.books, "sees", "192.0.2.0/24", 1, 0, "op")
    ring.books.forget()
    moments = {"old": day - 2 * DAY - 1000, "new": day - 2 * DAY}
    for number, (holder, at) in enumerate(moments.items()):
        moment = stix(at)
        told = ring.post("sees", "evidence-in", evidence(SECRET, number=number + 1, moment=moment))
        assert told["success_count"] == 1, holder
    for name in ("old", "new", "sees", "none"):
        found = ring.objects(name, "evidence")
        assert len(found) == (name in moments)
        for one in found:
            assert one["first_observed"] == stix(moments[name])
            assert "sees" not in json.dumps(one)
            assert one["created_by_ref"] == ring.books.identity
    refused = ring.post(
        "sees", "evidence-in", evidence("198.18.0.1", number=8), evidence("192.0.2.1", number=9),
        evidence(SECRET, number=10, x_note="…"),
    )  # fmt: skip
    assert refused["failure_count"] == 3
    # Nothing of it is anywhere else: other collections, feeds, statuses, one's own reports.
    for name in ("none", "sees"):
        for alias in ("list", "failure"):
            assert SECRET not in ring.ask(name, "GET", ring.at(alias, "objects")).body.decode()
        for path in ("/feed/watch.json", "/me/reports.json", "/me/ledger.json", "/me/counts.json"):
            assert SECRET not in ring.ask(name, "GET", path).body.decode()


def test_14_the_ledger_for_five_years_and_the_items_for_thirty_days(ring: Ring) -> None:
    ring.join("sees", "full", "198.51.100.0/24").join("has", "receive-only", "203.0.113.0/24")
    ring.post("sees", "evidence-in", evidence(SECRET))
    ring.post("sees", "evidence-in", evidence(SECRET))
    (entry,) = ring.books.ledger.entries()
    assert (entry.supplier, entry.carrier, entry.received, entry.notified, entry.receipt) == (
        "sees",
        "has",
        NOW,
        NOW,
        0,
    )
    assert msgspec.json.decode(entry.log_items)["source"] == SECRET
    ring.clock[0] += 5000
    assert len(ring.objects("has", "evidence")) == 1
    ring.clock[0] += 5000
    ring.objects("has", "evidence")
    assert ring.books.ledger.entries()[0].receipt == NOW + 5000
    shown = ring.ask("has", "GET", "/me/ledger.json").json["ledger"]
    assert [(one["supplier"], one["receipt"]) for one in shown] == [("", NOW + 5000)]
    ring.clock[0] += 31 * DAY
    retired_items(ring.books)
    assert ring.books.ledger.entries()[0].log_items == ""
    assert ring.objects("has", "evidence") == []
    ring.clock[0] = NOW + 5 * 365 * DAY
    assert retired_items(ring.books) == (0, 0)
    ring.clock[0] = NOW + 5 * 366 * DAY
    assert retired_items(ring.books) == (0, 1)


def stix(at: int) -> str:
    from sekisho.model.sharing import rfc3339

    return rfc3339(at * 1000)[:-4] + "Z"


@pytest.mark.parametrize(
    ("part", "more"),
    [
        ("0", {"value": "fe80::1%who-is-it", "type": "ipv6-addr"}),
        ("0", {"value": SECRET, "type": "ipv6-addr"}),
        ("2", {"src_byte_count": "called 03-1234-5678"}),
        ("2", {"src_packets": [SECRET]}),
        ("2", {"src_packets": True}),
        ("2", {"start": "yesterday"}),
    ],
)
def test_14_every_field_of_the_evidence_is_of_its_kind(ring: Ring, part: str, more: dict[str, Any]) -> None:
    ring.join("sees", "full", "198.51.100.0/24").join(
        "has", "receive-only", "203.0.113.0/24", "2001:db8::/32"
    )
    one = evidence(SECRET)
    one["objects"][part] |= more
    assert ring.post("sees", "evidence-in", one)["failure_count"] == 1


def test_14_the_letter_is_made_of_what_was_understood(ring: Ring) -> None:
    ring.join("sees", "full", "198.51.100.0/24").join("has", "receive-only", "203.0.113.0/24")
    one = evidence(SECRET)
    counts = {
        "src_packets": 7,
        "src_byte_count": 420,
        "start": one["first_observed"],
        "end": one["last_observed"],
    }
    one["objects"]["2"] |= counts
    traffic = one["objects"]["2"] | {"src_ref": "note-to-you", "dst_ref": "b"}
    renamed = {"note-to-you": one["objects"]["0"], "b": one["objects"]["1"], "c": traffic}
    ring.post("sees", "evidence-in", one | {"objects": renamed})
    (got,) = ring.objects("has", "evidence")
    assert got["objects"] == one["objects"]
    assert got["first_observed"] == one["first_observed"]


def test_14_the_ledger_is_for_who_may_read_evidence_and_writes_its_receipt(ring: Ring) -> None:
    ring.join("sees", "full", "198.51.100.0/24").join("has", "receive-only", "203.0.113.0/24")
    ring.post("sees", "evidence-in", evidence(SECRET))
    ring.clock[0] += 5000
    assert len(ring.ask("has", "GET", "/me/ledger.json").json["ledger"]) == 1
    assert ring.books.ledger.entries()[0].receipt == NOW + 5000
    grant(ring.books, Right("has", ring.ids["evidence"], False, False, Tlp.RED), "op")
    assert ring.ask("has", "GET", "/me/ledger.json").status == 403


def test_14_what_cannot_be_or_is_not_the_suppliers_own_is_not_delivered(ring: Ring) -> None:
    ring.join("sees", "full", "198.51.100.0/24").join("other", "full", "192.0.2.0/24")
    ring.join("has", "receive-only", "203.0.113.0/24")
    foreign = [evidence(SECRET, number=number) for number in (1, 2)]
    foreign[0]["objects"]["1"] = {"type": "ipv4-addr", "value": "192.0.2.9"}  # another member's
    foreign[1]["objects"]["1"] = {"type": "ipv4-addr", "value": "8.8.8.8"}  # nobody's
    later = [evidence(SECRET, number=3, moment=stix(NOW + 2 * DAY // 24)), evidence(SECRET, number=4)]
    later[1]["last_observed"] = stix(NOW + 365 * DAY)
    backwards = evidence(SECRET, number=5) | {"first_observed": stix(NOW), "last_observed": stix(NOW - 1000)}
    told = ring.post("sees", "evidence-in", *foreign, *later, backwards)
    assert (told["success_count"], told["failure_count"]) == (0, 5)
    assert ring.objects("has", "evidence") == []
    assert ring.books.ledger.entries() == ()


def test_14_one_entry_of_a_log_is_delivered_once_whatever_it_is_called(ring: Ring) -> None:
    ring.join("sees", "full", "198.51.100.0/24").join("has", "receive-only", "203.0.113.0/24")
    for start in (1, 4):
        told = ring.post("sees", "evidence-in", *(evidence(SECRET, number=start + more) for more in range(3)))
        assert told["success_count"] == 3
    assert len(ring.objects("has", "evidence")) == len(ring.books.ledger.entries()) == 1


def test_14_what_tells_of_two_holders_goes_to_neither(ring: Ring) -> None:
    ring.join("sees", "full", "198.51.100.0/24").join("old").join("new")
    moved = NOW - DAY
    hold(ring.books, "old", "203.0.113.0/24", 1, moved, "op")
    hold(ring.books, "new", "203.0.113.0/24", moved, 0, "op")
    ring.books.forget()
    one = evidence(SECRET, moment=stix(moved - 60_000)) | {"last_observed": stix(moved + 60_000)}
    two = evidence(SECRET, number=2, moment=stix(moved - 60_000))
    two["objects"]["2"]["end"] = stix(moved + 60_000)
    assert ring.post("sees", "evidence-in", one, two)["failure_count"] == 2
    assert ring.objects("old", "evidence") == ring.objects("new", "evidence") == []


def test_14_the_file_is_written_anew_when_only_what_was_sent_goes(ring: Ring) -> None:
    ring.join("sees", "full", "198.51.100.0/24").join("has", "receive-only", "203.0.113.0/24")
    ring.post("sees", "evidence-in", evidence(SECRET))
    ring.clock[0] += 10 * DAY
    ring.post("sees", "evidence-in", evidence(SECRET, number=2))  # the same entry: it is no second delivery

    def times_written() -> int:
        with closing(sqlite3.connect(ring.desk.folder / "hub.db")) as raw:
            return int(raw.execute("PRAGMA schema_version").fetchone()[0])

    seen = []
    for days in (31, 41, 51):
        ring.clock[0] = NOW + days * DAY
        before = times_written()
        upkeep(ring.desk, b"x", whole=True)
        seen.append(times_written() - before)
    assert seen == [1, 1, 0]
