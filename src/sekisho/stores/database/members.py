"""Members, their rights, networks and tokens in SQL; see `ports.hub`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.audit import Act
from sekisho.model.membership import Announcement, HubToken, Member, Network, Right
from sekisho.stores.database.audit import chained
from sekisho.stores.database.faults import conflict
from sekisho.stores.database.hub_tables import HUB_TOKENS, MEMBERS, NETWORKS, RIGHTS
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import Noun, as_noun, as_row, askable

_FIELDS = len(Member.__struct_fields__)
_BOTH = _FIELDS + len(HubToken.__struct_fields__)
# Asked at each request, so it is made once.
_SHOWN = (
    select(*MEMBERS.c, *HUB_TOKENS.c, *RIGHTS.c)
    .select_from(
        HUB_TOKENS.join(MEMBERS, MEMBERS.c.id == HUB_TOKENS.c.member)
        .outerjoin(RIGHTS, RIGHTS.c.member == MEMBERS.c.id)
    )
    .where(HUB_TOKENS.c.id == bindparam("digest"))
    .order_by(RIGHTS.c.collection)
)  # fmt: skip


class SqlMembers:
    """A `MemberStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def members(self) -> tuple[Member, ...]:
        """Return all, in the order of their ids."""
        with self._database.reading() as connection:
            return tuple(_member(row) for row in connection.execute(select(MEMBERS).order_by(MEMBERS.c.id)))

    def put(self, member: Member, act: Act) -> Member:
        """Store one; see the port. :raises ConflictError: somebody else changed it."""
        new = msgspec.structs.replace(member, revision=member.revision + 1)
        with self._database.writing() as connection:
            if member.revision == 0:
                if connection.execute(select(MEMBERS.c.id).where(MEMBERS.c.id == member.id)).first():
                    raise conflict(member.id)
                connection.execute(insert(MEMBERS), _row(new))
            else:
                mine = (MEMBERS.c.id == member.id) & (MEMBERS.c.revision == member.revision)
                if connection.execute(update(MEMBERS).where(mine).values(_row(new))).rowcount != 1:
                    raise conflict(member.id)
            chained(connection, act)
        return new

    def rights(self, member: str = "") -> tuple[Right, ...]:
        """Return the rights of one member, or of all."""
        asked = select(RIGHTS).order_by(RIGHTS.c.member, RIGHTS.c.collection)
        if member:
            asked = asked.where(RIGHTS.c.member == member)
        with self._database.reading() as connection:
            return tuple(_right(row) for row in connection.execute(asked))

    def grant(self, right: Right, act: Act) -> None:
        """Set a right; one that neither allows nor announces anything is taken away."""
        mine = (RIGHTS.c.member == right.member) & (RIGHTS.c.collection == right.collection)
        with self._database.writing() as connection:
            connection.execute(delete(RIGHTS).where(mine))
            if right.read or right.write or isinstance(right, Announcement):
                connection.execute(insert(RIGHTS), _numbers(as_row(right)))
            chained(connection, act)

    def networks(self) -> tuple[Network, ...]:
        """Return all networks, now and before."""
        with self._database.reading() as connection:
            rows = connection.execute(select(NETWORKS).order_by(NETWORKS.c.network, NETWORKS.c.since))
            return tuple(as_noun(Network, row) for row in rows)

    def hold(self, network: Network, act: Act) -> None:
        """Store that a network is a member's, or until when it was."""
        mine = (
            (NETWORKS.c.network == network.network)
            & (NETWORKS.c.member == network.member)
            & (NETWORKS.c.since == network.since)
        )
        with self._database.writing() as connection:
            connection.execute(delete(NETWORKS).where(mine))
            connection.execute(insert(NETWORKS), as_row(network))
            chained(connection, act)


class SqlHubTokens:
    """A `HubTokenStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token: HubToken, act: Act, *, most: int) -> None:
        """Store one. :raises DescriptionError: the member has ``most``."""
        with self._database.writing() as connection:
            connection.execute(select(MEMBERS.c.id).where(MEMBERS.c.id == token.member).with_for_update())
            mine = select(func.count()).where(
                HUB_TOKENS.c.member == token.member, HUB_TOKENS.c.expires > token.created
            )
            if connection.execute(mine).scalar_one() >= most:
                raise DescriptionError(
                    Text(ja=f"トークンは{most}個まで", en=f"not more than {most} tokens"),
                    token.member,
                    Text(ja="使わないものを失効させる", en="revoke those that nobody uses"),
                )
            connection.execute(insert(HUB_TOKENS), as_row(token))
            chained(connection, act)

    def bearer(self, digest: str) -> tuple[Member, HubToken] | None:
        """Return a token with its member, in one question."""
        both = HUB_TOKENS.join(MEMBERS, MEMBERS.c.id == HUB_TOKENS.c.member)
        asked = select(*MEMBERS.c, *HUB_TOKENS.c).select_from(both).where(HUB_TOKENS.c.id == digest)
        with self._database.reading() as connection:
            row = connection.execute(asked).first()
            return None if row is None else (_member(row[:_FIELDS]), as_noun(HubToken, row[_FIELDS:]))

    def shown(self, digest: str) -> tuple[Member, HubToken, tuple[Right, ...]] | None:
        """Return a token with its member and what that one may do, in one question."""
        with self._database.reading() as connection:
            rows = connection.execute(_SHOWN, {"digest": digest}).all()
        if not rows:
            return None
        token = as_noun(HubToken, rows[0][_FIELDS:_BOTH])
        rights = tuple(_right(row[_BOTH:]) for row in rows if row[_BOTH] is not None)
        return _member(rows[0][:_FIELDS]), token, rights

    def of(self, member: str) -> tuple[HubToken, ...]:
        """Return a member's tokens, the newest first."""
        asked = select(HUB_TOKENS).where(HUB_TOKENS.c.member == member)
        with self._database.reading() as connection:
            rows = connection.execute(asked.order_by(HUB_TOKENS.c.created.desc(), HUB_TOKENS.c.id))
            return tuple(as_noun(HubToken, row) for row in rows)

    def used(self, digest: str, at: int) -> None:
        """Write when it was used; never an earlier time than is stored."""
        with self._database.writing() as connection:
            later = (HUB_TOKENS.c.id == digest) & (HUB_TOKENS.c.last_used < at)
            connection.execute(update(HUB_TOKENS).where(later).values(last_used=at))

    def expire(self, digest: str, at: int, act: Act) -> bool:
        """Let it end at a time, never later than it would; with 0 it is gone at once. False when there is none."""
        if not askable(digest):
            return False
        mine = HUB_TOKENS.c.id == digest
        with self._database.writing() as connection:
            if at:
                sooner = update(HUB_TOKENS).where(mine, HUB_TOKENS.c.expires > at).values(expires=at)
                changed = connection.execute(sooner).rowcount
            else:
                changed = connection.execute(delete(HUB_TOKENS).where(mine)).rowcount
            if changed != 1:
                return False
            chained(connection, act)
        return True


def _numbers(row: dict[str, Any]) -> dict[str, Any]:
    """Columns hold no truth values: 0 and 1 stand for them."""
    return {name: int(value) if isinstance(value, bool) else value for name, value in row.items()}


def _row(member: Member) -> dict[str, Any]:
    return _numbers(as_row(member))


def _member(row: Iterable[Any]) -> Member:
    return _loose(Member, row)


def _right(row: Iterable[Any]) -> Right:
    return _loose(Right, row)


def _loose(kind: type[Noun], row: Iterable[Any]) -> Noun:
    return msgspec.convert(dict(zip(kind.__struct_fields__, row, strict=True)), kind, strict=False)
