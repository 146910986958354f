"""Who may use this console: inviting, roles, switching off. Nobody is given a preset password: each gets a link."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.errors import AuthorisationError
from sekisho.language import Language, Text
from sekisho.model.account import Account, Permission, Role, Session
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route
from sekisho.workflows import sign_in


def _me(asked: Asked) -> tuple[Account, Session]:
    if asked.who is None or asked.session is None:
        raise AuthorisationError(sign_in.AGAIN)
    return asked.who, asked.session


def _people(asked: Asked, *, invited: str = "", link: str = "") -> Response:
    return asked.page(
        "people.html",
        people=sign_in.people(asked.office.gate),
        roles=tuple(Role),
        invited=invited,
        invitation=link,
    )


def _link(asked: Asked, token: str) -> str:
    scheme = "https" if asked.office.secure else asked.request.url.scheme
    return f"{scheme}://{asked.request.headers.get('host', '')}/set-up/{token}"


def _add(asked: Asked) -> Response:
    form = asked.form
    language = Language.EN if form.get("language") == "en" else Language.JA
    made, token = sign_in.add_person(
        asked.office.gate, *_me(asked), form.get("name", ""), _role(form.get("role", "")), language, asked.now
    )
    return _people(asked, invited=made.name, link=_link(asked, token))


def _renew(asked: Asked) -> Response:
    token = sign_in.renew_link(asked.office.gate, *_me(asked), asked.form.get("id", ""), asked.now)
    return _people(asked, invited=asked.form.get("name", ""), link=_link(asked, token))


def _role_of(asked: Asked) -> Response:
    role = _role(asked.form.get("role", ""))
    sign_in.change_role(asked.office.gate, *_me(asked), asked.form.get("id", ""), role, asked.now)
    return asked.see_other("/people")


def _disable(asked: Asked) -> Response:
    sign_in.disable_person(asked.office.gate, *_me(asked), asked.form.get("id", ""), asked.now)
    return asked.see_other("/people")


def _enable(asked: Asked) -> Response:
    sign_in.enable_person(asked.office.gate, *_me(asked), asked.form.get("id", ""), asked.now)
    return asked.see_other("/people")


def _role(word: str) -> Role:
    return next((one for one in Role if one.value == word), Role.VIEWER)


PAGE = Page(
    "people",
    Text(ja="利用者", en="People"),
    (
        Route("GET", "/people", _people, Permission.ADMIN),
        Route("POST", "/people", _add, Permission.ADMIN, opens=4096, fresh=True),
        Route("POST", "/people/link", _renew, Permission.ADMIN, opens=4096, fresh=True),
        Route("POST", "/people/role", _role_of, Permission.ADMIN, opens=4096, fresh=True),
        Route("POST", "/people/disable", _disable, Permission.ADMIN, opens=4096, fresh=True),
        Route("POST", "/people/enable", _enable, Permission.ADMIN, opens=4096, fresh=True),
    ),
    order=10,
    sign="人",
)
