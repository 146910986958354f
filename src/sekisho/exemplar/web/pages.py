"""The pages: each handler reads a form, calls the terminal, and writes HTML. No rule stands here."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from importlib.resources import files
from typing import Final

from sekisho.exemplar import settings as rules
from sekisho.exemplar.access.caller import Refused
from sekisho.exemplar.access.sessions import Stage
from sekisho.exemplar.settings import SettingError
from sekisho.exemplar.software.image import ImageError
from sekisho.exemplar.terminal import Terminal
from sekisho.exemplar.web import entrance
from sekisho.exemplar.web.api import UPLOAD, entry_cookies
from sekisho.exemplar.web.entrance import explain, new_password, page_of, twice
from sekisho.exemplar.web.gate import Route
from sekisho.exemplar.web.layout import Page, card, form
from sekisho.exemplar.web.messages import Request, Response, see_other
from sekisho.exemplar.web.texts import say

# --- status, settings ---------------------------------------------------------------------------------


def _newest_note(page: Page, terminal: Terminal) -> str:
    found = terminal.published
    kind = {"newest": "good", "newer-exists": "bad"}.get(found.state, "plain")
    known = {"unreachable", "no-address", "bad-signature", "not-a-statement", "wrong-model"}
    text = found.reason if found.reason in known else found.state
    return page.note(kind, page.say(text or "unknown", version=found.version))


async def home(terminal: Terminal, request: Request) -> Response:
    """Show what runs and what is open."""
    page, now = page_of(terminal, request), terminal.software.status()
    rows = {"model": f"{now['maker']} {now['model']}", "serial": now["serial"], "version": now["version"]}
    rows["slot"] = now["slot"].upper()
    table = "".join(f"<dt>{page.say(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items())
    doors = f"<ul><li>{page.say('doors-lan')}</li><li>{page.say('doors-wan')}</li></ul>"
    facts = card(f"<dl>{table}</dl>{_newest_note(page, terminal)}")
    return page.render("home", facts + card(doors, page.say("doors")))


def _settings_form(page: Page, terminal: Terminal, note: str) -> str:
    fields = ""
    for name, value in terminal.current_settings().items():
        rule = rules.SETTINGS[name][1]
        if isinstance(value, bool):
            allowed = rule if isinstance(rule, tuple) else (True, False)
            options = [("on" if one else "off", page.say("on" if one else "off")) for one in allowed]
            fields += page.choice(name, options, "on" if value else "off")
        elif isinstance(rule, tuple):
            fields += page.choice(name, [(one, one) for one in rule], value)
        else:
            fields += page.field(name, name, value=value)
    return note + card(form("/settings", fields, page.say("save")))


async def settings_page(terminal: Terminal, request: Request) -> Response:
    """Show all settings."""
    page = page_of(terminal, request)
    note = page.note("good", page.say("saved")) if request.query.get("done") == "saved" else ""
    return page.render("settings", _settings_form(page, terminal, note))


async def settings(terminal: Terminal, request: Request) -> Response:
    """Take changed settings, all of them or none."""
    page, given = page_of(terminal, request), request.form()
    changes: dict[str, object] = {}
    for name, text in given.items():
        is_switch = isinstance(rules.SETTINGS.get(name, ("",))[0], bool)
        changes[name] = text == "on" if is_switch and text in {"on", "off"} else text
    try:
        terminal.change_settings(changes)
    except SettingError as error:
        name = str(error.args[0])
        shown = say(name, page.language) if name in rules.SETTINGS else name[:40]
        note = page.note("bad", page.say("bad-value", setting=shown))
        return page.render("settings", _settings_form(page, terminal, note), HTTPStatus.UNPROCESSABLE_ENTITY)
    return see_other("/settings?done=saved")


# --- update -------------------------------------------------------------------------------------------


def _update_cards(page: Page, terminal: Terminal, note: str = "") -> str:
    box = page.field("image", "file", "file", accept=".img")
    upload = form("/update", box, page.say("install"), encoding="multipart/form-data")
    version = f"<p class='big'>{page.say('version')} {terminal.slots.version}</p>"
    ask = form("/update/newest", "", page.say("ask"), kind="second")
    return card(version + _newest_note(page, terminal) + ask) + card(
        f"<p>{page.say('update-lead')}</p>{note}{upload}", page.say("install")
    )


async def update_page(terminal: Terminal, request: Request) -> Response:
    """Show the version and the upload form."""
    page = page_of(terminal, request)
    return page.render("update", _update_cards(page, terminal))


async def update(terminal: Terminal, request: Request) -> Response:
    """Install an uploaded image."""
    page = page_of(terminal, request)
    try:
        await terminal.software.install(request.file())
    except ImageError as error:
        reason = "refused-signature" if str(error) == "bad-signature" else str(error)
        note = page.note("bad", page.say("refused") + page.say(reason))
        return page.render("update", _update_cards(page, terminal, note), HTTPStatus.UNPROCESSABLE_ENTITY)
    return see_other("/login?done=installed")


async def ask_newest(terminal: Terminal, _request: Request) -> Response:
    """Ask the maker's page now."""
    await terminal.software.ask_newest()
    return see_other("/update")


# --- account ------------------------------------------------------------------------------------------


def _account_cards(page: Page, terminal: Terminal, note: str = "") -> str:
    old = page.field("old", "old", "password", autocomplete="current-password")
    change = card(
        note + form("/account", old + new_password(page), page.say("save")), page.say("change-password")
    )
    rows = "".join(
        f'<li><span>{escape(one["name"] or one["id"][:12])}</span><form method="post" action="/account/remove">'
        f'<input type="hidden" name="id" value="{escape(one["id"])}"><button class="quiet">{page.say("remove")}'
        "</button></form></li>"
        for one in terminal.owner.passkeys
    )
    listed = f'<ul class="rows">{rows}</ul>' if rows else f"<p>{page.say('passkeys-none')}</p>"
    failed = page.say("passkey-add-failed")
    add = (
        f'<div class="passkey" hidden><label for="name">{page.say("passkey-name")}</label><input id="name" maxlength="40">'
        f'<button type="button" data-passkey="create" data-failed="{failed}">{page.say("passkey-add")}</button></div>'
    )
    passkeys = card(f"<p>{page.say('passkeys-lead')}</p>{listed}{add}", page.say("passkeys"))
    again = f'<label for="erase">{page.say("password")}</label><input id="erase" name="password" type="password" required autocomplete="current-password">'
    reset = form("/reset", again, page.say("reset"), kind="danger")
    return change + passkeys + card(f"<p>{page.say('reset-lead')}</p>{reset}", page.say("reset"))


async def account_page(terminal: Terminal, request: Request) -> Response:
    """Show the forms for password, passkeys and reset."""
    page = page_of(terminal, request)
    note = page.note("good", page.say("changed")) if request.query.get("done") == "changed" else ""
    return page.render("account", _account_cards(page, terminal, note))


async def account(terminal: Terminal, request: Request) -> Response:
    """Change the password."""
    page, given = page_of(terminal, request), request.form()
    try:
        entry = await terminal.change_password(given.get("old", ""), twice(given), request.caller)
    except Refused as error:
        note, status, headers = explain(page, error)
        return page.render("account", _account_cards(page, terminal, note), status, headers=headers)
    return see_other("/account?done=changed", entry_cookies(entry))


async def remove_passkey(terminal: Terminal, request: Request) -> Response:
    """Forget a passkey."""
    terminal.passkeys.remove(request.form().get("id", ""))
    return see_other("/account")


async def reset(terminal: Terminal, request: Request) -> Response:
    """Return to the factory state."""
    page = page_of(terminal, request)
    try:
        await terminal.reset(request.form().get("password", ""), request.caller)
    except Refused as error:
        note, status, headers = explain(page, error)
        return page.render("account", _account_cards(page, terminal, note), status, headers=headers)
    return see_other("/login")


async def static(_terminal: Terminal, request: Request) -> Response:
    """Give the style sheet or the script; the names are fixed by the routes."""
    kind = "text/css" if request.path.endswith(".css") else "text/javascript"
    data = (files("sekisho.exemplar.web") / "static" / request.path[1:]).read_bytes()
    return Response(HTTPStatus.OK, data, f"{kind}; charset=utf-8")


ROUTES: Final = (
    *entrance.ROUTES,
    Route("GET", "/style.css", static, Stage.ANYONE),
    Route("GET", "/passkey.js", static, Stage.ANYONE),
    Route("GET", "/", home),
    Route("GET", "/settings", settings_page),
    Route("POST", "/settings", settings),
    Route("GET", "/update", update_page),
    Route("POST", "/update", update, body=UPLOAD),
    Route("POST", "/update/newest", ask_newest),
    Route("GET", "/account", account_page),
    Route("POST", "/account", account),
    Route("POST", "/account/remove", remove_passkey),
    Route("POST", "/reset", reset),
)
