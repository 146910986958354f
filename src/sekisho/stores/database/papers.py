"""Papers of duties in SQL. They are only added."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import and_, func, insert, select
from sqlalchemy.exc import IntegrityError

from sekisho.model.paper import Paper
from sekisho.stores.database.faults import conflict
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, askable
from sekisho.stores.database.tables import PAPERS


class SqlPapers:
    """Keeps papers by kind and name, every version of each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, papers: Iterable[Paper]) -> None:
        """Store the next version of each, all of them or none.

        :raises ConflictError: a ``version`` isn't the next one of its kind and name: somebody was faster
        """
        given = tuple(papers)
        with self._database.writing() as connection:
            newest = {
                (kind, name): version
                for one in dict.fromkeys(paper.kind for paper in given)
                for kind, name, version in connection.execute(
                    select(PAPERS.c.kind, PAPERS.c.name, func.max(PAPERS.c.version))
                    .where(PAPERS.c.kind == one)
                    .group_by(PAPERS.c.kind, PAPERS.c.name)
                )
            }
            for one in given:
                if one.version != newest.get((one.kind, one.name), 0) + 1:
                    raise conflict(f"{one.kind} {one.name}, version {one.version}")
                newest[one.kind, one.name] = one.version
            try:
                if given:
                    connection.execute(insert(PAPERS), [as_row(one) for one in given])
            except IntegrityError as error:
                raise conflict(f"{given[0].kind} {given[0].name}") from error

    def paper(self, kind: str, name: str) -> Paper | None:
        """Return the newest version of one; None when there is none of that name; ``body`` is empty when it was taken back."""
        if not askable(kind) or not askable(name):
            return None
        mine = and_(PAPERS.c.kind == kind, PAPERS.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(
                select(PAPERS).where(mine).order_by(PAPERS.c.version.desc()).limit(1)
            ).first()
        return as_noun(Paper, row) if row else None

    def newest(self, *kinds: str) -> tuple[Paper, ...]:
        """Return the newest version of each of these kinds by name, those that were taken back too."""
        last = (
            select(PAPERS.c.kind, PAPERS.c.name, func.max(PAPERS.c.version).label("version"))
            .where(PAPERS.c.kind.in_([one for one in kinds if askable(one)]))
            .group_by(PAPERS.c.kind, PAPERS.c.name)
            .subquery()
        )
        same = and_(*(PAPERS.c[name] == last.c[name] for name in ("kind", "name", "version")))
        with self._database.reading() as connection:
            rows = connection.execute(select(PAPERS).join(last, same).order_by(PAPERS.c.kind, PAPERS.c.name))
            return tuple(as_noun(Paper, row) for row in rows)

    def versions(self, kind: str, name: str) -> tuple[Paper, ...]:
        """Return every version of one, newest first."""
        if not askable(kind) or not askable(name):
            return ()
        mine = and_(PAPERS.c.kind == kind, PAPERS.c.name == name)
        with self._database.reading() as connection:
            rows = connection.execute(select(PAPERS).where(mine).order_by(PAPERS.c.version.desc()))
            return tuple(as_noun(Paper, row) for row in rows)

    def extent(self) -> tuple[int, int]:
        """Return how many versions there are, and when the oldest was written; 0 for none."""
        with self._database.reading() as connection:
            row = connection.execute(select(func.count(), func.min(PAPERS.c.made))).one()
        return int(row[0]), int(row[1] or 0)

    def kinds(self, prefix: str) -> tuple[str, ...]:
        """Return the kinds that begin so, in order."""
        if not askable(prefix):
            return ()
        begins = PAPERS.c.kind.startswith(prefix, autoescape=True)
        with self._database.reading() as connection:
            found = connection.execute(select(PAPERS.c.kind).where(begins).distinct().order_by(PAPERS.c.kind))
            return tuple(found.scalars())
