"""Decodes NetFlow v5 and v9, IPFIX and sFlow v5 of many exporters at once into batches of FLOW.

A block of datagrams is sorted by version, its sets are found by a walk in step, each set is bound to the template and
the sampling that held when it was sent, and then each layout's records are copied column by column. There is no Python
object per record, and no row is guessed: what can't be read is counted by a stable reason id, for its source and in
all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from sekisho.formats import ipfix, netflow, sflow
from sekisho.formats.bindings import Binder, Binding
from sekisho.formats.datagrams import Datagrams
from sekisho.formats.elements import IPFIX, NETFLOW_9
from sekisho.formats.flow_columns import Heads, Pending
from sekisho.formats.flow_lane import Lane, Passed
from sekisho.formats.flow_plans import Plan, Twin
from sekisho.formats.flow_records import Array, Offsets, Records, walk
from sekisho.formats.flow_sources import Limits, Source, Sources
from sekisho.formats.message_sets import Block, Framing, Sets, distinct, ordered, sets_of
from sekisho.formats.netflow import HEADER_5, HEADER_9, LAYOUT_5, NETFLOW_5, RECORD_5, Headers
from sekisho.formats.sampling import UNKNOWN_BOOT, Rules
from sekisho.formats.templates import EVENT_RECORDS, FLOW_RECORDS, OTHER_RECORDS, Layout

#: How far back a sequence number counts as late: in flows (v5), datagrams (v9, sFlow) and records (IPFIX).
WINDOWS = {NETFLOW_5: 1_024, NETFLOW_9: 32, IPFIX: 1_024, sflow.SFLOW: 32}
_HEADERS = {NETFLOW_5: HEADER_5, NETFLOW_9: HEADER_9, IPFIX: ipfix.HEADER, sflow.SFLOW: sflow.HEADER}
_PART_OCTETS = 8 << 20
_PART_DATAGRAMS = 4_096
# The compiled twin has no temporaries that would leave the cache.
_PARTS_OF_TWIN = 4
_SCHEMA = 1
_WORD = 4
#: Why a datagram was left out before it had a source, so that no source's figures tell of it.
UNREAD = ("header-truncated", "version-unknown", "message-length", "too-many-sources")
# Instead of a layout's number: a set that is no data, and data whose template is missing.
_NO_DATA, _NO_LAYOUT = -2, -1


class Counter(Protocol):
    """What a decoder tells (see ``Tally`` in the ports)."""

    def good(self, rows: int) -> None:
        """Rows that came out."""
        ...

    def reject(self, reason: str, where: str = "", count: int = 1) -> None:
        """Something left out."""
        ...

    def note(self, name: str, count: int = 1) -> None:
        """Something that lost nothing."""
        ...


class Decoder:
    """Keeps the templates, sampling and sequences of its exporters between blocks.

    With ``fast_from`` the twin of numba (same rows; the extra ``fast`` must be installed) takes over once so many rows
    came out: it takes seconds to compile, which a few flows are not worth.
    """

    def __init__(self, limits: Limits | None = None, *, fast_from: int | None = None) -> None:
        self._sources = Sources(limits or Limits())
        self._fast_from = fast_from
        self._rows = 0
        self._twin: Twin | None = None
        self._framing: Framing | None = None

    def decode(self, block: Datagrams, tally: Counter) -> list[pa.RecordBatch]:
        """Return the flows of a block as batches of FLOW (columns that a batch doesn't need are left out).

        The order of rows is not that of the datagrams. Nothing in a datagram raises an exception.
        """
        return [batch for batches, _ in self.passed(block, tally, None) for batch in batches]

    def passed(
        self, block: Datagrams, tally: Counter, lane: Lane | None
    ) -> Iterator[tuple[list[pa.RecordBatch], Passed | None]]:
        """Yield the flows of a block, part by part: batches as of `decode`, and what the ``lane`` took further.

        Each part must be asked for, or the templates and sequence numbers in it are not learnt.
        """
        width = block.octets.shape[1] if block.octets.ndim > 1 else 0
        if width == 0:
            return
        if self._twin is None and self._fast_from is not None and self._rows >= self._fast_from:
            from sekisho.formats import flow_records_fast, message_sets_fast

            self._twin, self._framing = flow_records_fast, message_sets_fast
        parts = 1 if self._twin is None else _PARTS_OF_TWIN
        step = max(1, parts * min(_PART_DATAGRAMS, _PART_OCTETS // width))
        for begin in range(0, len(block), step):
            part = _Part(
                block.part(begin, begin + step), self._sources, tally, (self._twin, self._framing), lane
            )
            batches, passed, rows = part.batches()
            self._rows += rows
            yield batches, passed

    def state(self) -> dict[str, Any]:
        """Return, JSON-able, the counters of each exporter and domain, least recently heard first."""
        return {"sources": [source.state() for source in self._sources]}

    def templates(self) -> dict[str, Any]:
        """Return, JSON-able, the templates and the sampling of all sources, for `restore` after a restart."""
        return {"schema": _SCHEMA, "sources": self._sources.templates()}

    def restore(self, kept: Mapping[str, Any]) -> int:
        """Take back what `templates` gave and return the number of good templates.

        :raises ValueError: when it isn't of that form
        """
        try:
            if kept["schema"] != _SCHEMA:
                raise ValueError("templates of another schema")
            return self._sources.restore(list(kept["sources"]), WINDOWS)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not templates: {error!r}") from error


class _Part:
    """Decodes some thousand datagrams."""

    def __init__(
        self, datagrams: Datagrams, table: Sources, tally: Counter,
        twins: tuple[Twin | None, Framing | None], lane: Lane | None,
    ) -> None:  # fmt: skip
        octets = np.ascontiguousarray(datagrams.octets)
        self._datagrams = datagrams
        twin, framing = twins
        self._block = Block(octets, framing)
        self._length = np.clip(datagrams.length, 0, octets.shape[1]).astype(np.int64)
        self._table = table
        self._tally = tally
        self._pending = Pending()
        # Not a method of this: a circle would keep the whole block until the collector of circles comes round.
        self._plans = Plan(
            self._block, self._pending, lambda reason, count: tally.reject(reason, "", count), twin, lane
        )
        self._lane = lane
        self._codes: dict[str, int] = {}

    def batches(self) -> tuple[list[pa.RecordBatch], Passed | None, int]:
        """Return the batches, what the lane took, and how many rows there were."""
        versions = self._versions()
        for version, decode in (
            (NETFLOW_5, self._netflow_5),
            (NETFLOW_9, self._netflow_9),
            (IPFIX, self._ipfix),
            (sflow.SFLOW, self._sflow),
        ):
            rows = np.flatnonzero(versions == version)
            short = self._length[rows] < _HEADERS[version]
            self._blame_senders("header-truncated", rows[short])
            rows = rows[~short]
            if len(rows):
                decode(rows)
        exporters = list(self._codes)
        passed, taken = (None, 0) if self._lane is None else self._lane.run(self._block.flat, exporters)
        found = self._pending.batches(exporters, self._lost)
        many = sum(batch.num_rows for batch in found) + taken
        self._tally.good(many)
        return found, passed, many

    # Counting.

    def reject(self, source: Source, reason: str, count: int = 1) -> None:
        source.rejects[reason] += count
        self._tally.reject(reason, source.name, count)

    def note(self, source: Source, name: str, count: int = 1) -> None:
        source.counters[name] += count
        self._tally.note(name, count)

    def _lost(self, reason: str, count: int) -> None:
        self._tally.reject(reason, "", count)

    def _blame_senders(self, reason: str, rows: Offsets) -> None:
        senders, counts = np.unique(self._datagrams.exporter[rows], return_counts=True)
        for sender, count in zip(senders.tolist(), counts.tolist(), strict=True):
            self._tally.reject(reason, self._address(sender), count)

    def _blame(self, sources: list[Source], owner: Array, reason: str, which: Array) -> None:
        for index, count in enumerate(np.bincount(owner[which], minlength=len(sources)).tolist()):
            if count:
                self.reject(sources[index], reason, count)

    def _add(self, sources: list[Source], owner: Array, name: str, amounts: Array) -> None:
        sums = np.bincount(owner, weights=amounts, minlength=len(sources))
        for source, amount in zip(sources, sums.tolist(), strict=True):
            source.counters[name] += int(amount)

    def _address(self, sender: int) -> str:
        known = 0 <= sender < len(self._datagrams.exporters)
        return self._datagrams.exporters[sender] if known else "?"

    # Who sent what.

    def _versions(self) -> Array:
        """Return the version of each datagram; sFlow's is 32 bits wide. Others are counted."""
        begins = np.arange(len(self._length), dtype=np.int64) * self._block.width
        if self._block.width < _WORD:
            self._blame_senders("header-truncated", np.arange(len(begins)))
            return np.zeros(len(begins), np.int64)
        first = self._block.quad(begins)
        versions = np.where(first == sflow.VERSION, sflow.SFLOW, first >> 16)
        versions[self._length < _WORD] = -1
        short = np.flatnonzero(versions == -1)
        unknown = np.flatnonzero(~np.isin(versions, [-1, *_HEADERS]))
        if len(short):
            self._blame_senders("header-truncated", short)
        if len(unknown):
            self._blame_senders("version-unknown", unknown)
        return versions

    def _owners(self, rows: Offsets, version: int, domain: Offsets) -> tuple[list[Source], Array, Array]:
        """Return the sources, each datagram's index into them, and which datagrams have one (there may be no room)."""
        sender = self._datagrams.exporter[rows].astype(np.int64)
        keys = sender << 32 | domain
        found, owner = distinct(keys)
        newest = np.full(len(found), -1, np.int64)
        np.maximum.at(newest, owner, self._datagrams.received[rows])
        sources: list[Source] = []
        index = np.full(len(found), -1, np.int64)
        for place, (key, now) in enumerate(zip(found.tolist(), newest.tolist(), strict=True)):
            address = self._address(key >> 32)
            source, forgotten = self._table.get(address, version, key & 0xFFFFFFFF, now, WINDOWS[version])
            if forgotten:
                self._tally.note("source-forgotten", forgotten)
            if source is None:
                self._tally.reject("too-many-sources", address, int(np.count_nonzero(owner == place)))
            else:
                index[place] = len(sources)
                sources.append(source)
        owner = index[owner]
        self._add(sources, owner[owner >= 0], "datagrams", np.ones(np.count_nonzero(owner >= 0)))
        return sources, owner, owner >= 0

    def _code(self, source: Source) -> int:
        return self._codes.setdefault(source.name, len(self._codes))

    def _sequence(self, sources: list[Source], owner: Array, sequence: Array, units: Array) -> None:
        """Count gaps: ``units`` of each datagram, -1 when not known."""
        order = np.argsort(owner.astype(np.uint16), kind="stable")
        ends = np.cumsum(np.bincount(owner, minlength=len(sources))).tolist()
        numbers, steps = sequence[order], units[order]
        broken = np.ones(len(order), bool)
        broken[1:] = ((numbers[:-1] + steps[:-1] - numbers[1:]) & 0xFFFFFFFF) != 0
        broken |= steps < 0
        breaks = np.flatnonzero(broken).tolist()
        begin = 0
        for source, end in zip(sources, ends, strict=True):
            one = source.sequence
            before = one.lost, one.late, one.resets
            one.follow(numbers, steps, breaks, begin, end)
            for name, old, new in zip(
                ("sequence-lost", "sequence-late", "sequence-reset"),
                before,
                (one.lost, one.late, one.resets),
                strict=True,
            ):
                if new > old:
                    self._tally.note(name, new - old)
            begin = end

    # The versions.

    def _netflow_5(self, rows: Offsets) -> None:
        begins = rows * self._block.width
        headers, counts, interval = netflow.headers_5(self._block, begins)
        sources, owner, good = self._owners(rows, NETFLOW_5, headers.domain)
        if not good.all():
            rows, begins, owner, counts, interval = (
                one[good] for one in (rows, begins, owner, counts, interval)
            )
            headers = headers.take(good)
            if not len(rows):
                return
        fit = np.minimum(counts, (self._length[rows] - HEADER_5) // RECORD_5)
        lacking = counts - fit
        for index in np.flatnonzero(np.bincount(owner, weights=lacking, minlength=len(sources))).tolist():
            self.reject(sources[index], "record-truncated", int(lacking[owner == index].sum()))
        self._sequence(sources, owner, headers.sequence, counts)
        self._add(sources, owner, "records", fit)
        codes = np.array([self._code(source) for source in sources], np.int16)
        heads = Heads(
            headers.export,
            headers.uptime,
            np.full(len(rows), UNKNOWN_BOOT, np.int64),
            interval,
            codes[owner],
            np.zeros(len(rows), np.int64),
            [Rules()],
        )
        self._plans.fixed(LAYOUT_5, begins + HEADER_5, fit, heads)

    def _netflow_9(self, rows: Offsets) -> None:
        begins = rows * self._block.width
        headers = netflow.headers_9(self._block, begins)
        self._templated(rows, NETFLOW_9, headers, begins + HEADER_9, begins + self._length[rows])

    def _ipfix(self, rows: Offsets) -> None:
        begins = rows * self._block.width
        headers, length = ipfix.headers(self._block, begins)
        lies = (length < ipfix.HEADER) | (length > self._length[rows])
        if lies.any():
            self._blame_senders("message-length", rows[lies])
            rows, begins, length, headers = rows[~lies], begins[~lies], length[~lies], headers.take(~lies)
            if not len(rows):
                return
        behind = np.flatnonzero(length < self._length[rows])
        if len(behind):
            self._blame_senders("octets-behind-message", rows[behind])
        self._templated(rows, IPFIX, headers, begins + ipfix.HEADER, begins + length)

    def _sflow(self, rows: Offsets) -> None:
        begins = rows * self._block.width
        heads = sflow.headers(self._block, begins, begins + self._length[rows])
        if not heads.good.all():
            self._blame_senders("header-truncated", rows[~heads.good])
            rows, heads = rows[heads.good], heads.take(heads.good)
            if not len(rows):
                return
        sources, owner, good = self._owners(rows, sflow.SFLOW, heads.sub_agent)
        if not good.all():
            rows, owner, heads = rows[good], owner[good], heads.take(good)
            if not len(rows):
                return
        self._sequence(sources, owner, heads.sequence, np.ones(len(rows), np.int64))
        codes = np.array([self._code(source) for source in sources], np.int16)
        found = sflow.samples(
            self._block, heads, lambda reason, which: self._blame(sources, owner, reason, which)
        )
        if found.counters:
            self._tally.note("counter-sample", found.counters)
        self._add(sources, owner[found.message], "records", np.ones(len(found.message)))
        for shape, columns in found.columns(self._datagrams.received[rows], codes[owner]):
            self._pending.add_ready(shape, columns)

    # Sets and records.

    def _templated(
        self, rows: Offsets, version: int, headers: Headers, begins: Offsets, ends: Offsets
    ) -> None:
        sources, owner, good = self._owners(rows, version, headers.domain)
        if not good.all():
            rows, owner, begins, ends = (one[good] for one in (rows, owner, begins, ends))
            headers = headers.take(good)
            if not len(rows):
                return
        sets = sets_of(self._block, begins, ends, partial(self._blame, sources, owner))
        binder = Binder(self._block, sets, owner[sets.message], sources, self._table, self)
        binder.bind()
        units = self._planned(sets, binder, headers, owner, sources)
        if version == NETFLOW_9:
            units = np.ones(len(rows), np.int64)
        self._sequence(sources, owner, headers.sequence, units)

    def _planned(
        self, sets: Sets, binder: Binder, headers: Headers, owner: Array, sources: list[Source]
    ) -> Offsets:
        """Plan the rows of all data sets; return the data records of each message, -1 where a template is missing."""
        units = np.zeros(len(owner), np.int64)
        layouts, of_binding = _layouts(binder.bindings)
        data = binder.binding >= 0
        layout_of_set = np.full(len(data), _NO_DATA, np.int64)
        layout_of_set[data] = of_binding[binder.binding[data]]
        missing = np.flatnonzero(layout_of_set == _NO_LAYOUT)
        codes = np.array([self._code(source) for source in sources], np.int16)
        for which, layout in zip(_grouped(layout_of_set, len(layouts), _NO_DATA), layouts, strict=True):
            mine = sets.take(which)
            heads = _heads(mine, headers, binder, which, codes[owner[mine.message]])
            counts = self._plan(layout, mine, heads, sources, owner)
            np.add.at(units, mine.message, counts)
        if len(missing):
            messages = sets.message[missing]
            self._blame(sources, owner, "template-missing", messages)
            self._add(sources, owner[messages], "template_misses", np.ones(len(messages)))
            units[messages] = -1
        return units

    def _plan(self, layout: Layout, sets: Sets, heads: Heads, sources: list[Source], owner: Array) -> Array:
        """Plan the rows of the sets of one layout and return how many records each set has."""
        records: Records | None = None
        if layout.variable:
            records, counts, torn, overlong = walk(self._block.flat, layout, sets.begin, sets.end)
            for reason, count in (("record-truncated", torn), ("set-too-long", overlong)):
                if count:
                    self._lost(reason, count)
        else:
            counts = (sets.end - sets.begin) // layout.octets
        self._blame(sources, owner, "set-without-record", sets.message[counts == 0])
        whose = owner[sets.message]
        if layout.kind != FLOW_RECORDS:
            self._count_others(layout.kind, counts, sources, whose)
            return counts
        self._add(sources, whose, "records", counts)
        if records is None:
            self._plans.fixed(layout, sets.begin, counts, heads)
        else:
            self._plans.walked(layout, records, heads)
        return counts

    def _count_others(self, kind: str, counts: Array, sources: list[Source], whose: Array) -> None:
        """Count records that are no flows: events and options lose nothing; those without addresses can't be rows."""
        if kind == OTHER_RECORDS:
            sums = np.bincount(whose, weights=counts, minlength=len(sources)).tolist()
            for source, count in zip(sources, sums, strict=True):
                if count:
                    self.reject(source, "no-address", int(count))
            return
        self._tally.note(kind, int(counts.sum()))
        if kind == EVENT_RECORDS:
            self._add(sources, whose, "events", counts)


def _layouts(bindings: list[Binding]) -> tuple[list[Layout], Offsets]:
    """Return the different layouts and each binding's index into them, `_NO_LAYOUT` for none."""
    layouts: dict[Layout, int] = {}
    index = [
        _NO_LAYOUT if one.layout is None else layouts.setdefault(one.layout, len(layouts)) for one in bindings
    ]
    return list(layouts), np.array(index, np.int64)


def _grouped(group: Offsets, groups: int, lowest: int) -> list[Offsets]:
    """Return the indexes that have each value from 0 to ``groups`` - 1, in order; values begin at ``lowest``."""
    if groups == 1:
        return [np.flatnonzero(group == 0)]
    order = ordered(group - lowest, groups - lowest)
    edges = np.concatenate(([0], np.cumsum(np.bincount(group - lowest, minlength=groups - lowest))))
    return [order[edges[index - lowest] : edges[index - lowest + 1]] for index in range(groups)]


def _heads(sets: Sets, headers: Headers, binder: Binder, which: Offsets, exporter: Array) -> Heads:
    used, place = distinct(binder.binding[which])
    bindings = [binder.bindings[one] for one in used.tolist()]
    rules: dict[int, int] = {}
    rule = np.array([rules.setdefault(id(one.rules), len(rules)) for one in bindings], np.int64)
    by_id = {id(one.rules): one.rules for one in bindings}
    return Heads(
        headers.export[sets.message],
        headers.uptime[sets.message],
        np.array([one.rules.boot for one in bindings], np.int64)[place],
        np.array([one.interval for one in bindings], np.uint32)[place],
        exporter,
        rule[place],
        [by_id[one] for one in rules],
    )
