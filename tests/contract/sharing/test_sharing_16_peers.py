"""Two hubs and more: nothing goes above its marking, comes back, counts twice, or outlives its withdrawal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from fakes.sharing import DAY, Ring, grant, indicator, opened_ring
from sekisho.errors import DescriptionError
from sekisho.exchange.taxii_client import Bounds
from sekisho.formats.stix_marking import WRITTEN
from sekisho.model.corroboration import IndicatorState
from sekisho.model.federation import Peer
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Member, MemberRole, MemberState, Right
from sekisho.model.sharing import Lane
from sekisho.wiring.peering import pull_peer
from sekisho.workflows.hub import add_peer, make_token, peering, publish, remove_peer, sweep
from sekisho.workflows.hub.offering import ORIGINS
from sekisho.workflows.hub.peering import book_failures, book_list, peer_named

BOTH = ("list", "failure")


@contextlib.contextmanager
def hubs(folder: Path, *names: str) -> Iterator[dict[str, Ring]]:
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(opened_ring(folder / name)) for name in names}


def befriend(here: Ring, name: str, folder: Path, url: str = "", token: str = "", **more: Any) -> None:
    """Let a hub take another one as a peer; it gives and takes both lanes unless told otherwise."""
    file = folder / f"{name}-{id(here)}.token"
    if token:
        file.write_text(token + "\n")
        file.chmod(0o600)
    member = Member(
        name, f"連携先{name}", f"Hub {name}", MemberRole.PARTNER, MemberState.ACTIVE, name, here.clock[0]
    )
    terms = Peer(
        name, url, str(file) if token else "", "", more.get("take", BOTH) if url else (), more.get("forward", ()),
        more.get("taken", Tlp.AMBER), more.get("identity", ""), here.clock[0],
    )  # fmt: skip
    given = more.get("given", Tlp.GREEN)
    add_peer(here.books, member, terms, {Lane(one): given for one in more.get("give", BOTH)}, "op")
    if name not in here.tokens:
        here.tokens[name] = make_token(here.books, name, "peer", 300, "op")
    here.books.forget()


def confirmed(ring: Ring, address: str, number: int, tlp: Tlp = Tlp.GREEN) -> None:
    """Two own members see an address."""
    for at, name in enumerate("ab"):
        if name not in ring.tokens:
            ring.join(name)
        ring.post(name, "list-in", indicator(address, number=number * 10 + at, tlp=tlp))
    publish(ring.books, b"x")


def told(ring: Ring, partner: str) -> dict[str, Any]:
    publish(ring.books, b"x")
    return {one["pattern"]: one for one in ring.objects(partner, "list") if one["type"] == "indicator"}


def values(found: dict[str, Any], *, alive: bool = True) -> set[str]:
    return {pattern.split("'")[3] for pattern, one in found.items() if not (alive and one.get("revoked"))}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Ring, Ring]]:
    """Two hubs that are peers; each is served on loopback and takes what the other gives."""
    with hubs(tmp_path, "jp", "de") as both:
        jp, de = both["jp"], both["de"]
        befriend(jp, "de", tmp_path)
        befriend(de, "jp", tmp_path)
        with jp.served() as at_jp, de.served() as at_de:
            befriend(jp, "de", tmp_path, at_de, de.tokens["jp"])
            befriend(de, "jp", tmp_path, at_jp, jp.tokens["de"])
            yield jp, de


def exchange(jp: Ring, de: Ring) -> None:
    for here, name in ((jp, "de"), (de, "jp")):
        publish(jp.books, b"x")
        publish(de.books, b"x")
        for pulled in pull_peer(here.desk, name):
            assert pulled.reason == "", pulled


def test_what_one_confirms_is_one_voice_at_the_other(pair: tuple[Ring, Ring]) -> None:
    jp, de = pair
    confirmed(jp, "198.51.100.7", 1)
    exchange(jp, de)
    there = de.standing("198.51.100.7")
    assert (there.state, there.voices) == (IndicatorState.CANDIDATE, 1)
    (report,) = de.books.reports.reports([there.key])
    assert (report.member, report.evidence, report.tlp) == ("jp", "partner", Tlp.GREEN)
    de.join("c")
    de.post("c", "list-in", indicator(number=99, tlp=Tlp.GREEN))
    assert de.standing("198.51.100.7").state is IndicatorState.CONFIRMED
    assert "198.51.100.7" in values(de.published("c"))


def test_what_was_booked_but_not_weighed_when_the_reader_died_is_weighed_by_the_next_one(
    pair: tuple[Ring, Ring], monkeypatch: pytest.MonkeyPatch
) -> None:
    jp, de = pair
    confirmed(jp, "198.51.100.7", 1)

    def died(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as at_the_worst_moment:
        at_the_worst_moment.setattr(peering, "settle", died)
        with pytest.raises(KeyboardInterrupt):
            pull_peer(de.desk, "jp")
    assert de.books.foreign.count("jp") == 1
    (again,) = [one for one in pull_peer(de.desk, "jp") if one.lane == "list"]
    assert again.counts == {"same": 1}
    assert de.standing("198.51.100.7").state is IndicatorState.CANDIDATE


def test_nothing_comes_back_and_no_copy_of_ones_own_voice_confirms_it(pair: tuple[Ring, Ring]) -> None:
    jp, de = pair
    confirmed(jp, "198.51.100.7", 1)
    before = jp.standing("198.51.100.7")
    for _ in range(3):
        exchange(jp, de)
    assert values(told(de, "jp")) == set()  # one voice alone, and that one is jp's
    after = jp.standing("198.51.100.7")
    assert (after.voices, after.score) == (before.voices, before.score)
    assert [one.member for one in jp.books.reports.reports([after.key])] == ["a", "b"]
    # With a voice of its own jp hears of it; each says what its own members say.
    confirmed(de, "198.51.100.7", 2)
    exchange(jp, de)
    assert jp.standing("198.51.100.7").voices == 3
    one = next(iter(told(de, "jp").values()))
    assert one["extensions"][ORIGINS]["origins"] == [de.books.identity]
    (row,) = jp.books.foreign.about([after.key])
    assert (row.peer, row.origins) == ("de", (de.books.identity,))


def test_nothing_above_the_ceiling_leaves_nor_is_taken(pair: tuple[Ring, Ring]) -> None:
    jp, de = pair
    for number, level in enumerate((Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT)):
        confirmed(jp, f"198.51.100.{10 + number}", number + 1, level)
    publish(jp.books, b"x")
    for path in (("objects",), ("manifest",)):
        got = jp.ask("de", "GET", jp.at("list", *path)).body.decode()
        assert ("198.51.100.12" in got, "198.51.100.13" in got) == (False, False)
    assert values(told(jp, "de")) == {"198.51.100.10", "198.51.100.11"}
    exchange(jp, de)
    assert {one.value for one in de.books.reports.of("jp")} == {"198.51.100.10/32", "198.51.100.11/32"}
    # A peer that sends more than was agreed is refused object by object.
    peer = msgspec.structs.replace(peer_named(de.books, "jp"), ceiling=Tlp.CLEAR)
    objects = list(told(jp, "de").values())
    de.clock[0] += 1000
    counts = book_list(de.books, peer, objects).counts
    assert sum(count for kind, count in counts.items() if "TLP:GREEN" in kind) == 1


def test_feeds_and_own_pages_are_not_for_hubs(pair: tuple[Ring, Ring]) -> None:
    jp, _ = pair
    confirmed(jp, "198.51.100.7", 1)
    for path in ("/feed/watch.txt", "/feed/misp/manifest.json", "/me/reports.json", "/me/counts.json"):
        assert jp.ask("de", "GET", path).status == 404
    for alias in ("list-in", "evidence-in", "evidence"):
        assert jp.ask("de", "GET", jp.at(alias, "objects")).status in {403, 404}


def test_withdrawn_there_is_withdrawn_here(pair: tuple[Ring, Ring]) -> None:
    jp, de = pair
    confirmed(jp, "198.51.100.7", 1)
    exchange(jp, de)
    assert [one.member for one in de.books.reports.of("jp")] == ["jp"]
    for at, name in enumerate("ab"):
        jp.post(
            name,
            "list-in",
            indicator(number=10 + at, tlp=Tlp.GREEN, modified="2026-11-18T11:00:00.000Z", revoked=True),
        )
    jp.clock[0] += 60_000
    de.clock[0] += 60_000
    exchange(jp, de)
    assert de.books.reports.of("jp") == ()
    assert all(not one.alive for one in de.books.foreign.about(["cc|address|198.51.100.7/32|23|0"]))


def test_a_peer_that_is_removed_counts_no_more(pair: tuple[Ring, Ring]) -> None:
    jp, de = pair
    confirmed(jp, "198.51.100.7", 1)
    exchange(jp, de)
    de.join("c")
    de.post("c", "list-in", indicator(number=99, tlp=Tlp.GREEN))
    assert de.standing("198.51.100.7").state is IndicatorState.CONFIRMED
    remove_peer(de.books, "jp", "op", "ended")
    assert de.standing("198.51.100.7").state is IndicatorState.CANDIDATE
    assert de.ask("jp", "GET", "/taxii2/").status == 401
    assert (de.books.foreign.count("jp"), de.books.peers.positions("jp"), de.books.peers.peers()) == (
        0,
        (),
        (),
    )
    with pytest.raises(DescriptionError):
        remove_peer(de.books, "jp", "op", "again")
    assert {"peer", "remove-peer"} <= {one.act for one in de.books.audit.entries()}


def test_reading_goes_on_where_it_ended_and_twice_changes_nothing(pair: tuple[Ring, Ring]) -> None:
    jp, de = pair
    for number in range(7):
        confirmed(jp, f"198.51.100.{number + 1}", number + 1)
    exchange(jp, de)
    at = {one.lane: one for one in de.books.peers.positions("jp")}
    assert at["list"].added
    (listed, _) = pull_peer(de.desk, "jp")
    assert listed.counts == {}

    def standings() -> Any:
        return de.books.reports.standings(de.books.reports.keys())

    before = (standings(), de.books.reports.of("jp"))
    # Killed between a page and its position: the page comes once more.
    for one in at.values():
        de.books.peers.reach(msgspec.structs.replace(one, added=""))
    (again, _) = pull_peer(de.desk, "jp", Bounds(page_objects=2))
    assert (again.counts, again.pages) == ({"same": 7}, 4)
    assert (standings(), de.books.reports.of("jp")) == before
    entries = [one for one in de.books.audit.entries() if one.act == "pull-peer"]
    assert len(entries) == 1


INCIDENT = {
    "type": "incident", "spec_version": "2.1", "created": "2026-11-18T10:00:00.000Z",
    "modified": "2026-11-18T10:00:00.000Z", "name": "回線断", "object_marking_refs": [WRITTEN[Tlp.GREEN]],
}  # fmt: skip


def incident(number: int, **more: Any) -> dict[str, Any]:
    return {**INCIDENT, "id": f"incident--{UUID(int=number, version=4)}", **more}


def test_failures_pass_but_not_back(pair: tuple[Ring, Ring]) -> None:
    jp, de = pair
    jp.join("a")
    de.join("c")
    secret = incident(2, object_marking_refs=[WRITTEN[Tlp.AMBER]])
    jp.post("a", "failure", incident(1), secret)
    exchange(jp, de)
    assert [one["id"] for one in de.objects("c", "failure")] == [incident(1)["id"]]
    assert de.objects("jp", "failure") == []
    path = de.at("failure", "objects", incident(1)["id"])
    assert (de.ask("jp", "GET", path).status, de.ask("c", "GET", path).status) == (404, 200)
    assert [one["id"] for one in jp.objects("de", "failure")] == [incident(1)["id"]]
    # An id is its first owner's: sent back all the same, it changes nothing.
    jp.clock[0] += DAY
    forged = incident(1, modified="2026-11-18T12:00:00.000Z", name="偽")
    assert book_failures(jp.books, peer_named(jp.books, "de"), [forged]).counts == {"own": 1}
    assert [one["name"] for one in jp.objects("a", "failure") if one["id"] == forged["id"]] == ["回線断"]


def test_a_failure_that_a_peer_marks_more_strictly_takes_its_earlier_versions_along(
    pair: tuple[Ring, Ring],
) -> None:
    jp, _ = pair
    jp.join("low")
    peer = peer_named(jp.books, "de")
    grant(jp.books, Right("low", jp.ids["failure"], True, False, Tlp.CLEAR), "op")
    plain = incident(1) | {"object_marking_refs": [WRITTEN[Tlp.CLEAR]]}
    later = plain | {"modified": "2026-11-18T11:00:00.000Z", "object_marking_refs": [WRITTEN[Tlp.GREEN]]}
    seen = []
    for one in (plain, later):
        assert book_failures(jp.books, peer, [one]).counts == {"taken": 1}
        seen.append([held["id"] for held in jp.objects("low", "failure", **{"match[version]": "all"})])
    assert seen == [[plain["id"]], []]


def test_three_in_a_ring_end(tmp_path: Path) -> None:
    """What goes on by policy goes once round at most, and the three hubs settle."""
    with hubs(tmp_path, "x", "y", "z") as ring:
        order = {"x": "z", "y": "x", "z": "y"}  # each takes from the one before
        with contextlib.ExitStack() as stack:
            urls = {name: stack.enter_context(one.served()) for name, one in ring.items()}
            for name, one in ring.items():
                for other in ring:
                    if other != name:
                        befriend(one, other, tmp_path, identity=ring[other].books.identity)
            for name, source in order.items():
                onward = next(other for other, before in order.items() if before == name)
                befriend(
                    ring[name], source, tmp_path, urls[source], ring[source].tokens[name], forward=(onward,),
                    identity=ring[source].books.identity,
                )  # fmt: skip
            confirmed(ring["x"], "198.51.100.7", 1)
            # y has a voice of its own, so that with x's it stands there and goes on to z.
            ring["y"].join("c")
            ring["y"].post("c", "list-in", indicator(number=5, tlp=Tlp.GREEN))
            for _ in range(4):
                for one in ring.values():
                    publish(one.books, b"x")
                for name, source in order.items():
                    assert not any(one.reason for one in pull_peer(ring[name].desk, source))
            z = ring["z"]
            (report,) = z.books.reports.reports([z.standing("198.51.100.7").key])
            assert report.member == "y"
            (row,) = z.books.foreign.about([report.key])
            assert set(row.origins) == {ring["x"].books.identity, ring["y"].books.identity}
            # x hears nothing of its own from z, though z may pass on what y said.
            z.join("d")
            z.post("d", "list-in", indicator(number=6, tlp=Tlp.GREEN))
            sweep(z.books)
            assert values(told(z, "x")) == set()
            pull_peer(ring["x"].desk, "z")
            assert [one.member for one in ring["x"].books.reports.reports([report.key])] == ["a", "b"]


def test_what_came_from_one_goes_to_no_third_without_policy(tmp_path: Path) -> None:
    with hubs(tmp_path, "x", "y") as both, both["x"].served() as at_x:
        x, y = both["x"], both["y"]
        befriend(x, "y", tmp_path)
        befriend(y, "third", tmp_path, identity="identity--7d52f9a3-1f8b-4c76-9f2a-3d4f8a3c0001")
        befriend(y, "x", tmp_path, at_x, x.tokens["y"])
        confirmed(x, "198.51.100.7", 1)
        x.post("a", "failure", incident(1))
        y.join("c")
        y.post("c", "list-in", indicator(number=5, tlp=Tlp.GREEN))
        publish(x.books, b"x")
        pull_peer(y.desk, "x")
        assert "198.51.100.7" in values(y.published("c"))
        assert values(told(y, "third")) == set()
        assert y.objects("third", "failure") == []
        befriend(y, "x", tmp_path, at_x, x.tokens["y"], forward=("third",))
        assert values(told(y, "third")) == {"198.51.100.7"}
        assert [one["id"] for one in y.objects("third", "failure")] == [incident(1)["id"]]
        # The policy ends, and what went on is taken back.
        y.clock[0] += 60_000
        befriend(y, "x", tmp_path, at_x, x.tokens["y"])
        assert values(told(y, "third")) == set()
        assert values(told(y, "third"), alive=False) == {"198.51.100.7"}


def test_two_ways_to_one_hub_are_one_voice(tmp_path: Path) -> None:
    """Two peers that pass on what a third said don't confirm each other."""
    third = "identity--7d52f9a3-1f8b-4c76-9f2a-3d4f8a3c0001"
    with hubs(tmp_path, "x") as one:
        x = one["x"]
        for at, name in enumerate(("p", "q")):
            author = f"identity--7d52f9a3-1f8b-4c76-9f2a-3d4f8a3c001{at}"
            befriend(x, name, tmp_path, identity=author)
            book_list(x.books, peer_named(x.books, name), [foreign(at + 1, author, [author, third])])
        assert x.standing("198.51.100.7").voices == 1
        for at, name in enumerate(("r", "s")):
            author = f"identity--7d52f9a3-1f8b-4c76-9f2a-3d4f8a3c002{at}"
            befriend(x, name, tmp_path, identity=author)
            book_list(x.books, peer_named(x.books, name), [foreign(at + 5, author, [author], "198.51.100.8")])
        assert x.standing("198.51.100.8").voices == 2


def foreign(
    number: int, author: str, origins: list[Any], address: str = "198.51.100.7", **more: Any
) -> dict[str, Any]:
    made = indicator(address, number=number, tlp=Tlp.GREEN)
    extension = {"extension_type": "property-extension", "origins": origins}
    return {**made, "labels": ["mirai", "use:cc", "grade:watch"], "created_by_ref": author,
            "extensions": {ORIGINS: extension}, **more}  # fmt: skip


AUTHOR = "identity--7d52f9a3-1f8b-4c76-9f2a-3d4f8a3c0010"


UNSAID: list[dict[str, Any]] = [
    {"created_by_ref": "identity--7d52f9a3-1f8b-4c76-9f2a-3d4f8a3c0099"},
    {"object_marking_refs": []},
    {"object_marking_refs": [WRITTEN[Tlp.RED]]},
    {"pattern": "[file:name = 'x']"},
    {"labels": ["use:everything"]},
    {"extensions": {ORIGINS: {"origins": ["nonsense"]}}},
    {"extensions": {ORIGINS: {"origins": [AUTHOR] * 17}}},
    {"extensions": {ORIGINS: {"origins": "all"}}},
    {"modified": "yesterday"},
    {"id": "indicator--1"},
]


def test_what_a_peer_may_not_say(tmp_path: Path) -> None:
    with hubs(tmp_path, "x") as one:
        x = one["x"]
        befriend(x, "p", tmp_path, identity=AUTHOR)
        for more in UNSAID:
            counts = book_list(
                x.books, peer_named(x.books, "p"), [{**foreign(1, AUTHOR, [AUTHOR]), **more}]
            ).counts
            assert [kind.partition(":")[0] for kind in counts] == ["refused"], more
        assert x.books.reports.of("p") == ()


def test_what_bears_ones_own_identity_is_dropped(tmp_path: Path) -> None:
    with hubs(tmp_path, "x") as one:
        x = one["x"]
        befriend(x, "p", tmp_path)
        own = [
            foreign(1, AUTHOR, [AUTHOR, x.books.identity]),
            foreign(2, x.books.identity, []),
        ]
        assert book_list(x.books, peer_named(x.books, "p"), own).counts == {"own": 2}
        assert (x.books.reports.of("p"), peer_named(x.books, "p").identity) == ((), "")
        # The first that is taken says who it is, for ever.
        other = AUTHOR[:-1] + "7"
        counts = book_list(
            x.books, peer_named(x.books, "p"), [foreign(3, AUTHOR, []), foreign(4, other, [], "198.51.100.9")]
        ).counts
        assert counts["taken"] == 1
        assert peer_named(x.books, "p").identity == AUTHOR
        assert x.standing("198.51.100.7").voices == 1


def test_no_member_speaks_for_a_hub(ring: Ring) -> None:
    ring.join("a")
    told_of = ring.post("a", "list-in", {**indicator(), "labels": ["evidence:partner"]})
    assert told_of["failure_count"] == 1


def test_terms_that_make_no_sense_are_refused(ring: Ring) -> None:
    member = Member("p", "連携先", "P", MemberRole.PARTNER, MemberState.ACTIVE, "p", 1)
    terms = Peer("p", "https://hub.example/", "/token", "", ("list",), (), Tlp.GREEN, "", 1)
    odd: list[dict[str, Any]] = [
        {"url": "http://192.0.2.1/"}, {"take": ("evidence",)}, {"ceiling": Tlp.RED}, {"token_file": ""},
        {"forward": ("nobody",)}, {"forward": ("p",)},
    ]  # fmt: skip
    for more in odd:
        with pytest.raises(DescriptionError):
            add_peer(ring.books, member, msgspec.structs.replace(terms, **more), {}, "op")
    ring.join("full")
    with pytest.raises(DescriptionError):
        add_peer(ring.books, msgspec.structs.replace(member, id="full"), terms, {}, "op")


def test_a_peer_that_is_away_or_talks_nonsense_is_told_beside_its_position(tmp_path: Path) -> None:
    with hubs(tmp_path, "x", "y") as both:
        x, y = both["x"], both["y"]
        befriend(y, "x", tmp_path)
        with y.served() as url:
            befriend(x, "y", tmp_path, url, "skh_" + "0" * 64)
            assert [one.reason for one in pull_peer(x.desk, "y")] == ["status-401"] * 2
            befriend(x, "y", tmp_path, url, y.tokens["x"], take=("list",))
            assert [one.reason for one in pull_peer(x.desk, "y")] == [""]
        assert [one.reason for one in pull_peer(x.desk, "y")] == ["refused"]
        (at,) = [one for one in x.books.peers.positions("y") if one.lane == "list"]
        assert (at.reason, at.good > 0) == ("refused", True)
        (tmp_path / f"y-{id(x)}.token").chmod(0o644)
        assert [one.reason for one in pull_peer(x.desk, "y")] == ["unreadable"]
