"""7. Names come under guards as addresses do, and no name is a command to a resolver."""

from __future__ import annotations

import pytest

from fakes.sharing import Ring, indicator
from sekisho.exchange.feeds import FORMS, Entry, Head
from sekisho.model.corroboration import IndicatorState
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Contact


def name(value: str, number: int, port: int = 0) -> dict[str, object]:
    more = f" AND network-traffic:dst_port = {port}" if port else ""
    return indicator(number=number, seen="handshake", pattern=f"[domain-name:value = '{value}'{more}]")


@pytest.mark.parametrize("value", ["8.8.8.8", "203.0.113.7", "32.8.8.8.8.rpz-ip", "1.0.0.0.0.rpz-ip"])
def test_what_is_no_name_is_refused(ring: Ring, value: str) -> None:
    ring.join("a")
    assert ring.post("a", "list-in", name(value, 1))["failure_count"] == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [("dns.google", "popular-name"), ("co.jp", "public-suffix"), ("example.jp", "own-name"), ("mail.alpha.example", "own-name")],
)  # fmt: skip
def test_what_must_not_stand_on_a_list_is_held(ring: Ring, value: str, reason: str) -> None:
    ring.join("a", contacts=(Contact("Abuse", "abuse@alpha.example"),)).join("b")
    for number, member in enumerate("ab"):
        assert ring.post(member, "list-in", name(value, number + 1))["success_count"] == 1
    one = ring.standing(value)
    assert (one.state, one.reason) == (IndicatorState.HELD, reason)
    assert ring.published("a") == {}
    for form in FORMS:
        assert value not in ring.ask("a", "GET", f"/feed/watch.{form}").body.decode()


def test_a_name_with_a_port_is_nothing_for_a_resolver(ring: Ring) -> None:
    for member in "ab":
        ring.join(member)
        ring.post(member, "list-in", name("c2.example.net", 1, 8443), name("c3.example.net", 2))
    ring.published("a")
    for form in ("rpz", "unbound"):
        body = ring.ask("a", "GET", f"/feed/watch.{form}").body.decode()
        assert "c3.example.net" in body
        assert "c2.example.net" not in body
    assert "c2.example.net,8443" in ring.ask("a", "GET", "/feed/watch.csv").body.decode()


def test_the_forms_refuse_again() -> None:
    bad = Entry("i", "domain", "32.8.8.8.8.rpz-ip", 0, 0, "cc", "block", "", 0, 1)
    for form in ("rpz", "unbound"):
        assert "8.8.8.8" not in FORMS[form].write(Head("t", 0, Tlp.CLEAR), [bad])
