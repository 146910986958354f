"""Names that must never stand on a list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.catalogues.popular_names import popular_names
from sekisho.model.domain_names import held, misleading

OWN = ("hub.example.jp", "alpha.example.net")


@pytest.mark.parametrize(
    "name",
    ["8.8.8.8", "203.0.113.7", "32.8.8.8.8.rpz-ip", "8.0.0.0.10.rpz-client-ip", "1.0.0.0.0.rpz-ip", "x.rpz-nsdname.example",
     "a.0x7f", "jp", "", "a..b", ".a.b", "a.b.", "-a.b", "a.b-", "A.example", "x" * 64 + ".example", "a b.example"],
)  # fmt: skip
def test_what_is_no_name_at_all(name: str) -> None:
    assert misleading(name)
    assert held(name, popular_names()) == "special-name"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("dns.google", "popular-name"), ("www.google.com", "popular-name"), ("co.jp", "public-suffix"),
        ("com.au", "public-suffix"), ("chiyoda.tokyo.jp", "public-suffix"), ("tokyo.jp", "public-suffix"),
        ("duckdns.org", "public-suffix"), ("hub.example.jp", "own-name"), ("www.hub.example.jp", "own-name"),
        ("example.jp", "own-name"), ("example.net", "own-name"), ("router.local", "special-name"),
        ("7.113.0.203.in-addr.arpa", "special-name"), ("amazon.co.jp", "popular-name"),
    ],
)  # fmt: skip
def test_what_is_held(name: str, reason: str) -> None:
    assert held(name, popular_names(), OWN) == reason


@pytest.mark.parametrize(
    "name",
    ["bot.duckdns.org", "c2.example.com", "evil.co.jp", "evil.chiyoda.tokyo.jp", "notgoogle.com", "x--y.io", "a.xn--q9jyb4c"],
)  # fmt: skip
def test_what_goes_out(name: str) -> None:
    assert misleading(name) == ""
    assert held(name, popular_names(), OWN) == ""


@given(
    left=st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True),
    service=st.sampled_from(sorted(popular_names().services)),
)
def test_nothing_below_a_popular_name_goes_out(left: str, service: str) -> None:
    assert held(service, popular_names())
    assert held(f"{left}.{service}", popular_names())
