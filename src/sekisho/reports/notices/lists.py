"""Notices as tables: for the call centre, and for a printing house.

UTF-8 with a byte order mark (what spreadsheets recognise), or cp932 (what many printing houses still ask for). A
character that cp932 can't write is replaced and told with its row and column; so is a cell that a spreadsheet would
take for a formula. Nothing is altered in silence.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from sekisho.model.identity import Contact
from sekisho.model.notice import Notice
from sekisho.model.notifying import Operator
from sekisho.reports.notices.postal import postal

INSTEAD = "〓"
# Full-width signs, too: spreadsheets in Japanese read them as the narrow ones.
_FORMULA = re.compile(r"[=@\t\r\n+\-＝＠＋－]")
_PLAIN = re.compile(r"[+-]?[0-9][0-9 ()-]*")
# What JIS's table and Microsoft's disagree on: the same sign to a reader, another code point to the codec.
_SAME = str.maketrans(
    {"〜": "～", "−": "－", "‖": "∥", "¢": "￠", "£": "￡", "¬": "￢", "—": "―", "\u00a0": " "}
)


class Encoding(StrEnum):
    """How the octets of a table are written."""

    UTF8 = "utf-8"
    CP932 = "cp932"


class Altered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place where the table says something else than it was given.

    ``row`` counts from 1 at the first line below the heading; ``kind``: ``replaced`` (no such character in cp932),
    ``same`` (written as its twin) or ``guarded`` (a ``'`` stands before what a spreadsheet would run).
    """

    row: int
    column: str
    kind: str
    character: str
    point: str
    instead: str


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The octets of a table and what was altered in it."""

    octets: bytes
    rows: int
    altered: tuple[Altered, ...]


Row = tuple[Notice, Contact]
_Column = tuple[str, Callable[[Notice, Contact, Operator], str]]

_CALL: tuple[_Column, ...] = (
    ("受付番号 reference", lambda notice, _contact, _operator: notice.id),
    ("事案 case", lambda notice, _contact, _operator: notice.case),
    ("顧客番号 customer", lambda _notice, contact, _operator: contact.account),
    ("氏名 name", lambda _notice, contact, _operator: contact.name),
    ("電話番号 telephone", lambda _notice, contact, _operator: contact.telephone),
    ("言語 language", lambda notice, _contact, _operator: notice.language.value),
    ("要件 subject", lambda notice, _contact, _operator: notice.subject),
    ("話す内容 words", lambda notice, _contact, _operator: notice.body),
)
_PRINTING: tuple[_Column, ...] = (
    ("受付番号 reference", lambda notice, _contact, _operator: notice.id),
    ("郵便番号 postcode", lambda _notice, contact, _operator: postal(contact)[0]),
    ("住所1 address1", lambda _notice, contact, _operator: _line(contact, 0)),
    ("住所2 address2", lambda _notice, contact, _operator: _line(contact, 1)),
    ("住所3 address3", lambda _notice, contact, _operator: " ".join(postal(contact)[1][2:])),
    ("氏名 name", lambda _notice, contact, _operator: contact.name),
    ("言語 language", lambda notice, _contact, _operator: notice.language.value),
    ("件名 subject", lambda notice, _contact, _operator: notice.subject),
    ("本文 body", lambda notice, _contact, _operator: notice.body),
    ("差出人 sender", lambda notice, _contact, operator: operator.name.say(notice.language)),
    ("返送先 return", lambda _notice, _contact, operator: " ".join(operator.return_address)),
)


def call_centre(rows: Sequence[Row], operator: Operator, encoding: Encoding = Encoding.UTF8) -> Table:
    """Return the table that the call centre works through."""
    return _table(_CALL, rows, operator, encoding)


def printing_house(rows: Sequence[Row], operator: Operator, encoding: Encoding = Encoding.CP932) -> Table:
    """Return the table that a printing house makes letters of."""
    return _table(_PRINTING, rows, operator, encoding)


def _table(columns: Sequence[_Column], rows: Sequence[Row], operator: Operator, encoding: Encoding) -> Table:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow([name for name, _ in columns])
    altered: list[Altered] = []
    for number, (notice, contact) in enumerate(rows, 1):
        cells = []
        for name, value in columns:
            cell, changed = _cell(value(notice, contact, operator), number, name, encoding)
            cells.append(cell)
            altered += changed
        writer.writerow(cells)
    text = out.getvalue()
    octets = text.encode("cp932") if encoding is Encoding.CP932 else b"\xef\xbb\xbf" + text.encode()
    return Table(octets, len(rows), tuple(altered))


def _cell(text: str, row: int, column: str, encoding: Encoding) -> tuple[str, list[Altered]]:
    changed, written = [], text
    if encoding is Encoding.CP932:
        signs = [(sign, *_written(sign)) for sign in text]
        changed = [_altered(row, column, kind, sign, instead) for sign, instead, kind in signs if kind]
        written = "".join(instead for _, instead, _ in signs)
    # What stands in the file is tested: a twin may be what a spreadsheet runs when the sign that was given is not.
    if _FORMULA.match(written) and not _PLAIN.fullmatch(written):
        changed.append(_altered(row, column, "guarded", text[0], "'" + written[0]))
        written = "'" + written
    return written, changed


def _written(sign: str) -> tuple[str, str]:
    """Return how cp932 writes a character, and what that is: nothing, its twin, or a replacement."""
    for candidate, kind in ((sign, ""), (sign.translate(_SAME), "same")):
        try:
            # The codec writes some code points that it reads back as others; only a round trip is the same character.
            if candidate.encode("cp932").decode("cp932") == candidate:
                return candidate, kind
        except UnicodeEncodeError:
            continue
    return INSTEAD, "replaced"


def _altered(row: int, column: str, kind: str, sign: str, instead: str) -> Altered:
    return Altered(row, column, kind, sign, f"U+{ord(sign):04X}", instead)


def _line(contact: Contact, number: int) -> str:
    lines = postal(contact)[1]
    return lines[number] if number < len(lines) else ""
