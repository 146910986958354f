"""Portable SQL that several detectors ask of the watched flows (the subset of `ports.flows.Query`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from sekisho.language import Text
from sekisho.model.detection import Coverage, Window
from sekisho.model.query import Query
from sekisho.model.verdict import Scalar

Ask = Callable[[Query], pa.Table]

# The lower octet of the TCP flags is a sum of powers of two; MOD is the one bit test that all engines share.
HAS_SYN = 'MOD("tcpControlBits", 4) >= 2'
HAS_ACK = 'MOD("tcpControlBits", 32) >= 16'
IN_WINDOW = '"flowStartMilliseconds" >= $begin AND "flowStartMilliseconds" < $end'
# What one observation of a group stands for at least: its finest sampling, unknown counts as none.
SCALE = 'MIN(CASE WHEN "samplingPacketInterval" > 1 THEN "samplingPacketInterval" ELSE 1 END)'
# How many destinations, of both families; a null is not counted.
TARGETS = 'COUNT(DISTINCT "destinationIPv4Address") + COUNT(DISTINCT "destinationIPv6Address")'

#: What a method says of itself when not one flow that a line sent was there: what it looks for would not have shown.
INBOUND_ONLY = Text(
    ja="回線へ向かうフローだけで、回線が送ったフローが一つもないので判断できない（片方向だけの出力と思われる）",
    en="only flows towards the lines and not one that they sent: nothing can be judged (an export of one direction only?)",
)
COVERAGE = f"""
SELECT COUNT(*) AS "rows", COUNT(DISTINCT "subscriber") AS "lines",
  CAST(COALESCE(MAX("samplingPacketInterval"), 0) AS BIGINT) AS "sampling",
  SUM(CASE WHEN "samplingPacketInterval" = 0 THEN 1 ELSE 0 END) AS "unstated",
  SUM(CASE WHEN "subscriberSide" = 1 THEN 1 ELSE 0 END) AS "sent",
  SUM(CASE WHEN "protocolIdentifier" = 6 AND "tcpControlBits" > 0 THEN 1 ELSE 0 END) AS "flagged",
  SUM(CASE WHEN "protocolIdentifier" = 6 THEN 1 ELSE 0 END) AS "tcp"
FROM "FLOW" WHERE {IN_WINDOW}
"""
COVERAGE_MERGE = """
SELECT CAST(SUM("rows") AS BIGINT) AS "rows", CAST(SUM("lines") AS BIGINT) AS "lines",
  CAST(MAX("sampling") AS BIGINT) AS "sampling", CAST(SUM("unstated") AS BIGINT) AS "unstated",
  CAST(SUM("sent") AS BIGINT) AS "sent",
  CAST(SUM("flagged") AS BIGINT) AS "flagged", CAST(SUM("tcp") AS BIGINT) AS "tcp" FROM "PART"
"""
# Exporters whose TCP rows have no flags at all.
_FLAGLESS = f"""
SELECT "exporter", SUM(CASE WHEN "tcpControlBits" > 0 THEN 1 ELSE 0 END) AS "flagged"
FROM "FLOW" WHERE {IN_WINDOW} AND "protocolIdentifier" = 6 GROUP BY "exporter"
"""
_FLAGLESS_MERGE = """
SELECT "exporter" FROM "PART" GROUP BY "exporter" HAVING SUM("flagged") = 0
"""
# The nominal past may be longer than what was recorded of it.
OLDEST = f'SELECT MIN("flowStartMilliseconds") AS "oldest" FROM "FLOW" WHERE {IN_WINDOW}'
OLDEST_MERGE = 'SELECT MIN("oldest") AS "oldest" FROM "PART"'
SHOWN_ROWS = 20


def evidence_text(where: str, keys: Sequence[str], join: str, most: int = SHOWN_ROWS) -> str:
    """Return the query for the first ``most`` rows of each found thing.

    :param where: the condition that the counting query had
    :param keys: columns that tell one found thing from another
    :param join: a condition that holds for rows of found things, over the side table ``"FOUND"``
    """
    order = ", ".join(f'"{key}"' for key in keys)
    return f"""
SELECT * FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY {order} ORDER BY "flowStartMilliseconds") AS "rank"
  FROM "FLOW" WHERE {where} AND {join}
) AS "ranked" WHERE "rank" <= {most}
"""


def ports_table(text: str) -> pa.Table:
    """Return a side table with the one column ``port``, from ``"23,2323"``."""
    return pa.table({"port": pa.array([int(part) for part in text.split(",") if part.strip()], pa.int64())})


def identity(method: str, *parts: object) -> str:
    """Return the id of a detection: the same look at the same thing gives the same one."""
    return hashlib.sha256("|".join(map(str, (method, *parts))).encode()).hexdigest()[:20]


def by_key(rows: Sequence[Mapping[str, Any]], *keys: str) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    """Return ``rows`` grouped by the values of ``keys``."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def coverage_of(row: Mapping[str, Any]) -> Coverage:
    """Return what `COVERAGE` says, with the notes ``no-flows``, ``inbound-only``, ``no-flags``, ``unstated`` (sampling)."""
    if not row["rows"]:
        return Coverage(note="no-flows", blind=True)
    if not row["sent"]:
        return Coverage(row["lines"], row["rows"], row["sampling"], "inbound-only", blind=True)
    note = "no-flags" if row["tcp"] and not row["flagged"] else "unstated" if row["unstated"] else ""
    return Coverage(row["lines"], row["rows"], row["sampling"], note, blind=note == "no-flags")


def coverage(ask: Ask, window: Window) -> Coverage:
    """Ask what there is to look at in ``window``.

    Besides the notes of `coverage_of` there is ``some-flags``: one of several exporters gives no TCP flags. That is
    blind, too: of the lines behind it a method that needs flags can't say that it found nothing.
    """
    asked = {"begin": window.begin, "end": window.end}
    row = ask(Query("coverage", COVERAGE, COVERAGE_MERGE, asked)).to_pylist()[0]
    covered = coverage_of(row)
    if (
        covered.blind
        or row["flagged"] == row["tcp"]
        or not ask(Query("flagless", _FLAGLESS, _FLAGLESS_MERGE, asked)).num_rows
    ):
        return covered
    return msgspec.structs.replace(covered, note="some-flags", blind=True)


def recorded_past(ask: Ask, begin: int, end: int) -> int:
    """Return how many of the milliseconds from ``begin`` to ``end`` were really recorded, counted from the end."""
    if begin >= end:
        return 0
    oldest = ask(Query("oldest", OLDEST, OLDEST_MERGE, {"begin": begin, "end": end})).to_pylist()[0]["oldest"]
    return 0 if oldest is None else end - int(oldest)


def number(parameters: Mapping[str, Scalar], name: str) -> float:
    """Return a numeric parameter."""
    return float(parameters[name] or 0)


def seconds(row: Mapping[str, Any]) -> int:
    """Return how long the rows behind ``begin`` and ``end`` lasted, at least a second."""
    return max(1, round(int(row["end"] - row["begin"]) / 1000))
