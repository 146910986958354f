"""Adding objects by TAXII 2.1: validated, stored, acknowledged; beside medallion in the same run.

Both are processes of their own; what counts is the CPU-seconds of each. Ours is on the disk before it answers (SQLite,
synchronous FULL) and has checked each object and its marking; the peer keeps its objects in memory and slows down with
their number, so it gets fewer. ``agree``: both give the last object back. ``limit`` is the goal of 5,000 a core.
"""

from __future__ import annotations

import argparse
import sys

from bench._taxii import PEER, hub, ids, medallion, objects, shown

LIMIT = 5_000


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="20,000 objects instead of 100,000")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    count, few = (20_000, 4_000) if chosen.quick else (100_000, 10_000)
    with hub() as ours, medallion() as peer:
        speeds = {}
        for name, server, many, at_once in (("peer", peer, few, 1_000), ("ours", ours, count, 1_000)):
            server.ask("GET")
            begin = server.cpu()
            for first in range(0, many, at_once):
                told = server.post(objects(at_once, first))
                if told["success_count"] != at_once:
                    sys.exit(f"{name}: {told['failure_count']} failed")
            speeds[name] = many / max(server.cpu() - begin, 0.01)
        some = objects(1, few - 1)[0]["id"]
        agree = ids(peer.ask("GET", f"{some}/")) == ids(ours.ask("GET", f"{some}/")) == {some}
        shown(
            {
                "bench": "taxii-post", "unit": "validated objects per CPU-second", "case": f"{count:,} objects, 1,000 a request",
                "ours": round(speeds["ours"]), "peer": round(speeds["peer"]), "peer_name": f"{PEER}, {few:,} objects",
                "ratio": round(speeds["ours"] / speeds["peer"], 1), "limit": LIMIT, "limit_name": "the goal, a core",
                "agree": agree, "resident_mb": round(ours.resident()), "command": "./run bench taxii-post"
                + (" --quick" if chosen.quick else ""),
            },
            as_json=chosen.json,
        )  # fmt: skip
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
