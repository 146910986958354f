"""Flows as delimited text: nfdump, SiLK, Argus (CTU-13's binetflow), AWS VPC, or any CSV with a mapping.

Question:
    Which flows does a text file of another tool hold?
How:
    The header is matched with the names that tools use (presets) or that the options give; blocks of lines become
    columns through Arrow's CSV reader; addresses, numbers and times are parsed a column at a time.
Evidence:
    Start, end (or duration), addresses, ports, protocol, TCP flags, packets, octets; two rows where a file counts
    both directions.
Limits:
    A file whose times have no zone is refused unless ``zone`` (or ``utc_offset``) tells it: nfdump writes the local time
    of the machine it ran on. nfdump -o long must be made with -N and with -6 where there is IPv6. Files of Argus without SrcPkts: packets are shared between the
    directions by their octets (noted as ``packets-shared``), at least one each. Sampling is unknown unless there is a
    column for it.
Source:
    nfdump(1), rwcut(1), ra(1) and CTU-13's field list, AWS "Flow log records".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.errors import ReadingError
from sekisho.formats import flow_csv
from sekisho.formats.local_time import ZONE_WORD, moments, untold, zone_of
from sekisho.formats.text_columns import durations, mapped, protocols, tcp_flags, times, whole_numbers
from sekisho.formats.text_lines import Block, Rejecting, line_blocks, matching, table
from sekisho.formats.two_way import TwoWay
from sekisho.language import Text
from sekisho.model.tables import batch_of
from sekisho.ports.flows import Options, Tally

Array = npt.NDArray[Any]
_NULLS = ("", "-", "nan", "NaN")
# What Argus logs beside IP: its own management records and the link layer.
_NOT_IP = (
    "man",
    "arp",
    "rarp",
    "llc",
    "lldp",
    "stp",
    "loop",
    "decnet",
    "ipx/spx",
    "eth",
    "unas",
    "cdp",
    "null",
)
_ROLE = Text(ja="{role} が入っている列の見出し", en="the heading of the column with {role}")


class CsvFlows:
    """Reader of delimited flow files."""

    name = "csv_flows"
    title = Text(
        ja="区切りテキストのフロー（nfdump、SiLK、Argus、AWS VPC ほか）",
        en="flows as delimited text (nfdump, SiLK, Argus, AWS VPC, others)",
    )
    options: Mapping[str, Text] = {
        "preset": Text(
            ja=f"列名の組：{', '.join(flow_csv.PRESETS)}（既定は見出しから判断）",
            en=f"set of column names: {', '.join(flow_csv.PRESETS)} (default: told by the header)",
        ),
        "delimiter": Text(
            ja="区切り文字（既定は見出しから判断）", en="delimiter (default: told by the header)"
        ),
        "header": Text(
            ja="見出し行のないファイルの列名（カンマ区切り）",
            en="column names, with commas, of a file without a header",
        ),
        "zone": ZONE_WORD,
        "utc_offset": Text(
            ja="zone の代わりに、時間帯のない時刻の UTC との差（例 +09:00）",
            en="offset of times without a zone (such as +09:00), in place of zone",
        ),
        "exporter": Text(
            ja="exporter 列の値：どのルーターのものか（既定は読み手の名）",
            en="what stands in the column exporter: whose flows they are (default: the reader's name)",
        ),
        **{
            role: Text(ja=_ROLE.ja.format(role=role), en=_ROLE.en.format(role=role))
            for role in flow_csv.ROLES
        },
        flow_csv.EXPORTER: Text(
            ja="ルーターの名かアドレスが入っている列の見出し（空の行は exporter の値）",
            en="the heading of the column with each row's router (where it is empty: what exporter says)",
        ),
    }

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content tells
        """Say whether the first line of ``head`` is the header of a known tool."""
        line = _first_line(head)
        if b"\0" in head[:4096] or line.startswith(("#", "{")):
            return False
        return line.startswith(flow_csv.LONG_HEADER) or bool(
            flow_csv.preset_of(flow_csv.split_names(line)[0])
        )

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield FLOW batches, each of one address family."""
        rejecting = Rejecting(tally.reject)
        exporter = str(options.get("exporter") or self.name)
        clock = _Clock(zone_of(options), str(options.get("utc_offset") or ""))
        shape: flow_csv.Shape | None = None
        for block in line_blocks(source, tally.reject):
            text = _without_footer(block, tally)
            if shape is None:
                if not block.text.strip():
                    continue
                shape = _shape(_first_line(block.text), options)
                if shape.header:
                    text = _after_header(text)
            for records in _records(text, shape, clock, rejecting, tally, exporter):
                for columns in records.rows(rejecting):
                    batch = batch_of(columns, exporter)
                    tally.good(batch.num_rows)
                    yield batch
        if shape is None:
            raise ReadingError(
                Text(ja="ファイルが空", en="the file is empty"),
                "",
                Text(ja="別のファイルを渡す", en="give another file"),
            )


def _first_line(head: bytes) -> str:
    text = head[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.split(b"\n", 1)[0].decode("ascii", "replace").strip()


def _after_header(block: Block) -> Block:
    start = len(block.text) - len(block.text.lstrip())
    end = block.text.find(b"\n", start) + 1
    return Block(block.first + block.text.count(b"\n", 0, end), block.text[end:])


def _without_footer(block: Block, tally: Tally) -> Block:
    """Leave out nfdump's summary at the end of its output."""
    found = re.search(rb"^(Summary|Time window|No matched flows)", block.text, re.MULTILINE)
    if not found:
        return block
    tally.note("footer-lines", block.text.count(b"\n", found.start()))
    return Block(block.first, block.text[: found.start()])


def _shape(line: str, options: Options) -> flow_csv.Shape:
    preset = str(options.get("preset") or "")
    delimiter = str(options.get("delimiter") or "").replace("\\t", "\t")
    if preset and preset not in flow_csv.PRESETS:
        raise _wrong("preset", preset, ", ".join(flow_csv.PRESETS))
    if len(delimiter) > 1 or delimiter in {"\n", "\r", '"'} or not delimiter.isascii():
        raise _wrong("delimiter", delimiter, ", ; | tab")
    mapping = {role: str(options[role]) for role in flow_csv.ROLES if options.get(role)}
    shape = flow_csv.shape_of(line, preset, mapping, str(options.get("header") or ""), delimiter)
    unknown = [name for name in mapping.values() if name not in shape.names]
    lost = [*(f"{name}?" for name in unknown), *flow_csv.missing(shape)]
    if lost:
        raise ReadingError(
            Text(ja="フローに必要な列が分からない", en="columns that a flow must have aren't known"),
            f"{', '.join(lost)}; {', '.join(shape.names)[:300]}",
            Text(
                ja="preset を選ぶか、列名を指定する（例 sourceAddress=見出し）",
                en="choose a preset or name the columns (such as sourceAddress=HEADING)",
            ),
        )
    return shape


def _wrong(name: str, value: str, known: str) -> ReadingError:
    return ReadingError(
        Text(ja=f"オプション {name} の値が誤り", en=f"the option {name} has a wrong value"),
        f"{name}={value}",
        Text(ja=f"使える値：{known}", en=f"possible: {known}"),
    )


def _offset(text: str) -> int:
    found = re.fullmatch(r"([+-])([0-9]{2}):?([0-9]{2})", text)
    if not found:
        raise _wrong("utc_offset", text, "+09:00, -05:00, +00:00")
    return (int(found[2]) * 3600 + int(found[3]) * 60) * (-1 if found[1] == "-" else 1)


class _Clock:
    """The clock of the machine that wrote a file: where its times don't say their zone, what was told decides."""

    def __init__(self, zone: str, offset: str) -> None:
        self.zone = zone
        self.offset = _offset(offset) if offset and not zone else None

    def read(self, texts: pa.Array, lines: Array) -> tuple[Array, Array, Array]:
        """Return milliseconds, which are good, and which the clock of the zone showed twice or never.

        :raises ReadingError: there is a time without a zone, and none was told
        """
        if self.offset is not None:
            values, good = times(texts, self.offset)
            return values, good, np.zeros(len(values), bool)
        values, good, unknown = moments(texts, self.zone)
        if unknown.any() and not self.zone:
            at = int(np.flatnonzero(unknown)[0])
            raise untold(f"line {lines[at]}: {texts[at].as_py()}")
        return values, good, unknown


def _records(
    block: Block, shape: flow_csv.Shape, clock: _Clock, rejecting: Rejecting, tally: Tally, exporter: str
) -> Iterator[TwoWay]:
    if not block.text.strip():
        return
    if shape.preset == "nfdump-long":
        columns, lines = _long(block, rejecting)
    else:
        columns, lines = table(block, shape.names, shape.delimiter, rejecting, quoted=True, nulls=_NULLS)
    if len(lines):
        found = {role: pc.utf8_trim_whitespace(columns[name]) for role, name in shape.roles.items()}
        records = _Table(found, lines, tally).two_way(clock)
        records.exporters = _exporters(found.get(flow_csv.EXPORTER), exporter, tally)
        yield records


def _exporters(column: pa.Array | None, usual: str, tally: Tally) -> pa.DictionaryArray | None:
    """Return whose flows the rows are; None when no column says so, or more than the column can tell apart."""
    if column is None:
        return None
    named = pc.if_else(pc.equal(column, ""), None, column).fill_null(usual).dictionary_encode()
    if len(named.dictionary) > 1 << 15:
        tally.note("exporters-left-out", len(column))
        return None
    return pa.DictionaryArray.from_arrays(named.indices.cast(pa.int16()), named.dictionary)


def _long(block: Block, rejecting: Rejecting) -> tuple[dict[str, pa.Array], Array]:
    """Return the fields of lines of nfdump -o long by name."""
    rejecting.rows("line", matching(block, r"^\s*[^\s0-9]")[1])
    text, lines = matching(block, r"^[0-9]")
    if not len(lines):
        return {}, lines
    rows = pc.split_pattern(pa.array([text.decode("ascii").removesuffix("\n")], pa.string()), "\n").values
    parts = pc.extract_regex(rows, flow_csv.LONG_LINE)
    good = np.asarray(pc.is_valid(parts))
    rejecting.rows("line", lines[~good])
    parts = parts.filter(pa.array(good))
    names = [field.name for field in parts.type]
    return {name: pc.struct_field(parts, name) for name in names} if good.any() else {}, lines[good]


class _Table:
    """One block's columns by role on their way to numbers."""

    def __init__(self, columns: dict[str, pa.Array], lines: Array, tally: Tally) -> None:
        self.columns = columns
        self.lines = lines
        self.tally = tally
        self.bad: dict[str, Array] = {}

    def two_way(self, clock: _Clock) -> TwoWay:
        """Return the records."""
        none = pa.nulls(len(self.lines), pa.string())
        names = pc.utf8_lower(self.columns[flow_csv.PROTOCOL])
        self.bad["not-ip"] = np.asarray(pc.fill_null(pc.is_in(names, pa.array(_NOT_IP)), False))
        protocol, good = protocols(names)
        self.bad["protocol"] = ~good
        start = self._moment(flow_csv.START, "start", clock)
        end = self._end(start, clock)
        packets, octets, backward = self._counts()
        flags = tcp_flags(self.columns.get(flow_csv.FLAGS, none))
        if flow_csv.STATE in self.columns:
            state = self.columns[flow_csv.STATE]
            flags = mapped(state, lambda text: _side(text, 0)).astype(np.uint8)
            back = mapped(state, lambda text: _side(text, 1)).astype(np.uint8)
        else:
            back = np.zeros(len(self.lines), np.uint8)
        found = TwoWay(
            self.lines, start, end, self.columns[flow_csv.SOURCE], self.columns[flow_csv.DESTINATION],
            (self._port(flow_csv.SOURCE_PORT), self._port(flow_csv.DESTINATION_PORT)), protocol, packets, octets,
            flags, (*backward, back) if backward else None, bad=self.bad,
        )  # fmt: skip
        if flow_csv.INTERVAL in self.columns:
            found.intervals = np.minimum(self._number(flow_csv.INTERVAL), 0xFFFFFFFF)
        return found

    def _number(self, role: str) -> Array:
        values, good = whole_numbers(self.columns[role])
        self.bad[role] = ~good
        return values

    def _port(self, role: str) -> Array:
        if role not in self.columns:
            return np.zeros(len(self.lines), np.int64)
        # Type and code of ICMP: Argus writes hexadecimal, nfdump type and code with a point.
        column = self.columns[role]
        odd = pc.fill_null(pc.match_substring_regex(column, r"^(0x[0-9a-fA-F]+|[0-9]+\.[0-9]+)$"), False)
        values, good = whole_numbers(pc.if_else(odd, None, column))
        self.bad[role] = ~good
        return values

    def _moment(self, role: str, reason: str, clock: _Clock) -> Array:
        values, good, unknown = clock.read(self.columns[role], self.lines)
        self.bad[reason] = ~good
        self.bad["no-time-zone"] = self.bad.get("no-time-zone", False) | unknown
        return values

    def _end(self, start: Array, clock: _Clock) -> Array:
        if flow_csv.END in self.columns:
            end = self._moment(flow_csv.END, "end", clock)
            if flow_csv.DURATION not in self.columns or not self._whole_seconds():
                return end
        if flow_csv.DURATION in self.columns:
            length, good = durations(self.columns[flow_csv.DURATION])
            self.bad["duration"] = ~good
            return start + length
        return start

    def _whole_seconds(self) -> bool:
        """Say whether the end is written in whole seconds only, so that start and duration tell more."""
        return not pc.any(pc.match_substring(self.columns[flow_csv.END], ".")).as_py()

    def _counts(self) -> tuple[Array, Array, tuple[Array, Array] | None]:
        """Return packets, octets, and both backward where the file counts that direction."""
        rows = len(self.lines)
        have = {
            role: self._number(role)
            for role in (
                flow_csv.PACKETS, flow_csv.OCTETS, flow_csv.REVERSE_PACKETS, flow_csv.REVERSE_OCTETS,
                flow_csv.TOTAL_PACKETS, flow_csv.TOTAL_OCTETS,
            )
            if role in self.columns
        }  # fmt: skip
        zero = np.zeros(rows, np.int64)
        octets = have.get(flow_csv.OCTETS, have.get(flow_csv.TOTAL_OCTETS, zero))
        if flow_csv.TOTAL_PACKETS not in have:
            packets = have.get(flow_csv.PACKETS, (octets > 0).astype(np.int64))
            if flow_csv.PACKETS not in have:
                self.tally.note("packets-unknown", rows)
            if flow_csv.REVERSE_PACKETS in have:
                return (
                    packets,
                    octets,
                    (have[flow_csv.REVERSE_PACKETS], have.get(flow_csv.REVERSE_OCTETS, zero)),
                )
            return packets, octets, None
        total = have[flow_csv.TOTAL_PACKETS]
        back_octets = np.maximum(have.get(flow_csv.TOTAL_OCTETS, octets) - octets, 0)
        if flow_csv.PACKETS in have:
            packets = np.minimum(have[flow_csv.PACKETS], total)
            return packets, octets, (total - packets, back_octets)
        back = _shared(total, octets, back_octets)
        self.tally.note("packets-shared", int(((back > 0) & ~self.bad["not-ip"]).sum()))
        return total - back, octets, (back, back_octets)


def _shared(total: Array, octets: Array, back_octets: Array) -> Array:
    """Return the packets of the other direction when only the sum is known: by octets, at least one each."""
    part = total * (back_octets / np.maximum(octets + back_octets, 1))
    both = (octets > 0) & (back_octets > 0) & (total > 1)
    back = np.where(both, np.clip(np.rint(part), 1, np.maximum(total - 1, 1)), np.where(octets > 0, 0, part))
    found: Array = back.astype(np.int64)
    return found


def _side(text: str | None, side: int) -> int:
    """Return the TCP flags of one side of Argus's state, such as ``FSPA_FSPA``; other states have none."""
    sides = (text or "").split("_")
    return int(tcp_flags(pa.array([sides[side]], pa.string()))[0]) if len(sides) == 2 else 0  # noqa: PLR2004 - two


READER = CsvFlows()
