"""An assessor that is stopped goes on where it was and puts things back; an altered byte is seen."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sekisho.demo.street import Street

from .assessing import SEKISHO, Outcome, chain, measured

pytestmark = [pytest.mark.lab, pytest.mark.slow]

_ONLY = ("--only", "web_login", "--only", "update_channel", "--only", "power_retention")
_CORD = """
import subprocess, sys
with open(sys.argv[1], "a") as log:
    log.write("cut\\n")
sys.exit(subprocess.run(sys.argv[2:]).returncode)
"""


class Place:
    """One street with one router, whose power cord counts how often it is pulled."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cuts = folder, folder / "cuts.log"
        self.street = Street(folder / "street")
        self.street.build()
        self.street.start("baseline")
        self.target = self.street.describe("baseline")
        counted = json.dumps([sys.executable, "-c", _CORD, str(self.cuts)])[:-1]
        text = self.target.read_text(encoding="utf-8").replace("\ncut = [", f"\ncut = {counted}, ")
        self.target.write_text(text, encoding="utf-8")
        self.consent = folder / "authorisation.toml"
        self.consent.write_text(
            'allowed_by = "Lab"\nrole = "owner"\nstatement = "Made to be tested."\nsigned_on = 2026-01-01\n'
            "valid_from = 2026-01-01\nvalid_until = 2099-12-31\n"
            f'addresses = ["{self.street.net("baseline")}.0/24"]\n'
            'risks = ["read", "factory", "login", "write", "update", "power", "lockout"]\n'
        )
        self.run = folder / "run"

    def first(self) -> list[str]:
        """The command that begins the assessment."""
        return [
            *SEKISHO,
            "assess",
            str(self.target),
            "-a",
            str(self.consent),
            "-o",
            str(self.run),
            "--json",
            *_ONLY,
        ]

    def again(self) -> list[str]:
        """The command that goes on with it."""
        return [*SEKISHO, "assess", "--resume", str(self.run), "--json", *_ONLY]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A fresh router on loopback."""
    made = Place(tmp_path)
    try:
        yield made
    finally:
        made.street.stop()


def test_control_c_ends_within_two_seconds_and_resumes(place: Place) -> None:
    process = _start(place.first())
    _until(place.run, 12, process)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    assert time.monotonic() - begin < 2.0
    resumed = measured(place.again(), place.run, 120)
    assert resumed.verdicts["JP20-3"] == "PASS"
    _put_back(resumed)
    assert _verify(place.run) == 0
    blob = max((place.run / "evidence").iterdir(), key=lambda one: one.stat().st_size)
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)
    assert _verify(place.run) == 1, "one flipped bit is seen"


def _is_work(event: dict[str, object]) -> bool:
    return event["kind"] in {"step", "began", "undo"}


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def _until(folder: Path, point: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "chain.jsonl").is_file() and sum(map(_is_work, chain(folder))) >= point:
            return
        time.sleep(0.01)
    raise AssertionError(f"ended ({process.returncode}) or hung before event {point}")


def _put_back(outcome: Outcome) -> None:
    """Every setting that was changed is journalled as back, and was read as back."""
    left: set[str] = set()
    for event in chain(outcome.folder):
        if event["kind"] == "undo" and event["body"].get("value") is not None:
            left.add(event["body"]["setting"])
        elif event["kind"] == "restored":
            left.discard(event["body"]["setting"])
    assert left == set()


def _verify(folder: Path) -> int:
    return subprocess.run(
        [*SEKISHO, "verify", str(folder)], capture_output=True, timeout=60, check=False
    ).returncode
