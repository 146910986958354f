"""IPsec policies and a packet ring: it doesn't begin where one may concern it, and ends where one refuses something."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sekisho.wires import ipsec_policies
from sekisho.wires.ears import RingEar
from sekisho.wires.ipsec_policies import policies_for, refusals
from sekisho.wires.receiver import Listen, Receiver

from .packets import need_the_right, own_network

PORT = 2055
_ESP = "tmpl proto esp mode transport level required"
_OURS = f"src 127.0.0.0/8 dst 127.0.0.1/32 proto udp dport {PORT} dir in"


@pytest.fixture(autouse=True)
def network() -> Iterator[None]:
    """One for each, as refusals can't be taken back."""
    need_the_right()
    with own_network():
        Path("/proc/sys/net/ipv4/conf/lo/disable_policy").write_text("0", encoding="ascii")
        yield


def policy(words: str, verb: str = "add") -> None:
    subprocess.run(["ip", "xfrm", "policy", verb, *words.split()], check=True, timeout=10)


def heard(one: Receiver, sent: int = 20, port: int = PORT) -> int:
    got = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for _ in range(sent):
            out.sendto(b"x" * 100, ("127.0.0.1", port))
    until = time.monotonic() + 1
    while time.monotonic() < until:
        block = one.take(0.02)
        got += 0 if block is None else len(block.length)
    return got


def notes(one: Receiver) -> list[str]:
    return [note.en for note in one.notes if "IP" in note.en]


@contextlib.contextmanager
def listening() -> Iterator[Receiver]:
    one = Receiver([Listen("127.0.0.1", PORT), Listen("::1", PORT)], ring=True, buffer_octets=1 << 20)
    try:
        yield one
    finally:
        one.close()


def test_no_ring_where_a_policy_may_concern_it() -> None:
    """What comes unprotected comes to nobody, as by a socket from the beginning; the other family has its ring."""
    policy(f"{_OURS} {_ESP}")
    with listening() as one:
        assert notes(one) == [
            "no packet ring (an IPsec policy may concern what it receives): receives as usual"
        ]
        assert [ear.six for ear in one._ears.rings] == [True]
        assert heard(one) == 0
    assert refusals() == 20


@pytest.mark.parametrize("words", [f"{_OURS} {_ESP}", f"{_OURS} action block"])
def test_a_policy_that_comes_later_ends_it(words: str) -> None:
    with listening() as one:
        assert heard(one) == 20
        policy(words)
        heard(one)
        assert notes(one) == [
            f"packet ring IPv{version}: an IPsec policy refused something, which it can't see: receives as usual"
            for version in (4, 6)
        ]
        assert not any(isinstance(ear, RingEar) for ear in one._ears.heard)
        assert heard(one) == 0
        policy(_OURS, "delete")
        assert heard(one) == 20


@pytest.mark.parametrize(
    ("words", "concerns"),
    [
        (f"dir in {_ESP}", True),
        (f"dst 192.0.2.0/24 dir in {_ESP}", True),
        (f"dst 192.0.2.7/32 proto udp dport {PORT} dir in action block", True),
        (f"dst 192.0.2.8/32 dir in {_ESP}", False),
        (f"dst 192.0.2.0/24 proto tcp dir in {_ESP}", False),
        (f"dst 192.0.2.0/24 proto udp dport 500 dir in {_ESP}", False),
        (f"dst 192.0.2.0/24 dir out {_ESP}", False),
        (f"dst 2001:db8::/32 dir in {_ESP}", False),
    ],
)
def test_which_policies_concern_an_address_and_port(words: str, concerns: bool) -> None:
    assert not policies_for([("192.0.2.7", PORT)])
    policy(words)
    assert policies_for([("198.51.100.1", 9), ("192.0.2.7", PORT)]) is concerns


def test_a_wildcard_is_each_address_of_its_family() -> None:
    policy(f"dst 192.0.2.0/24 dir in {_ESP}")
    assert policies_for([("0.0.0.0", PORT)])
    assert not policies_for([("::", PORT)])
    policy(f"dst 2001:db8::/32 dir in {_ESP}")
    assert policies_for([("::", PORT)])
    assert policies_for([("2001:db8::1", PORT)])
    assert not policies_for([("fe80::1%lo", PORT)])


def test_more_policies_than_one_answer_holds() -> None:
    lines = [
        f"xfrm policy add dst 192.0.2.{number % 250}/32 proto udp dport {number} dir in {_ESP}\n"
        for number in range(1, 1200)
    ]
    subprocess.run(["ip", "-batch", "-"], input="".join(lines), text=True, check=True, timeout=20)
    assert not policies_for([("192.0.2.251", PORT)])
    assert all(policies_for([(f"192.0.2.{number % 250}", number)]) for number in (1, 600, 1199))


def test_nobody_counts_or_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy(f"{_OURS} {_ESP}")
    monkeypatch.setattr(ipsec_policies, "_OF_THIS_NETWORK", tmp_path)
    assert (refusals(), policies_for([("127.0.0.1", PORT)])) == (0, False)


def test_whoever_may_not_ask_has_the_count() -> None:
    """CAP_NET_RAW is enough for a ring, and not for a look at the policies."""
    policy(f"{_OURS} {_ESP}")
    assert policies_for([("127.0.0.1", PORT)])
    child = os.fork()
    if not child:
        code = 1
        try:
            os.setresuid(65534, 65534, 65534)
            with pytest.raises(PermissionError):
                ipsec_policies._policies()
            code = int(policies_for([("127.0.0.1", PORT)]))
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
