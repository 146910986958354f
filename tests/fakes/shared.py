"""A hub's stores in memory, written plainly: the oracle of the contract, and the store of the server's tests."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sekisho.errors import ConflictError
from sekisho.language import Text
from sekisho.model.indicator import Tlp
from sekisho.model.sharing import Collection, Held, Offered, Outcome, Put, Sent, Sight, rfc3339
from sekisho.ports.sharing import ObjectFilter, ObjectPage, Versions

_TAKEN = Text(ja="だめ", en="no")


def chosen(some: Sequence[Held], versions: Versions) -> list[Held]:
    """Of versions of any objects those that are meant."""
    keys: dict[str, list[str]] = {}
    for one in some:
        keys.setdefault(one.id, []).append(one.version_key)
    return [
        one
        for one in some
        if versions.all
        or (versions.last and one.version_key == max(keys[one.id]))
        or (versions.first and one.version_key == min(keys[one.id]))
        or one.version_key in versions.keys
    ]


def seen(one: Offered, sight: Sight | None) -> bool:
    """Say whether somebody may see an object."""
    if sight is None or sight.who in (one.owner, one.audience):
        return True
    return not one.audience and one.tlp <= sight.ceiling and one.tlp < Tlp.RED


class PlainSharing:
    """Collections, objects and records in lists."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.there: dict[str, Collection] = {}
        self.last: dict[str, int] = {}
        self.held: dict[str, list[tuple[Held, Offered]]] = {}
        self.records: list[Sent] = []

    def collections(self) -> tuple[Collection, ...]:
        return tuple(self.there[name] for name in sorted(self.there))

    def found(self, collection: Collection) -> None:
        if any(
            one.alias == collection.alias != "" and one.id != collection.id for one in self.there.values()
        ):
            raise ConflictError(_TAKEN)
        self.there[collection.id] = collection
        self.held.setdefault(collection.id, [])
        self.last.setdefault(collection.id, 0)

    def drop(self, collection: str) -> bool:
        self.held.pop(collection, None)
        self.last.pop(collection, None)
        return self.there.pop(collection, None) is not None

    def add(self, collection: str, offered: Sequence[Offered], now: int) -> tuple[Put, ...]:
        with self.lock:
            if collection not in self.there:
                raise ConflictError(_TAKEN)
            return tuple(self._add(collection, one, now) for one in offered)

    def _add(self, collection: str, one: Offered, now: int) -> Put:
        there = [(held, old) for held, old in self.held[collection] if held.id == one.id]
        known = any(old.owner == one.owner for _, old in there)
        if one.version_key:
            same = [pair for pair in there if pair[0].version_key == one.version_key]
        else:
            mine = [pair for pair in there if pair[1].owner == one.owner]
            same = sorted(mine, key=lambda pair: pair[0].version_key)[-1:]
        if same and (same[0][1].digest, same[0][1].owner) == (one.digest, one.owner):
            return Put(Outcome.SAME, same[0][0].version, known=known)
        first = min(there, key=lambda pair: pair[0].added)[1].owner if there else one.owner
        plain = any(old.owner == first and old.tlp <= Tlp.GREEN and not old.audience for _, old in there)
        if (same and one.version_key) or (first != one.owner and (one.version_key or plain)):
            moment = rfc3339(max(now, self.last[collection] + 1))
            return Put(Outcome.OTHER, one.version or moment, known=known)
        added = self.last[collection] = max(now, self.last[collection] + 1)
        version = one.version or rfc3339(added)
        key = one.version_key or rfc3339(added)[:-1].rstrip("0")
        self.held[collection].append((Held(added, one.id, one.type, version, key, one.body), one))
        return Put(Outcome.STORED, version, known=known)

    def find(
        self, collection: str, wanted: ObjectFilter, *, limit: int, octets: int, bodies: bool = True
    ) -> ObjectPage:
        with self.lock:
            fitting = [
                one
                for one, offered in self.held.get(collection, [])
                if one.added > wanted.added_after
                and seen(offered, wanted.sight)
                and (not wanted.ids or one.id in wanted.ids)
                and (not wanted.types or one.type in wanted.types)
            ]
        rest = [one for one in chosen(fitting, wanted.versions) if one.added > wanted.behind]
        page: list[Held] = []
        size = 0
        for one in rest:
            if len(page) == limit or (page and size >= octets):
                return ObjectPage(tuple(page), more=True)
            page.append(one if bodies else Held(one.added, one.id, one.type, one.version, one.version_key))
            size += len(one.body) if bodies else 0
        return ObjectPage(tuple(page))

    def has(self, collection: str, identifier: str, sight: Sight | None = None) -> bool:
        there = self.held.get(collection, [])
        return any(one.id == identifier and seen(offered, sight) for one, offered in there)

    def delete(self, collection: str, identifier: str, versions: Versions, owner: str = "") -> int:
        with self.lock:
            mine = [
                one
                for one, offered in self.held.get(collection, [])
                if one.id == identifier and owner in ("", offered.owner)
            ]
            gone = {one.added for one in chosen(mine, versions)}
            if gone:
                self.held[collection] = [pair for pair in self.held[collection] if pair[0].added not in gone]
            return len(gone)

    def keep(self, sent: Sent) -> None:
        self.records.append(sent)

    def sent(self, identifier: str, owner: str) -> Sent | None:
        return next((one for one in self.records if (one.id, one.owner) == (identifier, owner)), None)

    def expire(self, before: int) -> int:
        kept = [one for one in self.records if one.at >= before]
        gone = len(self.records) - len(kept)
        self.records = kept
        return gone
