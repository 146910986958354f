"""Capture files as blocks of packets: classic pcap and pcapng, either byte order, any time resolution.

Only the places of the packets are taken (the file's own lengths lead from one to the next); their octets stay where
they are. Formats: libpcap's pcap-savefile(5); draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from sekisho.errors import ReadingError
from sekisho.formats.octet_fields import OctetFields
from sekisho.language import Text

Array = npt.NDArray[Any]
Reject = Callable[[str, str, int], None]

# Magic number as it stands in the file → byte order, ticks in a microsecond.
_CLASSIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1),
    b"\xa1\xb2\xc3\xd4": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\x3c\x4d": (">", 1000),
}
_SECTION = b"\x0a\x0d\x0d\x0a"
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_INTERFACE, _PACKET_OLD, _SIMPLE, _PACKET = 1, 2, 3, 6
_RESOLUTION, _OFFSET = 9, 14
_READ = 8 << 20
PADDING = 64
#: The longest packet of libpcap (MAXIMUM_SNAPLEN); USB captures may have more, flows have not.
LONGEST = 262_144
_LONGEST_BLOCK = 16 << 20
_MOST_INTERFACES = 1 << 16
_LATEST = (1 << 42) * 1000  # µs of the epoch: year 2109


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets in the order of the file; arrays with one value a packet.

    ``content`` octets (padded), ``at`` where a packet begins, ``captured`` and ``wire`` lengths, ``time`` µs of the
    epoch, ``link`` link-layer type (LINKTYPE_ of tcpdump.org).
    """

    content: bytes
    at: Array
    captured: Array
    wire: Array
    time: Array
    link: Array

    def take(self, which: Array) -> Packets:
        """Return some of the packets."""
        return Packets(
            self.content,
            self.at[which],
            self.captured[which],
            self.wire[which],
            self.time[which],
            self.link[which],
        )


def is_capture(head: bytes) -> bool:
    """Say whether ``head`` begins a capture file of either kind."""
    return head[:4] in _CLASSIC or (head[:4] == _SECTION and head[8:12] in _ORDERS)


def packets(source: BinaryIO, reject: Reject) -> Iterator[Packets]:
    """Yield the packets of a capture file, some megabytes of it at a time.

    ``reject`` is called with a reason id, the place and a count: ``packet-torn``, ``packet-length``,
    ``packet-without-time``, ``packet-without-interface``, ``time``.

    :raises ReadingError: not a capture file
    """
    head = source.read(24)
    if head[:4] in _CLASSIC and len(head) == 24:  # noqa: PLR2004 - the file header of pcap
        yield from _classic(source, head, reject)
    elif head[:4] == _SECTION and head[8:12] in _ORDERS:
        yield from _Sections(source, reject).packets(head)
    else:
        raise ReadingError(
            Text(ja="pcap でも pcapng でもない", en="neither pcap nor pcapng"),
            f"octets {head[:4].hex(' ')}",
            Text(ja="tcpdump -r で開けるか確かめる", en="check that tcpdump -r can open it"),
        )


def _classic(source: BinaryIO, head: bytes, reject: Reject) -> Iterator[Packets]:
    order, ticks = _CLASSIC[head[:4]]
    unpack = struct.Struct(order + "I").unpack_from
    # The upper bits tell the length of a frame check sequence.
    link = unpack(head, 20)[0] & 0xFFFF
    rest, place = b"", len(head)
    while True:
        more = source.read(_READ)
        content = rest + more
        starts: list[int] = []
        at, end = 0, len(content)
        while at + 16 <= end:
            after = at + 16 + unpack(content, at + 8)[0]
            if after > end:
                break
            starts.append(at)
            at = after
        if starts:
            yield from _timed(_of_classic(content, np.array(starts), order, ticks, link), place, reject)
        rest = content[at:]
        place += at
        if len(rest) >= 16 and unpack(rest, 8)[0] > LONGEST:  # noqa: PLR2004 - a packet header
            reject(
                "packet-length", f"octet {place}: says {unpack(rest, 8)[0]} octets; the rest is left out", 1
            )
            return
        if not more:
            if rest:
                reject("packet-torn", f"octet {place}", 1)
            return


def _of_classic(content: bytes, starts: Array, order: str, ticks: int, link: int) -> Packets:
    padded = content + bytes(PADDING)
    fields = OctetFields(padded, order)
    time = fields.at(starts, 4).astype(np.int64) * 1_000_000 + fields.at(starts + 4, 4) // ticks
    lengths = [fields.at(starts + offset, 4).astype(np.int64) for offset in (8, 12)]
    return Packets(padded, starts + 16, lengths[0], lengths[1], time, np.full(len(starts), link))


def _timed(found: Packets, place: int, reject: Reject) -> Iterator[Packets]:
    good = (found.time >= 0) & (found.time < _LATEST)
    if not good.all():
        reject("time", f"octet {place + int(found.at[~good][0])}", int((~good).sum()))
        found = found.take(good)
    if len(found.at):
        yield found


@dataclass(slots=True)
class _Interface:
    """A capturing interface: link type, and how its ticks become microseconds."""

    link: int
    power: int = 6
    binary: bool = False
    offset: int = 0

    def microseconds(self, ticks: Array) -> Array:
        if self.binary:
            whole = ticks >> np.uint64(self.power)
            part = (ticks & np.uint64((1 << self.power) - 1)).astype(np.float64) / float(1 << self.power)
            value = whole.astype(np.float64) * 1e6 + part * 1e6
            return np.minimum(value, 9e18).astype(np.int64) + self.offset * 1_000_000
        if self.power >= 6:  # noqa: PLR2004 - micro
            ticks = ticks // np.uint64(10 ** (self.power - 6))
        else:
            factor = 10 ** (6 - self.power)
            ticks = np.minimum(ticks, np.uint64(_LATEST // factor + 1)) * np.uint64(factor)
        return np.minimum(ticks, np.uint64(_LATEST)).astype(np.int64) + self.offset * 1_000_000


@dataclass(slots=True)
class _Sections:
    """Walks the blocks of a pcapng file; interfaces hold from their section's beginning to its end."""

    source: BinaryIO
    reject: Reject
    order: str = "<"
    coming: str = "<"
    interfaces: list[_Interface] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    place: int = 0

    def packets(self, head: bytes) -> Iterator[Packets]:
        rest = head
        while True:
            more = self.source.read(_READ)
            content = rest + more
            at = 0
            while 0 <= (after := self._after(content, at)) <= len(content):
                # A new section may change the byte order, and new interfaces their meaning.
                if content[at : at + 4] == _SECTION:
                    yield from self._flush(content)
                    self.interfaces.clear()
                    self.order = self.coming
                else:
                    self._block(content, at, after)
                at = after
            yield from self._flush(content)
            rest, self.place = content[at:], self.place + at
            if after < 0 and len(rest) >= 12:  # noqa: PLR2004 - the shortest block
                self.reject("packet-length", f"octet {self.place}: the rest is left out", 1)
                return
            if not more:
                if rest:
                    self.reject("packet-torn", f"octet {self.place}", 1)
                return

    def _after(self, content: bytes, at: int) -> int:
        """Return where the next block begins; -1 when that can't be (also at the end)."""
        if at + 12 > len(content):
            return -1
        if content[at : at + 4] == _SECTION:
            self.coming = _ORDERS.get(content[at + 8 : at + 12], "")
            if not self.coming:
                return -1
        order = self.coming if content[at : at + 4] == _SECTION else self.order
        length: int = struct.unpack_from(order + "I", content, at + 4)[0]
        # Lengths are multiples of four; some writers forget that, all pad.
        return at + (length + 3 & ~3) if 12 <= length <= _LONGEST_BLOCK else -1  # noqa: PLR2004 - as above

    def _block(self, content: bytes, at: int, after: int) -> None:
        kind = struct.unpack_from(self.order + "I", content, at)[0]
        length = after - at
        if kind in {_PACKET, _PACKET_OLD} and length >= 32:  # noqa: PLR2004 - its fixed fields
            self.found.append(at)
        elif kind == _SIMPLE:
            self.reject("packet-without-time", f"octet {self.place + at}", 1)
        elif kind == _INTERFACE and length >= 20 and len(self.interfaces) < _MOST_INTERFACES:  # noqa: PLR2004
            link = struct.unpack_from(self.order + "H", content, at + 8)[0]
            self.interfaces.append(self._options(_Interface(link), content, at + 16, after - 4))

    def _options(self, one: _Interface, content: bytes, at: int, end: int) -> _Interface:
        while at + 4 <= end:
            code, length = struct.unpack_from(self.order + "HH", content, at)
            if code == 0 or at + 4 + length > end:
                break
            if code == _RESOLUTION and length == 1:
                value = content[at + 4]
                one.binary, one.power = value >= 128, value & 127  # noqa: PLR2004 - the upper bit
                if one.power > (63 if one.binary else 19):
                    one.binary, one.power = False, 6
            elif code == _OFFSET and length == 8:  # noqa: PLR2004 - int64
                offset = struct.unpack_from(self.order + "q", content, at + 4)[0]
                one.offset = max(-(1 << 33), min(1 << 33, offset))
            at += 4 + (length + 3 & ~3)
        return one

    def _flush(self, content: bytes) -> Iterator[Packets]:
        if not self.found:
            return
        starts = np.array(self.found)
        self.found.clear()
        padded = content + bytes(PADDING)
        fields = OctetFields(padded, self.order)
        kinds = fields.at(starts, 4)
        interface = np.where(kinds == _PACKET, fields.at(starts + 8, 4), fields.at(starts + 8, 2)).astype(
            np.int64
        )
        captured, wire = (fields.at(starts + offset, 4).astype(np.int64) for offset in (20, 24))
        ticks = fields.at(starts + 12, 4).astype(np.uint64) << np.uint64(32) | fields.at(starts + 16, 4)
        known = interface < len(self.interfaces)
        fits = captured + 32 <= fields.at(starts + 4, 4)
        for reason, bad in (("packet-without-interface", ~known), ("packet-length", known & ~fits)):
            if bad.any():
                self.reject(reason, f"octet {self.place + int(starts[bad][0])}", int(bad.sum()))
        time, link = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64)
        for number in np.unique(interface[known]):
            one, which = self.interfaces[number], interface == number
            time[which] = one.microseconds(ticks[which])
            link[which] = one.link
        good = known & fits
        yield from _timed(
            Packets(padded, starts + 28, captured, wire, time, link).take(good), self.place, self.reject
        )
