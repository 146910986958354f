"""Tables of assignments (a column of text per role) to statements, a column at a time; a bad row costs itself only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.errors import ReadingError
from sekisho.formats.address_text import IPV4, addresses
from sekisho.formats.assignment_rows import (
    ALL_PORTS,
    BEGINS,
    CLOSED,
    EARLIEST,
    ENDS,
    FIXED,
    INSIDE,
    LATEST,
    MAPPED,
    batch_of_columns,
    mixed,
    name_number,
)
from sekisho.formats.local_time import moments, zone_of
from sekisho.formats.text_columns import mapped, whole_numbers
from sekisho.formats.text_lines import Block, Rejecting, line_blocks, table
from sekisho.formats.whole_lines import WholeLines
from sekisho.language import Text
from sekisho.model.verdict import Scalar

Array = npt.NDArray[Any]
Columns = Mapping[str, pa.Array]
NETWORK, LENGTH, ACCOUNT, INNER = "network", "length", "account", "inside"
FIRST, LAST, BEGIN, END, TIME, EVENT = "port_begin", "port_end", "begin", "end", "time", "event"
ROLES = (NETWORK, LENGTH, ACCOUNT, INNER, FIRST, LAST, BEGIN, END, TIME, EVENT)
_NULLS = ("", "-", "NULL", "null")
#: Words for events, which the options ``allocated`` and ``released`` replace.
_ALLOCATED, _RELEASED = "allocated", "released"
OPTIONS: Mapping[str, Text] = {
    **{
        role: Text(ja=f"{role} が入っている列の見出し", en=f"the heading of the column with {role}")
        for role in ROLES
    },
    "zone": Text(
        ja="時間帯のない時刻の時間帯（例 Asia/Tokyo）。ないとその行は使わない",
        en="the zone of times without one (such as Asia/Tokyo); such rows are rejected without it",
    ),
    "server": Text(
        ja="記録した装置の名前（複数台で同じアドレスを使うとき）",
        en="the name of what wrote the log (when several use the same addresses)",
    ),
    "delimiter": Text(ja="区切り文字（既定はカンマ）", en="delimiter (default: a comma)"),
    "allocated": Text(ja="割当を表す語", en="the word for an allocation"),
    "released": Text(ja="解放を表す語", en="the word for a release"),
    "whole": Text(
        ja="1 なら、改行のない最後の行も使う", en="1: use the last line, too, when no newline ends it"
    ),
}


class Table:
    """Rows of one block on their way to statements. ``bad`` collects by reason; the first reason of a row counts."""

    def __init__(self, columns: Columns, lines: Array, zone: str = "") -> None:
        self.columns = columns
        self.lines = lines
        self.zone = zone
        self.bad: dict[str, Array] = {}

    def networks(self) -> tuple[Array, Array]:
        """Return the octets (uint8, n by 16) and lengths of the networks."""
        parts = pc.extract_regex(
            self.columns[NETWORK], r"^\s*(?P<a>[0-9a-fA-F.:]+)(?:/(?P<l>[0-9]{1,3}))?\s*$"
        )
        family, four, six = addresses(pc.struct_field(parts, "a"))
        own = pc.struct_field(parts, "l")
        given, good = whole_numbers(pc.if_else(pc.equal(own, ""), None, own))
        length = np.where(np.asarray(pc.fill_null(pc.not_equal(own, ""), False)), given, -1)
        if LENGTH in self.columns:
            extra, fine = whole_numbers(self.columns[LENGTH])
            length, good = (
                np.where(
                    length < 0, np.where(np.asarray(pc.is_valid(self.columns[LENGTH])), extra, -1), length
                ),
                good & fine,
            )
        is_four = family == IPV4
        most = np.where(is_four, 32, 128)
        length = np.where(length < 0, most, length)
        octets = six.copy() if len(six) else np.zeros((len(family), 16), np.uint8)
        octets[is_four, 10:12] = 255
        octets[is_four, 12:] = four[is_four].astype(">u4").view(np.uint8).reshape(-1, 4)
        unreadable: Array = (family == 0) | ~good | (length > most)
        self.bad["network"] = unreadable
        length = np.where(is_four, np.minimum(length, 32) + MAPPED, np.minimum(length, 128))
        bits = np.unpackbits(octets, axis=1) if (length < 128).any() else None  # noqa: PLR2004 - whole addresses
        if bits is not None:
            beyond: Array = bits.astype(bool) & (np.arange(128) >= length[:, None])
            self.bad["host-bits"] = np.asarray(beyond.any(axis=1))
        return octets, length.astype(np.uint8)

    def ports(self) -> tuple[Array, Array]:
        """Return the first and the last port; all when there are no columns for them."""
        rows = len(self.lines)
        first, last = np.zeros(rows, np.int64), np.full(rows, ALL_PORTS, np.int64)
        if FIRST in self.columns:
            first, good = whole_numbers(self.columns[FIRST])
            last, fine = whole_numbers(self.columns.get(LAST, self.columns[FIRST]))
            there = np.asarray(pc.is_valid(self.columns[FIRST]))
            last = np.where(there, last, ALL_PORTS)
            self.bad["port-out-of-range"] = (
                ~good | ~fine | (first > ALL_PORTS) | (last > ALL_PORTS) | (first > last)
            )
        return np.clip(first, 0, ALL_PORTS), np.clip(last, 0, ALL_PORTS)

    def moment(self, role: str, *, needed: bool) -> Array:
        """Return milliseconds of a column; 0 where it is empty."""
        if role not in self.columns:
            return np.zeros(len(self.lines), np.int64)
        column = self.columns[role]
        values, good, unknown = moments(column, self.zone)
        there = np.asarray(pc.is_valid(column))
        self._add("no-time-zone", unknown & there)
        self._add("time", ~good & (there | needed))
        wrong = good & ~unknown & there & ((values < EARLIEST) | (values > LATEST))
        self._add("impossible-time", wrong)
        return np.where(there & good, values, 0)

    def _add(self, reason: str, wrong: Array) -> None:
        self.bad[reason] = self.bad[reason] | wrong if reason in self.bad else wrong

    def accounts(self) -> pa.Array:
        """Return the accounts: the column itself, or the inside address, to be looked up once more."""
        none = pa.nulls(len(self.lines), pa.string())
        own = pc.utf8_trim_whitespace(self.columns.get(ACCOUNT, none))
        if INNER in self.columns:
            inner = pc.utf8_trim_whitespace(self.columns[INNER])
            family, _, _ = addresses(inner)
            self.bad["inside"] = (family == 0) & np.asarray(pc.is_valid(inner))
            own = pc.coalesce(own, pc.binary_join_element_wise(INSIDE, inner, ""))
        self.bad["no-account"] = np.asarray(pc.fill_null(pc.equal(own, ""), True))
        return pc.fill_null(own, "")

    def batch(self, source: str, rejecting: Rejecting, states: Array, times_: tuple[Array, Array, Array],
              *, by_begin: bool, scope: str) -> pa.RecordBatch:  # fmt: skip
        """Return the good rows as statements, and count the others."""
        octets, length = self.networks()
        first, last = self.ports()
        account = self.accounts()
        begin, end, seen = times_
        self.bad["ends-before-begin"] = (end > 0) & (begin > 0) & (end < begin)
        left = np.ones(len(self.lines), bool)
        for reason, wrong in self.bad.items():
            rejecting.rows(reason, self.lines[left & wrong])
            left &= ~wrong
        keep = np.flatnonzero(left)
        who = mapped(account, lambda text: name_number(text or ""))
        halves = octets.view(">u8").astype(np.int64)
        number = name_number(scope)
        session = mixed(
            halves[:, 0],
            halves[:, 1],
            length,
            first,
            last,
            who,
            np.full(len(who), number),
            begin if by_begin else 0,
        )
        return batch_of_columns(
            {
                "network": octets[keep], "length": length[keep], "portBegin": first[keep].astype(np.uint16),
                "portEnd": last[keep].astype(np.uint16), "begin": begin[keep], "end": end[keep], "seen": seen[keep],
                "state": states[keep].astype(np.uint8), "account": account.take(pa.array(keep)),
                "session": session[keep], "scope": np.full(len(keep), number), "line": self.lines[keep],
                "source": pa.array([source] * len(keep), pa.string()),
            }
        )  # fmt: skip


def csv_batches(
    source: BinaryIO,
    tally: Any,
    options: Mapping[str, Scalar],
    kind: str,
    *,
    needed: tuple[str, ...],
    live: bool,
) -> Iterator[pa.RecordBatch]:
    """Yield the statements of a CSV file whose header names the roles, or whose options name the headings.

    :param live: a log that is being written: a last line without a newline is left for the next run
    :raises ReadingError: no header, or no column for a role that is needed
    """
    zone, rejecting = zone_of(options), Rejecting(tally.reject)
    name = str(options.get("source") or kind)
    lines = WholeLines(source)
    whole = not live or str(options.get("whole", "")) == "1"
    shape: tuple[list[str], dict[str, str]] | None = None
    for block in line_blocks(source if whole else cast("BinaryIO", lines), tally.reject):
        text = block
        if shape is None:
            shape = _shape(block, options, needed)
            cut = block.text.index(b"\n") + 1
            text = Block(block.first + 1, block.text[cut:])
        if text.text.strip():
            found, where = table(
                text, shape[0], str(options.get("delimiter") or ","), rejecting, quoted=True, nulls=_NULLS
            )
            if len(where):
                rows = Table({role: found[column] for role, column in shape[1].items()}, where, zone)
                batch = _statements(rows, name, rejecting, options, kind)
                tally.good(batch.num_rows)
                yield batch
    if lines.half:
        tally.note("half-line-left-for-next-run")
    if shape is None:
        raise ReadingError(Text(ja="ファイルが空", en="the file is empty"), name)


def _statements(
    rows: Table, name: str, rejecting: Rejecting, options: Mapping[str, Scalar], kind: str
) -> pa.RecordBatch:
    scope = f"{kind}:{options.get('server') or ''}"
    if EVENT not in rows.columns:
        begin, end = rows.moment(BEGIN, needed=False), rows.moment(END, needed=False)
        states = np.where(end > 0, CLOSED, FIXED)
        if BEGIN not in rows.columns:
            states = np.full(len(begin), FIXED)
        return rows.batch(
            name, rejecting, states, (begin, end, np.maximum(begin, end)), by_begin=True, scope=scope
        )
    words = {
        str(options.get("allocated") or _ALLOCATED).lower(): BEGINS,
        str(options.get("released") or _RELEASED).lower(): ENDS,
    }
    states = mapped(rows.columns[EVENT], lambda word: words.get((word or "").strip().lower(), -1))
    rows.bad["event"] = states < 0
    moment = rows.moment(TIME, needed=True)
    begin, end = np.where(states == BEGINS, moment, 0), np.where(states == ENDS, moment, 0)
    return rows.batch(
        name, rejecting, np.maximum(states, 0), (begin, end, moment), by_begin=False, scope=scope
    )


def header_roles(line: str, options: Mapping[str, Scalar]) -> tuple[list[str], dict[str, str]]:
    """Return the headings, and the heading of each role: as named by the options, else called like the role."""
    names = [one.strip().strip('"') for one in line.split(str(options.get("delimiter") or ","))]
    own = {one.lower(): one for one in names}
    roles = {}
    for role in ROLES:
        heading = str(options.get(role) or own.get(role, ""))
        if heading in names:
            roles[role] = heading
    return names, roles


def _shape(
    block: Block, options: Mapping[str, Scalar], needed: tuple[str, ...]
) -> tuple[list[str], dict[str, str]]:
    names, roles = header_roles(block.text.split(b"\n", 1)[0].decode("ascii").strip("\r "), options)
    unknown = [str(options[role]) for role in ROLES if options.get(role) and options[role] not in names]
    missing = [one for one in needed if not any(role in roles for role in one.split("|"))]
    if missing or unknown:
        raise ReadingError(
            Text(ja="必要な列が分からない", en="columns that are needed aren't known"),
            f"{', '.join([*missing, *unknown])}; {', '.join(names)[:300]}",
            Text(
                ja="--set network=見出し のように列名を渡す",
                en="name the headings, such as --set network=HEADING",
            ),
        )
    return names, roles
