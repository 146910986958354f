"""The hub's dealings with others as the console sees them: hubs elsewhere, and makers with the disclosure of findings."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.device_model import Advisory, DisclosedFinding, Disclosure, DisclosureStep
from sekisho.model.federation import Peer, Position
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Member, MemberRole, MemberState
from sekisho.wiring.hub_mails import mail_settings
from sekisho.wiring.hub_telling import Told, tell_by_mail
from sekisho.workflows.hub import disclosing

if TYPE_CHECKING:
    from sekisho.wiring.hub import HubDesk

_LONGEST = 500
_KEPT_S, _COST = 10.0, 50


class PeerLife(msgspec.Struct, frozen=True):
    """A hub elsewhere with the terms and how it goes.

    :ivar given: lanes that it reads, each up to which marking
    :ivar positions: of each lane that is taken: how far it was read, and how the last try ended; None before the first
    :ivar heard: of how many indicators it speaks; ``told`` of how many it was told, what was taken back since among them
    """

    peer: Peer
    member: Member
    given: tuple[tuple[str, Tlp], ...]
    positions: tuple[tuple[str, Position | None], ...]
    heard: int
    told: int


class FindingLife(msgspec.Struct, frozen=True):
    """A finding with its timeline.

    :ivar knowing: who was told, each with when first, and when it answered last (0: not yet)
    :ivar advisories: the maker's advisories that wait for its publication, or came with it
    """

    finding: DisclosedFinding
    maker: Member | None
    steps: tuple[DisclosureStep, ...]
    knowing: tuple[tuple[str, int, int], ...]
    advisories: tuple[Advisory, ...]

    @property
    def maker_knows(self) -> bool:
        """Whether the maker was told: before that nothing is published."""
        return any(name == self.finding.maker for name, _, _ in self.knowing)


class OthersRoom:
    """What people of the hub see of others, and do; each act stands on the hub's record with who did it."""

    def __init__(self, desk: Callable[[], HubDesk]) -> None:
        self._desk = desk
        self._tallies: tuple[float, dict[str, int], dict[str, int]] = (0.0, {}, {})

    def peers(self) -> tuple[PeerLife, ...]:
        """Return the hubs elsewhere, in the order of their ids."""
        books = self._desk().books
        members = {one.id: one for one in books.members.members()}
        lanes = {one.id: one.alias or one.title for one in books.collections.collections()}
        positions = {(one.peer, one.lane): one for one in books.peers.positions()}
        heard, told = self._heard_and_told()
        rights: dict[str, list[tuple[str, Tlp]]] = {}
        for right in books.members.rights():
            if right.read and right.collection in lanes:
                rights.setdefault(right.member, []).append((lanes[right.collection], right.ceiling))
        return tuple(
            PeerLife(
                one, members[one.member], tuple(sorted(rights.get(one.member, ()))),
                tuple((lane, positions.get((one.member, lane))) for lane in one.take),
                heard.get(one.member, 0), told.get(one.member, 0),
            )
            for one in books.peers.peers() if one.member in members
        )  # fmt: skip

    def _heard_and_told(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return of how many indicators each peer speaks and was told; some seconds old at most, more where that is dear."""
        until, heard, told = self._tallies
        begin = time.monotonic()
        if begin >= until:
            books = self._desk().books
            heard, told = books.foreign.counts(), books.offers.counts()
            cost = time.monotonic() - begin
            self._tallies = (begin + max(_KEPT_S, cost * _COST), heard, told)
        return heard, told

    def findings(self) -> tuple[DisclosedFinding, ...]:
        """Return all findings: those that wait first, then the newest."""
        found = self._desk().books.disclosures.findings()
        return tuple(sorted(found, key=lambda one: one.state is not Disclosure.OPEN))

    def makers(self) -> tuple[Member, ...]:
        """Return the active makers, in the order of their ids."""
        return tuple(one for one in self.members() if one.role is MemberRole.MAKER)

    def members(self) -> tuple[Member, ...]:
        """Return who can be told: active members."""
        return tuple(one for one in self._desk().books.members.members() if one.state is MemberState.ACTIVE)

    def finding(self, identifier: str) -> FindingLife | None:
        """Return one with its timeline; None when there is none."""
        books = self._desk().books
        one = next((some for some in books.disclosures.findings() if some.id == identifier), None)
        if one is None:
            return None
        steps = books.disclosures.steps(one.id)
        told: dict[str, tuple[int, int]] = {}
        for step in steps:
            if step.kind == "told":
                told.setdefault(step.whom, (step.at, 0))
            elif step.kind == "answered" and step.whom in told:
                told[step.whom] = (told[step.whom][0], step.at)
        maker = next((some for some in books.members.members() if some.id == one.maker), None)
        return FindingLife(
            one, maker, steps, tuple((name, *at) for name, at in told.items()),
            tuple(some for some in books.advisories.advisories() if some.finding == one.id),
        )  # fmt: skip

    def open(
        self, maker: str, vendor: str, model: str, title: str, embargo: int, who: str
    ) -> DisclosedFinding:
        """Begin a timeline. :raises DescriptionError: as `disclosing.open_finding`, or the embargo is over already."""
        books = self._desk().books
        _ahead(embargo, books.now())
        return disclosing.open_finding(
            books, maker, vendor.strip(), model.strip(), title.strip(), embargo, who
        )

    def tell(self, finding: str, member: str, who: str, text: str) -> DisclosedFinding:
        """Write that a member was told. :raises DescriptionError: no such finding or member, or it isn't said how."""
        return disclosing.tell(self._desk().books, finding, member, who, _said(text))

    def mails(self) -> bool:
        """Say whether a mail server is set. :raises DescriptionError: its settings are wrong."""
        return mail_settings(self._desk().folder) is not None

    def tell_by_mail(self, finding: str, member: str, who: str, text: str) -> Told:
        """Send the notice to a member's contacts for findings; told is who was sent one. Return what became of each mail.

        :raises DescriptionError: no such finding or member, or why no mail could go
        """
        desk = self._desk()
        return tell_by_mail(desk, desk.folder, finding, member, who, _said(text))

    def answered(self, finding: str, member: str, who: str, text: str) -> DisclosedFinding:
        """Write what a member answered. :raises DescriptionError: it was never told, or there is no answer."""
        return disclosing.answered(self._desk().books, finding, member, who, _said(text))

    def embargo(self, finding: str, until: int, who: str, reason: str) -> DisclosedFinding:
        """Set until when it is kept. :raises DescriptionError: no such open finding, no reason, or a time that is over."""
        books = self._desk().books
        _ahead(until, books.now())
        return disclosing.set_embargo(books, finding, until, who, _said(reason))

    def decide(
        self, finding: str, who: str, *, publish: bool, reason: str, before_embargo: bool
    ) -> DisclosedFinding:
        """Decide on publication. :raises DescriptionError: as `disclosing.decide_finding`, or no reason is given."""
        return disclosing.decide_finding(
            self._desk().books, finding, who, publish=publish, reason=_said(reason),
            before_embargo=before_embargo,
        )  # fmt: skip


def _said(text: str) -> str:
    plain = text.strip()[:_LONGEST]
    if not plain:
        raise DescriptionError(Text(ja="理由が要る（記録に残る）", en="say why: it goes on record"))
    return disclosing.worded(plain)


def _ahead(until: int, now: int) -> None:
    if until and until <= now:
        raise DescriptionError(Text(ja="その日はもう過ぎた", en="that day is over"))
