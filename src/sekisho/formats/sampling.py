"""What exporters say about sampling, in options records: for all they send, a sampler, an interface or a template.

RFC 3954 (types 34, 48 to 50), RFC 5477 (305, 306, 309, 310). An interval n means that 1 of n packets was looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sekisho.formats.templates import Field, Layout

UNKNOWN = 0
UNKNOWN_BOOT = -1
#: Samplers, interfaces or templates of one source whose interval is remembered.
MOST_RULES = 1_024
_MOST_INTERVAL = _MOST_NUMBER = (1 << 32) - 1
_LATEST_BOOT = 1 << 42
_LONG_FORM = 255
KINDS = ("sampler", "interface", "template")
_TELLING = frozenset({"interval", "sampling_population", "boot"})
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Rules:
    """The sampling of one source at one moment; never changed, only replaced.

    ``interval``: for all that has no rule of its own (0 unknown). ``by``: (kind, id) -> interval, kinds being
    sampler, interface and template. ``boot``: ms of the epoch when the exporter started (element 160), -1 unknown.
    """

    interval: int = UNKNOWN
    by: Mapping[tuple[str, int], int] = field(default_factory=dict)
    boot: int = UNKNOWN_BOOT

    @cached_property
    def _tables(self) -> dict[str, tuple[Array, Array]]:
        found = {}
        for kind in KINDS:
            pairs = sorted((number, interval) for (one, number), interval in self.by.items() if one == kind)
            found[kind] = (
                np.array([number for number, _ in pairs], np.uint64),
                np.array([interval for _, interval in pairs], np.uint32),
            )
        return found

    def table(self, kind: str) -> tuple[Array, Array]:
        """Return the ids that have a rule of that kind, ascending (uint64), and their intervals (uint32)."""
        return self._tables[kind]

    def of(self, template: int, layout: Layout) -> int:
        """Return the interval of a template's records that name no sampler or interface with a rule.

        When records name no sampler and all samplers of the source have one interval, it is that.
        """
        own = self.by.get(("template", template))
        if own is not None:
            return own
        if self.interval == UNKNOWN and "sampler" not in layout.fields:
            intervals = {interval for (kind, _), interval in self.by.items() if kind == "sampler"}
            if len(intervals) == 1:
                return intervals.pop()
        return self.interval

    def told(self, values: Mapping[str, int]) -> Rules:
        """Return the rules after an options record; ``values`` by role. Too many rules: the record is not taken."""
        boot = values.get("boot", self.boot)
        boot = boot if boot < _LATEST_BOOT else self.boot
        interval = interval_of(values)
        if interval is None:
            return self if boot == self.boot else replace(self, boot=boot)
        for kind in KINDS:
            number = values.get(kind, 0)
            if kind in values and (kind == "sampler" or number):
                key = (kind, number)
                if number > _MOST_NUMBER:
                    return self
                if self.by.get(key) == interval and boot == self.boot:
                    return self
                if key not in self.by and len(self.by) >= MOST_RULES:
                    return self
                return replace(self, by={**self.by, key: interval}, boot=boot)
        return (
            self
            if (interval, boot) == (self.interval, self.boot)
            else replace(self, interval=interval, boot=boot)
        )

    def state(self) -> dict[str, Any]:
        """Return the rules as JSON-able values."""
        return {
            "interval": self.interval,
            "boot": self.boot,
            "rules": [[kind, number, interval] for (kind, number), interval in sorted(self.by.items())],
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Rules:
        """Return the rules that `state` gave."""
        rules = [(str(kind), int(number), int(interval)) for kind, number, interval in state["rules"]]
        return cls(
            int(state["interval"]),
            {(kind, number): interval for kind, number, interval in rules[:MOST_RULES] if kind in KINDS},
            int(state["boot"]),
        )


def interval_of(values: Mapping[str, int]) -> int | None:
    """Return the sampling interval that a record states, or None when it says nothing about it."""
    if "sampling_population" in values and "sampling_size" in values:
        size = values["sampling_size"]
        return min(values["sampling_population"] // size, _MOST_INTERVAL) if size else UNKNOWN
    interval = values.get("interval")
    if interval is None:
        return None
    if "space" in values:
        # 305 packets are taken, then 306 are passed over (RFC 5477 section 8.2).
        return min((interval + values["space"]) // interval, _MOST_INTERVAL) if interval else UNKNOWN
    return interval


def telling(layout: Layout) -> bool:
    """Say whether options records of this layout say anything that we use."""
    return bool(_TELLING & layout.fields.keys())


def option_records(layout: Layout, body: bytes) -> Iterator[dict[str, int]]:
    """Yield the values, by role, of each options record in the body of a data set."""
    at = 0
    while at + layout.octets <= len(body):
        anchors = [at]
        for span in layout.spans[:-1]:
            at += span
            if at >= len(body):
                return
            length = body[at]
            at += 1
            if length == _LONG_FORM:
                length = int.from_bytes(body[at : at + 2], "big")
                at += 2
            at += length
            anchors.append(at)
        at += layout.spans[-1]
        if at > len(body):
            return
        yield {role: _value(body, anchors, place) for role, place in layout.fields.items()}


def _value(body: bytes, anchors: list[int], place: Field) -> int:
    begin = anchors[place.anchor] + place.offset
    return int.from_bytes(body[begin : begin + place.width], "big")
