"""The hub as the console sees it: for the people who run it, never for its members.

It opens the hub's folder itself, beside the server that serves the members; both go by the same database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.corroboration import Dispute, IndicatorState, Side, Standing, base_key, sides, trust
from sekisho.model.line_count import DAYS_BACK, day_of
from sekisho.model.membership import HubToken, Member, Network, Right
from sekisho.model.sealing import KeyState
from sekisho.model.sharing import Collection
from sekisho.model.standing_words import sentence
from sekisho.wiring.console_hub_others import OthersRoom
from sekisho.wiring.hub_mails import key_of
from sekisho.workflows.hub import decide, heard, verify
from sekisho.workflows.hub.counting import figures, shown_rows

if TYPE_CHECKING:
    from sekisho.model.audit import AuditEntry
    from sekisho.ports.hub import LedgerPage, ReportPages, StandingFilter, StandingPage
    from sekisho.wiring.hub import HubDesk
    from sekisho.workflows.hub import Books

_KEPT_S, _COST = 10.0, 50
_CHAIN = 50
_DAY = 86_400_000
_BY_PEOPLE = ("verify", "refute")


class IndicatorLife(msgspec.Struct, frozen=True):
    """An indicator with all that stands behind it.

    :ivar levels: what stands under each marking; ``standing`` is the one that was asked for
    :ivar said: the sentence; ``sides`` its inputs, None where fewer than ``k`` voices are told to who asks
    :ivar reports: how many reports, ``groups`` of how many groups of members, ``sightings`` together; None as ``sides``
    :ivar lines: on how many lines members saw it in the last days (sums of days), None where nothing may be told
    :ivar acts: what people of the hub did about it, newest first
    """

    standing: Standing
    levels: tuple[Standing, ...]
    said: Text
    k: int
    sides: tuple[Side, ...] | None
    reports: int | None
    groups: int | None
    sightings: int | None
    disputes: tuple[Dispute, ...]
    acts: tuple[AuditEntry, ...]
    lines: int | None = None


class MemberLife(msgspec.Struct, frozen=True):
    """A member with its rights, networks, tokens, and what its reports have been worth.

    :ivar rights: each with its collection
    :ivar reported: indicators that it reported; ``alone`` those of them that nobody else did
    :ivar keys: of each contact whether mails can be encrypted to its key; None where it has none
    :ivar good: reports that turned out true, ``bad`` those that didn't; ``trust`` what its word is worth, 0 to 1
    """

    member: Member
    rights: tuple[tuple[Right, Collection], ...]
    networks: tuple[Network, ...]
    tokens: tuple[HubToken, ...]
    reported: int
    alone: int
    good: int
    bad: int
    trust: float
    disputes: tuple[Dispute, ...]
    keys: tuple[KeyState | None, ...] = ()


class HubRoom:
    """What the console asks a hub, and what its people decide. Nothing is opened before it is used, and then once.

    :ivar others: hubs elsewhere, makers, the disclosure of findings
    """

    def __init__(self, folder: Path, now: Callable[[], int]) -> None:
        self.folder = folder
        self._now = now
        self._guard = Lock()
        self._desk: HubDesk | None = None
        self.others = OthersRoom(lambda: self.desk)
        self._tallies: tuple[float, dict[tuple[str, str], int]] = (0.0, {})

    @property
    def desk(self) -> HubDesk:
        """The open hub. :raises DescriptionError: there is none. :raises StoreError: its database can't be opened."""
        if self._desk is None:
            with self._guard:
                if self._desk is None:
                    from sekisho.wiring.hub import opened_hub

                    self._desk = opened_hub(self.folder, self._now)
        return self._desk

    @property
    def _books(self) -> Books:
        return self.desk.books

    def close(self) -> None:
        """Close what was opened."""
        with self._guard:
            if self._desk is not None:
                self._desk.close()
                self._desk = None

    @property
    def _k(self) -> int:
        """Figures of fewer groups of members than this are told to nobody but those who work on them."""
        return self._books.rules.k

    @property
    def _pages(self) -> ReportPages:
        from sekisho.stores.database.hub_pages import SqlReportPages

        return SqlReportPages(self.desk.database)

    def listed(self, wanted: StandingFilter, *, after: str = "", limit: int = 50) -> StandingPage:
        """Return indicators, newest change first. :raises DescriptionError: ``after`` is no key of a page."""
        return self._pages.listed(wanted, after=after, limit=limit)

    def tallies(self) -> dict[tuple[str, str], int]:
        """Return how many indicators are in each state and of each grade; some seconds old at most."""
        until, found = self._tallies
        begin = time.monotonic()
        if begin >= until:
            found = self._pages.tallies()
            cost = time.monotonic() - begin
            self._tallies = (begin + max(_KEPT_S, cost * _COST), found)
        return found

    def sentences(self, standings: Sequence[Standing], *, whole: bool) -> list[Text]:
        """Return why each stands as it does; ``whole`` tells numbers below ``k``, too."""
        now, k = self._books.now(), 0 if whole else self._k
        return [sentence(one, now, k=k) for one in standings]

    def indicator(self, identifier: str, *, whole: bool) -> IndicatorLife | None:
        """Return one by its id; None when there is none. ``whole`` tells numbers below ``k``, too."""
        from sekisho.model.corroboration import standing_keys

        books = self._books
        found = books.reports.by_ids([identifier])
        if not found:
            return None
        one, now = found[0], books.now()
        key = base_key(one.key)
        voices = heard(books, key)
        inputs = sides(voices, now, books.rules)
        shown = whole or len(inputs) >= self._k
        levels = tuple(sorted(books.reports.standings(standing_keys(key)), key=lambda some: some.level))
        return IndicatorLife(
            one, levels,
            sentence(one, now, k=0 if whole else self._k), self._k, inputs if shown else None,
            len(voices) if shown else None, len({some.group for some in voices}) if shown else None,
            sum(some.report.sightings for some in voices) if shown else None,
            books.disputes.disputes([key]), self._acts(one.id), self._lines([some.id for some in levels], whole=whole),
        )  # fmt: skip

    def _lines(self, ids: Sequence[str], *, whole: bool) -> int | None:
        """Return on how many lines members saw an indicator lately, whatever its marking; rounded, or none, for viewers."""
        books = self._books
        if whole:
            rows = books.line_counts.told(day_of(books.now() - DAYS_BACK * _DAY), indicators=ids)
            return sum(one.lines for one in rows) if rows else None
        closed = [msgspec.structs.replace(one, indicator=ids[0]) for one in shown_rows(books, ids)]
        shown = figures(books, closed)
        return shown[0].lines if shown else None

    def _acts(self, identifier: str) -> tuple[AuditEntry, ...]:
        from sekisho.stores.database.audit_pages import AuditFilter, audit_page

        found = audit_page(self.desk.database, AuditFilter(object=identifier), limit=_CHAIN)
        return tuple(one for one in found if one.act in _BY_PEOPLE)  # what members do names them

    def members(self) -> tuple[Member, ...]:
        """Return all members, in the order of their ids."""
        return self._books.members.members()

    def member(self, name: str) -> MemberLife | None:
        """Return one; None when there is none."""
        books = self._books
        one = next((some for some in books.members.members() if some.id == name), None)
        if one is None:
            return None
        collections = {some.id: some for some in books.collections.collections()}
        outcomes = books.disputes.outcomes().get(name, [])
        reported, alone = self._pages.shares(name)
        return MemberLife(
            one,
            tuple(
                (right, collections[right.collection])
                for right in books.members.rights(name) if right.collection in collections
            ),
            tuple(some for some in books.members.networks() if some.member == name),
            books.tokens.of(name), reported, alone, sum(good for _, good in outcomes),
            sum(not good for _, good in outcomes), trust(outcomes, books.now(), books.rules),
            books.disputes.disputes(member=name),
            tuple(key_of(self.folder, some, books.now()) if some.key else None for some in one.contacts),
        )  # fmt: skip

    def disputes(self) -> tuple[tuple[Dispute, Standing | None], ...]:
        """Return all disputes with what stands of their indicators: open ones first, then the newest."""
        found = self._books.disputes.disputes()
        standing: dict[str, Standing] = {}
        for one in self._books.reports.standings([some.key for some in found]):
            standing.setdefault(base_key(one.key), one)
        return tuple((one, standing.get(one.key)) for one in sorted(found, key=lambda some: some.decided > 0))

    def ledger(
        self, who: str, role: str, *, carrier: str = "", after: str = "", limit: int = 50
    ) -> LedgerPage:
        """Return a page of the ledger; the look is on the hub's record before."""
        books = self._books
        books.audit.append(
            who, role, "read-ledger", carrier or "ledger", at=books.now(), details={"console": True}
        )
        return books.ledger.newest(carrier=carrier, after=after, limit=limit)

    def decide(self, dispute: str, who: str, *, upheld: bool, reason: str) -> Standing:
        """Decide a dispute. :raises DescriptionError: there is no such open one, or no reason is given."""
        return decide(self._books, dispute, who, upheld=upheld, reason=_reason(reason))

    def verify(self, identifier: str, who: str, *, true: bool, reason: str) -> Standing:
        """Write that a person found an indicator true or false. :raises DescriptionError: none of that id, or no reason."""
        return verify(self._books, identifier, who, true=true, reason=_reason(reason))


def held(one: Standing) -> bool:
    """Say whether an indicator waits for a person."""
    return one.state is IndicatorState.HELD


def _reason(text: str) -> str:
    plain = text.strip()[:500]
    if not plain:
        raise DescriptionError(Text(ja="理由が要る（記録に残る）", en="say why: it goes on record"))
    return plain
