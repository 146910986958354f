"""A packet ring on loopback: what it takes and leaves, what it counts, and when the receiver goes back to its sockets."""

from __future__ import annotations

import os
import platform
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.language import Text
from sekisho.model.pipeline import by_exporter, unexplained
from sekisho.wires import ears
from sekisho.wires.packet_ring import PacketRing
from sekisho.wires.receiver import Listen, Receiver

from .packets import Putting, four, need_the_right, own_network, six

_QUIET = 3 * ears._COMPARE_SECONDS


@pytest.fixture(autouse=True, scope="module")
def network() -> Iterator[None]:
    need_the_right()
    with own_network():
        yield


@pytest.fixture
def put(network: None) -> Iterator[Putting]:
    made = Putting()
    yield made
    made.close()


@pytest.fixture
def ear() -> Iterator[Receiver]:
    made = Receiver([Listen("127.0.0.1", 0), Listen("::1", 0)], ring=True, buffer_octets=4 << 20)
    assert made.notes == ()
    yield made
    made.close()


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        yield made


def heard(one: Receiver, seconds: float, count: int = 1 << 30) -> list[bytes]:
    """Take for so long, or until ``count`` are there."""
    got: list[bytes] = []
    until = time.monotonic() + seconds
    while len(got) < count and time.monotonic() < until:
        block = one.take(0.05)
        if block is not None:
            got += [payload for payload, _, _ in block.each()]
    return got


def drops(one: Receiver) -> int:
    return sum(count.count for count in one.counts() if count.name == "drops")


def back(one: Receiver) -> bool:
    """Take until the receiver hears its sockets again; nothing may come."""
    until = time.monotonic() + 3
    while time.monotonic() < until:
        assert one.take(0.02) is None
        if not any(isinstance(ear, ears.RingEar) and not ear.six for ear in one._ears.heard):
            return True
    return False


# --- what it takes


def test_only_its_addresses_and_ports_and_others_keep_theirs(sender: socket.socket) -> None:
    others = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    one = Receiver([Listen("127.0.0.1", 0)], ring=True, buffer_octets=4 << 20)
    port = one.addresses[0].port
    others[0].bind(("127.0.0.2", port))
    others[1].bind(("127.0.0.1", 0))
    for number in range(20):
        sender.sendto(b"mine%d" % number, ("127.0.0.1", port))
        sender.sendto(b"theirs", ("127.0.0.2", port))
        sender.sendto(b"theirs", others[1].getsockname())
    assert heard(one, _QUIET) == [b"mine%d" % number for number in range(20)]
    for other in others:
        other.setblocking(False)
        assert [other.recv(99) for _ in range(20)] == [b"theirs"] * 20
        other.close()
    assert one.notes == ()
    one.close()


@pytest.mark.parametrize(("wildcard", "target"), [("0.0.0.0", "127.8.9.10"), ("::", "::1")])
def test_the_wildcard_is_each_address(wildcard: str, target: str) -> None:
    one = Receiver([Listen(wildcard, 0), Listen(wildcard, 0)], ring=True, buffer_octets=4 << 20)
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as out:
        for listen in one.addresses:
            out.sendto(str(listen.port).encode(), (target, listen.port))
    assert heard(one, 1, 2) == [str(listen.port).encode() for listen in one.addresses]
    one.close()


def test_a_link_local_address_is_that_of_its_interface() -> None:
    loop = socket.if_nametoindex("lo")
    ring = PacketRing([("fe80::1%lo", 2055)], octets=1 << 20, batch=8, slot_octets=64)
    from sekisho.wires.packet_ring import _INTERFACE, _program

    steps = _program([("fe80::1%lo", 2055)], six=True)
    place = next(number for number, step in enumerate(steps) if step[3] == _INTERFACE)
    assert steps[place + 1][3] == loop
    assert len(_program([("fe80::1", 2055)], six=True)) == len(steps) - 2
    ring.close()


def test_more_than_the_ring_holds_is_counted_and_it_goes_on_round_after_round(sender: socket.socket) -> None:
    one = Receiver([Listen("127.0.0.1", 0)], ring=True, buffer_octets=1 << 19)  # two blocks
    port = one.addresses[0].port
    got: list[bytes] = []
    sent = 0
    for round_ in range(12):
        for _ in range(2500 if round_ == 5 else 300):
            sender.sendto(struct.pack("!I", sent) * 100, ("127.0.0.1", port))
            sent += 1
        got += heard(one, 0.08)
    numbers = [struct.unpack_from("!I", payload)[0] for payload in got]
    assert all(
        payload == struct.pack("!I", number) * 100 for payload, number in zip(got, numbers, strict=True)
    )
    assert numbers == sorted(set(numbers))
    assert 0 < drops(one) == sent - len(got)
    assert numbers[-1] == sent - 1
    assert one.notes == ()
    one.close()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(0, 1500) | st.sampled_from([1999, 2000, 2001, 60000])),
        min_size=1, max_size=60,
    ),
    st.sampled_from([1000, 1472, 4000]),
)  # fmt: skip
def test_ring_and_sockets_receive_the_same(mix: list[tuple[int, int]], lent: int) -> None:
    """Any sizes and sources, into own slots or lent ones that are shorter or longer than the own ones."""
    lend = np.zeros((64, lent), np.uint8)
    found = []
    for ring in (False, True):
        one = Receiver(
            [Listen("127.0.0.1", 0)], ring=ring, slot_octets=2000, buffer_octets=4 << 20, room=lambda _: lend
        )
        for number, (host, size) in enumerate(mix):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.bind((f"127.0.0.{host}", 0))
                out.sendto((struct.pack("!I", number) * 15000)[:size], ("127.0.0.1", one.addresses[0].port))
        got, whole = [], sum(size <= 2000 for _, size in mix)
        until = time.monotonic() + 5
        while time.monotonic() < until:
            block = one.take(0.05)
            if block is not None:
                got += [(payload, exporter) for payload, exporter, _ in block.each()]
            received = by_exporter(one.counts())
            if sum(row.get("receiver received", 0) for row in received.values()) == len(mix):
                break
        assert len(got) == whole
        assert unexplained(one.counts()) == whole
        # "udp 127.0.0.1:port" and "packet ring IPv4" are not the same name, and the machine's drops are no one's.
        found.append((got, {name: row for name, row in received.items() if name[:4] == "127."}))
        assert one.notes == ()
        one.close()
    assert found[0] == found[1]


def test_a_pause_is_no_longer_than_the_ring_takes_a_burst() -> None:
    """The kernel gives a socket twice the buffer that it is asked for, and a ring what it is asked for."""
    one = Receiver([Listen("127.0.0.1", 0)], ring=True)
    assert one._pauses.seconds() <= one._ears.rings[0].ring.size / 1.25e9 < 0.06
    one.close()


def test_what_came_before_the_ring_stood_is_counted_at_once(
    sender: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that is killed is never asked at its end."""
    ring = ears._ring

    def later(mine: Sequence[ears.Ear], *sizes: int) -> PacketRing | Text:
        for _ in range(3):
            sender.sendto(b"early", mine[0].socket.getsockname())
        return ring(mine, *sizes)

    monkeypatch.setattr(ears, "_ring", later)
    one = Receiver([Listen("127.0.0.1", 0)], ring=True, buffer_octets=4 << 20)
    assert drops(one) == 3
    sender.sendto(b"in time", ("127.0.0.1", one.addresses[0].port))
    assert heard(one, _QUIET) == [b"in time"]
    assert (drops(one), one.notes) == (3, ())
    one.close()
    assert drops(one) == 3


# --- packets that lie


@pytest.mark.parametrize(
    "packet",
    [
        lambda port: four(port, b"lie" * 9, udp=9),
        lambda port: four(port, b"lie" * 9, udp=8 + 28),
        lambda port: four(port, b"lie" * 9, udp=65535),
        lambda port: four(port, b"lie" * 9, udp=7),
        lambda port: four(port, b"lie" * 9, udp=0),
        lambda port: four(port, b"lie" * 9, total=28),
        lambda port: four(port, b"lie" * 9, total=20),
        lambda port: four(port, b"lie" * 9, total=28 + 28),
        lambda port: four(port, b"lie" * 9, total=65535, udp=65515),
        lambda port: four(port, b"", total=28),
        lambda port: six(port, b"lie" * 9, udp=9),
        lambda port: six(port, b"lie" * 9, udp=8 + 28),
        lambda port: six(port, b"lie" * 9, udp=7),
        lambda port: six(port, b"lie" * 9, udp=0),
        lambda port: six(port, b"lie" * 9, total=0),
        lambda port: six(port, b"lie" * 9, total=7),
        lambda port: six(port, b"lie" * 9, total=9 * 3 + 9),
    ],
)
def test_a_packet_whose_lengths_lie_is_seen_as_the_system_sees_it(
    ear: Receiver, put: Putting, packet: Callable[[int], bytes]
) -> None:
    """The same packet to a socket and to the ring: both deliver the same octets, or neither does."""
    for number in range(2):
        made = packet(ear.addresses[number].port)
        if (made[0] >> 4 == 6) is bool(number):
            break
    family, host = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))[number]
    with socket.socket(family, socket.SOCK_DGRAM) as plain:
        plain.bind((host, 0))
        plain.setblocking(False)
        kind = (0x0800, 0x86DD)[number]
        put(packet(plain.getsockname()[1]), kind)
        put(made, kind)
        time.sleep(0.01)
        try:
            wanted = [plain.recv(1 << 16)]
        except BlockingIOError:
            wanted = []
    assert heard(ear, 2 * ears._COMPARE_SECONDS + 0.1) == wanted
    ring = next(one.ring for one in ear._ears.rings if one.six is bool(number))
    assert ring.bad == 1 - len(wanted)
    assert (ear.notes, drops(ear)) == ((), 0)


def test_many_lies_are_no_difference(ear: Receiver, put: Putting) -> None:
    port = ear.addresses[0].port
    for _ in range(1000):
        put(four(port, b"lie", udp=999))
    put(four(port, b"good"))
    assert heard(ear, _QUIET) == [b"good"]
    assert ear._ears.rings[0].ring.bad == 1000
    assert (ear.notes, drops(ear)) == ((), 0)


def test_a_header_that_is_none_is_no_datagram(ear: Receiver, put: Putting) -> None:
    for words, version in ((4, 4), (0, 4), (5, 5)):
        packet = bytearray(four(ear.addresses[0].port, b"x" * 40, words=words, version=version))
        # Where a shorter header would end, the port stands, too.
        packet[4 * words + 2 : 4 * words + 4] = struct.pack("!H", ear.addresses[0].port)
        put(bytes(packet))
    assert heard(ear, _QUIET) == []
    assert (ear.notes, drops(ear)) == ((), 0)


# --- back to the sockets


def test_what_only_the_ring_sees_ends_it(ear: Receiver, sender: socket.socket, put: Putting) -> None:
    """A wrong checksum of the IP header: the system lets no such packet in."""
    place = ("127.0.0.1", ear.addresses[0].port)
    sender.sendto(b"before", place)
    assert heard(ear, 1, 1) == [b"before"]
    heard(ear, _QUIET)
    put(four(place[1], b"forged", spoil=1))
    assert heard(ear, 1, 1) == [b"forged"]
    assert back(ear)
    assert [note.en for note in ear.notes] == [
        "packet ring IPv4: it saw 1 that the system doesn't let through (a firewall?): receives as usual"
    ]
    put(four(place[1], b"forged", spoil=1))
    for number in range(500):
        sender.sendto(b"%d" % number, place)
    assert heard(ear, 0.5) == [b"%d" % number for number in range(500)]
    assert drops(ear) == 0
    # The other family's ring stays.
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as out:
        out.sendto(b"six", ("::1", ear.addresses[1].port))
    assert heard(ear, 1, 1) == [b"six"]
    assert len(ear.notes) == 1


def test_what_only_the_sockets_get_ends_it_and_is_counted(ear: Receiver) -> None:
    """A datagram in fragments: it is whole only behind the ring."""
    port = ear.addresses[0].port
    long = b"long" * 750
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as out:
        for packet in fragments(port, long):
            out.sendto(packet, ("127.0.0.1", 0))
    assert back(ear)
    assert [note.en for note in ear.notes] == [
        "packet ring IPv4: lost 1 that came to the sockets only (fragmented datagrams?): receives as usual"
    ]
    assert drops(ear) == 1
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as out:
        for packet in fragments(port, long):
            out.sendto(packet, ("127.0.0.1", 0))
    assert heard(ear, 1, 1) == [long]
    assert drops(ear) == 1


def fragments(port: int, payload: bytes) -> list[bytes]:
    """Return a datagram as two IPv4 fragments; the kernel fills checksum and length in."""
    body = struct.pack("!HHHH", 999, port, 8 + len(payload), 0) + payload
    ends = 2 * socket.inet_aton("127.0.0.1")
    made = []
    for begin, part in ((0, body[:1600]), (1600, body[1600:])):
        flags = begin // 8 | (0 if begin else 0x2000)
        made.append(struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(part), 77, flags, 64, 17, 0) + ends + part)
    return made


def test_going_back_under_load_loses_nothing_uncounted_and_doubles_nothing(
    ear: Receiver, sender: socket.socket, put: Putting
) -> None:
    place = ("127.0.0.1", ear.addresses[0].port)
    got: list[int] = []
    sent = 0
    until = time.monotonic() + 2
    while time.monotonic() < until:
        for _ in range(20):
            sender.sendto(struct.pack("!I", sent), place)
            sent += 1
        if sent == 200:
            for _ in range(100 * (os.cpu_count() or 1)):
                put(four(place[1], b"forged", spoil=1))
        got += [struct.unpack("!I", payload)[0] for payload in heard(ear, 0.002) if payload != b"forged"]
    got += [struct.unpack("!I", payload)[0] for payload in heard(ear, 0.5)]
    assert len(ear.notes) == 1
    assert sent > 400
    assert got == sorted(set(got)), "doubled, or out of order"
    assert sent - len(got) == drops(ear)


# --- where there can be none


def plain(one: Receiver, sender: socket.socket) -> list[str]:
    """Return the notes of a receiver that receives as usual."""
    sender.sendto(b"x", ("127.0.0.1", one.addresses[0].port))
    assert heard(one, 1, 1) == [b"x"]
    assert one._ears.rings == []
    one.close()
    return [note.en for note in one.notes if "ring" in note.en]


def test_other_processors_and_no_numba_and_shared_ports_receive_as_usual(
    sender: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = [Listen("127.0.0.1", 0)]
    (note,) = plain(Receiver(here, ring=True, share_port=True), sender)
    assert "share a port" in note
    with monkeypatch.context() as there:
        there.setattr(platform, "machine", lambda: "aarch64")
        (note,) = plain(Receiver(here, ring=True), sender)
        assert "x86-64 only" in note
    with monkeypatch.context() as there:
        for name in ("numba", "sekisho.wires.packet_ring", "sekisho.wires.packet_ring_fast"):
            there.setitem(sys.modules, name, None)  # type: ignore[arg-type]  # as the import system marks what is not there
        (note,) = plain(Receiver(here, ring=True), sender)
        assert "the extra `fast`" in note


def test_no_right_to_see_packets_receives_as_usual(sender: socket.socket) -> None:
    """In a child that has given up its right, as anybody's process would be without it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                notes = plain(Receiver([Listen("127.0.0.1", 0)], ring=True), own)
            os.write(writing, "\n".join(notes).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as said:
        assert said.read() == "no packet ring (Operation not permitted): receives as usual"
    assert status == 0


def test_closed_it_gives_its_memory_back_and_keeps_its_figures(sender: socket.socket) -> None:
    one = Receiver([Listen("127.0.0.1", 0)], ring=True, buffer_octets=1 << 20)
    for _ in range(2000):
        sender.sendto(b"x" * 1400, ("127.0.0.1", one.addresses[0].port))
    before = drops(one)
    block = one.take(1)
    descriptors = len(os.listdir("/proc/self/fd"))
    one.close()
    one.close()
    assert len(os.listdir("/proc/self/fd")) == descriptors - 3  # socket, ring, and the ring's memory
    assert drops(one) == before > 0
    assert block is not None
    assert set(block.octets[: len(block.length), :1400].ravel().tolist()) == {ord("x")}
    assert one.take(0.01) is None
