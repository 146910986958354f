"""Bench ``demo``: seconds from ``sekisho demo`` to the first report, beside the 60 s that were promised.

There is no peer that does this job, so `ratio` is the limit over ours, and says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 60.0


def main() -> None:
    """Run the demo once and print one JSON line, or a small table."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "sekisho", "demo", "--json", "-o", str(Path(scratch) / "demo")]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=900)
        outcome = json.loads(done.stdout)
    line = {
        "bench": "demo",
        "unit": "s to the first report",
        "ours": outcome["first_report"],
        "all": outcome["seconds"],
        "peer": LIMIT,
        "peer_name": "the limit (no peer does this job)",
        "ratio": round(LIMIT / outcome["first_report"], 2),
        "limit": LIMIT,
        "limit_name": "first report",
        "agree": all(one["verdicts"] for one in outcome["terminals"].values()),
        "load": os.getloadavg()[0],
        "command": "./run bench demo --json",
    }
    if "--json" in sys.argv:
        print(json.dumps(line))
    else:
        print("\n".join(f"{key:10} {value}" for key, value in line.items()))


if __name__ == "__main__":
    main()
