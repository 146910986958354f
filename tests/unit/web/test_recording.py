"""One line for each request, with nobody's address or name in it; live pages learn that the server ends."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from starlette.responses import StreamingResponse
from starlette.types import Message

from fakes.console import browsing, first_admin
from sekisho.web.leaving import Leaving
from sekisho.web.measures import Measures
from sekisho.web.office import Office
from sekisho.web.recording import Recorded, json_line, no_line, pseudonym


def test_a_line_tells_route_status_time_and_a_pseudonym(office: Office) -> None:
    rows: list[dict[str, Any]] = []
    made = replace(office, log=rows.append)
    admin = first_admin(made)
    own = browsing(made, admin.token)
    answer = own.get("/search?q=203.0.113.77")
    own.get("/cases/secret-case?family=mirai")
    assert [one["route"] for one in rows] == ["/search", "/cases/{id}"]
    first = rows[0]
    assert (first["status"], first["method"], first["id"]) == (200, "GET", answer.headers["x-request-id"])
    assert first["ms"] > 0
    assert first["statements"] > 1
    assert first["account"] == rows[1]["account"] == pseudonym(office.gate.key, admin.account.id)
    told = str(rows)
    assert all(
        word not in told for word in ("203.0.113.77", "secret-case", "mirai", "関守", admin.account.id)
    )


def test_a_fault_is_told_by_its_place_and_not_by_its_words(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, Any]] = []
    made = replace(office, log=rows.append)
    own = browsing(made, first_admin(made).token)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("203.0.113.99")

    monkeypatch.setattr(office.console.casework, "counts", broken)
    page = own.get("/cases")
    assert page.status_code == 500
    fault, request = rows
    assert fault["id"] == request["id"]
    assert fault["id"] in page.text
    assert (fault["event"], fault["kind"]) == ("fault", "RuntimeError")
    assert any("broken" in one for one in fault["frames"])
    assert "203.0.113.99" not in str(rows)


def test_a_line_is_json(capfd: pytest.CaptureFixture[str]) -> None:
    json_line({"a": "関"})
    assert capfd.readouterr().err == '{"a":"関"}\n'


def test_nobody_has_no_pseudonym_and_another_key_another_one() -> None:
    assert pseudonym(b"k", "") == ""
    assert pseudonym(b"k", "a") != pseudonym(b"l", "a")


async def _stream(leaving: Leaving) -> list[Message]:
    async def beats() -> Any:
        yield "data: 1\n\n"
        await asyncio.Event().wait()

    begun = asyncio.Event()
    sent: list[Message] = []

    async def receive() -> Message:
        if not begun.is_set():
            begun.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)
        if message.get("body", b"").startswith(b"data: 1"):
            leaving.begin()

    answer = StreamingResponse(beats(), media_type="text/event-stream")
    measures = Measures()
    made = Recorded(answer, measures=measures, leaving=leaving, log=no_line, key=b"k")
    scope = {"type": "http", "method": "GET", "path": "/live", "headers": [], "asgi": {"spec_version": "2.3"}}
    await asyncio.wait_for(made(scope, receive, send), 5)
    assert measures.figures().gauges["sekisho_live_clients"] == 0
    return sent


def test_a_live_page_is_told_that_the_server_leaves() -> None:
    sent = asyncio.run(_stream(Leaving()))
    assert sent[-1]["body"].startswith(b"event: leaving")
    assert not sent[-1].get("more_body")
