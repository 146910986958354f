"""Events of the operator's own prefixes out of MRT files: a route that all peers lost, one that came back, a foreign origin.

A file tells what its collector was told. A route counts as lost only when every peer that the file shows to speak of that
version of IP is known to have no path of the operator's own origin; while something of it isn't known, that is told as a
note for a person. A file that tells nothing of a prefix is no proof that its route was there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import BinaryIO

import msgspec

from sekisho.errors import DescriptionError
from sekisho.formats.bgp import Prefix, Update, prefix_of
from sekisho.formats.mrt import ESTABLISHED, Peer, Record, read_mrt
from sekisho.language import Text
from sekisho.model.alarm import Alarm, LeftOut

#: What is told of a prefix, as the rules match it in the field ``event``.
LOST, PARTLY, FOREIGN, NO_VIEW = "route-lost", "route-partly-lost", "foreign-origin", "no-view"
_MOST_PREFIXES, _MOST_ALARMS, _MOST_PEERS = 10_000, 100_000, 10_000
#: Records that are kept until all peers are known: of sessions, and all that concern own prefixes besides.
_MOST_SESSIONS, _MOST_RECORDS = 100_000, 1_000_000
_HARMLESS, _TOO_MANY = "other-", "too-many-records"


class OwnRoutes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator announces: prefixes exactly as announced, and the AS numbers that may be their origin."""

    prefixes: tuple[str, ...]
    origins: tuple[int, ...]


class _Route:
    """One own prefix: which peers are known to have a path of its own origin (True) or none (False)."""

    __slots__ = ("lost", "name", "partly", "paths", "told", "version")

    def __init__(self, prefix: Prefix) -> None:
        self.name, self.version = str(prefix), prefix.version
        self.paths: dict[Peer, bool] = {}
        self.told = False  # whether the file said anything of it yet
        self.partly = False
        self.lost: tuple[datetime, int, int] | None = None  # since when, in which record, of how many peers


def read_routes(stream: BinaryIO, own: OwnRoutes) -> tuple[tuple[Alarm, ...], tuple[LeftOut, ...]]:
    """Return what happened to the operator's own prefixes in the order of time, and what could not be read.

    :raises DescriptionError: an own prefix that is none, or none at all
    """
    watched = _watched(own)
    counted: Counter[str] = Counter()
    kept, peers = _kept(stream, watched, counted)
    following = _Watching(watched, frozenset(own.origins), peers).follow(kept)
    alarms = tuple(islice(following, _MOST_ALARMS))
    if more := sum(1 for _ in following):
        counted["too-many-alarms"] = more
    left = [
        LeftOut(f"{count:,} ×", f"mrt-{reason}")
        for reason, count in counted.items()
        if not reason.startswith(_HARMLESS)
    ]
    if not peers:
        left.append(LeftOut("—", "mrt-nothing"))
    return alarms, tuple(left)


def _watched(own: OwnRoutes) -> dict[Prefix, _Route]:
    if not own.prefixes or not own.origins or len(own.prefixes) > _MOST_PREFIXES:
        raise DescriptionError(
            Text(ja="[routes] に prefixes と origins が要る", en="[routes] needs prefixes and origins")
        )
    try:
        found = [prefix_of(one) for one in own.prefixes]
    except ValueError as error:
        raise DescriptionError(Text(ja="プレフィックスではない", en="not a prefix"), str(error)) from error
    return {one: _Route(one) for one in found}


def _kept(
    stream: BinaryIO, watched: dict[Prefix, _Route], counted: Counter[str]
) -> tuple[list[Record], Mapping[Peer, set[int]]]:
    """Return the records that matter here, and all peers of the file with the versions of IP that they speak of.

    Whether all of them lost a route is known only when the whole file is read. Where there are too many records, what
    happened from there on is left out as a whole: a course with holes would tell what never was.
    """
    covering = sorted({(one.version, one.prefixlen) for one in watched})
    peers: dict[Peer, set[int]] = {}
    kept: list[Record] = []
    sessions = 0
    for record in read_mrt(stream, counted):
        if record.peer not in peers and len(peers) >= _MOST_PEERS:
            counted["too-many-peers"] += 1
            continue
        speaks = peers.setdefault(record.peer, set())
        if record.update:
            speaks |= record.update.versions
        matters = _what_matters(record, watched, covering)
        if matters is None:
            continue
        if counted[_TOO_MANY] or sessions >= _MOST_SESSIONS or len(kept) >= _MOST_RECORDS:
            counted[_TOO_MANY] += 1
            continue
        sessions += not record.update
        kept.append(matters)
    return kept, peers


def _what_matters(
    record: Record, watched: Mapping[Prefix, _Route], covering: Sequence[tuple[int, int]]
) -> Record | None:
    """Return a record with what concerns own prefixes alone; None when nothing does."""
    update = record.update
    if update is None:
        return record
    announced = tuple(one for one in update.announced if _concerns(one, watched, covering))
    withdrawn = tuple(one for one in update.withdrawn if one in watched)
    if announced or withdrawn:
        return record._replace(update=update._replace(announced=announced, withdrawn=withdrawn))
    return record if update.ended else None


def _concerns(one: Prefix, watched: Mapping[Prefix, _Route], covering: Sequence[tuple[int, int]]) -> bool:
    """Say whether a prefix is an own one, or a part of one."""
    return any(
        version == one.version and length <= one.prefixlen and one.supernet(new_prefix=length) in watched
        for version, length in covering
    )


class _Watching:
    """Follows own prefixes through the records of a file."""

    def __init__(
        self, watched: dict[Prefix, _Route], origins: frozenset[int], peers: Mapping[Peer, set[int]]
    ) -> None:
        self._watched, self._origins, self._peers = watched, origins, peers
        self._speaking = {
            version: {one for one, told in peers.items() if version in told} for version in (4, 6)
        }
        self._down: set[Peer] = set()
        self._foreign: set[tuple[Prefix, tuple[int, ...]]] = set()

    def follow(self, records: Iterable[Record]) -> Iterator[Alarm]:
        """Yield what happened; what is still lost at the end goes on."""
        for record in records:
            if record.state:
                yield from self._session(record)
            elif record.update:
                yield from self._update(record, record.update)
        for route in self._watched.values():
            if route.lost:
                yield _lost(route.name, route.lost, None)

    def _session(self, record: Record) -> Iterator[Alarm]:
        peer = record.peer
        for route in self._watched.values():  # what it had is no longer known, and what it will have not yet
            route.paths.pop(peer, None)
        if record.state == ESTABLISHED:
            self._down.discard(peer)
            return
        alone = peer not in self._down
        self._down.add(peer)
        if alone and self._down == self._peers.keys():
            words = Text(
                ja="全ての相手とのセッションが切れた。経路は分からない",
                en="all sessions are down: nothing is known of the routes",
            )
            yield _alarm(record.time, NO_VIEW, "", record.number, words, {"peer": str(peer)})

    def _update(self, record: Record, update: Update) -> Iterator[Alarm]:
        self._down.discard(record.peer)
        foreign = tuple(one for one in update.origins if one not in self._origins)
        touched: dict[_Route, bool] = {}
        for prefix in update.withdrawn:
            touched[self._watched[prefix]] = False
        for prefix in update.announced:
            if foreign and (prefix, foreign) not in self._foreign:
                if (
                    len(self._foreign) < _MOST_ALARMS
                ):  # what is not remembered is told, and counted, each time
                    self._foreign.add((prefix, foreign))
                yield _foreign(record, prefix, foreign)
            if prefix in self._watched:
                touched[self._watched[prefix]] = not foreign
        if update.ended:  # what it didn't tell is not there
            touched = {
                one: False
                for prefix, one in self._watched.items()
                if prefix.version == update.ended and record.peer not in one.paths
            }
        for route, has in touched.items():
            route.paths[record.peer] = has
            route.told = route.told or not update.ended
            yield from self._judge(route, record)

    def _judge(self, route: _Route, record: Record) -> Iterator[Alarm]:
        """Say what the peers' paths come to now."""
        if any(route.paths.values()):
            if route.lost:
                yield _lost(route.name, route.lost, record.time)
            route.lost, route.partly = None, False
            return
        if route.lost or not route.told:
            return
        speaking = self._speaking[route.version]
        gone, every = len(route.paths), len(speaking)
        if route.paths.keys() >= speaking:
            route.lost = (record.time, record.number, every)
        elif not route.partly:
            route.partly = True
            words = Text(
                ja=f"{route.name}：分かる相手 {gone} の全てから経路が消えた（{every} のうち。ほかは分からない）",
                en=f"{route.name}: no path at {gone} of {every} peers; nothing is known of the others",
            )
            more = {"peer": str(record.peer), "peers": str(gone), "of": str(every)}
            yield _alarm(record.time, PARTLY, route.name, record.number, words, more)


def _lost(name: str, since: tuple[datetime, int, int], end: datetime | None) -> Alarm:
    begin, number, every = since
    words = Text(
        ja=f"{name}：全ての相手（{every}）から経路が消えた", en=f"{name}: no path at any of {every} peers"
    )
    more = {"peers": str(every), "of": str(every)}
    return _alarm(begin, LOST, name, number, words, more, end)


def _foreign(record: Record, prefix: Prefix, foreign: tuple[int, ...]) -> Alarm:
    named = " ".join(f"AS{one}" for one in foreign)
    words = Text(
        ja=f"{prefix}：自社でない起源 {named}（{record.peer} から）。人が確かめる",
        en=f"{prefix}: origin {named} is not one's own (from {record.peer}); a person must look",
    )
    more = {"origin": " ".join(map(str, foreign)), "peer": str(record.peer)}
    return _alarm(record.time, FOREIGN, str(prefix), record.number, words, more)


def _alarm(
    begin: datetime, event: str, prefix: str, number: int, words: Text, more: dict[str, str], end: datetime | None = None
) -> Alarm:  # fmt: skip
    fields = {"event": event, "prefix": prefix, "message": f"{words.ja} / {words.en}", **more}
    return Alarm(begin, fields, f"record {number}", end, f"{event} {prefix}")
