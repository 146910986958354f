"""What a page shows, and whether two views differ: the grounds on which a login counts as accepted.

Status codes prove nothing: devices answer 200 with the login page. What counts is that a session sees a
page that the anonymous visitor doesn't, and that this page is no login page.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from sekisho.formats.html import read_markup
from sekisho.formats.pages import likeness, read_page
from sekisho.formats.recipe import read_json
from sekisho.formats.signs import flags_change, leads_to_change, says_change, says_locked
from sekisho.wires.access.browser import REDIRECTS, Landing

ALIKE = 0.9
_SMALL = 300
_MOST_WORDS = 4096
_REFUSED = frozenset({401, 403, 407})
_BUSY = frozenset({429, 503})
_LOGIN_PLACE = re.compile(r"(?:log|sign)[-_]?(?:in|on)\b|/auth\b", re.IGNORECASE)
_DENIED = re.compile(
    r"unauthori[sz]ed|not[ _]?(?:logged|signed|authenticated|authori[sz]ed)|(?:log|sign)[ -]?in (?:first|required|again)"
    r"|(?:please|must|need to|required to) (?:log|sign)[ -]?in|login_required|forbidden|access[ _]denied|(?:no|lacks?|insufficient) permission"
    r"|session[ _](?:has )?(?:expired|invalid|timeout)|認証(?:が必要|されて|エラー)|ログインして|権限がありません",
    re.IGNORECASE,
)


class Look(msgspec.Struct, frozen=True):
    """One view of a page; ``refuses`` when it asks for a login or says no."""

    status: int
    path: str
    digest: str
    title: str
    refuses: bool
    login_form: bool
    fields: tuple[str, ...]
    sketch: tuple[str, ...]
    locked: bool
    urges: bool
    words: str
    length: int
    location: str


def look(landing: Landing) -> Look:
    """Read the page at which a request ended."""
    reply, text = landing.reply, landing.reply.text
    page, markup = read_page(text, landing.path), read_markup(text)
    document = read_json(text)
    small = len(markup.words or text) < _SMALL
    changes = (
        markup.asks_new_code()
        or leads_to_change(landing.path)
        or (markup.goes != "" and leads_to_change(markup.goes))
    )
    urges = changes or says_change(markup.words) or flags_change(document)
    login_form = page.login_form and not changes
    denied = small and _DENIED.search(text) is not None and not urges
    sent_away = (
        len(landing.trail) > 1 and _LOGIN_PLACE.search(landing.path) is not None and not changes
    ) or (small and _LOGIN_PLACE.search(markup.goes) is not None)
    elsewhere = reply.status in REDIRECTS and _LOGIN_PLACE.search(landing.elsewhere) is not None
    return Look(
        status=reply.status,
        path=landing.path,
        digest=hashlib.sha256(reply.body).hexdigest(),
        title=page.title,
        refuses=reply.status in _REFUSED or login_form or denied or sent_away or elsewhere,
        login_form=login_form,
        fields=page.fields,
        sketch=page.sketch,
        locked=reply.status in _BUSY
        or bool(reply.header("retry-after"))
        or says_locked(markup.words or text),
        urges=urges,
        words=markup.words or text[:_MOST_WORDS],
        length=len(reply.body),
        location=landing.elsewhere or (landing.path if len(landing.trail) > 1 else ""),
    )


def same(one: Look, other: Look) -> bool:
    """Tell whether two views show the same page; clocks, counters and tokens don't count."""
    if one.digest == other.digest:
        return True
    return (
        one.title == other.title
        and one.login_form == other.login_form
        and one.fields == other.fields
        and likeness(one.sketch, other.sketch) >= ALIKE
    )


def fingerprint(landing: Landing) -> tuple[object, ...]:
    """Return what of a login's reply stays the same from one refusal to the next."""
    page = read_page(landing.reply.text, landing.path)
    names = sorted(one.partition("=")[0].strip() for one in landing.first.every("set-cookie"))
    return (
        landing.first.status,
        landing.reply.status,
        landing.path.partition("?")[0],
        page.title,
        page.sketch,
        *names,
    )
