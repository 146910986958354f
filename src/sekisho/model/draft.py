"""Drafts of documents about an accident: fields with what is known, what a person must still say or check. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from sekisho.language import Language, Text

#: The sign of a place that a person must fill, alone or before a blank and words.
OPEN = "▲"


class Kind(StrEnum):
    """Kinds of documents."""

    FIRST = "first"
    DETAILED = "detailed"
    PERIODIC = "periodic"
    NOTICE = "notice"


class Known(StrEnum):
    """How a field stands. `MISSING` is an empty field that a person must fill; nothing is ever made up for it."""

    TOLD = "told"
    CHECK = "check"
    MISSING = "missing"


class FieldRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field that documents may have."""

    id: str
    title: Text
    confidence: str


class DocumentRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a document says, and where that is known from."""

    kind: str
    title: Text
    source: str
    confidence: str
    remark: Text
    fields: tuple[str, ...]


class DocumentRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    documents: tuple[DocumentRule, ...]
    fields: tuple[FieldRule, ...]


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field as the draft has it, in the draft's language."""

    id: str
    label: str
    value: str
    known: Known
    remark: str = ""


class Sheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a draft; ``columns`` are the ids of its fields, where it has them."""

    id: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...] = ()


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signed it off, and when (milliseconds)."""

    name: str
    at: int


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One document.

    :ivar subject: the accident's title; ``operator`` who reports
    :ivar remarks: what the reader must know of it: what is unverified, which rule it follows
    :ivar signed: None as long as it is a draft
    :ivar duty: the trigger of the duty that a detailed report answers to; "" when there is none
    """

    kind: Kind
    language: Language
    incident: str
    title: str
    subject: str
    operator: str
    as_of: datetime
    form: str
    basis: str
    confidence: str
    fields: tuple[Field, ...]
    sheets: tuple[Sheet, ...] = ()
    remarks: tuple[str, ...] = ()
    version: int = 0
    signed: Signature | None = None
    duty: str = ""

    @property
    def key(self) -> str:
        """Return what its versions are kept under: the kind, and the duty where there is one document for each."""
        return f"{self.kind.value}-{self.duty}" if self.duty else self.kind.value

    @property
    def gaps(self) -> int:
        """Return how many places a person must still fill: fields, cells of tables, the operator, the subject."""
        texts = [cell for sheet in self.sheets for row in sheet.rows for cell in row]
        texts += [self.subject, *(one.value for one in self.fields)]
        open_ = sum(text == OPEN or f"{OPEN} " in text for text in texts)
        return open_ + sum(one.known is Known.MISSING for one in self.fields) + (not self.operator)


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One difference between two versions: a field or the row of a table, before and after."""

    where: str
    before: str
    after: str


def changes(before: Draft, after: Draft) -> tuple[Change, ...]:
    """Return what differs, in the order of the newer one; the moment of drafting is no difference (`Draft.as_of`)."""
    found = []
    old, new = ({one.id: one for one in draft.fields} for draft in (before, after))
    for name in dict.fromkeys((*new, *old)):
        was, now = (side[name].value if name in side else "" for side in (old, new))
        if was != now:
            found.append(Change((new.get(name) or old[name]).label, was, now))
    tables = [{one.id: one for one in draft.sheets} for draft in (before, after)]
    for name in dict.fromkeys((*tables[1], *tables[0])):
        title = (tables[1].get(name) or tables[0][name]).title
        rows = [side[name].rows if name in side else () for side in tables]
        found += [Change(title, _row(row), "") for row in rows[0] if row not in rows[1]]
        found += [Change(title, "", _row(row)) for row in rows[1] if row not in rows[0]]
    return tuple(found)


def _row(cells: tuple[str, ...]) -> str:
    return " | ".join(cells)
