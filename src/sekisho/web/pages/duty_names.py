"""Names of the operator's own people: since when they are held, where they are needed, when they go; erasure by a person."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.errors import SekishoError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.purpose import Stage
from sekisho.model.staff_name import NEEDS
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route

_PLACE = "/duties/names"
GROUNDS = {
    "expired": Text(ja="期限", en="its time was over"),
    "asked": Text(ja="人が消した", en="erased by a person"),
}


def _page(asked: Asked, problem: SekishoError | None = None) -> Response:
    console = asked.office.console
    return asked.page(
        "duty_names.html",
        status=409 if problem else 200,
        names=console.names.names(),
        days=console.keeping.rules()[Stage.STAFF].days,
        needs=NEEDS,
        grounds=GROUNDS,
        problem=problem,
    )


def _erase(asked: Asked) -> Response:
    try:
        asked.office.console.names.erase(asked.form.get("token", "")[:60], actor(asked))
    except SekishoError as error:
        return _page(asked, error)
    return asked.see_other(_PLACE, asked.t("名前を消した", "The name is erased"))


PAGE = Page(
    "duty_names",
    Text(ja="名前", en="Names"),
    (
        Route("GET", _PLACE, _page, Permission.WORK),
        Route("POST", f"{_PLACE}/erase", _erase, Permission.ADMIN, opens=1024, fresh=True),
    ),
)
