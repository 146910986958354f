"""The manual, without a network, and the keys."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.web import manual
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route


def _contents(asked: Asked) -> Response:
    return asked.page("help.html", leaves=manual.leaves(), leaf=manual.leaf("README"), here="README")


def _leaf(asked: Asked) -> Response:
    name = asked.part("name")
    shown = manual.picture(name)
    if shown is not None:
        return Response(shown[0], media_type=shown[1])
    page = manual.leaf(name)
    if page is None:
        return asked.problem(
            404, Text(ja="手引きにその頁はない", en="the manual has no such page"), where=name
        )
    return asked.page("help.html", leaves=manual.leaves(), leaf=page, here=name)


PAGE = Page(
    "help",
    Text(ja="手引き", en="Help"),
    (
        Route("GET", "/help", _contents, Permission.SEE),
        Route("GET", "/help/{name:path}", _leaf, Permission.SEE),
    ),
    order=99,
    sign="？",
)
