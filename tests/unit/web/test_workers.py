"""Several workers are one console: they share its limit, are replaced when they die, and end together."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from sekisho.web.shared_rate import SharedRate

_PATIENCE_S = 30


def _children(pid: int) -> set[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return {int(one) for one in told.split()}


def _until(what: object, seconds: float = _PATIENCE_S) -> None:
    ends = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_workers_share_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "rate"
    SharedRate.make(file)
    one, other = SharedRate(file, 10, 20), SharedRate(file, 10, 20)
    now = 1_000_000
    taken = [(one, other)[number % 2].allows("192.0.2.1", now) for number in range(21)]
    assert taken == [True] * 20 + [False]
    assert other.allows("192.0.2.1", now + 100)
    assert not one.allows("192.0.2.1", now + 100)
    assert one.allows("192.0.2.2", now)


def test_a_crew_serves_replaces_and_leaves(tmp_path: Path) -> None:
    err = tmp_path / "err"
    with err.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sekisho", "serve", "--data", str(tmp_path / "data"), "--port", "0", "--json",
             "--workers", "2", "--log", "json"], stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert "/set-up/" in told["set_up"]
        with urllib.request.urlopen(f"{told['url']}readyz", timeout=_PATIENCE_S) as answer:
            assert json.load(answer)["ready"]
        _until(lambda: len(_children(process.pid)) == 2)
        before = _children(process.pid)
        dead = min(before)
        os.kill(dead, signal.SIGKILL)
        _until(lambda: len(_children(process.pid) - {dead}) == 2)
        with urllib.request.urlopen(f"{told['url']}healthz", timeout=_PATIENCE_S) as answer:
            assert answer.status == 200
        after = _children(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(_PATIENCE_S) == 0
        assert not any(Path(f"/proc/{one}").exists() for one in after)
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()
    rows = [json.loads(line) for line in err.read_text(encoding="utf-8").splitlines()]
    assert {"/readyz", "/healthz"} <= {row["route"] for row in rows}
