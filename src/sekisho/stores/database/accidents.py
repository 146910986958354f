"""Accidents and their documents in SQL. Documents and signatures are only added."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Column, Row, Table, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.accident_record import AccidentRecord, DocumentVersion, SignOff
from sekisho.stores.database.faults import conflict
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, askable
from sekisho.stores.database.tables import ACCIDENTS, DOCUMENTS, SIGNATURES

_PLACE = re.compile(r"(-?\d{1,18})\.(.+)", re.DOTALL | re.ASCII)


class SqlAccidents:
    """Keeps accidents by id; newest first by when they occurred."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, record: AccidentRecord) -> AccidentRecord:
        """Store a new accident (revision 0) or the next revision of one.

        :raises ConflictError: it has another revision by now, or the id is taken
        """
        stored = msgspec.structs.replace(record, revision=record.revision + 1)
        row = as_row(stored)
        with self._database.writing() as connection:
            if record.revision == 0:
                if connection.execute(select(ACCIDENTS.c.id).where(ACCIDENTS.c.id == record.id)).first():
                    raise conflict(f"accident {record.id}")
                connection.execute(insert(ACCIDENTS), row)
                return stored
            same = (ACCIDENTS.c.id == record.id) & (ACCIDENTS.c.revision == record.revision)
            if connection.execute(update(ACCIDENTS).where(same), row).rowcount != 1:
                raise conflict(f"accident {record.id}, revision {record.revision}")
        return stored

    def accident(self, identifier: str) -> AccidentRecord | None:
        """Return one; None when there is none of that id."""
        if not identifier or not askable(identifier):
            return None
        with self._database.reading() as connection:
            row = connection.execute(select(ACCIDENTS).where(ACCIDENTS.c.id == identifier)).first()
        return as_noun(AccidentRecord, row) if row else None

    def find(self, *, after: str = "", limit: int = 50) -> tuple[AccidentRecord, ...]:
        """Return accidents, newest first; ``after`` is the `place` of the last one of the page before.

        :raises DescriptionError: it is no such key
        """
        asked = select(ACCIDENTS).order_by(ACCIDENTS.c.occurred.desc(), ACCIDENTS.c.id.desc()).limit(limit)
        if after:
            key = _PLACE.fullmatch(after)
            if key is None or not askable(key[2]):
                raise DescriptionError(
                    Text(ja="頁の続きが分からない", en="not the key of a page"), after[:60]
                )
            occurred = int(key[1])
            older = ACCIDENTS.c.occurred < occurred
            asked = asked.where(or_(older, and_(ACCIDENTS.c.occurred == occurred, ACCIDENTS.c.id < key[2])))
        with self._database.reading() as connection:
            return tuple(as_noun(AccidentRecord, row) for row in connection.execute(asked))

    def unsettled(self, since: int, limit: int = 50) -> tuple[AccidentRecord, ...]:
        """Return accidents that go on, and those that ended after ``since`` and may be serious.

        What goes on comes first; newest first.
        """
        unsettled = or_(ACCIDENTS.c.ended == 0, and_(ACCIDENTS.c.ended >= since, ACCIDENTS.c.serious != "no"))
        order = (ACCIDENTS.c.ended != 0, ACCIDENTS.c.occurred.desc(), ACCIDENTS.c.id.desc())
        with self._database.reading() as connection:
            rows = connection.execute(select(ACCIDENTS).where(unsettled).order_by(*order).limit(limit))
            return tuple(as_noun(AccidentRecord, row) for row in rows)

    def extent(self) -> tuple[int, int]:
        """Return how many accidents there are and when the first of them was put on record (0 when there is none)."""
        with self._database.reading() as connection:
            row = connection.execute(select(func.count(), func.min(ACCIDENTS.c.created))).one()
        return row[0], row[1] or 0

    def add(self, document: DocumentVersion) -> None:
        """Store the next version of a document.

        :raises ConflictError: somebody stored that version in between, or it is not the next one
        :raises StoreError: there is no such accident
        """
        with self._database.writing() as connection:
            mine = (DOCUMENTS.c.accident == document.accident) & (DOCUMENTS.c.kind == document.kind)
            found = connection.execute(select(DOCUMENTS.c.version).where(mine)).scalars().all()
            if document.version != max(found, default=0) + 1:
                raise conflict(f"{document.accident}, {document.kind}, version {document.version}")
            connection.execute(insert(DOCUMENTS), as_row(document))

    def documents(self, accident: str, kind: str = "") -> tuple[DocumentVersion, ...]:
        """Return all versions of an accident's documents (of one kind), newest first within a kind."""
        return tuple(
            as_noun(DocumentVersion, row)
            for row in self._of(DOCUMENTS, accident, DOCUMENTS.c.kind, kind, DOCUMENTS.c.version)
        )

    def sign(self, signature: SignOff) -> None:
        """Store who signed a version off.

        :raises ConflictError: it is signed already, there is no such version, or the digest is of another one
        """
        place = f"{signature.accident}, {signature.kind}, version {signature.version}"
        with self._database.writing() as connection:
            same = and_(
                DOCUMENTS.c.accident == signature.accident, DOCUMENTS.c.kind == signature.kind,
                DOCUMENTS.c.version == signature.version, DOCUMENTS.c.digest == signature.digest,
            )  # fmt: skip
            if not connection.execute(select(DOCUMENTS.c.version).where(same)).first():
                raise conflict(place)
            try:
                connection.execute(insert(SIGNATURES), as_row(signature))
            except IntegrityError as error:
                raise conflict(place) from error

    def signatures(self, accident: str) -> tuple[SignOff, ...]:
        """Return who signed what of an accident."""
        rows = self._of(SIGNATURES, accident, SIGNATURES.c.kind, "", SIGNATURES.c.version)
        return tuple(as_noun(SignOff, row) for row in rows)

    def signed(self, accidents: Collection[str]) -> frozenset[tuple[str, str]]:
        """Return which documents of these accidents were signed in some version: accident and kind."""
        asked = select(SIGNATURES.c.accident, SIGNATURES.c.kind).where(SIGNATURES.c.accident.in_(accidents))
        if not accidents:
            return frozenset()
        with self._database.reading() as connection:
            return frozenset((row.accident, row.kind) for row in connection.execute(asked))

    def signed_between(self, begin: int, end: int) -> int:
        """Return how many documents were signed off from ``begin`` to before ``end`` (milliseconds)."""
        counted = select(func.count()).select_from(SIGNATURES)
        with self._database.reading() as connection:
            asked = counted.where(SIGNATURES.c.at >= begin, SIGNATURES.c.at < end)
            return int(connection.execute(asked).scalar_one())

    def _of(
        self, table: Table, accident: str, kinds: Column[str], kind: str, versions: Column[int]
    ) -> list[Row[Any]]:
        if not askable(accident) or not askable(kind):
            return []
        asked = select(table).where(table.c.accident == accident)
        if kind:
            asked = asked.where(kinds == kind)
        with self._database.reading() as connection:
            return list(connection.execute(asked.order_by(kinds, versions.desc())))
