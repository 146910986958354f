"""The sockets of what a hub knows of hubs elsewhere: the terms with each, what it said, and what it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sekisho.model.audit import Act
from sekisho.model.corroboration import Report
from sekisho.model.federation import Foreign, Offer, Peer, Position


class PeerStore(Protocol):
    """Keeps the terms with peers, and how far each was read."""

    def peers(self) -> tuple[Peer, ...]:
        """Return all, in the order of their ids."""
        ...

    def put(self, peer: Peer, act: Act) -> None:
        """Store the terms with one, in the place of those before, with the record."""
        ...

    def drop(self, member: str, act: Act) -> bool:
        """Forget one with all that it said, was told, and how far it was read; False when there is none."""
        ...

    def positions(self, member: str = "") -> tuple[Position, ...]:
        """Return how far one, or each, was read."""
        ...

    def reach(self, position: Position) -> None:
        """Store how far a lane was read, in the place of what was there."""
        ...


class ForeignStore(Protocol):
    """Keeps what peers say of indicators."""

    def about(self, keys: Sequence[str], peer: str = "") -> tuple[Foreign, ...]:
        """Return what is said of some keys; by one peer where it is named."""
        ...

    def said(self, peer: str, ids: Sequence[str]) -> tuple[Foreign, ...]:
        """Return what some objects of a peer say."""
        ...

    def book(
        self, peer: str, rows: Sequence[Foreign], keys: Sequence[str], reports: Sequence[Report]
    ) -> None:
        """Store rows, and put these reports in the place of all that the peer reported of these keys; all or nothing."""
        ...

    def count(self, peer: str) -> int:
        """Return of how many indicators a peer speaks."""
        ...

    def counts(self) -> dict[str, int]:
        """Return of how many indicators each peer speaks that it hasn't taken back."""
        ...

    def tidy(self, before: int) -> int:
        """Delete what was taken back and last seen before a time; return how many."""
        ...


class OfferStore(Protocol):
    """Keeps what peers are told."""

    def offers(self, bases: Sequence[str]) -> tuple[Offer, ...]:
        """Return what all peers are told of some indicators."""
        ...

    def settle(self, offers: Sequence[Offer]) -> None:
        """Store what they are told now."""
        ...

    def due(self, partner: str, limit: int = 1000) -> tuple[Offer, ...]:
        """Return what is to be written anew for one."""
        ...

    def counts(self) -> dict[str, int]:
        """Return of how many indicators each peer was told, what was taken back since among them."""
        ...
