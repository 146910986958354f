"""Two hubs as two processes on loopback: each takes from the other by itself, also behind a ``kill -9``."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fakes.command import typed
from fakes.sharing import MEDIA, indicator
from sekisho.model.indicator import Tlp
from sekisho.model.sharing import rfc3339

PROOFS = ("--proof", "conditions=技術的条件@2026-01-01", "--proof", "terms=約款@2026-01-01")
COUNT = 240


def said(folder: Path, *words: object, code: int = 0) -> Any:
    done = typed(["hub", *words, "--hub", folder, "--json"])
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def founded(folder: Path, *members: str) -> dict[str, str]:
    """Make a hub with full members; return their tokens."""
    said(folder, "init", "--title", f"ハブ {folder.name}", "--allow-documentation")
    with (folder / "hub.toml").open("a") as file:
        file.write("release_seconds = 1\npeer_seconds = 1\n")
    tokens = {}
    for name in members:
        said(folder, "member", "add", name, "--ja", name, "--en", name, "--role", "full", *PROOFS)
        tokens[name] = said(folder, "token", "make", name)["token"]
    return tokens


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "sekisho", "hub", "serve", "--port", "0", "--hub", str(folder), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"].removesuffix("taxii2/"), process
    finally:
        process.terminate()
        assert process.wait(20) in {0, -signal.SIGTERM, -signal.SIGKILL, 130}
        if process.stdout:
            process.stdout.close()


def reported(
    url: str, folder: Path, tokens: dict[str, str], *names: str, more: dict[str, Any] | None = None
) -> None:
    """Let members report the same addresses."""
    ids = {one["alias"]: one["id"] for one in said(folder, "status")["collections"]}
    moment = rfc3339(int((time.time() - 60) * 1_000_000))
    for at, name in enumerate(names):
        objects = [
            indicator(
                f"198.51.{100 + n // 200}.{n % 200 + 1}",
                number=at * 1000 + n + 1,
                moment=moment,
                tlp=Tlp.GREEN,
            )
            | (more or {})
            for n in range(COUNT)
        ]
        asked = urllib.request.Request(
            f"{url}sharing/collections/{ids['list-in']}/objects/",
            json.dumps({"objects": objects}).encode(),
            {"Authorization": f"Bearer {tokens[name]}", "Content-Type": MEDIA, "Accept": MEDIA},
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert json.load(answer)["failure_count"] == 0


def heard(folder: Path, *states: str) -> dict[str, Any]:
    words = [word for state in states for word in ("--state", state)]
    return {
        one["standing"]["key"]: one["standing"]
        for one in said(folder, "indicators", "--limit", 10_000, *words)["indicators"]
    }


def until(seconds: float, what: Any) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.2)
    return found


def test_two_processes_take_from_each_other_behind_kills(tmp_path: Path) -> None:
    jp, de = tmp_path / "jp", tmp_path / "de"
    ours, theirs = founded(jp, "a", "b"), founded(de, "c")
    said(jp, "peer", "add", "de", "--ja", "独", "--en", "DE", "--give", "list")
    token = tmp_path / "token"
    token.write_text(said(jp, "token", "make", "de")["token"] + "\n")
    token.chmod(0o600)
    with serving(jp) as (at_jp, _):
        reported(at_jp, jp, ours, "a", "b")
        assert len(until(20, lambda: heard(jp, "confirmed"))) == COUNT
        until(20, lambda: said(jp, "status")["to_publish"] == 0)
        terms = ("--ja", "日", "--en", "JP", "--url", at_jp, "--token-file", token, "--take", "list")
        said(de, "peer", "add", "jp", *terms)
        for _ in range(4):  # killed anywhere between the first page and the last
            command = [sys.executable, "-m", "sekisho", "hub", "peer", "pull", "jp", "--hub", str(de)]
            pull = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                pull.wait(random.uniform(0.6, 2.0))
            pull.kill()
            pull.wait()
        (pulled,) = said(de, "peer", "pull", "jp")["pulled"]
        assert pulled["reason"] == ""
        there = heard(de)
        assert len(there) == COUNT
        assert {(one["state"], one["voices"]) for one in there.values()} == {("candidate", 1)}
        assert said(de, "peer", "list")["indicators"] == {"jp": COUNT}
        # From here on it takes by itself; with a voice of its own there, it is confirmed, and all ends when jp takes it back.
        with serving(de) as (at_de, process):
            reported(at_de, de, theirs, "c")
            assert len(heard(de, "confirmed")) == COUNT
            process.kill()
        with serving(de):
            later = rfc3339(int(time.time() * 1_000_000))
            reported(at_jp, jp, ours, "a", "b", more={"revoked": True, "modified": later})
            until(30, lambda: not heard(de, "confirmed"))
        assert {one["voices"] for one in heard(de).values()} == {1}
    assert "jp" in typed(["hub", "peer", "list", "--hub", de]).stdout
    assert said(de, "peer", "pull", "jp", code=3)["pulled"][0]["reason"] == "refused"
    said(de, "peer", "remove", "jp", "--reason", "終了")
    assert said(de, "peer", "remove", "jp", "--reason", "終了", code=2)["error"]
