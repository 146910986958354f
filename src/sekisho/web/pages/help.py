"""The manual, without a network, and the keys."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.web import manual
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route

_ROOMS = {
    "00-start": Text(ja="はじめに", en="Start"),
    "10-assess": Text(ja="評価", en="Assess"),
    "20-watch": Text(ja="監視", en="Watch"),
    "30-warn": Text(ja="警告", en="Warn"),
    "40-share": Text(ja="共有", en="Share"),
    "50-report": Text(ja="報告", en="Report"),
    "60-operate": Text(ja="運用", en="Operate"),
    "reference": Text(ja="一覧（自動生成）", en="Reference (generated)"),
    "adr": Text(ja="設計の決定", en="Decisions"),
}


def _rooms() -> list[tuple[Text | str, list[manual.Leaf]]]:
    """Return the pages by the folder that they lie in; those of none first."""
    found: dict[str, list[manual.Leaf]] = {}
    for one in manual.leaves():
        found.setdefault(one.name.rpartition("/")[0], []).append(one)
    return [(_ROOMS.get(name, name), some) for name, some in found.items()]


def _contents(asked: Asked) -> Response:
    return asked.page("help.html", rooms=_rooms(), leaf=manual.leaf("README"), here="README")


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
    return asked.page("help.html", rooms=_rooms(), leaf=page, here=name)


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
