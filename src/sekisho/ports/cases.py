"""The sockets of warning: cases, notices, the audit log, and who had which address.

SQLite and PostgreSQL stand behind the first three; one contract suite in ``tests/contract`` holds both to the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from sekisho.model.assignment import Answer, Assignment
from sekisho.model.audit import AuditEntry
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.identity import Contact
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.model.verdict import Scalar


class CaseFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which cases are asked for; empty fields don't narrow. Order: newest ``updated`` first, then id.

    ``since`` ≤ ``updated`` < ``until``; ``assignee`` "" asks for cases of nobody, None for all.
    """

    states: tuple[CaseState, ...] = ()
    subscriber: int | None = None
    key: str = ""
    family: str = ""
    device_model: str = ""
    assignee: str | None = None
    since: int = 0
    until: int = 0


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of cases and the key of the next one (keyset paging); ``next`` is empty at the end."""

    cases: tuple[Case, ...]
    next: str = ""


class CaseStore(Protocol):
    """Keeps cases and their events."""

    def save(self, case: Case, events: Sequence[CaseEvent]) -> Case:
        """Store a new case or the next revision of one, with its events, in one transaction; return it as stored.

        On the disk when this returns. The events' ``seq`` is given by the store. A new case comes with revision 0, a
        changed one with the revision that was read; the stored one has one more.

        :raises ConflictError: when somebody else stored a revision in between; nothing is stored
        """
        ...

    def case(self, identifier: str) -> Case | None:
        """Return one case."""
        ...

    def these(self, identifiers: Collection[str]) -> Mapping[str, Case]:
        """Return the cases of these ids that are there, by id."""
        ...

    def find(self, wanted: CaseFilter, *, after: str = "", limit: int = 50) -> Page:
        """Return a page of cases."""
        ...

    def events(self, case: str) -> tuple[CaseEvent, ...]:
        """Return a case's life, in order."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Return the number of cases by state."""
        ...


class NoticeStore(Protocol):
    """Keeps notices; the key ``once`` is unique."""

    def add(self, notices: Sequence[Notice]) -> tuple[Notice, ...]:
        """Store new notices in one transaction; those whose ``once`` is there already are left out. Return the stored."""
        ...

    def change(self, notice: Notice, told: tuple[Case, Sequence[CaseEvent]] | None = None) -> Notice:
        """Store the next revision of a notice; with ``told`` also that of its case and its events, both or neither.

        :raises ConflictError: as `CaseStore.save`
        """
        ...

    def notice(self, identifier: str) -> Notice | None:
        """Return one notice by id or by ``message_id``."""
        ...

    def find(
        self, states: Sequence[NoticeState], *, case: str = "", after: str = "", limit: int = 100
    ) -> tuple[Notice, ...]:
        """Return notices in the order of their ids, those behind ``after``."""
        ...

    def left(
        self, since: int, *, subscriber: int | None = None, channel: Channel | None = None, after: str = ""
    ) -> Sequence[int]:
        """Return when notices left the house, or may have: those behind ``since`` and with ids behind ``after``, in order.

        Of all cases of a line with ``subscriber``; of one way out with ``channel``.
        """
        ...

    def untold(self, channel: Channel, since: int, *, after: str = "") -> Sequence[Notice]:
        """Return the notices that went out behind ``since`` while their case does not say that anybody was told."""
        ...


class AuditLog(Protocol):
    """Append-only."""

    def append(
        self, who: str, role: str, act: str, object_: str, *, at: int, basis: str = "", reason: str = "",
        details: Mapping[str, Scalar] | None = None,
    ) -> AuditEntry:  # fmt: skip
        """Add an entry; it is on the disk when this returns."""
        ...

    def entries(self, after: int = 0, limit: int = 1000) -> tuple[AuditEntry, ...]:
        """Return entries in order."""
        ...


class Assignments(Protocol):
    """Knows who had which address when."""

    def add(self, assignments: Iterable[Assignment]) -> int:
        """Take assignments; return how many. Late and overlapping ones are welcome: they are kept and weighed."""
        ...

    def look_up(self, asked: Sequence[tuple[str, int, int]]) -> Iterator[Answer]:
        """Answer (address, port, milliseconds) in order; port 0 when it is not known."""
        ...


class Contacts(Protocol):
    """The operator's table of subscribers: whom a notice goes to, and who wants none."""

    def contact(self, account: str) -> Contact | None:
        """Return how to reach an account, None when the table doesn't have it.

        :raises PurposeError: the table was asked for another purpose than notices, or its time is over
        """
        ...


class Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of one delivery.

    ``state``: ``accepted`` (the peer took responsibility), ``refused`` (for good), ``deferred`` (certainly not taken,
    later perhaps), ``unreachable`` (as deferred, and no other message would fare better now), ``unknown`` (the octets
    were on their way and no answer came).
    """

    state: str
    detail: str = ""


class Carrier(Protocol):
    """Takes one rendered notice away."""

    def deliver(self, payload: bytes, recipient: str, identifier: str) -> Delivery:
        """Deliver; a peer's failure is a value, never an exception. ``identifier`` is the notice's id."""
        ...
