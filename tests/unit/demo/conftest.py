"""Start demo terminals as processes, like strangers, and make sure that none is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Running:
    """A terminal's process; `cut` is its power cord."""

    words: list[str]
    process: subprocess.Popen[str] = field(init=False)
    said: dict = field(init=False)

    def __post_init__(self) -> None:
        self.boot()

    def boot(self) -> None:
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, text=True)
        self.said = json.loads(self.process.stdout.readline())

    def cut(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.process.stdout.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        self.process.stdout.close()
        return code


@dataclass
class Browser:
    """A cookie jar and a base address."""

    base: str

    def __post_init__(self) -> None:
        handlers = [urllib.request.HTTPCookieProcessor(CookieJar()), urllib.request.ProxyHandler({})]
        self._opener = urllib.request.build_opener(*handlers)

    def ask(self, path: str, body: bytes | dict | None = None, kind: str = "") -> tuple[int, str, str]:
        """Return status, final path and text."""
        data = urllib.parse.urlencode(body).encode() if isinstance(body, dict) else body
        request = urllib.request.Request(self.base + path, data)
        if kind:
            request.add_header("Content-Type", kind)
        try:
            with self._opener.open(request, timeout=10) as answer:
                return answer.status, urllib.parse.urlsplit(answer.url).path, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, urllib.parse.urlsplit(error.url).path, error.read().decode()


@pytest.fixture
def ports() -> Callable[[], int]:
    return free_port


@pytest.fixture
def browser() -> type[Browser]:
    return Browser


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def run(module: str, state: Path, **options: object) -> Running:
        words = [sys.executable, "-m", module, "--state", str(state)]
        words += [
            word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))
        ]
        started.append(Running(words))
        return started[-1]

    yield run
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait(10)
        one.process.stdout.close()
