"""What the TAXII server sees of the hub: collections without the hub's own, and objects behind the lanes' rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import msgspec

from sekisho.exchange.lanes import evidence, failure, listing
from sekisho.exchange.lanes.foreign import PARTNER, USES
from sekisho.formats.stix_marking import level_of
from sekisho.formats.stix_object import ObjectFault, check
from sekisho.model.audit import Act
from sekisho.model.corroboration import Dispute, Report, base_key, key_of
from sekisho.model.indicator import Tlp
from sekisho.model.membership import MemberRole
from sekisho.model.sharing import Collection, Lane, Offered, Outcome, Put, Sight, rfc3339
from sekisho.ports.hub import LedgerEntry
from sekisho.ports.sharing import EVERY, ObjectFilter, ObjectPage, Versions
from sekisho.workflows.hub.books import OPERATOR, Books
from sekisho.workflows.hub.offering import may_pass
from sekisho.workflows.hub.weighing import settle

_DAY = 86_400_000
_ALL = 2**62  # octets: no bound beside that of the count
_VERSIONS = 1000
_PARTED = frozenset({Lane.LIST_IN, Lane.EVIDENCE_IN, Lane.EVIDENCE})


class Visible:
    """The collections that members may know of: all but the hub's own parts."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def collections(self) -> tuple[Collection, ...]:
        """Return them in the order of their ids."""
        return self._books.visible()

    def found(self, collection: Collection) -> None:
        """Make one, or change the words of one."""
        self._books.collections.found(collection)
        self._books.forget()

    def drop(self, collection: str) -> bool:
        """Delete one with all that is in it."""
        self._books.forget()
        return self._books.collections.drop(collection)


class Shelves:
    """An `ObjectStore` and a `Doorkeeper` over the lanes.

    What goes in stays in the sender's own share, so that nobody learns from an answer what others sent; what it says is
    booked at once: a report, a dispute, a delivery. Sent again it is booked again, which changes nothing.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        # How a hub elsewhere saw something is our word for it, and nobody else's.
        self._kinds = {name: worth for name, worth in books.rules.evidence.items() if name != PARTNER}

    def admit(self, collection: Collection, sender: str, one: Mapping[str, Any], offered: Offered) -> Offered:
        """Return what shall be stored, with owner, audience and marking.

        :raises ObjectFault: the lane doesn't take it, and why
        """
        level = level_of(one, collection.unmarked)
        match collection.lane:
            case Lane.LIST_IN:
                found = listing.told(one, USES, self._kinds)
                if level is Tlp.RED and not found.against:
                    raise ObjectFault("marked TLP:RED or not marked: it could have no part in the list")
                self._may_report(sender, found)
                if found.against and len(found.ids) > self._books.rules.opinion_refs:
                    raise ObjectFault(f"object_refs: at most {self._books.rules.opinion_refs}")
                if found.ids:
                    self._known(found.ids)
            case Lane.EVIDENCE_IN:
                self._holder(sender, evidence.items(one))
            case Lane.FAILURE:
                failure.check(one)
                self._own_word(one)
            case Lane.OPEN:
                self._own_word(one)
            case Lane.LIST | Lane.EVIDENCE | Lane.PART:
                raise ObjectFault("here only the hub writes")
        return msgspec.structs.replace(offered, owner=sender, tlp=level)

    def add(self, collection: str, offered: Sequence[Offered], now: int) -> tuple[Put, ...]:
        """Store objects, and book what they say."""
        lane = self._lane(collection)
        sender = offered[0].owner if offered else ""
        where = self._books.part(collection, sender) if lane in _PARTED else collection
        if lane is Lane.LIST_IN:
            puts = self._reported(sender, where, offered, now)
        else:
            puts = self._books.objects.add(where, offered, now)
            taken = [one.id for one, _ in _taken(offered, puts)]
            if lane is not Lane.EVIDENCE_IN and taken:
                # Who marks something more strictly means all that he said of it so far; sent again it makes up for a halt here.
                self._books.objects.tighten(where, sender, taken)
        if lane is Lane.EVIDENCE_IN:
            self._deliver(sender, [one for one, _ in _taken(offered, puts)], now)
        self._books.audit.append(
            sender or OPERATOR, "member", "share", collection, at=now // 1000,
            details={"objects": len(offered), "stored": sum(put.outcome is Outcome.STORED for put in puts)},
        )  # fmt: skip
        return puts

    def find(
        self, collection: str, wanted: ObjectFilter, *, limit: int, octets: int, bodies: bool = True
    ) -> ObjectPage:
        """Return a page; who fetches what was delivered to him has a receipt written."""
        who = wanted.sight.who if wanted.sight else ""
        lane = self._lane(collection)
        where = self._where(collection, who)
        if wanted.sight:
            wanted = msgspec.structs.replace(wanted, sight=self._sight(collection, wanted.sight))
        page = self._books.objects.find(where, wanted, limit=limit, octets=octets, bodies=bodies)
        if lane is Lane.EVIDENCE and bodies and page.held:
            at = self._books.now()
            ids = [one.id for one in page.held]
            # The record comes first: addressed data that nobody wrote down must not go out.
            self._books.audit.append(
                who, "member", "fetch-evidence", collection, at=at, details={"objects": len(ids)}
            )
            self._books.ledger.receipt(ids, who, at)
        return page

    def has(self, collection: str, identifier: str, sight: Sight | None = None) -> bool:
        """Say whether any version of an object is there that may be seen."""
        who = sight.who if sight else ""
        seen = self._sight(collection, sight) if sight else None
        return self._books.objects.has(self._where(collection, who), identifier, seen)

    def delete(self, collection: str, identifier: str, versions: Versions, owner: str = "") -> int:
        """Delete versions that the owner sent; what was reported stays until it is revoked or decays."""
        gone = self._books.objects.delete(self._where(collection, owner), identifier, versions, owner)
        if gone:
            self._books.audit.append(
                owner, "member", "unshare", collection, at=self._books.now(), details={"versions": gone}
            )
        return gone

    def _where(self, collection: str, who: str) -> str:
        lane = self._lane(collection)
        own = lane in _PARTED or (lane is Lane.LIST and self._elsewhere(who))
        return self._books.part(collection, who) if own and who else collection

    def _elsewhere(self, who: str) -> bool:
        """Say whether somebody is a hub elsewhere, which has a list of its own; of who isn't known it is assumed."""
        if who not in self._books.roster().active:
            self._books.forget()
        one = self._books.roster().active.get(who)
        return one is None or one.role is MemberRole.PARTNER

    def _sight(self, collection: str, sight: Sight) -> Sight:
        """Return what somebody may see: a hub elsewhere nothing of its own, nor of another's that may not go on to it."""
        if self._lane(collection) is not Lane.FAILURE or not self._elsewhere(sight.who):
            return sight
        terms = {one.member: one for one in self._books.peers.peers()}
        active = self._books.roster().active
        hidden = {*terms, *(name for name, one in active.items() if one.role is MemberRole.PARTNER)}
        kept = tuple(sorted(name for name in hidden if not may_pass(name, sight.who, terms)))
        return msgspec.structs.replace(sight, without=kept)

    def _lane(self, collection: str) -> Lane:
        found = (one.lane for one in self._books.visible() if one.id == collection)
        return next(found, Lane.OPEN)

    def _may_report(self, sender: str, found: listing.Told) -> None:
        """Refuse reports of who only receives: it objects to what it is to block, and has no voice in what is listed."""
        member = self._books.roster().active.get(sender)
        if member is not None and member.role is MemberRole.RECEIVE_ONLY and not found.against:
            raise ObjectFault("a member that only receives sends opinions here, which disagree")

    def _known(self, ids: Sequence[str]) -> None:
        if set(ids) - {one.id for one in self._books.listed(ids)}:
            raise ObjectFault("about an indicator that the hub's list doesn't hold")

    def _own_word(self, one: Mapping[str, Any]) -> None:
        """Refuse what speaks for the hub, and what would be the newest for ever."""
        if self._books.identity in {one["id"], one.get("created_by_ref")}:
            raise ObjectFault("created_by_ref: the hub speaks for itself")
        latest = self._books.now() + self._books.rules.skew_seconds * 1000
        if "modified" in one and listing.milliseconds(one["modified"]) > latest:
            raise ObjectFault("modified lies in the future")

    def _reported(self, sender: str, where: str, offered: Sequence[Offered], now: int) -> tuple[Put, ...]:
        """Store what is reported but for disputes that are too many, and book it."""
        opinions = [one for one in offered if one.type == "opinion"]
        with self._books.weighing if opinions else nullcontext():  # what is counted must not grow meanwhile
            refused = self._too_many(sender, opinions)
            puts = iter(
                self._books.objects.add(where, [one for one in offered if one.id not in refused], now)
            )
            told = tuple(
                Put(Outcome.OTHER, one.version, refused[one.id]) if one.id in refused else next(puts)
                for one in offered
            )
            self._report(sender, where, _taken(offered, told), now // 1000)
        return told

    def _too_many(self, sender: str, opinions: Sequence[Offered]) -> dict[str, str]:
        """Return which opinions can't be heard, and why: too many are open, or it was said before and dismissed."""
        if not opinions:
            return {}
        mine = self._books.disputes.disputes(member=sender)
        names = {one.id for one in mine}
        open_ = {one.key for one in mine if not one.decided}
        dismissed = {one.key for one in mine if one.decided and not one.upheld}
        refused: dict[str, str] = {}
        for one in opinions:
            found = self._told(one.body)
            keys = {
                base_key(standing.key)
                for standing in self._books.reports.by_ids(found.ids)
                if self._books.minted("opinion", sender, one.id, base_key(standing.key)) not in names
            }
            if keys & dismissed:
                refused[one.id] = "you disputed it before, and a person of the hub dismissed that"
            elif len(open_ | keys) > self._books.rules.open_disputes:
                refused[one.id] = f"at most {self._books.rules.open_disputes} open disputes of one member"
            else:
                open_ |= keys
        return refused

    def _report(self, sender: str, where: str, taken: Sequence[tuple[Offered, Put]], now: int) -> None:
        """Book reports, withdrawals and disputes; weigh what they are about. What a later version replaced says nothing."""
        reports: list[Report] = []
        gone: list[str] = []
        argued: list[str] = []
        newest = self._newest(where, [one.id for one, _ in taken])
        for one, put in taken:
            found = self._told(one.body)
            if found.against:
                argued += self._dispute(sender, one.id, found, now)
                continue
            if one.version_key < newest.get(one.id, ""):
                continue
            made = self._reports(sender, one, found, now, fresh=put.outcome is Outcome.STORED)
            if found.revoked:
                gone += [report.key for report in made]
                gone += self._said_before(sender, where, one, now)
            else:
                reports += made
        if gone:
            self._books.reports.withdraw(sender, gone)
        if reports:
            self._books.reports.report(reports)
        settle(self._books, [*gone, *argued, *(one.key for one in reports)])

    def _told(self, body: str) -> listing.Told:
        return listing.told(msgspec.json.decode(body), USES, self._kinds)

    def _newest(self, where: str, ids: Sequence[str]) -> dict[str, str]:
        """Return the newest version that is there of each of some objects."""
        if not ids:
            return {}
        found = self._books.objects.find(
            where, ObjectFilter(tuple(dict.fromkeys(ids))), limit=len(ids), octets=_ALL, bodies=False
        )
        return {one.id: one.version_key for one in found.held}

    def _said_before(self, sender: str, where: str, one: Offered, now: int) -> list[str]:
        """Return the keys that earlier versions of an object reported: a withdrawal is of these, whatever it says."""
        wanted = ObjectFilter((one.id,), versions=EVERY)
        earlier = self._books.objects.find(where, wanted, limit=_VERSIONS, octets=_ALL).held
        return [
            report.key
            for held in earlier
            for report in self._reports(sender, one, self._told(held.body), now, fresh=False)
        ]

    def _reports(
        self, sender: str, one: Offered, found: listing.Told, now: int, *, fresh: bool
    ) -> list[Report]:
        places = [(place.kind, place.value, place.port, place.protocol, found.use) for place in found.targets]
        families = [found.family] * len(places)
        for standing in self._books.reports.by_ids(found.ids) if found.ids else ():
            places.append((standing.kind, standing.value, standing.port, standing.protocol, standing.use))
            families.append(found.family)
        last = min(found.last, now)
        return [
            Report(
                key_of(kind, value, port, protocol, use), sender, use, kind, value, port, protocol, family, found.evidence,
                found.feed, min(found.first, last), last, found.count if fresh else 0, one.tlp,
            )
            for (kind, value, port, protocol, use), family in zip(places, families, strict=True)
        ]  # fmt: skip

    def _dispute(self, sender: str, identifier: str, found: listing.Told, now: int) -> list[str]:
        keys = []
        for standing in self._books.reports.by_ids(found.ids):
            key = base_key(standing.key)
            name = self._books.minted("opinion", sender, identifier, key)
            dispute = Dispute(name, key, sender, now, found.reason)
            act = Act(sender, "member", "dispute", standing.id, now)
            decided = any(one.id == name for one in self._books.disputes.disputes([key]))
            if not decided and self._books.disputes.open(dispute, act):
                keys.append(key)
        return keys

    def _holder(self, sender: str, items: evidence.LogItems) -> str:
        """Return the member whose line sent it at that time, and all the time that it tells of.

        :raises ObjectFault: nobody's whom the hub knows, or the sender's own; it tells of what is still to come; or it did
            not hit the sender or its users (法116条の2 第2項)
        """
        roster = self._books.roster()
        if sender not in roster.active or roster.active[sender].role is not MemberRole.FULL:
            raise ObjectFault("evidence is taken from full members alone")
        begin, end = items.span
        if end > self._books.now() + self._books.rules.skew_seconds * 1000:
            raise ObjectFault("it tells of a time that is still to come")
        holders = roster.holders(items.source, begin)
        if sender in holders:
            raise ObjectFault("the source lies in a network of your own")
        if roster.holders(items.source, end) != holders:
            raise ObjectFault("the source's address changed hands meanwhile: send an entry for each part")
        if any(roster.holders(items.destination, at) != {sender} for at in (begin, end)):
            raise ObjectFault(
                "the destination lies in no network that the hub knows to be yours at that time"
            )
        if len(holders) != 1:
            raise ObjectFault("no one member held the source's address at that time")
        return holders.pop()

    def _deliver(self, sender: str, taken: Sequence[Offered], now: int) -> None:
        """Lay each log entry into the share of the one member, and into the ledger."""
        books, at = self._books, now // 1000
        lane = books.lane(Lane.EVIDENCE)
        if lane is None:
            return
        entries: list[LedgerEntry] = []
        letters: dict[str, dict[str, Offered]] = {}
        for one in taken:
            items = evidence.items(msgspec.json.decode(one.body))
            carrier = self._holder(sender, items)
            # Of what it says, not of the name it came under: one entry of a log is delivered once.
            kept = msgspec.json.encode(items).decode()
            letter = books.minted("observed-data", sender, kept)
            body = evidence.letter(items, letter, books.identity, rfc3339(at * 1000)[:-4] + "Z")
            checked = check(body)
            letters.setdefault(carrier, {})[letter] = Offered(
                checked.id, checked.type, checked.version, checked.version_key, checked.digest, body.decode(), OPERATOR,
                carrier, Tlp.RED,
            )  # fmt: skip
            entries.append(
                LedgerEntry(
                    letter, sender, at, kept, carrier, at, 0,
                    _years_on(at, books.rules.ledger_years),
                )
            )  # fmt: skip
        books.ledger.enter(entries)
        for carrier, some in letters.items():
            part = books.part(lane.id, carrier)
            fresh = [one for one in some.values() if not books.objects.has(part, one.id)]
            if fresh:
                books.objects.add(part, fresh, now)


def _years_on(at: int, years: int) -> int:
    """Return the end of the day, anywhere on earth, that is so many years later by the calendar."""
    there = datetime.fromtimestamp(at // 1000, UTC)
    later = there.replace(year=there.year + years, day=min(there.day, 28))
    return int(later.timestamp() * 1000) + (there.day - later.day + 1) * _DAY


def _taken(offered: Sequence[Offered], puts: Sequence[Put]) -> list[tuple[Offered, Put]]:
    return [(one, put) for one, put in zip(offered, puts, strict=True) if put.outcome is not Outcome.OTHER]
