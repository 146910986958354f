"""Peering with hubs elsewhere: on which terms, and what of theirs is taken.

Everything is booked so that it can be booked again: whoever is killed between a page and its position takes the page
once more, and nothing changes by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sekisho.errors import DescriptionError
from sekisho.exchange.lanes import failure
from sekisho.exchange.lanes.foreign import PARTNER, Word, word
from sekisho.exchange.lanes.listing import milliseconds
from sekisho.formats.loopback import is_loopback
from sekisho.formats.stix_marking import level_of
from sekisho.formats.stix_object import ObjectFault, check
from sekisho.language import Text
from sekisho.model.audit import Act
from sekisho.model.corroboration import Report, key_of
from sekisho.model.federation import Foreign, Peer
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Member, MemberRole, MemberState, Right
from sekisho.model.sharing import Lane, Offered, Outcome
from sekisho.workflows.hub.books import Books
from sekisho.workflows.hub.entering import enter, grant, set_state
from sekisho.workflows.hub.offering import ORIGINS
from sekisho.workflows.hub.weighing import settle, sweep

TAKEN = (Lane.LIST, Lane.FAILURE)
#: Of how many indicators one peer may speak.
MOST_KEYS = 500_000
_SEEN_FIELDS = 5


class Brought(msgspec.Struct, frozen=True):
    """What became of some objects of a peer: how many of each kind.

    Kinds: ``taken``, ``same`` (there already), ``withdrawn``, ``own`` (came round), or ``refused: why``.
    """

    counts: Mapping[str, int]

    @property
    def changed(self) -> bool:
        """Whether anything but what was there came."""
        return any(count for kind, count in self.counts.items() if kind != "same")


def add_peer(books: Books, member: Member, terms: Peer, give: Mapping[Lane, Tlp], who: str) -> Peer:
    """Take in a hub elsewhere, or change the terms with one; ``give`` says which lanes it reads, up to which marking.

    :raises DescriptionError: a field is wrong
    """
    _checked(books, terms, give)
    held = next((one for one in books.members.members() if one.id == member.id), None)
    if held is not None and held.role is not MemberRole.PARTNER:
        raise DescriptionError(
            Text(ja="その符号の会員がもういる", en="there is a member with that id already"), member.id
        )
    revision, joined = (held.revision, held.joined) if held else (0, member.joined)
    enter(books, msgspec.structs.replace(member, revision=revision, joined=joined), who)
    held_rights = {one.collection for one in books.members.rights(member.id)}
    for one in books.collections.collections():
        read = one.lane in give
        if read or (one.lane in {*TAKEN, Lane.LIST_IN} and one.id in held_rights):
            grant(books, Right(member.id, one.id, read, False, give.get(one.lane, Tlp.CLEAR)), who)
    before = next((one for one in books.peers.peers() if one.member == terms.member), None)
    # An identity that was learned stays, unless a person names another one.
    terms = msgspec.structs.replace(terms, identity=terms.identity or (before.identity if before else ""))
    details = {"take": " ".join(terms.take), "give": " ".join(give), "forward": " ".join(terms.forward)}
    books.peers.put(terms, Act(who, "hub", "peer", terms.member, books.now(), details={**details}))
    books.forget()
    sweep(books)
    return terms


def remove_peer(books: Books, name: str, who: str, reason: str) -> None:
    """End the terms with a peer: what it said of indicators counts no more, and it can do nothing from now on.

    :raises DescriptionError: there is no such peer
    """
    act = Act(who, "hub", "remove-peer", name, books.now(), reason=reason)
    if not books.peers.drop(name, act):
        raise _unknown(name)
    set_state(books, name, MemberState.LEFT, who, reason)
    books.forget()


def peer_named(books: Books, name: str) -> Peer:
    """Return the terms with a peer. :raises DescriptionError: there is none of that name."""
    found = next((one for one in books.peers.peers() if one.member == name), None)
    if found is None:
        raise _unknown(name)
    return found


def book_list(books: Books, peer: Peer, objects: Iterable[Mapping[str, Any]]) -> Brought:
    """Book what a peer's list says as its reports: it is one voice, whatever is behind it there.

    What bears our own identity is dropped, and so is what another hub wrote. What it took back counts no more here.
    """
    counts: Counter[str] = Counter()
    read: list[tuple[str, str, Tlp, Word]] = []
    for one in objects:
        if one.get("type") == "identity":
            continue
        try:
            found = _read(books, peer, one)
        except ObjectFault as fault:
            counts[f"refused: {fault}"[:120]] += 1
            continue
        if found is None:
            counts["own"] += 1
            continue
        identifier, version, level, said = found
        peer = _known_author(books, peer, said.author)
        read.append((identifier, version, level, said))
    rows, known = _rows(books, peer, read, counts)
    touched = sorted({key for key, _ in rows})
    if rows:
        reports = _reports(books, peer, rows, touched)
        books.foreign.book(peer.member, list(rows.values()), touched, reports)
    # What was heard before is weighed too: whoever died between booking and weighing left it as it was.
    settle(books, [*touched, *known])
    return Brought(counts)


def book_failures(books: Books, peer: Peer, objects: Iterable[Mapping[str, Any]]) -> Brought:
    """Store what a peer tells of failures, as it is and as its own; an id that is another's here stays that one's."""
    counts: Counter[str] = Counter()
    lane = books.lane(Lane.FAILURE)
    if lane is None:
        return Brought(counts)
    latest = books.now() + books.rules.skew_seconds * 1000
    offered: list[Offered] = []
    for one in objects:
        if one.get("type") == "identity":
            continue
        if books.identity == one.get("created_by_ref"):
            counts["own"] += 1
            continue
        try:
            offered.append(_failure(books, peer, one, latest))
        except ObjectFault as fault:
            counts[f"refused: {fault}"[:120]] += 1
    kinds = {Outcome.STORED: "taken", Outcome.SAME: "same", Outcome.OTHER: "own"}
    puts = books.objects.add(lane.id, offered, books.now() * 1000)
    counts.update(kinds[put.outcome] for put in puts)
    taken = [one.id for one, put in zip(offered, puts, strict=True) if put.outcome is not Outcome.OTHER]
    books.objects.tighten(lane.id, peer.member, taken)  # as where members say it (`Shelves.add`)
    return Brought(counts)


def _failure(books: Books, peer: Peer, one: Mapping[str, Any], latest: int) -> Offered:
    """Return what is stored of a failure. :raises ObjectFault: it isn't taken, and why."""
    offered = books.offered(msgspec.json.encode(one).decode(), peer.member)
    failure.check(one)
    if "modified" in one and milliseconds(one["modified"]) > latest:
        raise ObjectFault("modified lies in the future")
    return msgspec.structs.replace(offered, tlp=_level(peer, one))


def _read(books: Books, peer: Peer, one: Mapping[str, Any]) -> tuple[str, str, Tlp, Word] | None:
    """Return an object's id, version, marking and word; None when it is our own that has come round.

    :raises ObjectFault: it isn't taken, and why
    """
    checked = check(msgspec.json.encode(one))
    if one.get("created_by_ref") == books.identity:
        return None
    said = word(one, ORIGINS)
    if peer.identity and said.author != peer.identity:
        raise ObjectFault("created_by_ref: another hub than the one that was agreed with")
    if books.identity in said.origins:
        return None
    return checked.id, checked.version_key, _level(peer, one), said


def _level(peer: Peer, one: Mapping[str, Any]) -> Tlp:
    level = level_of(one, Tlp.RED)
    if level > min(peer.ceiling, Tlp.AMBER_STRICT):
        raise ObjectFault(f"marked TLP:{level.name}: stricter than what is taken from this peer")
    return level


def _known_author(books: Books, peer: Peer, author: str) -> Peer:
    """Hold a peer to the identity under which it first wrote."""
    if peer.identity:
        return peer
    learned = msgspec.structs.replace(peer, identity=author)
    details = {"identity": author}
    books.peers.put(
        learned, Act("hub", "hub", "peer-identity", peer.member, books.now(), details={**details})
    )
    return learned


def _rows(
    books: Books, peer: Peer, read: Iterable[tuple[str, str, Tlp, Word]], counts: Counter[str]
) -> tuple[dict[tuple[str, str], Foreign], set[str]]:
    """Return the rows that change, by key and object, and the keys of objects that were heard before as they are."""
    held: dict[str, dict[str, Foreign]] = {}
    for row in books.foreign.said(peer.member, [one[0] for one in read]):
        held.setdefault(row.id, {})[row.key] = row
    changed: dict[tuple[str, str], Foreign] = {}
    known: set[str] = set()
    now = books.now()
    for identifier, version, level, said in read:
        before = held.setdefault(identifier, {})
        if before and version <= max(one.version_key for one in before.values()):
            counts["same"] += 1
            known.update(before)
            continue
        ended = said.told.revoked or 0 < said.until <= now
        made = {} if ended else _foreign(peer, identifier, version, level, said, now)
        for key, old in before.items():  # what this version doesn't say any more
            if key not in made:
                made[key] = msgspec.structs.replace(old, version_key=version, alive=0)
        if ended and not before:  # never heard of here
            counts["withdrawn"] += 1
            continue
        counts["withdrawn" if ended else "taken"] += 1
        before |= made
        changed |= {(key, identifier): row for key, row in made.items()}
    return changed, known


def _foreign(
    peer: Peer, identifier: str, version: str, level: Tlp, said: Word, now: int
) -> dict[str, Foreign]:
    told = said.told
    origins = tuple(dict.fromkeys((said.author, *said.origins)))
    last = min(told.last, now)
    keys = [key_of(place.kind, place.value, place.port, place.protocol, told.use) for place in told.targets]
    return {
        key: Foreign(
            peer.member, key, identifier, version, level, min(told.first, last), last, told.family, origins
        )
        for key in keys
    }


def _reports(
    books: Books, peer: Peer, rows: Mapping[tuple[str, str], Foreign], touched: Iterable[str]
) -> list[Report]:
    """Return what the peer says of each key now, by all of its objects that are alive."""
    everything = {(one.key, one.id): one for one in books.foreign.about(list(touched), peer.member)} | dict(
        rows
    )
    alive: dict[str, list[Foreign]] = {}
    for row in everything.values():
        if row.alive:
            alive.setdefault(row.key, []).append(row)
    made = []
    for key, some in alive.items():
        use, kind, value, port, protocol = key.split("|")[:_SEEN_FIELDS]
        made.append(
            Report(
                key, peer.member, use, kind, value, int(port), int(protocol),
                max(some, key=lambda one: (one.last, one.id)).family, PARTNER, "", min(one.first for one in some),
                max(one.last for one in some), 1, min(one.tlp for one in some),
            )
        )  # fmt: skip
    return made


def _checked(books: Books, terms: Peer, give: Mapping[Lane, Tlp]) -> None:
    lanes = {lane.value for lane in TAKEN}
    if set(terms.take) - lanes or set(give) - set(TAKEN):
        raise DescriptionError(
            Text(ja="ハブの間で渡せるのは list と failure だけ", en="only list and failure go between hubs"),
            " ".join([*terms.take, *give]),
        )
    strictest = max([terms.ceiling, *give.values()])
    if strictest > Tlp.AMBER_STRICT:
        raise DescriptionError(
            Text(ja="TLP:RED はハブの間で渡さない", en="TLP:RED doesn't go between hubs"), terms.member
        )
    if terms.take and not terms.url:
        raise DescriptionError(
            Text(ja="受け取るには、相手のURLが要る", en="to take anything, the URL of the other hub is needed"), terms.member,
            Text(ja="--url で渡す", en="give it with --url"),
        )  # fmt: skip
    parts = urlsplit(terms.url)
    loopback = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if terms.take and not (parts.scheme == "https" or loopback):
        raise DescriptionError(
            Text(
                ja="相手とはhttpsだけで話す（httpはループバックだけ）",
                en="only https is spoken (http to loopback only)",
            ),
            terms.url,
        )
    if terms.take and not terms.token_file:
        raise DescriptionError(
            Text(
                ja="受け取るには、相手が作ったトークンのファイルが要る",
                en="to take anything, the file with the token that the peer made is needed",
            ),
            terms.member,
            Text(ja="--token-file で渡す", en="give it with --token-file"),
        )
    known = {one.id for one in books.members.members() if one.role is MemberRole.PARTNER} - {terms.member}
    if strangers := set(terms.forward) - known:
        raise DescriptionError(
            Text(ja="転送先はほかの連携先に限る", en="what came from it can go on to other peers alone"),
            " ".join(sorted(strangers)),
        )


def _unknown(name: str) -> DescriptionError:
    return DescriptionError(
        Text(ja="その連携先はない", en="there is no such peer"), name[:80],
        Text(ja="一覧：sekisho hub peer list", en="list them: sekisho hub peer list"),
    )  # fmt: skip
