"""In and out: the first set-up, sign-in by password or passkey, sign-out, language and theme.

No account exists at first and none is ever preset: ``sekisho serve`` prints a link that opens the set-up once.
"""

from __future__ import annotations

from starlette.responses import Response

from sekisho.language import Text
from sekisho.model.account import Permission, SessionKind
from sekisho.web.asked import Asked, local
from sekisho.web.page import Page, Route
from sekisho.web.visiting import YEAR, enter, party, visit
from sekisho.workflows import sign_in

_THEMES = ("auto", "light", "dark", "contrast")


def sign_in_form(asked: Asked, refusal: sign_in.Refusal | None = None, status: int = 200) -> Response:
    """Show the way in; while no account exists, what to do instead."""
    if sign_in.needs_first_admin(asked.office.gate):
        return asked.page("first.html", status)
    return asked.page(
        "sign_in.html",
        status,
        party=party(asked),
        refusal=refusal,
        name=asked.form.get("name", ""),
        next=local(asked.form.get("next") or asked.query.get("next") or "/"),
    )


def _sign_in(asked: Asked) -> Response:
    form = asked.form
    done = sign_in.sign_in_password(
        asked.office.gate, form.get("name", ""), form.get("password", ""), visit(asked), asked.now
    )
    if isinstance(done, sign_in.Refusal):
        answer = sign_in_form(asked, done, 429 if done.wait else 403)
        if done.wait:
            answer.headers["retry-after"] = str(-(-done.wait // 1000))
        return answer
    return enter(asked, done, form.get("next") or "/")


def _begin_passkey(asked: Asked) -> Response:
    options = sign_in.begin_passkey_sign_in(asked.office.gate, party(asked, need=True), asked.now)
    return Response(options, media_type="application/json")


def _finish_passkey(asked: Asked) -> Response:
    done = sign_in.finish_passkey_sign_in(
        asked.office.gate, asked.form.get("answer", ""), party(asked, need=True), visit(asked), asked.now
    )
    if isinstance(done, sign_in.Refusal):
        return sign_in_form(asked, done, 403)
    return enter(asked, done, asked.form.get("next") or "/")


def _sign_out(asked: Asked) -> Response:
    by_provider = asked.session is not None and asked.session.kind is SessionKind.OPEN_ID
    if asked.session:
        sign_in.sign_out(asked.office.gate, asked.session, asked.now)
    asked.cookies.append((asked.office.cookie, "", 0))
    return asked.see_other("/sign-out/openid" if by_provider and asked.office.open_id else "/sign-in")


def _set_up_form(asked: Asked, refusal: sign_in.Refusal | None = None) -> Response:
    seen = sign_in.look_at_link(asked.office.gate, asked.part("token"), asked.now)
    if isinstance(seen, sign_in.Refusal):
        return asked.problem(
            410,
            seen.why.text,
            Text(
                ja="`sekisho serve` を起動し直すと新しいリンクが出る。招かれた人は、招いた人に新しいリンクを頼む。",
                en="Start `sekisho serve` again for a new link; who was invited asks for another one.",
            ),
        )
    return asked.page(
        "set_up.html", 200 if refusal is None else 422, seen=seen, refusal=refusal, form=asked.form
    )


def _set_up(asked: Asked) -> Response:
    form = asked.form
    if form.get("password", "") != form.get("again", ""):
        return _set_up_form(asked, sign_in.Refusal(sign_in.Why.WEAK))
    done = sign_in.redeem_setup(
        asked.office.gate,
        asked.part("token"),
        form.get("name", ""),
        form.get("password", ""),
        visit(asked),
        asked.now,
        asked.language,
    )
    return _set_up_form(asked, done) if isinstance(done, sign_in.Refusal) else enter(asked, done, "/")


def _preferences(asked: Asked) -> Response:
    form = asked.form
    if (lang := form.get("lang", "")) in ("ja", "en"):
        asked.cookies.append(("lang", lang, YEAR))
    elif (theme := form.get("theme", "")) in _THEMES:
        asked.cookies.append(("theme", theme, YEAR))
    return asked.see_other(form.get("next") or "/")


PAGE = Page(
    "entry",
    Text(ja="出入り", en="Way in"),
    (
        Route("GET", "/sign-in", sign_in_form, Permission.OPEN),
        Route("POST", "/sign-in", _sign_in, Permission.OPEN, opens=8192),
        Route("POST", "/sign-in/passkey/begin", _begin_passkey, Permission.OPEN, opens=1024),
        Route("POST", "/sign-in/passkey", _finish_passkey, Permission.OPEN, opens=65536),
        Route("POST", "/sign-out", _sign_out, Permission.OPEN, opens=1024),
        Route("GET", "/set-up/{token}", _set_up_form, Permission.OPEN),
        Route("POST", "/set-up/{token}", _set_up, Permission.OPEN, opens=8192),
        Route("POST", "/preferences", _preferences, Permission.OPEN, opens=8192),
    ),
)
