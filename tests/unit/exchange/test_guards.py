"""What must never be an indicator is left out, with its reason."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.catalogues.popular_services import popular_services
from sekisho.exchange.guards import Guards, guard
from sekisho.model.indicator import Indicator, Service


def reasons(*networks: str, guards: Guards) -> list[str]:
    found = guard([Indicator(one, source="l", reference="1") for one in networks], guards)
    assert len(found.kept) + len(found.dropped) == len(networks)
    return [f"{one.detail.split(':')[0]} {one.reason}" for one in found.dropped]


def test_popular_services_are_left_out_with_their_kind() -> None:
    guards = Guards(services=popular_services())
    said = guard(
        [
            Indicator(text)
            for text in (
                "8.8.8.8/32", "8.8.8.0/24", "9.9.9.0/31", "198.41.0.4/32", "104.20.1.2/32", "133.243.238.243/32",
                "2606:4700:4700::1111/128", "2001:dc3::35/128", "8.8.8.9/32", "203.0.113.7/32", "2a00::1/128",
            )
        ],
        guards,
    )  # fmt: skip
    assert [one.reason for one in said.dropped] == [
        "resolver", "resolver", "root-server", "cdn", "ntp", "cdn", "root-server",
    ]  # fmt: skip
    assert [one.network for one in said.kept] == ["9.9.9.0/31", "8.8.8.9/32", "203.0.113.7/32", "2a00::1/128"]
    assert "Google" in said.dropped[0].detail


def test_own_networks_and_short_prefixes() -> None:
    guards = Guards(own=("198.51.100.0/24", "2001:db8::/32"))
    assert reasons(
        "198.51.100.7/32", "198.51.0.0/16", "198.51.101.0/24", "2001:db8:1::/48", "20.0.0.0/15", "20.0.0.0/16",
        "2a00::/31", "2a00::/32", guards=guards,
    ) == [
        "198.51.100.7/32 own-network", "198.51.0.0/16 own-network", "2001 own-network", "20.0.0.0/15 too-short",
        "2a00 too-short",
    ]  # fmt: skip


def test_operator_may_move_the_bounds() -> None:
    assert reasons("20.0.0.0/8", "2a00::/16", guards=Guards(shortest4=8, shortest6=16)) == []
    with pytest.raises(ValueError, match="host bits"):
        guard([], Guards(own=("10.0.0.1/8",)))


NETS = st.tuples(st.integers(0, 255), st.integers(24, 32)).map(
    lambda one: str(ip_network(f"203.0.113.{one[0]}/{one[1]}", strict=False))
)


@given(st.lists(NETS, max_size=8), st.lists(NETS, max_size=20))
def test_same_as_a_plain_loop(guarded: list[str], given_: list[str]) -> None:
    guards = Guards(services=tuple(Service(one, one, "resolver") for one in guarded))
    found = guard([Indicator(one) for one in given_], guards)
    wanted = [one for one in given_ if not any(ip_network(one).overlaps(ip_network(g)) for g in guarded)]
    assert [one.network for one in found.kept] == wanted


def test_the_table_says_where_it_is_from() -> None:
    services = popular_services()
    assert {one.confidence for one in services} == {"A", "B", "C"}
    assert all(one.source and one.name for one in services)
    roots = [one for one in services if one.name == "DNS root servers"]
    assert len(roots) == 26
