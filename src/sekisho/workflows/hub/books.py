"""All that the hub's verbs work with: its stores, its rules, its secret, its clock."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import RLock
from typing import TypeVar, cast
from uuid import UUID

from sekisho.errors import ConflictError
from sekisho.formats.stix_object import check
from sekisho.model.corroboration import Rules, Standing
from sekisho.model.domain_names import CommonNames
from sekisho.model.indicator import Service, Tlp
from sekisho.model.membership import Roster
from sekisho.model.sharing import Collection, Lane, Offered
from sekisho.ports.cases import AuditLog
from sekisho.ports.federation import ForeignStore, OfferStore, PeerStore
from sekisho.ports.hub import (
    DisputeStore,
    HubTokenStore,
    LedgerStore,
    LineCountStore,
    MemberStore,
    ReportStore,
)
from sekisho.ports.makers import AdvisoryStore, DisclosureStore, ModelStore, ShownModelStore
from sekisho.ports.sharing import CollectionStore, ForgettingStore

OPERATOR = "hub"
_LATELY = 2_000
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Books:
    """An open hub.

    :ivar now: milliseconds of the epoch
    :ivar draw: gives random octets
    :ivar secret: from which the ids of what the hub publishes are made, so that they tell nothing
    :ivar weighing: held while standings are worked out and written, so that none is overwritten by an older view
    :ivar allow: names of special address ranges that are taken all the same (demonstrations)
    :ivar names: popular names; ``own_names`` are the hub's, which stand on no list either
    """

    members: MemberStore
    tokens: HubTokenStore
    collections: CollectionStore
    objects: ForgettingStore
    reports: ReportStore
    disputes: DisputeStore
    ledger: LedgerStore
    audit: AuditLog
    peers: PeerStore
    foreign: ForeignStore
    offers: OfferStore
    models: ModelStore
    advisories: AdvisoryStore
    disclosures: DisclosureStore
    line_counts: LineCountStore
    shown_models: ShownModelStore
    rules: Rules
    services: tuple[Service, ...]
    secret: bytes
    now: Callable[[], int]
    draw: Callable[[int], bytes]
    allow: frozenset[str] = frozenset()
    names: CommonNames = field(default_factory=CommonNames)
    own_names: frozenset[str] = frozenset()
    weighing: RLock = field(default_factory=RLock)
    _parts: set[str] = field(default_factory=set)
    _seen: dict[str, tuple[int, object]] = field(default_factory=dict)

    def minted(self, kind: str, *words: str) -> str:
        """Return an id of an object that the hub itself makes: the same words give the same id, and nobody can guess it."""
        octets = bytearray(hmac.digest(self.secret, "\0".join((kind, *words)).encode(), hashlib.sha256)[:16])
        octets[6] = octets[6] & 0x0F | 0x50
        octets[8] = octets[8] & 0x3F | 0x80
        return f"{kind}--{UUID(bytes=bytes(octets))}"

    @property
    def identity(self) -> str:
        """The id under which the hub writes."""
        return self.minted("identity", "hub")

    def visible(self) -> tuple[Collection, ...]:
        """Return all collections but members' shares; two seconds old at most."""
        return self._lately("collections", lambda: tuple(
            one for one in self.collections.collections() if one.lane is not Lane.PART
        ))  # fmt: skip

    def roster(self) -> Roster:
        """Return members and their networks; two seconds old at most. Signing in looks at the store itself."""
        return self._lately("roster", lambda: Roster(self.members.members(), self.members.networks()))

    def _lately(self, name: str, look: Callable[[], Found]) -> Found:
        at, found = self._seen.get(name, (-_LATELY, None))
        now = self.now()
        if found is None or not 0 <= now - at < _LATELY:
            found = look()
            self._seen[name] = (now, found)
        return cast("Found", found)

    def forget(self) -> None:
        """Look anew the next time."""
        self._seen.clear()

    def offered(self, body: str, owner: str = "", tlp: Tlp = Tlp.CLEAR) -> Offered:
        """Return an object as it is stored. :raises ObjectFault: it is none."""
        one = check(body.encode())
        return Offered(one.id, one.type, one.version, one.version_key, one.digest, body, owner=owner, tlp=tlp)

    def lane(self, lane: Lane) -> Collection | None:
        """Return the collection of a lane."""
        return next((one for one in self.visible() if one.lane is lane), None)

    def listed(self, ids: Sequence[str]) -> tuple[Standing, ...]:
        """Return what went out under some ids, also while it waits to be written anew."""
        lane = self.lane(Lane.LIST)
        found = self.reports.by_ids(ids)
        waiting = [one.id for one in found if one.published == 0]
        out = self.objects.known(lane.id, waiting) if lane and waiting else frozenset()
        return tuple(one for one in found if one.published > 0 or one.id in out)

    def part(self, collection: str, member: str) -> str:
        """Return the name of a member's share of a collection, which is made when it isn't there."""
        name = f"{collection}@{member}"
        if name not in self._parts:
            with suppress(ConflictError):  # somebody else made it in the same moment
                self.collections.found(Collection(name, name, lane=Lane.PART))
            self._parts.add(name)
        return name
