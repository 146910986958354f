"""Who shares through the hub: members, what makes them eligible, what they may do, and the proofs of being one.

No noun here holds a token: only digests of what was drawn at random. Times are milliseconds, 0 for never.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from enum import StrEnum
from ipaddress import ip_address, ip_network

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.indicator import Tlp

HUB_ACCESS = "ska_"
#: Before the SHA-256 of a client certificate, where a token has its own digest.
HUB_CERTIFICATE = "cert:"
HUB_TOKEN = "skh_"  # noqa: S105 - what a token of a member begins with, for people and for scanners of leaked secrets
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_LONGEST = 200


class MemberRole(StrEnum):
    """What a member is to the hub.

    ``full`` is a 特定会員 of 電気通信事業法 116条の2: both proofs of eligibility are asked for. ``receive-only`` has no
    duty to detect anything and needs no proof. ``maker`` and ``partner`` are makers of devices and hubs elsewhere.
    """

    FULL = "full"
    RECEIVE_ONLY = "receive-only"
    MAKER = "maker"
    PARTNER = "partner"


class MemberState(StrEnum):
    """A suspended member can do nothing at all, from the next request on; one that left neither."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One proof of eligibility.

    :ivar kind: ``conditions`` (技術的条件 that forbid such attacks) or ``terms`` (the promise in the terms of service)
    :ivar reference: names the document; ``date`` (ISO) is its day of force, ``seen_by`` who looked at it
    """

    kind: str
    reference: str
    date: str
    seen_by: str = ""


class Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to tell what: ``purpose`` such as ``abuse`` or ``noc``; ``key`` is an OpenPGP or S/MIME key in its text form."""

    name: str
    email: str
    purpose: str = "abuse"
    key: str = ""


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member.

    :ivar group: the legal group it belongs to: members of one group are one voice; its own id when it stands alone
    :ivar lineage: the feed that all its reports are copied from; empty when it sees for itself
    :ivar listed: whether it stands on the public list (特定会員名簿); full members always do
    """

    id: str
    name_ja: str
    name_en: str
    role: MemberRole
    state: MemberState
    group: str
    joined: int
    lineage: str = ""
    listed: bool = False
    proofs: tuple[Proof, ...] = ()
    contacts: tuple[Contact, ...] = ()
    revision: int = 0


class Right(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a member may do with a collection; ``ceiling`` is the strictest marking that it is shown there."""

    member: str
    collection: str
    read: bool
    write: bool
    ceiling: Tlp


class Announcement(Right, frozen=True):
    """A right to neither: the member is told that there is such a collection, and nothing of what is in it."""


class HubToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token of a member; ``id`` is the digest of it. ``name`` is the member's own word for it.

    A pinned certificate is one as well: its ``id`` begins with `HUB_CERTIFICATE`.
    """

    id: str
    member: str
    name: str
    created: int
    expires: int
    last_used: int = 0


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network that is a member's from ``since`` until ``until`` (exclusive; 0: until further notice)."""

    network: str
    member: str
    since: int
    until: int = 0


class Roster:
    """Who is a member, and which member held an address at a moment: one look for each length of prefix."""

    def __init__(self, members: Iterable[Member], networks: Iterable[Network]) -> None:
        self.active = {one.id: one for one in members if one.state is MemberState.ACTIVE}
        self._held: dict[tuple[int, int, int], list[Network]] = {}
        for one in networks:
            if one.member in self.active:
                net = ip_network(one.network)
                place = (net.version, net.prefixlen, int(net.network_address))
                self._held.setdefault(place, []).append(one)
        self._lengths = sorted({(version, length) for version, length, _ in self._held})

    def holders(self, address: str, at: int) -> set[str]:
        """Return the members in whose networks an address lay at a moment (milliseconds)."""
        one = ip_address(address)
        found = set()
        for version, length in self._lengths:
            if version == one.version:
                shift = one.max_prefixlen - length
                for held in self._held.get((version, length, int(one) >> shift << shift), ()):
                    if held.since <= at and (not held.until or at < held.until):
                        found.add(held.member)
        return found


def token_digest(token: str) -> str:
    """Return under which name a token is kept: SHA-256 is enough for 256 bits drawn at random."""
    return hashlib.sha256(token.encode()).hexdigest()


def checked(member: Member) -> Member:
    """Return a member whose fields are in order.

    :raises DescriptionError: what is wrong, and what to do
    """
    if not _NAME.fullmatch(member.id):
        raise DescriptionError(
            Text(ja="会員の符号に使えない", en="not an id for a member"),
            member.id[:80],
            Text(ja="小文字の英数字と - で40字まで", en="small letters, digits and -, 40 at most"),
        )
    texts = [member.name_ja, member.name_en, member.group, member.lineage]
    texts += [part for one in member.contacts for part in (one.name, one.email)]
    if not (member.name_ja and member.name_en) or any(len(one) > _LONGEST for one in texts):
        raise DescriptionError(
            Text(
                ja="名称は日本語と英語の両方、200字まで",
                en="a name in Japanese and one in English, 200 signs",
            ),
            member.id,
        )
    kinds = {one.kind for one in member.proofs if one.reference and one.date}
    if (
        member.role is MemberRole.FULL
        and member.state is MemberState.ACTIVE
        and kinds < {"conditions", "terms"}
    ):
        raise DescriptionError(
            Text(ja="特定会員の要件の証明が足りない", en="a full member needs both proofs of eligibility"),
            member.id,
            Text(
                ja="技術的条件（conditions）と約款（terms）の両方を --proof で渡す。受信専用なら要らない",
                en="give conditions and terms with --proof; a receive-only member needs neither",
            ),
        )
    return member
