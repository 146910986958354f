"""Watched flows written by hand, and tables over them: DuckDB in memory, two shards, so that sums must add up."""

from __future__ import annotations

import os
import threading
from ipaddress import ip_address
from typing import Any

import duckdb
import pyarrow as pa

from sekisho.model.detection import Window
from sekisho.model.tables import ACK, RECEIVES, SENDS, SYN, WATCHED
from sekisho.ports.flows import Damage, Query

HOUR = 3_600_000
START = 1_795_000_000_000 // HOUR * HOUR
_KEPT = threading.local()


def flow(
    line: int,
    remote: str,
    port: int,
    *,
    at: float = 0.0,
    lasts: float = 0.1,
    side: int = SENDS,
    own_port: int = 40_000,
    protocol: int = 6,
    flags: int = SYN,
    packets: int = 1,
    octets: int = 60,
    sampling: int = 1,
    exporter: str = "192.0.2.1#0",
) -> dict[str, Any]:
    """One row; ``at`` and ``lasts`` in seconds after START, ``port`` is the other end's."""
    address = ip_address(remote)
    ends = {SENDS: ("source", "destination"), RECEIVES: ("destination", "source")}
    ours, theirs = ends[side]
    row: dict[str, Any] = dict.fromkeys(WATCHED.names)
    row |= {
        "flowStartMilliseconds": START + int(at * 1000),
        "flowEndMilliseconds": START + int((at + lasts) * 1000),
        "ipVersion": address.version,
        f"{ours}TransportPort": own_port,
        f"{theirs}TransportPort": port,
        "protocolIdentifier": protocol,
        "tcpControlBits": flags,
        "packetDeltaCount": packets,
        "octetDeltaCount": octets,
        "samplingPacketInterval": sampling,
        "exporter": exporter,
        "subscriber": line,
        "subscriberSide": side,
    }
    if address.version == 4:
        row |= {f"{ours}IPv4Address": line, f"{theirs}IPv4Address": int(address)}
    else:
        row |= {f"{ours}IPv6Address": bytes(16), f"{theirs}IPv6Address": address.packed}
    return row


class MemoryTables:
    """`Tables` over rows in memory."""

    def __init__(self, rows: list[dict[str, Any]], window: Window) -> None:
        kept = [row for row in rows if window.holds(row["flowStartMilliseconds"])]
        self.window = window
        self.asked: list[str] = []
        # How many rows each question was answered with.
        self.answers: dict[str, int] = {}
        self._shards = [
            pa.Table.from_pylist([r for r in kept if r["subscriber"] % 2 == n], WATCHED) for n in (0, 1)
        ]

    def damaged(self) -> tuple[Damage, ...]:
        return ()

    def ask(self, query: Query) -> pa.Table:
        self.asked.append(query.name)
        parts = []
        engine = _engine()
        named = {**query.tables}
        try:
            for name, table in query.tables.items():
                engine.register(name, table)
            for shard in self._shards:
                named["FLOW"] = shard
                engine.register("FLOW", shard)
                parts.append(engine.sql(query.text, params=dict(query.parameters)).to_arrow_table())
            part = pa.concat_tables(parts, promote_options="permissive")
            self.answers[query.name] = self.answers.get(query.name, 0) + part.num_rows
            if not query.merge:
                return part
            # Only the parts are there when they are put together.
            for name in named:
                engine.unregister(name)
            named = {"PART": part}
            engine.register("PART", part)
            return engine.sql(query.merge).to_arrow_table()
        finally:
            for name in named:
                engine.unregister(name)


def _engine() -> duckdb.DuckDBPyConnection:
    """Return this thread's engine: opening one costs more than asking it."""
    if getattr(_KEPT, "process", None) != os.getpid():
        # One thread: a second one costs more to start than these few rows to ask.
        _KEPT.engine, _KEPT.process = duckdb.connect(config={"threads": 1}), os.getpid()
    engine: duckdb.DuckDBPyConnection = _KEPT.engine
    return engine


def window(begin_hours: float = 0, hours: float = 1) -> Window:
    return Window(START + int(begin_hours * HOUR), START + int((begin_hours + hours) * HOUR))


def answered(line: int, remote: str, port: int, **more: Any) -> list[dict[str, Any]]:
    """An ordinary connection, both ways."""
    size = {"flags": SYN | ACK | 8, "packets": 20, "octets": 15_000, "lasts": 3.0}
    back = {**size, "octets": 200_000} | more
    return [flow(line, remote, port, **(size | more)), flow(line, remote, port, **back, side=RECEIVES)]
