"""Turn the alarms of one file into facts of an accident, by the operator's rules."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path

from sekisho.errors import ReadingError
from sekisho.formats.alarm_files import read_alerts, read_detections, read_syslog, read_tickets
from sekisho.formats.alarm_rules import AlarmRules, facts, read_rules
from sekisho.formats.compression import unpacked
from sekisho.formats.route_files import OwnRoutes, read_routes
from sekisho.language import Text
from sekisho.model.alarm import Alarm, Imported, LeftOut

_LARGEST = 100_000_000


def import_alarms(file: Path, form: str, rules: Path, zone: tzinfo, now: datetime) -> Imported:
    """Return the facts of ``file`` (``syslog``, ``alerts``, ``tickets``, ``detections`` or ``routes``), and what was left out.

    :raises ReadingError: too large, or in no known encoding
    :raises DescriptionError: the rules are wrong, or the file is of another kind
    """
    known = read_rules(_text(rules, "utf-8"))
    if form == "syslog":
        alarms, left = read_syslog(_text(file, "utf-8", "replace"), zone, now)
    elif form == "alerts":
        alarms, left = read_alerts(_text(file, "utf-8"), zone)
    elif form == "tickets":
        alarms, left = read_tickets(_ticket_text(file))
    elif form == "routes":
        alarms, left = _routes(file, known)
    else:
        alarms, left = read_detections(_text(file, "utf-8"))
    found = facts(alarms, known, zone, file.name)
    return Imported(found.facts, (*left, *found.left_out))


def _routes(file: Path, rules: AlarmRules) -> tuple[tuple[Alarm, ...], tuple[LeftOut, ...]]:
    torn: list[LeftOut] = []
    with file.open("rb") as source:
        alarms, left = read_routes(
            unpacked(source, lambda reason, place: torn.append(LeftOut(place, f"mrt-{reason}", place))),
            rules.routes or OwnRoutes((), ()),
        )
    return alarms, (*left, *torn)


def _ticket_text(file: Path) -> str:
    try:
        return _text(file, "utf-8")
    except ReadingError:
        return _text(file, "cp932")


def _text(file: Path, encoding: str, errors: str = "strict") -> str:
    with file.open("rb") as open_:
        data = open_.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ReadingError(
            Text(ja="ファイルが大きすぎる（100 MBまで）", en="too large (100 MB at most)"), str(file)
        )
    try:
        return data.decode(encoding, errors)
    except UnicodeDecodeError as error:
        raise ReadingError(
            Text(ja="文字コードが読めない", en="not in a known encoding"), f"{file}: {error.reason}"
        ) from error
