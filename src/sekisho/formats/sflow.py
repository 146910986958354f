"""sFlow version 5 datagrams (sflow.org, "sFlow Version 5", 2004): one row of FLOW for each flow sample.

A sample is one packet out of ``sampling_rate``: 1 packet and the frame's length in octets go into the row, and the
rate into ``samplingPacketInterval``. Its time is when the datagram came in: the format has no clock but the uptime.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sekisho.formats.flow_columns import (
    END,
    EXPORTER,
    INTERVAL,
    IPV4,
    IPV6,
    OCTETS,
    PACKETS,
    START,
    Out,
    Shape,
)
from sekisho.formats.flow_columns import (
    VERSION as IP_VERSION,
)
from sekisho.formats.flow_records import Array, Offsets
from sekisho.formats.message_sets import Block, Faults
from sekisho.formats.sampled_packets import Packets, read_packets

VERSION = 5
#: How the decoder tells this 5 from NetFlow's.
SFLOW = 0x10005
HEADER = 28
_ADDRESS_6 = 2
_FLOW, _COUNTER, _FLOW_EXPANDED, _COUNTER_EXPANDED = 1, 2, 3, 4
_RAW, _SAMPLED_4, _SAMPLED_6 = 1, 3, 4
_MOST_SAMPLES, _MOST_RECORDS = 1_024, 64
_PAIR = 8
_LEAST = {_RAW: 16, _SAMPLED_4: 32, _SAMPLED_6: 56}


class Heads(NamedTuple):
    """Datagram headers: where the samples begin, where the datagram ends, how many samples it says it has."""

    good: Array
    begin: Offsets
    end: Offsets
    sub_agent: Offsets
    sequence: Offsets
    samples: Offsets

    def take(self, which: Array) -> Heads:
        """Return some of them."""
        return Heads(*(column[which] for column in self))


class _Items(NamedTuple):
    """Samples of datagrams, or records of samples: ``owner`` is the index of what each lies in."""

    owner: Offsets
    kind: Offsets
    begin: Offsets
    end: Offsets

    def take(self, which: Array) -> _Items:
        return _Items(*(column[which] for column in self))


def headers(block: Block, begins: Offsets, ends: Offsets) -> Heads:
    """Read datagram headers; ``good`` is false where one is torn or its agent has no address of a known kind."""
    kind = block.quad(begins + 4)
    skip = np.where(kind == _ADDRESS_6, 24, 12)
    good = ((kind == 1) | (kind == _ADDRESS_6)) & (begins + skip + 16 <= ends)
    at = np.where(good, begins + skip, begins)
    return Heads(good, at + 16, ends, block.quad(at), block.quad(at + 4), block.quad(at + 12))


@dataclass
class Samples:
    """Flow samples that became rows; ``message``: index of each row's datagram; ``counters``: counter samples passed."""

    parts: list[tuple[Shape, Out, Offsets]] = field(default_factory=list)
    counters: int = 0

    @property
    def message(self) -> Offsets:
        """Return the index of the datagram of each row."""
        return (
            np.concatenate([message for _, _, message in self.parts]) if self.parts else np.empty(0, np.int64)
        )

    def columns(self, received: Array, codes: Array) -> Iterator[tuple[Shape, Out]]:
        """Yield whole columns; ``received`` and ``codes`` (of the exporter) have a value for each datagram."""
        for shape, out, message in self.parts:
            out[START] = out[END] = received[message]
            out[EXPORTER] = codes[message]
            yield shape, out


def samples(block: Block, heads: Heads, fault: Faults) -> Samples:
    """Read all flow samples; ``fault`` gets what can't be read, with the index of its datagram."""
    found = Samples()
    items = _items(block, heads.begin, heads.end, np.minimum(heads.samples, _MOST_SAMPLES), "sample", fault)
    if (many := heads.samples > _MOST_SAMPLES).any():
        fault("too-many-samples", np.flatnonzero(many))
    found.counters = int(np.isin(items.kind, (_COUNTER, _COUNTER_EXPANDED)).sum())
    flows = items.take(np.isin(items.kind, (_FLOW, _FLOW_EXPANDED)))
    other = ~np.isin(items.kind, (_FLOW, _FLOW_EXPANDED, _COUNTER, _COUNTER_EXPANDED))
    if other.any():
        fault("sample-kind", items.owner[other])
    expanded = flows.kind == _FLOW_EXPANDED
    size = np.where(expanded, 44, 32)
    torn = flows.begin + size > flows.end
    if torn.any():
        fault("sample-truncated", flows.owner[torn])
        flows, expanded, size = flows.take(~torn), expanded[~torn], size[~torn]
    if not len(flows.owner):
        return found
    rate = block.quad(flows.begin + np.where(expanded, 12, 8))
    count = block.quad(flows.begin + np.where(expanded, 40, 28))
    records = _items(
        block,
        flows.begin + size,
        flows.end,
        np.minimum(count, _MOST_RECORDS),
        "record",
        lambda reason, which: fault(reason, flows.owner[which]),
    )
    _rows(block, flows, records, rate, found, fault)
    return found


def _items(block: Block, begins: Offsets, ends: Offsets, counts: Offsets, name: str, fault: Faults) -> _Items:
    """Find (format, length, body) items one behind the other; a length that lies ends its row."""
    alive = np.flatnonzero(counts > 0)
    at, stop, left = begins[alive], ends[alive], counts[alive]
    rounds: list[_Items] = []
    while len(alive):
        fits = at + _PAIR <= stop
        here = np.where(fits, at, 0)
        end = here + _PAIR + block.quad(here + 4)
        good = fits & (end <= stop)
        if not good.all():
            fault(f"{name}-truncated", alive[~good])
        rounds.append(_Items(alive[good], block.quad(here[good]), here[good] + _PAIR, end[good]))
        more = good & (left > 1)
        alive, at, stop, left = alive[more], end[more], stop[more], left[more] - 1
    if not rounds:
        return _Items(alive, alive, alive, alive)
    return _Items(*(np.concatenate(columns) for columns in zip(*rounds, strict=True)))


def _rows(block: Block, flows: _Items, records: _Items, rate: Offsets, found: Samples, fault: Faults) -> None:
    """Take the raw packet header of each sample; where there is none to be read, the sampled IPv4 or IPv6 record."""
    done = np.zeros(len(flows.owner), bool)
    not_ip = np.zeros(len(flows.owner), bool)
    for kind in (_RAW, _SAMPLED_4, _SAMPLED_6):
        mine = records.take((records.kind == kind) & (records.end - records.begin >= _LEAST[kind]))
        # The first of a kind: rounds stand one behind the other, so the first index is the first record.
        first = np.unique(mine.owner, return_index=True)[1]
        mine = mine.take(first)
        mine = mine.take(~done[mine.owner])
        if not len(mine.owner):
            continue
        if kind == _RAW:
            packets, octets, good = _raw(block, mine)
            not_ip[mine.owner[packets.family == 0]] = True
            mine = mine.take(good)
            parts = [(family, packets.family[good] == family) for family in (IPV4, IPV6)]
            columns = {"octets": octets[good]}
            for family, which in parts:
                if which.any():
                    out = _from_packets(block, packets, good, which, family)
                    _keep(found, family, out, columns["octets"][which], rate, flows, mine.owner[which])
            done[mine.owner] = True
        else:
            family = IPV4 if kind == _SAMPLED_4 else IPV6
            out = _from_record(block, mine.begin, family)
            _keep(found, family, out, block.quad(mine.begin), rate, flows, mine.owner)
            done[mine.owner] = True
    if (lost := ~done & not_ip).any():
        fault("not-ip", flows.owner[lost])
    if (lost := ~done & ~not_ip).any():
        fault("sample-without-packet", flows.owner[lost])


def _raw(block: Block, mine: _Items) -> tuple[Packets, Offsets, Array]:
    """Return the packets of raw header records, the frames' lengths, and which are IP."""
    begin = mine.begin + _LEAST[_RAW]
    end = np.minimum(mine.end, begin + block.quad(mine.begin + 12))
    packets = read_packets(block, block.quad(mine.begin), begin, end)
    return packets, block.quad(mine.begin + 4), packets.family > 0


def _from_packets(block: Block, packets: Packets, good: Array, which: Array, family: int) -> Out:
    network = packets.network[good][which]
    out = _addresses(block, network + (12 if family == IPV4 else 8), family)
    for name, column, kind in (
        ("sourceTransportPort", packets.source_port, np.uint16),
        ("destinationTransportPort", packets.destination_port, np.uint16),
        ("protocolIdentifier", packets.protocol, np.uint8),
        ("tcpControlBits", packets.flags, np.uint8),
    ):
        out[name] = column[good][which].astype(kind)
    return out


def _from_record(block: Block, begin: Offsets, family: int) -> Out:
    out = _addresses(block, begin + 8, family)
    rest = begin + 8 + (8 if family == IPV4 else 32)
    out["protocolIdentifier"] = block.quad(begin + 4).astype(np.uint8)
    out["sourceTransportPort"] = block.quad(rest).astype(np.uint16)
    out["destinationTransportPort"] = block.quad(rest + 4).astype(np.uint16)
    out["tcpControlBits"] = block.quad(rest + 8).astype(np.uint8)
    return out


def _addresses(block: Block, at: Offsets, family: int) -> Out:
    if family == IPV4:
        return {
            "sourceIPv4Address": block.quad(at).astype(np.uint32),
            "destinationIPv4Address": block.quad(at + 4).astype(np.uint32),
        }
    windows = np.ndarray((len(block.flat) - 15,), "V16", block.flat, 0, (1,))
    return {"sourceIPv6Address": windows[at], "destinationIPv6Address": windows[at + 16]}


def _keep(
    found: Samples, family: int, out: Out, octets: Offsets, rate: Offsets, flows: _Items, owner: Offsets
) -> None:
    rows = len(owner)
    out[PACKETS] = np.ones(rows, np.int64)
    out[OCTETS] = octets
    out[IP_VERSION] = np.full(rows, family, np.uint8)
    out[INTERVAL] = rate[owner].astype(np.uint32)
    found.parts.append((Shape(family, ()), out, flows.owner[owner]))
