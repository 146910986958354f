"""Nothing leaves without a yes of the scope: addresses, kinds of addresses, days."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, date, datetime

import msgspec
import pytest

from fakes.peers import AUTHORISATION, SMALL, Kept
from sekisho.errors import AuthorisationError
from sekisho.formats.http import Request
from sekisho.model.assessment import Authorisation
from sekisho.ports import Endpoint
from sekisho.wires.net import LiveNet
from sekisho.wires.scope import Scope


class Noon:
    def __init__(self, day: date) -> None:
        self.day = day

    def now(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


DAY = Noon(date(2026, 11, 21))


def scope(*prefixes: str, **more: object) -> Scope:
    return Scope(msgspec.structs.replace(AUTHORISATION, addresses=prefixes, **more), DAY)


@pytest.mark.parametrize(
    ("prefix", "address"),
    [
        ("192.168.1.0/24", "192.168.1.1"),
        ("192.168.1.1", "192.168.1.1"),
        ("fe80::/10", "fe80::1%eth0"),
        ("fd00::/8", "fd5e::1"),
        ("198.18.0.0/15", "198.18.77.2"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
    ],
)
def test_what_is_allowed(prefix: str, address: str) -> None:
    assert scope(prefix).allows(address)


@pytest.mark.parametrize(
    ("prefix", "address"),
    [
        ("192.168.1.0/24", "192.168.2.1"),
        ("192.168.1.1", "192.168.1.2"),
        ("0.0.0.0/0", "8.8.8.8"),
        ("::/0", "2600::1"),
        ("::/0", "::ffff:8.8.8.8"),
        ("0.0.0.0/0", "0.0.0.0"),
        ("0.0.0.0/0", "224.0.0.251"),
        ("0.0.0.0/0", "255.255.255.255"),
        ("::/0", "ff02::fb"),
        ("0.0.0.0/0", "router.example"),
        ("0.0.0.0/0", ""),
    ],
)
def test_what_is_refused(prefix: str, address: str) -> None:
    assert not scope(prefix).allows(address)


def test_public_addresses_only_when_the_authorisation_says_so() -> None:
    assert scope("8.8.8.0/24", public_addresses=True).allows("8.8.8.8")


@pytest.mark.parametrize(
    ("day", "allowed"),
    [("2026-11-20", False), ("2026-11-21", True), ("2026-11-22", True), ("2026-11-23", False)],
)
def test_only_on_the_authorised_days(day: str, allowed: bool) -> None:
    authorisation = msgspec.structs.replace(
        AUTHORISATION, valid_from=date(2026, 11, 21), valid_until=date(2026, 11, 22)
    )
    assert Scope(authorisation, Noon(date.fromisoformat(day))).allows("127.0.0.1") is allowed


class At(Noon):
    def __init__(self, when: datetime) -> None:
        self.when = when

    def now(self) -> datetime:
        return self.when


@pytest.mark.parametrize(("hour", "allowed"), [(14, True), (15, False)])
def test_the_last_day_ends_in_japan(hour: int, allowed: bool) -> None:
    """15:00 UTC is midnight in Japan, whatever the zone of this machine is."""
    day = date(2026, 11, 21)
    authorisation = msgspec.structs.replace(AUTHORISATION, valid_from=day, valid_until=day)
    clock = At(datetime(2026, 11, 21, hour, tzinfo=UTC))
    assert Scope(authorisation, clock).allows("127.0.0.1") is allowed
    assert Scope(authorisation, clock, UTC).allows("127.0.0.1")


def test_a_prefix_that_is_none_is_an_error() -> None:
    with pytest.raises(AuthorisationError):
        scope("all of it")


def test_no_socket_is_made_outside_the_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    real = socket.socket

    def counted(*arguments: object, **more: object) -> socket.socket:
        made.append(arguments)
        return real(*arguments, **more)  # type: ignore[arg-type]

    async def go(authorisation: Authorisation) -> None:
        net = LiveNet(Scope(authorisation, DAY), SMALL, DAY, Kept().keep)
        outside = Endpoint("10.9.9.9", 80)
        monkeypatch.setattr(socket, "socket", counted)
        for call in (
            net.open(outside),
            net.ask(outside, b"x"),
            net.scan(outside, [80]),
            net.fetch(outside, Request()),
            net.connected(outside),
        ):
            with pytest.raises(AuthorisationError):
                await call
        monkeypatch.undo()

    asyncio.run(go(AUTHORISATION))
    assert not made
