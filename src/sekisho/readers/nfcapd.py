"""Files of nfcapd, nfpcapd, sfcapd and nfdump -w.

Question:
    Which flows did a collector of the nfdump family keep?
How:
    Blocks are unpacked one by one; the records of a block are found by following their sizes (all at once where they
    allow), grouped by their list of elements, and gathered as NumPy columns. No record becomes a Python object.
Evidence:
    Start, end, addresses, ports, protocol, TCP flags, packets and octets, source after NAT, exporter and domain.
    Counters that nfcapd had multiplied by the sampling rate are divided again when the rate is in the file.
Limits:
    Layouts 1 (nfdump 1.6; its NAT fields are not read) and 2 (nfdump 1.7), either byte order; not encrypted.
    LZO is unpacked in plain Python: some megabytes a second. Names, statistics and payload are passed over.
Source:
    nfdump 1.7.1 `nffileV2.h`, `nfxV3.h`, `nfx.h`, `exporter.h` (layout facts); RFC 7012 for the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sekisho.formats import nfcapd
from sekisho.formats.address_text import six_column
from sekisho.language import Text
from sekisho.model.tables import MOST_COUNTED, batch_of
from sekisho.ports.flows import Options, Tally

Array = npt.NDArray[Any]
Columns = dict[str, Array]
_BATCH = 1 << 17
_LATEST = 1 << 42  # ms of the epoch: year 2109
_SAMPLED = 2
# The one place where nfdump's names meet IPFIX's.
_NAMES = {
    "srcPort": "sourceTransportPort",
    "dstPort": "destinationTransportPort",
    "proto": "protocolIdentifier",
    "tcpFlags": "tcpControlBits",
    "src4": "sourceIPv4Address",
    "dst4": "destinationIPv4Address",
    "src6": "sourceIPv6Address",
    "dst6": "destinationIPv6Address",
    "xlateSrc4": "postNATSourceIPv4Address",
    "xlateSrcPort": "postNAPTSourceTransportPort",
}


class Nfcapd:
    """Reader of nfdump's data files."""

    name = "nfcapd"
    title = Text(ja="nfcapd のファイル（nfdump 1.6、1.7）", en="nfcapd files (nfdump 1.6, 1.7)")
    options: Mapping[str, Text] = {
        "exporter": Text(
            ja="記録に送信元がないときの exporter 列の値（通常はファイル名）",
            en="what stands in the column exporter when a record has none (usually the file's name)",
        )
    }

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the magic number is enough
        """Say whether ``head`` begins with nfdump's magic number and a layout number that was ever used."""
        header = nfcapd.header_of(head[:276])
        return header is not None and 1 <= header.layout <= 9  # noqa: PLR2004 - the magic alone is two octets

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield FLOW batches, each of one address family."""
        file = _File(tally, str(options.get("exporter") or self.name))
        for header, block in nfcapd.blocks(source, tally.reject):
            file.take(header, block)
            yield from file.ready(_BATCH)
        yield from file.ready(1)


class _File:
    """What is known of one file so far: exporters, samplers, and rows waiting to be a batch."""

    def __init__(self, tally: Tally, exporter: str) -> None:
        self.tally = tally
        self.exporters: list[str] = [exporter]
        # By sysid: place in ``exporters``; 1 of n.
        self.places = np.zeros(1 << 16, np.int16)
        self.intervals = np.zeros(1 << 16, np.uint32)
        self.waiting: dict[tuple[str, ...], list[Columns]] = {}

    def take(self, header: nfcapd.Header, block: nfcapd.Block) -> None:
        """Add the flows of one block."""
        starts, kinds, sizes, missing = nfcapd.record_starts(block, header.order)
        if block.torn is not None:
            self.tally.reject("block-torn", f"block {block.number}, octet {block.torn}", max(1, missing))
        elif missing:
            self.tally.reject("record-length", f"block {block.number}", missing)
        new, old = kinds == nfcapd.COMMON_2, kinds == nfcapd.COMMON_1
        for other in np.flatnonzero(~(new | old)):
            self._learn(block, header.order, int(starts[other]), int(kinds[other]), int(sizes[other]))
        short = new & (sizes < 12)  # noqa: PLR2004 - the record's header
        if short.any():
            self.tally.reject("record-length", f"block {block.number}", int(short.sum()))
            new &= ~short
        for layout, at, fields in nfcapd.layouts(block, header.order, starts[new], sizes[new]):
            if layout:
                self._keep(nfcapd.columns_2(layout, fields), block)
            else:
                self.tally.reject("record-without-flow", f"block {block.number}, octet {at[0]}", len(at))
        if old.any():
            for columns in nfcapd.columns_1(block, header.order, starts[old], sizes[old]):
                self._keep(columns, block)

    def _learn(self, block: nfcapd.Block, order: str, start: int, kind: int, size: int) -> None:
        """Note an exporter or a sampler; other kinds of records are counted."""
        if kind == nfcapd.EXPORTER and (found := nfcapd.exporter_of(block, order, start, size)):
            sysid, name = found
            if name not in self.exporters and len(self.exporters) < 1 << 15:
                self.exporters.append(name)
            if name in self.exporters:
                self.places[sysid] = self.exporters.index(name)
        elif kind in {nfcapd.SAMPLER, nfcapd.SAMPLER_OLD}:
            if rate := nfcapd.sampler_of(block, order, start, kind, size):
                self.intervals[rate[0]] = min(rate[1], 0xFFFFFFFF)
        else:
            self.tally.note(f"nfcapd-record-{kind}")

    def _keep(self, columns: Columns, block: nfcapd.Block) -> None:
        if "short" in columns:
            self.tally.reject("record-length", f"block {block.number}", len(columns["short"]))
            return
        good = (columns["msecFirst"] < _LATEST) & (columns["msecLast"] < _LATEST)
        if not good.all():
            self.tally.reject("time", f"block {block.number}", int((~good).sum()))
            columns = {name: values[good] for name, values in columns.items()}
        good = np.maximum(columns["inPackets"], columns["inBytes"]) <= MOST_COUNTED
        if not good.all():
            self.tally.reject("counter", f"block {block.number}", int((~good).sum()))
            columns = {name: values[good] for name, values in columns.items()}
        if not len(columns["proto"]):
            return
        flow = {_NAMES[name]: values for name, values in columns.items() if name in _NAMES}
        flow["flowStartMilliseconds"] = columns["msecFirst"].astype(np.int64)
        flow["flowEndMilliseconds"] = np.maximum(columns["msecFirst"], columns["msecLast"]).astype(np.int64)
        self._counters(columns, flow)
        flow["exporter"] = self.places[columns["sysid"]]
        self.waiting.setdefault(tuple(sorted(flow)), []).append(flow)

    def _counters(self, columns: Columns, flow: Columns) -> None:
        """Set packets, octets and the sampling interval; undo nfcapd's multiplication where the rate is known."""
        packets = columns["inPackets"].astype(np.int64)
        octets = columns["inBytes"].astype(np.int64)
        interval = np.zeros(len(packets), np.uint32)
        scaled = (columns["flags"] & _SAMPLED) != 0
        if scaled.any():
            rate = self.intervals[columns["sysid"]].astype(np.int64)
            exact = scaled & (rate > 0) & (packets % np.maximum(rate, 1) == 0)
            packets = np.where(exact, packets // np.maximum(rate, 1), packets)
            octets = np.where(exact, octets // np.maximum(rate, 1), octets)
            interval = np.where(exact, rate, 0).astype(np.uint32)
            if left := int((scaled & ~exact).sum()):
                self.tally.note("scaled-by-unknown-sampling", left)
        flow |= {"packetDeltaCount": packets, "octetDeltaCount": octets, "samplingPacketInterval": interval}

    def ready(self, least: int) -> Iterator[pa.RecordBatch]:
        """Yield a batch of each shape that has ``least`` rows waiting."""
        for shape, parts in self.waiting.items():
            if sum(len(part["exporter"]) for part in parts) >= least:
                yield self._batch({name: np.concatenate([part[name] for part in parts]) for name in shape})
                parts.clear()

    def _batch(self, columns: dict[str, Any]) -> pa.RecordBatch:
        rows = len(columns["exporter"])
        six = "sourceIPv6Address" in columns
        columns["ipVersion"] = np.full(rows, 6 if six else 4, np.uint8)
        for name in ("sourceIPv6Address", "destinationIPv6Address") if six else ():
            columns[name] = six_column(columns[name])
        columns["exporter"] = pa.DictionaryArray.from_arrays(
            pa.array(columns["exporter"], pa.int16()), pa.array(self.exporters, pa.utf8())
        )
        self.tally.good(rows)
        return batch_of(columns)


READER = Nfcapd()
