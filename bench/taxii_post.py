"""Adding objects by TAXII 2.1: validated, stored, acknowledged; beside medallion and OpenTAXII in the same run, a line each.

All are processes of their own; what counts is the CPU-seconds of each. Ours is on the disk before it answers (SQLite,
synchronous FULL) and has checked each object and its marking; medallion keeps its objects in memory and slows down with
their number, OpenTAXII keeps them in SQLite: both get fewer. ``agree``: both give the last object back. ``limit`` is the
goal of 5,000 a core. With ``--postgresql`` the CPU of the database is told beside ours, and their sum is the figure.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

from bench._opentaxii import opentaxii, version
from bench._taxii import PEER, hub, ids, medallion, objects, postgresql, shown

LIMIT = 5_000


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="20,000 objects instead of 100,000")
    parser.add_argument("--objects", type=int, default=0, help="so many objects for ours")
    parser.add_argument(
        "--postgresql", action="store_true", help="on a PostgreSQL of its own instead of SQLite"
    )
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    count, few = (20_000, 4_000) if chosen.quick else (chosen.objects or 100_000, 10_000)
    good = True
    with ExitStack() as held:
        engine = held.enter_context(postgresql()) if chosen.postgresql else None
        ours = held.enter_context(hub(engine.url if engine else ""))
        ours.ask("GET", "?limit=1")
        begin, before = ours.cpu(), engine.cpu() if engine else 0.0
        ours.take(count)
        cost, stored = ours.cpu() - begin, engine.cpu() - before if engine else 0.0
        speed = count / max(cost + stored, 0.01)
        peers = ((medallion, PEER, few), (opentaxii, version(), few // 4))
        for start, name, many in peers:
            with start() as peer:
                peer.ask("GET", "?limit=1")
                begin = peer.cpu()
                peer.take(many)
                theirs = many / max(peer.cpu() - begin, 0.01)
                some = objects(1, many - 1)[0]["id"]
                agree = ids(peer.ask("GET", f"{some}/")) == ids(ours.ask("GET", f"{some}/")) == {some}
            good &= agree
            shown(
                {
                    "bench": "taxii-post", "unit": "validated objects per CPU-second",
                    "case": f"{count:,} objects, 1,000 a request, {'PostgreSQL' if engine else 'SQLite'}",
                    "ours": round(speed), "database_cpu_s": round(stored, 1), "without_database": round(count / max(cost, 0.01)),
                    "peer": round(theirs), "peer_name": f"{name}, {many:,} objects", "ratio": round(speed / theirs, 1),
                    "limit": LIMIT, "limit_name": "the goal, a core", "agree": agree, "resident_mb": round(ours.resident()),
                    "command": "./run bench taxii-post" + (" --quick" if chosen.quick else "")
                    + (f" --objects {chosen.objects}" if chosen.objects else "") + (" --postgresql" if engine else ""),
                },
                as_json=chosen.json,
            )  # fmt: skip
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
