"""Between nouns and rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Table

from sekisho.errors import UnstorableError
from sekisho.language import Text

Noun = TypeVar("Noun", bound=msgspec.Struct)


def as_row(noun: msgspec.Struct) -> dict[str, Any]:
    """Return the columns of a noun.

    :raises UnstorableError: a text holds the sign NUL, which PostgreSQL can't keep (so SQLite doesn't either)
    """
    row: dict[str, Any] = msgspec.to_builtins(noun)
    bad = [name for name, value in row.items() if isinstance(value, str) and "\0" in value]
    if bad:
        raise UnstorableError(
            Text(ja="文字列に NUL があり、保存できない", en="a text with the sign NUL can't be stored"),
            f"{type(noun).__name__}: {', '.join(bad)}",
        )
    return row


def insertion(table: Table, engine: str) -> Any:
    """Return an insertion that may say what happens when the row is there (``ON CONFLICT``), in an engine's words."""
    if engine == "postgresql":
        # Loaded when it is needed: the words of all its drivers come with it.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def askable(identifier: str) -> bool:
    """Say whether a text from outside can stand in a question: PostgreSQL refuses NUL, and no driver writes surrogates."""
    return "\0" not in identifier and not any("\ud800" <= sign <= "\udfff" for sign in identifier)


def as_noun(kind: type[Noun], row: Iterable[Any]) -> Noun:
    """Return the noun of a row whose columns stand in the order of its fields.

    :raises msgspec.ValidationError: somebody changed the row by hand
    """
    return msgspec.convert(dict(zip(kind.__struct_fields__, row, strict=True)), kind)
