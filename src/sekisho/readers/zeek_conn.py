"""Zeek's conn.log, as tab-separated values or as JSON.

Question:
    Which flows did a Zeek sensor log?
How:
    Blocks of lines become columns through Arrow's readers of delimited text and JSON; the file's own header names
    the columns, so extra ones (labels) do no harm. A connection gives two rows, one per direction with packets.
Evidence:
    Start, end, addresses, ports, protocol, packets and octets with IP headers (``*_ip_bytes``; the payload's octets
    where a log has no others). TCP flags are rebuilt from the letters of ``history``, else from ``conn_state``.
Limits:
    Both directions carry the connection's start and end. ``history`` says a letter once, whatever the number of
    packets; data stand for PSH and ACK. A log without packet counts gives one packet (noted ``packets-unknown``). Octets that Zeek missed are missing. Sampling is unknown.
Source:
    Zeek's documentation of ``base/protocols/conn/main.zeek`` (Conn::Info) and of its log format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sekisho.errors import ReadingError
from sekisho.formats.json_lines import NUMBER, TEXT, json_columns
from sekisho.formats.local_time import moments
from sekisho.formats.text_columns import durations, mapped, protocols, whole_numbers
from sekisho.formats.text_lines import Block, Rejecting, line_blocks, matching, table
from sekisho.formats.two_way import TwoWay
from sekisho.language import Text
from sekisho.model.tables import ACK, FIN, PSH, RST, SYN, batch_of
from sekisho.ports.flows import Options, Tally

Array = npt.NDArray[Any]
_NEEDED = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto")
_NUMBERS = ("orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "orig_bytes", "resp_bytes")
_COUNTED = ("orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes")
_WANTED = (*_NEEDED, *_NUMBERS, "duration", "conn_state", "history")
_TEXTS = ("id.orig_h", "id.resp_h", "proto", "conn_state", "history")
_JSON = {name: ((name,), TEXT if name in _TEXTS else NUMBER) for name in _WANTED}
# Letters of the originator in capitals, of the responder in small; a packet with data also acknowledges.
_LETTERS = {"S": SYN, "H": SYN | ACK, "A": ACK, "D": PSH | ACK, "F": FIN | ACK, "R": RST}
_STATES: Mapping[str, tuple[int, int]] = {
    "S0": (SYN, 0),
    "S1": (SYN | ACK, SYN | ACK),
    "SF": (SYN | ACK | FIN, SYN | ACK | FIN),
    "REJ": (SYN, RST | ACK),
    "S2": (SYN | ACK | FIN, SYN | ACK),
    "S3": (SYN | ACK, SYN | ACK | FIN),
    "RSTO": (SYN | ACK | RST, SYN | ACK),
    "RSTR": (SYN | ACK, SYN | ACK | RST),
    "RSTOS0": (SYN | RST, 0),
    "RSTRH": (0, SYN | ACK | RST),
    "SH": (SYN | FIN, 0),
    "SHR": (0, SYN | ACK | FIN),
}


class ZeekConn:
    """Reader of conn.log."""

    name = "zeek_conn"
    title = Text(ja="Zeek の conn.log（TSV、JSON）", en="Zeek's conn.log (TSV, JSON)")
    options: Mapping[str, Text] = {
        "exporter": Text(
            ja="exporter 列の値：どのルーターのものか（既定は読み手の名）",
            en="what stands in the column exporter: whose flows they are (default: the reader's name)",
        )
    }

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content tells
        """Say whether ``head`` has a conn.log's header, or a first line of JSON with Zeek's names."""
        if b"\0" in head:
            return False
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"#"):
            fields = next((line for line in head.split(b"\n") if line.startswith(b"#fields")), b"")
            return (
                b"id.orig_h" in fields
                and b"resp_h" in fields
                and (b"conn_state" in fields or b"#path\tconn" in head)
            )
        first = start.split(b"\n", 1)[0]
        return first.startswith(b"{") and b'"id.orig_h"' in first and b'"conn_state"' in first

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield FLOW batches, each of one address family."""
        file = _Log(Rejecting(tally.reject), tally)
        exporter = str(options.get("exporter") or self.name)
        for block in line_blocks(source, tally.reject):
            for records in file.records(block):
                for columns in records.rows(file.rejecting):
                    batch = batch_of(columns, exporter)
                    tally.good(batch.num_rows)
                    yield batch
        if not file.known:
            raise ReadingError(
                Text(ja="conn.log の見出しも JSON もない", en="neither the header of a conn.log nor JSON"),
                "line 1",
                Text(ja="#fields の行のあるファイルを渡す", en="give a file with its line #fields"),
            )


class _Log:
    """The header lines of one file, which may come again when files were put together."""

    def __init__(self, rejecting: Rejecting, tally: Tally) -> None:
        self.rejecting = rejecting
        self.tally = tally
        self.known = False
        self.fields: list[str] = []
        self.separator = "\t"
        self.nulls = ["-", "(empty)"]

    def records(self, block: Block) -> Iterator[TwoWay]:
        """Yield the records of a block: between header lines TSV, or JSON."""
        if block.text.lstrip()[:1] == b"{":
            self.known = True
            columns, lines = json_columns(block, r"^\s*\{", _JSON, self.rejecting)
            self._lost(block, r"^\s*[^\s{]")
            yield from self._found(columns, lines)
            return
        at, number, text = 0, block.first, block.text
        while at < len(text):
            if text[at : at + 64].lstrip(b" \t")[:1] == b"#":
                end = text.index(b"\n", at) + 1
                self._header(text[at:end].decode("ascii").strip())
            else:
                end = text.find(b"\n#", at) + 1 or len(text)
                yield from self._rows(Block(number, text[at:end]))
            number += text.count(b"\n", at, end)
            at = end

    def _lost(self, block: Block, pattern: str) -> None:
        self.rejecting.rows("line", matching(block, pattern)[1])

    def _header(self, line: str) -> None:
        word, _, rest = (
            line.partition(" ") if line.startswith("#separator") else line.partition(self.separator)
        )
        if word == "#separator":
            code = rest.strip()
            found = re.fullmatch(r"\\x([0-9A-Fa-f]{2})", code)
            self.separator = chr(int(found[1], 16)) if found else code[:1] or "\t"
            if not self.separator.isascii() or self.separator in '\r\n"':
                self.separator = "\t"
        elif word == "#fields":
            self.fields = rest.split(self.separator)
            self.known = True
            if missing := [name for name in _NEEDED if name not in self.fields]:
                raise ReadingError(
                    Text(ja="conn.log に必要な列がない", en="a conn.log without columns it must have"),
                    ", ".join(missing),
                    Text(ja="Zeek の conn.log を渡す", en="give the conn.log of Zeek"),
                )
        elif word in {"#unset_field", "#empty_field"} and rest:
            self.nulls.append(rest)

    def _rows(self, block: Block) -> Iterator[TwoWay]:
        if not self.fields:
            lines = np.arange(block.first, block.first + block.text.count(b"\n"))
            self.rejecting.rows("before-header", lines)
            return
        if not block.text.strip():
            return
        columns, lines = table(
            block, self.fields, self.separator, self.rejecting, quoted=False, nulls=tuple({*self.nulls})
        )
        if len(lines):
            yield from self._found({name: columns[name] for name in _WANTED if name in columns}, lines)

    def _found(self, columns: dict[str, pa.Array], lines: Array) -> Iterator[TwoWay]:
        if len(lines):
            yield _records(columns, lines, self.tally)


def _records(columns: dict[str, pa.Array], lines: Array, tally: Tally) -> TwoWay:
    bad: dict[str, Array] = {}

    def number(name: str) -> Array:
        if name not in columns:
            return np.zeros(len(lines), np.int64)
        values, good = whole_numbers(columns[name])
        bad[name] = ~good
        return values

    start, good, bad["no-time-zone"] = moments(columns["ts"], "")
    bad["ts"] = ~good
    protocol, good = protocols(columns["proto"])
    bad["proto"] = ~good
    length = np.zeros(len(lines), np.int64)
    if "duration" in columns:
        length, good = durations(columns["duration"])
        bad["duration"] = ~good
    # JSON gives every name, null throughout when the log doesn't have it. A block is long enough to tell.
    columns = {
        name: one for name, one in columns.items() if name not in _COUNTED or one.null_count < len(one)
    }
    octets = "orig_ip_bytes" if "orig_ip_bytes" in columns else "orig_bytes"
    if octets == "orig_bytes":
        tally.note("octets-of-payload-only", len(lines))
    back_packets, back_octets = number("resp_pkts"), number(octets.replace("orig", "resp"))
    if "resp_pkts" not in columns:
        # The least that can be: one packet of the originator, and one back when there are octets.
        tally.note("packets-unknown", len(lines))
        back_packets = (back_octets > 0).astype(np.int64)
    packets = number("orig_pkts") if "orig_pkts" in columns else np.ones(len(lines), np.int64)
    flags = _flags(columns, len(lines))
    return TwoWay(
        lines, start, start + length, columns["id.orig_h"], columns["id.resp_h"],
        (number("id.orig_p"), number("id.resp_p")), protocol, packets, number(octets), flags[0],
        (back_packets, back_octets, flags[1]), bad=bad,
    )  # fmt: skip


def _flags(columns: dict[str, pa.Array], rows: int) -> tuple[Array, Array]:
    """Return the TCP flags of both directions, from history where there is one, else from conn_state."""
    none = pa.nulls(rows, pa.string())
    history = mapped(columns.get("history", none), _of_history)
    state = mapped(columns.get("conn_state", none), _of_state)
    both = np.where(history >= 0, history, state)
    return (both >> 8).astype(np.uint8), (both & 255).astype(np.uint8)


def _of_history(text: str | None) -> int:
    if not text:
        return -1
    orig = resp = 0
    for letter in text[:100]:
        bits = _LETTERS.get(letter.upper(), 0)
        if letter.isupper():
            orig |= bits
        else:
            resp |= bits
    return orig << 8 | resp


def _of_state(text: str | None) -> int:
    orig, resp = _STATES.get(text or "", (0, 0))
    return orig << 8 | resp


READER = ZeekConn()
