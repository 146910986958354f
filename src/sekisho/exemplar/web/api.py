"""The JSON API: the same doors as the pages, for programs.

| path | method | stage | body → answer |
|---|---|---|---|
| /api/alive | GET | anyone | → `{"alive": true}`; no model, no version |
| /api/login | POST | anyone | `{"user", "password"}` → `{"stage": "first-use" or "owner"}` and cookies |
| /api/passkey/request, /api/passkey/login | POST | anyone | WebAuthn options; answer → as login |
| /api/first-use | POST | first use | `{"password"}` → `{"stage": "owner"}` |
| /api/status, /api/settings | GET | owner | → version, slot, newest; → all settings |
| /api/settings | PUT | owner | some settings → all settings |
| /api/update | POST | owner | image as application/octet-stream → `{"installed": version}`, then sign in again |
| /api/update/newest | POST | owner | asks the maker's page |
| /api/password | POST | first use | `{"old", "new"}`; at first use `old` is the label's code |
| /api/reset | POST | owner | `{"password"}` → the factory state |
| /api/passkeys, /api/passkeys/options, /api/passkeys/remove | POST | owner | register, options, `{"id"}` |
| /api/logout | POST | anyone | |
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from sekisho.exemplar.access.caller import Entry
from sekisho.exemplar.access.sessions import Stage
from sekisho.exemplar.software.image import HEAD, LARGEST
from sekisho.exemplar.terminal import Terminal
from sekisho.exemplar.web.gate import Route
from sekisho.exemplar.web.messages import (
    KNOWN,
    SESSION,
    BadRequestError,
    Request,
    Response,
    as_json,
    cookie,
)

YEAR: Final = 365 * 24 * 3600
UPLOAD: Final = LARGEST + HEAD.size + 8192


def entry_cookies(entry: Entry) -> tuple[str, ...]:
    """Write the cookies of a granted sign-in; the session's one ends with the browser."""
    session = cookie(SESSION, entry.session)
    return (session, cookie(KNOWN, entry.known, age=YEAR)) if entry.known else (session,)


def _entered(entry: Entry) -> Response:
    stage = "first-use" if entry.stage is Stage.FIRST_USE else "owner"
    return as_json({"stage": stage}, cookies=entry_cookies(entry))


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise BadRequestError(HTTPStatus.BAD_REQUEST, f"{name}-expected")
    return value


async def alive(_terminal: Terminal, _request: Request) -> Response:
    """Say that the terminal runs; nothing else is said to strangers."""
    return as_json({"alive": True})


async def login(terminal: Terminal, request: Request) -> Response:
    """Sign in with a password or, in the factory state, with the label's code."""
    body = request.json()
    return _entered(await terminal.sign_in(_text(body, "user"), _text(body, "password"), request.caller))


async def passkey_request(terminal: Terminal, _request: Request) -> Response:
    """Give the options for signing in with a passkey."""
    return as_json(terminal.passkeys.request())


async def passkey_login(terminal: Terminal, request: Request) -> Response:
    """Sign in with a passkey."""
    return _entered(terminal.passkeys.sign_in(request.json(), request.caller))


async def first_use(terminal: Terminal, request: Request) -> Response:
    """Choose the first password."""
    return _entered(await terminal.choose_first_password(_text(request.json(), "password"), request.caller))


async def status(terminal: Terminal, _request: Request) -> Response:
    """Report model, version and whether it is the newest."""
    return as_json(terminal.software.status())


async def settings(terminal: Terminal, _request: Request) -> Response:
    """Report all settings."""
    return as_json(terminal.current_settings())


async def change_settings(terminal: Terminal, request: Request) -> Response:
    """Change some settings, all of them or none."""
    return as_json(terminal.change_settings(request.json()))


async def update(terminal: Terminal, request: Request) -> Response:
    """Install an image."""
    return as_json({"installed": await terminal.software.install(request.file())})


async def newest(terminal: Terminal, _request: Request) -> Response:
    """Ask the maker's page now."""
    found = await terminal.software.ask_newest()
    return as_json({"state": found.state, "version": found.version, "reason": found.reason})


async def password(terminal: Terminal, request: Request) -> Response:
    """Change the password."""
    body = request.json()
    return _entered(await terminal.change_password(_text(body, "old"), _text(body, "new"), request.caller))


async def passkey_options(terminal: Terminal, _request: Request) -> Response:
    """Give the options for making a passkey."""
    return as_json(terminal.passkeys.creation())


async def passkey_add(terminal: Terminal, request: Request) -> Response:
    """Register a passkey."""
    terminal.passkeys.add(request.json())
    return as_json({"passkeys": len(terminal.owner.passkeys)}, HTTPStatus.CREATED)


async def passkey_remove(terminal: Terminal, request: Request) -> Response:
    """Forget a passkey."""
    terminal.passkeys.remove(_text(request.json(), "id"))
    return as_json({"passkeys": len(terminal.owner.passkeys)})


async def reset(terminal: Terminal, request: Request) -> Response:
    """Return to the factory state."""
    await terminal.reset(_text(request.json(), "password"), request.caller)
    return as_json({"reset": True})


async def logout(terminal: Terminal, request: Request) -> Response:
    """End the session."""
    terminal.sign_out(request.caller)
    return as_json({"stage": "anyone"}, cookies=(cookie(SESSION, "", age=0),))


ROUTES: Final = (
    Route("GET", "/api/alive", alive, Stage.ANYONE),
    Route("POST", "/api/login", login, Stage.ANYONE),
    Route("POST", "/api/passkey/request", passkey_request, Stage.ANYONE),
    Route("POST", "/api/passkey/login", passkey_login, Stage.ANYONE),
    Route("POST", "/api/first-use", first_use, Stage.FIRST_USE),
    Route("GET", "/api/status", status),
    Route("GET", "/api/settings", settings),
    Route("PUT", "/api/settings", change_settings),
    Route("POST", "/api/update", update, body=UPLOAD),
    Route("POST", "/api/update/newest", newest),
    Route("POST", "/api/password", password, Stage.FIRST_USE),
    Route("POST", "/api/passkeys/options", passkey_options),
    Route("POST", "/api/passkeys", passkey_add),
    Route("POST", "/api/passkeys/remove", passkey_remove),
    Route("POST", "/api/reset", reset),
    Route("POST", "/api/logout", logout, Stage.ANYONE),
)
