"""What a database says when it refuses, in words that a person can act on and without anybody's data in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from sekisho.errors import ConflictError, StoreError
from sekisho.language import Text

_UNIQUE = {"SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "23505"}
_LONGEST = 200
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def conflict(where: str) -> ConflictError:
    """Return the error of a writer that came too late."""
    return ConflictError(
        Text(
            ja="他の人が先に変えたので、何も保存しなかった",
            en="somebody else changed it in between; nothing was stored",
        ),
        where,
        Text(ja="もう一度読んでからやり直す", en="look again, then repeat"),
    )


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn what the drivers raise into `StoreError` (and a second row of the same key into `ConflictError`)."""
    try:
        yield
    except IntegrityError as error:
        if _code(error) in _UNIQUE:
            raise conflict(where) from error
        raise _refused(where, error) from error
    except (SQLAlchemyError, sqlite3.Error, OSError, OverflowError, UnicodeError) as error:
        raise _refused(where, error) from error
    except msgspec.MsgspecError as error:
        raise StoreError(
            Text(
                ja="データベースに壊れた行がある（手で変えられた疑い）",
                en="a row is damaged (changed by hand?)",
            ),
            f"{where}: {error}",
            Text(ja="sekisho audit verify で調べる", en="check with sekisho audit verify"),
        ) from error


def _code(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or ""


def _refused(where: str, error: Exception) -> StoreError:
    """Keep the driver's first line only: those below may quote the row."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip().partition("\n")[0]
    driver = error.orig if isinstance(error, DBAPIError) else error
    if getattr(driver, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
        return StoreError(
            Text(
                ja="データベースのファイルが壊れている（どこまで残っているかは調べていない）",
                en="the database's file is damaged; how much of it is left was not looked at",
            ),
            f"{where}: {said[:_LONGEST]}",
            Text(
                ja="控えから戻す（docs/60-operate/database.md）",
                en="restore it from a backup (docs/60-operate/database.md)",
            ),
        )
    return StoreError(
        Text(
            ja="データベースに読み書きできない",
            en="the database can't be read or written",
        ),
        f"{where}: {said[:_LONGEST]}",
        Text(
            ja="ディスクの空き、アクセス権、サーバーが動いているかを見る",
            en="look at the free space of the disk, the permissions, and whether the server runs",
        ),
    )
