"""What programs ask: alive, ready, counted."""

import os
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fakes.console import Browser
from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.account import Role
from sekisho.web.office import Office
from sekisho.web.pages import health


@pytest.fixture(autouse=True)
def asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_EVERY_S", 0.0)


def test_alive_and_ready_are_told_to_everybody_and_nothing_else_is(
    stranger: TestClient, office: Office
) -> None:
    assert stranger.get("/healthz").json() == {"alive": True}
    assert stranger.get("/readyz").json() == {
        "ready": True, "database": "ok", "folder": "ok", "server": "ok",
    }  # fmt: skip
    assert not list(office.console.folder.glob(".ready*"))


def test_a_database_that_is_gone_is_said_and_comes_back(stranger: TestClient, office: Office) -> None:
    file = office.console.folder / "cases.db"
    file.rename(away := file.with_name("away.db"))
    answer = stranger.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": "no answer", "folder": "ok", "server": "ok"}
    assert stranger.get("/healthz").status_code == 200
    away.rename(file)
    assert stranger.get("/readyz").status_code == 200


def test_a_folder_that_takes_nothing_is_said(stranger: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full")
    assert full.is_char_device()
    real = os.open
    # The system's own full disk: what is opened takes nothing.
    monkeypatch.setattr(
        health.os,
        "open",
        lambda path, *more: real(full, os.O_WRONLY) if ".ready" in str(path) else real(path, *more),
    )
    answer = stranger.get("/readyz")
    assert (answer.status_code, answer.json()["folder"]) == (503, "full")


def test_who_leaves_is_not_ready(stranger: TestClient, office: Office) -> None:
    office.leaving.begin()
    answer = stranger.get("/readyz")
    assert (answer.status_code, answer.json()["server"]) == (503, "leaving")


def test_figures_are_for_who_may_see_and_name_no_address(
    stranger: TestClient, browser: Browser, office: Office
) -> None:
    refused = stranger.get("/metrics")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    viewer = browser(Role.VIEWER)
    viewer.get("/search?q=203.0.113.77")
    viewer.get("/cases/no-such-case")
    viewer.get("/nowhere-at-all")
    told = viewer.get("/metrics")
    assert told.status_code == 200
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = told.text
    assert 'sekisho_requests_total{method="GET",route="/cases/{id}",status="404"} 1' in text
    assert 'sekisho_requests_total{method="GET",route="none",status="404"} 1' in text
    assert "203.0.113.77" not in text
    assert "no-such-case" not in text
    assert "nowhere" not in text
    assert "sekisho_watch_running 0" in text


def test_refused_sign_ins_and_refusing_stores_are_counted(
    stranger: TestClient, browser: Browser, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = browser(Role.VIEWER)
    stranger.post("/sign-in", data={"name": "関守", "password": "not that one"})

    def gone(*_: object, **__: object) -> None:
        raise StoreError(Text(ja="ない", en="gone"), "")

    monkeypatch.setattr(office.console.casework, "counts", gone)
    assert own.get("/cases").status_code == 503
    text = own.get("/metrics").text
    assert 'sekisho_sign_in_refusals_total{status="403"} 1' in text
    assert 'sekisho_store_errors_total{route="/cases"} 1' in text
    assert 'sekisho_database_statements_total{route="/cases"}' in text
