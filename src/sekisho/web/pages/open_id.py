"""In and out by the operator's provider of OpenID Connect; there only when ``oidc.toml`` names one."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote, unquote

from starlette.responses import RedirectResponse, Response

from sekisho.errors import PeerFailure
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.web.asked import Asked, local
from sekisho.web.doors import scheme_of
from sekisho.web.page import Page, Route
from sekisho.web.visiting import enter, visit
from sekisho.workflows import sign_in

_COOKIE, _SECONDS = "openid", 600
_SILENT = Text(ja="OpenID Connect の提供者が答えない", en="the provider of OpenID Connect gives no answer")
_ELSE = Text(ja="少し待つか、パスワードかパスキーで入る", en="wait a little, or use a password or passkey")
_NONE = Text(ja="OpenID Connect は設定されていない", en="OpenID Connect is not set up")


def _here(asked: Asked, path: str) -> str:
    host = asked.request.headers.get("host", "")
    return f"{scheme_of(asked.request, asked.office.proxies)}://{host}{path}"


def _begin(asked: Asked) -> Response:
    return _sent(asked, "/sign-in/openid/back", fresh=False)


def _begin_again(asked: Asked) -> Response:
    return _sent(asked, "/account/confirm/openid/back", fresh=True)


def _sent(asked: Asked, back: str, *, fresh: bool) -> Response:
    """Send the browser to the provider; what it must bring back lies in a cookie of ten minutes."""
    office = asked.office
    if office.open_id is None:
        return asked.problem(404, _NONE)
    begun = sign_in.begin_open_id(office.gate, office.open_id, _here(asked, back), asked.now, fresh=fresh)
    if isinstance(begun, sign_in.Refusal):
        return asked.problem(503, _SILENT, _ELSE)
    where = local(asked.query.get("next", "/"))
    asked.cookies.append((_COOKIE, f"{begun.cookie}|{quote(where, safe='')}", _SECONDS))
    return RedirectResponse(begun.address, 303)


def _brought(asked: Asked) -> tuple[str, str]:
    """Return the cookie's secret and where to go on; it serves once."""
    cookie, _, where = asked.request.cookies.get(_COOKIE, "").partition("|")
    asked.cookies.append((_COOKIE, "", 0))
    return cookie, local(unquote(where) or "/")


def _back(asked: Asked) -> Response:
    office, query = asked.office, asked.query
    if office.open_id is None:
        return asked.problem(404, _NONE)
    cookie, where = _brought(asked)
    done = sign_in.finish_open_id(
        office.gate, office.open_id, _code(asked), query.get("state", ""), cookie,
        _here(asked, "/sign-in/openid/back"), visit(asked), asked.now, asked.language,
    )  # fmt: skip
    return _refused(asked, done) if isinstance(done, sign_in.Refusal) else enter(asked, done, where)


def _back_again(asked: Asked) -> Response:
    office, query = asked.office, asked.query
    if office.open_id is None:
        return asked.problem(404, _NONE)
    cookie, where = _brought(asked)
    if asked.who is None or asked.session is None:
        return asked.see_other("/sign-in")
    done = sign_in.finish_confirm_open_id(
        office.gate, office.open_id, _code(asked), query.get("state", ""), cookie,
        _here(asked, "/account/confirm/openid/back"), asked.who, asked.session, visit(asked), asked.now,
    )  # fmt: skip
    return _refused(asked, done) if isinstance(done, sign_in.Refusal) else enter(asked, done, where)


def _code(asked: Asked) -> str:
    """Return the code; none when the provider named another issuer (RFC 9207) or an error."""
    query, provider = asked.query, asked.office.open_id
    if (
        "error" in query
        or provider is None
        or query.get("iss", provider.rules.issuer) != provider.rules.issuer
    ):
        return ""
    return query.get("code", "")


def _refused(asked: Asked, refusal: sign_in.Refusal) -> Response:
    asked.office.measures.count("sekisho_sign_in_refusals_total", status=403)
    return asked.problem(403, refusal.why.text)


def _out(asked: Asked) -> Response:
    """After signing out here: offer to sign out there, too."""
    where = ""
    if asked.office.open_id is not None:
        with suppress(PeerFailure):
            where = asked.office.open_id.leaving(_here(asked, "/sign-in"))
    return asked.page("signed_out.html", where=where)


PAGE = Page(
    "open_id",
    Text(ja="OpenID Connect", en="OpenID Connect"),
    (
        Route("GET", "/sign-in/openid", _begin, Permission.OPEN),
        Route("GET", "/sign-in/openid/back", _back, Permission.OPEN),
        Route("GET", "/account/confirm/openid", _begin_again, Permission.SEE),
        Route("GET", "/account/confirm/openid/back", _back_again, Permission.SEE),
        Route("GET", "/sign-out/openid", _out, Permission.OPEN),
    ),
)
