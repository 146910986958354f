"""The grammar of STIX patterns; `test_sharing_10_strangers` compares it with the one of OASIS."""

import json

import pytest

from fakes.stix_patterns import BAD, GOOD
from sekisho.formats.stix_object import ObjectFault, check
from sekisho.formats.stix_pattern import DEEPEST, LONGEST, fault_of


@pytest.mark.parametrize("pattern", GOOD)
def test_a_pattern(pattern: str) -> None:
    assert fault_of(pattern) == ""


@pytest.mark.parametrize("pattern", BAD)
def test_no_pattern(pattern: str) -> None:
    assert fault_of(pattern)


def test_a_fault_says_where() -> None:
    assert fault_of("[a:b = 1] OR [c:d ~ 2]") == "at 18: '~ 2]' is no part of a pattern"
    assert fault_of("[a:b = 1 OR]") == "at 11: ']' instead of a property such as ipv4-addr:value"


def test_bounds() -> None:
    deep = "(" * DEEPEST + "[a:b != 1]" + ")" * DEEPEST
    assert "deeply" in fault_of(deep)
    assert fault_of(deep[1:-1]) == ""
    long = "[a:b = '" + "x" * (LONGEST - 10) + "']"
    assert fault_of(long) == ""
    assert fault_of(long + " ") == f"longer than {LONGEST} signs"


@pytest.mark.parametrize(
    "part", ["[", "(", "[a:b = 1 AND ", "/*", "\\", "'", ".b", " ", "[a:b IN (1,", "b'AAAA", "NOT ", "-"]
)
@pytest.mark.timeout(30)  # what grows with the square of the length would take minutes
def test_hostile_ones_cost_no_more_than_their_length(part: str) -> None:
    for text in (part, "[a:b" + part):
        assert fault_of((text * LONGEST)[:LONGEST])


def test_only_patterns_of_stix_are_read() -> None:
    one = {
        "type": "indicator", "spec_version": "2.1", "id": "indicator--00000000-0000-4000-8000-000000000001",
        "created": "2026-11-21T00:00:00Z", "modified": "2026-11-21T00:00:00Z", "valid_from": "2026-11-21T00:00:00Z",
    }  # fmt: skip
    check(json.dumps(one | {"pattern_type": "sigma", "pattern": "title: x"}).encode())
    check(json.dumps(one | {"pattern_type": "stix", "pattern": GOOD[0]}).encode())
    with pytest.raises(ObjectFault, match="pattern: at 0"):
        check(json.dumps(one | {"pattern_type": "stix", "pattern": "title: x"}).encode())
