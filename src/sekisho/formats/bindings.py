"""Which template and which sampling hold for each data set: those its source had sent before it, in the block's order.

Most blocks change nothing, and then one look-up a (source, set id) is enough. Only sources that send a changed
template or new sampling inside the block are gone through piece by piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from sekisho.formats.flow_records import Array, Offsets
from sekisho.formats.flow_sources import Source, Sources
from sekisho.formats.message_sets import Block, Sets, distinct
from sekisho.formats.sampling import Rules, option_records, telling
from sekisho.formats.templates import (
    LOWEST_DATA,
    TEMPLATE_SETS,
    Definition,
    Layout,
    definitions,
    layout_of,
)

_ID_BITS = 16


class Teller(Protocol):
    """Counts, for a source and in all."""

    def reject(self, source: Source, reason: str, count: int = 1) -> None:
        """Count something left out."""
        ...

    def note(self, source: Source, name: str, count: int = 1) -> None:
        """Count something that lost nothing."""
        ...


class Binding(NamedTuple):
    """What a data set is read with; ``layout`` None: its template isn't known."""

    layout: Layout | None
    rules: Rules
    interval: int


class Binder:
    """Binds the sets of one block; ``owner``: index into ``sources`` of each set."""

    def __init__(
        self,
        block: Block,
        sets: Sets,
        owner: Array,
        sources: Sequence[Source],
        table: Sources,
        teller: Teller,
    ) -> None:
        self._block = block
        self._sets = sets
        self._owner = owner
        self._sources = sources
        self._table = table
        self._teller = teller
        self.bindings: list[Binding] = []
        self.binding: Offsets = np.full(len(owner), -1, np.int64)

    def bind(self) -> None:
        """Fill ``binding``: an index into ``bindings`` for each data set; -1 for sets that are not data."""
        changes = self._template_sets()
        data = np.flatnonzero(self._sets.identifier >= LOWEST_DATA)
        keys = self._owner[data] << _ID_BITS | self._sets.identifier[data]
        found, place = distinct(keys)
        busy: dict[int, set[int]] = {owner: set() for owner in changes}
        for key in found.tolist():
            owner, identifier = key >> _ID_BITS, key & 0xFFFF
            layout = self._sources[owner].templates.get(identifier)
            if layout is not None and layout.definition.options and telling(layout):
                busy.setdefault(owner, set()).add(identifier)
        for owner, sent in changes.items():
            busy[owner] |= {one.identifier for defined in sent.values() for one in defined if one.options}
        chosen = np.full(len(found), -1, np.int64)
        for index, key in enumerate(found.tolist()):
            if key >> _ID_BITS not in busy:
                chosen[index] = self._one(key >> _ID_BITS, key & 0xFFFF)
        self.binding[data] = chosen[place]
        for owner, options in busy.items():
            self._in_turn(owner, options, changes.get(owner, {}))

    def _template_sets(self) -> dict[int, dict[int, list[Definition]]]:
        """Read the template sets; return, by source and index of the set, those that change anything."""
        changes: dict[int, dict[int, list[Definition]]] = {}
        low = np.flatnonzero(self._sets.identifier < LOWEST_DATA)
        for index, owner, identifier in zip(
            low.tolist(), self._owner[low].tolist(), self._sets.identifier[low].tolist(), strict=True
        ):
            source = self._sources[owner]
            kinds = TEMPLATE_SETS[source.version]
            if identifier not in kinds:
                self._teller.reject(source, "set-reserved")
                continue
            body = self._body(index)
            if owner not in changes and source.refreshed(identifier, body):
                continue
            sent = list(
                definitions(
                    body,
                    source.version,
                    options=identifier == kinds[1],
                    reject=lambda reason, source=source: self._teller.reject(source, reason),  # type: ignore[misc]
                )
            )
            if owner in changes or not all(source.knows(one) for one in sent):
                changes.setdefault(owner, {})[index] = sent
            else:
                source.keep_refresh(identifier, body)
        return changes

    def _body(self, index: int) -> bytes:
        return self._block.flat[int(self._sets.begin[index]) : int(self._sets.end[index])].tobytes()

    def _one(self, owner: int, identifier: int) -> int:
        source = self._sources[owner]
        layout = source.templates.get(identifier)
        interval = 0
        if layout is not None:
            source.templates.move_to_end(identifier)
            interval = source.rules.of(identifier, layout)
        self.bindings.append(Binding(layout, source.rules, interval))
        return len(self.bindings) - 1

    def _in_turn(self, owner: int, options: set[int], changes: dict[int, list[Definition]]) -> None:
        """Go through a source's sets that may change something; what stands between is bound to what held there."""
        mine = np.flatnonzero(self._owner == owner)
        optional = np.isin(self._sets.identifier[mine], list(options)) & (
            self._sets.identifier[mine] >= LOWEST_DATA
        )
        done = 0
        for index in sorted({*changes, *mine[optional].tolist()}):
            here = int(np.searchsorted(mine, index))
            if index in changes:
                if all(self._sources[owner].knows(one) for one in changes[index]):
                    continue
                self._between(owner, mine[done:here])
                self._learn(self._sources[owner], changes[index])
            else:
                rules = self._told(self._sources[owner], index)
                if rules is self._sources[owner].rules:
                    continue
                self._between(owner, mine[done:here])
                self._sources[owner].rules = rules
            done = here
        self._between(owner, mine[done:])

    def _between(self, owner: int, which: Offsets) -> None:
        identifiers = self._sets.identifier[which]
        which = which[identifiers >= LOWEST_DATA]
        found, place = distinct(self._sets.identifier[which])
        self.binding[which] = np.array([self._one(owner, one) for one in found.tolist()], np.int64)[place]

    def _told(self, source: Source, index: int) -> Rules:
        identifier = int(self._sets.identifier[index])
        layout = source.templates.get(identifier)
        rules = source.rules
        if layout is None or not layout.definition.options or not telling(layout):
            return rules
        body = self._body(index)
        if source.last_options.get(identifier) == (body, layout, rules):
            return rules
        for values in option_records(layout, body):
            rules = rules.told(values)
        if rules is not source.rules:
            self._teller.note(source, "sampling-told")
        if len(source.last_options) >= 64:  # noqa: PLR2004 (a source has a few kinds of options)
            source.last_options.clear()
        source.last_options[identifier] = (body, layout, rules)
        return rules

    def _learn(self, source: Source, sent: Sequence[Definition]) -> None:
        for one in sent:
            if source.knows(one):
                continue
            if one.length == 0 and one.identifier < LOWEST_DATA:
                options = one.identifier == TEMPLATE_SETS[source.version][1]
                if gone := self._table.withdraw_all(source, options=options):
                    self._teller.note(source, "template-withdrawn", gone)
                continue
            layout = None
            if one.length:
                layout = layout_of(source.version, one, lambda reason: self._teller.reject(source, reason))
            for name, count in self._table.learn(source, one, layout).items():
                if name == "template-dropped":
                    self._teller.reject(source, name, count)
                else:
                    self._teller.note(source, name, count)
