"""The power cord's drivers with real processes, and a person who pulls it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.wire import Nobody
from sekisho.errors import PeerFailure
from sekisho.model.terminal import Power, Reset, Terminal
from sekisho.wires.power import power_of, reset_of, run_command


def test_a_command_cuts_a_real_process_and_another_restores_it(tmp_path: Path) -> None:
    device = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    mark = tmp_path / "on"
    power = power_of(
        Terminal(
            power=Power(driver="command", cut=("kill", "-9", str(device.pid)), restore=("touch", str(mark)))
        ),
        Nobody(),
    )
    assert power is not None
    try:
        asyncio.run(power.cut())
        assert device.wait(5) == -signal.SIGKILL
        asyncio.run(power.restore())
        assert mark.exists()
    finally:
        if device.poll() is None:
            device.kill()
            device.wait()


def test_a_command_that_fails_tells_what_it_said() -> None:
    with pytest.raises(PeerFailure) as caught:
        asyncio.run(run_command(("sh", "-c", "echo no such outlet >&2; exit 3")))
    assert caught.value.reason == "unsupported"
    assert "ended with 3: no such outlet" in caught.value.detail


def test_a_missing_command_is_data() -> None:
    with pytest.raises(PeerFailure) as caught:
        asyncio.run(run_command(("/nonexistent/plug", "off")))
    assert caught.value.reason == "unsupported"
    with pytest.raises(PeerFailure):
        asyncio.run(run_command(()))


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pid"
    began = time.monotonic()
    with pytest.raises(PeerFailure) as caught:
        asyncio.run(run_command(("sh", "-c", f"sleep 60 & echo $! > {pids}; wait"), seconds=0.5))
    assert caught.value.reason == "timed-out"
    assert time.monotonic() - began < 5
    child = int(pids.read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child outlived its command")


def test_a_background_child_does_not_hold_the_command(tmp_path: Path) -> None:
    """A restore command that starts a hypervisor and leaves it running."""
    began = time.monotonic()
    said = asyncio.run(run_command(("sh", "-c", f"echo started; sleep 30 & echo $! > {tmp_path / 'pid'}")))
    assert said == "started"
    assert time.monotonic() - began < 5
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_a_person_pulls_the_plug_or_is_not_there() -> None:
    terminal = Terminal(power=Power(driver="person"), reset=Reset(driver="person"))
    there = Nobody({"power-cut": "done", "power-restore": "not-possible"})
    power = power_of(terminal, there)
    assert power is not None
    asyncio.run(power.cut())
    with pytest.raises(PeerFailure) as caught:
        asyncio.run(power.restore())
    assert caught.value.reason == "unsupported"
    reset = reset_of(terminal, Nobody())
    assert reset is not None
    with pytest.raises(PeerFailure) as caught:
        asyncio.run(reset())
    assert caught.value.reason == "no-person"


def test_a_reset_command_runs_and_nothing_declared_is_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "reset"
    reset = reset_of(Terminal(reset=Reset(driver="command", command=("touch", str(mark)))), Nobody())
    assert reset is not None
    asyncio.run(reset())
    assert mark.exists()
    assert power_of(Terminal(), Nobody()) is None
    assert reset_of(Terminal(), Nobody()) is None
    assert power_of(Terminal(power=Power(driver="telepathy")), Nobody()) is None
