"""The pages of the entrance: signing in, and choosing the first password."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from sekisho.exemplar.access.caller import USER, Refused
from sekisho.exemplar.access.sessions import Stage
from sekisho.exemplar.terminal import Terminal
from sekisho.exemplar.web.api import entry_cookies
from sekisho.exemplar.web.gate import Route
from sekisho.exemplar.web.layout import Page, card, form
from sekisho.exemplar.web.messages import SESSION, Request, Response, cookie, see_other

_STATUS: Final = {
    "wrong": HTTPStatus.UNAUTHORIZED,
    "wait": HTTPStatus.TOO_MANY_REQUESTS,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
}


def page_of(terminal: Terminal, request: Request) -> Page:
    """Begin a page for this caller."""
    return Page(request, terminal.sessions.stage(request.caller.session))


def explain(page: Page, error: Refused) -> tuple[str, HTTPStatus, dict[str, str]]:
    """Translate a refusal into a note, a status and headers."""
    status = _STATUS.get(error.reason, HTTPStatus.UNPROCESSABLE_ENTITY)
    if error.faults:
        return page.note("bad", "<br>".join(page.say(fault) for fault in error.faults)), status, {}
    headers = {"Retry-After": str(error.wait)} if error.wait else {}
    return page.note("bad", page.say(error.reason, wait=error.wait)), status, headers


# --- signing in ---------------------------------------------------------------------------------------


def _login_form(page: Page, note: str = "", *, label: bool) -> str:
    fields = page.field("user", "user", autocomplete="username", value=USER)
    fields += page.field("password", "password", "password", autocomplete="current-password", autofocus="")
    lead = f"<p>{page.say('login-label' if label else 'login-lead')}</p>"
    failed = page.say("passkey-failed")
    passkey = (
        f'<div class="passkey" hidden><p class="or">{page.say("or")}</p>'
        f'<button type="button" class="second" data-passkey="login" data-failed="{failed}">'
        f"{page.say('passkey-login')}</button></div>"
    )
    return card(lead + note + form("/login", fields, page.say("login")) + ("" if label else passkey))


async def login_page(terminal: Terminal, request: Request) -> Response:
    """Show the sign-in form; whoever is signed in already goes on."""
    page = page_of(terminal, request)
    if page.stage is not Stage.ANYONE:
        return see_other("/first-use" if page.stage is Stage.FIRST_USE else "/")
    note = page.note("good", page.say("installed")) if request.query.get("done") == "installed" else ""
    return page.render("login", _login_form(page, note, label=terminal.first_use))


async def login(terminal: Terminal, request: Request) -> Response:
    """Sign in from the form."""
    page, given = page_of(terminal, request), request.form()
    try:
        entry = await terminal.sign_in(given.get("user", ""), given.get("password", ""), request.caller)
    except Refused as error:
        note, status, headers = explain(page, error)
        return page.render(
            "login", _login_form(page, note, label=terminal.first_use), status, headers=headers
        )
    return see_other("/first-use" if entry.stage is Stage.FIRST_USE else "/", entry_cookies(entry))


async def logout(terminal: Terminal, request: Request) -> Response:
    """Sign out."""
    terminal.sign_out(request.caller)
    return see_other("/login", (cookie(SESSION, "", age=0),))


# --- first use ----------------------------------------------------------------------------------------


def new_password(page: Page) -> str:
    """Write the two fields for a new password."""
    hint = page.say("rule")
    first = page.field("new", "new", "password", hint, autocomplete="new-password", minlength="12")
    return first + page.field("again", "again", "password", autocomplete="new-password", minlength="12")


def twice(given: Mapping[str, str]) -> str:
    """Return the new password when both fields agree, else raise Refused."""
    if given.get("new") != given.get("again"):
        raise Refused("differ")
    return given.get("new", "")


def _first_use_form(page: Page, note: str = "") -> str:
    lead = f"<p>{page.say('first-use-lead')}</p>"
    return card(lead + note + form("/first-use", new_password(page), page.say("save")))


async def first_use_page(terminal: Terminal, request: Request) -> Response:
    """Show the one page that the label's code opens; afterwards it is of no use."""
    page = page_of(terminal, request)
    if not terminal.first_use:
        return see_other("/")
    return page.render("first-use", _first_use_form(page))


async def first_use(terminal: Terminal, request: Request) -> Response:
    """Take the first password."""
    page, given = page_of(terminal, request), request.form()
    try:
        entry = await terminal.choose_first_password(twice(given), request.caller)
    except Refused as error:
        if error.reason == "not-first-use":
            return see_other("/")
        note, status, _ = explain(page, error)
        return page.render("first-use", _first_use_form(page, note), status)
    return see_other("/", entry_cookies(entry))


ROUTES: Final = (
    Route("GET", "/login", login_page, Stage.ANYONE),
    Route("POST", "/login", login, Stage.ANYONE),
    Route("POST", "/logout", logout, Stage.ANYONE),
    Route("GET", "/first-use", first_use_page, Stage.FIRST_USE),
    Route("POST", "/first-use", first_use, Stage.FIRST_USE),
)
