"""My account: password, passkeys, open sessions, API tokens; and the fresh sign-in that weighty acts ask for."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.errors import AuthorisationError
from sekisho.language import Text
from sekisho.model.account import Account, Permission, Session
from sekisho.web.asked import Asked, local
from sekisho.web.page import Page, Route
from sekisho.web.visiting import enter, party, visit
from sekisho.workflows import sign_in

_TOKEN_DAYS = (1, 30, 90, 365)


def _me(asked: Asked) -> tuple[Account, Session]:
    """Return who asks, in person: what stands here is not for API tokens."""
    if asked.who is None or asked.session is None:
        raise AuthorisationError(sign_in.AGAIN)
    return asked.who, asked.session


def _account(asked: Asked, *, secret: str = "", refusal: sign_in.Refusal | None = None) -> Response:
    gate = asked.office.gate
    me, session = _me(asked)
    return asked.page(
        "account.html",
        200 if refusal is None else 422,
        sessions=sign_in.my_sessions(gate, me, asked.now),
        here=session,
        passkeys=sign_in.my_passkeys(gate, me),
        tokens=sign_in.my_tokens(gate, me),
        days=_TOKEN_DAYS,
        grantable=[one for one in Permission if one in me.permissions - {Permission.OPEN}],
        secret=secret,
        refusal=refusal,
        party=party(asked),
        fresh=sign_in.recently_authenticated(gate, session, asked.now),
    )


def _end_session(asked: Asked) -> Response:
    me, _ = _me(asked)
    sign_in.end_session(asked.office.gate, me, asked.form.get("id", ""), asked.now)
    return asked.see_other("/account")


def _end_others(asked: Asked) -> Response:
    sign_in.end_other_sessions(asked.office.gate, *_me(asked), asked.now)
    return asked.see_other("/account")


def _password_form(asked: Asked, refusal: sign_in.Refusal | None = None) -> Response:
    _me(asked)
    return asked.page("password.html", 200 if refusal is None else 422, refusal=refusal)


def _password(asked: Asked) -> Response:
    form = asked.form
    if form.get("password", "") != form.get("again", ""):
        return _password_form(asked, sign_in.Refusal(sign_in.Why.WEAK))
    done = sign_in.change_password(
        asked.office.gate, *_me(asked), form.get("old", ""), form.get("password", ""), visit(asked), asked.now
    )
    return (
        _password_form(asked, done) if isinstance(done, sign_in.Refusal) else enter(asked, done, "/account")
    )


def _confirm_form(asked: Asked, refusal: sign_in.Refusal | None = None) -> Response:
    _me(asked)
    where = local(asked.form.get("next") or asked.query.get("next") or "/")
    return asked.page(
        "confirm.html", 200 if refusal is None else 403, refusal=refusal, next=where, party=party(asked)
    )


def _confirm(asked: Asked) -> Response:
    done = sign_in.confirm_password(
        asked.office.gate, *_me(asked), asked.form.get("password", ""), visit(asked), asked.now
    )
    if isinstance(done, sign_in.Refusal):
        return _confirm_form(asked, done)
    return enter(asked, done, asked.form.get("next") or "/")


def _make_token(asked: Asked) -> Response:
    me, session = _me(asked)
    form = asked.form
    days = int(form.get("days", "30")) if form.get("days", "30") in map(str, _TOKEN_DAYS) else 30
    scope = tuple(one for one in sorted(me.permissions) if form.get(f"may-{one.value}"))
    secret, _ = sign_in.make_token(
        asked.office.gate, me, session, form.get("name", ""), scope, days, asked.now
    )
    return _account(asked, secret=secret)


def _revoke_token(asked: Asked) -> Response:
    me, _ = _me(asked)
    sign_in.revoke_token(asked.office.gate, me, asked.form.get("id", ""), asked.now)
    return asked.see_other("/account")


def _begin_passkey(asked: Asked) -> Response:
    options = sign_in.begin_add_passkey(asked.office.gate, *_me(asked), party(asked, need=True), asked.now)
    return Response(options, media_type="application/json")


def _finish_passkey(asked: Asked) -> Response:
    done = sign_in.finish_add_passkey(
        asked.office.gate,
        *_me(asked),
        asked.form.get("answer", ""),
        asked.form.get("name", "") or asked.t("パスキー", "Passkey"),
        party(asked, need=True),
        asked.now,
    )
    return _account(asked, refusal=done) if isinstance(done, sign_in.Refusal) else asked.see_other("/account")


def _remove_passkey(asked: Asked) -> Response:
    sign_in.remove_passkey(asked.office.gate, *_me(asked), asked.form.get("id", ""), asked.now)
    return asked.see_other("/account")


PAGE = Page(
    "account",
    Text(ja="わたし", en="My account"),
    (
        Route("GET", "/account", _account, Permission.SEE),
        Route("POST", "/account/sessions/end", _end_session, Permission.SEE, opens=4096),
        Route("POST", "/account/sessions/end-others", _end_others, Permission.SEE, opens=4096),
        Route("GET", "/account/password", _password_form, Permission.OPEN),
        Route("POST", "/account/password", _password, Permission.OPEN, opens=8192),
        Route("GET", "/account/confirm", _confirm_form, Permission.SEE),
        Route("POST", "/account/confirm", _confirm, Permission.SEE, opens=8192),
        Route("POST", "/account/tokens", _make_token, Permission.SEE, opens=4096, fresh=True),
        Route("POST", "/account/tokens/revoke", _revoke_token, Permission.SEE, opens=4096),
        Route("POST", "/account/passkeys/begin", _begin_passkey, Permission.SEE, opens=4096, fresh=True),
        Route("POST", "/account/passkeys", _finish_passkey, Permission.SEE, opens=65536, fresh=True),
        Route("POST", "/account/passkeys/remove", _remove_passkey, Permission.SEE, opens=4096, fresh=True),
    ),
)
