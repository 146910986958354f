"""Hostile words in every field of a rule: they are refused, or come out as nothing but themselves."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import suricata_syntax
from fakes.containing import ON_RECORD, hole, rule
from sekisho.errors import RenderError
from sekisho.model.containment import TCP, Endpoint, Garden, Kind, Match, Scope
from sekisho.model.containment_bounds import canonical_name
from sekisho.reports.containment.rule_texts import texts
from sekisho.reports.containment.walled_garden import string

HOSTILE = st.one_of(
    st.text(max_size=40),
    st.ip_addresses().map(str),
    st.sampled_from(
        [
            "203.0.113.7; drop table", "203.0.113.7\nflush ruleset", "fe80::1%$(reboot)", "`id`", "$(id)", "a'b", 'a"b', "a\\",
            "x.com\n$INCLUDE /etc/passwd", "x.com. 60 IN A 1.2.3.4", "*.com", "\u2028", "\x00", "a;b:c|00|", "%{exec:id}",
        ]
    ),
)  # fmt: skip
PACKETS = [Kind.FLOWSPEC, Kind.RTBH, Kind.NFTABLES, Kind.CISCO, Kind.JUNIPER]


def tried(*arguments, **more) -> list[str]:
    """Return the texts, or nothing when it was refused."""
    try:
        return [side for text in texts(rule(*arguments, **more)) for side in (text.apply, text.undo)]
    except RenderError:
        return []


@pytest.mark.parametrize("kind", PACKETS)
@given(word=HOSTILE)
@settings(max_examples=60, deadline=None)
def test_addresses(kind: Kind, word: str) -> None:
    good = {4: "198.51.100.9", 6: "2001:db8:9::9"}
    for line in (False, True):
        if kind is Kind.RTBH and line:
            continue

        def written(said: str, there: str, line: bool = line) -> list[str]:
            match = Match(Scope.LINE if line else Scope.EVERYONE, remotes=(Endpoint(there, 4444, TCP),))
            return tried(kind, match, lines=(said,) if line else ())

        for version, other in good.items():
            usual = written(other, other)
            assert usual
            found = written(word, other) if line else written(word, word)
            if found and ((":" in word) == (version == 6)):
                assert [text.count("\n") for text in found] == [text.count("\n") for text in usual]
            assert all(text.isascii() and not set("`$\\\x00%") & set(text) for text in found)


@given(case=HOSTILE, identifier=HOSTILE)
@settings(max_examples=100, deadline=None)
def test_ids(case: str, identifier: str) -> None:
    for kind in Kind:
        more = {"lines": ("198.51.100.5",), "user": "u"}
        usual = tried(kind, **more)
        found = tried(kind, case=case, **more)
        assert [text.count("\n") for text in found] == [text.count("\n") for text in usual]
        assert all(text.isascii() for text in found)
        if kind is not Kind.COA and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", identifier):
            assert tried(kind, id=identifier, **more) == []


@given(word=HOSTILE)
@settings(max_examples=200, deadline=None)
def test_names_of_a_zone(word: str) -> None:
    found = tried(Kind.RPZ, Match(names=(word,)))
    if not canonical_name(word):
        assert found == []
        return
    (record,) = [line for line in found[0].splitlines() if "CNAME" in line]
    assert re.fullmatch(r"[a-z0-9_.-]+ 60 IN CNAME \.", record)
    assert len(found[0].splitlines()) == len(tried(Kind.RPZ)[0].splitlines())


@given(word=HOSTILE)
@settings(max_examples=300, deadline=None)
def test_radius_strings_read_back(word: str) -> None:
    try:
        said = string(word)
    except RenderError:
        assert not word or not word.isprintable() or len(word.encode()) > 253
        return
    assert "\n" not in said
    assert re.fullmatch(r"'(?:[^'\\]|\\['\\])*'", said)
    assert re.sub(r"\\(.)", r"\1", said[1:-1]) == word


@given(word=HOSTILE, user=HOSTILE)
@settings(max_examples=100, deadline=None)
def test_a_radius_packet_has_three_lines(word: str, user: str) -> None:
    garden = msgspec.structs.replace(ON_RECORD, garden=Garden("c", word, word))
    for text in tried(Kind.COA, settings=garden, user=user, lines=("198.51.100.5",)):
        assert [line.split(" = ")[0] for line in text.split("\n")] == [
            "User-Name",
            "Framed-IP-Address",
            "Filter-Id",
            "",
        ]


@given(path=HOSTILE, name=HOSTILE, cve=HOSTILE)
@settings(max_examples=150, deadline=None)
def test_holes(path: str, name: str, cve: str) -> None:
    match = Match(hole=msgspec.structs.replace(hole(), paths=(path,), id=name, cve=cve))
    for text in tried(Kind.SURICATA, match)[:1]:
        rules = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(rules) == 1
        suricata_syntax.parse(rules[0])
    for text in tried(Kind.MODSECURITY, match)[:1]:
        rules = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(rules) == 2
        assert re.fullmatch(r'SecRule REQUEST_FILENAME "@beginsWith /[a-z0-9._~/-]+" "[^"]*"', rules[0])


@given(ports=st.integers(), protocols=st.integers())
@settings(max_examples=100, deadline=None)
def test_numbers(ports: int, protocols: int) -> None:
    found = tried(Kind.JUNIPER, Match(remotes=(Endpoint("203.0.113.7", ports, protocols),)))
    assert bool(found) == (0 <= ports < 1 << 16 and 0 <= protocols < 256)
