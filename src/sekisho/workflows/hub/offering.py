"""What hubs elsewhere are told: each one's own view of the list, without what came from it.

A peer's view is worked out of what our own members say, and of what other peers said only where that was agreed. So
nothing comes back to where it came from, no copy of its own voice confirms it there, and nothing goes on to a third
without policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from sekisho.model.corroboration import Dispute, Use, Voice
from sekisho.model.federation import Offer, Peer
from sekisho.model.membership import Member, MemberRole
from sekisho.model.sharing import Lane, Outcome, rfc3339
from sekisho.ports.sharing import ObjectFilter
from sekisho.workflows.hub.books import Books
from sekisho.workflows.hub.standing import standings_of, written

#: Names the extension that says which hubs are behind an object (STIX 2.1, section 7.3: a property extension).
ORIGINS = "extension-definition--7794436b-664b-4f64-bda4-cb7fe2862eeb"
_AT_ONCE = 500
_HOUR = 3_600_000
# (member, key) → identities of the hubs behind what it said.
Origins = Mapping[tuple[str, str], tuple[str, ...]]


class Heard(msgspec.Struct, frozen=True):
    """Who speaks of an indicator, who disputes it, and when a person found it true."""

    voices: Sequence[Voice]
    disputes: Sequence[Dispute]
    verified: int


def partners(members: Mapping[str, Member]) -> list[str]:
    """Return the hubs elsewhere among active members."""
    return sorted(one.id for one in members.values() if one.role is MemberRole.PARTNER)


def origins_of(books: Books, members: Mapping[str, Member], keys: Sequence[str]) -> Origins:
    """Return which hubs are behind what peers say of some keys."""
    found: dict[tuple[str, str], set[str]] = {}
    if partners(members):
        for one in books.foreign.about(keys):
            if one.alive:
                found.setdefault((one.peer, one.key), set()).update(one.origins)
    return {place: tuple(sorted(names)) for place, names in found.items()}


def settle_offers(
    books: Books, members: Mapping[str, Member], heard: Mapping[str, Heard], guarded: Mapping[str, str], now: int
) -> None:  # fmt: skip
    """Work out what each peer is told of some indicators."""
    there = partners(members)
    if not there:
        return
    terms = {one.member: one for one in books.peers.peers()}
    before: dict[tuple[str, str], dict[str, Offer]] = {}
    for old in books.offers.offers(list(heard)):
        before.setdefault((old.partner, old.base), {})[old.key] = old
    made: list[Offer] = []
    for partner in there:
        for base, one in heard.items():
            voices = [voice for voice in one.voices if _may_hear(partner, voice, members, terms)]
            olds = before.get((partner, base), {})
            rows = {key: old.standing for key, old in olds.items()}
            for standing in standings_of(books, base, voices, one.disputes, rows, guarded, now, one.verified):
                behind = {
                    name for voice in voices if voice.report.tlp <= standing.level for name in voice.origins
                }
                origins = (books.identity, *sorted(behind - {books.identity}))
                changed = standing.key in olds and olds[standing.key].origins != origins
                due = 0 if changed and standing.published > 0 else standing.published
                made.append(Offer(partner, standing.key, base, standing, origins, due))
    books.offers.settle(made)


def may_pass(source: str, partner: str, terms: Mapping[str, Peer]) -> bool:
    """Say whether what came from one peer may go on to another."""
    return source != partner and source in terms and partner in terms[source].forward


def _may_hear(partner: str, voice: Voice, members: Mapping[str, Member], terms: Mapping[str, Peer]) -> bool:
    """Say whether a peer may be told what one voice says."""
    source = voice.report.member
    if members[source].role is not MemberRole.PARTNER:
        return True
    # Whose identity isn't known might be among the origins.
    mine = terms[partner].identity if partner in terms else ""
    return may_pass(source, partner, terms) and mine != "" and mine not in voice.origins


def publish_offers(books: Books, shuffle: bytes) -> int:
    """Write what changed into each peer's own share of the list; return how many objects."""
    lane = books.lane(Lane.LIST)
    there = partners(books.roster().active) if lane else []
    count = 0
    for partner in there:
        where = books.part(lane.id, partner) if lane else ""
        while True:
            with books.weighing:
                some = _published(books, lane.id if lane else "", where, partner, shuffle)
            if not some:
                break
            count += some
    return count


def _published(books: Books, collection: str, where: str, partner: str, shuffle: bytes) -> int:
    due = books.offers.due(partner, _AT_ONCE)
    if not due:
        return 0
    now = books.now()
    _introduce(books, collection, where, now)
    out = {
        one.key
        for one in due
        if one.standing.grade is not Use.NONE or books.objects.has(where, one.standing.id)
    }
    mixed = sorted(
        (one for one in due if one.key in out),
        key=lambda one: books.minted("order", shuffle.hex(), partner, one.key),
    )
    puts = books.objects.add(
        where, [written(books, one.standing, now, _behind(one)) for one in mixed], now * 1000
    )
    late = {one.key for one, put in zip(mixed, puts, strict=True) if put.outcome is Outcome.OTHER}
    done = [one for one in due if one.key not in late]
    books.offers.settle([_written(one, now if one.key in out else -1) for one in done])
    return len(done)


def _written(one: Offer, at: int) -> Offer:
    standing = msgspec.structs.replace(one.standing, published=at)
    return msgspec.structs.replace(one, standing=standing, published=at)


def _behind(one: Offer) -> dict[str, object]:
    """Return the property that names the hubs behind an object, and when its newest sighting was, to the hour."""
    seen = rfc3339(one.standing.last // _HOUR * _HOUR * 1000)[:-4] + "Z"
    told = {"extension_type": "property-extension", "origins": list(one.origins), "last_seen": seen}
    return {"extensions": {ORIGINS: told}}


def _introduce(books: Books, collection: str, where: str, now: int) -> None:
    """Lay the hub's own identity into a share that lacks it."""
    if books.objects.has(where, books.identity):
        return
    held = books.objects.find(collection, ObjectFilter((books.identity,)), limit=1, octets=1).held
    if held:
        books.objects.add(where, [books.offered(held[0].body)], now * 1000)
