"""Terminals: every model that is described or was assessed, and what has been found of it over time."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.registry import TerminalCard
from sekisho.model.verdict import Verdict
from sekisho.web.asked import Asked
from sekisho.web.assessed import SIGNS, STATE_KINDS, catalogue
from sekisho.web.page import Page, Route

_PAGE = 60
HEAD = (
    "terminal",
    "maker",
    "model",
    "kind",
    "software",
    "units",
    "assessments",
    "latest",
    "latest_began_ms",
    "verdicts",
)
_NONE = Text(ja="その端末は知られていない", en="no such terminal is known")


def _list(asked: Asked) -> Response:
    every = asked.office.console.terminals.terminals()
    text = asked.query.get("text", "").strip().casefold()
    verdict = asked.query.get("verdict", "")
    found = [
        one
        for one in every
        if (not text or text in f"{one.terminal} {one.kind} {one.software} {' '.join(one.units)}".casefold())
        and (not verdict or _worst(one) == verdict)
    ]
    if "format" in asked.query:
        return asked.export("terminals", HEAD, [_cells(one) for one in found])
    after = asked.query.get("after", "")
    behind = [one for one in found if one.terminal > after]
    return asked.page(
        "terminals.html",
        cards=behind[:_PAGE],
        next=behind[_PAGE - 1].terminal if len(behind) > _PAGE else "",
        total=len(every),
        found=len(found),
        tally=[(one.name, one.label, sum(_worst(card) == one.name for card in every)) for one in Verdict],
        filtered=bool(text or verdict),
        catalogue=catalogue,
        signs=SIGNS,
        kinds=STATE_KINDS,
    )


def _worst(card: TerminalCard) -> str:
    """Return the weightiest verdict of a terminal; one that was never assessed is not run."""
    return max(card.verdicts.values(), default=Verdict.NONE).name


def _cells(one: TerminalCard) -> tuple[Any, ...]:
    verdicts = " ".join(f"{name}={verdict.name}" for name, verdict in sorted(one.verdicts.items()))
    return (
        one.terminal, one.maker, one.model, one.kind, one.software, " ".join(one.units), one.assessments, one.latest,
        one.began, verdicts,
    )  # fmt: skip


def _one(asked: Asked) -> Response:
    desk, key = asked.office.console.terminals, asked.part("id")
    card = next((one for one in desk.terminals() if one.terminal == key), None)
    if card is None:
        return asked.problem(404, _NONE, where=key[:80])
    history = desk.history(key)
    detail = desk.detail(card.latest) if card.latest else None
    described = detail.terminal if detail else None
    return asked.page(
        "terminal.html",
        card=card,
        history=history,
        catalogues=list(dict.fromkeys(name for row in history for name in sorted(row.verdicts))),
        described=described,
        claim=described.applicability.equivalent if described else None,
        catalogue=catalogue,
        signs=SIGNS,
        kinds=STATE_KINDS,
    )


PAGE = Page(
    "terminals",
    Text(ja="端末", en="Terminals"),
    (
        Route("GET", "/terminals", _list, Permission.SEE),
        Route("GET", "/terminals/{id:path}", _one, Permission.SEE),
    ),
    order=3,
    sign="端",
)
