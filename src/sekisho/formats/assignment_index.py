"""Who had an address, and a port, at a moment: columns of questions in, columns of answers out.

Each length of prefix is a level. In a level, a segment is a network and a run of ports; the intervals of a segment are
widened by the clock skew on both sides and swept once into pieces that do not overlap, each of which names one account
or says that there are two. A question is then two or three binary searches over sorted numbers; questions are sorted
first, so that the searches walk through memory in one direction.

Two accounts within the clock skew are `ambiguous`: around a hand-over, the skew before and after it. A shorter
overlap than the skew is a hand-over like any other; a longer one is ambiguous as long as it lasts. Port 0 (not known) on an address that is
shared by ports is ambiguous, unless one account has it alone. Prefixes of different lengths that name different
accounts are ambiguous, too.

A log covers an address at a moment when it speaks of the same pool (/24 of IPv4, /48 of IPv6), and was not silent for
longer than ``silence`` around it. Then nobody had it (`gap`); else there is no data.

An account ``inside:ADDRESS`` is the inside of a CGN, and is looked up once more at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.formats.assignment_coverage import Coverage
from sekisho.formats.assignment_pieces import AMBIGUOUS, NOBODY, Level
from sekisho.formats.assignment_rows import INSIDE
from sekisho.formats.assignment_settling import Intervals
from sekisho.model.assignment import Outcome

Array = npt.NDArray[Any]
#: Codes of outcomes in `Found.outcome`.
OUTCOMES = (Outcome.FOUND, Outcome.AMBIGUOUS, Outcome.GAP, Outcome.NO_DATA)
FOUND, TWO, GAP, NO_DATA = range(4)
SKEW = 2_000
SILENCE = 86_400_000
_MAPPED_LOW = np.uint64(0xFFFF << 32)


@dataclass(slots=True)
class Found:
    """Answers, a row each: ``account`` (int32, an index into the accounts, -1), ``outcome`` (uint8), ``open`` (bool)."""

    account: Array
    outcome: Array
    open: Array


class AssignmentIndex:
    """Settled intervals, ready for questions. Questions may come from several threads at once.

    ``skew`` and ``silence`` in milliseconds. About 100 octets an assignment stay in memory; settling and building take
    some 400 for a while (4 GB for ten million).
    """

    def __init__(self, intervals: Intervals, *, skew: int = SKEW, silence: int = SILENCE) -> None:
        self.intervals = intervals
        self.accounts = intervals.accounts
        self.skew = skew
        self._levels: list[Level] = []
        four = (intervals.high == 0) & (intervals.low >> np.uint64(32) == np.uint64(0xFFFF))
        for length in np.unique(intervals.length).tolist():
            for family in (True, False):
                which = np.flatnonzero((intervals.length == length) & (four == family))
                if len(which):
                    self._levels.append(Level(intervals, which, length, family, skew))
        self._coverage = Coverage(intervals, four, silence)
        self._inside = _inside(self.accounts)

    def find(self, high: Array, low: Array, port: Array, moment: Array) -> Found:
        """Answer questions: the address's 128 bits (uint64, uint64; IPv4 mapped), port (0: not known), milliseconds."""
        order = np.argsort(
            np.where(high == 0, low << np.uint64(32) | moment.astype(np.uint64) >> np.uint64(10), high)
        )
        sorted_ones = self._via(high[order], low[order], port[order], moment[order])
        out = Found(
            *(np.empty_like(one) for one in (sorted_ones.account, sorted_ones.outcome, sorted_ones.open))
        )
        out.account[order], out.outcome[order] = sorted_ones.account, sorted_ones.outcome
        out.open[order] = sorted_ones.open
        return out

    def _via(self, high: Array, low: Array, port: Array, moment: Array) -> Found:
        first = self._found(high, low, port, moment)
        if self._inside is None:
            return first
        known = first.account >= 0
        via = np.flatnonzero(known & self._inside[2][np.where(known, first.account, 0)])
        if not len(via):
            return first
        who = first.account[via]
        second = self._found(
            self._inside[0][who], self._inside[1][who], np.zeros(len(via), np.int64), moment[via]
        )
        first.account[via], first.outcome[via] = second.account, second.outcome
        first.open[via] |= second.open
        return first

    def four(self, address: Array, port: Array, moment: Array) -> Found:
        """Answer questions about IPv4 addresses (uint32)."""
        return self.find(
            np.zeros(len(address), np.uint64), address.astype(np.uint64) | _MAPPED_LOW, port, moment
        )

    def _found(self, high: Array, low: Array, port: Array, moment: Array) -> Found:
        rows = len(high)
        account = np.full(rows, NOBODY, np.int32)
        is_open = np.zeros(rows, bool)
        four = (high == 0) & (low >> np.uint64(32) == np.uint64(0xFFFF))
        whole = {True: bool(four.all()), False: not four.any()}
        for level in self._levels:
            at = None if whole[level.four] else np.flatnonzero(four == level.four)
            if at is not None and not len(at):
                continue
            some = (high, low, port, moment) if at is None else (high[at], low[at], port[at], moment[at])
            found, opened = level.find(*some)
            if at is None:
                at = np.arange(rows) if len(self._levels) > 1 else slice(None)  # type: ignore[assignment]
            before = account[at]
            clash = (before != NOBODY) & (found != NOBODY) & (before != found)
            account[at] = np.where(clash, AMBIGUOUS, np.where(found != NOBODY, found, before))
            is_open[at] |= opened
        outcome = np.where(account >= 0, FOUND, np.where(account == AMBIGUOUS, TWO, GAP)).astype(np.uint8)
        nobody = np.flatnonzero(outcome == GAP)
        if len(nobody):
            covered = self._coverage.covers(high[nobody], low[nobody], four[nobody], moment[nobody])
            outcome[nobody[~covered]] = NO_DATA
        return Found(np.maximum(account, -1), outcome, is_open)

    def about(self, high: Array, low: Array) -> Array:
        """Return the rows of the intervals that hold any of these addresses, at whatever moment."""
        every, found = self.intervals, []
        for length in np.unique(every.length).tolist():
            rows = np.flatnonzero(every.length == length)
            upper, lower = (np.uint64(max(64 - length, 0)), np.uint64(min(128 - length, 64)))
            fits = np.isin(_above(every.high[rows], upper), _above(high, upper))
            fits &= np.isin(_above(every.low[rows], lower), _above(low, lower))
            found.append(rows[fits])
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def candidates(self, high: int, low: int, port: int, moment: int, among: Array | None = None) -> Array:
        """Return the rows of the intervals that could have been it (one question), ``among`` those rows or all."""
        every = self.intervals
        rows: Any = slice(None) if among is None else among
        shift = 128 - every.length[rows].astype(np.int64)
        lower_bits = np.minimum(shift, 64).astype(np.uint64)
        upper_bits = np.maximum(shift - 64, 0).astype(np.uint64)
        fits = _same_above(every.low[rows], np.uint64(low), lower_bits)
        fits &= _same_above(every.high[rows], np.uint64(high), upper_bits)
        fits &= (every.begin[rows] - self.skew <= moment) & (moment < every.end[rows] + self.skew)
        if port:
            fits &= (every.first[rows] <= port) & (port <= every.last[rows])
        which = np.flatnonzero(fits)
        return which if among is None else among[which]


def _above(values: Array, bits: np.uint64) -> Array:
    """Return the bits above the lowest ``bits`` (0 to 64), the same number for each value."""
    return np.zeros_like(values) if bits >= np.uint64(64) else values >> bits


def _same_above(left: Array, right: np.uint64, bits: Array) -> Array:
    """Say whether the bits above the lowest ``bits`` (0 to 64) are the same."""
    differing = left ^ right
    shifted: Array = np.where(
        bits >= np.uint64(64), np.uint64(0), differing >> np.minimum(bits, np.uint64(63))
    )
    same: Array = shifted == 0
    return same


def _inside(accounts: pa.Array) -> tuple[Array, Array, Array] | None:
    """Return for each account the halves of the inside address that it is, and whether it is one."""
    if not len(accounts) or not pc.any(pc.starts_with(accounts, INSIDE)).as_py():
        return None
    flags = pc.starts_with(accounts, INSIDE).to_numpy(zero_copy_only=False).copy()
    high, low = np.zeros(len(flags), np.uint64), np.zeros(len(flags), np.uint64)
    for row in np.flatnonzero(flags).tolist():
        try:
            number = address_number(accounts[row].as_py().removeprefix(INSIDE).partition("/")[0])
        except ValueError:
            flags[row] = False
            continue
        high[row], low[row] = number >> 64, number & (1 << 64) - 1
    return high, low, flags


def address_number(text: str) -> int:
    """Return the 128 bits of an address, IPv4 mapped. :raises ValueError: no address."""
    address = ip_address(text)
    return int(address) | (0xFFFF << 32 if address.version == 4 else 0)  # noqa: PLR2004 - IPv4
