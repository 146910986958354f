"""A run whose disk fills up: it ends and says so, what it had kept is good, and with room again it goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = """
import json, os, socket, sys, time
from pathlib import Path
from sekisho.language import Language
from sekisho.model.case_life import Actor
from sekisho.wiring.console import Console
from sekisho.wiring.console_runs import Wanted

root, who = Path(sys.argv[1]), Actor("one", "analyst")
data, told = root / "data", {}
door = socket.create_server(("127.0.78.3", 0))
(data / "terminals").mkdir(parents=True)
(data / "terminals" / "r1.toml").write_text('model = "R1"\\n[[interfaces]]\\nname = "lan"\\naddresses = ["127.0.78.3"]\\n')
(data / "assess.toml").write_text(f"answer_seconds = {sys.argv[2]}\\nown = ['127.0.78.3']\\n")
console = Console(data, create=True)
desk = console.runs
wanted = Wanted(described="r1.toml", catalogues=("jp-2025-report",), only=("document_check",), allowed_by="x", agreed=True)
name = desk.start(wanted, who, Language.EN)

def until(true):
    end = time.monotonic() + 40
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)

until(lambda: desk.asking(name))
filler = os.open(root / "filler", os.O_WRONLY | os.O_CREAT)
try:
    while os.write(filler, bytes(1 << 16)):
        pass
except OSError:
    pass
try:
    while os.write(filler, bytes(1)):
        pass
except OSError:
    pass
if sys.argv[3] == "stop":
    how = desk.stop(name, who)
    told["interrupted"], told["unrecorded"] = how.interrupted, len(how.unrecorded)
    began = time.monotonic()
until(lambda: not desk.run(name).state.alive)
if sys.argv[3] == "stop":
    print(json.dumps({**told, "seconds": time.monotonic() - began}))
    sys.exit()
full = desk.run(name)
told["state"], told["free"], told["resumable"] = full.state.value, full.free, full.resumable
os.close(filler)
(root / "filler").unlink()
told["problems"] = [one.kind for one in console.terminals.verify(name).problems]
desk.resume(name, who, Language.EN)
until(lambda: not desk.run(name).state.alive)
told["end"] = desk.run(name).state.value
told["left"] = [one.kind for one in console.terminals.verify(name).problems]
print(json.dumps(told))
"""


def _small(tmp_path: Path, *words: str) -> dict[str, Any]:
    """Run the script in a small disk of its own and return what it told."""
    script = tmp_path / "full.py"
    script.write_text(SCRIPT, encoding="utf-8")
    root = tmp_path / "small"
    root.mkdir()
    called = f'"{sys.executable}" "{script}" "{root}" {" ".join(words)}'
    command = f'mount -t tmpfs -o size=24m none "{root}" && exec {called}'
    done = subprocess.run(
        ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", command],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_a_run_is_stopped_on_a_full_disk(tmp_path: Path) -> None:
    told = _small(tmp_path, "3600", "stop")
    assert told["interrupted"] is True
    assert told["unrecorded"] >= 1, "what the disk didn't take is told"
    assert told["seconds"] < 3


def test_a_full_disk_ends_a_run_and_room_lets_it_go_on(tmp_path: Path) -> None:
    told = _small(tmp_path, "0.25", "end")
    assert told["state"] in ("failed", "died"), told
    assert told["free"] < 200_000_000
    assert told["resumable"] is True
    assert set(told["problems"]) <= {"interrupted", "torn"}
    assert told["end"] == "complete", told
    assert told["left"] == []
