"""What may never be proposed, and who may do what."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from fakes.containing import ON_RECORD, REMOTE, hole
from sekisho.catalogues.popular_services import popular_services
from sekisho.model.containment import (
    TCP,
    Containing,
    Endpoint,
    Kind,
    Match,
    Radius,
    Rpz,
    Scope,
    may_apply,
    may_propose,
)
from sekisho.model.containment_bounds import FAULTS, canonical_name, faults, too_popular
from sekisho.model.identity import Role

TODAY = date(2026, 11, 21)
OWN = ("198.51.100.0/24", "2001:db8:1::/48")


def found(
    kind: Kind = Kind.NFTABLES, match: Match | None = None, hours: float = 24, settings: Containing = ON_RECORD,
    today: date = TODAY,
) -> list[str]:  # fmt: skip
    chosen = match or Match(remotes=(REMOTE,))
    ids = [
        one
        for one, _ in faults(kind, chosen, hours, settings, own=OWN, services=popular_services(), today=today)
    ]
    assert set(ids) <= set(FAULTS)
    return ids


def remote(network: str, port: int = 4444, protocol: int = TCP) -> Match:
    return Match(remotes=(Endpoint(network, port, protocol),))


def test_a_plain_endpoint_may_be_proposed() -> None:
    for kind in (Kind.NFTABLES, Kind.FLOWSPEC, Kind.RTBH, Kind.CISCO, Kind.JUNIPER):
        assert found(kind) == []


@pytest.mark.parametrize("hours", [0, -1, 72.01, 10_000, float("nan"), float("inf")])
def test_every_rule_expires(hours: float) -> None:
    assert found(hours=hours) == ["expiry"]


def test_no_setting_exceeds_the_hard_maximum() -> None:
    loose = msgspec.structs.replace(ON_RECORD, most_hours=1e9, most_line_hours=1e9, shortest4=0, shortest6=0)
    assert found(hours=336, settings=loose) == []
    assert found(hours=336.1, settings=loose) == ["expiry"]
    line = Match(Scope.LINE, remotes=(REMOTE,))
    assert found(hours=72, match=line, settings=loose) == []
    assert found(hours=73, match=line, settings=loose) == ["expiry"]
    assert found(match=remote("203.0.113.0/24"), settings=loose) == []
    assert found(match=remote("203.0.112.0/23"), settings=loose) == ["too-wide"]
    assert found(match=remote("2001:db8:9::/47"), settings=loose) == ["not-a-network"]
    assert found(match=remote("2001:db8:8::/47"), settings=loose) == ["too-wide"]


@pytest.mark.parametrize(
    ("network", "fault"),
    [
        ("203.0.113.0/24", "too-wide"),
        ("8.8.8.8/32", "popular-service"),
        ("198.41.0.4", "popular-service"),
        ("2606:4700:4700::1111", "popular-service"),
        ("::ffff:8.8.8.8", "popular-service"),
        ("198.51.100.9", "own-network"),
        ("2001:db8:1:2::3", "own-network"),
        ("192.168.1.1", "not-remote"),
        ("127.0.0.1", "not-remote"),
        ("224.0.0.1", "not-remote"),
        ("fe80::1", "not-remote"),
        ("192.0.2.1", "protected"),
        ("203.0.113.7/32; drop", "not-a-network"),
        ("", "not-a-network"),
    ],
)
def test_what_is_never_an_endpoint(network: str, fault: str) -> None:
    assert fault in found(match=remote(network))


def test_resolvers_and_infrastructure_of_the_settings_are_protected() -> None:
    guarded = msgspec.structs.replace(ON_RECORD, protected=("203.0.113.0/29",))
    assert found(settings=guarded) == ["protected"]
    assert found(match=remote("203.0.113.9"), settings=guarded) == []


@pytest.mark.parametrize("wrong", [{"protected": ("resolver1",)}, {"managers": ("x",)}, {"protected_names": ("*.com",)}, {"blackhole4": ""}])  # fmt: skip
def test_a_guard_that_can_t_be_read_stops_everything(wrong: dict[str, Any]) -> None:
    assert found(settings=msgspec.structs.replace(ON_RECORD, **wrong)) == ["settings"]


def test_ports_and_shapes() -> None:
    assert found(match=remote("203.0.113.7", 70_000)) == ["port"]
    assert found(match=remote("203.0.113.7", 80, 1)) == ["port"]
    assert found(match=Match()) == ["nothing"]
    assert found(match=Match(remotes=tuple(Endpoint(f"203.0.113.{n}") for n in range(65)))) == ["too-many"]
    assert "scope" in found(Kind.RTBH, Match(Scope.LINE, remotes=(REMOTE,)))
    assert "kind" in found(Kind.RTBH, Match(hole=hole()))
    assert "kind" in found(Kind.SURICATA, Match(remotes=(REMOTE,)))
    assert "scope" in found(Kind.NFTABLES, Match(hole=hole()))
    assert found(Kind.NFTABLES, Match(Scope.CUSTOMERS, hole=hole())) == []
    assert found(Kind.MODSECURITY, Match(hole=hole("netis-53413"))) == ["no-path"]


def test_dns_is_off_until_everything_is_on_record() -> None:
    name = Match(names=("cc.example.com",))
    assert found(Kind.RPZ, name) == []
    assert found(Kind.RPZ, name, settings=Containing()).count("rpz-off") == 4
    for need in ("clause", "notice", "opt_out", "review"):
        rpz = msgspec.structs.replace(ON_RECORD.rpz, **{need: " " if need != "review" else ""})
        assert "rpz-off" in found(Kind.RPZ, name, settings=msgspec.structs.replace(ON_RECORD, rpz=rpz)), need
    assert found(Kind.RPZ, name, today=date(2027, 2, 1)) == ["review-overdue"]
    soon = msgspec.structs.replace(ON_RECORD, rpz=Rpz("c", "n", "o", "soon", ("cc.example.com",)))
    assert found(Kind.RPZ, name, settings=soon) == ["rpz-off"]


def test_only_listed_names_and_no_protected_ones() -> None:
    assert found(Kind.RPZ, Match(names=("other.example.com",))) == ["not-listed"]
    assert "not-a-name" in found(Kind.RPZ, Match(names=("*.example.com",)))
    guarded = msgspec.structs.replace(ON_RECORD, protected_names=("www.cc.example.com",))
    assert found(Kind.RPZ, Match(names=("cc.example.com",)), settings=guarded) == ["protected"]
    below = msgspec.structs.replace(ON_RECORD, protected_names=("example.com",))
    assert found(Kind.RPZ, Match(names=("cc.example.com",)), settings=below) == ["protected"]


def test_garden_and_lines_need_their_ground() -> None:
    assert found(Kind.COA, Match(Scope.LINE)) == []
    assert found(Kind.COA, Match(Scope.LINE), settings=Containing()).count("garden-off") == 3
    assert found(match=Match(Scope.LINE, remotes=(REMOTE,)), settings=Containing()) == ["no-ground"]
    assert found(match=Match(remotes=(REMOTE,)), settings=Containing()) == []


def test_what_too_many_lines_use_is_no_endpoint() -> None:
    match = Match(remotes=(REMOTE,))
    radius = Radius(0, 1, measured=True, lines=26, watched=10_000)
    assert [one for one, _ in too_popular(radius, match, ON_RECORD)] == ["popular-here"]
    assert not too_popular(msgspec.structs.replace(radius, lines=25), match, ON_RECORD)
    assert not too_popular(msgspec.structs.replace(radius, measured=False), match, ON_RECORD)


def test_roles() -> None:
    assert [role for role in Role if may_propose(role)] == [Role.ANALYST, Role.SENDER, Role.ADMIN]
    assert [role for role in Role if may_apply(role)] == [Role.SENDER, Role.ADMIN]
    assert not may_apply(None)
    assert not may_propose(None)


@pytest.mark.parametrize(
    "text", ["", "com", "a..com", "-a.com", "a b.com", "a.com\n", "é.com", "1.2.3.4", "a" * 64 + ".com", "x." * 100 + "com", "a;.com",
     "32.7.113.0.203.rpz-ip", "a.RPZ-nsdname.", "rpz-passthru.com", "a.rpz-drop.com", "rpz-.com"]
)  # fmt: skip
def test_no_names(text: str) -> None:
    assert canonical_name(text) == ""


def test_names_in_canonical_form() -> None:
    assert canonical_name("CC.Example.COM.") == "cc.example.com"
    assert canonical_name("rpz.example.com") == "rpz.example.com"
    assert canonical_name("_x.xn--wgv71a.jp") == "_x.xn--wgv71a.jp"
