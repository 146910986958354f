"""Bench ``assess-router``: one whole assessment of the lab's weak router under user-mode-linux.

Every probe, both Japanese catalogues, the default limits: wall seconds and the assessor's own peak of memory,
beside the limit of ten minutes; no peer does this job, and the line says so. ``--quick`` gives the public codes 30 s
at each shell instead of 120 (``list_seconds``), which changes no verdict here. Needs root (namespaces), and the
lab's packages (``python -m tests.lab.install``).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from tests.lab import machine, rootfs
from tests.lab.assessing import assess

LIMIT = 600.0
QUICK = {"list_seconds": 30.0}
# What an assessment of this router must find; a fast run that misses one of them is no good figure.
FAILS = {"JP20-1", "JP25-1", "JP25-2b", "JP25-2c", "JP25-2d", "JP25-5"}


def main() -> None:
    """Start the router, assess it with every probe, remove it, print one line."""
    quick = "--quick" in sys.argv
    device = machine.start("all_weak", rootfs.build(), own_kernel=True)
    try:
        device.ready()
        with tempfile.TemporaryDirectory() as scratch:
            done = assess(device, Path(scratch), timeout_s=2 * LIMIT, limits=QUICK if quick else None)
            failed = {name for name, verdict in done.verdicts.items() if verdict == "FAIL"}
    finally:
        device.remove()
    line = {
        "bench": "assess-router",
        "unit": "s",
        "ours": round(done.seconds, 1),
        "peak_mib": round(done.peak_kib / 1024),
        "peer": LIMIT,
        "peer_name": "the limit (no peer does this job)",
        "ratio": round(LIMIT / done.seconds, 2),
        "limit": LIMIT,
        "limit_name": "whole assessment",
        "agree": done.code == 1 and failed >= FAILS,
        "failed": sorted(failed),
        "load": os.getloadavg()[0],
        "command": f"./run bench assess-router{' --quick' if quick else ''} --json",
    }
    print(
        json.dumps(line)
        if "--json" in sys.argv
        else "\n".join(f"{key:10} {value}" for key, value in line.items())
    )


if __name__ == "__main__":
    main()
