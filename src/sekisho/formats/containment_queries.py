"""The question "whom would this rule have touched?" in the portable subset (`ports.flows.Query`)."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from sekisho.formats.flow_queries import IN_WINDOW
from sekisho.model.containment import Kind, Match, Scope
from sekisho.model.detection import Window
from sekisho.model.tables import RECEIVES, SENDS

_MERGE = """
SELECT CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows", CAST(COALESCE(SUM("watched"), 0) AS BIGINT) AS "watched",
  CAST(COALESCE(SUM("lines"), 0) AS BIGINT) AS "lines", CAST(COALESCE(SUM("flows"), 0) AS BIGINT) AS "flows",
  CASE WHEN SUM("octets") > 4e18 THEN 4e18 ELSE COALESCE(SUM("octets"), 0) END AS "octets", CAST(COALESCE(SUM("own"), 0) AS BIGINT) AS "own",
  CAST(COALESCE(MAX("sampling"), 0) AS BIGINT) AS "sampling", CAST(COALESCE(SUM("unstated"), 0) AS BIGINT) AS "unstated"
FROM "PART"
"""


def radius_query(match: Match, kind: Kind, line: int, window: Window) -> tuple[str, str, dict[str, Any]]:
    """Return text, merge and parameters of a question with one row for an answer.

    ``rows`` and ``watched`` lines of the window; of what the rule matches the ``lines``, ``flows`` and ``octets`` of
    others, and the flows of the case's ``own`` line.
    """
    parameters: dict[str, Any] = {"begin": window.begin, "end": window.end, "line": line}
    matched = f"({_condition(match, kind, parameters)})"
    others = f'{matched} AND "subscriber" <> $line'
    text = f"""
SELECT COUNT(*) AS "rows", COUNT(DISTINCT "subscriber") AS "watched",
  COUNT(DISTINCT CASE WHEN {others} THEN "subscriber" ELSE NULL END) AS "lines",
  SUM(CASE WHEN {others} THEN 1 ELSE 0 END) AS "flows",
  SUM(CASE WHEN {others} THEN CAST("octetDeltaCount" AS DOUBLE) ELSE 0 END) AS "octets",
  SUM(CASE WHEN {matched} AND "subscriber" = $line THEN 1 ELSE 0 END) AS "own",
  CAST(COALESCE(MAX("samplingPacketInterval"), 0) AS BIGINT) AS "sampling",
  SUM(CASE WHEN "samplingPacketInterval" = 0 THEN 1 ELSE 0 END) AS "unstated"
FROM "FLOW" WHERE {IN_WINDOW}
"""  # noqa: S608 - our own words; values go as parameters
    return text, _MERGE, parameters


def _condition(match: Match, kind: Kind, parameters: dict[str, Any]) -> str:
    mine = ' AND "subscriber" = $line' if match.scope is Scope.LINE else ""
    if match.hole:
        parameters |= {"port": match.hole.port, "protocol": match.hole.protocol}
        return (
            f'"subscriberSide" = {RECEIVES} AND "destinationTransportPort" = $port '
            f'AND "protocolIdentifier" = $protocol{mine}'
        )
    if kind is Kind.COA:
        return '"subscriber" = $line'
    parts = []
    for number, one in enumerate(match.remotes):
        net = one.net
        four = isinstance(net, IPv4Network)
        ends = net.network_address, net.broadcast_address
        low, high = map(int, ends) if four else (end.packed for end in ends)
        parameters |= {f"low{number}": low, f"high{number}": high}
        column = "destinationIPv4Address" if four else "destinationIPv6Address"
        said = f'"ipVersion" = {net.version} AND "{column}" BETWEEN $low{number} AND $high{number}'
        # A black hole looks at no port.
        if one.port and kind is not Kind.RTBH:
            parameters[f"port{number}"] = one.port
            said += f' AND "destinationTransportPort" = $port{number}'
        if one.protocol and kind is not Kind.RTBH:
            parameters[f"protocol{number}"] = one.protocol
            said += f' AND "protocolIdentifier" = $protocol{number}'
        parts.append(f"({said})")
    return f'"subscriberSide" = {SENDS} AND ({" OR ".join(parts)}){mine}'
