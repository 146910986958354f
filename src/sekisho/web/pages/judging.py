"""Judging again: reports on demand, another catalogue on old evidence, and what that changed."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from sekisho import plugins
from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.assessed import anchor, catalogue
from sekisho.web.page import Page, Route

_NONE = Text(ja="まだ判定されていない", en="nothing has been judged yet")


def _report(asked: Asked) -> Response:
    wanted = asked.form.get("format", "")
    if wanted and wanted not in plugins.names("renderers"):
        raise DescriptionError(Text(ja="その形式はない", en="there is no such format"), wanted[:40])
    name = asked.part("id")
    asked.office.console.judging.report(name, (wanted,) if wanted else (), actor(asked))
    return asked.see_other(f"/assess/{quote(name)}", asked.t("報告書を書いた。", "The reports were written."))


def _rejudge(asked: Asked) -> Response:
    chosen = tuple(one.removeprefix("catalogue.") for one in asked.form if one.startswith("catalogue."))
    if not chosen or any(one not in plugins.names("catalogues") for one in chosen):
        raise DescriptionError(Text(ja="判定の基準を一つは選ぶ", en="choose at least one catalogue"))
    name = asked.part("id")
    asked.office.console.judging.rejudge(name, chosen, actor(asked))
    return asked.see_other(
        f"/assess/{quote(name)}/changes", asked.t("判定し直した。", "It was judged again.")
    )


def _changes(asked: Asked) -> Response:
    name = asked.part("id")
    found = asked.office.console.judging.changes(name)
    if found is None:
        return asked.problem(404, _NONE, where=name[:80])
    return asked.page(
        "changes.html", id=name, found=found, catalogue=catalogue, anchor=anchor,
        titles={
            (one.id, duty.id): duty.title
            for one in map(catalogue, dict.fromkeys(row.catalogue for row in found.after.judged)) if one
            for duty in one.requirements
        },
    )  # fmt: skip


PAGE = Page(
    "judging",
    Text(ja="判定し直す", en="Judging again"),
    (
        Route("POST", "/assess/{id}/reports", _report, Permission.WORK, opens=4096),
        Route("POST", "/assess/{id}/rejudge", _rejudge, Permission.WORK, opens=8192),
        Route("GET", "/assess/{id}/changes", _changes, Permission.SEE),
    ),
)
