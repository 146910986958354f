"""Healing: how long lines stay infected, by group; every point of a curve leads to the cases behind it."""

from __future__ import annotations

from typing import Any

import msgspec
from markupsafe import Markup
from starlette.responses import Response

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.survival import Curve, relapse_rate
from sekisho.reports import healing as words
from sekisho.reports.healing_plot import DASHES, MOST_CURVES, NARROW, WIDE, anchor, plot
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route

_BY = ("family", "device_model", "channel", "all")
_SHOWN_CASES, _ALL_CASES = 12, 1000
#: Where a group's name leads among the cases.
_FILTERS = {"family": "family", "device_model": "model"}
HEAD = ("group", "day", "at_risk", "healed", "censored", "infected", "low", "high")


def _healing(asked: Asked) -> Response:
    by, origin = asked.query.get("by", "family"), asked.query.get("from", "")
    if by not in _BY or origin not in ("", "detection", "notice"):
        raise DescriptionError(
            Text(ja="その分け方はない", en="can't be grouped by that"), f"{by} {origin}"[:60]
        )
    notified = origin == "notice" or (not origin and by == "channel")
    who = asked.who.name if asked.who else ""
    found = asked.office.console.casework.healing(by, notified=notified, who=who)
    if "format" in asked.query:
        rows = [
            (
                one.group,
                step.days,
                step.at_risk,
                step.healed,
                step.censored,
                step.infected,
                step.low,
                step.high,
            )
            for one in found.curves
            for step in one.steps
        ]
        return asked.export("healing", HEAD, rows)
    language = asked.language
    named = tuple(msgspec.structs.replace(one, group=_name(asked, one.group, by)) for one in found.curves)
    title = words.WORDS["title"].say(language)
    return asked.page(
        "healing.html",
        found=found,
        by=by,
        ways=[(name, words.BY[name]) for name in _BY],
        notified=notified,
        origin=words.ORIGINS[notified],
        w={name: text.say(language) for name, text in words.WORDS.items()},
        said=words.summary(found, language),
        # Texts are escaped where the drawing is made.
        plots=[Markup(plot(named, size, language, title)) for size in (WIDE, NARROW)] if named else [],  # noqa: S704
        groups=[_group(asked, number, one, found) for number, one in enumerate(found.curves)],
        cases=sum(one.cases for one in found.curves),
        healed=sum(one.healed for one in found.curves),
        most=MOST_CURVES,
        how=words.how(language),
        left_out=words.left_out(found, language),
    )


def _name(asked: Asked, group: str, by: str) -> str:
    return words.BY["all"].say(asked.language) if by == "all" else words.group_name(group, asked.language)


def _group(asked: Asked, number: int, one: Curve, found: words.Healing) -> dict[str, Any]:
    """Return a group for the table: its figures in words, and each day with its cases."""
    rate, language = relapse_rate(one), asked.language
    wide = asked.query.get("step", "")
    by_day: dict[int, list[str]] = {}
    for course in found.courses.get(one.group, ()):
        if course.healed:
            by_day.setdefault(course.days, []).append(course.case)
    steps = []
    for step in one.steps:
        mark = anchor(number, step.days)
        cases = sorted(by_day.get(step.days, ()))
        shown = cases[: _ALL_CASES if wide == mark else _SHOWN_CASES]
        steps.append({"anchor": mark, "step": step, "cases": shown, "more": len(cases) - len(shown)})
    filtered = _FILTERS.get(found.by)
    return {
        "number": number,
        "drawn": number < MOST_CURVES,
        "dash": DASHES[number] if number < MOST_CURVES else "",
        "name": _name(asked, one.group, found.by),
        "filter": filtered if filtered and one.group else "",
        "group": one.group,
        "curve": one,
        "half": words.reached_words(one.half, language),
        "fifth": words.reached_words(one.four_fifths, language),
        "relapse": "" if rate is None else f"{rate:.0%}",
        "steps": steps,
        "open": wide.startswith(f"s{number}-"),
    }


PAGE = Page(
    "healing",
    Text(ja="治癒", en="Healing"),
    (Route("GET", "/healing", _healing, Permission.SEE),),
    order=7,
    sign="癒",
)
