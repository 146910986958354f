"""What strangers send is not kept, and nobody sends for ever."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest
from starlette.types import Message

from fakes.console import Browser
from sekisho.model.account import Permission, Role
from sekisho.web import taking
from sekisho.web.application import application
from sekisho.web.office import Office

_MIB = 1 << 20
_HEAD = b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\n'
# What a stranger's form may have at most: a passkey's answer is the largest.
_STRANGERS = 65_536


async def _field(pieces: int) -> AsyncIterator[bytes]:
    yield _HEAD
    for _ in range(pieces):
        yield b"a" * _MIB
    yield b"\r\n--b--\r\n"


async def _stuck() -> AsyncIterator[bytes]:
    yield _HEAD
    await asyncio.sleep(60)


def _post(office: Office, path: str, body: AsyncIterator[bytes], octets: int, cookie: str = "") -> Message:
    """Post as a server hands it on: piece by piece; return the answer's beginning."""
    said: list[Message] = []

    async def receive() -> Message:
        piece = await anext(body, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: Message) -> None:
        said.append(message)

    headers = {
        "host": "localhost:8443", "sec-fetch-site": "same-origin", "content-length": str(octets),
        "content-type": "multipart/form-data; boundary=b", "cookie": cookie,
    }  # fmt: skip
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "server": ("localhost", 8443), "client": ("127.0.0.1", 5000),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    asyncio.run(application(office)(scope, receive, send))
    return said[0]


def _cookie(office: Office, browser: Callable[..., object], role: Role) -> str:
    return f"{office.cookie}={browser(role).cookies[office.cookie]}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", [None, Role.VIEWER])
def test_what_they_may_not_send_is_not_kept(office: Office, browser: Browser, role: Role | None) -> None:
    """Neither from a stranger nor from somebody whose role doesn't allow it, and they hear why."""
    cookie = _cookie(office, browser, role) if role else ""
    octets = 16 * _MIB + 100
    _post(office, "/assess/runs/x/questions/1", _field(0), 60, cookie)  # loads what is loaded once
    tracemalloc.start()
    try:
        answer = _post(office, "/assess/runs/x/questions/1", _field(16), octets, cookie)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer["status"] == (403 if role else 401)
    assert most < 6 * _MIB


@pytest.mark.parametrize(("path", "role"), [("/sign-in", None), ("/assess/new", Role.ANALYST)])
def test_who_sends_too_slowly_is_told_so(
    office: Office, browser: Browser, monkeypatch: pytest.MonkeyPatch, path: str, role: Role | None
) -> None:
    monkeypatch.setattr(taking, "_GRACE_S", 0.05)
    cookie = _cookie(office, browser, role) if role else ""
    assert _post(office, path, _stuck(), 1000, cookie)["status"] == 408


def test_who_is_refused_does_not_hold_a_place(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "_SPILL_S", 0.05)
    answer = _post(office, "/assess/new", _stuck(), 1000)
    assert answer["status"] == 401
    assert (b"connection", b"close") in answer["headers"]


def test_the_time_for_a_body_is_a_least_speed() -> None:
    assert taking.seconds(0) == 20
    assert taking.seconds(65_536 * 100) == 120


def test_strangers_forms_are_small(office: Office) -> None:
    own = [
        one for page in office.pages for one in page.routes
        if one.method != "GET" and one.permission is Permission.OPEN
    ]  # fmt: skip
    assert len(own) > 5
    assert all(one.opens <= _STRANGERS for one in own), [one.path for one in own]
