"""Progress at a real terminal: nothing is drawn over the line on which a person types an answer."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

PROMPT = b"no answer)> "
ADDRESS = "127.77.9.44"


def _until(screen: int, word: bytes, seconds: float = 30.0) -> bytes:
    seen, end = b"", time.monotonic() + seconds
    while word not in seen:
        assert time.monotonic() < end, seen
        if select.select([screen], [], [], 0.2)[0]:
            seen += os.read(screen, 65_536)
    return seen


def test_the_line_of_an_answer_is_left_alone(tmp_path: Path) -> None:
    sekisho = [sys.executable, "-m", "sekisho"]
    environment = {**os.environ, "SEKISHO_LANG": "en", "TERM": "xterm-256color", "COLUMNS": "100"}
    subprocess.run(
        [*sekisho, "authorise", ADDRESS, "--by", "x", "--yes"], cwd=tmp_path, env=environment,
        check=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    screen, keyboard = pty.openpty()
    words = ["assess", ADDRESS, "-a", "authorisation.toml", "--only", "document_check", "--assume-up"]
    process = subprocess.Popen(
        [*sekisho, *words, "-o", str(tmp_path / "run")], cwd=tmp_path, env=environment,
        stdin=keyboard, stdout=subprocess.DEVNULL, stderr=keyboard, start_new_session=True,
    )  # fmt: skip
    try:
        seen = _until(screen, PROMPT)
        assert b"\x1b[?25l" in seen  # it had been drawing before
        os.write(screen, b"ye")
        # What is typed is echoed, and nothing else comes in the time of several redraws (12.5 a second).
        time.sleep(0.4)
        assert os.read(screen, 65_536) == b"ye"
    finally:
        process.terminate()
        process.wait(timeout=20)
        os.close(screen)
        os.close(keyboard)
