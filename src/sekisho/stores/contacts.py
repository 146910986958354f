"""The table of contacts: one SQLite file, readable by its owner alone, under one label, replaced as a whole.

It is asked for notices only, runs out by itself, and nothing of it is copied into cases. A new table takes the place
of the old one in one rename: who left the operator's table is gone from here, too.
"""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from sekisho.errors import ReadingError, StoreError
from sekisho.formats.contact_csv import ContactsRead, encoding_of, read_contacts
from sekisho.language import Text
from sekisho.model.identity import Contact
from sekisho.model.purpose import Label, Purpose, Receipt
from sekisho.stores.durable import sync
from sekisho.stores.ledger import REFUSALS
from sekisho.stores.purpose_gate import refuse

_CHUNK = 1 << 20
# What SQLite says of a file that lacks our tables, is torn, or is none of its own.
_ALTERED = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_TABLES = """
CREATE TABLE about (label TEXT NOT NULL);
CREATE TABLE contact (
  account TEXT PRIMARY KEY, name TEXT, postal_address TEXT, email TEXT, telephone TEXT, language TEXT,
  do_not_contact INTEGER, opted_out INTEGER
) WITHOUT ROWID;
"""
# Two rows that differ: who is right is not for us to say. The flags of both hold, and nobody writes to either.
_INSERT = """
INSERT INTO contact VALUES (:account, :name, :postal_address, :email, :telephone, :language, :do_not_contact, :opted_out)
ON CONFLICT (account) DO UPDATE SET opted_out = opted_out | excluded.opted_out, do_not_contact = do_not_contact | NOT (
  (name, postal_address, email, telephone, language, do_not_contact, opted_out) =
  (excluded.name, excluded.postal_address, excluded.email, excluded.telephone, excluded.language,
   excluded.do_not_contact, excluded.opted_out))
"""


class ContactTable:
    """The table in one file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._refusals = file.parent / REFUSALS

    def take(self, source: Path, label: Label, *, empty: bool = False) -> ContactsRead:
        """Replace the table by a CSV file (UTF-8 or cp932); on the disk when this returns.

        :raises ReadingError: no column of accounts, no CSV, or not one account without ``empty``; the old table stays
        :raises StoreError: the disk is full or refuses; the old table stays
        """
        read = ContactsRead()
        part = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with source.open("rb") as octets:
                encoding = encoding_of(iter(partial(octets.read, _CHUNK), b""))
                octets.seek(0)
                os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
                with io.TextIOWrapper(octets, encoding, newline="") as lines:
                    _fill(part, label, read_contacts(lines, read), read)
            if not read.rows and not empty:
                raise _nobody(source)
            sync(part)
            part.replace(self.file)
            sync(self.file.parent)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                Text(
                    ja="連絡先の表を保存できない（前の表は無事）",
                    en="the contacts can't be stored; the table before stays",
                ),
                f"{self.file}: {error}",
            ) from error
        finally:
            part.unlink(missing_ok=True)
        return read

    def bound(self, purpose: Purpose, now: int, who: str = "") -> BoundContacts:
        """Return the table for a stated purpose. An absent table has no contacts.

        :raises PurposeError: another purpose than its label has, or its time is over; the refusal is logged
        :raises StoreError: others may read the file
        """
        if not self.file.exists():
            return BoundContacts(None)
        if self.file.stat().st_mode & 0o077:
            raise StoreError(
                Text(ja="連絡先の表をほかの利用者が読める", en="others may read the table of contacts"),
                str(self.file),
                Text(ja="chmod 600 とする", en="chmod 600"),
            )
        label = self.label()
        if label is None or not label.allows(purpose, now):
            why = (
                "label-unreadable"
                if label is None
                else "purpose"
                if purpose not in label.purposes
                else "expired"
            )
            refuse(self._refusals, "contacts", purpose, why, now, label, who)
        return BoundContacts(self.file)

    def label(self) -> Label | None:
        """Return the label of the table; None when there is none in it, or the file is torn or altered.

        :raises StoreError: it can't be read just now
        """
        try:
            with _opened(self.file) as table:
                return msgspec.json.decode(table.execute("SELECT label FROM about").fetchone()[0], type=Label)
        except (msgspec.MsgspecError, TypeError):
            return None
        except sqlite3.Error as error:
            if _is_altered(error):
                return None
            raise _unreadable(self.file, error) from error

    def rows(self) -> int:
        """Return how many accounts it holds; 0 when there is no table, or the file is torn or altered.

        :raises StoreError: it can't be read just now
        """
        if not self.file.exists():
            return 0
        try:
            with _opened(self.file) as table:
                return int(table.execute("SELECT count(*) FROM contact").fetchone()[0])
        except sqlite3.Error as error:
            if _is_altered(error):
                return 0
            raise _unreadable(self.file, error) from error

    def due(self, now: int) -> tuple[Receipt, ...]:
        """Return what `expire` would delete: all of it, when its time is over or it has no good label.

        :raises StoreError: the label can't be read just now
        """
        if not self.file.exists():
            return ()
        label = self.label()
        if label is not None and label.expires > now:
            return ()
        why = "label" if label else "label-unreadable"
        return (Receipt("contacts", self.rows(), self.file.stat().st_size, why, now),)

    def expire(self, now: int) -> tuple[Receipt, ...]:
        """Delete the table when its time is over (or it has no good label); return the receipt.

        :raises StoreError: the label can't be read just now, or the disk refuses
        """
        receipts = self.due(now)
        if receipts:
            try:
                self.file.unlink(missing_ok=True)
                sync(self.file.parent)
            except OSError as error:
                raise StoreError(
                    Text(ja="連絡先の表を消せない", en="the contacts can't be deleted"),
                    f"{self.file}: {error}",
                ) from error
        return receipts


class BoundContacts:
    """A `Contacts` that was let through for its purpose."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def contact(self, account: str) -> Contact | None:
        """Return how to reach an account, None when the table doesn't have it."""
        if self._file is None:
            return None
        try:
            with _opened(self._file) as table:
                row = table.execute("SELECT * FROM contact WHERE account = ?", (account,)).fetchone()
        except sqlite3.Error as error:
            raise _unreadable(self._file, error) from error
        if row is None:
            return None
        return msgspec.convert(dict(zip(Contact.__struct_fields__, row, strict=True)), Contact, strict=False)


def _fill(part: Path, label: Label, contacts: Iterator[Contact], read: ContactsRead) -> None:
    with contextlib.closing(sqlite3.connect(part)) as table, table:
        table.execute("PRAGMA journal_mode = OFF")
        table.executescript(_TABLES)
        table.execute("INSERT INTO about VALUES (?)", (msgspec.json.encode(label).decode(),))
        for one in contacts:
            if table.execute("SELECT 1 FROM contact WHERE account = ?", (one.account,)).fetchone():
                read.doubt("repeated")
            table.execute(_INSERT, msgspec.to_builtins(one))


def _nobody(source: Path) -> ReadingError:
    return ReadingError(
        Text(
            ja="連絡先が一件もない（前の表は無事）",
            en="there is not one contact in it; the table before stays",
        ),
        str(source),
        Text(
            ja="書き出しが途中で終わっていないか確かめる。本当に表を空にするなら --empty を付ける",
            en="check whether the export broke off; to empty the table on purpose, say --empty",
        ),
    )


def _is_altered(error: sqlite3.Error) -> bool:
    """Tell a file that is no table of ours from one that can't be opened or read at the moment."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _ALTERED


def _unreadable(file: Path, error: sqlite3.Error) -> StoreError:
    return StoreError(
        Text(ja="連絡先の表を読めない", en="the table of contacts can't be read"), f"{file}: {error}"
    )


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as table:
        yield table
