"""An accident's file: facts as TOML (with what holds for the whole) or CSV (a row is a fact). A bad one names its line."""

from __future__ import annotations

import csv
import io
import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import NoReturn

import msgspec

from sekisho.errors import DescriptionError
from sekisho.formats.incident_words import COLUMNS, REASONS, SERVICES, WHATS
from sekisho.formats.japanese_time import read_moment
from sekisho.formats.written_text import one_line, readable
from sekisho.language import Text
from sekisho.model.incident import Service
from sekisho.model.timeline import LEAKS, About, Fact, What

_FIELDS = frozenset(
    {"time", "what", "service", "area", "users", "users_least", "users_most", "source", "note", "equipment",
     "all_traffic", "unusable"}
)  # fmt: skip
_OWN_WORDS = frozenset({"source", "note"})
_WRITTEN = (
    "time", "what", "service", "area", "users_least", "users_most", "source", "note", "equipment", "all_traffic",
    "unusable",
)  # fmt: skip
_WHATS: Mapping[str, What] = {
    **{one.value: one for one in What if one is not What.WITHDRAWN},  # a file is mended where it is wrong
    **{text.ja: one for one, text in WHATS.items() if one is not What.WITHDRAWN},
    "覚知": What.KNOWN,
}
_SERVICES: Mapping[str, Service] = {
    **{one.value: one for one in Service},
    **{unicodedata.normalize("NFKC", text.ja): one for one, text in SERVICES.items()},
}
_YES = frozenset({"yes", "true", "1", "はい", "全部", "○"})
_NO = frozenset({"no", "false", "0", "いいえ", "一部", "×"})
#: More than there are people; minutes as the console takes them.
MOST_USERS, _MOST_MINUTES = 10_000_000_000, 99_999
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)(万)?"
_ABOUT = ("約", "およそ", "おおよそ", "ほぼ")
_USERS = re.compile(rf"{_NUMBER}(?:人|件|回線)?(?:(-|~|以上|\+)(?:{_NUMBER})?(?:人|件|回線)?)?")


def read_toml(
    text: str, zone: tzinfo, events: Collection[str], triggers: Collection[str]
) -> tuple[About, tuple[Fact, ...]]:
    """Return what is said of the whole accident, and its facts.

    ``events`` and ``triggers`` are the ids that the rules know. Times without an offset are in ``zone``.

    :raises DescriptionError: with the fact's number, or the field
    """
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of numbers and nesting without end, too
        raise DescriptionError(Text(ja="TOMLの書式の誤り", en="not valid TOML"), str(error)) from error
    rows = found.pop("facts", None)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        _refuse("facts-missing", "[[facts]]")
    try:
        about = msgspec.convert(found, About)
    except msgspec.ValidationError as error:
        raise DescriptionError(
            Text(ja="項目の名前または型の誤り", en="a field has a wrong name or type"), str(error)
        ) from error
    _known(about, events, triggers)
    facts = tuple(
        read_fact({key: _plain(value) for key, value in row.items()}, f"[[facts]] {number}", zone)
        for number, row in enumerate(rows, 1)
    )
    return msgspec.structs.replace(readable(about), id=_printable(about.id)), facts


def read_csv(text: str, zone: tzinfo) -> tuple[About, tuple[Fact, ...]]:
    """Return facts of a CSV file whose first row names the columns, in English or Japanese.

    :raises DescriptionError: with the line
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    facts: list[Fact] = []
    names: list[str] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            where = f"line {reader.line_num}"
            if not names:
                plain = [unicodedata.normalize("NFKC", cell).strip() for cell in row]
                names = [COLUMNS.get(cell, cell.lower()) for cell in plain]
                if len(set(names)) != len(names):
                    _refuse("columns-twice", f"{where}: {', '.join(plain)}")
                continue
            if len(row) != len(names):
                _refuse("columns", where)
            facts.append(read_fact(dict(zip(names, row, strict=True)), where, zone))
    except csv.Error as error:
        raise DescriptionError(
            Text(ja="CSVの書式の誤り", en="not valid CSV"), f"line {reader.line_num}: {error}"
        ) from error
    if not facts:
        _refuse("facts-missing", "CSV")
    return About(), tuple(facts)


def write_csv(facts: Iterable[Fact]) -> str:
    """Return facts as `read_csv` reads them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_WRITTEN)
    words = {None: "", True: "yes", False: "no"}
    for one in facts:
        cells = (one.users_least, one.users_most)
        least, most = ("" if users is None else str(users) for users in cells)
        writer.writerow(
            (one.time.isoformat(), one.what.value, one.service.value if one.service else "", one.area, least, most,
             one.source, one.note, one.equipment, words[one.all_traffic], words[one.unusable])
        )  # fmt: skip
    return out.getvalue()


def _known(about: About, events: Collection[str], triggers: Collection[str]) -> None:
    for reason, given, known in (
        ("unknown-event", (about.threat.events or ()) if about.threat else (), events),
        ("unknown-leak", about.leaks or (), LEAKS),
        ("unknown-duty", about.due, triggers),
    ):
        for one in given:
            if one not in known:
                _refuse(reason, f"{one} ({', '.join(sorted(known))})")
    counts = [
        *about.monthly_users.values(),
        *about.subscribers.values(),
        about.leaked_users or 0,
        about.target_minutes or 0,
    ]
    threat = about.threat
    also = [threat.carrier_users or 0, threat.prefectures or 0] if threat else []
    if max(*counts, *also) > MOST_USERS or (about.target_minutes or 0) > _MOST_MINUTES:
        _refuse("too-large", "")
    if min(counts) < 0 or (about.threat and (about.threat.carrier_users or 0) < 0):
        _refuse("negative-users", "")


def _printable(text: str) -> str:
    """Return the text without what would steer a terminal."""
    return "".join(sign for sign in text if sign.isprintable())


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list) and len(value) == len(("least", "most")):
        return f"{value[0]}-{value[1]}"
    return str(value)


def read_fact(row: Mapping[str, str], where: str, zone: tzinfo) -> Fact:
    """Return the fact of one row of texts.

    :raises DescriptionError: the reason, with ``where``
    """
    cells = {key: _printable(unicodedata.normalize("NFKC", value)).strip() for key, value in row.items()}
    cells |= {key: one_line(row[key]).strip() for key in _OWN_WORDS & cells.keys()}
    for key in cells:
        if key not in _FIELDS:
            _refuse("unknown-field", f"{where}: {key}")
    try:
        time = read_moment(cells.get("time", ""), zone)
    except ValueError as error:
        _refuse(str(error), f"{where}: time: {cells.get('time', '')}")
    what = _WHATS.get(cells.get("what", "").lower())
    if what is None:
        _refuse("unknown-kind", f"{where}: {cells.get('what', '')}")
    service = None
    if name := cells.get("service"):
        service = _SERVICES.get(name.lower()) or _SERVICES.get(name)
        if service is None:
            _refuse("unknown-service", f"{where}: {name} ({', '.join(Service)})")
    least, most = read_users(cells, where)
    return Fact(
        time, what, where, service, cells.get("area", ""), least, most, cells.get("source", ""),
        cells.get("note", ""), cells.get("equipment", ""), _flag(cells, "all_traffic", where),
        _flag(cells, "unusable", where),
    )  # fmt: skip


def read_users(cells: Mapping[str, str], where: str) -> tuple[int | None, int | None]:
    """Return the least and the most; ``users`` is both, or 30000-60000, or 30000+ for "or more".

    :raises DescriptionError: no number, or a negative one
    """
    both = cells.get("users", "")
    if both:
        found = _matched(both, f"{where}: users: {both}")
        least = _count(found[1], found[2], where)
        if found[3] is None:
            return least, least
        # 4-6万 is 40,000 to 60,000 to who writes it, and 4 to 60,000 as it stands.
        if found[5] and not found[2] and float(found[1]) <= float(found[4]):
            _refuse("which-ten-thousands", f"{where}: users: {both}")
        return least, _count(found[4], found[5], where) if found[4] else None
    ends: list[int | None] = []
    for name in ("users_least", "users_most"):
        text = cells.get(name, "")
        if text:
            one = _matched(text, f"{where}: {name}: {text}")
            ends.append(_count(one[1], one[2], where))
        else:
            ends.append(None)
    return ends[0], ends[1]


def _matched(text: str, where: str) -> re.Match[str]:
    plain = unicodedata.normalize("NFKC", text).strip().replace(",", "").replace(" ", "").replace("〜", "~")
    if plain.startswith("-"):
        _refuse("negative-users", where)
    if plain.startswith(_ABOUT) or plain.endswith(("前後", "程度", "くらい", "ぐらい", "弱", "強")):
        _refuse("about-how-many", where)
    found = _USERS.fullmatch(plain)
    if found is None:
        _refuse("not-a-number", where)
    return found


def _count(number: str, ten_thousands: str | None, where: str) -> int:
    users = Decimal(number) * (10_000 if ten_thousands else 1)
    if users > MOST_USERS:  # of digits without end, too
        _refuse("too-large", where)
    if users != int(users):  # rounding would carry it over a threshold
        _refuse("not-a-number", where)
    return int(users)


def _flag(cells: Mapping[str, str], name: str, where: str) -> bool | None:
    text = cells.get(name, "").lower()
    if not text:
        return None
    if text not in _YES | _NO:
        _refuse("not-yes-or-no", f"{where}: {name}: {text}")
    return text in _YES


def _refuse(reason: str, where: str) -> NoReturn:
    raise DescriptionError(REASONS[reason], where)
