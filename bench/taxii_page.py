"""A page of objects by TAXII 2.1, the first and one deep in the collection; beside medallion in the same run.

Ours is a page of 1,000 objects with the marking of each asked for; the peer needs far more than linear time for a page, so
its page has 200 objects and is told per 1,000. ``agree``: both give the same 200 objects. ``limit`` is the goal of 15 ms.
"""

from __future__ import annotations

import argparse
import sys

from bench._taxii import PEER, hub, ids, medallion, objects, shown

LIMIT = 15
FEW = 200
ROUNDS = 20


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="20,000 objects instead of 200,000")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    count = 20_000 if chosen.quick else 200_000
    with hub() as ours, medallion() as peer:
        peer.post(objects(FEW))
        for first in range(0, count, 1_000):
            ours.post(objects(1_000, first))
        theirs, told = peer.timed("GET", f"?limit={FEW}")
        same = ours.ask("GET", f"?limit={FEW}")
        agree = ids(told) == ids(same) and len(ids(same)) == FEW
        mark, deep = "", ""
        for _ in range(count // 1_000 - 1):
            page = ours.ask("GET", f"?limit=1000{mark}")
            deep, mark = mark, f"&next={page['next']}"
        costs = {}
        for name, query in (("first", "?limit=1000"), ("deep", f"?limit=1000{deep}")):
            begin = ours.cpu()
            for _ in range(ROUNDS):
                agree &= len(ids(ours.ask("GET", query))) == 1_000
            costs[name] = (ours.cpu() - begin) / ROUNDS * 1_000
        worst, other = max(costs.values()), max(theirs, 0.01) * 1_000 * (1_000 / FEW)
        shown(
            {
                "bench": "taxii-page", "unit": "CPU ms for a page of 1,000 objects", "case": f"{count:,} objects",
                "ours": round(worst, 1), "first": round(costs["first"], 1), "deep": round(costs["deep"], 1),
                "peer": round(other, 1), "peer_name": f"{PEER}, {FEW} objects, × {1_000 // FEW}", "ratio": round(other / worst, 1),
                "limit": LIMIT, "limit_name": "the goal, ms", "agree": agree, "resident_mb": round(ours.resident()),
                "command": "./run bench taxii-page" + (" --quick" if chosen.quick else ""),
            },
            as_json=chosen.json,
        )  # fmt: skip
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
