"""Packet captures, metered into flows: pcap and pcapng.

Question:
    Which flows do the packets of a capture make?
How:
    The packets' places are found by following the file's own lengths; their headers are gathered as NumPy columns,
    sorted by key and cut by the idle and active time-outs. Open flows are carried from block to block.
Evidence:
    One row per direction and flow: first and last time, addresses, ports, protocol, TCP flags (all of the flow's,
    or-ed), packets, octets (IP header and payload, as the IP header states). Payload is never looked at.
Limits:
    A tunnel's outer header counts. The later fragments of a packet have no ports and make flows with ports 0. A flow
    does not end by FIN or RST, only by its time-outs. Finding the packets' places is a plain loop.
Source:
    pcap-savefile(5); draft-ietf-opsawg-pcapng; RFC 791, 8200, 4302, 2516, 3032; RFC 5470 section 5 (metering).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from sekisho.errors import ReadingError
from sekisho.formats.address_text import six_column
from sekisho.formats.capture_file import Packets, is_capture, packets
from sekisho.formats.metering import Flows, Meter, MeterClock, single
from sekisho.formats.packet_headers import headers
from sekisho.language import Text
from sekisho.model.tables import batch_of
from sekisho.ports.flows import Options, Tally

_IDLE, _ACTIVE, _MOST = 15.0, 1800.0, 1 << 20
_LONGEST = 86_400.0 * 365
_BATCH = 1 << 16
# Packets metered at once: enough for speed, little enough for the caches.
_TURN = 1 << 18


class Pcap:
    """Reader of capture files."""

    name = "pcap"
    title = Text(
        ja="パケットキャプチャ（pcap、pcapng）をフローにまとめる",
        en="captures (pcap, pcapng) metered into flows",
    )
    options: Mapping[str, Text] = {
        "idle": Text(
            ja="無通信でフローを終える秒数（既定 15）",
            en="seconds without a packet that end a flow (default 15)",
        ),
        "active": Text(
            ja="続くフローを区切る秒数（既定 1800）",
            en="seconds after which a lasting flow is cut (default 1800)",
        ),
        "most_open": Text(
            ja="同時に開いておくフローの上限（既定 1048576）", en="most flows open at once (default 1048576)"
        ),
        "exporter": Text(
            ja="exporter 列の値：どのルーターのものか（既定は読み手の名）",
            en="what stands in the column exporter: whose flows they are (default: the reader's name)",
        ),
    }

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the magic number is enough
        """Say whether ``head`` begins with the magic number of pcap or pcapng."""
        return is_capture(head)

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield FLOW batches, each of one address family; flows in the order in which they ended, roughly."""
        metering = _Metering(tally, options)
        for found in packets(source, tally.reject):
            for begin in range(0, len(found.at), _TURN):
                metering.take(found.take(np.arange(begin, min(begin + _TURN, len(found.at)))))
                yield from metering.ready(_BATCH)
        metering.end()
        yield from metering.ready(1)


class _Metering:
    """One capture on its way: a clock, a meter for each family, and rows waiting to be a batch."""

    def __init__(self, tally: Tally, options: Options) -> None:
        idle = int(_number(options, "idle", _IDLE, 0.001, _LONGEST) * 1e6)
        active = int(_number(options, "active", _ACTIVE, 0.001, _LONGEST) * 1e6)
        most = int(_number(options, "most_open", _MOST, 1, 1 << 26))
        self.tally = tally
        self.exporter = str(options.get("exporter") or Pcap.name)
        self.clock = MeterClock(idle, active)
        self.meters = {family: Meter(idle, active, most) for family in (4, 6)}
        self.waiting: dict[int, list[Flows]] = {4: [], 6: []}

    def take(self, found: Packets) -> None:
        """Meter some packets."""
        times = self.clock.times(found.time)
        self.tally.note("packets", len(times))
        for part in headers(
            found, lambda reason, count: self.tally.reject(reason, "", count), self.tally.note
        ):
            if not len(part.which):
                continue
            rows = single(part.keys, times[part.which], found.time[part.which], part.octets, part.flags)
            self._keep(part.family, self.meters[part.family].add(rows, self.clock.now))

    def end(self) -> None:
        """End all open flows, and count what was odd."""
        for family, meter in self.meters.items():
            rest = meter.rest()
            if rest is not None:
                self._keep(family, rest)
            if meter.pushed_out:
                self.tally.note("flow-table-full", meter.pushed_out)
        if self.clock.stepped_back:
            self.tally.note("time-stepped-back", self.clock.stepped_back)

    def _keep(self, family: int, flows: Flows) -> None:
        if len(flows):
            self.waiting[family].append(flows)

    def ready(self, least: int) -> Iterator[pa.RecordBatch]:
        """Yield a batch of each family that has ``least`` rows waiting."""
        for family, parts in self.waiting.items():
            if parts and sum(len(part) for part in parts) >= least:
                flows = parts[0]
                for part in parts[1:]:
                    flows = flows.joined(part)
                parts.clear()
                self.tally.good(len(flows))
                yield batch_of(_columns(family, flows), self.exporter)


def _columns(family: int, flows: Flows) -> dict[str, Any]:
    words = flows.keys
    last = words[:, -1]
    found: dict[str, Any] = {
        "flowStartMilliseconds": flows.start // 1000,
        "flowEndMilliseconds": flows.end // 1000,
        "ipVersion": np.full(len(flows), family, np.uint8),
        "sourceTransportPort": (last >> np.uint64(24)).astype(np.uint16),
        "destinationTransportPort": (last >> np.uint64(8)).astype(np.uint16),
        "protocolIdentifier": last.astype(np.uint8),
        "tcpControlBits": flows.flags,
        "packetDeltaCount": flows.packets,
        "octetDeltaCount": flows.octets,
        "samplingPacketInterval": np.ones(len(flows), np.uint32),
    }
    if family == 4:  # noqa: PLR2004 - an address family
        found["sourceIPv4Address"] = (words[:, 0] >> np.uint64(32)).astype(np.uint32)
        found["destinationIPv4Address"] = words[:, 0].astype(np.uint32)
    else:
        octets = np.ascontiguousarray(words[:, :4]).astype(">u8").view(np.uint8).reshape(-1, 32)
        found["sourceIPv6Address"] = six_column(octets[:, :16])
        found["destinationIPv6Address"] = six_column(octets[:, 16:])
    return found


def _number(options: Options, name: str, usual: float, least: float, most: float) -> float:
    value = options.get(name, usual)
    try:
        number = float(value) if value is not None else usual
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise ReadingError(
            Text(ja=f"オプション {name} の値が誤り", en=f"the option {name} has a wrong value"),
            f"{name}={value}",
            Text(ja=f"{least} から {most} までの数にする", en=f"give a number from {least} to {most}"),
        )
    return number


READER = Pcap()
