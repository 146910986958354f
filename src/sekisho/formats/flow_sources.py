"""What a decoder remembers of each exporter and domain: templates, sampling, sequence, counters; all of it bounded.

Anybody can send datagrams with a forged sender. So the number of sources, of templates a source and of templates in
all is limited; a new source never drives out one that was heard in the last minutes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sekisho.formats.elements import IPFIX, NETFLOW_9
from sekisho.formats.flow_records import Array
from sekisho.formats.sampling import Rules
from sekisho.formats.templates import LOWEST_DATA, TEMPLATE_SETS, Definition, Layout, layout_of, whole

_HALF = 1 << 31
_WHOLE = 1 << 32


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is remembered; ``idle_ms``: a source not heard for so long makes room for a new one."""

    sources: int = 4_096
    templates_per_source: int = 1_024
    templates: int = 16_384
    idle_ms: int = 300_000


class Sequence:
    """Counts what got lost between datagrams, by the rule of their version.

    ``window``: how far back, in the sequence's unit, a datagram counts as late rather than as the exporter's restart.
    """

    __slots__ = ("expected", "late", "lost", "resets", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self.expected: int | None = None
        self.lost = self.late = self.resets = 0

    def seen(self, number: int, units: int | None) -> None:
        """Take the next datagram: its sequence number and the units it holds (None: not known)."""
        following = None if units is None else (number + units) % _WHOLE
        if self.expected is None:
            self.expected = following
            return
        ahead = (number - self.expected) % _WHOLE
        if ahead < _HALF:
            self.lost += ahead
        elif _WHOLE - ahead <= self.window:
            self.late += units or 0
            return
        else:
            self.resets += 1
        self.expected = following

    def follow(self, numbers: Array, units: Array, breaks: list[int], begin: int, end: int) -> None:
        """Take the datagrams from ``begin`` to ``end``: those that go on from the one before are not looked at singly.

        ``units`` are -1 where not known; ``breaks``, in order, are the datagrams that don't go on, or without units.
        """
        place, later = begin, bisect_right(breaks, begin)
        while place < end:
            number, held = int(numbers[place]), int(units[place])
            self.seen(number, held if held >= 0 else None)
            if held < 0 or self.expected != (number + held) % _WHOLE:
                place += 1
                continue
            while later < len(breaks) and breaks[later] <= place:
                later += 1
            place = min(end, breaks[later]) if later < len(breaks) else end
            self.expected = (int(numbers[place - 1]) + int(units[place - 1])) % _WHOLE


class Source:
    """One exporter and domain with one version."""

    __slots__ = (
        "_refreshes",
        "address",
        "counters",
        "domain",
        "heard",
        "last_options",
        "rejects",
        "rules",
        "sequence",
        "templates",
        "version",
    )

    def __init__(self, address: str, version: int, domain: int, window: int) -> None:
        self.address = address
        self.version = version
        self.domain = domain
        self.heard = 0
        self.templates: OrderedDict[int, Layout] = OrderedDict()
        self.rules = Rules()
        self.sequence = Sequence(window)
        self.counters: Counter[str] = Counter()
        self.rejects: Counter[str] = Counter()
        #: Last body of each options set, with what it was read with and what came out: most are repetitions.
        self.last_options: dict[int, tuple[bytes, Layout, Rules]] = {}
        self._refreshes: dict[int, bytes] = {}

    @property
    def name(self) -> str:
        """Return what stands in the column ``exporter``."""
        return f"{self.address}#{self.domain}"

    def knows(self, definition: Definition) -> bool:
        """Say whether a template is the one that is known already (or withdraws what isn't there)."""
        layout = self.templates.get(definition.identifier)
        if layout is None:
            return definition.length == 0 and definition.identifier >= LOWEST_DATA
        old = layout.definition
        return (
            old.fields == definition.fields
            and old.options == definition.options
            and old.scopes == definition.scopes
        )

    def refreshed(self, kind: int, body: bytes) -> bool:
        """Say whether a template set repeats, octet by octet, the last one of its kind that changed nothing."""
        return self._refreshes.get(kind) == body

    def keep_refresh(self, kind: int, body: bytes) -> None:
        """Remember a template set that changed nothing."""
        self._refreshes[kind] = body

    def forget_refreshes(self) -> None:
        """Templates change: every template set must be read again."""
        self._refreshes.clear()

    def state(self) -> dict[str, Any]:
        """Return the counters as JSON-able values."""
        return {
            "exporter": self.name,
            "version": self.version,
            "heard": self.heard,
            "datagrams": self.counters["datagrams"],
            "records": self.counters["records"],
            "events": self.counters["events"],
            "templates": len(self.templates),
            "template_misses": self.counters["template_misses"],
            "lost": self.sequence.lost,
            "late": self.sequence.late,
            "resets": self.sequence.resets,
            "sampling": self.rules.state(),
            "rejected": dict(sorted(self.rejects.items())),
        }


class Sources:
    """All sources, least recently heard first."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._sources: OrderedDict[tuple[str, int, int], Source] = OrderedDict()
        self._templates = 0

    def __iter__(self) -> Any:
        return iter(self._sources.values())

    def get(
        self, address: str, version: int, domain: int, now: int, window: int
    ) -> tuple[Source | None, int]:
        """Return the source (None when there is no room) and how many old ones were forgotten for it."""
        key = (address, version, domain)
        source = self._sources.get(key)
        forgotten = 0
        if source is None:
            if len(self._sources) >= self.limits.sources:
                oldest = next(iter(self._sources.values()))
                if now - oldest.heard < self.limits.idle_ms:
                    return None, 0
                self._sources.popitem(last=False)
                self._templates -= len(oldest.templates)
                forgotten = 1
            source = self._sources[key] = Source(address, version, domain, window)
        self._sources.move_to_end(key)
        source.heard = max(source.heard, now)
        return source, forgotten

    def learn(self, source: Source, definition: Definition, layout: Layout | None) -> Counter[str]:
        """Take a template (None: unusable, or withdrawn) and return what happened, by id."""
        done: Counter[str] = Counter()
        number = definition.identifier
        source.forget_refreshes()
        old = source.templates.pop(number, None)
        if old is not None:
            self._templates -= 1
        if layout is None:
            if old is not None:
                done["template-withdrawn"] += 1
            return done
        source.templates[number] = layout
        self._templates += 1
        done["template-learnt" if old is None else "template-changed"] += 1
        if len(source.templates) > self.limits.templates_per_source:
            source.templates.popitem(last=False)
            self._templates -= 1
            done["template-dropped"] += 1
        if self._templates > self.limits.templates:
            self._drop_oldest(source)
            done["template-dropped"] += 1
        return done

    def withdraw_all(self, source: Source, *, options: bool) -> int:
        """Forget all templates, or all options templates, of a source (RFC 7011 section 8.1)."""
        gone = [number for number, layout in source.templates.items() if layout.definition.options == options]
        for number in gone:
            del source.templates[number]
        self._templates -= len(gone)
        source.forget_refreshes()
        return len(gone)

    def _drop_oldest(self, keep: Source) -> None:
        """Drop the least used template of the longest silent source that has any."""
        for source in self._sources.values():
            if source.templates and (source is not keep or len(source.templates) > 1):
                source.templates.popitem(last=False)
                source.forget_refreshes()
                self._templates -= 1
                return

    def templates(self) -> list[dict[str, Any]]:
        """Return templates and sampling of all sources as JSON-able values, so that a restart doesn't lose them."""
        return [
            {
                "address": source.address,
                "version": source.version,
                "domain": source.domain,
                "heard": source.heard,
                "sampling": source.rules.state(),
                "templates": [
                    {
                        "id": number,
                        "options": layout.definition.options,
                        "scopes": layout.definition.scopes,
                        "length": layout.definition.length,
                        "fields": layout.definition.fields.hex(),
                    }
                    for number, layout in source.templates.items()
                ],
            }
            for source in self._sources.values()
            if source.version in TEMPLATE_SETS
        ]

    def restore(self, kept: list[Mapping[str, Any]], window: Mapping[int, int]) -> int:
        """Take back what `templates` gave; return how many templates were good."""
        good = 0
        for one in kept:
            version = int(one["version"])
            if version not in (NETFLOW_9, IPFIX):
                continue
            source, _ = self.get(
                str(one["address"]), version, int(one["domain"]), int(one["heard"]), window[version]
            )
            if source is None:
                continue
            source.rules = Rules.of_state(one["sampling"])
            for entry in one["templates"]:
                definition = Definition(
                    int(entry["id"]),
                    bool(entry["options"]),
                    int(entry["scopes"]),
                    int(entry["length"]),
                    bytes.fromhex(entry["fields"]),
                )
                if not whole(definition, version) or definition.identifier < LOWEST_DATA:
                    continue
                layout = layout_of(version, definition, lambda _: None)
                if layout is not None:
                    self.learn(source, definition, layout)
                    good += 1
        return good
