"""Who was it: 10 M questions (address, port, moment) about 10 M assignments, beside DuckDB's ASOF join and SQLite.

The same disjoint assignments for all: one million addresses of a pool, ten times given away in thirty days, a fifth of
the addresses shared by port blocks. Ours: statements are settled and indexed (``building``), then asked in columns by
two threads. DuckDB answers with one ASOF join over (address, block, begin) and a test of the end, with two threads and
its table in memory. SQLite answers one question after the other from an index over the same columns in memory, a sample
of them. CPU-seconds, best of several runs, alternating. ``agree``: the same accounts, apart from moments within the
clock skew of an edge, which only Sekisho weighs. ``limit`` is the goal of a million look-ups in a second of two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from sekisho.formats.assignment_index import AssignmentIndex
from sekisho.formats.assignment_rows import ASSIGNMENT, CLOSED, batch_of_columns, mixed
from sekisho.formats.assignment_settling import settle

BEGIN = 1_795_000_000_000
DAYS = 30
DAY = 86_400_000
TURNS = 10
BLOCKS = 8
SKEW = 2_000
CHUNK = 1 << 20
LIMIT = 1.0
Columns = dict[str, Any]


def assignments(n: int) -> Columns:
    """Return ``n`` assignments: address (uint32), block (0: the whole address, 1 to 8), begin, end, account."""
    dice = np.random.default_rng(4)
    keys = n // TURNS
    shared = keys // 5 // BLOCKS * BLOCKS
    address = (
        np.concatenate([np.arange(keys - shared), keys - shared + np.arange(shared) // BLOCKS]) + 0x64400000
    )
    block = np.concatenate([np.zeros(keys - shared, np.int64), 1 + np.arange(shared) % BLOCKS])
    span = DAYS * DAY // TURNS
    begin = (np.arange(TURNS) * span + dice.integers(0, span // 3, (keys, TURNS))).ravel() + BEGIN
    end = begin + dice.integers(span // 4, span * 2 // 3 - 10_000, keys * TURNS)
    return {
        "address": np.repeat(address, TURNS).astype(np.uint32), "block": np.repeat(block, TURNS), "begin": begin, "end": end,
        "account": dice.integers(0, max(keys, 1), keys * TURNS).astype(np.int32), "accounts": keys,
    }  # fmt: skip


def questions(given: Columns, n: int) -> Columns:
    """Return ``n`` questions: half near assignments that exist, the other half anywhere."""
    dice = np.random.default_rng(5)
    row = dice.integers(0, len(given["begin"]), n)
    moment = np.where(
        dice.random(n) < 0.5,
        given["begin"][row] + dice.integers(0, DAY, n),
        BEGIN + dice.integers(0, DAYS * DAY, n),
    )
    block = given["block"][row]
    port = np.where(block > 0, block * 4096 + dice.integers(0, 4096, n), dice.integers(1, 65_536, n))
    return {"address": given["address"][row], "block": block, "port": port, "moment": moment}


def statements(given: Columns) -> pa.Table:
    """Return the assignments as a reader gives them."""
    n = len(given["begin"])
    octets = np.zeros((n, 16), np.uint8)
    octets[:, 10:12] = 255
    octets[:, 12:] = given["address"].astype(">u4").view(np.uint8).reshape(-1, 4)
    names = pa.array([f"line-{number}" for number in range(given["accounts"])])
    account = pa.DictionaryArray.from_arrays(pa.array(given["account"]), names)
    block = given["block"]
    columns = {
        "network": octets, "length": np.full(n, 128, np.uint8), "portBegin": (block * 4096).astype(np.uint16),
        "portEnd": np.where(block > 0, block * 4096 + 4095, 65_535).astype(np.uint16), "begin": given["begin"],
        "end": given["end"], "seen": given["end"], "state": np.full(n, CLOSED, np.uint8), "account": pa.array([""] * n),
        "session": mixed(given["address"], block, given["begin"]), "scope": np.zeros(n, np.int64),
        "source": pa.array([""] * n), "line": np.zeros(n, np.int64),
    }  # fmt: skip
    table = pa.Table.from_batches([batch_of_columns(columns)])
    return table.set_column(ASSIGNMENT.get_field_index("account"), "account", account)


def ours(index: AssignmentIndex, asked: Columns, threads: int = 2) -> Any:
    """Return accounts (-1 for none)."""
    n = len(asked["moment"])

    def part(begin: int) -> Any:
        cut = slice(begin, begin + CHUNK)
        return index.four(asked["address"][cut], asked["port"][cut], asked["moment"][cut]).account

    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(part, range(0, n, CHUNK))))


class Duck:
    """DuckDB's ASOF join."""

    def __init__(self, given: Columns) -> None:
        self.base = duckdb.connect(config={"threads": 2})
        held = pa.table({name: given[name] for name in ("address", "block", "begin", "end", "account")})
        self.base.register("held", held)
        self.base.execute('CREATE TABLE given AS SELECT * FROM held ORDER BY address, block, "begin"')

    def ask(self, asked: Columns) -> Any:
        """Return accounts in the order of the questions."""
        wanted = pa.table(
            {
                "row": np.arange(len(asked["moment"])),
                **{name: asked[name] for name in ("address", "block", "moment")},
            }
        )
        self.base.register("wanted", wanted)
        found = self.base.execute(
            'SELECT w.row AS r, CASE WHEN w.moment < g."end" THEN g.account ELSE -1 END AS a FROM wanted w ASOF LEFT JOIN '
            'given g ON w.address = g.address AND w.block = g.block AND w.moment >= g."begin"'
        ).fetchnumpy()
        out = np.full(len(asked["moment"]), -1, np.int32)
        out[found["r"]] = np.ma.filled(found["a"], -1)
        return out


class Lite:
    """SQLite with an index."""

    def __init__(self, given: Columns) -> None:
        self.base = sqlite3.connect(":memory:")
        self.base.execute('CREATE TABLE given (address INTEGER, block INTEGER, "begin" INTEGER, "end" INTEGER, account INTEGER, '
                          'PRIMARY KEY (address, block, "begin")) WITHOUT ROWID')  # fmt: skip
        rows = zip(
            *(given[name].tolist() for name in ("address", "block", "begin", "end", "account")), strict=True
        )
        self.base.executemany("INSERT INTO given VALUES (?, ?, ?, ?, ?)", rows)

    def ask(self, asked: Columns) -> Any:
        """Return accounts."""
        text = 'SELECT account, "end" FROM given WHERE address = ? AND block = ? AND "begin" <= ? ORDER BY "begin" DESC LIMIT 1'
        out = []
        for address, block, moment in zip(
            *(asked[name].tolist() for name in ("address", "block", "moment")), strict=True
        ):
            row = self.base.execute(text, (address, block, moment)).fetchone()
            out.append(row[0] if row and moment < row[1] else -1)
        return np.array(out, np.int32)


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return CPU-seconds of all threads, seconds by the clock, and the result."""
    cpu, clock = time.process_time(), time.perf_counter()
    found = work()
    return time.process_time() - cpu, time.perf_counter() - clock, found


def edges(asked: Columns, index: AssignmentIndex) -> Any:
    """Return which questions lie within the skew of an edge: there Sekisho's answer changes when it is asked a skew later or earlier."""
    near = np.zeros(len(asked["moment"]), bool)
    middle = ours(index, asked)
    for shift in (-2 * SKEW, 2 * SKEW):
        near |= ours(index, asked | {"moment": asked["moment"] + shift}) != middle
    return near


def main() -> None:
    """Print one line for each peer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="two million instead of ten")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    n, rounds = (2_000_000, 2) if chosen.quick else (10_000_000, 3)
    given = assignments(n)
    asked = questions(given, n)
    table = statements(given)
    rest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    building, _, index = timed(lambda: AssignmentIndex(settle(table, longest_open=DAY)[0], skew=SKEW))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    codes = index.accounts.to_pylist()
    number = np.array([int(name.removeprefix("line-")) for name in codes] + [-1], np.int32)
    near = edges(asked, index)
    duck = Duck(given)
    sample = n // 50
    few = {name: values[:sample] for name, values in asked.items()}
    lite = Lite(given)
    best: dict[str, tuple[float, float]] = {}
    agree = {"duckdb": True, "sqlite": True}
    for _ in range(rounds):
        cpu, clock, mine = timed(lambda: ours(index, asked))
        best["ours"] = min(best.get("ours", (cpu, clock)), (cpu, clock))
        mine = number[mine]
        for name, work, some in (("duckdb", duck.ask, asked), ("sqlite", lite.ask, few)):
            cpu, clock, theirs = timed(lambda work=work, some=some: work(some))  # type: ignore[misc]
            best[name] = min(best.get(name, (cpu, clock)), (cpu, clock))
            same = (theirs == mine[: len(theirs)]) | near[: len(theirs)]
            agree[name] &= bool(same.all()) and bool((theirs >= 0).any()) and float(near.mean()) < 0.01
    speed = n / best["ours"][0] / 1e6
    for name, rows, title in (
        ("duckdb", n, f"DuckDB {duckdb.__version__} ASOF join"), ("sqlite", sample, f"SQLite {sqlite3.sqlite_version} index"),
    ):  # fmt: skip
        peer = rows / best[name][0] / 1e6
        line = {
            "bench": "subscriber-lookup", "unit": "M look-ups per CPU-second", "case": f"{n:,} assignments, {n:,} questions",
            "ours": round(speed, 2), "peer": round(peer, 3), "peer_name": title, "ratio": round(speed / peer, 2),
            "limit": LIMIT, "limit_name": "the goal: M look-ups a second on two cores", "agree": agree[name],
            "ours_clock": round(n / best["ours"][1] / 1e6, 2), "building": round(building, 1),
            "building_mb": (peak - rest) // 1024, "near_edges": round(float(near.mean()), 5),
            "load": round(os.getloadavg()[0], 1), "command": "./run bench subscriber-lookup" + (" --quick" if chosen.quick else ""),
        }  # fmt: skip
        print(json.dumps(line) if chosen.json else "  ".join(f"{key}={value}" for key, value in line.items()))
    sys.exit(0 if all(agree.values()) else 1)


if __name__ == "__main__":
    main()
