"""An assessor that is stopped goes on where it was and puts things back; an altered byte is seen."""

import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sekisho.demo.street import Street

from .assessing import NO_PAGES, SEKISHO, Outcome, chain, measured

pytestmark = [pytest.mark.lab, pytest.mark.slow]

_ONLY = ("web_login", "update_channel", "power_retention")
# Access control is passed only when every way in was looked at.
_BROAD = (
    "open_ports", "service_identity", "unit_uniqueness", "first_use", "web_login", "telnet_login", "ssh_login",
    "power_retention",
)  # fmt: skip
_KILLS = 20
_SEED = 20
# Right after these the dead run is inside a step that is never repeated: what that costs is another test.
_NEAR_ONCE = 6
_CORD = """
import subprocess, sys
with open(sys.argv[1], "a") as log:
    log.write(sys.argv[-1] + "\\n")
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
        text = self.target.read_text(encoding="utf-8")
        for act in ("cut", "restore"):
            text = text.replace(f"\n{act} = [", f"\n{act} = {counted}, ")
        self.target.write_text(text, encoding="utf-8")
        self.consent = folder / "authorisation.toml"
        self.consent.write_text(
            'allowed_by = "Lab"\nrole = "owner"\nstatement = "Made to be tested."\nsigned_on = 2026-01-01\n'
            "valid_from = 2026-01-01\nvalid_until = 2099-12-31\n"
            f'addresses = ["{self.street.net("baseline")}.0/24"]\n'
            'risks = ["read", "factory", "login", "write", "update", "power", "lockout"]\n'
        )
        self.limits = folder / "limits.toml"
        # A killed process loses nothing that the kernel has taken over: there is no lazy medium to wait for.
        self.limits.write_text("quiet_seconds = 1.0\n")
        self.run = folder / "run"

    def first(self, *only: str) -> list[str]:
        """The command that begins the assessment."""
        return [
            *SEKISHO,
            "assess",
            str(self.target),
            "-a",
            str(self.consent),
            "-o",
            str(self.run),
            "--limits",
            str(self.limits),
            "--json",
            *NO_PAGES,
            *_words(only),
        ]

    def again(self, *only: str) -> list[str]:
        """The command that goes on with it."""
        return [*SEKISHO, "assess", "--resume", str(self.run), "--json", *NO_PAGES, *_words(only)]

    def acts(self) -> Counter[str]:
        """How often the cord was pulled (cut) and put back (restore)."""
        return Counter(self.cuts.read_text().split() if self.cuts.is_file() else ())

    def state(self) -> dict[str, Any]:
        """What the router holds on its disk."""
        return dict(json.loads((self.folder / "street/baseline/config.json").read_text()))

    def answers(self) -> bool:
        """Whether its web administration takes a connection."""
        words = json.loads((self.folder / "street/street.json").read_text())["starts"]["baseline"]
        port = int(words[words.index("--web-port") + 1])
        with socket.socket() as knock:
            return knock.connect_ex((f"{self.street.net('baseline')}.1", port)) == 0

    def anew(self, folder: str) -> None:
        """Back to the factory, for another assessment of the same router."""
        self.street.reset("baseline")
        self.cuts.unlink(missing_ok=True)
        self.run = self.folder / folder


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A fresh router on loopback."""
    made = Place(tmp_path)
    try:
        yield made
    finally:
        made.street.stop()


def test_control_c_ends_within_two_seconds_and_resumes(place: Place) -> None:
    process = _start(place.first(*_ONLY))
    _until(place.run, 12, process)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    assert time.monotonic() - begin < 2.0
    resumed = measured(place.again(*_ONLY), place.run, 120)
    assert resumed.verdicts["JP20-3"] == "PASS"
    _put_back(resumed)
    assert _verify(place.run) == 0
    blob = max((place.run / "evidence").iterdir(), key=lambda one: one.stat().st_size)
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)
    assert _verify(place.run) == 1, "one flipped bit is seen"


def test_twenty_kills_change_nothing(place: Place) -> None:
    """Wherever it is killed, the assessor that goes on ends as one that was never killed."""
    unbroken = measured(place.first(*_BROAD), place.run, 120)
    wanted, acts, left = unbroken.verdicts, place.acts(), place.state()
    points = _points(chain(place.run))
    assert wanted["JP20-1"] == wanted["JP20-4"] == "PASS", "there is something to lose"
    assert acts["cut"] >= 1
    place.anew("killed")
    for number, point in enumerate(points):
        process = _start(place.again(*_BROAD) if number else place.first(*_BROAD))
        _kill_at(point, place.run, process)
    resumed = measured(place.again(*_BROAD), place.run, 120)
    assert resumed.verdicts == wanted
    assert resumed.code == unbroken.code
    assert {(one["name"], one["subject"]) for one in resumed.facts} == {
        (one["name"], one["subject"]) for one in unbroken.facts
    }
    assert place.acts() == acts, "no power cut was made twice or left out"
    assert place.state() == left, "settings and software are back"
    _once(place.run)
    _put_back(resumed)
    assert _verify(place.run) == 0


_OFF: dict[str, Callable[[Place], bool]] = {
    "cutting": lambda place: place.acts()["cut"] == 1,
    "off": lambda place: place.acts()["cut"] == 1 and not place.answers(),
    "restoring": lambda place: place.acts()["restore"] == 1,
    "updating": lambda place: place.acts()["cut"] == 2,
}


@pytest.mark.parametrize("moment", _OFF)
def test_killed_around_a_power_cut_gives_the_power_back(place: Place, moment: str) -> None:
    """A cut that nobody saw to its end is not repeated and not judged, and the terminal is not left dark."""
    process = _start(place.first("power_retention"))
    deadline = time.monotonic() + 60
    while not _OFF[moment](place):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.wait()
    resumed = measured(place.again("power_retention"), place.run, 120)
    assert resumed.verdicts["JP20-4"] in {"PASS", "INCONCLUSIVE"}
    assert place.acts()["cut"] <= 4, "one delay, three instants of an update"
    assert place.answers()
    assert (place.state()["dns_server"], place.state()["version"]) == ("192.0.2.53", "1.0.0")
    _once(place.run)
    _put_back(resumed)
    assert _verify(place.run) == 0


def _words(only: tuple[str, ...]) -> list[str]:
    return [word for name in only for word in ("--only", name)]


def _key(event: dict[str, Any]) -> tuple[str, str, str]:
    """What is the same in every run of the same assessment."""
    body = event["body"]
    step = body.get("step") or body.get("record", {}).get("step") or body.get("setting", "")
    return str(event["kind"]), str(body.get("probe", "")), str(step)


def _points(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return 20 seeded places of a run, in its order; the last two are while it judges and reports."""
    keys = [_key(one) for one in events if _is_work(one)]
    once = [place for place, key in enumerate(keys) if key[0] == "began"]
    free = [
        place
        for place, key in enumerate(keys)
        if key[0] != "undo" and not any(place - 1 <= one <= place + _NEAR_ONCE for one in once)
    ]
    chosen = sorted(random.Random(_SEED).sample(free, _KILLS - 2))
    return [*(keys[place] for place in chosen), ("judged", "", ""), ("report-set", "", "")]


def _kill_at(point: tuple[str, str, str], folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Kill the assessor as soon as its journal has ``point``; one that ends or hangs before it is a failure."""
    file, read, deadline = folder / "chain.jsonl", 0, time.monotonic() + 60
    while True:
        content = file.read_bytes() if file.is_file() else b""
        lines = content[read : content.rfind(b"\n") + 1]
        read += len(lines)
        if point in {_key(json.loads(line)) for line in lines.splitlines()}:
            break
        assert process.poll() is None, f"ended ({process.returncode}) before {point}"
        assert time.monotonic() < deadline, f"hung before {point}"
        time.sleep(0.01)
    process.kill()
    process.wait()


def _once(folder: Path) -> None:
    """No step was taken twice, and none that must not be repeated was begun twice."""
    keys = Counter(_key(one) for one in chain(folder) if one["kind"] in {"step", "began"})
    assert [key for key, count in keys.items() if count > 1] == []


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
