"""Hubs elsewhere in SQL; see `ports.federation`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, distinct, func, insert, select

from sekisho.model.audit import Act
from sekisho.model.corroboration import Report
from sekisho.model.federation import Foreign, Offer, Peer, Position
from sekisho.stores.database.audit import chained
from sekisho.stores.database.hub_reports import _cut, _replace
from sekisho.stores.database.hub_tables import FOREIGN, OFFERS, PEERS, POSITIONS, REPORTS
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row


class SqlPeers:
    """A `PeerStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def peers(self) -> tuple[Peer, ...]:
        """Return all, in the order of their ids."""
        with self._database.reading() as connection:
            rows = connection.execute(select(PEERS).order_by(PEERS.c.member))
            return tuple(as_noun(Peer, row) for row in rows)

    def put(self, peer: Peer, act: Act) -> None:
        """Store the terms with one, with the record."""
        with self._database.writing() as connection:
            _replace(connection, PEERS, ("member",), [as_row(peer)])
            chained(connection, act)

    def drop(self, member: str, act: Act) -> bool:
        """Forget one with all that it said, was told, and how far it was read; False when there is none."""
        with self._database.writing() as connection:
            if not connection.execute(delete(PEERS).where(PEERS.c.member == member)).rowcount:
                return False
            for mine in (
                POSITIONS.c.peer,
                FOREIGN.c.peer,
                OFFERS.c.partner,
                REPORTS.c.member,
            ):
                connection.execute(delete(mine.table).where(mine == member))
            chained(connection, act)
        return True

    def positions(self, member: str = "") -> tuple[Position, ...]:
        """Return how far one, or each, was read."""
        asked = select(POSITIONS).order_by(POSITIONS.c.peer, POSITIONS.c.lane)
        if member:
            asked = asked.where(POSITIONS.c.peer == member)
        with self._database.reading() as connection:
            return tuple(as_noun(Position, row) for row in connection.execute(asked))

    def reach(self, position: Position) -> None:
        """Store how far a lane was read, in the place of what was there."""
        with self._database.writing() as connection:
            _replace(connection, POSITIONS, ("peer", "lane"), [as_row(position)])


class SqlForeign:
    """A `ForeignStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def about(self, keys: Sequence[str], peer: str = "") -> tuple[Foreign, ...]:
        """Return what is said of some keys; by one peer where it is named."""
        return self._rows("key", keys, peer)

    def said(self, peer: str, ids: Sequence[str]) -> tuple[Foreign, ...]:
        """Return what some objects of a peer say."""
        return self._rows("id", ids, peer)

    def book(
        self, peer: str, rows: Sequence[Foreign], keys: Sequence[str], reports: Sequence[Report]
    ) -> None:
        """Store rows and reports together; see the port."""
        with self._database.writing() as connection:
            _replace(connection, FOREIGN, ("peer", "key", "id"), [as_row(one) for one in rows])
            for some in _cut(keys):
                mine = (REPORTS.c.member == peer) & REPORTS.c.key.in_(some)
                connection.execute(delete(REPORTS).where(mine))
            if reports:
                connection.execute(insert(REPORTS), [as_row(one) for one in reports])

    def count(self, peer: str) -> int:
        """Return of how many indicators a peer speaks."""
        asked = select(func.count(distinct(FOREIGN.c.key))).where(FOREIGN.c.peer == peer)
        with self._database.reading() as connection:
            return int(connection.execute(asked).scalar_one())

    def counts(self) -> dict[str, int]:
        """Return of how many indicators each peer speaks that it hasn't taken back."""
        mine = select(FOREIGN.c.peer, func.count(distinct(FOREIGN.c.key))).where(FOREIGN.c.alive == 1)
        with self._database.reading() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(mine.group_by(FOREIGN.c.peer))}

    def tidy(self, before: int) -> int:
        """Delete what was taken back and last seen before a time; return how many."""
        old = (FOREIGN.c.alive == 0) & (FOREIGN.c.last < before)
        with self._database.writing() as connection:
            return connection.execute(delete(FOREIGN).where(old)).rowcount

    def _rows(self, column: str, values: Sequence[str], peer: str) -> tuple[Foreign, ...]:
        found: list[Foreign] = []
        with self._database.reading() as connection:
            for some in _cut(values):
                asked = select(FOREIGN).where(FOREIGN.c[column].in_(some))
                if peer:
                    asked = asked.where(FOREIGN.c.peer == peer)
                asked = asked.order_by(FOREIGN.c.peer, FOREIGN.c.key, FOREIGN.c.id)
                found += (as_noun(Foreign, row) for row in connection.execute(asked))
        return tuple(found)


class SqlOffers:
    """An `OfferStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def offers(self, bases: Sequence[str]) -> tuple[Offer, ...]:
        """Return what all peers are told of some indicators."""
        found: list[Offer] = []
        with self._database.reading() as connection:
            for some in _cut(bases):
                asked = select(OFFERS).where(OFFERS.c.base.in_(some)).order_by(OFFERS.c.partner, OFFERS.c.key)
                found += (as_noun(Offer, row) for row in connection.execute(asked))
        return tuple(found)

    def settle(self, offers: Sequence[Offer]) -> None:
        """Store what they are told now."""
        with self._database.writing() as connection:
            _replace(connection, OFFERS, ("partner", "key"), [as_row(one) for one in offers])

    def due(self, partner: str, limit: int = 1000) -> tuple[Offer, ...]:
        """Return what is to be written anew for one."""
        mine = (OFFERS.c.partner == partner) & (OFFERS.c.published == 0)
        asked = select(OFFERS).where(mine).order_by(OFFERS.c.key).limit(limit)
        with self._database.reading() as connection:
            return tuple(as_noun(Offer, row) for row in connection.execute(asked))

    def counts(self) -> dict[str, int]:
        """Return of how many indicators each peer was told, what was taken back since among them."""
        mine = select(OFFERS.c.partner, func.count(distinct(OFFERS.c.base))).where(OFFERS.c.published > 0)
        with self._database.reading() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(mine.group_by(OFFERS.c.partner))}
