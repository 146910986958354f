"""A packet ring on real interfaces: fragments, a firewall, a bridge, and a killed receiver."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from sekisho.model.pipeline import by_exporter, unexplained
from sekisho.workflows.receive import Receiving, Told, last_told, waiting_blocks

from . import exporters
from .exporters import HERE4, HERE6, THERE4, THERE6, Wire
from .network import _run, inside

pytestmark = pytest.mark.lab
PORT = 2055
FORBIDDEN = "198.18.81.77"
_NUMBER = count()


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire(f"skr{os.getpid()}") as made:
        _run(["ip", "-n", made.there, "address", "add", f"{FORBIDDEN}/24", "dev", "port1"])
        yield made


class Collecting:
    """A receiver process with a ring, on all addresses of the wire's near end, and what it has spooled."""

    def __init__(self, wire: Wire) -> None:
        name = f"lab-ring-{os.getpid()}-{next(_NUMBER)}"
        listens = (("0.0.0.0", PORT), ("::", PORT))
        self.receiving = Receiving(name=name, listens=listens, most_octets=64 << 20, ring=True)
        self._wire = wire
        self.process = exporters.receiver(wire, self.receiving)
        assert self.notes() == []

    def again(self) -> None:
        self.process = exporters.receiver(self._wire, self.receiving)

    def told(self) -> Told:
        made = last_told(self.receiving.place())
        assert made is not None
        return made

    def notes(self) -> list[str]:
        return [note.en for note in self.told().notes if "ring" in note.en]

    def spooled(self, least: int, seconds: float = 5) -> list[tuple[str, bytes]]:
        """Return (exporter, payload) of what was spooled since this was asked last."""
        found: list[tuple[str, bytes]] = []
        until = time.monotonic() + seconds
        while len(found) < least and time.monotonic() < until:
            for spool, block in waiting_blocks(self.receiving.place(), lambda: False, follow=False):
                found += [(exporter, bytes(payload)) for payload, exporter, _ in block.datagrams.each()]
                spool.done(block.end)
            time.sleep(0.02)
        return found


@pytest.fixture
def collecting(wire: Wire) -> Iterator[Collecting]:
    made = Collecting(wire)
    yield made
    exporters.stop(made.process)
    shutil.rmtree(made.receiving.place().folder)


def send(wire: Wire, payloads: Sequence[bytes], target: str = HERE4, source: str = "") -> None:
    with (
        inside(wire.there),
        socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, socket.SOCK_DGRAM) as out,
    ):
        if source:
            out.bind((source, 0))
        for one in payloads:
            out.sendto(one, (target, PORT))


def test_fragments_make_it_go_back_and_arrive_from_then_on(wire: Wire, collecting: Collecting) -> None:
    send(wire, [b"whole"])
    assert collecting.spooled(1) == [(THERE4, b"whole")]
    send(wire, [b"f" * 3000])
    exporters.until(lambda: collecting.notes() != [], what="a note")
    assert collecting.notes() == [
        "packet ring IPv4: lost 1 that came to the sockets only (fragmented datagrams?): receives as usual"
    ]
    time.sleep(0.3)
    send(wire, [b"g" * 3000, b"whole"])
    assert collecting.spooled(2) == [(THERE4, b"g" * 3000), (THERE4, b"whole")]
    # The other family's ring goes on until it has a reason of its own.
    send(wire, [b"six"], HERE6)
    assert collecting.spooled(1) == [(THERE6, b"six")]
    send(wire, [b"f" * 3000], HERE6)
    exporters.until(lambda: len(collecting.notes()) == 2, what="a second note")
    time.sleep(0.3)
    send(wire, [b"g" * 3000], HERE6)
    assert collecting.spooled(1) == [(THERE6, b"g" * 3000)]
    exporters.until(
        lambda: by_exporter(collecting.told().counts).get(THERE6, {}).get("receiver received") == 2,
        what="figures",
    )
    table = by_exporter(collecting.told().counts)
    assert [table[f"packet ring IPv{version}"]["kernel drops"] for version in (4, 6)] == [1, 1]
    assert unexplained(collecting.told().counts) == 0


def test_what_a_firewall_forbids_makes_it_go_back_and_stays_forbidden(
    wire: Wire, collecting: Collecting
) -> None:
    rules = (
        "add table inet t\nadd chain inet t c { type filter hook input priority 0; }\n"
        f"add rule inet t c ip saddr {FORBIDDEN} udp dport {PORT} drop\n"
    )
    nft(wire, rules)
    try:
        send(wire, [b"allowed"])
        assert collecting.spooled(1) == [(THERE4, b"allowed")]
        send(wire, [b"forbidden"] * 3, source=FORBIDDEN)
        exporters.until(lambda: collecting.notes() != [], what="a note")
        (note,) = collecting.notes()
        assert "that the system doesn't let through (a firewall?): receives as usual" in note
        collecting.spooled(3, 0.5)
        send(wire, [b"forbidden"] * 3, source=FORBIDDEN)
        send(wire, [b"allowed"])
        assert collecting.spooled(99, 0.5) == [(THERE4, b"allowed")]
    finally:
        nft(wire, "delete table inet t")


def nft(wire: Wire, text: str) -> None:
    subprocess.run(wire.command(["nft", "-f", "-"]), input=text, text=True, timeout=20, check=True)


def test_behind_a_bridge_each_comes_once(wire: Wire, collecting: Collecting) -> None:
    many = [struct.pack("!I", number) * 200 for number in range(2000)]
    _run(["ip", "-n", wire.here, "link", "add", "bridge0", "type", "bridge"])
    _run(["ip", "-n", wire.here, "link", "set", "bridge0", "up"])
    _run(["ip", "-n", wire.here, "address", "del", f"{HERE4}/24", "dev", "port0"])
    _run(["ip", "-n", wire.here, "link", "set", "port0", "master", "bridge0"])
    _run(["ip", "-n", wire.here, "address", "add", f"{HERE4}/24", "dev", "bridge0"])
    try:
        send(wire, many)
        assert collecting.spooled(len(many)) == [(THERE4, one) for one in many]
        assert collecting.spooled(1, 0.7) == []
        assert collecting.notes() == []
    finally:
        _run(["ip", "-n", wire.here, "link", "delete", "bridge0"])
        _run(["ip", "-n", wire.here, "address", "add", f"{HERE4}/24", "dev", "port0"])


def test_after_kill_9_a_new_receiver_goes_on_with_the_same_spool(wire: Wire, collecting: Collecting) -> None:
    found = []
    for round_ in range(3):
        send(wire, [struct.pack("!II", round_, number) * 100 for number in range(500)])
        found += [struct.unpack_from("!II", payload) for _, payload in collecting.spooled(500)]
        exporters.stop(collecting.process, signal.SIGKILL)
        collecting.again()
    assert found == [(round_, number) for round_ in range(3) for number in range(500)]
    exporters.stop(collecting.process)
    assert collecting.notes() == []
    assert unexplained(collecting.told().counts) == 0
    assert sum(one.count for one in collecting.told().counts if one.name == "spooled") == 1500
    assert sum(one.count for one in collecting.told().counts if one.name == "drops") == 0
