"""Synthetic flows for the benches: columns, and the same flows as NetFlow v5, v9, IPFIX and sFlow v5 datagrams.

200,000 subscribers in 100.64.0.0/10, 2,000,000 external hosts of log-uniform popularity, half of the flows replies,
one in 10,000 with a listed address. Everything follows from the seed. As a program: says how fast it makes them.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import sys
import time
from pathlib import Path

import numpy as np

from sekisho.formats.datagrams import Datagrams

SUBSCRIBERS, HOSTS, LISTED = 200_000, 2_000_000, 100_000
NOON = 1_790_000_000_000  # ms of the epoch: when the last flow ends
SPAN = 600_000  # ms
UPTIME = 864_000_000  # ms of the exporter at NOON
INTERVAL = 1_000  # sFlow's sampling rate
PORT = 2055
_HIT = 1e-4
_SLOT = 1_472

Columns = dict[str, np.ndarray]
_NAMES = {
    8: "sourceIPv4Address",
    12: "destinationIPv4Address",
    7: "sourceTransportPort",
    11: "destinationTransportPort",
    4: "protocolIdentifier",
    6: "tcpControlBits",
    2: "packetDeltaCount",
    1: "octetDeltaCount",
    152: "flowStartMilliseconds",
    153: "flowEndMilliseconds",
}
V5 = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 2),
    (14, 2),
    (2, 4),
    (1, 4),
    (22, 4),
    (21, 4),
    (7, 2),
    (11, 2),
    (210, 1),
    (6, 1),
]
V5 += [(4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (210, 2)]
_TAIL = [(5, 1), (61, 1), (16, 4), (17, 4), (9, 1), (13, 1), (60, 1), (58, 2)]
V9 = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 2),
    (14, 2),
    (2, 4),
    (1, 4),
    (22, 4),
    (21, 4),
    (7, 2),
    (11, 2),
    (4, 1),
    (6, 1),
]
V9 += _TAIL
IPFIX = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 2),
    (14, 2),
    (2, 4),
    (1, 4),
    (152, 8),
    (153, 8),
    (7, 2),
    (11, 2),
    (4, 1),
    (6, 1),
]
IPFIX += [*_TAIL, (136, 1), (206, 1)]


def listed(seed: int = 7) -> np.ndarray:
    """Return the addresses of the list (uint32, different, ascending, none of them a subscriber or a usual host)."""
    rng = np.random.default_rng(seed)
    return np.unique(rng.integers(0xC0000000, 0xDF000000, 2 * LISTED, np.uint32))[:LISTED]


def columns(n: int, seed: int = 1) -> Columns:
    """Return ``n`` flows as columns with the names of FLOW."""
    rng = np.random.default_rng(seed)
    line = 0x64400000 + rng.integers(0, SUBSCRIBERS, n, np.uint32)
    rank = np.exp(rng.random(n, np.float32) * np.float32(np.log(HOSTS))).astype(np.uint32) % HOSTS
    # An odd multiplier spreads the ranks over 1.0.0.0 to 95.255.255.255 without two of them meeting.
    host = 0x01000000 + ((rank.astype(np.uint64) * 2_654_435_761) % 0x5F000000).astype(np.uint32)
    hits = np.flatnonzero(rng.random(n, np.float32) < _HIT)
    host[hits] = rng.choice(listed(), len(hits))
    service = rng.choice(np.array([443, 80, 53, 123, 22, 23, 8080, 5060], np.uint16), n)
    client = rng.integers(1024, 65535, n, np.uint16)
    reply = rng.random(n, np.float32) < 0.5
    packets = np.minimum(rng.geometric(0.08, n), 100_000).astype(np.int64)
    end = NOON - rng.integers(0, SPAN, n)
    udp = (service == 53) | (service == 123)
    return {
        "flowStartMilliseconds": end - rng.integers(0, 60_000, n),
        "flowEndMilliseconds": end,
        "ipVersion": np.full(n, 4, np.uint8),
        "sourceIPv4Address": np.where(reply, host, line),
        "destinationIPv4Address": np.where(reply, line, host),
        "sourceTransportPort": np.where(reply, service, client),
        "destinationTransportPort": np.where(reply, client, service),
        "protocolIdentifier": np.where(udp, 17, 6).astype(np.uint8),
        "tcpControlBits": np.where(udp, 0, 0x1B).astype(np.uint8),
        "packetDeltaCount": packets,
        "octetDeltaCount": packets * rng.integers(40, 1_500, n),
    }


def _packed(cols: Columns, rows: np.ndarray | slice, fields: list[tuple[int, int]]) -> np.ndarray:
    """Return records of these fields as uint8 [rows, octets of a record]; unknown fields hold their number."""
    names = [f"{place}" for place in range(len(fields))]
    formats = [f">u{width}" for _, width in fields]
    some = cols["sourceIPv4Address"][rows]
    records = np.zeros(len(some), np.dtype(list(zip(names, formats, strict=True))))
    for name, (element, width) in zip(names, fields, strict=True):
        if element in _NAMES:
            records[name] = cols[_NAMES[element]][rows]
        elif element in (21, 22):
            records[name] = UPTIME - (NOON - cols[_NAMES[174 - element]][rows])
        elif element == 60:
            records[name] = 4
        elif element != 210:
            records[name] = element % (1 << 8 * width)
    return records.view(np.uint8).reshape(len(some), -1)


def _block(octets: np.ndarray, length: np.ndarray, exporter: str) -> Datagrams:
    n = len(length)
    received = NOON + np.arange(n, dtype=np.int64) // 1_000
    return Datagrams(octets, length.astype(np.int32), np.zeros(n, np.int32), received, (exporter,))


def _fill_slots(octets: np.ndarray, at: int, records: np.ndarray, each: int) -> np.ndarray:
    """Lay ``each`` records into every slot from octet ``at`` on; return how many each slot has."""
    size = records.shape[1]
    whole = len(records) // each
    octets[:whole, at : at + each * size] = records[: whole * each].reshape(whole, -1)
    rest = records[whole * each :]
    if len(rest):
        octets[whole, at : at + rest.size] = rest.reshape(-1)
    return np.array([each] * whole + [len(rest)] * bool(len(rest)), np.int64)


def _put(octets: np.ndarray, at: int, kind: str, values: object) -> None:
    """Write one number of each slot."""
    np.ndarray((len(octets),), kind, octets, at, (octets.strides[0],))[:] = values


def v5(cols: Columns, exporter: str = "192.0.2.5") -> Datagrams:
    """Return the flows as NetFlow v5, 30 a datagram."""
    records = _packed(cols, slice(None), V5)
    octets = np.zeros((-(-len(records) // 30), _SLOT), np.uint8)
    counts = _fill_slots(octets, 24, records, 30)
    for at, kind, values in (
        (0, ">u2", 5),
        (2, ">u2", counts),
        (4, ">u4", UPTIME),
        (8, ">u4", NOON // 1000),
        (16, ">u4", np.cumsum(counts) - counts),
    ):
        _put(octets, at, kind, values)
    return _block(octets, 24 + counts * 48, exporter)


def _template(version: int, identifier: int, fields: list[tuple[int, int]]) -> bytes:
    body = struct.pack("!HH", identifier, len(fields)) + b"".join(struct.pack("!HH", *one) for one in fields)
    return struct.pack("!HH", 0 if version == 9 else 2, 4 + len(body)) + body


def _templated(
    cols: Columns,
    version: int,
    layouts: list[list[tuple[int, int]]],
    each: tuple[int, int],
    exporter: str,
    every: int,
) -> Datagrams:
    """Return datagrams with one data set each; every ``every`` of them (and first) a datagram with the templates."""
    rng = np.random.default_rng(3)
    n = len(cols["sourceIPv4Address"])
    guess = n // max(1, (each[0] + each[1]) // 2) + n // each[0] // 8 + 64
    counts = rng.integers(each[0], each[1] + 1, guess)
    which = rng.integers(0, len(layouts), guess)
    sizes = np.array([sum(width for _, width in fields) for fields in layouts])
    head = 20 if version == 9 else 16
    counts = np.minimum(counts, (_SLOT - head - 4) // sizes[which])
    ends = np.cumsum(counts)
    many = int(np.searchsorted(ends, n)) + 1
    counts, which, ends = counts[:many], which[:many], ends[:many]
    counts[-1] -= ends[-1] - n
    starts = np.cumsum(counts) - counts
    # A datagram of templates stands before every ``every`` datagrams of data.
    place = np.arange(many) + np.arange(many) // every + 1
    total = int(place[-1]) + 1
    octets = np.zeros((total, _SLOT), np.uint8)
    for number, fields in enumerate(layouts):
        for count in np.unique(counts[which == number]).tolist():
            mine = np.flatnonzero((which == number) & (counts == count))
            rows = (starts[mine][:, None] + np.arange(count)).reshape(-1)
            packed = _packed(cols, rows, fields).reshape(len(mine), -1)
            octets[place[mine], head + 4 : head + 4 + packed.shape[1]] = packed
    body = np.zeros(total, np.int64)
    body[place] = counts * sizes[which] + 4
    ids, records = np.zeros(total, np.int64), np.zeros(total, np.int64)
    ids[place], records[place] = 256 + which, counts
    _put(octets, head, ">u2", ids)
    _put(octets, head + 2, ">u2", body)
    templates = b"".join(_template(version, 256 + number, fields) for number, fields in enumerate(layouts))
    others = np.flatnonzero(body == 0)
    octets[others, head : head + len(templates)] = np.frombuffer(templates, np.uint8)
    body[others] = len(templates)
    _message_headers(octets, version, body + head, records, np.where(ids > 0, records, len(layouts)))
    return _block(octets, body + head, exporter)


def _message_headers(
    octets: np.ndarray, version: int, length: np.ndarray, records: np.ndarray, count: np.ndarray
) -> None:
    _put(octets, 0, ">u2", version)
    if version == 9:
        _put(octets, 2, ">u2", count)
        _put(octets, 4, ">u4", UPTIME)
        _put(octets, 8, ">u4", NOON // 1000)
        _put(octets, 12, ">u4", np.arange(len(octets)))
        _put(octets, 16, ">u4", 1)
    else:
        _put(octets, 2, ">u2", length)
        _put(octets, 4, ">u4", NOON // 1000)
        _put(octets, 8, ">u4", np.cumsum(records) - records)
        _put(octets, 12, ">u4", 1)


def _mixed(fields: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Return eight templates with the same useful fields: other orders, more or fewer others, wider counters."""
    rng = np.random.default_rng(5)
    useful = {*_NAMES, 21, 22, 60}
    found = []
    for number in range(8):
        some = [one for one in fields if one[0] in useful or rng.random() < 0.6]
        some = [(element, 8 if element in (1, 2) and number % 2 else width) for element, width in some]
        found.append([some[place] for place in rng.permutation(len(some))])
    return found


def v9(cols: Columns, exporter: str = "192.0.2.9", *, mixed: bool = False, every: int = 4_096) -> Datagrams:
    """Return the flows as NetFlow v9: 26 records of 53 octets a datagram, or ``mixed``: 8 templates, 5 to 26 records."""
    if mixed:
        return _templated(cols, 9, _mixed(V9), (5, 26), exporter, every)
    return _templated(cols, 9, [V9], (26, 26), exporter, every)


def ipfix(
    cols: Columns, exporter: str = "192.0.2.10", *, mixed: bool = False, every: int = 4_096
) -> Datagrams:
    """Return the flows as IPFIX: 23 records of 63 octets a datagram, or ``mixed``: 8 templates, 5 to 23 records."""
    if mixed:
        return _templated(cols, 10, _mixed(IPFIX), (5, 23), exporter, every)
    return _templated(cols, 10, [IPFIX], (23, 23), exporter, every)


def sflow(cols: Columns, exporter: str = "192.0.2.6", each: int = 7) -> Datagrams:
    """Return a sample for each flow (its first packet, as an Ethernet frame of 64 to 1,514 octets), ``each`` a datagram."""
    n = len(cols["sourceIPv4Address"])
    kept = 14 + 20 + 20
    padded = -(-kept // 4) * 4
    size = 8 + 32 + 8 + 16 + padded
    frame = np.clip(cols["octetDeltaCount"] // cols["packetDeltaCount"] + 14, 64, 1_514)
    samples = np.zeros((n, size), np.uint8)
    for at, kind, values in (
        (0, ">u4", 1),
        (4, ">u4", size - 8),
        (8, ">u4", np.arange(1, n + 1)),
        (12, ">u4", 3),
        (16, ">u4", INTERVAL),
        (20, ">u4", np.arange(1, n + 1, dtype=np.int64) * INTERVAL % (1 << 32)),
        (28, ">u4", 3),
        (32, ">u4", 4),
        (36, ">u4", 1),
        (40, ">u4", 1),
        (44, ">u4", 16 + padded),
        (48, ">u4", 1),
        (52, ">u4", frame),
        (56, ">u4", 4),
        (60, ">u4", kept),
        (64 + 12, ">u2", 0x0800),
        (78, "u1", 0x45),
        (80, ">u2", frame - 14),
        (86, "u1", 64),
        (87, "u1", cols["protocolIdentifier"]),
        (90, ">u4", cols["sourceIPv4Address"]),
        (94, ">u4", cols["destinationIPv4Address"]),
        (98, ">u2", cols["sourceTransportPort"]),
        (100, ">u2", cols["destinationTransportPort"]),
        (110, "u1", 0x50),
        (111, "u1", cols["tcpControlBits"]),
    ):
        _put(samples, at, kind, values)
    octets = np.zeros((-(-n // each), _SLOT), np.uint8)
    counts = _fill_slots(octets, 28, samples, each)
    for at, values in (
        (0, 5),
        (4, 1),
        (8, 0xC0000206),
        (16, np.arange(1, len(octets) + 1)),
        (20, UPTIME),
        (24, counts),
    ):
        _put(octets, at, ">u4", values)
    return _block(octets, 28 + counts * size, exporter)


def pcap(datagrams: Datagrams, path: Path | str, port: int = PORT) -> int:
    """Write the datagrams as UDP in IPv4 in Ethernet frames and return the octets written; exporters are IPv4."""
    n = len(datagrams)
    headers = np.zeros((n, 58), np.uint8)
    length = datagrams.length.astype(np.int64)
    addresses = [int.from_bytes(bytes(map(int, name.split(".")))) for name in datagrams.exporters]
    senders = np.array(addresses, np.int64)[datagrams.exporter]
    for at, kind, values in (
        (0, "<u4", datagrams.received // 1_000),
        (4, "<u4", datagrams.received % 1_000 * 1_000),
        (8, "<u4", length + 42),
        (12, "<u4", length + 42),
        (28, ">u2", 0x0800),
        (30, "u1", 0x45),
        (32, ">u2", length + 28),
        (38, "u1", 64),
        (39, "u1", 17),
        (42, ">u4", senders),
        (46, ">u4", 0xC0000201),
        (50, ">u2", 40_000),
        (52, ">u2", port),
        (54, ">u2", length + 8),
    ):
        _put(headers, at, kind, values)
    words = np.ndarray((n, 10), ">u2", headers, 30, (58, 2)).astype(np.int64).sum(axis=1)
    words = (words & 0xFFFF) + (words >> 16)
    _put(headers, 40, ">u2", ~((words & 0xFFFF) + (words >> 16)) & 0xFFFF)
    with Path(path).open("wb", buffering=1 << 20) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
        for row, octets in enumerate(length.tolist()):
            out.write(headers[row])
            out.write(datagrams.octets[row, :octets])
        return out.tell()


def main() -> int:
    """Print how many flows a CPU-second each form makes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200,000 flows")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    n = 200_000 if options.quick else 2_000_000
    begin = time.process_time()
    cols = columns(n)
    spent = {"columns": time.process_time() - begin}
    for make in (v5, v9, ipfix, sflow):
        begin = time.process_time()
        make(cols)
        spent[make.__name__] = time.process_time() - begin
    for name, seconds in spent.items():
        line = {
            "bench": "flows",
            "unit": "M flows/cpu-s",
            "target": name,
            "ours": round(n / seconds / 1e6, 2),
        }
        line |= {"agree": True, "load": round(os.getloadavg()[0], 2), "command": "bench/flows.py"}
        print(json.dumps(line) if options.json else f"{name:<10} {line['ours']:>8} M flows/cpu-s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
