"""The operator's table of subscribers as CSV: account, name, postal address, e-mail, telephone, language, two flags.

Only these columns are read; whatever else the customer file holds is passed over and named. Doubt always falls on the
side of the subscriber: a flag that is neither yes nor no counts as yes, and an account with two different rows is not
contacted.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TextIO

import msgspec

from sekisho.errors import ReadingError
from sekisho.language import Language, Text
from sekisho.model.identity import Contact

_COLUMNS = {
    "account": ("account", "アカウント", "契約番号", "回線id"),
    "name": ("name", "氏名", "契約者名"),
    "postal_address": ("postal_address", "postal address", "address", "住所"),
    "email": ("email", "e-mail", "mail", "メールアドレス", "メール"),
    "telephone": ("telephone", "tel", "phone", "電話番号", "電話"),
    "language": ("language", "lang", "言語"),
    "do_not_contact": ("do_not_contact", "do not contact", "連絡不要", "連絡不可"),
    "opted_out": ("opted_out", "opt_out", "opted out", "オプトアウト", "停止希望"),
}
_YES = frozenset({"1", "true", "yes", "y", "t", "x", "はい", "○", "〇", "要", "有"})
_NO = frozenset({"", "0", "false", "no", "n", "f", "-", "いいえ", "×", "無"})
_LANGUAGES = {
    "": Language.JA, "ja": Language.JA, "jpn": Language.JA, "日本語": Language.JA,
    "en": Language.EN, "eng": Language.EN, "英語": Language.EN, "english": Language.EN,
}  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_EMAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@[^@\s<>,;:\"()\[\]\\]{1,255}")
_LONGEST = 1_000
_MOST_LINES = 8
_MOST_PLACES = 5


class ContactsRead(msgspec.Struct):
    """What reading a table came to, for the person who gave it: rows, doubts by reason, columns that were not read.

    ``line`` is the one being read, from 1; ``lines`` are the first lines of each doubt.
    """

    rows: int = 0
    doubts: Counter[str] = msgspec.field(default_factory=Counter)
    unread: tuple[str, ...] = ()
    line: int = 0
    lines: dict[str, list[int]] = msgspec.field(default_factory=dict)

    def doubt(self, reason: str) -> None:
        """Count a doubt about the line that is read; the first few lines of each reason are kept."""
        self.doubts[reason] += 1
        kept = self.lines.setdefault(reason, [])
        if self.line and len(kept) < _MOST_PLACES:
            kept.append(self.line)


def encoding_of(chunks: Iterable[bytes]) -> str:
    """Return ``utf-8-sig`` when the octets are UTF-8, ``cp932`` when they are not."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks:
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp932"
    return "utf-8-sig"


def read_contacts(lines: TextIO, read: ContactsRead) -> Iterator[Contact]:
    """Yield the contacts of a table, one row at a time; ``read`` counts what was doubtful.

    :raises ReadingError: there is no header with a column of accounts, or the text is no CSV
    """
    rows = csv.reader(lines)
    try:
        header = next(rows, [])
        places = _places(header)
        known = set(places.values())
        read.unread = tuple(name[:40] for at, name in enumerate(header) if at not in known)
        for row in rows:
            if not any(row):
                continue
            read.line = rows.line_num
            one = _contact({name: row[at] if at < len(row) else "" for name, at in places.items()}, read)
            if one is not None:
                read.rows += 1
                yield one
    except UnicodeDecodeError as error:
        raise ReadingError(
            Text(
                ja="連絡先の表の文字コードがUTF-8でもcp932（シフトJIS）でもない",
                en="the table of contacts is neither UTF-8 nor cp932 (Shift JIS)",
            ),
            f"line {rows.line_num + 1}",
            Text(ja="UTF-8で保存し直す", en="save it as UTF-8"),
        ) from error
    except csv.Error as error:
        raise ReadingError(
            Text(ja="連絡先の表を読めない", en="the table of contacts can't be read"), str(error)
        ) from error


def _places(header: list[str]) -> dict[str, int]:
    named = {name.strip().lower(): at for at, name in reversed(list(enumerate(header)))}
    places = {
        column: named[word] for column, words in _COLUMNS.items() for word in reversed(words) if word in named
    }
    if "account" not in places:
        raise ReadingError(
            Text(ja="連絡先の表に account の列がない", en="the table of contacts has no column 'account'"),
            ", ".join(header)[:200],
            Text(ja="1行目に列名を書く", en="name the columns in the first line"),
        )
    return places


def _contact(row: dict[str, str], read: ContactsRead) -> Contact | None:
    clean = {name: _clean(value, read) for name, value in row.items() if name != "postal_address"}
    lines = [_clean(line, read) for line in row.get("postal_address", "").splitlines()[:_MOST_LINES]]
    if not clean["account"]:
        read.doubt("no-account")
        return None
    email = clean.get("email", "")
    if email and not _EMAIL.fullmatch(email):
        read.doubt("email")
        email = ""
    language = _LANGUAGES.get(clean.get("language", "").lower())
    if language is None:
        read.doubt("language")
    return Contact(
        account=clean["account"],
        name=clean.get("name", ""),
        postal_address="\n".join(line for line in lines if line),
        email=email,
        telephone=clean.get("telephone", ""),
        language=language or Language.JA,
        do_not_contact=_flag(clean.get("do_not_contact", ""), read),
        opted_out=_flag(clean.get("opted_out", ""), read),
    )


def _clean(value: str, read: ContactsRead) -> str:
    """Return the text without signs that could add a line to a mail's header or turn the writing round."""
    if _CONTROL.search(value) or len(value) > _LONGEST:
        read.doubt("control-characters")
        value = _CONTROL.sub(" ", value)[:_LONGEST]
    return value.strip()


def _flag(value: str, read: ContactsRead) -> bool:
    word = value.lower()
    if word in _YES:
        return True
    if word not in _NO:
        read.doubt("flag")
        return True
    return False
