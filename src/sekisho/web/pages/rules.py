"""A containment rule of a case: what it matches, whom it would touch, and its text. Nothing is applied from here."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.containment import NEEDS, WARNINGS, RuleText, Scope, may_propose
from sekisho.model.identity import Person
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route
from sekisho.wiring.contain import containment
from sekisho.workflows.contain import standings_of

_NONE = Text(ja="その番号の規則はない", en="there is no such rule")


def _one(asked: Asked, files: tuple[RuleText, ...] = ()) -> Response:
    case, rule = asked.part("id"), asked.part("rule")
    life = asked.office.console.casework.life(case, who=asked.who.name if asked.who else "")
    found = (
        next((one for one in standings_of(life.events, asked.now) if one.proposal.id == rule), None)
        if life
        else None
    )
    if found is None:
        return asked.problem(404, _NONE, where=f"{case[:40]}: {rule[:40]}")
    return asked.page(
        "rule.html",
        one=found,
        proposal=found.proposal,
        files=files,
        case=case,
        of_line=found.proposal.match.scope is Scope.LINE,
        writes=asked.may(Permission.WORK) and asked.who is not None and may_propose(asked.who.role),
        warnings=WARNINGS,
        needs=NEEDS,
    )


def _text(asked: Asked) -> Response:
    """Write the text of a rule; that it was asked for is in the audit log before."""
    person = Person(asked.who.name, asked.who.role) if asked.who else Person("")
    with containment(asked.office.console.folder) as held:
        files = held.text(asked.part("id"), asked.part("rule"), person)
    return _one(asked, files)


PAGE = Page(
    "rules",
    Text(ja="封じ込めの規則", en="Containment rules"),
    (
        Route("GET", "/cases/{id}/rules/{rule}", _one, Permission.SEE),
        Route("POST", "/cases/{id}/rules/{rule}", _text, Permission.WORK, opens=1024),
    ),
)
