"""The generated reference pages are fresh."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import sys
from pathlib import Path
from tests.house.reference import REFERENCE, pages
stale = [name for name, text in pages().items()
         if not (REFERENCE / name).is_file() or (REFERENCE / name).read_text(encoding="utf-8") != text]
sys.exit("stale, run ./run docs: " + ", ".join(stale) if stale else 0)
"""


def test_reference_is_fresh() -> None:
    environment = {**os.environ, "SEKISHO_LANG": "en", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
