"""Programs that nobody here wrote, in environments of their own.

What they need doesn't fit beside what Sekisho needs, or has another licence; so each list of libraries (versions and hashes
pinned) gets its own environment, made once, and what stands in it is started as a process. The lists are made from the
``.in`` files beside them: ``uv pip compile --generate-hashes --no-annotate --no-header``; misp-modules is added to the
clients without what it asks for, since one file of it is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_PATIENCE_S = 600


def interpreter(name: str) -> Path:
    """Return the Python of the environment that ``name``.txt asks for; whoever comes first makes it, others wait."""
    asked = HERE / f"{name}.txt"
    mark = hashlib.sha256(asked.read_bytes() + sys.version.encode()).hexdigest()[:12]
    root = Path(sys.prefix) / "strangers"
    root.mkdir(exist_ok=True)
    folder, stamp = root / f"{name}-{mark}", root / f"{name}-{mark}.made"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            _make(folder, asked)
            stamp.touch()
    return folder / "bin" / "python"


def _make(folder: Path, asked: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    venv.create(folder, with_pip=uv is None)
    python = str(folder / "bin" / "python")
    words = [uv, "pip", "install", "-q", "--python", python] if uv else [
        python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile"
    ]  # fmt: skip
    done = subprocess.run(
        [*words, "--no-deps", "--require-hashes", "-r", str(asked)],
        capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])


def told_by(environment: str, program: str, *words: str, patience: float = 240) -> Any:
    """Start a program of this folder in an environment, and return the JSON of its last line."""
    python = interpreter(environment)
    quiet = {**os.environ, "NO_PROXY": "*", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [str(python), str(HERE / f"{program}.py"), *words],
        capture_output=True, text=True, timeout=patience, check=False, env=quiet,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(f"{program}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
