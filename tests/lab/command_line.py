"""Run ``sekisho assess`` inside the lab with chosen probes, consent and limits, and read the report that it wrote."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .description import authorisation, description
from .machine import Machine

# Short, since tests run it many times; no rate of the product is raised. The hardened router is scanned twice.
LIMITS = {
    "throttle_tries": 40, "read_seconds": 5.0, "connect_seconds": 2.0, "wrong_per_account": 80, "list_seconds": 15.0,
    "rescan_seconds": 0.0,
}  # fmt: skip
ASSESS_S = 240.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one assessment brought: its exit code, what it said, and its JSON report."""

    exit_code: int
    said: str
    judged: list[dict[str, Any]]
    report: dict[str, Any]

    def verdict(self, requirement: str) -> str:
        """Return the verdict of one requirement."""
        return next(str(one["verdict"]) for one in self.judged if one["requirement"] == requirement)

    def finding(self, criterion: str) -> dict[str, Any]:
        """Return what a criterion found, wherever it was asked first."""
        outcomes = (row for standard in self.report["standards"] for row in standard["outcomes"])
        return next(one for row in outcomes for one in row["findings"] if one["criterion"] == criterion)

    def facts(self, name: str, **attributes: object) -> list[dict[str, Any]]:
        """Return the facts of that name that have all these attributes."""
        return [
            fact
            for fact in self.report["observations"]
            if fact["name"] == name
            and all(fact["attributes"].get(key) == value for key, value in attributes.items())
        ]

    def values(self, name: str, **attributes: object) -> list[object]:
        """Return the values of those facts."""
        return [fact["value"] for fact in self.facts(name, **attributes)]

    def subjects(self, name: str, value: object = True) -> set[str]:
        """Return the subjects of the facts of that name and value."""
        return {fact["subject"] for fact in self.facts(name) if fact["value"] == value}


def run_assess(
    machine: Machine,
    directory: Path,
    *probes: str,
    catalogues: tuple[str, ...] = ("jp-2020", "jp-2025-report"),
    described: str = "",
    consent: str | None = None,
    **limits: float,
) -> Outcome:
    """Assess a device of the lab from the tester's place; whatever comes of it is the outcome.

    :param probes: which ones run; empty for all
    :param described, consent: instead of the device's own description and the lab's consent; "" for no consent
    """
    directory.mkdir(parents=True, exist_ok=True)
    consent = authorisation() if consent is None else consent
    files = {"device": described or description(machine), "authorisation": consent}
    files["limits"] = "".join(f"{key} = {value}\n" for key, value in (LIMITS | limits).items())
    for name, text in files.items():
        (directory / f"{name}.toml").write_text(text, encoding="utf-8")
    folder = directory / "evidence"
    argv = [sys.executable, "-m", "sekisho", "assess", str(directory / "device.toml"), "-o", str(folder)]
    argv += ["--limits", str(directory / "limits.toml"), "--format", "json", "--json"]
    argv += ["-a", str(directory / "authorisation.toml")] if consent else []
    argv += [word for name in catalogues for word in ("-c", name)]
    argv += [word for name in probes for word in ("--only", name)]
    done = machine.run(argv, ASSESS_S)
    report = folder / "reports" / "0001" / "report.json"
    if not report.exists():
        return Outcome(done.returncode, done.stdout + done.stderr, [], {"observations": [], "evidence": []})
    judged = json.loads(done.stdout)["judged"]
    return Outcome(done.returncode, done.stderr, judged, json.loads(report.read_text(encoding="utf-8")))
