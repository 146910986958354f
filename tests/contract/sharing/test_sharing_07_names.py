"""7. Names come under guards as addresses do, and no name is a command to a resolver."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.sharing import Ring, indicator, opened_ring
from sekisho.errors import SekishoError
from sekisho.exchange.feeds import FORMS, Entry, Head
from sekisho.model.corroboration import IndicatorState
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Contact


def name(value: str, number: int, port: int = 0) -> dict[str, object]:
    more = f" AND network-traffic:dst_port = {port}" if port else ""
    return indicator(number=number, seen="handshake", pattern=f"[domain-name:value = '{value}'{more}]")


@pytest.mark.parametrize("value", [
    "8.8.8.8", "203.0.113.7", "32.8.8.8.8.rpz-ip", "1.0.0.0.0.rpz-ip", "150-9-1-1.evil.example.net",
    "150.9.1.1.evil.example.net", "p150-9-1-1x.evil.example.net", "taro.0312345678.evil.example.net", "tel-090-1234-5678.evil.example.net",
    "line126012034056.evil.example.net", "xy106128000001.ppp-cc.evil.example.net", "ppp-300-203-0-113-5.evil.example.net",
])  # fmt: skip
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


def test_names_of_command_servers_pass_with_their_digits(ring: Ring) -> None:
    ring.join("a")
    names = (
        "c2-4.evil.example.net",
        "a8f03b1c9d.evil.example.net",
        "300-9-1-1.evil.example.net",
        "20261121.evil.example.net",
        "x202611211230.evil.example.net",  # twelve digits that are no address
        "126012034056789.evil.example.net",
    )
    for number, value in enumerate(names):
        assert ring.post("a", "list-in", name(value, number + 1))["success_count"] == 1, value
    arabic = indicator(
        number=9, pattern="[domain-name:value = 'c2.evil.example.net' AND network-traffic:dst_port = ٢٣]"
    )
    assert ring.post("a", "list-in", arabic)["failure_count"] == 1


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


def test_a_name_to_watch_for_lifts_no_block_above_it() -> None:
    grades = {"c2.bad.example": "watch", "bad.example": "block", "notbad.example": "watch",
              "watched.example": "watch", "c2.watched.example": "block"}  # fmt: skip
    entries = [Entry(name, "domain", name, 0, 0, "cc", grade, "", 0, 1) for name, grade in grades.items()]
    kept = {name: grade for name, grade in grades.items() if name != "c2.bad.example"}
    for form, words in {
        "rpz": (" CNAME .", " CNAME rpz-passthru."),
        "unbound": ('." always_nxdomain', '." inform'),
    }.items():
        lines = FORMS[form].write(Head("t", 0, Tlp.CLEAR), entries).splitlines()
        told = {
            name: grade
            for name in grades
            for grade, word in zip(("block", "watch"), words, strict=True)
            if any(line.strip().removeprefix('local-zone: "') == name + word for line in lines)
        }
        assert told == kept
        assert not [line for line in lines if "c2.bad.example" in line]


def test_what_very_many_use_or_the_operator_protects_is_held(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    with opened_ring(folder):
        pass
    with (folder / "hub.toml").open("a") as file:
        file.write('protected = ["198.51.100.64/26"]\n')
    wanted = {
        "151.101.1.1": "cdn", "13.32.0.5": "cdn", "216.239.35.0": "ntp", "114.114.114.114": "resolver",
        "198.51.100.70": "protected", "198.51.100.7": "",
    }  # fmt: skip
    with opened_ring(folder) as ring:
        for at, who in enumerate("ab"):
            ring.join(who)
            some = [indicator(one, number=10 * at + n + 1, seen="handshake") for n, one in enumerate(wanted)]
            assert ring.post(who, "list-in", *some)["success_count"] == len(wanted)
        assert {one: ring.standing(one).reason for one in wanted} == wanted
        assert len(ring.published("a")) == 1
    (folder / "hub.toml").write_text((folder / "hub.toml").read_text().replace("64/26", "64/25"))
    with pytest.raises(SekishoError), opened_ring(folder):
        pass
