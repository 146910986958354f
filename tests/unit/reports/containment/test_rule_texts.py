"""The text of each kind of rule, word for word where it matters, and its undo."""

from __future__ import annotations

import msgspec
import pytest

from fakes import suricata_syntax
from fakes.containing import ON_RECORD, REMOTE, hole, rule
from sekisho.catalogues.virtual_patches import virtual_patches
from sekisho.errors import RenderError
from sekisho.model.containment import TCP, Endpoint, Kind, Match, Scope
from sekisho.model.containment_numbers import EACH, RANGES
from sekisho.reports.containment import tokens
from sekisho.reports.containment.rule_texts import RENDERERS, texts

LINE = Match(Scope.LINE, remotes=(REMOTE,))
SIX = Match(remotes=(Endpoint("2001:db8:9::7/128", 23, TCP), REMOTE, Endpoint("203.0.113.8")))


def one(kind: Kind, *arguments, file: int = 0, **more) -> tuple[str, str]:
    found = texts(rule(kind, *arguments, **more))[file]
    assert found.apply.isascii()
    assert found.undo.isascii()
    assert found.apply.endswith("\n")
    assert found.undo.endswith("\n")
    return tuple(  # type: ignore[return-value]
        "".join(line for line in text.splitlines(keepends=True) if line[0] not in "#!;")
        for text in (found.apply, found.undo)
    )


def test_every_kind_has_a_renderer_and_words() -> None:
    assert set(RENDERERS) == set(Kind)
    for kind in Kind:
        for text in texts(rule(kind, lines=("198.51.100.5",), user="u@isp.example")):
            assert text.how.ja
            assert text.how.en
            assert text.how_undo.ja
            assert text.undo.strip()
        assert kind.label.ja


def test_the_expiry_stands_in_every_file_that_has_comments() -> None:
    for kind in set(Kind) - {Kind.COA}:
        said = texts(rule(kind))[0]
        if said.name != "exabgp.txt":
            assert "2026-11-2" in said.apply, kind


def test_gobgp() -> None:
    apply, undo = one(Kind.FLOWSPEC, SIX)
    assert apply.splitlines() == [
        "gobgp global rib add -a ipv6-flowspec match destination 2001:db8:9::7/128 protocol '==6' destination-port '==23' then discard",
        "gobgp global rib add -a ipv4-flowspec match destination 203.0.113.7/32 protocol '==6' destination-port '==4444' then discard",
        "gobgp global rib add -a ipv4-flowspec match destination 203.0.113.8/32 then discard",
    ]
    assert undo == apply.replace(" add ", " del ")


def test_exabgp() -> None:
    apply, undo = one(Kind.FLOWSPEC, LINE, file=1, lines=("198.51.100.5",))
    assert apply == (
        "announce flow route { match { source 198.51.100.5/32; destination 203.0.113.7/32; protocol tcp; "
        "destination-port =4444; } then { discard; } }\n"
    )
    assert undo == apply.replace("announce", "withdraw")


def test_black_hole_names_each_address_once() -> None:
    both = Match(remotes=(REMOTE, Endpoint("203.0.113.7", 80, TCP), Endpoint("2001:db8:9::7")))
    apply, undo = one(Kind.RTBH, both)
    assert apply.splitlines() == [
        "gobgp global rib add 203.0.113.7/32 nexthop 192.0.2.1 community 65535:666,65535:65281 -a ipv4",
        "gobgp global rib add 2001:db8:9::7/128 nexthop 100::1 community 65535:666,65535:65281 -a ipv6",
    ]
    assert undo.splitlines()[0] == "gobgp global rib del 203.0.113.7/32 -a ipv4"


def test_access_list_of_ios() -> None:
    apply, undo = one(Kind.CISCO, SIX)
    assert "ip access-list extended SEKISHO-R-0A1B2C-V4\n" in apply
    assert (
        " deny tcp any host 203.0.113.7 eq 4444\n deny ip any host 203.0.113.8\n permit ip any any\n" in apply
    )
    assert " deny tcp any host 2001:db8:9::7 eq 23\n permit ipv6 any any\n" in apply
    assert undo.splitlines() == [
        "no ip access-list extended SEKISHO-R-0A1B2C-V4",
        "no ipv6 access-list SEKISHO-R-0A1B2C-V6",
    ]


def test_filter_of_junos_ends_with_accept() -> None:
    apply, undo = one(Kind.JUNIPER, LINE, lines=("198.51.100.5",))
    name = "firewall family inet filter SEKISHO-R-0A1B2C"
    assert apply.splitlines() == [
        f"set {name} term t0 from source-address 198.51.100.5/32",
        f"set {name} term t0 from destination-address 203.0.113.7/32",
        f"set {name} term t0 from protocol tcp",
        f"set {name} term t0 from destination-port 4444",
        f"set {name} term t0 then count SEKISHO-R-0A1B2C-0",
        f"set {name} term t0 then discard",
        f"set {name} term rest then accept",
    ]
    assert undo == f"delete {name}\n"


def test_a_patch_lets_the_managers_through() -> None:
    settings = msgspec.structs.replace(ON_RECORD, managers=("192.0.2.64/28",))
    match = Match(Scope.CUSTOMERS, hole=hole("tr064-7547"))
    more = {"settings": settings, "lines": ("198.51.100.0/24",)}
    nft = one(Kind.NFTABLES, match, **more)[0]
    assert "ip daddr @s0 ip saddr != { 192.0.2.64/28 } tcp dport 7547 counter drop" in nft
    cisco = one(Kind.CISCO, match, **more)[0]
    assert cisco.index("permit ip 192.0.2.64 0.0.0.15 any") < cisco.index(
        "deny tcp any 198.51.100.0 0.0.0.255 eq 7547"
    )
    junos = one(Kind.JUNIPER, match, **more)[0]
    assert junos.index("term managers then accept") < junos.index("term t0 then discard")
    with pytest.raises(RenderError):
        texts(rule(Kind.FLOWSPEC, match, **more))


def test_a_line_s_rule_needs_its_address() -> None:
    for kind in (Kind.NFTABLES, Kind.FLOWSPEC, Kind.CISCO, Kind.JUNIPER):
        with pytest.raises(RenderError):
            texts(rule(kind, LINE))
    with pytest.raises(RenderError):
        texts(rule(Kind.COA, lines=("198.51.100.5",)))
    with pytest.raises(RenderError):
        texts(rule(Kind.COA, user="u"))


def test_an_expired_rule_has_no_text_for_nftables() -> None:
    with pytest.raises(RenderError):
        texts(rule(Kind.NFTABLES, seconds=0))


def test_policy_zone_names_the_name_and_nothing_below() -> None:
    apply, undo = one(Kind.RPZ)
    assert apply.endswith("\ncc.example.com 60 IN CNAME .\n")
    assert "*" not in apply
    assert "CNAME" not in undo
    serial = int(apply.split("root.localhost. ")[1].split()[0])
    assert int(undo.split("root.localhost. ")[1].split()[0]) == serial + 1
    assert "log no" in one(Kind.RPZ, file=1)[0]


@pytest.mark.parametrize("name", [one.id for one in virtual_patches()])
def test_suricata_s_rules_have_its_syntax(name: str) -> None:
    chosen = hole(name)
    apply, undo = one(Kind.SURICATA, Match(hole=chosen))
    parsed = [suricata_syntax.parse(line) for line in apply.splitlines()]
    assert len(parsed) == max(1, len(chosen.paths))
    assert {int(it["port"][0]) for it in parsed} == {chosen.port}
    assert [it["sid"][0] for it in parsed] == undo.split()
    if chosen.paths:
        assert [it["content"][0] for it in parsed] == list(chosen.paths)


@pytest.mark.parametrize(
    "line",
    [
        'drop http any any -> $HOME_NET 80 (msg:"a"; sid:1000000; rev:1)',
        'drop http any any -> $HOME_NET 80 (msg:"a"b"; sid:1000000; rev:1;)',
        'drop http any any -> $HOME_NET 80 (msg:"a"; sid:10; rev:1;)',
        'drop http any any -> $HOME_NET 80 (msg:"a"; sid:1000000;)',
        'drop http any any -> $HOME_NET 80 (msg:"a; sid:1000000; rev:1;)',
        'drop http any any -> $HOME_NET 80 (msg:"a"; evil; sid:1000000; rev:1;)',
        'drop http any any <- $HOME_NET 80 (msg:"a"; sid:1000000; rev:1;)',
    ],
)
def test_the_syntax_check_can_fail(line: str) -> None:
    with pytest.raises(suricata_syntax.Wrong):
        suricata_syntax.parse(line)


def test_modsecurity_expires_by_itself() -> None:
    apply, undo = one(Kind.MODSECURITY, Match(hole=hole("realtek-52869")))
    assert apply.count("chain") == 2
    assert apply.count('SecRule TIME_EPOCH "@lt 1795215600"') == 2
    numbers = undo.split()[1:]
    assert all(f"id:{number}," in apply for number in numbers)
    assert len(set(numbers)) == 2


def test_numbers_stay_in_the_local_range() -> None:
    for kind, (low, high) in RANGES.items():
        drawn = [tokens.numbers(rule(kind, id=f"r-{n:010x}"), EACH) for n in range(1000)]
        assert min(one[0] for one in drawn) >= low
        assert max(one[-1] for one in drawn) <= high
        assert len({one[0] for one in drawn}) > 900
        assert tokens.numbers(rule(kind), 1) == tokens.numbers(rule(kind), 1)
        with pytest.raises(RenderError):
            tokens.numbers(rule(kind), EACH + 1)


def test_nftables_of_one_line_names_the_line() -> None:
    apply, _ = one(Kind.NFTABLES, LINE, lines=("198.51.100.5",))
    assert "ip daddr @s0 ip saddr 198.51.100.5/32 tcp dport 4444 counter drop\n" in apply
