"""One box for everything: a line, a case, a notice, an address, a terminal. What is named exactly is opened at once."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.responses import Response

from sekisho.errors import SekishoError
from sekisho.formats.flow_rows import line_text
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.ports.cases import CaseFilter
from sekisho.ports.detections import DetectionFilter
from sekisho.ports.registry import AssessmentFilter
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route

_LINE = re.compile(r"L([0-7][0-9a-f]{15}|[0-9a-f]{1,15})", re.IGNORECASE)
_LONGEST = 200
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where it was found; ``more`` tells what stands there."""

    kind: Text
    word: str
    href: str
    more: str = ""


def _search(asked: Asked) -> Response:
    wanted = " ".join(asked.query.get("q", "").split())[:_LONGEST]
    if not wanted:
        return asked.page("search.html", wanted="", hits=(), unread=())
    exact = _exact(asked, wanted)
    if exact:
        return asked.see_other(exact)
    hits: list[Hit] = []
    unread: list[SekishoError] = []
    for look in (_lines, _addresses, _terminals):
        try:
            hits += look(asked, wanted)
        except SekishoError as error:
            unread.append(error)
    return asked.page("search.html", wanted=wanted, hits=hits, unread=unread)


def _name(asked: Asked) -> str:
    return asked.who.name if asked.who else ""


def _exact(asked: Asked, wanted: str) -> str:
    """Return the page of what bears exactly this name; empty when nothing does."""
    console, who = asked.office.console, _name(asked)
    asks = (
        ("/cases/", lambda: console.casework.life(wanted, who=who)),
        ("/notices/", lambda: console.casework.notice(wanted, who=who)),
        ("/watch/detections/", lambda: console.watch.detection(wanted, who=who)),
        ("/assess/", lambda: console.terminals.assessment(wanted)),
    )
    for path, ask in asks:
        try:
            if ask() is not None:
                return f"{path}{quote(wanted, safe='')}"
        except SekishoError:  # no such name can be; the wider search says what can't be read
            continue
    return ""


def _lines(asked: Asked, wanted: str) -> list[Hit]:
    found = _LINE.fullmatch(wanted)
    if not found:
        return []
    line, who = int(found[1], 16), _name(asked)
    word = line_text(line)
    cases = asked.office.console.casework.cases(CaseFilter(subscriber=line), limit=_SHOWN, who=who).cases
    count = asked.office.console.watch.counts(DetectionFilter(subscriber=line), who=who).total
    hits = [
        Hit(Text(ja="事案", en="case"), one.id, f"/cases/{one.id}", one.state.label.say(asked.language))
        for one in cases
    ]
    if count:
        hits.append(
            Hit(
                Text(ja="検出", en="detections"),
                word,
                f"/watch/detections?{urlencode({'line': word})}",
                f"{count:,}",
            )
        )
    hits.append(Hit(Text(ja="保有データ", en="what is held"), word, f"/held?{urlencode({'line': word})}"))
    return hits


def _addresses(asked: Asked, wanted: str) -> list[Hit]:
    try:
        address = str(ipaddress.ip_address(wanted.strip("[]")))
    except ValueError:
        return []
    count = asked.office.console.watch.counts(DetectionFilter(remote=address), who=_name(asked)).total
    href = f"/watch/detections?{urlencode({'remote': address})}"
    return [
        Hit(Text(ja="この相手との検出", en="detections with this other end"), address, href, f"{count:,}")
    ]


def _terminals(asked: Asked, wanted: str) -> list[Hit]:
    page = asked.office.console.terminals.assessments(AssessmentFilter(text=wanted), limit=_SHOWN)
    seen = dict.fromkeys(one.terminal for one in page.assessments)
    return [Hit(Text(ja="端末", en="terminal"), one, f"/terminals/{quote(one, safe='')}") for one in seen]


PAGE = Page("search", Text(ja="探す", en="Search"), (Route("GET", "/search", _search, Permission.SEE),))
