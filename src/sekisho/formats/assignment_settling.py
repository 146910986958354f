"""Statements of logs settled into intervals: one per session, with the end that the logs prove or allow.

Rules, in this order (each is a line of the answer's ``because`` where it decides):

- Statements of one session are one assignment: it begins at the earliest begin; a record that closes it beats one that
  does not know the end yet, whichever came first. A record that comes twice changes nothing.
- A pair of events without a session id (CGN blocks): a begin ends at the next event of the same block and account.
- A reset (a NAS that reboots: RFC 2866 section 5.1, Accounting-On and -Off) ends what its scope held open.
- A lease is a promise: it ends when its server gives the address to somebody else, or renews it.
- An open assignment ends when the same address (and ports) is given again, unless it was seen after that: then both
  stand and the answer is ambiguous.
- What is still open holds ``longest_open`` beyond the last time it was seen, and is flagged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.formats.assignment_rows import BEGINS, CLOSED, ENDS, FIXED, LEASED, OPEN, RESET

Array = npt.NDArray[Any]
#: No end is known and none is assumed.
FOREVER = 1 << 43


@dataclass(slots=True)
class Intervals:
    """Settled assignments, a row each. Arrays of equal length, but ``accounts``.

    :ivar high: and ``low``: the network's 128 bits (uint64 each); ``length`` its length, IPv4 in the mapped space
    :ivar first: and ``last``: ports (uint16), both inclusive
    :ivar begin: and ``end``: milliseconds (int64), the end exclusive
    :ivar account: index into ``accounts`` (int32)
    :ivar open: whether the end is only assumed
    :ivar seen: the last time a log spoke of it
    :ivar scope: what log said so
    :ivar row: a row of the statements that it was settled from
    """

    high: Array
    low: Array
    length: Array
    first: Array
    last: Array
    begin: Array
    end: Array
    account: Array
    open: Array
    seen: Array
    scope: Array
    row: Array
    accounts: pa.Array

    def __len__(self) -> int:
        return len(self.begin)


def settle(statements: pa.Table, *, longest_open: int) -> tuple[Intervals, dict[str, int]]:
    """Return the settled intervals of ASSIGNMENT rows, and counts of what could not be used, by reason id.

    ``longest_open`` in milliseconds. Reasons: ``end-without-begin``, ``ends-before-begin``.
    """
    rows = _Columns(statements)
    events = (rows.state == BEGINS) | (rows.state == ENDS)
    resets = rows.state == RESET
    folded = _folded(rows, np.flatnonzero(~events & ~resets))
    if events.any():
        paired = _paired(rows, np.flatnonzero(events))
        folded = tuple(np.concatenate(pair) for pair in zip(folded, paired, strict=True))  # type: ignore[assignment]
    row, begin, end, seen, state = folded
    known = begin > 0
    known |= state == FIXED
    faults = {"end-without-begin": int((~known).sum())}
    row, begin, end, seen, state = (one[known] for one in (row, begin, end, seen, state))
    out = rows.taken(row)
    out.begin, out.end, out.seen = begin, end, np.maximum(seen, begin)
    running = state == OPEN
    if resets.any() and running.any():
        _reset(rows, np.flatnonzero(resets), out, running)
    _superseded(out, running, state == LEASED)
    out.open = running
    out.end = np.where(running, out.seen + longest_open, np.where(state == FIXED, FOREVER, out.end))
    bad = out.end < out.begin
    faults["ends-before-begin"] = int(bad.sum())
    if bad.any():
        out = _picked(out, np.flatnonzero(~bad))
    return out, {name: count for name, count in faults.items() if count}


class _Columns:
    def __init__(self, statements: pa.Table) -> None:
        table = statements.combine_chunks()
        self.rows = table.num_rows

        def numbers(name: str, kind: Any) -> Array:
            values: Array = table.column(name).to_numpy().astype(kind, copy=False)
            return values

        chunks = table.column("network").chunks
        octets = b"" if not chunks else chunks[0].buffers()[1]
        start = chunks[0].offset * 2 if chunks else 0
        halves = np.frombuffer(octets, ">u8")[start : start + 2 * self.rows].reshape(-1, 2)
        self.high, self.low = halves[:, 0].astype(np.uint64), halves[:, 1].astype(np.uint64)
        self.length = numbers("length", np.uint8)
        self.first, self.last = numbers("portBegin", np.uint16), numbers("portEnd", np.uint16)
        self.begin, self.end, self.seen = (numbers(name, np.int64) for name in ("begin", "end", "seen"))
        self.state = numbers("state", np.uint8)
        self.session, self.scope = numbers("session", np.int64), numbers("scope", np.int64)
        coded = pc.dictionary_encode(table.column("account")).combine_chunks()
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.chunk(0) if coded.num_chunks else pa.array([], pa.string()).dictionary_encode()
        self.account = coded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
        self.accounts = coded.dictionary

    def taken(self, row: Array) -> Intervals:
        none = np.empty(0, np.int64)
        return Intervals(
            self.high[row], self.low[row], self.length[row], self.first[row], self.last[row], none, none,
            self.account[row], none, none, self.scope[row], row, self.accounts,
        )  # fmt: skip


_Folded = tuple[Array, Array, Array, Array, Array]


def _folded(rows: _Columns, which: Array) -> _Folded:
    """Return row, begin, end, seen and state of each session."""
    session = rows.session[which]
    order = np.argsort(session, kind="stable")
    at = which[order]
    if len(at) < 2 or not (np.diff(session[order]) == 0).any():  # noqa: PLR2004 - nothing to fold
        return at, rows.begin[at], rows.end[at], rows.seen[at], rows.state[at]
    order = np.lexsort(
        (which, rows.seen[which], rows.account[which], rows.high[which] ^ rows.low[which], session)
    )
    at = which[order]
    # Numbers of sessions may clash: nothing of another account or address is ever taken for the same session.
    starts = np.flatnonzero(np.append(True, ~_same(rows, at)))
    begins = rows.begin[at]
    begin = np.minimum.reduceat(np.where(begins > 0, begins, np.iinfo(np.int64).max), starts)
    begin[begin == np.iinfo(np.int64).max] = 0
    states, ends = rows.state[at], rows.end[at]
    closed = np.maximum.reduceat(np.where(states == CLOSED, ends, -1), starts)
    # The statement that was made last decides about a promise.
    last = np.maximum.reduceat(np.where(states == LEASED, np.arange(len(at)), -1), starts)
    promised = np.where(last >= 0, ends[last], 0)
    fixed = np.maximum.reduceat(states == FIXED, starts)
    state = np.where(closed >= 0, CLOSED, np.where(last >= 0, LEASED, np.where(fixed, FIXED, OPEN)))
    seen = np.maximum.reduceat(rows.seen[at], starts)
    return at[starts], begin, np.where(closed >= 0, closed, promised), seen, state.astype(np.uint8)


def _paired(rows: _Columns, which: Array) -> _Folded:
    """Return the intervals that begin and end events make; an end sorts before a begin of the same moment."""
    ends = rows.state[which] == ENDS
    moment = np.where(ends, rows.end[which], rows.begin[which])
    order = np.lexsort(
        (~ends, moment, rows.account[which], rows.high[which] ^ rows.low[which], rows.session[which])
    )
    at, moment, ends = which[order], moment[order], ends[order]
    same = _same(rows, at)
    again = np.append(False, same & (moment[1:] == moment[:-1]) & (ends[1:] == ends[:-1]))
    at, moment, ends = at[~again], moment[~again], ends[~again]
    same = _same(rows, at)
    follows = np.append(same, False)
    keep = ~ends | ~np.append(False, same)
    begin = np.where(ends, 0, moment)
    end = np.where(ends, moment, np.where(follows, np.append(moment[1:], 0), 0))
    state = np.where(follows | ends, CLOSED, OPEN).astype(np.uint8)
    return at[keep], begin[keep], end[keep], rows.seen[at][keep], state[keep]


def _same(rows: _Columns, at: Array) -> Array:
    """Say for each but the first whether it belongs to the same session as the one before it."""
    same: Array = np.ones(max(len(at) - 1, 0), bool)
    for column in (rows.session, rows.account, rows.high, rows.low, rows.length):
        same &= column[at][1:] == column[at][:-1]
    return same


def _reset(rows: _Columns, which: Array, out: Intervals, running: Array) -> None:
    """End what runs at the first reset of its scope that is not older than the last sight of it."""
    scopes, moments = rows.scope[which], rows.begin[which]
    order = np.lexsort((moments, scopes))
    scopes, moments = scopes[order], moments[order]
    for scope in np.unique(scopes).tolist():
        mine = np.flatnonzero(running & (out.scope == scope))
        times = moments[scopes == scope]
        next_one = np.searchsorted(times, out.seen[mine])
        hit = next_one < len(times)
        out.end[mine[hit]] = times[next_one[hit]]
        out.seen[mine[hit]] = times[next_one[hit]]  # the log spoke of it then
        running[mine[hit]] = False


def _superseded(out: Intervals, running: Array, leased: Array) -> None:
    """End open assignments and promises at the next assignment of the same network and ports."""
    if not (running.any() or leased.any()):
        return
    order = np.lexsort((out.begin, out.last, out.first, out.length, out.low, out.high))
    same = np.ones(len(order) - 1, bool)
    for column in (out.high, out.low, out.length, out.first, out.last):
        same &= column[order][1:] == column[order][:-1]
    begin, scope = out.begin[order], out.scope[order]
    following = begin[1:]
    ends = same & leased[order][:-1] & (scope[1:] == scope[:-1]) & (following < out.end[order][:-1])
    ends |= same & running[order][:-1] & (out.seen[order][:-1] <= following)
    ends &= following > begin[:-1]
    at = order[:-1][ends]
    out.end[at] = following[ends]
    running[at] = False


def _picked(out: Intervals, which: Array) -> Intervals:
    names = (
        "high",
        "low",
        "length",
        "first",
        "last",
        "begin",
        "end",
        "account",
        "open",
        "seen",
        "scope",
        "row",
    )
    return Intervals(**{name: getattr(out, name)[which] for name in names}, accounts=out.accounts)
