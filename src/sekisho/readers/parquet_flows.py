"""Flows that are columns already: Parquet, Arrow IPC files and streams.

Question:
    Which flows does a columnar file hold whose columns are FLOW's, or can be named as such?
How:
    Parquet goes row group by row group, Arrow batch by batch; values are brought to FLOW's types, and a row whose
    value does not fit is left out.
Evidence:
    All columns of FLOW that are there. Start, addresses of a family (numbers or text), protocol, packets and octets
    must be; the end is the start, ports, flags and sampling are 0 where a file does not have them.
Limits:
    A compressed stream that is not a file is kept in memory, up to 256 MiB. A row group's columns of one chunk are in
    memory at a time. Files from behind the privacy door (with ``subscriber``) are refused: their addresses are none.
Source:
    Apache Parquet and Arrow format documentation; RFC 7012 for the columns.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sekisho.errors import ReadingError
from sekisho.formats.address_text import IPV4, IPV6, addresses, six_column
from sekisho.formats.local_time import ZONE_WORD, moments, placed, untold, zone_of
from sekisho.formats.text_columns import protocols, whole_numbers
from sekisho.language import Text
from sekisho.model.tables import FLOW, MOST_COUNTED, batch_of
from sekisho.ports.flows import Options, Tally

Array = npt.NDArray[Any]
_PARQUET, _FILE, _STREAM = b"PAR1", b"ARROW1\0\0", b"\xff\xff\xff\xff"
_ROWS = 1 << 17
_LARGEST_IN_MEMORY = 256 << 20
_LATEST = 1 << 42  # ms of the epoch: year 2109
_ADDRESSES = {
    "source": ("sourceIPv4Address", "sourceIPv6Address", "sourceAddress"),
    "destination": ("destinationIPv4Address", "destinationIPv6Address", "destinationAddress"),
}
_NUMBERS: Mapping[str, tuple[Any, int]] = {
    "flowStartMilliseconds": (np.int64, _LATEST),
    "flowEndMilliseconds": (np.int64, _LATEST),
    "sourceTransportPort": (np.uint16, 65535),
    "destinationTransportPort": (np.uint16, 65535),
    "protocolIdentifier": (np.uint8, 255),
    "tcpControlBits": (np.uint8, 65535),
    "packetDeltaCount": (np.int64, MOST_COUNTED),
    "octetDeltaCount": (np.int64, MOST_COUNTED),
    "samplingPacketInterval": (np.uint32, (1 << 32) - 1),
}
_NAT: Mapping[str, tuple[Any, int]] = {
    "postNATSourceIPv4Address": (np.uint32, (1 << 32) - 1),
    "postNAPTSourceTransportPort": (np.uint16, 65535),
}
_NEEDED = ("flowStartMilliseconds", "protocolIdentifier", "packetDeltaCount", "octetDeltaCount")
_BROKEN = (pa.ArrowException, OSError, EOFError, ValueError, MemoryError)
_NAMES = (*FLOW.names, "sourceAddress", "destinationAddress")


class ParquetFlows:
    """Reader of Parquet and Arrow files."""

    name = "parquet_flows"
    title = Text(ja="Parquet、Arrow のフロー", en="flows in Parquet or Arrow files")
    options: Mapping[str, Text] = {
        "exporter": Text(
            ja="exporter の列がないときの値（既定は読み手の名）",
            en="what stands in the column exporter when the file has none (default: the reader's name)",
        ),
        "zone": ZONE_WORD,
        **{
            name: Text(ja=f"{name} が入っている列の名前", en=f"the name of the column with {name}")
            for name in _NAMES
            if name != "exporter"
        },
    }

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the magic number is enough
        """Say whether ``head`` begins a Parquet file, an Arrow IPC file or an Arrow IPC stream."""
        stream = head.startswith(_STREAM) and 0 < int.from_bytes(head[4:8], "little") < 1 << 24
        return head.startswith((_PARQUET, _FILE)) or stream

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield FLOW batches, each of one address family."""
        names = {name: str(options.get(name) or name) for name in _NAMES if name != "exporter"}
        exporter = str(options.get("exporter") or self.name)
        zone = zone_of(options)
        for where, batch in _batches(source, names, tally):
            for columns in _Rows(batch, names, where, tally, zone).families(exporter):
                found = batch_of(columns, exporter)
                tally.good(found.num_rows)
                yield found


def _batches(
    source: BinaryIO, names: Mapping[str, str], tally: Tally
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield batches of any schema with the place of each; what can't be read of the file is counted."""
    seekable = _seekable(source)
    head = seekable.read(8)
    seekable.seek(0)
    try:
        if head.startswith(_PARQUET):
            file = pq.ParquetFile(seekable, pre_buffer=False)
            schema = file.schema_arrow
        elif head.startswith((_FILE, _STREAM)):
            opened = pa.ipc.open_file if head.startswith(_FILE) else pa.ipc.open_stream
            file = opened(seekable)
            schema = file.schema
        else:
            raise _unreadable(f"octets {head[:4].hex(' ')}")
        # Names that are no UTF-8 show here.
        columns = schema.names
    except _BROKEN as error:
        raise _unreadable(str(error)[:200]) from None
    _check(columns, names)
    if head.startswith(_PARQUET):
        yield from _row_groups(
            file, [name for name in columns if name in {*names.values(), "exporter"}], tally
        )
    else:
        yield from _messages(file, head.startswith(_FILE), tally)


def _row_groups(
    file: pq.ParquetFile, columns: list[str], tally: Tally
) -> Iterator[tuple[str, pa.RecordBatch]]:
    for group in range(file.num_row_groups):
        read = 0
        try:
            for batch in file.iter_batches(_ROWS, row_groups=[group], columns=columns, use_threads=False):
                batch.validate(full=True)
                yield f"row group {group}, row {read}", batch
                read += batch.num_rows
        except _BROKEN:
            lost = max(1, file.metadata.row_group(group).num_rows - read)
            tally.reject("row-group", f"row group {group}, row {read}", lost)


def _messages(file: Any, numbered: bool, tally: Tally) -> Iterator[tuple[str, pa.RecordBatch]]:
    number = 0
    while True:
        try:
            if numbered and number >= file.num_record_batches:
                return
            batch = file.get_batch(number) if numbered else file.read_next_batch()
            batch.validate(full=True)
        except StopIteration:
            return
        except _BROKEN:
            tally.reject("batch", f"batch {number}", 1)
            if not numbered:
                return
        else:
            for begin in range(0, batch.num_rows, 1 << 20):
                yield f"batch {number}, row {begin}", batch.slice(begin, 1 << 20)
        number += 1


def _seekable(source: BinaryIO) -> BinaryIO:
    if source.seekable():
        return source
    content = source.read(_LARGEST_IN_MEMORY + 1)
    if len(content) > _LARGEST_IN_MEMORY:
        raise ReadingError(
            Text(
                ja="圧縮された Parquet・Arrow が 256 MiB を超える",
                en="a compressed Parquet or Arrow file of more than 256 MiB",
            ),
            "",
            Text(ja="先に展開する", en="unpack it first"),
        )
    return io.BytesIO(content)


def _unreadable(where: str) -> ReadingError:
    return ReadingError(
        Text(ja="Parquet または Arrow として開けない", en="can't be opened as Parquet or Arrow"),
        where,
        Text(ja="元のファイルを写し直す", en="copy the file again from its origin"),
    )


def _check(columns: list[str], names: Mapping[str, str]) -> None:
    """Refuse files without what a flow must have, and files of our own store.

    :raises ReadingError: naming the columns
    """
    have = set(columns)
    if {"subscriber", "subscriberSide"} & have:
        raise ReadingError(
            Text(
                ja="仮名化済みのファイル（subscriber 列がある）は読み込めない",
                en="a file from behind the privacy door (it has the column subscriber)",
            ),
            "subscriber",
            Text(ja="元の記録を読み込む", en="read the original records"),
        )
    asked = [column for name, column in names.items() if column != name and column not in have]
    lost = [name for name in _NEEDED if names[name] not in have]
    for side, sides in _ADDRESSES.items():
        if not any(names[one] in have for one in sides):
            lost.append(f"{side}IPv4Address | {side}IPv6Address | {side}Address")
    if asked or lost:
        raise ReadingError(
            Text(ja="必要な列がない", en="columns are missing"),
            ", ".join([*asked, *lost]),
            Text(
                ja=f"列名を指定する（例 octetDeltaCount=NAME）。ある列：{', '.join(columns)[:300]}",
                en=f"name the columns (such as octetDeltaCount=NAME); there are: {', '.join(columns)[:300]}",
            ),
        )


class _Rows:
    """One batch on its way to FLOW's types."""

    def __init__(
        self, batch: pa.RecordBatch, names: Mapping[str, str], where: str, tally: Tally, zone: str
    ) -> None:
        self.zone = zone
        self.batch = batch
        self.names = names
        self.where = where
        self.tally = tally
        self.good = np.ones(batch.num_rows, bool)

    def column(self, name: str) -> pa.Array | None:
        """Return a column of the file by FLOW's name for it."""
        place = self.batch.schema.get_field_index(self.names.get(name, name))
        if place < 0:
            return None
        column = self.batch.column(place)
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column

    def refuse(self, reason: str, bad: Array) -> None:
        """Count rows that are bad and not counted yet."""
        if (now := bad & self.good).any():
            self.tally.reject(reason, f"{self.where} + {int(np.flatnonzero(now)[0])}", int(now.sum()))
            self.good &= ~bad

    def families(self, exporter: str) -> Iterator[dict[str, Any]]:
        """Yield FLOW's columns of the good rows, one family at a time."""
        numbers = {}
        for name, (kind, most) in _NUMBERS.items():
            values, fits = self.number(name, most)
            self.refuse(name, ~fits)
            numbers[name] = values.astype(kind)
        start, end = numbers["flowStartMilliseconds"], numbers["flowEndMilliseconds"]
        numbers["flowEndMilliseconds"] = np.maximum(start, end)
        version, fits = self.version()
        self.refuse("ipVersion", ~fits)
        one, other = (self.side(side, version) for side in _ADDRESSES)
        self.refuse("address", (one[0] == 0) | (one[0] != other[0]))
        for family, place in ((IPV4, 1), (IPV6, 2)):
            which = np.flatnonzero(self.good & (one[0] == family))
            if not len(which):
                continue
            columns: dict[str, Any] = {name: values[which] for name, values in numbers.items()}
            columns["ipVersion"] = np.full(len(which), family, np.uint8)
            for side, found in (("source", one), ("destination", other)):
                values = found[place][which]
                columns[f"{side}IPv{family}Address"] = values if family == IPV4 else six_column(values)
            yield columns | self.nat(which) | self.exporter(which, exporter)

    def number(self, name: str, most: int) -> tuple[Array, Array]:
        """Return a column as numbers and which of them fit; zeros when the file does not have it."""
        column = self.column(name)
        rows = self.batch.num_rows
        if column is None:
            return np.zeros(rows, np.int64), np.ones(rows, bool)
        there = np.asarray(column.is_valid())
        kind = column.type
        if pa.types.is_timestamp(kind):
            return self.moment(column, most)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            texts = column.cast(pa.string())
            if name.startswith("flow"):
                values, fits, unknown = moments(texts, self.zone)
                self.tell(unknown)
                fits &= ~unknown
            else:
                values, fits = (protocols if name == "protocolIdentifier" else whole_numbers)(texts)
            return np.where(fits, values, 0), fits & there & (values <= most)
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            return np.zeros(rows, np.int64), np.zeros(rows, bool)
        values = column.fill_null(0).to_numpy(zero_copy_only=False)
        fits = there & (values >= 0) & (values <= most)
        # The greatest double that is below the limit of a 64-bit number is some way below it.
        fits &= values < 2.0**63 if pa.types.is_floating(kind) else True
        return np.where(fits, values, 0).astype(np.int64), fits

    def moment(self, column: pa.Array, most: int) -> tuple[Array, Array]:
        """Return a column of timestamps as milliseconds and which fit.

        :raises ReadingError: they are of no zone (SQL's "without time zone"), and none was told
        """
        there = np.asarray(column.is_valid())
        kind = column.type
        values = column.cast(pa.timestamp("ms", kind.tz), safe=False).cast(pa.int64())
        found = values.fill_null(0).to_numpy(zero_copy_only=False)
        fits = there & (found >= 0) & (found <= most)
        found = np.where(fits, found, 0)
        if kind.tz is None and fits.any():
            self.tell(fits)
            found, unknown = placed(found, self.zone)
            fits &= ~unknown & (found >= 0)
        return np.where(fits, found, 0).astype(np.int64), fits

    def tell(self, local: Array) -> None:
        """Do nothing, unless times need a zone. :raises ReadingError: nobody told it."""
        if local.any() and not self.zone:
            raise untold(f"{self.where}: +{int(np.flatnonzero(local)[0])}")

    def version(self) -> tuple[Array, Array]:
        """Return the family that each row states (0 none) and which rows state one there is, or none at all."""
        values, fits = self.number("ipVersion", 255)
        column = self.column("ipVersion")
        unstated = np.zeros(len(values), bool) if column is None else np.asarray(column.is_null())
        return np.where(fits, values, 0), unstated | (fits & np.isin(values, (0, IPV4, IPV6)))

    def side(self, side: str, version: Array) -> tuple[Array, Array, Array]:
        """Return family (0 none), IPv4 and IPv6 addresses of one side; a ``version`` that is stated decides between both."""
        rows = self.batch.num_rows
        family, four, six = (
            np.zeros(rows, np.uint8),
            np.zeros(rows, np.uint32),
            np.zeros((rows, 16), np.uint8),
        )
        for name in _ADDRESSES[side]:
            column = self.column(name)
            if column is None:
                continue
            there = np.asarray(column.is_valid()) & (family == 0)
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                found, fours, sixes = addresses(column)
                sixes = sixes if len(sixes) else six
            elif pa.types.is_integer(column.type):
                values = column.fill_null(0).to_numpy(zero_copy_only=False)
                found = np.where((values >= 0) & (values < 1 << 32), IPV4, 0)
                fours, sixes = np.where(found == IPV4, values, 0).astype(np.uint32), six
            else:
                found, sixes = _octets(column, rows)
                fours = four
            taken = there & (found > 0) & ((version == 0) | (version == found))
            family = np.where(taken, found, family).astype(np.uint8)
            four = np.where(taken & (found == IPV4), fours, four)
            six = np.where((taken & (found == IPV6))[:, None], sixes, six)
        return family, four, six

    def nat(self, which: Array) -> dict[str, pa.Array]:
        """Return the columns of NAT that have a value at all."""
        found = {}
        for name, (kind, most) in _NAT.items():
            if self.column(name) is not None:
                values, fits = self.number(name, most)
                if fits[which].any():
                    found[name] = pa.array(values[which].astype(kind), mask=~fits[which])
        return found

    def exporter(self, which: Array, usual: str) -> dict[str, pa.Array]:
        """Return the column exporter when the file has one."""
        column = self.column("exporter")
        if column is None or not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            return {}
        encoded = column.cast(pa.string()).fill_null(usual).take(pa.array(which)).dictionary_encode()
        if len(encoded.dictionary) > 1 << 15:
            self.tally.note("exporters-left-out", len(which))
            return {}
        return {
            "exporter": pa.DictionaryArray.from_arrays(encoded.indices.cast(pa.int16()), encoded.dictionary)
        }


def _octets(column: pa.Array, rows: int) -> tuple[Array, Array]:
    """Return IPv6 addresses of a column of binary values; only those of 16 octets are some."""
    none = np.zeros(rows, np.uint8), np.zeros((rows, 16), np.uint8)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        lengths = column.cast(pa.large_binary())
        sizes = np.asarray(pc.fill_null(pc.binary_length(lengths), 0))
        filler = pa.scalar(bytes(16), pa.large_binary())
        column = pc.if_else(pa.array(sizes == 16), lengths, filler).cast(pa.binary(16))  # noqa: PLR2004
        family = np.where(sizes == 16, IPV6, 0)  # noqa: PLR2004 - octets of an IPv6 address
    elif column.type == pa.binary(16):
        family = np.full(rows, IPV6)
    else:
        return none
    column = column.fill_null(bytes(16))
    data = np.frombuffer(column.buffers()[1], np.uint8, rows * 16, column.offset * 16) if rows else none[1]
    return family, data.reshape(-1, 16)


READER = ParquetFlows()
