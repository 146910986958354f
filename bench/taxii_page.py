"""A page of objects by TAXII 2.1, the first and one deep in the collection; beside medallion in the same run.

Ours is a page of 1,000 objects with the marking of each asked for; the peer needs far more than linear time for a page, so
its page has 200 objects and is told per 1,000. ``agree``: both give the same 200 objects. ``limit`` is the goal of 15 ms.
``posted``: validated objects per CPU-second while the collection was filled. With ``--postgresql`` the CPU of the
database is in every figure of ours.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

from bench._taxii import PEER, hub, ids, medallion, objects, postgresql, shown

LIMIT = 15
FEW = 200
ROUNDS = 20


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="20,000 objects instead of 200,000")
    parser.add_argument("--objects", type=int, default=0, help="so many objects, in thousands of them")
    parser.add_argument(
        "--postgresql", action="store_true", help="on a PostgreSQL of its own instead of SQLite"
    )
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    count = 20_000 if chosen.quick else chosen.objects or 200_000
    with ExitStack() as held:
        engine = held.enter_context(postgresql()) if chosen.postgresql else None
        ours = held.enter_context(hub(engine.url if engine else ""))
        peer = held.enter_context(medallion())

        def spent() -> float:
            return ours.cpu() + (engine.cpu() if engine else 0.0)

        peer.post(objects(FEW))
        begin, alone = spent(), ours.cpu()
        ours.take(count)
        posted, alone = count / max(spent() - begin, 0.01), count / max(ours.cpu() - alone, 0.01)
        theirs, told = peer.timed("GET", f"?limit={FEW}")
        same = ours.ask("GET", f"?limit={FEW}")
        agree = ids(told) == ids(same) and len(ids(same)) == FEW
        mark, deep = "", ""
        for _ in range(count // 1_000 - 1):
            page = ours.ask("GET", f"?limit=1000{mark}")
            deep, mark = mark, f"&next={page['next']}"
        costs: dict[str, float] = {}
        pages = ours.cpu()
        for name, query in (("first", "?limit=1000"), ("deep", f"?limit=1000{deep}")):
            begin = spent()
            for _ in range(ROUNDS):
                agree &= len(ids(ours.ask("GET", query))) == 1_000
            costs[name] = (spent() - begin) / ROUNDS * 1_000
        pages = (ours.cpu() - pages) / ROUNDS / 2 * 1_000
        worst, other = max(costs.values()), max(theirs, 0.01) * 1_000 * (1_000 / FEW)
        shown(
            {
                "bench": "taxii-page", "unit": "CPU ms for a page of 1,000 objects",
                "case": f"{count:,} objects, {'PostgreSQL' if engine else 'SQLite'}",
                "ours": round(worst, 1), "first": round(costs["first"], 1), "deep": round(costs["deep"], 1),
                "posted": round(posted), "posted_without_database": round(alone), "pages_without_database": round(pages, 1),
                "peer": round(other, 1), "peer_name": f"{PEER}, {FEW} objects, × {1_000 // FEW}",
                "ratio": round(other / worst, 1), "limit": LIMIT, "limit_name": "the goal, ms", "agree": agree,
                "resident_mb": round(ours.resident()), "command": "./run bench taxii-page"
                + (" --quick" if chosen.quick else "") + (f" --objects {chosen.objects}" if chosen.objects else "")
                + (" --postgresql" if engine else ""),
            },
            as_json=chosen.json,
        )  # fmt: skip
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
