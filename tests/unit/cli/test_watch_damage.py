"""Damaged records, as whoever types the commands meets them: never "nothing found", never an invented detection."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.command import typed
from sekisho.demo import capture

START = 1_795_000_000.0


def sekisho(*words: object, code: int) -> str:
    done = typed(words, env={**os.environ, "SEKISHO_LANG": "en"})
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a day of the made capture, and with the same ten days later."""
    folder = tmp_path_factory.mktemp("damage")
    data = folder / "data"
    data.mkdir()
    (data / "watch.toml").write_text(capture.settings(), encoding="utf-8")
    for number in range(2):
        capture.write(folder / str(number), START - 864_000 * number)
        sekisho("ingest", folder / str(number) / "capture.pcap", "--data", data, code=0)
    return folder


@pytest.mark.parametrize(("offset", "count"), [(700, 100), (30_000, 400), (10, 4)])
def test_a_damaged_journal_is_not_nothing_found(taken: Path, tmp_path: Path, offset: int, count: int) -> None:
    data = tmp_path / "data"
    shutil.copytree(taken / "data", data)
    journals = sorted(data.rglob("*.journal"), key=lambda path: path.stat().st_size)
    content = bytearray(journals[-1].read_bytes())
    content[offset : offset + count] = os.urandom(count)
    journals[-1].write_bytes(content)
    other = tmp_path / "other.txt"
    other.write_text("198.51.100.250:4444\n")
    out = sekisho("detect", "--list", other, "--method", "known_cc", "--data", data, code=3)
    assert "could not be judged: 1 record files are damaged" in out
    assert journals[-1].name in out
    said = json.loads(sekisho("hunt", "--list", other, "--json", "--data", data, code=3))
    assert said["looks"][-1]["state"] == "not-measured"
    assert said["looks"][-1]["damaged"] == [journals[-1].relative_to(data / "records").as_posix()]
    sekisho("detect", "--list", other, "--method", "known_cc", "--data", taken / "data", code=0)


def test_an_undamaged_hour_is_judged_all_the_same(taken: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(taken / "data", data)
    newest = max(data.rglob("*.journal"), key=lambda path: path.name)
    content = newest.read_bytes()
    newest.write_bytes(content[:-2000] + bytes(1000) + content[-1000:])
    words = ("detect", "--list", taken / "0" / "cc-list.csv", "--data", data, "--json")
    looks = json.loads(sekisho(*words, code=1))["looks"]
    assert {look["state"] for look in looks if look["damaged"]} == {"not-measured"}
    assert "found" in {look["state"] for look in looks if not look["damaged"]}


def test_when_all_is_damaged_that_is_said(taken: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(taken / "data", data)
    for journal in data.rglob("*.journal"):
        journal.write_bytes(os.urandom(journal.stat().st_size))
    out = sekisho("detect", "--list", taken / "0" / "cc-list.csv", "--data", data, code=3)
    assert "record files are damaged" in out
    assert "no flows were taken in" not in out


def test_a_folder_that_may_only_be_read_is_asked(taken: Path, tmp_path: Path) -> None:
    """A real read-only file system, in a mount namespace of its own; the camera is found, and it is said that nothing is kept."""
    data = tmp_path / "data"
    shutil.copytree(taken / "data", data)
    words = ["-m", "sekisho", "detect", "--list", taken / "0" / "cc-list.csv", "--data", data]
    command = " ".join(f"'{one}'" for one in [sys.executable, *words])
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c",
         f"mount --bind '{data}' '{data}' && mount -o remount,ro,bind '{data}' && exec {command}"],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "SEKISHO_LANG": "en"},
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr == "not recorded: the folder can only be read\n"
    assert "confirmed" in done.stdout


def on_a_full_disk(data: Path, room: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the command over a copy of ``data`` in a file system of its own on which not one octet is left."""
    room.mkdir()
    command = " ".join(
        f"'{one}'" for one in [sys.executable, "-m", "sekisho", *words, "--data", room / "data"]
    )
    fill = f"dd if=/dev/zero of='{room}/full' bs=4096 2>/dev/null; dd if=/dev/zero of='{room}/full2' bs=1 2>/dev/null"
    return subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c",
         f"mount -t tmpfs -o size=8m tmpfs '{room}' && cp -r '{data}' '{room}/data' && {{ {fill}; exec {command}; }}"],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "SEKISHO_LANG": "en"},
    )  # fmt: skip


def test_on_a_full_disk_what_was_found_is_shown(taken: Path, tmp_path: Path) -> None:
    """The answer isn't lost with its record; where there is nothing to show, the fault is the exit code."""
    words = ("detect", "--list", taken / "0" / "cc-list.csv")
    done = on_a_full_disk(taken / "data", tmp_path / "a", *words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "confirmed" in done.stdout
    assert "not recorded: detections can't be written" in done.stderr
    assert "No space left" in done.stderr
    told = json.loads(on_a_full_disk(taken / "data", tmp_path / "b", *words, "--json").stdout)
    assert "No space left" in told["unrecorded"]
    assert told["detections"]
    nothing = on_a_full_disk(taken / "data", tmp_path / "c", "detect", "--method", "brute_force")
    assert nothing.returncode == 2, nothing.stdout + nothing.stderr
    assert "nothing found" in nothing.stdout
    assert "not recorded: what was looked at can't be written" in nothing.stderr


def test_rows_that_were_rejected_are_told_by_detect_and_hunt(taken: Path, tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "flows.csv"
    shutil.copytree(taken / "data", data)
    head = "flowStartMilliseconds,sourceAddress,destinationAddress,protocolIdentifier,packetDeltaCount"
    at = int(START * 1000)
    file.write_text(f"{head}\n{at},{capture.CAMERA},198.51.100.9,17,1\n" + 3 * f"{at},?,198.51.100.9,17,1\n")
    sekisho("ingest", file, "--data", data, code=3)
    other = tmp_path / "other.txt"
    other.write_text("198.51.100.250:4444\n")
    out = sekisho("detect", "--list", other, "--method", "known_cc", "--data", data, code=3)
    assert "some rows could not be taken in" in out
    assert "flows.csv: 3" in out
    assert "flows.csv: 3" in sekisho("hunt", "--list", other, "--data", data, code=3)
