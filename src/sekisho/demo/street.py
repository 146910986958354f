"""The street of three demo terminals: made in a folder, started, cut off and reset as processes.

    python -m sekisho.demo.street FOLDER NAME cut|restore|reset

is their power cord (``kill -9`` of exactly that process) and reset button, in the form that a terminal
description's ``[power]`` and ``[reset]`` call. ``FOLDER/street.json`` says how each process is started.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sekisho.demo import descriptions, images

NAMES = ("hijackable", "baseline", "exemplar")
READY_SECONDS = 20.0
# A real exemplar locks for 900 s and refills its tokens once a minute; a demo has less patience.
LOCK_SECONDS = 20
REFILL_SECONDS = 1
PASSWORD = "kawa-Aoi-7-mado"
UPDATE_PORT = 8090
# One /24 of the loopback per terminal: .1 LAN side, .2 line side, .10 and .11 the tester's own. Several streets
# stand side by side on one machine: each takes the first group of four nets whose reservation it gets.
PLACES = {"hijackable": 0, "baseline": 1, "exemplar": 2, "updates": 3}
GROUPS = range(80, 240, 4)
_RESERVED = ("254", 10_009)


class Street:
    """The three terminals below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "street.json"
        self._started: dict[str, subprocess.Popen[str]] = {}
        self._reserved: socket.socket | None = None

    def net(self, name: str) -> str:
        """Return the first three numbers of a terminal's net."""
        return f"127.0.{int(self._read()['group']) + PLACES[name]}"

    def build(self) -> None:
        """Make images, two exemplar units and the start commands; ports that are taken are avoided."""
        self.folder.mkdir(parents=True, exist_ok=True)
        images.build(self.folder / "images")
        labels = [self._unit(letter) for letter in "ab"]
        python, state = sys.executable, self.folder
        group, self._reserved = reserve()
        kept: dict[str, Any] = {"group": group, "labels": labels, "pids": {}}
        self._file.write_text(json.dumps(kept), encoding="utf-8")
        starts: dict[str, list[str]] = {}
        for name in ("hijackable", "baseline"):
            net = self.net(name)
            ports = {"web": free(f"{net}.1", 8080), "telnet": free(f"{net}.1", 2323)}
            starts[name] = [python, "-m", f"sekisho.demo.{name}", "--state", str(state / name)]
            starts[name] += ["--lan", f"{net}.1", "--wan", f"{net}.2"]
            starts[name] += [
                word for port, number in ports.items() for word in (f"--{port}-port", str(number))
            ]
        net = self.net("exemplar")
        starts["exemplar"] = [
            python,
            "-m",
            "sekisho.exemplar",
            "--state",
            str(state / "unit-a"),
            "--lan",
            f"{net}.1",
        ]
        starts["exemplar"] += ["--wan", f"{net}.2", "--port", str(free(f"{net}.1", 8080))]
        starts["exemplar"] += [
            "--lock-seconds",
            str(LOCK_SECONDS),
            "--refill-seconds",
            str(REFILL_SECONDS),
            "--update-url",
            self.update_url,
        ]
        starts["updates"] = [
            python,
            "-m",
            "sekisho.demo.update_site",
            "--directory",
            str(state / "images/exemplar"),
        ]
        starts["updates"] += ["--address", f"{self.net('updates')}.1", "--port", str(UPDATE_PORT)]
        self._file.write_text(json.dumps({**kept, "starts": starts}), encoding="utf-8")

    @property
    def update_url(self) -> str:
        """Where the exemplar's maker publishes the newest version."""
        return f"http://{self.net('updates')}.1:{UPDATE_PORT}/newest.json"

    def start(self, name: str, *extra: str) -> dict[str, Any]:
        """Start one terminal, wait for its ready line, note its process; return the line."""
        command = self._read()["starts"][name] + list(extra)
        log = (self.folder / f"{name}.log").open("ab")
        # A session of its own: Ctrl-C at the assessment must not pull the terminals' plugs.
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        log.close()
        # Bounded: who pulls the cord of a terminal that does not come up must hear of it.
        pipe = process.stdout
        line = pipe.readline() if pipe and select.select([pipe], [], [], READY_SECONDS)[0] else ""
        if not line:
            process.kill()
            raise RuntimeError(f"{name} did not start: see {self.folder / f'{name}.log'}")
        self._note(name, process.pid)
        self._started[name] = process
        return dict(json.loads(line))

    def cut(self, name: str) -> None:
        """Pull the plug: ``kill -9`` of that process, and wait until it is gone."""
        pid = self._read()["pids"].get(name)
        if pid is None or not _ours(pid):
            return
        os.kill(pid, signal.SIGKILL)
        if name in self._started:
            _collect(self._started.pop(name))
        end = time.monotonic() + READY_SECONDS
        while _ours(pid) and time.monotonic() < end:
            time.sleep(0.01)

    def restore(self, name: str) -> None:
        """Put the plug back; one that is in is left there, as with a real cord."""
        pid = self._read()["pids"].get(name)
        if pid is None or not _ours(pid):
            self.start(name)

    def stop(self) -> None:
        """End all processes that this folder knows of."""
        for name in tuple(self._read()["pids"]) if self._file.is_file() else ():
            self.cut(name)
        # One that somebody else's cord cut: its successor has another number.
        while self._started:
            _collect(self._started.popitem()[1])
        if self._reserved is not None:
            self._reserved.close()

    def reset(self, name: str) -> None:
        """Bring one terminal back to its factory state."""
        self.cut(name)
        if name == "exemplar":
            self.start(name, "--reset")
            return
        for file in sorted((self.folder / name).rglob("*")):
            if file.is_file():
                file.unlink()
        self.start(name)

    def describe(self, name: str) -> Path:
        """Write the terminal's description and return its file."""
        kept = self._read()
        net = self.net(name)
        cord = [sys.executable, "-m", "sekisho.demo.street", str(self.folder), name]
        words = kept["starts"][name]
        values: dict[str, object] = {
            "lan": f"{net}.1",
            "wan": f"{net}.2",
            "sources": [f"{net}.10", f"{net}.11"],
            "images": str(self.folder / "images"),
            "web_port": int(words[words.index("--port" if name == "exemplar" else "--web-port") + 1]),
            "upnp_port": 5000,
            "ssdp_port": 1900,
            "password": PASSWORD,
            "lock_seconds": LOCK_SECONDS,
            "update_url": self.update_url,
            **{word: [*cord, word] for word in ("cut", "restore", "reset")},
            **{
                f"{key}_{letter}": label[key]
                for letter, label in zip("ab", kept["labels"], strict=True)
                for key in label
            },
        }
        if "--telnet-port" in words:
            values["telnet_port"] = int(words[words.index("--telnet-port") + 1])
        target = self.folder / f"{name}.toml"
        target.write_text(descriptions.fill(name, values), encoding="utf-8")
        return target

    def _unit(self, letter: str) -> dict[str, str]:
        """Make one exemplar in the factory; return what its label says."""
        made = self.folder / "images" / "exemplar"
        number = "ab".index(letter) + 1
        command = [
            sys.executable,
            "-m",
            "sekisho.exemplar",
            "factory",
            "--state",
            str(self.folder / f"unit-{letter}"),
        ]
        command += ["--trust", str(made / "trust.pub"), "--image", str(made / "current.img")]
        command += [
            "--serial",
            f"SK1-{number:04d}",
            "--mac",
            f"02:53:4b:00:00:0{number}",
            "--ssid",
            f"SK-1-{number:04d}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        label = json.loads(done.stdout.splitlines()[-1])
        return {key: str(label.get(key, "")) for key in ("serial", "mac", "ssid", "code")}

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self._file.read_text(encoding="utf-8")))

    def _note(self, name: str, pid: int) -> None:
        kept = self._read()
        kept["pids"][name] = pid
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(kept), encoding="utf-8")
        part.rename(self._file)


def reserve() -> tuple[int, socket.socket]:
    """Return a group of nets that no other street has, and the socket that holds it."""
    for group in GROUPS:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            # A port that anybody may bind; who holds it holds the group.
            sock.bind((f"127.0.{group}.{_RESERVED[0]}", _RESERVED[1]))
        except OSError:
            sock.close()
            continue
        if all(_unused(f"127.0.{group + place}.1") for place in PLACES.values()):
            return group, sock
        sock.close()
    raise RuntimeError("every demo net of the loopback is taken")


def _unused(address: str) -> bool:
    return all(free(address, port, 1) for port in (2323, 5000, 8080, UPDATE_PORT, 32_764))


def free(address: str, wanted: int, tries: int = 200) -> int:
    """Return ``wanted`` or one of the next ports on which nothing listens at ``address``; 0 for none."""
    for port in range(wanted, wanted + tries):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((address, port))
            return port
    return 0


def _collect(process: subprocess.Popen[str]) -> None:
    """Wait for an ended process and close what it wrote to."""
    process.wait(timeout=10)
    if process.stdout:
        process.stdout.close()


def _ours(pid: int) -> bool:
    """Return whether ``pid`` still runs one of our modules (a number may have gone to a stranger)."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        dead = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
    return any(word.startswith(b"sekisho.") for word in words) and not dead


ACTS: Mapping[str, Callable[[Street, str], object]] = {
    "cut": Street.cut,
    "restore": Street.restore,
    "reset": Street.reset,
}


def main(arguments: list[str]) -> int:
    """Act as power cord or reset button."""
    if len(arguments) != 3 or arguments[1] not in NAMES or arguments[2] not in ACTS:
        print("usage: python -m sekisho.demo.street FOLDER NAME cut|restore|reset", file=sys.stderr)
        return 2
    street = Street(Path(arguments[0]))
    # One hand at the cord at a time: that of an assessor that was killed may still be at it.
    with (street.folder / f"{arguments[1]}.cord").open("w") as cord:
        fcntl.flock(cord, fcntl.LOCK_EX)
        ACTS[arguments[2]](street, arguments[1])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
