"""Run the real command line as a user does, and read what it left: verdicts, facts, the chain of its folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .description import authorisation, description
from .machine import Machine

SEKISHO = (sys.executable, "-m", "sekisho")
# Where a test reads no page: setting those takes as long as the rest of a short assessment.
NO_PAGES = ("--format", "json")


@dataclass(frozen=True)
class Outcome:
    """What one assessment brought.

    :ivar printed: the JSON on standard output
    :ivar seconds, peak_kib: wall time and the assessor's own peak of resident memory
    """

    code: int
    folder: Path
    printed: dict[str, Any]
    seconds: float
    peak_kib: int

    @property
    def verdicts(self) -> dict[str, str]:
        """Verdict by requirement."""
        return {one["requirement"]: one["verdict"] for one in self.printed["judged"]}

    @property
    def binding(self) -> dict[str, str]:
        """Verdict by requirement, of those that bind somebody and were judged at all."""
        return {
            one["requirement"]: one["verdict"]
            for one in self.printed["judged"]
            if one.get("note", "") != "information" and one["verdict"] != "NONE"
        }

    @property
    def facts(self) -> list[dict[str, Any]]:
        """All facts of the last judgement."""
        name = [one for one in chain(self.folder) if one["kind"] == "judged"][-1]["body"]["assessment"]
        return list(json.loads((self.folder / "evidence" / name).read_bytes())["facts"])

    def fact(self, name: str) -> dict[str, Any]:
        """Value by subject of the facts called ``name``."""
        return {one["subject"]: one["value"] for one in self.facts if one["name"] == name}

    def arguments(self, requirement: str, criterion: str) -> list[dict[str, Any]]:
        """The arguments of a requirement's findings by one criterion."""
        return [
            finding.get("arguments", {})
            for one in self.printed["judged"]
            if one["requirement"] == requirement
            for finding in one["findings"]
            if finding["criterion"] == criterion
        ]


def assess(
    device: Machine,
    place: Path,
    *only: str,
    timeout_s: float = 280.0,
    limits: Mapping[str, float] | None = None,
    pages: bool = False,
) -> Outcome:
    """Assess a lab device in its own network; ``only`` names the probes, none of them means all.

    :param limits: instead of the product's own, where named
    :param pages: whether all documents are wanted, and not only the one for machines
    """
    (place / "device.toml").write_text(description(device), encoding="utf-8")
    (place / "authorisation.toml").write_text(authorisation(), encoding="utf-8")
    command = [*SEKISHO, "assess", str(place / "device.toml"), "-a", str(place / "authorisation.toml"),
               "-o", str(place / "run"), "--json", *(word for one in only for word in ("--only", one)),
               *(() if pages else NO_PAGES)]  # fmt: skip
    if limits:
        lines = "".join(f"{name} = {value}\n" for name, value in limits.items())
        (place / "limits.toml").write_text(lines, encoding="utf-8")
        command += ["--limits", str(place / "limits.toml")]
    return measured(device.network.command(command), place / "run", timeout_s)


def measured(command: list[str], folder: Path, timeout_s: float) -> Outcome:
    """Run to the end, with wall time and peak memory of the process that did the work."""
    begin = time.monotonic()
    with (folder.parent / "out.json").open("w+b") as out, (folder.parent / "err.txt").open("w+b") as err:
        process = subprocess.Popen(
            command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, start_new_session=True
        )
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - begin > timeout_s:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise AssertionError(f"no end after {timeout_s:g} s: {' '.join(command)}")
            time.sleep(0.05)
        process.returncode = os.waitstatus_to_exitcode(status)
    printed = (folder.parent / "out.json").read_bytes()
    assert printed, (folder.parent / "err.txt").read_text()[-2000:]
    seconds = time.monotonic() - begin
    return Outcome(process.returncode, folder, json.loads(printed), seconds, usage.ru_maxrss)


def chain(folder: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a folder's chain."""
    content = (folder / "chain.jsonl").read_bytes()
    return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]
