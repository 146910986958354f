"""What the operator says of itself: users, sites, who is appointed where; what that leaves vacant, exempt or due."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from sekisho.catalogues.accidents import calendar_rules
from sekisho.errors import DescriptionError, SekishoError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.compliance import (
    KINDS,
    SMALL,
    Engineer,
    Installer,
    Operator,
    Site,
    course_due,
    exemption,
    posts,
    unstaffed,
)
from sekisho.reports.accidents.words import due_words
from sekisho.web import fields
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route
from sekisho.workflows.judge_accident import due_day
from sekisho.workflows.list_duties import MISSING, operator_of

_LONGEST, _PLACE = 100, "/duties/people"
_MOST_USERS = 10_000_000_000
_NO_NUMBER = Text(ja="利用者数は0以上の数で書く", en="users are a number of 0 or more")
_NO_NAME = Text(ja="名前が要る", en="a name is needed")


def _page(asked: Asked, problem: SekishoError | None = None) -> Response:
    desk = asked.office.console.duties
    operator, seen = desk.operator()
    rules, today = calendar_rules(), desk.today
    exempt, missing = exemption(operator, rules.engineers)
    empty_works = set(unstaffed(operator, rules.installers))
    return asked.page(
        "duty_people.html",
        status=409 if problem else 200,
        operator=operator,
        seen=seen,
        exempt=exempt,
        exempt_missing=missing,
        small=SMALL,
        rules=rules,
        kinds=KINDS,
        posts=posts(operator, rules.engineers, today),
        missing=MISSING,
        courses=[
            (one, due, due_words(due_day(due, today), asked.t), due < today)
            for one in operator.engineers
            for due in [course_due(one, rules.engineers)]
        ],
        works=[
            (site, [(work, (site, work) in empty_works) for work in site.works]) for site in operator.sites
        ],
        installer_kinds={one.id: one for one in rules.installers.kinds},
        places=[*(one.name for one in operator.sites), *sorted({one.prefecture for one in operator.sites})],
        today=today,
        problem=problem,
    )  # fmt: skip


def _text(asked: Asked, name: str, *, needed: bool = False) -> str:
    found = asked.form.get(name, "").strip()[:_LONGEST]
    if needed and not found:
        raise DescriptionError(_NO_NAME, name)
    return found


def _yes(asked: Asked, name: str) -> bool | None:
    return {"yes": True, "no": False}.get(asked.form.get(name, ""))


def _ticked(asked: Asked, prefix: str) -> tuple[str, ...]:
    return tuple(name.removeprefix(prefix) for name in asked.form if name.startswith(prefix))


def _operator(asked: Asked, operator: Operator) -> Operator:
    text = unicodedata.normalize("NFKC", _text(asked, "users")).replace(",", "")
    users = fields.count(text)
    if text and (users is None or users > _MOST_USERS):
        raise DescriptionError(_NO_NUMBER, text)
    return msgspec.structs.replace(
        operator, name=_text(asked, "name"), users=users,
        voice=_yes(asked, "voice"), qualified=_yes(asked, "qualified"),
    )  # fmt: skip


def _sites(asked: Asked, operator: Operator) -> Operator:
    was = _was(asked)
    if "remove" in asked.form:
        return msgspec.structs.replace(operator, sites=_put(operator.sites, was, None))
    site = Site(
        _text(asked, "name", needed=True), _text(asked, "prefecture", needed=True), _text(asked, "municipality", needed=True),
        fields.day(asked, "starts"), _yes(asked, "lines"), "relief" in asked.form, _text(asked, "other_operator"),
        _ticked(asked, "work-"),
    )  # fmt: skip
    before = operator.sites[was].name if was is not None and was < len(operator.sites) else site.name
    operator = msgspec.structs.replace(operator, sites=_put(operator.sites, was, site))
    return _renamed(operator, before, site.name) if before != site.name else operator


def _renamed(operator: Operator, was: str, name: str) -> Operator:
    """Return the operator with people's posts following a site to its new name."""

    def moved(one: Any) -> Any:
        return msgspec.structs.replace(one, posts=tuple(name if post == was else post for post in one.posts))

    return msgspec.structs.replace(
        operator,
        engineers=tuple(map(moved, operator.engineers)),
        installers=tuple(map(moved, operator.installers)),
    )


def _engineers(asked: Asked, operator: Operator) -> Operator:
    new = None
    if "remove" not in asked.form:
        new = Engineer(
            _text(asked, "name", needed=True), _text(asked, "kind"), _ticked(asked, "post-"), fields.day(asked, "appointed"),
            fields.day_or_none(asked, "card"), fields.day_or_none(asked, "course"),
        )  # fmt: skip
    return msgspec.structs.replace(operator, engineers=_put(operator.engineers, _was(asked), new))


def _installers(asked: Asked, operator: Operator) -> Operator:
    new = None
    if "remove" not in asked.form:
        new = Installer(_text(asked, "name", needed=True), _text(asked, "kind"), _ticked(asked, "post-"))
    return msgspec.structs.replace(operator, installers=_put(operator.installers, _was(asked), new))


def _file(asked: Asked, _operator: Operator) -> Operator:
    return operator_of(asked.form.get("text", ""))


def _put(every: Sequence[Any], was: int | None, new: Any) -> tuple[Any, ...]:
    """Return them with the one at that place replaced, or taken out; a new one comes last.

    :raises DescriptionError: there is none at that place
    """
    found = list(every)
    if was is None:
        return (*found, *([] if new is None else [new]))
    if was >= len(found):
        raise DescriptionError(Text(ja="それはもうない", en="that one is no longer there"))
    found[was : was + 1] = [] if new is None else [new]
    return tuple(found)


def _was(asked: Asked) -> int | None:
    return fields.count(asked.form.get("was", ""))


def _saving(change: Callable[[Asked, Operator], Operator]) -> Callable[[Asked], Response]:
    def save(asked: Asked) -> Response:
        desk = asked.office.console.duties
        seen = fields.count(asked.form.get("seen", "")) or 0
        try:
            desk.say(change(asked, desk.operator()[0]), seen, actor(asked))
        except SekishoError as error:
            return _page(asked, error)
        return asked.see_other(_PLACE, asked.t("保存した", "Kept"))

    return save


PAGE = Page(
    "duty_people",
    Text(ja="人と事業場", en="People and sites"),
    (
        Route("GET", _PLACE, _page, Permission.SEE),
        Route("POST", f"{_PLACE}/operator", _saving(_operator), Permission.WORK, opens=4096),
        Route("POST", f"{_PLACE}/sites", _saving(_sites), Permission.WORK, opens=8192),
        Route("POST", f"{_PLACE}/engineers", _saving(_engineers), Permission.WORK, opens=65_536),
        Route("POST", f"{_PLACE}/installers", _saving(_installers), Permission.WORK, opens=65_536),
        Route("POST", f"{_PLACE}/file", _saving(_file), Permission.WORK, opens=1_000_000),
    ),
)
