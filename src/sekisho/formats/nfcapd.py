"""nfdump's data files: layouts 1 (nfdump 1.6) and 2 (nfdump 1.7), read as NumPy columns.

A file is a header and blocks; a block is a header and records of two-octet type and two-octet size (nfdump's
`nffileV2.h`, `nfxV3.h`; BSD; the facts are taken, no code). Files are written in the byte order of the machine.
"""

from __future__ import annotations

import bz2
import struct
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from itertools import count
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sekisho.errors import ReadingError
from sekisho.formats.lzo import LzoError, lzo_unpacked
from sekisho.formats.octet_fields import RecordFields
from sekisho.language import Text

Array = npt.NDArray[Any]
Reject = Callable[[str, str, int], None]
#: Unpacks one block that is at most so long; LzoError when it is damaged.
Unpack = Callable[[bytes, int], bytes]

MAGIC = 0xA50C
COMPRESSIONS = ("none", "lzo", "bz2", "lz4", "zstd")
# Layout 1 says the compression with bits of its flags.
_FLAGS_1 = {0x00: 0, 0x01: 1, 0x08: 2, 0x10: 3}
_DATA_BLOCKS = (2, 3)
_STORED_PLAIN = 0x1
_BLOCK = struct.Struct("IIHH")
_LAYOUT_1_BYTES = 276
# nfdump's own buffer is 5 MiB (BUFFSIZE); anything much above is a length that lies.
_LARGEST_BLOCK = 64 << 20
_BUFFER = 5 << 20
_PADDING = 64
_SLACK = 1 << 16

EXPORTER, SAMPLER_OLD, COMMON_1, COMMON_2, SAMPLER = 7, 9, 10, 11, 15
_STATISTICS = 8
# Records of one size only; the shortest of layout 1 has IPv4 and narrow counters.
_FIXED = {EXPORTER: 32, SAMPLER_OLD: 16, SAMPLER: 24}
_SHORTEST_1 = 48
_OWN = "<" if sys.byteorder == "little" else ">"
_MOST_RUNS = 6
_SHORT_RUN = 64
_MOST_ELEMENTS = 64
_GENERIC, _IPV4, _IPV6, _XLATE_IPV4, _XLATE_PORT = 1, 2, 3, 20, 22
_HEADER_2 = 12
_LENGTHS = {_GENERIC: 52, _IPV4: 12, _IPV6: 36, _XLATE_IPV4: 12, _XLATE_PORT: 8}


class Header(msgspec.Struct, frozen=True):
    """What the file's header says: byte order (``<`` or ``>``), layout, compression, blocks, largest block."""

    order: str
    layout: int
    compression: str
    blocks: int
    block_size: int


class Block(msgspec.Struct, frozen=True):
    """One unpacked block of flow records: its number, how many records it says, the records (padded).

    ``torn`` is where the block begins when the file ends within it: what of its records is there still counts as read.
    """

    number: int
    records: int
    content: bytes
    length: int
    torn: int | None = None


def header_of(head: bytes) -> Header | None:
    """Return the header when ``head`` begins a file of nfdump, of whatever layout; else None."""
    for order in "<>":
        if len(head) >= 4 and struct.unpack_from(order + "H", head)[0] == MAGIC:  # noqa: PLR2004 - magic, layout
            layout = struct.unpack_from(order + "H", head, 2)[0]
            if layout == 1 and len(head) >= _LAYOUT_1_BYTES:
                flags, blocks = struct.unpack_from(order + "II", head, 4)
                return Header(order, 1, COMPRESSIONS[_FLAGS_1.get(flags & 0x19, 0)], blocks, _BUFFER)
            if layout == 2 and len(head) >= 40:  # noqa: PLR2004 - the fixed header
                code, encryption = struct.unpack_from("BB", head, 16)
                size, blocks = struct.unpack_from(order + "II", head, 32)
                name = COMPRESSIONS[code] if code < len(COMPRESSIONS) and not encryption else "unknown"
                return Header(order, 2, name, blocks, size)
            return Header(order, layout, "unknown", 0, 0)
    return None


def blocks(source: BinaryIO, reject: Reject, lzo: Unpack = lzo_unpacked) -> Iterator[tuple[Header, Block]]:
    """Yield the blocks of flow records, in the file's order; others (names, statistics) are passed over.

    What lies behind the blocks that the header counts is read as well: a collector that writes still, or was killed,
    has counted none of its blocks, and names and statistics stand behind the count anyway.

    ``reject`` is called with a reason id, the place and a count of records lost: ``block-torn``, ``block-length``,
    ``block-damaged``; ``lzo`` unpacks blocks of LZO1X. Of a torn block that is yielded nothing is counted here: its records
    tell how many are missing.

    :raises ReadingError: not a file of nfdump, or of a layout or compression that can't be read
    """
    head = source.read(40)
    if head[2:4] in {b"\1\0", b"\0\1"}:
        head += source.read(_LAYOUT_1_BYTES - len(head))
    header = _readable(head)
    at = len(head)
    packing = struct.Struct(header.order + "IIHH")
    for number in count():
        front = source.read(packing.size)
        if not front and number >= header.blocks:
            return
        if len(front) < packing.size:
            missing = max(1, header.blocks - number)
            reject("block-torn", f"block {number}, octet {at}: {missing} blocks missing", 1)
            return
        records, size, kind, flags = packing.unpack(front)
        if size > _LARGEST_BLOCK:
            reject("block-length", f"block {number}, octet {at}: says {size} octets", max(1, records))
            return
        body = source.read(size)
        torn = at if len(body) < size else None
        if torn is not None and (header.compression != "none" or kind not in _DATA_BLOCKS):
            reject(
                "block-torn", f"block {number}, octet {at}", max(1, records) if kind in _DATA_BLOCKS else 1
            )
            return
        plain = header.compression == "none" or (header.layout == 2 and flags & _STORED_PLAIN)  # noqa: PLR2004
        if kind in _DATA_BLOCKS:
            content = body + bytes(_PADDING) if plain else _plain(header, body, lzo)
            if content is None:
                reject("block-damaged", f"block {number}, octet {at}", max(1, records))
            else:
                yield header, Block(number, records, content, len(content) - _PADDING, torn)
        if torn is not None:
            return
        at += packing.size + size


def _readable(head: bytes) -> Header:
    header = header_of(head)
    if header is None:
        raise ReadingError(
            Text(ja="nfdump のファイルではない", en="not a file of nfdump"),
            f"octets {head[:4].hex(' ')}",
            Text(ja="形式を確かめる", en="check what kind of file it is"),
        )
    if header.compression == "unknown":
        raise ReadingError(
            Text(
                ja=f"nfdump のファイル配置 {header.layout} または圧縮・暗号化方式を読めない",
                en=f"nfdump's file layout {header.layout}, or its compression or encryption, can't be read",
            ),
            "file header",
            Text(
                ja="nfdump -r FILE -o csv > FILE.csv とし、csv_flows（preset=nfdump、--zone は nfdump を動かした機械の時間帯）で読む",
                en="run nfdump -r FILE -o csv > FILE.csv and read that with csv_flows (preset=nfdump, --zone that of the machine)",
            ),
        )
    return header


def _plain(header: Header, body: bytes, lzo: Unpack) -> bytes | None:
    """Return the block unpacked and padded; None when it is damaged. LZ4 gives no length: what follows the records is void."""
    largest = min(max(header.block_size, _BUFFER), _LARGEST_BLOCK)
    try:
        if header.compression == "lzo":
            return lzo(body, largest) + bytes(_PADDING)
        if header.compression == "bz2":
            return bz2.BZ2Decompressor().decompress(body, largest) + bytes(_PADDING)
        if header.compression == "zstd":
            with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
                return bytes(stream.read(largest)) + bytes(_PADDING)
        return _lz4(body, header.block_size, largest)
    except (LzoError, OSError, EOFError, ValueError, pa.ArrowException):
        return None


def _lz4(body: bytes, usual: int, largest: int) -> bytes:
    """Unpack with room for what the header says of blocks, and with all the room there may be when that is too little."""
    codec = pa.Codec("lz4_raw")
    try:
        return bytes(codec.decompress(body, min(usual + _SLACK, largest) + _PADDING, asbytes=True))
    except (OSError, pa.ArrowException):
        return bytes(codec.decompress(body, largest + _PADDING, asbytes=True))


def record_starts(block: Block, order: str) -> tuple[Array, Array, Array, int]:
    """Return start, type and size of each record as far as the chain of sizes holds, and how many are missing.

    Each record's size leads to the next. Runs of records of one size are followed by whole strides; where sizes change
    all the time, they are followed in this machine's own byte order, and looked for everywhere in the other one. What
    gives no whole chain is walked step by step.
    """
    words = np.frombuffer(block.content, order + "u4", block.length // 4)
    for method in (_strides, _leapt if order == _OWN else _looked_for):
        starts = method(words, block, order)
        if starts is not None:
            headers = words[starts // 4]
            kinds, sizes = _split(headers, order)
            return starts, kinds, sizes.astype(np.int64), 0
    return _walked(block, order)


def _split(headers: Array, order: str) -> tuple[Array, Array]:
    """Return type and size of record headers."""
    upper, lower = headers >> 16, headers & 0xFFFF
    return (lower, upper) if order == "<" else (upper, lower)


def _strides(words: Array, block: Block, order: str) -> Array | None:
    """Follow runs of records with one header; None when there are many short ones, or the chain breaks."""
    found: list[Array] = []
    at, left = 0, block.records
    for _ in range(_MOST_RUNS):
        if not left:
            return np.concatenate(found) if found else np.empty(0, np.int64)
        if at + 4 > block.length:
            return None
        size = int(_split(words[at // 4 : at // 4 + 1], order)[1][0])
        if size < 4 or size % 4:  # noqa: PLR2004 - a record's header
            return None
        there = words[at // 4 :: size // 4][: min(left, (block.length - at) // size)]
        near = there[:_SHORT_RUN]  # a short run must not cost a look at the whole block
        other = np.flatnonzero(near != near[0]) if len(near) else near
        if not len(other) and len(there) > _SHORT_RUN:
            other = np.flatnonzero(there != there[0])
        run = int(other[0]) if len(other) else len(there)
        if not run:
            return None
        found.append(np.arange(at, at + run * size, size))
        at, left = at + run * size, left - run
    return None


def _leapt(words: Array, block: Block, order: str) -> Array | None:
    """Go from size to size and look at nothing else on the way; None when they are not one whole chain."""
    if block.records > len(words):  # a lie, which a record of no length would make us follow for ever
        return None
    halves = memoryview(block.content)[: 4 * len(words)].cast("H")
    found: list[int] = []
    at, add = 0, found.append
    try:
        for _ in range(block.records):
            add(at)
            at += halves[at + 1] >> 1
    except IndexError:
        return None
    starts = np.array(found, np.int64) * 2
    if not len(starts) or 2 * at > block.length or (starts % 4).any():
        return None
    sizes = _split(words[starts // 4], order)[1]
    return starts if ((sizes >= 4) & (sizes % 4 == 0)).all() else None  # noqa: PLR2004 - a record's header


def _looked_for(words: Array, block: Block, order: str) -> Array | None:
    """Find records by what begins them (type, size, first element); None when they are not one whole chain."""
    # A type from 7 to 15 and a size that is a multiple of four and not nothing: most words fail by these bits alone.
    void, least = (0x0003_FFF0, EXPORTER) if order == "<" else (0xFFF0_0003, EXPORTER << 16)
    likely = (words & void) == 0
    likely &= (words & (15 * least // EXPORTER)) >= least
    near = np.flatnonzero(likely)
    kind, size = _split(words[near], order)
    # A record of type 11 goes on with a number of elements and, eight octets later, with an element's header.
    element, length = _split(words[np.minimum(near + 3, len(words) - 1)], order)
    listed = (element - 1 < _MOST_ELEMENTS) & (length >= 8) & (length <= size)  # noqa: PLR2004 - a header, a number
    sure = (kind == COMMON_2) & listed & (size >= _HEADER_2 + _LENGTHS[_GENERIC])
    for other, octets in _FIXED.items():
        sure |= (kind == other) & (size == octets)
    sure |= (kind == COMMON_1) & (size >= _SHORTEST_1)
    sure |= (kind == _STATISTICS) & (size > 8) & (size % 24 == 8)  # noqa: PLR2004 - 24 octets an exporter
    starts = near[sure] * 4
    following = starts + size[sure]
    real = _chain(starts, following)
    starts, following = starts[real][: block.records], following[real][: block.records]
    whole = len(starts) == block.records and len(starts) and int(following[-1]) <= block.length
    return starts if whole else None


def _chain(starts: Array, following: Array) -> Array:
    """Say which of ``starts`` (ascending) are reached from the first octet by ``following``."""
    real = np.ones(len(starts), bool)
    if not len(starts) or starts[0]:
        return np.zeros(len(starts), bool)
    reached = 0
    for broken in np.flatnonzero(following[:-1] != starts[1:]).tolist():
        if broken < reached:
            continue
        reached = int(np.searchsorted(starts, following[broken]))
        real[broken + 1 : reached] = False
        if reached == len(starts) or starts[reached] != following[broken]:
            real[reached:] = False
            break
    return real


def _walked(block: Block, order: str) -> tuple[Array, Array, Array, int]:
    """Walk from record to record: the slow way, for blocks that are damaged or have unusual records."""
    unpack = struct.Struct(order + "HH").unpack_from
    found: list[tuple[int, int, int]] = []
    at = 0
    while len(found) < block.records and at + 4 <= block.length:
        kind, size = unpack(block.content, at)
        if size < 4 or at + size > block.length:  # noqa: PLR2004 - a record's header
            break
        found.append((at, kind, size))
        at += size
    table = np.array(found, np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2], block.records - len(found)


def _six(fields: RecordFields, offset: int) -> Array:
    """Return IPv6 addresses (uint8, n by 16): the file holds them as two numbers, upper half first."""
    halves = np.stack([fields.at(offset, 8), fields.at(offset + 8, 8)], axis=1)
    return halves.astype(">u8").view(np.uint8).reshape(-1, 16)


def layouts(
    block: Block, order: str, starts: Array, sizes: Array
) -> Iterator[tuple[dict[int, int], Array, RecordFields]]:
    """Split records of type 11 by their list of elements: yield each list (element id → offset), its starts and fields.

    Records with a list that does not fit their size come with an empty list.
    """
    for size in _different(sizes):
        alike = starts if (sizes == size).all() else starts[sizes == size]
        while len(alike):
            fields = RecordFields(block.content, order, alike, size)
            counts = fields.at(4, 2)
            elements = _elements(block.content, order, int(alike[0]), size, int(counts[0]))
            same = counts == counts[0]
            for offset in (*(offset for _, _, offset in elements), *_broken(elements, size, int(counts[0]))):
                header = fields.at(offset, 4)
                same &= header == header[0]
            known = {kind: offset + 4 for kind, length, offset in elements if length >= _LENGTHS.get(kind, 0)}
            fits = _GENERIC in known and (_IPV4 in known or _IPV6 in known)
            if same.all():
                yield (known if fits else {}), alike, fields
                break
            mine = alike[same]
            yield (known if fits else {}), mine, RecordFields(block.content, order, mine, size)
            alike = alike[~same]


def _different(sizes: Array) -> list[int]:
    """Return the sizes that there are."""
    if len(sizes) and (sizes == sizes[0]).all():
        return [int(sizes[0])]
    return [int(one) for one in np.flatnonzero(np.bincount(sizes))]


def _elements(content: bytes, order: str, start: int, size: int, count: int) -> list[tuple[int, int, int]]:
    unpack = struct.Struct(order + "HH").unpack_from
    found = []
    offset = _HEADER_2
    for _ in range(count):
        if offset + 4 > size:
            break
        kind, length = unpack(content, start + offset)
        if length < 4 or offset + length > size:  # noqa: PLR2004 - an element's header
            break
        found.append((kind, length, offset))
        offset += length
    return found


def _broken(elements: list[tuple[int, int, int]], size: int, count: int) -> tuple[int, ...]:
    """Return where the header of an element is that can't be one, if the list ends with it: others may differ there."""
    behind = sum(elements[-1][1:]) if elements else _HEADER_2
    return (behind,) if len(elements) < count and behind + 4 <= size else ()


def columns_2(layout: dict[int, int], fields: RecordFields) -> dict[str, Array]:
    """Return the columns of records of type 11 that share a list of elements; names are nfdump's."""
    generic = layout[_GENERIC]
    found = {
        "msecFirst": fields.at(generic, 8),
        "msecLast": fields.at(generic + 8, 8),
        "inPackets": fields.at(generic + 24, 8),
        "inBytes": fields.at(generic + 32, 8),
        "srcPort": fields.at(generic + 40, 2),
        "dstPort": fields.at(generic + 42, 2),
        "proto": fields.at(generic + 44, 1),
        "tcpFlags": fields.at(generic + 45, 1),
        "sysid": fields.at(8, 2),
        "flags": fields.at(10, 1),
    }
    if _IPV4 in layout:
        place = layout[_IPV4]
        found |= {"src4": fields.at(place, 4), "dst4": fields.at(place + 4, 4)}
    else:
        place = layout[_IPV6]
        found |= {"src6": _six(fields, place), "dst6": _six(fields, place + 16)}
    if _XLATE_IPV4 in layout:
        found["xlateSrc4"] = fields.at(layout[_XLATE_IPV4], 4)
    if _XLATE_PORT in layout:
        found["xlateSrcPort"] = fields.at(layout[_XLATE_PORT], 2)
    return found


def columns_1(block: Block, order: str, starts: Array, sizes: Array) -> Iterator[dict[str, Array]]:
    """Yield the columns of records of type 10 (nfdump 1.6), by address family and width of the counters.

    Records too short for what their flags say come with the key ``short`` only.
    """
    shape = RecordFields(block.content, order, starts).at(4, 2) & 7
    for one in np.unique(shape):
        six, wide_packets, wide_octets = bool(one & 1), bool(one & 2), bool(one & 4)
        packets = 32 + (32 if six else 8)
        octets = packets + (8 if wide_packets else 4)
        enough = sizes >= octets + (8 if wide_octets else 4)
        if not enough[shape == one].all():
            yield {"short": starts[(shape == one) & ~enough]}
        fields = RecordFields(block.content, order, starts[(shape == one) & enough])
        found = {
            "msecFirst": fields.at(12, 4).astype(np.uint64) * 1000 + fields.at(8, 2),
            "msecLast": fields.at(16, 4).astype(np.uint64) * 1000 + fields.at(10, 2),
            "inPackets": fields.at(packets, 8 if wide_packets else 4),
            "inBytes": fields.at(octets, 8 if wide_octets else 4),
            "srcPort": fields.at(24, 2),
            "dstPort": fields.at(26, 2),
            "proto": fields.at(22, 1),
            "tcpFlags": fields.at(21, 1),
            "sysid": fields.at(28, 2),
            "flags": np.where(fields.at(4, 2) & 0x80, 2, 0).astype(np.uint8),
        }
        if six:
            yield found | {"src6": _six(fields, 32), "dst6": _six(fields, 48)}
        else:
            yield found | {"src4": fields.at(32, 4), "dst4": fields.at(36, 4)}


def exporter_of(block: Block, order: str, start: int, size: int) -> tuple[int, str] | None:
    """Return (sysid, ``address#domain``) of a record of type 7; None when it is too short."""
    if size < 32:  # noqa: PLR2004 - its fixed size
        return None
    upper, lower, family, sysid, domain = struct.unpack_from(order + "QQHHI", block.content, start + 8)
    # Versions differ in which half of the last eight octets holds an IPv4 address; the other half is zero.
    four = (lower >> 32) or (lower & 0xFFFFFFFF)
    value = upper << 64 | lower if family == 10 else four  # noqa: PLR2004 - AF_INET6 of Linux
    address = ip_address(value.to_bytes(16 if family == 10 else 4, "big"))  # noqa: PLR2004 - as above
    return sysid, f"{address}#{domain}"


def sampler_of(block: Block, order: str, start: int, kind: int, size: int) -> tuple[int, int] | None:
    """Return (sysid, 1 of n) of a record of type 9 or 15; None when it is too short."""
    if kind == SAMPLER_OLD and size >= 16:  # noqa: PLR2004 - its fixed size
        interval, _, sysid = struct.unpack_from(order + "IHH", block.content, start + 8)
        return sysid, interval
    if kind == SAMPLER and size >= 24:  # noqa: PLR2004 - its fixed size
        (sysid,) = struct.unpack_from(order + "H", block.content, start + 4)
        interval, space = struct.unpack_from(order + "II", block.content, start + 16)
        # IE 305 packets are taken, then IE 306 left out; nfdump keeps them the other way round for old samplers.
        return (sysid, interval + space) if min(interval, space) <= 1 else None
    return None
