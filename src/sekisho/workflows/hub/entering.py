"""Taking in members: their proofs, rights, networks and tokens. Each change is recorded with it or doesn't happen."""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import ip_network

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.audit import Act
from sekisho.model.indicator import Tlp
from sekisho.model.membership import (
    HUB_ACCESS,
    HUB_CERTIFICATE,
    HUB_TOKEN,
    HubToken,
    Member,
    MemberRole,
    MemberState,
    Network,
    Right,
    checked,
    token_digest,
)
from sekisho.model.sharing import Lane, Rights
from sekisho.model.verdict import Scalar
from sekisho.workflows.hub.books import OPERATOR, Books
from sekisho.workflows.hub.weighing import sweep

_DAY = 86_400_000
_TOKEN_OCTETS = 32
MOST_TOKENS = 10
MOST_CERTIFICATES = 2
ACCESS_SECONDS = 600
_LONGEST_DAYS = 400
# The registries' own blocks are a /8 and a /12 (IANA): what is wider is a slip of the pen, and would get everybody's evidence.
_WIDEST = {4: 8, 6: 12}
# Addresses that many have at the same time, or nobody (RFC 6890, 6598, 4193): of these no holder can be told.
_NOBODYS = tuple(
    ip_network(one)
    for one in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
                "240.0.0.0/4", "::/8", "fc00::/7", "fe80::/10")
)  # fmt: skip


class Bearer(msgspec.Struct, frozen=True):
    """A member who has shown a token, and what it may do; ``brief`` when it was one for ten minutes."""

    member: Member
    rights: dict[str, Rights]
    token: HubToken
    brief: bool = False


def enter(books: Books, member: Member, who: str) -> Member:
    """Take in a member, or change one.

    :raises DescriptionError: a field is wrong, or the proofs of eligibility are missing
    :raises ConflictError: it is there already, or was changed meanwhile
    """
    if member.id == OPERATOR:
        raise DescriptionError(Text(ja="その符号はハブ自身のもの", en="that id is the hub's own"), member.id)
    act = Act(
        who, "hub", "member", member.id, books.now(), details={"role": member.role, "state": member.state}
    )
    return books.members.put(checked(member), act)


def set_state(books: Books, name: str, state: MemberState, who: str, reason: str) -> Member:
    """Suspend a member, let it in again, or let it go: it holds from the next request on."""
    found = _member(books, name)
    new = checked(msgspec.structs.replace(found, state=state))
    act = Act(who, "hub", f"member-{state}", name, books.now(), reason=reason)
    stored = books.members.put(new, act)
    sweep(books)  # the voice of who isn't a member counts no more
    return stored


def standard_rights(books: Books, member: Member, who: str) -> None:
    """Give a member the rights of its role on the lanes; `grant` changes single ones."""
    full = member.role is MemberRole.FULL
    shares = {
        Lane.LIST: (True, False),
        Lane.LIST_IN: (False, True),  # who only receives may disagree there, and report nothing
        Lane.EVIDENCE: (full or member.role is MemberRole.RECEIVE_ONLY, False),
        Lane.EVIDENCE_IN: (False, full),
        Lane.FAILURE: (True, full),
    }
    if member.role is MemberRole.MAKER:
        return
    for one in books.collections.collections():
        read, write = shares.get(one.lane, (False, False))
        if read or write:
            ceiling = Tlp.AMBER if member.role is not MemberRole.PARTNER else Tlp.GREEN
            grant(books, Right(member.id, one.id, read, write, ceiling), who)


def grant(books: Books, right: Right, who: str) -> None:
    """Set what a member may do with a collection.

    :raises DescriptionError: no such member or collection; or a lane where its role has no place
    """
    member = _member(books, right.member)
    lane = next(
        (one.lane for one in books.collections.collections() if one.id == right.collection), Lane.PART
    )
    if lane is Lane.PART:
        raise DescriptionError(
            Text(ja="その集まりはない", en="there is no such collection"), right.collection
        )
    if right.write and lane in {Lane.LIST, Lane.EVIDENCE}:
        raise DescriptionError(
            Text(ja="ここに書くのはハブだけ", en="only the hub writes there"), right.collection
        )
    if right.read and lane in {Lane.LIST_IN, Lane.EVIDENCE_IN}:
        raise DescriptionError(
            Text(ja="投函専用の集まりは読めない", en="what is only for putting in can't be read"),
            right.collection,
        )
    if right.write and lane is Lane.EVIDENCE_IN and member.role is not MemberRole.FULL:
        raise DescriptionError(
            Text(ja="証拠を送れるのは特定会員だけ", en="only full members supply evidence"), right.member
        )
    details: dict[str, Scalar] = {"read": right.read, "write": right.write, "ceiling": right.ceiling.name}
    books.members.grant(
        right, Act(who, "hub", "grant", f"{right.member} {right.collection}", books.now(), details=details)
    )


def hold(books: Books, member: str, network: str, since: int, until: int, who: str) -> Network:
    """Write that a network is a member's, from when and until when.

    :raises DescriptionError: no such member, no network, or it is another member's at that time
    """
    _member(books, member)
    try:
        mine = ip_network(network)
    except ValueError as error:
        raise DescriptionError(Text(ja="アドレス帯ではない", en="not a network"), network[:80]) from error
    if (
        mine.prefixlen < _WIDEST[mine.version]
        or mine.is_multicast
        or any(mine.version == net.version and mine.overlaps(net) for net in _NOBODYS)
    ):
        raise DescriptionError(
            Text(ja="一つの会員のアドレス帯ではありえない", en="no network that one member could hold"),
            str(mine),
            Text(
                ja=f"ほかでも使われる（私設・共有の）ものでないユニキャストで、IPv4は/{_WIDEST[4]}、IPv6は/{_WIDEST[6]}より広くないもの",
                en=f"unicast, nobody else's (not private, not shared), and no wider than /{_WIDEST[4]} (IPv4) or /{_WIDEST[6]} (IPv6)",
            ),
        )
    for other in books.members.networks():
        net = ip_network(other.network)
        over = (other.until and other.until <= since) or (until and until <= other.since)
        if other.member != member and not over and net.version == mine.version and net.overlaps(mine):
            raise DescriptionError(
                Text(ja="同じ期間に他の会員のもの", en="another member's at that time"),
                f"{other.network}: {other.member}",
                Text(ja="先にそちらの --until を決める", en="first end it there with --until"),
            )
    made = Network(str(mine), member, since, until)
    books.members.hold(made, Act(who, "hub", "network", f"{member} {mine}", books.now()))
    return made


def make_token(books: Books, member: str, name: str, days: int, who: str) -> str:
    """Return a new token; it is shown this once, and only its digest is kept.

    :raises DescriptionError: no such member, too many tokens, or too many days
    """
    _member(books, member)
    if not 0 < days <= _LONGEST_DAYS:
        raise DescriptionError(
            Text(ja=f"期限は{_LONGEST_DAYS}日まで", en=f"not longer than {_LONGEST_DAYS} days"), str(days)
        )
    secret = HUB_TOKEN + books.draw(_TOKEN_OCTETS).hex()
    now = books.now()
    token = HubToken(token_digest(secret), member, name[:80], now, now + days * _DAY)
    books.tokens.add(
        token, Act(who, "hub", "make-token", member, now, details={"name": token.name}), most=MOST_TOKENS
    )
    return secret


def pin(books: Books, member: str, digest: str, ends: int, name: str, who: str) -> HubToken:
    """Let a member show itself by a certificate, until the end of that; two at a time, so that it can change over.

    :param digest: SHA-256 of the certificate in hex
    :param ends: when it ends, milliseconds
    :raises DescriptionError: no such member, two are pinned already, it is over, or it is somebody's already
    """
    _member(books, member)
    now, identifier = books.now(), f"{HUB_CERTIFICATE}{digest}"
    if ends <= now:
        raise DescriptionError(Text(ja="証明書の期限が切れている", en="the certificate is over"), name[:80])
    if books.tokens.bearer(identifier):
        raise DescriptionError(Text(ja="もう登録されている", en="it is pinned already"), digest[:12])
    live = [
        one for one in books.tokens.of(member) if one.id.startswith(HUB_CERTIFICATE) and one.expires > now
    ]
    if len(live) >= MOST_CERTIFICATES:
        raise DescriptionError(
            Text(
                ja=f"証明書は{MOST_CERTIFICATES}枚まで", en=f"not more than {MOST_CERTIFICATES} certificates"
            ),
            member,
            Text(ja="使わないものを失効させる", en="revoke the one that is no longer used"),
        )
    made = HubToken(identifier, member, name[:80], now, ends)
    books.tokens.add(
        made, Act(who, "hub", "pin-certificate", member, now, details={"sha256": digest}), most=MOST_TOKENS
    )
    return made


def rotate(books: Books, secret_or_id: str, overlap_hours: int, days: int, who: str) -> str:
    """Return a new token in the place of one that ends after some hours, so that its user can change over.

    :raises DescriptionError: there is no such token
    """
    digest = (
        token_digest(secret_or_id) if secret_or_id.startswith(HUB_TOKEN) else _full_id(books, secret_or_id)
    )
    found = books.tokens.bearer(digest)
    if found is None or digest.startswith(HUB_CERTIFICATE):
        raise DescriptionError(Text(ja="そのトークンはない", en="there is no such token"))
    member, token = found
    made = make_token(books, member.id, token.name, days, who)
    at = books.now() + overlap_hours * 3_600_000 if overlap_hours else 0
    books.tokens.expire(digest, at, Act(who, "hub", "rotate-token", member.id, books.now()))
    return made


def revoke(books: Books, secret_or_id: str, who: str) -> bool:
    """Let a token end at once; False when there is none."""
    digest = (
        token_digest(secret_or_id) if secret_or_id.startswith(HUB_TOKEN) else _full_id(books, secret_or_id)
    )
    return books.tokens.expire(digest, 0, Act(who, "hub", "revoke-token", digest[:12], books.now()))


def bearer(books: Books, secret: str) -> Bearer | None:
    """Return who shows a token, and what he may do; None for a token that is none, or of a member that isn't active."""
    now = books.now()
    if secret.startswith(HUB_ACCESS):
        digest = _behind(books, secret.removeprefix(HUB_ACCESS), now)
    elif secret.startswith(HUB_TOKEN) and len(secret) == len(HUB_TOKEN) + 2 * _TOKEN_OCTETS:
        digest = token_digest(secret)
    else:
        return None
    return _shown(books, digest, brief=secret.startswith(HUB_ACCESS))


def certified(books: Books, digest: str) -> Bearer | None:
    """Return who shows a certificate with that SHA-256 (the server has checked that it is his); None as `bearer`."""
    return _shown(books, f"{HUB_CERTIFICATE}{digest}", brief=False)


def _shown(books: Books, digest: str, *, brief: bool) -> Bearer | None:
    found = books.tokens.shown(digest) if digest else None
    if found is None or found[1].expires <= books.now() or found[0].state is not MemberState.ACTIVE:
        return None
    rights = {one.collection: Rights(one.read, one.write, one.ceiling) for one in found[2]}
    return Bearer(found[0], rights, found[1], brief)


def access(books: Books, shown: Bearer) -> str:
    """Return a token for ten minutes (OAuth 2.0, RFC 6749 section 4.4).

    It names the token it was given for, under a seal, and nothing is stored: it ends with that one, at once.
    """
    ends = min(books.now() + ACCESS_SECONDS * 1000, shown.token.expires)
    text = f"{shown.token.id}.{ends}"
    return f"{HUB_ACCESS}{text}.{_seal(books, text)}"


def _behind(books: Books, text: str, now: int) -> str:
    """Return the digest of the token that an access token was given for; empty when it is none, or over."""
    named, _, seal = text.rpartition(".")
    digest, _, ends = named.partition(".")
    good = hmac.compare_digest(seal.encode(), _seal(books, named).encode())
    return digest if good and ends.isascii() and ends.isdecimal() and int(ends) > now else ""


def _seal(books: Books, text: str) -> str:
    return hmac.digest(books.secret, f"access\0{text}".encode(), hashlib.sha256).hex()


def _full_id(books: Books, short: str) -> str:
    """Return the digest that begins so; people copy twelve signs of it."""
    digests = [
        token.id
        for member in books.members.members()
        for token in books.tokens.of(member.id)
        if token.id.startswith(short)
    ]
    return digests[0] if len(digests) == 1 and len(short) >= 8 else short  # noqa: PLR2004 - fewer could be several


def _member(books: Books, name: str) -> Member:
    found = next((one for one in books.members.members() if one.id == name), None)
    if found is None:
        raise DescriptionError(Text(ja="その会員はいない", en="there is no such member"), name[:80])
    return found
