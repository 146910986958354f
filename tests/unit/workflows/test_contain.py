"""Proposals from a case: what is recorded, whom a rule would touch, who may say what, and what a text needs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.containing import HOUR, NOW, ON_RECORD, REMOTE, hole
from fakes.records import PlainTables
from fakes.watched import START, MemoryTables, flow
from sekisho.catalogues.popular_services import popular_services
from sekisho.errors import AuthorisationError, DescriptionError, PurposeError
from sekisho.formats.endpoint_text import endpoint
from sekisho.language import Text
from sekisho.model.assignment import Answer, Assignment, Outcome
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.containment import (
    ANY,
    TCP,
    UDP,
    Containing,
    Endpoint,
    Kind,
    Match,
    Proposal,
    Scope,
    Status,
)
from sekisho.model.containment_numbers import EACH, RANGES, first_number
from sekisho.model.detection import Grade, Window
from sekisho.model.identity import Identified, Naming, Person, Role
from sekisho.model.tables import RECEIVES
from sekisho.ports.flows import Damage
from sekisho.stores.database import SqlAudit, SqlCases, open_sqlite
from sekisho.workflows.contain import (
    Parts,
    Wanted,
    known_cases,
    propose,
    ready,
    say_applied,
    say_undone,
    standing,
    standings,
)
from sekisho.workflows.contain.numbering import chosen, held

ANALYST, SENDER, NOBODY = Person("解析", Role.ANALYST), Person("関守", Role.SENDER), Person("通行人")
LINE = 7
FLOWS = [
    flow(LINE, "203.0.113.7", 4444, at=0),
    flow(LINE, "203.0.113.7", 4444, at=10),
    flow(8, "203.0.113.7", 4444, at=20, octets=100),
    flow(8, "203.0.113.7", 80, at=21, octets=1000),
    flow(9, "203.0.113.7", 4444, at=22, protocol=17),
    flow(10, "203.0.113.8", 4444, at=23),
    flow(11, "2001:db8:9::7", 23, at=24, octets=7),
    flow(12, "203.0.113.99", 50_000, at=25, side=RECEIVES, own_port=37_215, octets=11),
    flow(LINE, "203.0.113.99", 50_000, at=26, side=RECEIVES, own_port=37_215),
    flow(13, "203.0.113.7", 4444, at=27, side=RECEIVES),
]  # fmt: skip


class World:
    """A database with one case, some flows, and settings that tests change."""

    def __init__(self, folder: Path, tables: Any) -> None:
        self.database = open_sqlite(folder / "cases.db")
        self.cases, self.audit = SqlCases(self.database), SqlAudit(self.database)
        self.tables, self.settings, self.now = tables, ON_RECORD, START + HOUR
        adds = [
            {"id": "d1", "method": "known_cc", "remotes": ["203.0.113.7:4444/tcp"]},
            {"id": "d2", "method": "known_cc", "remotes": ["203.0.113.200:1/tcp"]},
            {"id": "d3", "method": "outbound_scan", "remotes": ["203.0.113.201:23/tcp"]},
        ]
        case = Case(
            "case-1", LINE, "family:mirai", CaseState.CONFIRMED, Grade.CONFIRMED, NOW, NOW, NOW - HOUR, NOW
        )
        self.cases.save(
            case,
            [
                CaseEvent("case-1", 1, NOW, "watch", "opened", {"adds": adds}),
                CaseEvent("case-1", 2, NOW, "watch", "detection", {"drops": ["d2"]}),
            ],
        )

    @property
    def parts(self) -> Parts:
        return Parts(
            self.cases, self.audit, lambda window, _purpose: self.tables(window), self.settings,
            ("198.51.100.0/24",), popular_services(), lambda: self.now,
        )  # fmt: skip

    def propose(
        self, kind: Kind = Kind.NFTABLES, match: Match | None = None, person: Person = ANALYST, **more: Any
    ) -> Proposal:
        wanted = Wanted(
            "case-1", kind, match or Match(), more.pop("hours", 24), more.pop("reason", "C&C"), **more
        )
        return propose(wanted, person, self.parts)

    def acts(self) -> list[tuple[str, Any]]:
        return [(one.act, one.details.get("why", one.object)) for one in self.audit.entries()]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path, lambda window: MemoryTables(FLOWS, window))
    yield found
    found.database.close()


def test_the_endpoints_of_the_case_are_taken(world: World) -> None:
    found = world.propose()
    assert found.match.remotes == (REMOTE,)
    assert found.expires - found.made == 24 * HOUR
    assert "not-seen" not in found.warnings
    assert [(one.proposal, one.status) for one in standings("case-1", world.parts)] == [
        (found, Status.PROPOSED)
    ]
    assert world.acts() == [("propose-rule", found.id)]
    assert known_cases(world.audit) == ("case-1",)
    assert world.cases.case("case-1").state is CaseState.CONFIRMED  # type: ignore[union-attr]


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
@pytest.mark.parametrize(
    ("match", "kind", "touched"),
    [
        (Match(remotes=(REMOTE,)), Kind.NFTABLES, (1, 1, 100, 2)),
        (Match(remotes=(REMOTE,)), Kind.RTBH, (2, 3, 1160, 2)),
        (Match(remotes=(Endpoint("203.0.113.7"),)), Kind.NFTABLES, (2, 3, 1160, 2)),
        (Match(remotes=(Endpoint("203.0.113.7", 4444, UDP),)), Kind.NFTABLES, (1, 1, 60, 0)),
        (Match(remotes=(REMOTE, Endpoint("2001:db8:9::7", 23, TCP))), Kind.FLOWSPEC, (2, 2, 107, 2)),
        (Match(Scope.LINE, remotes=(REMOTE,)), Kind.NFTABLES, (0, 0, 0, 2)),
        (Match(Scope.CUSTOMERS, hole=hole()), Kind.NFTABLES, (1, 1, 11, 1)),
        (Match(hole=hole()), Kind.SURICATA, (1, 1, 11, 1)),
        (Match(Scope.LINE), Kind.COA, (0, 0, 0, 3)),
    ],
)  # fmt: skip
def test_whom_it_would_have_touched(
    world: World, engine: str, match: Match, kind: Kind, touched: tuple[int, ...]
) -> None:
    if engine == "sqlite":
        world.tables = lambda window: PlainTables(window, lambda: FLOWS)
    said = world.propose(kind, match)
    found = said.radius
    assert found.measured
    assert (found.lines, found.flows, found.octets, found.own_flows) == touched
    assert (found.watched, found.sampling) == (7, 1)
    assert ("own-untouched" in said.warnings) == (touched[3] == 0)
    assert ("touches-others" in said.warnings) == (touched[0] > 0 and match.scope is not Scope.LINE)


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
def test_counters_that_lie_do_not_end_the_question(world: World, engine: str) -> None:
    rows = [*FLOWS, *(flow(8, "203.0.113.7", 4444, at=30 + n, octets=2**63 - 1) for n in range(3))]
    world.tables = lambda window: (
        PlainTables(window, lambda: rows) if engine == "sqlite" else MemoryTables(rows, window)
    )
    assert world.propose().radius.octets == 4 * 10**18


def test_what_nobody_can_tell_is_not_nobody(world: World) -> None:
    world.tables = lambda _window: None
    found = world.propose()
    assert (found.radius.measured, found.radius.note) == (False, "no-flows")
    assert "radius-unknown" in found.warnings
    world.tables = lambda window: MemoryTables([], window)
    assert world.propose(hours=2).radius.note == "no-flows"
    world.tables = lambda window: MemoryTables(FLOWS, window)
    assert world.propose(Kind.RPZ, Match(names=("cc.example.com",))).radius.note == "not-in-flows"


@pytest.mark.parametrize(("rows", "measured"), [(FLOWS, True), ([], False)])
def test_what_was_left_out_as_damaged_is_said(
    world: World, rows: list[dict[str, Any]], measured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PlainTables, "damaged", lambda _self: (Damage("flow/x.journal", None),))
    world.tables = lambda window: PlainTables(window, lambda: rows)
    found = world.propose().radius
    assert (found.measured, found.note) == (measured, "damaged")


def test_a_sample_is_said(world: World) -> None:
    world.tables = lambda window: MemoryTables([*FLOWS, flow(8, "203.0.113.50", 1, sampling=1000)], window)
    found = world.propose()
    assert found.radius.sampling == 1000
    assert "sampled" in found.warnings
    world.tables = lambda window: MemoryTables([*FLOWS, flow(8, "203.0.113.50", 1, sampling=0)], window)
    assert world.propose(hours=2).radius.sampling == 0


def test_flows_outside_the_days_don_t_count(world: World) -> None:
    world.now = START + 24 * HOUR + 21_500
    assert world.propose(days=1).radius.flows == 0  # line 8 at 20 s is too old by then
    assert world.propose(days=2).radius.flows == 1


def test_a_label_that_forbids_it_refuses(world: World) -> None:
    def refuse(_window: Window) -> None:
        raise PurposeError(Text(ja="目的外", en="not for that"))

    world.tables = refuse
    with pytest.raises(PurposeError):
        world.propose()
    assert standings("case-1", world.parts) == ()


def test_refusals_are_in_the_log_and_nothing_is_recorded(world: World) -> None:
    for why, more in {
        "role": {"person": NOBODY},
        "reason": {"reason": " "},
        "expiry": {"hours": 1000},
        "popular-service": {"match": Match(remotes=(Endpoint("8.8.8.8", 53, UDP),))},
        "own-network": {"match": Match(remotes=(Endpoint("198.51.100.1"),))},
        "rpz-off": {"kind": Kind.RPZ, "match": Match(names=("cc.example.com",)), "settings": Containing()},
    }.items():
        world.settings = more.pop("settings", ON_RECORD)
        with pytest.raises(AuthorisationError):
            world.propose(**more)
        assert world.acts()[-1] == ("refused", why)
    assert standings("case-1", world.parts) == ()
    assert world.audit.verify().whole


def test_an_endpoint_that_many_lines_use_is_refused(world: World) -> None:
    world.tables = lambda window: MemoryTables(
        [flow(100 + n, "203.0.113.7", 4444) for n in range(20)], window
    )
    with pytest.raises(AuthorisationError):
        world.propose()
    assert world.acts()[-1] == ("refused", "popular-here")


def test_a_closed_case_and_one_that_isn_t_there(world: World) -> None:
    case = world.cases.case("case-1")
    world.cases.save(msgspec.structs.replace(case, state=CaseState.HEALED), [])
    with pytest.raises(AuthorisationError):
        world.propose()
    with pytest.raises(DescriptionError):
        propose(Wanted("case-2", Kind.RTBH, Match(), 1, "x"), ANALYST, world.parts)


def test_a_person_says_applied_and_undone(world: World) -> None:
    rule = world.propose().id
    with pytest.raises(AuthorisationError):
        say_applied("case-1", rule, ANALYST, world.parts, "loaded")
    with pytest.raises(AuthorisationError):
        say_undone("case-1", rule, SENDER, world.parts, "not applied yet")
    assert say_applied("case-1", rule, SENDER, world.parts, "loaded on r1").status is Status.APPLIED
    with pytest.raises(AuthorisationError):
        say_applied("case-1", rule, SENDER, world.parts, "twice")
    done = say_undone("case-1", rule, SENDER, world.parts, "healed")
    assert (done.status, done.who) == (Status.UNDONE, "関守")
    assert world.acts() == [
        ("propose-rule", rule), ("refused", "role"), ("refused", "status"), ("apply-rule", rule), ("refused", "status"), ("undo-rule", rule)
    ]  # fmt: skip
    entry = world.audit.entries()[3]
    assert (entry.who, entry.role, entry.reason) == ("関守", "sender", "loaded on r1")


def test_time_passes(world: World) -> None:
    first, second = world.propose(hours=1).id, world.propose(hours=2).id
    say_applied("case-1", first, SENDER, world.parts, "loaded")
    world.now += HOUR
    assert [one.status for one in standings("case-1", world.parts)] == [Status.OVERDUE, Status.PROPOSED]
    world.now += HOUR
    assert standing("case-1", second, world.parts).status is Status.LAPSED
    with pytest.raises(AuthorisationError):
        say_applied("case-1", second, SENDER, world.parts, "late")
    with pytest.raises(AuthorisationError):
        ready("case-1", second, SENDER, world.parts)
    assert ready("case-1", first, SENDER, world.parts).seconds == 1  # its undo is still to be had
    assert say_undone("case-1", first, SENDER, world.parts, "expired").status is Status.UNDONE


def test_a_ground_that_is_withdrawn_stops_a_proposal(world: World) -> None:
    rule = world.propose(Kind.RPZ, Match(names=("cc.example.com",))).id
    assert ready("case-1", rule, ANALYST, world.parts).proposal.needs["clause"] == "約款第30条"
    world.settings = msgspec.structs.replace(ON_RECORD, rpz=msgspec.structs.replace(ON_RECORD.rpz, clause=""))
    for act in (
        lambda: ready("case-1", rule, ANALYST, world.parts),
        lambda: say_applied("case-1", rule, SENDER, world.parts, "x"),
    ):
        with pytest.raises(AuthorisationError):
            act()
    assert world.acts()[-2:] == [("refused", "rpz-off")] * 2


@pytest.mark.parametrize("kind", [Kind.MODSECURITY, Kind.SURICATA])
def test_two_rules_never_hold_one_number(world: World, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RANGES, kind, (10_000, 10_000 + 3 * EACH - 1))  # three proposals fit
    names = [world.propose(kind, Match(hole=hole()), hours=1).id for _ in range(3)]
    numbers = {first_number(kind, one) for one in names}
    assert numbers == {10_000, 10_010, 10_020}
    with pytest.raises(AuthorisationError):
        world.propose(kind, Match(hole=hole()), hours=1)
    assert world.acts()[-1] == ("refused", "numbers")
    # What was taken back, or ran out without having been applied, gives its number free; what is overdue doesn't.
    say_applied("case-1", names[0], SENDER, world.parts, "loaded")
    say_applied("case-1", names[1], SENDER, world.parts, "loaded")
    say_undone("case-1", names[0], SENDER, world.parts, "healed")
    again = world.propose(kind, Match(hole=hole()), hours=1).id
    assert first_number(kind, again) == first_number(kind, names[0])
    world.now += HOUR
    late = {first_number(kind, world.propose(kind, Match(hole=hole()), hours=1).id) for _ in range(2)}
    assert first_number(kind, names[1]) not in late
    assert len(late) == 2


def test_numbers_that_were_never_held_come_first(world: World) -> None:
    first = world.propose(Kind.SURICATA, Match(hole=hole()), hours=1).id
    number = first_number(Kind.SURICATA, first)
    say_applied("case-1", first, SENDER, world.parts, "loaded")
    say_undone("case-1", first, SENDER, world.parts, "healed")
    known = held(Kind.SURICATA, world.audit, world.now)
    assert (known.live, known.ever) == ({}, {number})
    assert chosen(Kind.SURICATA, known, lambda draw: f"r-{draw}" if draw else first) == "r-1"
    assert held(Kind.NFTABLES, world.audit, world.now) == held(Kind.RPZ, world.audit, world.now)


def test_a_double_number_from_before_is_refused_when_its_text_is_wanted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (world.propose(Kind.SURICATA, Match(hole=hole()), hours=1).id for _ in range(2))
    monkeypatch.setitem(RANGES, Kind.SURICATA, (10_000, 10_000 + EACH - 1))  # both draw the same now
    assert ready("case-1", first, ANALYST, world.parts)
    with pytest.raises(AuthorisationError):
        ready("case-1", second, ANALYST, world.parts)
    assert world.acts()[-1] == ("refused", "numbers")


def identified(
    outcome: Naming = Naming.FOUND, *, last_port: int = 65_535, case: str = "case-1"
) -> Identified:
    held = Assignment("u@isp.example", "198.51.100.5/32", NOW - HOUR, port_end=last_port)
    answers = (Answer(Outcome.FOUND, "u@isp.example", (held,)),)
    return Identified(outcome, 1, case, "u@isp.example", "198.51.100.5", None, (), answers)


def test_a_line_s_text_needs_who_it_is(world: World) -> None:
    rule = world.propose(match=Match(Scope.LINE)).id
    found = ready("case-1", rule, SENDER, world.parts, identified())
    assert (found.lines, found.user) == (("198.51.100.5",), "u@isp.example")
    for why, more in {
        "not-identified": None,
        "shared-address": identified(last_port=2047),
    }.items():
        with pytest.raises(AuthorisationError):
            ready("case-1", rule, SENDER, world.parts, more)
        assert world.acts()[-1] == ("refused", why)
    for other in (identified(Naming.OPTED_OUT), identified(case="case-2")):
        with pytest.raises(AuthorisationError):
            ready("case-1", rule, SENDER, world.parts, other)
    with pytest.raises(AuthorisationError):
        ready("case-1", rule, ANALYST, world.parts, identified())
    kept = b"".join(
        msgspec.json.encode(one) for one in (*world.cases.events("case-1"), *world.audit.entries())
    )
    assert b"198.51.100.5" not in kept
    assert b"u@isp.example" not in kept


def test_customers_are_the_operator_s_prefixes(world: World) -> None:
    rule = world.propose(match=Match(Scope.CUSTOMERS, hole=hole())).id
    assert ready("case-1", rule, ANALYST, world.parts).lines == ("198.51.100.0/24",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("203.0.113.7:23/tcp", Endpoint("203.0.113.7/32", 23, TCP)),
        ("203.0.113.7:53/UDP", Endpoint("203.0.113.7/32", 53, UDP)),
        ("[2001:db8::7]:23/tcp", Endpoint("2001:db8::7/128", 23, TCP)),
        ("2001:db8::7:23/tcp", Endpoint("2001:db8::7/128", 23, TCP)),
        ("203.0.113.7", Endpoint("203.0.113.7/32", ANY, ANY)),
        ("203.0.113.0/28", Endpoint("203.0.113.0/28", ANY, ANY)),
        ("2001:db8::/64", Endpoint("2001:db8::/64", ANY, ANY)),
        ("203.0.113.7:0/47", Endpoint("203.0.113.7/32", 0, 47)),
    ],
)
def test_endpoints_are_read(text: str, found: Endpoint) -> None:
    assert endpoint(text) == found


@pytest.mark.parametrize("text", ["", "x:1/tcp", "203.0.113.7:99999/tcp", "203.0.113.7:1/xyz", "203.0.113.7/33", "fe80::1%eth0", "1.2.3.4:１/tcp"])  # fmt: skip
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(DescriptionError):
        endpoint(text)


def test_the_test_s_own_days() -> None:
    assert date.fromisoformat(ON_RECORD.rpz.review) > date(2026, 11, 21)
