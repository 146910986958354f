"""Real exporters of Debian, a real receiver process, the spool, the decoder: what was sent is what is counted.

Each exporter watches the same known traffic. tcpdump's capture, read packet by packet, is the truth; nfdump's
collectors are given the same datagrams and must count the same flows, packets and octets.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

import pyarrow as pa
import pytest

from fakes.tally import Counts
from sekisho.formats.flow_export import Decoder
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.model.pipeline import StageCount, unexplained
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.stores.records_duckdb import DuckRecords
from sekisho.stores.spool_place import key_file
from sekisho.workflows.receive import Receiving, last_told, waiting_blocks

from . import exporters
from .exporters import FILLER, HERE4, MARKER, Flow, Volume, Wire

pytestmark = pytest.mark.lab

KINDS = ("softflowd 5", "softflowd 9", "softflowd 10", "fprobe 5", "nfprobe 9", "nfprobe 10", "sfprobe")
SWITCH_KINDS = ("ovs 5", "ovs 10", "ovs sflow")
ONLY_IPV4 = {"softflowd 5", "fprobe 5", "ovs 5"}
OBSERVED = {"ovs 10": 2}  # the switch's IPFIX sees a packet where it enters and where it leaves
# sFlow gives a frame's length: the Ethernet header and a check sequence on top of the IP packet; the switch's NetFlow
# counts the header, too.
FRAME = {"sfprobe": 18, "ovs 5": 14, "ovs sflow": 18}
PORT = 2055
TRANSPORTS = (6, 17)


@dataclass
class Collected:
    """What came of one minute of the lab: by kind of exporter, and the truth."""

    truth: dict[Flow, Volume] = field(default_factory=dict)
    flows: dict[str, dict[Flow, Volume]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    datagrams: dict[str, list[bytes]] = field(default_factory=dict)
    nfdump: dict[str, dict[str, int]] = field(default_factory=dict)
    counts: tuple[StageCount, ...] = ()
    tally: Counts = field(default_factory=Counts)
    state: dict[str, object] = field(default_factory=dict)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    folder = tmp_path_factory.mktemp("exporters")
    found = Collected()
    with Wire(f"skx{os.getpid()}") as wire:
        targets = {kind: wire.address() for kind in KINDS}
        receiving = Receiving(
            name=f"lab-{os.getpid()}",
            listens=tuple((address, PORT) for address in targets.values()),
            most_octets=64 << 20,
        )
        try:
            export(wire, receiving, targets, folder, found)
            for kind in KINDS:
                program = "sfcapd" if kind == "sfprobe" else "nfcapd"
                place = folder / kind.replace(" ", "-")
                found.nfdump[kind] = exporters.nfcapd(wire, program, place, found.datagrams[kind])
        finally:
            shutil.rmtree(receiving.place().folder)
    return found


def export(wire: Wire, receiving: Receiving, targets: dict[str, str], folder: Path, found: Collected) -> None:
    """Run the exporters over the known traffic and put what was collected into ``found``."""
    collector = exporters.receiver(wire, receiving)
    capture = folder / "truth.pcap"
    witness = wire.start(["tcpdump", "-i", "port0", "-U", "-B", "20000", "-w", str(capture), "tcp or udp"])
    running: dict[str, subprocess.Popen[str]] = {}
    for kind, address in targets.items():
        name, _, version = kind.partition(" ")
        target = f"{address}:{PORT}"
        if name == "softflowd":
            running[kind] = exporters.softflowd(wire, target, int(version), folder)
        elif name == "fprobe":
            running[kind] = exporters.fprobe(wire, target)
        else:
            running[kind] = exporters.pmacctd(wire, target, kind, folder)
    exporters.until(capture.exists, what="tcpdump")
    time.sleep(2)
    wire.send()
    time.sleep(1.5)
    for kind, process in running.items():
        if "probe" in kind and kind != "fprobe 5":
            process.send_signal(signal.SIGINT)  # sends what it still holds
    decode(receiving, targets, found)
    exporters.stop(witness, signal.SIGINT)
    found.truth = exporters.seen_by_tcpdump(capture)
    exporters.stop(collector)
    told = last_told(receiving.place())
    assert told is not None
    found.counts = told.counts


def decode(receiving: Receiving, targets: dict[str, str], found: Collected) -> None:
    """Be the decoding process until all flows are there, or twelve seconds went by (fprobe takes seven)."""
    decoder = Decoder()
    names = {address: kind for kind, address in targets.items()}
    found.flows = {kind: {} for kind in targets}
    found.rows = dict.fromkeys(targets, 0)
    found.datagrams = {kind: [] for kind in targets}
    end = time.monotonic() + 12

    def complete() -> bool:
        wanted = {kind: 34 if kind in ONLY_IPV4 else 68 for kind in targets}
        have = {kind: len(known(flows)) for kind, flows in found.flows.items()}
        return time.monotonic() > end or (have == wanted and time.monotonic() > end - 9.5)

    for spool, block in waiting_blocks(receiving.place(), complete):
        for payload, exporter, _ in block.datagrams.each():
            found.datagrams[names[exporter]].append(payload)
        for batch in decoder.decode(block.datagrams, found.tally):
            add(batch, names, found)
        spool.done(block.end)
    found.state = decoder.state()


def add(batch: pa.RecordBatch, names: dict[str, str], found: Collected) -> None:
    """Add up the rows of a batch, row by row: the test's own plain way."""
    for row in batch.to_pylist():
        kind = names[row["exporter"].partition("#")[0]]
        ends = [row[f"{side}IPv{row['ipVersion']}Address"] for side in ("source", "destination")]
        flow = (
            str(ip_address(ends[0])),
            str(ip_address(ends[1])),
            row["sourceTransportPort"],
            row["destinationTransportPort"],
            row["protocolIdentifier"],
        )
        packets, octets = found.flows[kind].get(flow, (0, 0))
        found.flows[kind][flow] = packets + row["packetDeltaCount"], octets + row["octetDeltaCount"]
        found.rows[kind] += 1


def known(flows: dict[Flow, Volume]) -> dict[Flow, Volume]:
    return {flow: volume for flow, volume in flows.items() if FILLER not in flow and flow[-1] in TRANSPORTS}


@pytest.mark.parametrize("kind", KINDS)
def test_flows_packets_and_octets_are_those_of_the_wire(collected: Collected, kind: str) -> None:
    check(collected, kind)


def check(collected: Collected, kind: str) -> None:
    times = OBSERVED.get(kind, 1)
    truth = {
        flow: (times * packets, times * (octets + packets * FRAME.get(kind, 0)))
        for flow, (packets, octets) in known(collected.truth).items()
        if kind not in ONLY_IPV4 or ":" not in flow[0]
    }
    assert len(truth) == (34 if kind in ONLY_IPV4 else 68)  # 12 TCP both ways and 10 UDP, per address family
    assert known(collected.flows[kind]) == truth


@pytest.mark.parametrize("kind", KINDS)
def test_nfdump_counts_the_same_datagrams_alike(collected: Collected, kind: str) -> None:
    flows = collected.flows[kind]
    ours = {
        "flows": collected.rows[kind],
        "packets": sum(packets for packets, _ in flows.values()),
        "octets": sum(octets for _, octets in flows.values()),
    }
    assert ours == collected.nfdump[kind]


def test_every_datagram_is_accounted_for(collected: Collected) -> None:
    assert unexplained(collected.counts) == 0
    received = defaultdict(int)
    for one in collected.counts:
        received[one.name] += one.count
    assert received["drops"] == received["spool-full"] == received["not-allowed"] == 0
    assert received["spooled"] == sum(map(len, collected.datagrams.values()))
    assert sum(collected.tally.rejects.values()) == 0, collected.tally.rejects


def test_open_vswitch(tmp_path: Path) -> None:
    """The switch's user-space datapath carries the traffic and exports NetFlow v5, IPFIX and sFlow of it."""
    found = Collected()
    with Wire(f"sko{os.getpid()}") as wire:
        targets = {kind: wire.address() for kind in SWITCH_KINDS}
        listens = tuple((address, PORT) for address in targets.values())
        receiving = Receiving(name=f"lab-switch-{os.getpid()}", listens=listens, most_octets=64 << 20)
        try:
            collector = exporters.receiver(wire, receiving)
            there = {kind: f"{address}:{PORT}" for kind, address in targets.items()}
            with exporters.open_vswitch(wire, there, tmp_path):
                capture = tmp_path / "truth.pcap"
                witness = wire.start(["tcpdump", "-i", "port0", "-U", "-w", str(capture), "tcp or udp"])
                exporters.until(capture.exists, what="tcpdump")
                time.sleep(1.5)
                wire.send()
                decode(receiving, targets, found)
            exporters.stop(witness, signal.SIGINT)
            found.truth = exporters.seen_by_tcpdump(capture)
            exporters.stop(collector)
            told = last_told(receiving.place())
            assert told is not None
            assert unexplained(told.counts) == 0
        finally:
            shutil.rmtree(receiving.place().folder)
    for kind in SWITCH_KINDS:
        check(found, kind)


NAMES = (b"secret-name.example.net", b"/private/path?user=1")


def ipfix_with_names() -> list[bytes]:
    """Return a template with httpRequestHost, httpRequestTarget and a maker's field for a DNS name, and a record."""
    fields = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (2, 8), (1, 8), (460, 65535), (461, 65535)]
    template = b"".join(struct.pack("!HH", *one) for one in fields) + struct.pack(
        "!HHI", 0x8000 | 205, 65535, 35632
    )
    template = struct.pack("!HHHH", 2, 8 + len(template), 300, len(fields) + 1) + template
    texts = b"".join(bytes([len(one)]) + one for one in (NAMES[0], NAMES[1], NAMES[0]))
    record = (
        ip_address(HERE4).packed
        + ip_address("203.0.113.9").packed
        + struct.pack("!HHBQQ", 5, 53, 17, 1, 99)
        + texts
    )
    data = struct.pack("!HH", 300, 4 + len(record)) + record
    now = int(time.time())
    return [
        struct.pack("!HHIII", 10, 16 + len(body), now, number, 1) + body
        for number, body in enumerate((template, data))
    ]


@pytest.mark.parametrize("on_disk", [False, True], ids=["spool in memory", "spool on the disk"])
def test_no_payload_and_no_name_reaches_the_disk(tmp_path: Path, on_disk: bool) -> None:
    """sFlow of packets with a marker, IPFIX with names: both pass receiver, spool, decoder, door and store."""
    data = tmp_path / "data"
    data.mkdir()
    with Wire(f"sky{os.getpid()}") as wire:
        target = wire.address()
        receiving = Receiving(
            name=f"lab-private-{os.getpid()}",
            listens=((target, PORT),),
            most_octets=64 << 20,
            disk=str(data / "spool") if on_disk else "",
        )
        collector = exporters.receiver(wire, receiving)
        sampler = exporters.pmacctd(wire, f"{target}:{PORT}", "sfprobe", tmp_path)
        time.sleep(1.5)
        wire.send()
        with wire.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for one in ipfix_with_names():
                out.sendto(one, (target, PORT))
        time.sleep(0.7)
        exporters.stop(sampler, signal.SIGINT)
        time.sleep(0.3)
        exporters.stop(collector)
    where = receiving.place()
    assert (where.keys is not None) is on_disk
    raw = keep(receiving, data / "records")
    for mark in (MARKER, *NAMES):
        assert mark in raw, f"{mark!r} was never on the wire: the test would prove nothing"
    files = [path for path in data.rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in files}
    assert sum(map(len, contents.values())) > 10_000
    for path, content in contents.items():
        for mark in (MARKER[:12], b"secret-name", b"/private/path"):
            assert mark not in content, f"{mark!r} is in {path.name}"
    shutil.rmtree(where.folder)
    if where.keys:
        key_file(where.keys, where.folder).unlink()


def keep(receiving: Receiving, folder: Path) -> bytes:
    """Decode what was spooled, through the privacy door into a store; return the raw octets as they were received."""
    decoder, tally = Decoder(), Counts()
    door = Pseudonyms(bytes(range(32)), [ip_network("198.18.81.0/24"), ip_network("fd5e:c1a5:81::/48")])
    now = time.time_ns() // 1_000_000
    store = DuckRecords(folder, lambda: now)
    label = Label((Purpose.DEMONSTRATION,), LegalBasis.NOT_COMMUNICATION, Stage.RAW_FLOW, now + 3_600_000)
    raw = b""
    rows = 0
    for _spool, block in waiting_blocks(receiving.place(), lambda: False, follow=False):
        raw += b"".join(payload for payload, _, _ in block.datagrams.each())
        watched = [door.watch(batch)[0] for batch in decoder.decode(block.datagrams, tally)]
        rows += store.append("lab", iter(watched), label)
    assert rows > 400, tally.rejects
    store.compact("lab")
    return raw
