"""Files of nfcapd, nfpcapd, sfcapd and nfdump -w.

Question:
    Which flows did a collector of the nfdump family keep?
How:
    Blocks are unpacked one by one; the records of a block are found by following their sizes (all at once where they
    allow), grouped by their list of elements, and gathered as NumPy columns. No record becomes a Python object. With the
    extra ``fast``, after four million records, compiled code writes each record straight into its columns.
Evidence:
    Start, end, addresses, ports, protocol, TCP flags, packets and octets, source after NAT, exporter and domain.
    Counters that nfcapd had multiplied by the sampling rate are divided again when the rate is in the file.
Limits:
    Layouts 1 (nfdump 1.6; its NAT fields are not read) and 2 (nfdump 1.7), either byte order; not encrypted.
    Without the extra ``fast`` LZO is unpacked in plain Python: some megabytes a second. Names, statistics and payload are
    passed over.
Source:
    nfdump 1.7.1 `nffileV2.h`, `nfxV3.h`, `nfx.h`, `exporter.h` (layout facts); RFC 7012 for the columns.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sekisho.formats import nfcapd
from sekisho.formats.address_text import six_column
from sekisho.formats.lzo import lzo_unpacked
from sekisho.language import Text
from sekisho.model.tables import MOST_COUNTED, batch_of
from sekisho.ports.flows import Options, Tally

if TYPE_CHECKING:
    from sekisho.formats.nfcapd_fast import Walker

Array = npt.NDArray[Any]
Columns = dict[str, Array]
_BATCH = 1 << 17
_LATEST = 1 << 42  # ms of the epoch: year 2109
_SAMPLED = 2
# Records after which it is worth two CPU-seconds to compile the twin, if they are mixed.
_WORTH_COMPILING = 4_000_000
_LZO_WORTH_COMPILING = 4 << 20
# Why records have no row, in the order of the twin's counts.
_REASONS = ("record-length", "record-without-flow", "time", "counter")
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
# What the twin has ready as FLOW has it.
_READY = _NAMES | {
    "msecFirst": "flowStartMilliseconds",
    "msecLast": "flowEndMilliseconds",
    "inPackets": "packetDeltaCount",
    "inBytes": "octetDeltaCount",
    "interval": "samplingPacketInterval",
    "place": "exporter",
}


class Nfcapd:
    """Reader of nfdump's data files; ``fast_from`` says after how many records the twin of numba is compiled."""

    name = "nfcapd"
    title = Text(ja="nfcapd のファイル（nfdump 1.6、1.7）", en="nfcapd files (nfdump 1.6, 1.7)")
    options: Mapping[str, Text] = {
        "exporter": Text(
            ja="記録に送信元がないときの exporter 列の値（既定は読み手の名）",
            en="what stands in the column exporter when a record has none (default: the reader's name)",
        )
    }

    def __init__(self, fast_from: int = _WORTH_COMPILING) -> None:
        self._fast_from = fast_from
        # The same for blocks of LZO, in packed octets.
        self._fast_packed = min(fast_from, _LZO_WORTH_COMPILING)
        self._records = self._packed = 0

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the magic number is enough
        """Say whether ``head`` begins with nfdump's magic number and a layout number that was ever used."""
        header = nfcapd.header_of(head[:276])
        return header is not None and 1 <= header.layout <= 9  # noqa: PLR2004 - the magic alone is two octets

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield FLOW batches, each of one address family."""
        file = _File(tally, str(options.get("exporter") or self.name))
        for header, block in nfcapd.blocks(source, tally.reject, self._lzo):
            if self._records >= self._fast_from and not file.walker and header.order == "<":
                file.walker = _walker()
            file.take(header, block)
            self._records += block.records
            yield from file.ready(_BATCH)
        file.put_away()
        yield from file.ready(1)

    def _lzo(self, packed: bytes, largest: int) -> bytes:
        """Unpack a block, by the twin once some megabytes were: plain Python needs a CPU-second for three."""
        self._packed += len(packed)
        if self._packed < self._fast_packed or not _has_numba():
            return lzo_unpacked(packed, largest)
        from sekisho.formats import lzo_fast

        return lzo_fast.lzo_unpacked(packed, largest)


@cache
def _has_numba() -> bool:
    """Say whether the extra ``fast`` is installed."""
    return importlib.util.find_spec("numba") is not None


def _walker() -> Walker | None:
    """Return the twin; None where it can't be had."""
    if not _has_numba():
        return None
    from sekisho.formats.nfcapd_fast import Walker

    return Walker()


class _File:
    """What is known of one file so far: exporters, samplers, and rows waiting to be a batch."""

    def __init__(self, tally: Tally, exporter: str) -> None:
        self.tally = tally
        self.exporters: list[str] = [exporter]
        # By sysid: place in ``exporters``; 1 of n.
        self.places = np.zeros(1 << 16, np.int16)
        self.intervals = np.zeros(1 << 16, np.uint32)
        self.waiting: dict[tuple[str, ...], list[Columns]] = {}
        # The twin, and by shape the columns that it writes into and how many rows they hold.
        self.walker: Walker | None = None
        self.rooms: dict[int, tuple[Columns, int]] = {}

    def take(self, header: nfcapd.Header, block: nfcapd.Block) -> None:
        """Add the flows of one block."""
        starts, kinds, sizes, missing = self._found(block, header.order)
        if block.torn is not None:
            self.tally.reject("block-torn", f"block {block.number}, octet {block.torn}", max(1, missing))
        elif missing:
            self.tally.reject("record-length", f"block {block.number}", missing)
        new, old = kinds == nfcapd.COMMON_2, kinds == nfcapd.COMMON_1
        for other in np.flatnonzero(~(new | old)):
            self._learn(block, header.order, int(starts[other]), int(kinds[other]), int(sizes[other]))
        if self.walker:
            self._scatter(self.walker, block)
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

    def _found(self, block: nfcapd.Block, order: str) -> tuple[Array, Array, Array, int]:
        """Return start, type and size of each record, of which the twin keeps its own, and how many are missing."""
        if not self.walker:
            return nfcapd.record_starts(block, order)
        walk = self.walker.walk(block)
        starts, kinds, sizes = walk.others.T
        return starts, kinds, sizes, walk.missing

    def _scatter(self, walker: Walker, block: nfcapd.Block) -> None:
        """Count what the twin left out, and let it write the rest."""
        from sekisho.formats.nfcapd_fast import columns

        walk = walker.last
        unfit = f"block {block.number}, octet {walk.unfit}"
        for reason, count in zip(_REASONS, walk.refused, strict=True):
            if count:
                where = unfit if reason == "record-without-flow" else f"block {block.number}"
                self.tally.reject(reason, where, count)
        for shape, rows in enumerate(walk.rows):
            if not rows:
                continue
            room, used = self.rooms.get(shape, ({}, 0))
            if not room or used + rows > len(room["place"]):
                self._put_away(shape)
                room, used = columns(shape, max(_BATCH, rows)), 0
            unknown = walker.fill(shape, self.intervals, self.places, room, used)
            if unknown:
                self.tally.note("scaled-by-unknown-sampling", unknown)
            self.rooms[shape] = room, used + rows

    def put_away(self) -> None:
        """Let all that the twin wrote wait for its batch."""
        for shape in tuple(self.rooms):
            self._put_away(shape)

    def _put_away(self, shape: int) -> None:
        room, used = self.rooms.pop(shape, ({}, 0))
        if used:
            flow = {_READY[name]: values[:used] for name, values in room.items()}
            self.waiting.setdefault(tuple(sorted(flow)), []).append(flow)

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
                yield self._batch({name: _joined([part[name] for part in parts]) for name in shape})
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


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


READER = Nfcapd()
