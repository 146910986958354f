"""A page of objects by TAXII 2.1, the first and one deep in the collection; beside medallion and OpenTAXII in the same run.

Ours is a page of 1,000 objects with the marking of each asked for. medallion needs far more than linear time for a page, so
its page has 200 objects and is told per 1,000; OpenTAXII holds 1,000 objects and gives them all. ``agree``: the peer and
ours give the same objects. ``limit`` is the goal of 15 ms.
``posted``: validated objects per CPU-second while the collection was filled. With ``--postgresql`` the CPU of the
database is in every figure of ours. ``--small`` takes objects of half the size, ``--members`` lets others be there as well.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from contextlib import ExitStack
from operator import itemgetter
from typing import Any

from bench._opentaxii import opentaxii, version
from bench._taxii import PEER, Served, hub, ids, medallion, postgresql, shown

LIMIT = 15
FEW, MANY = 200, 1_000
ROUNDS = 20
_NEXT = re.compile(rb'"next":"([^"]+)"')


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="20,000 objects instead of 200,000")
    parser.add_argument("--objects", type=int, default=0, help="so many objects, in thousands of them")
    parser.add_argument(
        "--postgresql", action="store_true", help="on a PostgreSQL of its own instead of SQLite"
    )
    parser.add_argument("--small", action="store_true", help="objects of some 370 octets instead of 750")
    parser.add_argument("--members", type=int, default=0, help="so many members beside the one that asks")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    count = 20_000 if chosen.quick else chosen.objects or 200_000
    with ExitStack() as held:
        engine = held.enter_context(postgresql()) if chosen.postgresql else None
        ours = held.enter_context(hub(engine.url if engine else "", chosen.members))

        def spent() -> float:
            return ours.cpu() + (engine.cpu() if engine else 0.0)

        # The first ones are those that the peers have, too.
        ours.take(MANY)
        began, begin, alone = time.monotonic(), spent(), ours.cpu()
        if chosen.small:
            ours.take_small(MANY, count)
        else:
            ours.take(count, MANY)
        told: dict[str, Any] = {"posted_wall": round((count - MANY) / (time.monotonic() - began))}
        told["posted"] = round((count - MANY) / max(spent() - begin, 0.01))
        told["posted_without_database"] = round((count - MANY) / max(ours.cpu() - alone, 0.01))
        told["resident_mb"] = round(ours.resident())
        deep, told["walk_s"] = walked(ours, count)
        costs, pages = {}, ours.cpu()
        for name, query in (("first", "?limit=1000"), ("deep", f"?limit=1000{deep}")):
            begin = spent()
            for _ in range(ROUNDS):
                assert len(ids(ours.ask("GET", query))) == 1_000
            costs[name] = (spent() - begin) / ROUNDS * 1_000
            told[name] = round(costs[name], 1)
        told["pages_without_database"] = round((ours.cpu() - pages) / ROUNDS / 2 * 1_000, 1)
        worst, good = max(costs.values()), True
        for start, name, many in ((medallion, PEER, FEW), (opentaxii, version(), MANY)):
            with start() as peer:
                peer.take(many)
                theirs, page = min((peer.timed("GET", f"?limit={many}") for _ in range(3)), key=itemgetter(0))
            other = max(theirs, 0.01) * 1_000 * (1_000 / many)
            agree = ids(page) == ids(ours.ask("GET", f"?limit={many}")) and len(ids(page)) == many
            good &= agree
            shown(
                {
                    "bench": "taxii-page", "unit": "CPU ms for a page of 1,000 objects",
                    "case": f"{count:,} {'small ' if chosen.small else ''}objects, {chosen.members + 1:,} members, "
                    + ("PostgreSQL" if engine else "SQLite"),
                    "ours": round(worst, 1), "peer": round(other, 1),
                    "peer_name": f"{name}, {many:,} objects" + (f", × {1_000 // many}" if many < 1_000 else ""),
                    "ratio": round(other / worst, 1), "limit": LIMIT, "limit_name": "the goal, ms", "agree": agree, **told,
                    "command": "./run bench taxii-page"
                    + (" --quick" if chosen.quick else "") + (f" --objects {chosen.objects}" if chosen.objects else "")
                    + (" --small" if chosen.small else "") + (f" --members {chosen.members}" if chosen.members else "")
                    + (" --postgresql" if engine else ""),
                },
                as_json=chosen.json,
            )  # fmt: skip
    sys.exit(0 if good else 1)


def walked(ours: Served, count: int) -> tuple[str, int]:
    """Walk through all pages; return the query of the last one, and the seconds that it took."""
    mark, deep = "", ""
    began = time.monotonic()
    for _ in range(count // 1_000 - 1):
        page = _NEXT.search(ours.octets("GET", f"?limit=1000{mark}"))
        assert page is not None
        deep, mark = mark, f"&next={page[1].decode()}"
    return deep, round(time.monotonic() - began)


if __name__ == "__main__":
    main()
