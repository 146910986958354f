"""Lists from strangers: no octets break a reader, and what is kept is always a public address with a real port."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.exchange.lists import FORMS, read_list
from sekisho.exchange.lists.stix_pattern import targets

WORDS = st.sampled_from([
    "8.8.8.8", "8.8.8.8:99999", "10.0.0.1", "::1", "2a00::1", "[2a00::1]:80", "8.0.0.0/8", "8.8.8.0/33", "/", ":", "[", "]",
    "#", ";", ",", "\t", "\n", '"', "'", "{", "}", "address", "dst_ip", "ioc_value", "ip:port", "#fields\tindicator\tindicator_type\n",
    "Intel::ADDR", '{"objects":[', '{"type":"indicator","pattern":"[ipv4-addr:value=\'8.8.8.8\']"}', '{"cidr":"8.8.8.0/24"}',
    '{"Event":{"Attribute":[{"type":"ip-dst","value":"8.8.8.8","to_ids":true}]}}', "]}", "url,url_status\n", "http://8.8.8.8:0/",
])  # fmt: skip
TEXTS = st.lists(WORDS | st.text(max_size=8), max_size=12).map("".join)


@pytest.mark.parametrize("form", [*FORMS, ""])
@given(text=TEXTS, raw=st.binary(max_size=40))
@settings(max_examples=120, deadline=None)
def test_whatever_comes(form: str, text: str, raw: bytes) -> None:
    for octets in (text.encode(), raw, text.encode() + raw):
        reading = read_list(octets, "list", form=form)
        for one in reading.indicators:
            net = ip_network(one.network)
            assert ip_address(net.network_address).is_global
            assert 0 <= one.port <= 65_535
            assert one.source == "list"
        assert sum(reading.reasons.values()) == len(reading.rejected)


ADDRESS = st.integers(0, 255).map(lambda low: f"8.8.8.{low}")


@st.composite
def patterns(draw: st.DrawFn, depth: int = 3) -> tuple[str, set[tuple[str, str]]]:
    """A pattern of addresses and ports, and where it points, by a plain rule."""
    kind = draw(st.sampled_from(["leaf", "or", "port"])) if depth else "leaf"
    if kind == "or":
        left, right = draw(patterns(depth - 1)), draw(patterns(depth - 1))
        return f"({left[0]} OR {right[0]})", left[1] | right[1]
    if kind == "port":
        inside, port = draw(patterns(0)), draw(st.integers(1, 65_535))
        return (
            f"({inside[0]} AND network-traffic:dst_port = {port})",
            {(address, str(port)) for address, _ in inside[1]},
        )
    addresses = draw(st.lists(ADDRESS, min_size=1, max_size=3, unique=True))
    if len(addresses) == 1:
        return f"ipv4-addr:value = '{addresses[0]}'", {(addresses[0], "")}
    listed = ", ".join(f"'{one}'" for one in addresses)
    return f"ipv4-addr:value IN ({listed})", {(one, "") for one in addresses}


@given(patterns())
@settings(max_examples=200, deadline=None)
def test_patterns_point_where_a_plain_rule_says(pattern: tuple[str, set[tuple[str, str]]]) -> None:
    found = list(targets(f"[{pattern[0]}]"))
    assert not [one for one in found if one.fault]
    assert {(one.address, one.port) for one in found} == pattern[1]
