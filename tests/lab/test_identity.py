"""Who is behind an address: asked of a real neighbour in a network namespace, with a cold and with a stale table."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from sekisho.errors import AuthorisationError
from sekisho.model.assessment import Authorisation, Limits
from sekisho.model.evidence import Transcript
from sekisho.model.terminal import Interface, Terminal
from sekisho.wires import identity
from sekisho.wires.clock import SystemClock
from sekisho.wires.net import LiveNet
from sekisho.wires.scope import Scope

pytestmark = pytest.mark.lab

_NAME = "skneighbour"
_HERE, _THERE = "sknb0", "sknb1"
_MAC, _OTHER = "02:53:4b:00:0a:01", "02:53:4b:00:0a:02"
_V4, _V6 = "10.213.77.2", "fd13:77::2"


def _ip(*words: str, inside: bool = False) -> None:
    subprocess.run(["ip", *(["-n", _NAME] if inside else []), *words], check=True, capture_output=True)


@pytest.fixture
def neighbour() -> Iterator[None]:
    """A neighbour that nobody has spoken with yet."""
    subprocess.run(["ip", "netns", "del", _NAME], check=False, capture_output=True)
    _ip("netns", "add", _NAME)
    try:
        _ip("link", "add", _HERE, "type", "veth", "peer", "name", _THERE, "address", _MAC, "netns", _NAME)
        _ip("addr", "add", "10.213.77.1/24", "dev", _HERE)
        _ip("addr", "add", "fd13:77::1/64", "dev", _HERE, "nodad")
        _ip("addr", "add", f"{_V4}/24", "dev", _THERE, inside=True)
        _ip("addr", "add", f"{_V6}/64", "dev", _THERE, "nodad", inside=True)
        _ip("link", "set", _HERE, "up")
        _ip("link", "set", _THERE, "up", inside=True)
        yield
    finally:
        # The link by name: a namespace takes its own away some time later, and the next test needs the names.
        subprocess.run(["ip", "link", "del", _HERE], check=False, capture_output=True)
        _ip("netns", "del", _NAME)


def _confirm(address: str, mac: str, kept: list[Transcript], scope: str = "") -> None:
    allowed = Authorisation(
        allowed_by="Lab",
        role="owner",
        statement="Made to be tested.",
        signed_on=date(2026, 1, 1),
        addresses=(scope or address,),
        valid_from=date(2026, 1, 1),
        valid_until=date(2099, 12, 31),
        macs=(mac,),
    )
    terminal = Terminal(interfaces=(Interface(name="lan", addresses=(address,)),))
    clock = SystemClock()

    def keep(transcript: Transcript) -> str:
        kept.append(transcript)
        return str(len(kept))

    net = LiveNet(Scope(allowed, clock), Limits(), clock, keep)
    asyncio.run(identity.confirm(allowed, terminal, net.connected, net.nudge))


@contextmanager
def _refused(seen: str) -> Iterator[None]:
    """Refused, naming what was seen behind the address."""
    with pytest.raises(AuthorisationError) as caught:
        yield
    assert seen in caught.value.where


@pytest.mark.parametrize("address", [_V4, _V6])
def test_a_cold_table_does_not_refuse_the_right_device(neighbour: None, address: str) -> None:
    kept: list[Transcript] = []
    _confirm(address, _MAC, kept)
    # IPv4 is asked by ARP; IPv6 needs one datagram, and it is on record.
    assert [one.transport for one in kept] == ([] if address == _V4 else ["udp"])


@pytest.mark.parametrize("address", [_V4, _V6])
def test_another_device_is_refused(neighbour: None, address: str) -> None:
    with _refused(_MAC):
        _confirm(address, _OTHER, [])


@pytest.mark.parametrize("address", [_V4, _V6])
def test_what_the_kernel_remembers_of_an_earlier_device_does_not_count(neighbour: None, address: str) -> None:
    _ip("neigh", "replace", address, "lladdr", _OTHER, "dev", _HERE, "nud", "stale")
    with _refused(_MAC):
        _confirm(address, _OTHER, [])


def test_where_arp_may_not_be_spoken_a_datagram_does(
    neighbour: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_ask", lambda _: "")
    kept: list[Transcript] = []
    _confirm(_V4, _MAC, kept)
    assert len(kept) == 1


@pytest.mark.parametrize("address", ["10.213.77.9", "fd13:77::9"])
def test_nobody_there_is_refused_in_bounded_time(
    neighbour: None, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_LONGEST_SECONDS", 1.0)
    with _refused("unknown"):
        _confirm(address, _MAC, [])


def test_nothing_goes_outside_the_scope(neighbour: None) -> None:
    with pytest.raises(AuthorisationError):
        _confirm(_V6, _MAC, [], "fd13:78::/64")
