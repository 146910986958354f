"""Marries a hub with hubs elsewhere: finds their lanes by discovery, walks the pages, books each before the next."""

from __future__ import annotations

import fcntl
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import PeerFailure, SekishoError
from sekisho.exchange.taxii_client import Bounds, Collection, Leaf, walk
from sekisho.exchange.taxii_discovery import Offering, discovered
from sekisho.model.federation import Peer, Position
from sekisho.model.membership import MemberState
from sekisho.wiring.list_fetching import secret_line
from sekisho.workflows.hub.peering import MOST_KEYS, Brought, book_failures, book_list, peer_named

if TYPE_CHECKING:
    from sekisho.wiring.hub import HubDesk

BOUNDS = Bounds(quiet_seconds=20.0, seconds=300.0, page_octets=16 << 20, octets=256 << 20, page_objects=1_000)
_BOOK = {"list": book_list, "failure": book_failures}
_ADDED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")


class Pulled(msgspec.Struct, frozen=True):
    """How a lane of a peer was read: what came of its objects, and why it ended early (``reason`` empty: it didn't)."""

    peer: str
    lane: str
    pages: int
    counts: dict[str, int]
    reason: str = ""
    detail: str = ""


def pull_peer(desk: HubDesk, name: str, bounds: Bounds = BOUNDS) -> tuple[Pulled, ...]:
    """Read all lanes that are taken from a peer, each from where the last time ended.

    What the peer does wrong is in the answer and beside its position. Two at the same time: the second does nothing.

    :raises DescriptionError: there is no such peer
    """
    peer = peer_named(desk.books, name)
    member = desk.books.roster().active.get(name)
    if member is None or member.state is not MemberState.ACTIVE:
        return ()
    with _alone(desk.folder / f"peer-{name}.lock") as free:
        if not free:
            return tuple(Pulled(name, lane, 0, {}, "busy", "it is being read already") for lane in peer.take)
        try:
            header, offering = _found(peer)
        except (PeerFailure, SekishoError) as error:
            why = (
                error
                if isinstance(error, PeerFailure)
                else PeerFailure("unreadable", f"{error.what.en}: {error.where}")
            )
            return tuple(_ended(desk, peer, lane, 0, Counter(), why) for lane in peer.take)
        return tuple(_lane(desk, peer, lane, header, offering, bounds) for lane in peer.take)


def pull_all(desk: HubDesk, bounds: Bounds = BOUNDS) -> tuple[Pulled, ...]:
    """Read every peer from which anything is taken, one after the other."""
    names = [one.member for one in desk.books.peers.peers() if one.take]
    return tuple(pulled for name in names for pulled in pull_peer(desk, name, bounds))


def _found(peer: Peer) -> tuple[str, Offering]:
    token = secret_line(Path(peer.token_file))
    header = token if " " in token else f"Bearer {token}"
    return header, discovered(peer.url, header, peer.authority)


def _lane(desk: HubDesk, peer: Peer, lane: str, header: str, offering: Offering, bounds: Bounds) -> Pulled:
    counts: Counter[str] = Counter()
    pages = 0
    try:
        where = Collection(
            offering.root, offering.named(lane), authority=peer.authority, authorisation=header
        )
        after = next((one.added for one in desk.books.peers.positions(peer.member) if one.lane == lane), "")
        for leaf in walk(where, added_after=after, bounds=bounds):
            counts.update(_booked(desk, peer.member, lane, leaf).counts)
            pages += 1
            if leaf.added_last:
                after = _later(after, leaf.added_last)
                now = desk.books.now()
                desk.books.peers.reach(Position(peer.member, lane, after, now, now))
    except PeerFailure as fault:
        return _ended(desk, peer, lane, pages, counts, fault)
    return _ended(desk, peer, lane, pages, counts, None)


def _booked(desk: HubDesk, name: str, lane: str, leaf: Leaf) -> Brought:
    if desk.books.foreign.count(name) > MOST_KEYS:
        raise PeerFailure("budget", f"it speaks of more than {MOST_KEYS} indicators")
    return _BOOK[lane](desk.books, peer_named(desk.books, name), leaf.objects)


def _ended(
    desk: HubDesk, peer: Peer, lane: str, pages: int, counts: Counter[str], fault: PeerFailure | None
) -> Pulled:
    """Write how it ended beside the position, and on record when anything came."""
    books, now = desk.books, desk.books.now()
    old = next(
        (one for one in books.peers.positions(peer.member) if one.lane == lane),
        Position(peer.member, lane, ""),
    )
    reason, detail = (fault.reason, fault.detail[:300]) if fault else ("", "")
    good = old.good if fault else now
    books.peers.reach(msgspec.structs.replace(old, at=now, good=good, reason=reason, detail=detail))
    if Brought(counts).changed:
        short: Counter[str] = Counter()
        for kind, count in counts.items():
            short[kind.partition(":")[0]] += count
        books.audit.append(
            "hub", "hub", "pull-peer", f"{peer.member} {lane}", at=now, details={**short, "pages": pages}
        )
    return Pulled(peer.member, lane, pages, dict(counts), reason, detail)


def _later(before: str, told: str) -> str:
    """Return the later one of two times of adding; a peer that goes back would be read for ever.

    :raises PeerFailure: it is no time
    """
    if not _ADDED.fullmatch(told):
        raise PeerFailure("malformed", f"X-TAXII-Date-Added-Last: {told[:60]}")
    return max(before, told, key=lambda text: text[:-1])


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Say whether nobody else does this now; the system frees the lock of who dies."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)
