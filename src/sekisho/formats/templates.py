"""Templates of NetFlow v9 (RFC 3954 sections 5.2, 6.1) and IPFIX (RFC 7011 section 3.4): read, and made into layouts.

A layout says where in a record the fields stand that we use. Equal definitions share one layout whoever sent them, so
records of a thousand exporters of one make are gathered together.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple
from weakref import WeakValueDictionary

from sekisho.formats.elements import IPFIX, NETFLOW_9, VARIABLE, role

#: Called with a stable reason id for what is left out.
Reject = Callable[[str], None]

LOWEST_DATA = 256  # set ids below are templates or reserved
MOST_FIELDS = 512
_LONGEST = 65_535
_ENTERPRISE = 0x8000
_PAIR = struct.Struct("!HH")
_THREE = struct.Struct("!HHH")
_NUMBER = struct.Struct("!I")
TEMPLATE_SETS = {NETFLOW_9: (0, 1), IPFIX: (2, 3)}  # version -> (templates, options templates)

_ROLES_OF_A_FLOW = frozenset({"packets", "reverse_packets"})
FLOW_RECORDS, EVENT_RECORDS, OPTION_RECORDS, OTHER_RECORDS = "flow", "event", "option", "other"


class Definition(NamedTuple):
    """A template as sent: its id, its field specifiers as they stood; ``scopes`` fields of an options template.

    ``length`` (number of fields) 0 with empty ``fields`` is a withdrawal (RFC 7011 section 8.1).
    """

    identifier: int
    options: bool
    scopes: int
    length: int
    fields: bytes


class Field(NamedTuple):
    """Where a value stands: ``offset`` octets behind ``anchor`` (0: record's begin; n: behind the n-th variable field)."""

    anchor: int
    offset: int
    width: int


class Layout:
    """A compiled template. ``octets``: length of a record, or the least length when ``spans`` says it varies.

    ``spans``: octets of fixed fields before each variable-length field, and behind the last one; one entry means that
    there is none. ``flaws``: reason ids of fields that can't be used (their values are skipped).
    """

    __slots__ = ("__weakref__", "definition", "fields", "flaws", "kind", "octets", "spans", "version")

    def __init__(self, version: int, definition: Definition) -> None:
        self.version = version
        self.definition = definition
        self.fields: dict[str, Field] = {}
        self.flaws: tuple[str, ...] = ()
        self.spans: tuple[int, ...] = ()
        self._place()
        self.octets = sum(self.spans) + len(self.spans) - 1
        self.kind = self._kind()

    @property
    def variable(self) -> bool:
        """Whether records have variable-length fields."""
        return len(self.spans) > 1

    def has(self, *names: str) -> bool:
        """Say whether all these roles are there."""
        return all(name in self.fields for name in names)

    def _place(self) -> None:
        """Give every useful field its place; of several with one role the best rank wins, then the first."""
        ranks: dict[str, int] = {}
        flaws: dict[str, None] = {}
        spans, offset = [], 0
        for number, (element, width, enterprise) in enumerate(
            specifiers(self.definition.fields, self.version)
        ):
            if width == VARIABLE and self.version == IPFIX:
                spans.append(offset)
                offset = 0
                continue
            use = role(element, enterprise, version=self.version, scope=number < self.definition.scopes)
            if width == 0:
                flaws["field-zero-length"] = None
            elif use and width not in use.widths:
                flaws["field-length"] = None
            elif use and use.rank < ranks.get(use.name, 99):
                ranks[use.name] = use.rank
                self.fields[use.name] = Field(len(spans), offset, width)
            offset += width
        self.spans = (*spans, offset)
        self.flaws = tuple(flaws)

    def _kind(self) -> str:
        if self.definition.options:
            return OPTION_RECORDS
        if not _ROLES_OF_A_FLOW & self.fields.keys() and "event" in self.fields:
            return EVENT_RECORDS
        if self.has("source4", "destination4") or self.has("source6", "destination6"):
            return FLOW_RECORDS
        return OTHER_RECORDS


_LAYOUTS: WeakValueDictionary[tuple[int, int, bytes, bool], Layout] = WeakValueDictionary()


def layout_of(version: int, definition: Definition, reject: Reject) -> Layout | None:
    """Return the layout of a definition, or None (with a reason) when no record of it can be read."""
    key = (version, definition.scopes, definition.fields, definition.options)
    layout = _LAYOUTS.get(key)
    if layout is None:
        if definition.length > MOST_FIELDS:
            reject("template-too-wide")
            return None
        layout = Layout(version, definition)
        if layout.octets == 0:
            reject("template-empty")
            return None
        if layout.octets > _LONGEST:
            reject("template-too-long")
            return None
        _LAYOUTS[key] = layout
    for flaw in layout.flaws:
        reject(flaw)
    return layout


def whole(definition: Definition, version: int) -> bool:
    """Say whether a definition's octets are as many field specifiers as it says (one from a file may not be)."""
    return _end_of(definition.fields, 0, definition.length, version) == len(definition.fields) > 0


def specifiers(fields: bytes, version: int) -> Iterator[tuple[int, int, int]]:
    """Yield (element, length, enterprise) of field specifiers that are whole."""
    at = 0
    while at < len(fields):
        element, width = _PAIR.unpack_from(fields, at)
        at += 4
        enterprise = 0
        if version == IPFIX and element & _ENTERPRISE:
            element &= ~_ENTERPRISE
            (enterprise,) = _NUMBER.unpack_from(fields, at)
            at += 4
        yield element, width, enterprise


def definitions(body: bytes, version: int, *, options: bool, reject: Reject) -> Iterator[Definition]:
    """Yield the templates of a (options) template set, ``body`` being what is behind the set's header.

    What can't be read to its end is given up from there on, with a reason.
    """
    at = 0
    while len(body) - at >= _PAIR.size:
        identifier, count = _PAIR.unpack_from(body, at)
        if identifier == 0 and not any(body[at:]):
            return  # padding
        scopes, begin = 0, at + _PAIR.size
        if options and version == NETFLOW_9:
            if len(body) - at < _THREE.size:
                reject("template-truncated")
                return
            _, scope_octets, option_octets = _THREE.unpack_from(body, at)
            if scope_octets % 4 or option_octets % 4:
                reject("template-length")
                return
            scopes, begin = scope_octets // 4, at + _THREE.size
            count = scopes + option_octets // 4
        elif options and count:
            if len(body) - at < _THREE.size:
                reject("template-truncated")
                return
            scopes, begin = _THREE.unpack_from(body, at)[2], at + _THREE.size
        end = _end_of(body, begin, count, version)
        if end < 0:
            reject("template-truncated")
            return
        at = end
        if (fault := _fault(identifier, count, scopes, version, options=options)) is not None:
            reject(fault)
            continue
        yield Definition(identifier, options, scopes, count, body[begin:end])


def _fault(identifier: int, count: int, scopes: int, version: int, *, options: bool) -> str | None:
    withdrawal = version == IPFIX and count == 0
    if identifier < LOWEST_DATA and not (withdrawal and identifier in TEMPLATE_SETS[IPFIX]):
        return "template-id"
    if count == 0 and not withdrawal:
        return "template-empty"
    if options and not withdrawal and (scopes > count or (version == IPFIX and scopes == 0)):
        return "template-scope"
    return None


def _end_of(body: bytes, begin: int, count: int, version: int) -> int:
    """Return where ``count`` field specifiers end, or -1 when they don't fit into ``body``."""
    if version == NETFLOW_9:
        end = begin + 4 * count
        return end if end <= len(body) else -1
    at = begin
    for _ in range(count):
        if at + 4 > len(body):
            return -1
        at += 8 if body[at] & 0x80 else 4
    return at if at <= len(body) else -1
