"""The sockets of the sharing hub: collections, the objects in them, and the records of what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from sekisho.model.sharing import Collection, Held, Offered, Put, Sent, Sight


class Versions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which versions of an object are meant: all, or the union of the newest, the oldest and those of these keys.

    Newest and oldest are those among the versions added after the moment asked for (TAXII 2.1, section 3.4).
    """

    all: bool = False
    last: bool = False
    first: bool = False
    keys: tuple[str, ...] = ()


LAST = Versions(last=True)
EVERY = Versions(all=True)


class ObjectFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which objects are asked for; empty fields don't narrow. Order: the time of adding.

    ``added_after``, in microseconds, is itself not among them. ``behind`` is where the page before ended, in the same
    measure; other than ``added_after`` it has no say in which version is the newest. ``sight`` narrows to what somebody
    may see (None: all), and the newest version is the newest of these.
    """

    ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    versions: Versions = LAST
    added_after: int = -1
    behind: int = -1
    sight: Sight | None = None


class ObjectPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page; ``more`` says whether others follow the last one."""

    held: tuple[Held, ...]
    more: bool = False


class CollectionStore(Protocol):
    """Keeps collections."""

    def collections(self) -> tuple[Collection, ...]:
        """Return all, in the order of their ids."""
        ...

    def found(self, collection: Collection) -> None:
        """Make one, or change the words of one. :raises ConflictError: its alias belongs to another."""
        ...

    def drop(self, collection: str) -> bool:
        """Delete one with all that is in it; False when there is none."""
        ...


class ObjectStore(Protocol):
    """Keeps the objects of collections."""

    def add(self, collection: str, offered: Sequence[Offered], now: int) -> tuple[Put, ...]:
        """Store objects in one transaction, in their order; ``now`` in microseconds.

        Each gets a time of adding of its own, later than that of any object that was ever in the collection. A version
        that is there stays as it is. An object without a version gets its time of adding as one, unless its newest
        version has the same content.

        :raises ConflictError: there is no such collection
        """
        ...

    def find(
        self, collection: str, wanted: ObjectFilter, *, limit: int, octets: int, bodies: bool = True
    ) -> ObjectPage:
        """Return a page of at most ``limit`` objects; after ``octets`` of bodies it ends, but never empty."""
        ...

    def has(self, collection: str, identifier: str, sight: Sight | None = None) -> bool:
        """Say whether any version of an object is there that may be seen."""
        ...

    def delete(self, collection: str, identifier: str, versions: Versions, owner: str = "") -> int:
        """Delete versions of an object, of an owner's alone where one is named; return how many."""
        ...


class ForgettingStore(ObjectStore, Protocol):
    """An `ObjectStore` from which objects go at their time."""

    def known(self, collection: str, ids: Sequence[str]) -> frozenset[str]:
        """Return under which of some ids any version of an object is there."""
        ...

    def forget(self, collection: str, before: int) -> int:
        """Delete what was added before a time (microseconds), so that its file doesn't hold it either; return how many."""
        ...

    def tighten(self, collection: str, owner: str, ids: Sequence[str]) -> int:
        """Mark each version of some objects of an owner as strictly as the owner's strictest later one; return how many."""
        ...


class Doorkeeper(Protocol):
    """Looks at each object before it is stored: what a lane takes, and how it is marked."""

    def admit(self, collection: Collection, sender: str, one: Mapping[str, Any], offered: Offered) -> Offered:
        """Return what shall be stored: with its owner, its audience and its marking.

        :raises ObjectFault: this lane doesn't take it, and why
        """
        ...


class SentStore(Protocol):
    """Keeps the records of what was sent."""

    def keep(self, sent: Sent) -> None:
        """Store one."""
        ...

    def sent(self, identifier: str, owner: str) -> Sent | None:
        """Return one; None when there is none of this owner."""
        ...

    def expire(self, before: int) -> int:
        """Delete those from before a time (microseconds); return how many."""
        ...
