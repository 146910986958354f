"""The sockets of the hub's own books: members and their tokens, what they reported, what became of it, the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from sekisho.model.audit import Act
from sekisho.model.corroboration import Dispute, Report, Standing
from sekisho.model.line_count import LineCount
from sekisho.model.membership import HubToken, Member, Network, Right


class LedgerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One notice from carrier to carrier (規則40条の8の13): who supplied it, when it came, its items, who was told when.

    :ivar id: of the object delivered; ``log_items`` are its items as JSON, emptied when their own time is over
    :ivar receipt: when the carrier fetched it; ``expires`` the end of the five years
    """

    id: str
    supplier: str
    received: int
    log_items: str
    carrier: str
    notified: int
    receipt: int
    expires: int


class LedgerPage(msgspec.Struct, frozen=True):
    """Some entries of the ledger; ``next`` is the ``after`` of the page behind, empty at the end."""

    entries: tuple[LedgerEntry, ...]
    next: str


class StandingFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which standings: empty fields ask for all; ``value`` is an address, a network or a domain as it is stored."""

    states: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


class StandingPage(msgspec.Struct, frozen=True):
    """Some standings, newest change of state first; ``next`` is the ``after`` of the page behind, empty at the end."""

    standings: tuple[Standing, ...]
    next: str


class MemberStore(Protocol):
    """Keeps members, their rights, tokens and networks. Each change is stored with its record or not at all."""

    def members(self) -> tuple[Member, ...]:
        """Return all, in the order of their ids."""
        ...

    def put(self, member: Member, act: Act) -> Member:
        """Store one; its revision must be the one that was read (0: new). :raises ConflictError: it isn't."""
        ...

    def rights(self, member: str = "") -> tuple[Right, ...]:
        """Return the rights of one member, or of all."""
        ...

    def grant(self, right: Right, act: Act) -> None:
        """Set a right; one that allows nothing is taken away."""
        ...

    def networks(self) -> tuple[Network, ...]:
        """Return all networks, now and before."""
        ...

    def hold(self, network: Network, act: Act) -> None:
        """Store that a network is a member's, or until when it was."""
        ...


class HubTokenStore(Protocol):
    """Keeps the tokens of members by their digests."""

    def add(self, token: HubToken, act: Act, *, most: int) -> None:
        """Store one. :raises DescriptionError: the member has ``most``."""
        ...

    def bearer(self, digest: str) -> tuple[Member, HubToken] | None:
        """Return a token with its member, in one question."""
        ...

    def shown(self, digest: str) -> tuple[Member, HubToken, tuple[Right, ...]] | None:
        """Return a token with its member and what that one may do, in one question: it is asked at each request."""
        ...

    def of(self, member: str) -> tuple[HubToken, ...]:
        """Return a member's tokens, the newest first."""
        ...

    def used(self, digest: str, at: int) -> None:
        """Write when it was used; never an earlier time than is stored."""
        ...

    def expire(self, digest: str, at: int, act: Act) -> bool:
        """Let it end at a time, never later than it would; with 0 it is gone at once. False when there is none."""
        ...


class ReportStore(Protocol):
    """Keeps what members say of indicators, and what the hub makes of it."""

    def report(self, reports: Sequence[Report]) -> None:
        """Store reports: of one member about one key the sightings add up and the latest holds."""
        ...

    def withdraw(self, member: str, keys: Sequence[str]) -> None:
        """Forget what a member said of some keys."""
        ...

    def reports(self, keys: Sequence[str]) -> tuple[Report, ...]:
        """Return all reports about some keys."""
        ...

    def of(self, member: str, after: str = "", limit: int = 1000) -> tuple[Report, ...]:
        """Return a member's reports behind a key, in the order of the keys."""
        ...

    def keys(self, after: str = "", limit: int = 1000) -> tuple[str, ...]:
        """Return the keys that anything is reported of or stands under, behind one, in order."""
        ...

    def standings(self, keys: Sequence[str]) -> tuple[Standing, ...]:
        """Return what stands under some keys."""
        ...

    def by_ids(self, ids: Sequence[str]) -> tuple[Standing, ...]:
        """Return what is published under some ids."""
        ...

    def settle(self, standings: Iterable[Standing]) -> None:
        """Store what stands now."""
        ...

    def due(self, limit: int | None = 1000) -> tuple[Standing, ...]:
        """Return standings whose object is to be written anew; all of them without a limit."""
        ...

    def usable(self, *, grades: Sequence[str]) -> tuple[Standing, ...]:
        """Return what is confirmed, of some grades, in the order of the keys."""
        ...

    def changed(self, ceiling: int) -> int:
        """Return when anything up to a marking last went out or was taken back; 0 for never."""
        ...


class ReportPages(Protocol):
    """What people look at of reports and standings."""

    def listed(self, wanted: StandingFilter, *, after: str = "", limit: int = 50) -> StandingPage:
        """Return a page. :raises DescriptionError: ``after`` is not the ``next`` of a page."""
        ...

    def tallies(self) -> dict[tuple[str, str], int]:
        """Return how many standings there are of each state and grade."""
        ...

    def shares(self, member: str) -> tuple[int, int]:
        """Return of how many indicators a member has reported, and how many of these nobody else has."""
        ...


class DisputeStore(Protocol):
    """Keeps disputes, and whose reports turned out to be true."""

    def open(self, dispute: Dispute, act: Act) -> bool:
        """Store one; False when this member disputes this key already."""
        ...

    def disputes(self, keys: Sequence[str] | None = None, *, member: str = "") -> tuple[Dispute, ...]:
        """Return the disputes about some keys, or all, the newest first; of one member where it is named."""
        ...

    def decide(self, dispute: Dispute, act: Act) -> bool:
        """Store a decision; False when it was decided already."""
        ...

    def outcome(self, members: Sequence[str], key: str, at: int, *, good: bool) -> None:
        """Write that the reports of members about a key were found true, or not; the last word counts."""
        ...

    def outcomes(self) -> dict[str, list[tuple[int, bool]]]:
        """Return for each member when which of its reports was found true or not."""
        ...


class LedgerStore(Protocol):
    """The ledger of the evidence lane (帳簿)."""

    def enter(self, entries: Sequence[LedgerEntry]) -> None:
        """Add entries; one that is there stays."""
        ...

    def receipt(self, ids: Sequence[str], carrier: str, at: int) -> None:
        """Write when a carrier fetched what was delivered to it; the first time counts."""
        ...

    def entries(self, *, carrier: str = "", after: str = "", limit: int = 1000) -> tuple[LedgerEntry, ...]:
        """Return entries by their ids, behind one; of one carrier where it is named."""
        ...

    def newest(self, *, carrier: str = "", after: str = "", limit: int = 50) -> LedgerPage:
        """Return a page, the last received first. :raises DescriptionError: ``after`` is not the ``next`` of a page."""
        ...

    def forget_items(self, delivered_before: int) -> int:
        """Empty the log items of what was delivered before a time; return how many."""
        ...

    def expire(self, now: int) -> int:
        """Delete entries that are past their five years; return how many."""
        ...


class LineCountStore(Protocol):
    """Keeps on how many lines members see published indicators."""

    def tell(self, counts: Sequence[LineCount]) -> None:
        """Store counts; each replaces what the same member said of the same day."""
        ...

    def told(
        self, since: str, *, indicators: Sequence[str] | None = None, member: str = ""
    ) -> tuple[LineCount, ...]:
        """Return what was told of days from ``since`` on; of some indicators, of one member where these are named."""
        ...

    def forget(self, before: str, *, member: str = "") -> int:
        """Delete what was told of days before one; of one member where it is named. Return how many."""
        ...
