"""The unit that is printed: systemd itself reads it, and what was typed comes back."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from sekisho.web.readiness import tell
from sekisho.web.systemd import unit_of


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "sekisho.service"
    words = ["sekisho", "serve", "--data", "a b", "--workers", "2", "--name", "100%$x", "--systemd-unit"]
    unit.write_text(unit_of(tmp_path / "a b", words), encoding="utf-8")
    text = unit.read_text(encoding="utf-8")
    assert f'--data "{tmp_path}/a b" --log json --workers 2 --name 100%%$$x\n' in text
    assert "--systemd-unit" not in text
    hub = unit_of(tmp_path / "a", ["sekisho", "serve", "--hub", "h h"], tmp_path / "h h")
    assert f'--data {tmp_path}/a --log json --hub "{tmp_path}/h h"\n' in hub
    assert f'ReadWritePaths={tmp_path}/a "{tmp_path}/h h"\n' in hub
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        # Nothing reads it then but its own form.
        assert all("=" in line for line in text.splitlines() if line and line[0] not in "#[")
        return
    unit.write_text(text.replace("User=sekisho\nGroup=sekisho\n", "User=daemon\n"), encoding="utf-8")
    done = subprocess.run(
        [systemd, "verify", str(unit)], check=False, capture_output=True, text=True, timeout=60
    )
    said = [line for line in done.stderr.splitlines() if "sekisho.service" in line]
    assert said == []


@pytest.mark.parametrize("abstract", [False, True])
def test_readiness_is_told_to_who_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    name = f"@sekisho-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name[1:]}" if abstract else name)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        assert tell("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not tell("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    assert not tell("READY=1")
