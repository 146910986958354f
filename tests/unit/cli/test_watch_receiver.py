"""``sekisho watch`` and its receiver: an address that isn't ours, and a receiver that somebody ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.command import typed
from sekisho.stores.spool_place import Place
from sekisho.wiring.live import receiving
from sekisho.wiring.watch import Watch
from sekisho.workflows.receive import last_told


@pytest.mark.parametrize("address", ["1.2.3.4.5", "192.0.2.1", "fe80::1%none", ""])
def test_an_address_that_is_not_ours_is_a_wrong_use_at_once(tmp_path: Path, address: str) -> None:
    done = typed(
        ("watch", "--data", tmp_path / "data", "--listen", address, "--for", 1, "--lang", "en"), timeout=30
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "can't listen on this address" in done.stderr
    assert f"{address}: " in done.stderr
    assert "ports are taken" not in done.stderr


def test_a_receiver_that_is_killed_is_started_anew_and_that_is_said(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with Watch(tmp_path / "data") as watch:
        place = receiving(watch, listen=(), ports=(), disk=False).place()
    words = ["watch", "--data", tmp_path / "data", "--listen", "127.0.0.1", "--port", port]
    process = subprocess.Popen(
        [sys.executable, "-m", "sekisho", *map(str, words), "--lang", "en"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        first = _receiver(place, process)
        assert first
        time.sleep(1.5)  # the watch asks it once a second
        os.kill(first, signal.SIGKILL)
        second = _receiver(place, process, not_this=first)
        assert second, process.communicate()
        time.sleep(1.5)
        os.kill(second, 0)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 3, said
    assert "started anew (times: 1)" in said


def _receiver(place: Place, watch: subprocess.Popen[str], not_this: int = 0) -> int:
    """Return the process of the receiver that tells its figures, once it isn't ``not_this``."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and watch.poll() is None:
        told = last_told(place)
        if told and told.process != not_this:
            return told.process
        time.sleep(0.1)
    return 0
