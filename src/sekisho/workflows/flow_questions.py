"""The verb ask: who talked most, and how much when, over stored flows; as exported, not scaled by sampling.

``estimated`` is scaled: octets times the sampling interval of each flow; flows of unknown sampling count once.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.query import Query
from sekisho.ports.flows import Tables

_SUMS = (
    'CAST(SUM("octetDeltaCount") AS BIGINT) AS "octets", CAST(SUM("packetDeltaCount") AS BIGINT) AS "packets", '
    'CAST(COUNT(*) AS BIGINT) AS "flows", '
    'CAST(SUM("octetDeltaCount" * CASE WHEN "samplingPacketInterval" > 1 THEN "samplingPacketInterval" ELSE 1 END) '
    'AS BIGINT) AS "estimated"'
)
_MERGED = ", ".join(
    f'CAST(SUM("{name}") AS BIGINT) AS "{name}"' for name in ("octets", "packets", "flows", "estimated")
)


def _far(source: str, destination: str) -> str:
    """Return the expression of the far side's column: the destination of what the line sends."""
    return f'CASE WHEN "subscriberSide" = 1 THEN "{destination}" ELSE "{source}" END'


#: What can be asked by: the expressions that name a talker.
BY: Mapping[str, Mapping[str, str]] = {
    "remote": {
        "v4": _far("sourceIPv4Address", "destinationIPv4Address"),
        "v6": _far("sourceIPv6Address", "destinationIPv6Address"),
    },
    "line": {"line": '"subscriber"'},
    "port": {
        "port": _far("sourceTransportPort", "destinationTransportPort"),
        "protocol": '"protocolIdentifier"',
    },
    "exporter": {"exporter": '"exporter"'},
}


class Talker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who talked: an address, a line (pseudonym), a port, an exporter; ``lines`` is how many lines took part."""

    name: str
    octets: int
    packets: int
    flows: int
    estimated: int
    lines: int


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much began in the stretch of time that begins ``at`` (milliseconds)."""

    at: int
    octets: int
    packets: int
    flows: int
    estimated: int


def talkers(tables: Tables, by: str, count: int) -> tuple[Talker, ...]:
    """Return those with most octets, the most first.

    :raises DescriptionError: ``by`` is none of `BY`
    """
    if by not in BY:
        raise DescriptionError(
            Text(ja="その分け方はない", en="can't be asked by that"), f"{by}: {', '.join(BY)}"
        )
    names = BY[by]
    chosen = ", ".join(f'{expression} AS "{name}"' for name, expression in names.items())
    grouped = ", ".join(names.values())
    keys = ", ".join(f'"{name}"' for name in names)
    query = Query(
        "talkers",
        f'SELECT {chosen}, {_SUMS}, CAST(COUNT(DISTINCT "subscriber") AS BIGINT) AS "lines" FROM "FLOW" '  # noqa: S608 - names of ours
        f"GROUP BY {grouped}",
        f'SELECT {keys}, {_MERGED}, CAST(SUM("lines") AS BIGINT) AS "lines" FROM "PART" GROUP BY {keys} '  # noqa: S608 - names of ours
        f'ORDER BY "octets" DESC, {keys} LIMIT {int(count)}',
    )
    return tuple(
        Talker(_name(by, row), *(row[one] for one in Talker.__struct_fields__[1:]))
        for row in tables.ask(query).to_pylist()
    )


def series(tables: Tables, step: int) -> tuple[Point, ...]:
    """Return how much began in each ``step`` (milliseconds), in order; stretches without a flow are left out."""
    at = f'"flowStartMilliseconds" - MOD("flowStartMilliseconds", {int(step)})'
    query = Query(
        "series",
        f'SELECT {at} AS "at", {_SUMS} FROM "FLOW" GROUP BY {at}',  # noqa: S608 - a number of ours
        f'SELECT "at", {_MERGED} FROM "PART" GROUP BY "at" ORDER BY "at"',  # noqa: S608 - names of ours
        whole_lines=False,
    )
    return tuple(
        Point(**{name: row[name] for name in Point.__struct_fields__})
        for row in tables.ask(query).to_pylist()
    )


def _name(by: str, row: Mapping[str, Any]) -> str:
    if by == "remote":
        if row["v4"] is not None:
            return str(IPv4Address(row["v4"]))
        return str(IPv6Address(row["v6"])) if row["v6"] is not None else ""
    if by == "line":
        return f"L{row['line']:x}"
    return f"{row['port']}/{row['protocol']}" if by == "port" else str(row["exporter"])
