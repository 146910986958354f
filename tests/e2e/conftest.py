"""A real console in a real browser: ``sekisho serve`` as its user starts it, Chromium as its user opens it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "雨の日の関所は静かである"
# A browser that asks for nothing by itself: the machine may have no way out.
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
          "--disable-sync", "--no-first-run", "--disable-dev-shm-usage"]  # fmt: skip


def pytest_runtest_setup(item: pytest.Item) -> None:
    if CHROMIUM.exists():
        return
    why = f"THE CONSOLE WAS NOT SEEN IN A BROWSER: {CHROMIUM} is missing (apt-get install chromium)"
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


@dataclass
class Served:
    """A running console.

    :ivar set_up: the one-time link it printed
    """

    process: subprocess.Popen[str]
    url: str
    set_up: str
    data: Path

    def end(self) -> None:
        """End it as a person would: Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(15)
        finally:
            self.process.kill()
            if self.process.stdout is not None:
                self.process.stdout.close()


def serve(data: Path, *options: str) -> Served:
    """Start a console on any free port and read what it prints."""
    command = [
        sys.executable,
        "-m",
        "sekisho",
        "serve",
        "--data",
        str(data),
        "--port",
        "0",
        "--json",
        *options,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    return Served(process, told["url"], told["set_up"], data)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A browser for the files here, and for no others: while Playwright lives, its event loop is the thread's running one,
    and no other test of the process could start its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_QUIET)
        yield browser
        browser.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    one = serve(tmp_path / "data", "--name", "localhost")
    yield one
    one.end()


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser of its own; what the policy forbids or a script breaks fails the test."""
    contexts, faults = [], []

    def failed(request: Request) -> None:
        # Who goes to the next page before the last picture has come aborts it: the browser's doing, no fault.
        if "live" not in request.url and request.failure != "net::ERR_ABORTED":
            faults.append(f"{request.url}: {request.failure}")

    def open_(**options: object) -> Page:
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda m: faults.append(m.text) if "Content Security Policy" in m.text else None)
        page.on("requestfailed", failed)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not faults


def set_up(page: Page, served: Served, name: str = "関守") -> None:
    """Go through the first set-up."""
    page.goto(served.set_up)
    page.get_by_label("名前").fill(name)
    page.get_by_label("パスワード", exact=True).fill(PASSWORD)
    page.get_by_label("もう一度").fill(PASSWORD)
    page.get_by_role("button", name="始める").click()
    page.wait_for_url(served.url)
