"""The receiver on loopback: what it takes, refuses and counts, by many in one call, one by one, and by a packet ring."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
import pytest

from sekisho.errors import StoreError
from sekisho.formats.datagrams import Datagrams
from sekisho.model.pipeline import by_exporter, unexplained
from sekisho.wires import receiver as wire
from sekisho.wires.receiver import Listen, Receiver, everywhere
from sekisho.wires.sources import Sources

from .packets import WAYS, may


def heard(ear: Receiver, count: int, seconds: float = 5.0) -> list[tuple[bytes, str]]:
    """Take until ``count`` datagrams are there."""
    got: list[tuple[bytes, str]] = []
    until = time.monotonic() + seconds
    while len(got) < count and time.monotonic() < until:
        block = ear.take(0.05)
        if block is not None:
            got += [(payload, exporter) for payload, exporter, _ in block.each()]
    return got


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        yield made


@WAYS
def test_takes_what_was_sent_in_order_from_both_families(way: dict[str, bool]) -> None:
    ear = Receiver([Listen("127.0.0.1", 0), Listen("::1", 0)], **may(way))
    four, six = (one.port for one in ear.addresses)
    sent4 = [struct.pack("!I", number) * (1 + number % 300) for number in range(700)]
    sent6 = [b"six" + struct.pack("!I", number) for number in range(50)]
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as b,
    ):
        for payload in sent4:
            a.sendto(payload, ("127.0.0.1", four))
        for payload in sent6:
            b.sendto(payload, ("::1", six))
        got = heard(ear, 750)
    assert [payload for payload, exporter in got if exporter == "127.0.0.1"] == sent4
    assert [payload for payload, exporter in got if exporter == "::1"] == sent6
    table = by_exporter(ear.counts())
    assert table["127.0.0.1"]["receiver received"] == 700
    assert table["127.0.0.1"]["receiver octets"] == sum(map(len, sent4))
    assert table[f"udp [::1]:{six}"] == {"kernel drops": 0}
    ear.close()
    assert bool([note for note in ear.notes if "one by one" in note.en]) is ("singly" in way)


@WAYS
def test_a_mixed_batch_names_each_source(way: dict[str, bool]) -> None:
    ear = Receiver([Listen("127.0.0.1", 0)], **may(way))
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
    for number, one in enumerate(senders):
        one.bind((f"127.0.0.{100 + number}", 0))
    for round_ in range(10):
        for number, one in enumerate(senders):
            one.sendto(bytes([number, round_]), ("127.0.0.1", ear.addresses[0].port))
    got = heard(ear, 200)
    assert len(got) == 200
    assert all(exporter == f"127.0.0.{100 + payload[0]}" for payload, exporter in got)
    assert len(ear.exporters) == 20
    for one in senders:
        one.close()
    ear.close()


@WAYS
def test_only_allowed_exporters_and_not_too_many(sender: socket.socket, way: dict[str, bool]) -> None:
    ear = Receiver(
        [Listen("127.0.0.1", 0)], allowed=["127.0.0.0/25", "2001:db8::/32"], most_exporters=2, **may(way)
    )
    port = ear.addresses[0].port
    for host in (200, 1, 2, 3, 1, 200):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((f"127.0.0.{host}", 0))
            one.sendto(bytes([host]) * 5, ("127.0.0.1", port))
    got = heard(ear, 3)
    assert ear.take(0.05) is None
    assert [exporter for _, exporter in got] == ["127.0.0.1", "127.0.0.2", "127.0.0.1"]
    table = by_exporter(ear.counts())
    table[""].pop("kernel backlog-drops")  # of the whole machine
    assert table[""] == {
        "receiver received": 3,
        "receiver octets": 15,
        "receiver not-allowed": 2,
        "receiver too-many-exporters": 1,
    }
    ear.close()


@WAYS
def test_a_datagram_longer_than_its_slot_is_counted_not_cut(
    sender: socket.socket, way: dict[str, bool]
) -> None:
    ear = Receiver([Listen("127.0.0.1", 0)], slot_octets=100, **may(way))
    for size in (100, 101, 65000, 0, 99):
        sender.sendto(b"x" * size, ("127.0.0.1", ear.addresses[0].port))
    assert [len(payload) for payload, _ in heard(ear, 3)] == [100, 0, 99]
    table = by_exporter(ear.counts())["127.0.0.1"]
    assert (table["receiver received"], table["receiver too-long"]) == (5, 2)
    ear.close()


@WAYS
def test_kernel_drops_are_known_even_when_nothing_follows(
    sender: socket.socket, way: dict[str, bool]
) -> None:
    ear = Receiver([Listen("127.0.0.1", 0)], buffer_octets=4096, **may(way))
    sent = 2000
    for _ in range(sent):
        sender.sendto(b"x" * 1000, ("127.0.0.1", ear.addresses[0].port))
    got = len(heard(ear, sent, 0.5))
    drops = sum(one.count for one in ear.counts() if one.name == "drops")
    assert drops > 0
    assert got + drops == sent
    ear.close()
    assert sum(one.count for one in ear.counts() if one.name == "drops") == drops


def test_drops_before_the_socket_are_told_from_when_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    softnet = tmp_path / "softnet_stat"
    monkeypatch.setattr(wire, "_SOFTNET", softnet)
    softnet.write_text("072fce52 00000010 00000002\n073a056a 00000001 00000001\n")
    ear = Receiver([Listen("127.0.0.1", 0)])
    softnet.write_text("072fce52 00000012 00000002\n073a056a 00000101 00000001\n")
    assert {one.name: one.count for one in ear.counts()}["backlog-drops"] == 258
    softnet.unlink()
    assert {one.name: one.count for one in ear.counts()}["backlog-drops"] == 0
    ear.close()


@WAYS
def test_silence_ends_in_time_and_a_stop_within_200_ms(way: dict[str, bool]) -> None:
    ear = Receiver(everywhere([0]), **may(way))
    began = time.monotonic()
    assert ear.take(0.15) is None
    assert 0.14 < time.monotonic() - began < 0.35
    ear.close()


def test_a_full_batch_is_followed_without_a_pause(sender: socket.socket) -> None:
    ear = Receiver([Listen("127.0.0.1", 0)], batch=64)
    for number in range(640):
        sender.sendto(struct.pack("!I", number), ("127.0.0.1", ear.addresses[0].port))
    sizes = []
    while (block := ear.take(0.02)) is not None:
        sizes.append(len(block.length))
        assert isinstance(block, Datagrams)
    assert sizes == [64] * 10
    ear.close()


@pytest.mark.parametrize(
    ("octets", "longest"), [(212_992, 0.002), (4 << 20, 0.007), (wire.BUFFER_OCTETS, 0.1)]
)
def test_a_calm_receiver_pauses_no_longer_than_its_buffer_takes_a_burst(octets: int, longest: float) -> None:
    ear = Receiver([Listen("127.0.0.1", 0)], buffer_octets=octets)
    assert ear._pauses.seconds() <= longest
    ear.close()


def test_a_port_in_use_says_so_and_can_be_shared(sender: socket.socket) -> None:
    first = Receiver([Listen("127.0.0.1", 0)])
    with pytest.raises(StoreError, match="can't listen"):
        Receiver([Listen("127.0.0.1", first.addresses[0].port)])
    first.close()
    a = Receiver([Listen("127.0.0.1", 0)], share_port=True)
    b = Receiver([a.addresses[0]], share_port=True)
    for _ in range(64):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"x", ("127.0.0.1", a.addresses[0].port))
    got = len(heard(a, 64, 0.3)), len(heard(b, 64, 0.3))
    assert sum(got) == 64
    assert min(got) > 0
    a.close()
    b.close()


def test_sources_stay_bounded_under_a_spoofed_flood() -> None:
    sources = Sources((), 100)
    names = np.zeros((480, 32), np.uint8)
    length = np.full(480, 10, np.int32)
    cut = np.zeros(480, np.bool_)
    total = 0
    for round_ in range(400):
        names[:, 4:8] = (
            np.arange(480 * round_, 480 * round_ + 480, dtype=">u4").view(np.uint8).reshape(480, 4)
        )
        total += int((sources.index(names, length, cut, six=False) >= 0).sum())
    assert total == len(sources.names) == 100
    assert len(sources._refused) <= 65_536
    counts = sources.counts()
    assert sum(one.count for one in counts if one.name == "received") == 400 * 480
    assert unexplained(counts) == 100


def test_a_link_local_source_has_its_zone() -> None:
    names = np.zeros((2, 32), np.uint8)
    names[:, 8:10] = (0xFE, 0x80)
    names[:, 23] = 1
    names[1, 24:28] = np.frombuffer(struct.pack("=I", 3), np.uint8)
    sources = Sources((), 9)
    index = sources.index(names, np.ones(2, np.int32), np.zeros(2, np.bool_), six=True)
    assert [sources.names[number] for number in index] == ["fe80::1", "fe80::1%3"]


def test_nobody_needs_to_wait_for_the_receiver_to_stop(sender: socket.socket) -> None:
    """A loop that asks for a stop between two takes ends within 0.2 s under traffic and in silence."""
    for noisy in (False, True):
        ear = Receiver([Listen("127.0.0.1", 0)])
        stop = threading.Event()
        ended: list[float] = []

        def loop(ear: Receiver = ear, stop: threading.Event = stop, ended: list[float] = ended) -> None:
            while not stop.is_set():
                ear.take(0.1)
            ended.append(time.monotonic())

        worker = threading.Thread(target=loop)
        worker.start()
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            if noisy:
                sender.sendto(b"x", ("127.0.0.1", ear.addresses[0].port))
            else:
                time.sleep(0.01)
        asked = time.monotonic()
        stop.set()
        worker.join(2)
        assert ended[0] - asked < 0.2
        ear.close()


def test_a_flood_of_refused_sources_keeps_to_the_deadline(sender: socket.socket) -> None:
    """Each batch is full, and nothing in it may be taken: `take` comes back in time all the same."""
    ear = Receiver([Listen("127.0.0.1", 0)], allowed=["192.0.2.0/24"], batch=1)
    real, stop = ear._slots.fill, threading.Event()

    def fill(source: socket.socket, into: np.ndarray | None = None) -> int:
        if not stop.is_set():
            sender.sendto(b"x", ("127.0.0.1", ear.addresses[0].port))
        return real(source, into)

    ear._slots.fill = fill  # type: ignore[method-assign]
    taker = threading.Thread(target=ear.take, args=(0.1,))
    taker.start()
    taker.join(2)
    late = taker.is_alive()
    stop.set()
    taker.join(5)
    ear.close()
    assert not late
    assert sum(one.count for one in ear.counts() if one.name == "not-allowed") > 10


def source_names(*addresses: str) -> np.ndarray:
    """Socket addresses of the family IPv4, as the kernel writes them."""
    names = np.zeros((len(addresses), 32), np.uint8)
    for row, address in zip(names, addresses, strict=True):
        row[4:8] = np.frombuffer(IPv4Address(address).packed, np.uint8)
    return names


def index(sources: Sources, now: float, *addresses: str) -> list[int]:
    length, cut = np.full(len(addresses), 10, np.int32), np.zeros(len(addresses), np.bool_)
    return sources.index(source_names(*addresses), length, cut, six=False, now=now).tolist()


def test_forged_sources_do_not_lock_out_a_new_exporter_for_ever() -> None:
    sources = Sources((), 3)
    assert index(sources, 0.0, "192.0.2.1", "203.0.113.1", "203.0.113.2") == [0, 1, 2]
    assert index(sources, 10.0, "192.0.2.2") == [-1]
    # The real one goes on, the forged ones are heard no more.
    assert index(sources, 500.0, "192.0.2.1") == [0]
    assert index(sources, 599.0, "192.0.2.2") == [-1]
    held = sources.names
    (place,) = index(sources, 601.0, "192.0.2.2")
    assert place in {1, 2}
    assert sources.names[place] == "192.0.2.2"
    assert sources.names[0] == "192.0.2.1"
    assert held == ("192.0.2.1", "203.0.113.1", "203.0.113.2"), "blocks of before keep their names"
    counts = sources.counts()
    assert sum(one.count for one in counts if one.name == "received") == 7
    assert {one.exporter for one in counts} == {"", "192.0.2.1", "192.0.2.2", *sources.names}
    assert unexplained(counts) == 5
    assert by_exporter(counts)["192.0.2.2"]["receiver received"] == 1


def test_one_batch_never_gives_two_sources_one_place() -> None:
    sources = Sources((), 4)
    index(sources, 0.0, "203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4")
    batch = ("203.0.113.4", "192.0.2.1", "203.0.113.1", "192.0.2.2", "192.0.2.3", "192.0.2.4")
    places = index(sources, 1000.0, *batch)
    taken = [(place, address) for place, address in zip(places, batch, strict=True) if place >= 0]
    assert len(taken) == 4
    assert all(sources.names[place] == address for place, address in taken)


def test_names_given_out_over_a_whole_life_are_bounded() -> None:
    """Who keeps the datagrams has a table of exporters that only grows."""
    sources = Sources((), 2, most_named=3)
    index(sources, 0.0, "203.0.113.1", "203.0.113.2")
    assert index(sources, 1000.0, "203.0.113.3", "203.0.113.4").count(-1) == 1
    assert index(sources, 2000.0, "203.0.113.5") == [-1]
    assert index(sources, 3000.0, "203.0.113.3") != [-1]
