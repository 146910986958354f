"""Outbound scanning: a watched line looks for others to infect.

Question: which lines ask many strangers on one port, or one stranger on many ports, without being answered?
How: TCP flows that the line sends, with SYN and without ACK, are probes. Distinct destinations are counted for each
  line and port (horizontal), distinct ports for each line and destination (vertical), together with the share of the
  line's flows to that port that stayed unanswered. The threshold is the operator's floor, raised by the lines' own past
  until the budget of false alarms holds, never beyond a ceiling.
Evidence: the first 20 probe rows of each line and port; all are counted.
Limits: scanning over UDP, and slow scans below the threshold, are not seen. Exporters that give no TCP flags can't be
  judged (the coverage says so, also when it is only one of several). A sample of 1 in n sees about 1 probe in n: the sentence says what that can and can't
  show. A port scan by the subscriber's own will looks the same, so the grade is never above "likely".
Source: facts on Mirai (SYN to 23, every tenth to 2323) and NICTER's port statistics; 第四次とりまとめ (2021-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sekisho.formats.flow_queries import (
    HAS_ACK,
    HAS_SYN,
    IN_WINDOW,
    INBOUND_ONLY,
    SCALE,
    SHOWN_ROWS,
    TARGETS,
    by_key,
    coverage,
    evidence_text,
    identity,
    number,
    ports_table,
    recorded_past,
    seconds,
)
from sekisho.formats.flow_rows import address_text, shown
from sekisho.language import Text
from sekisho.model.baseline import Threshold, threshold
from sekisho.model.detection import Coverage, Detection, Grade, Window, mixed
from sekisho.model.purpose import Purpose
from sekisho.ports.flows import Finds, Options, Query, Tables

_SENT = f'"subscriberSide" = 1 AND "protocolIdentifier" = 6 AND {IN_WINDOW}'
_PROBE = f"{_SENT} AND {HAS_SYN} AND NOT ({HAS_ACK})"
_HORIZONTAL = f"""
SELECT "subscriber", CAST("destinationTransportPort" AS BIGINT) AS "port",
  CAST({TARGETS} AS BIGINT) AS "targets", COUNT(*) AS "probes",
  MIN("flowStartMilliseconds") AS "begin", MAX("flowEndMilliseconds") AS "end",
  CAST(MAX("samplingPacketInterval") AS BIGINT) AS "sampling",
  CAST(MIN("samplingPacketInterval") AS BIGINT) AS "finest"
FROM "FLOW" WHERE {_PROBE}
GROUP BY "subscriber", "destinationTransportPort"
HAVING {TARGETS} >= $seen_least AND ({TARGETS}) * {SCALE} >= $wanted
"""
_ANSWERED = f"""
SELECT "subscriber", CAST("destinationTransportPort" AS BIGINT) AS "port", COUNT(*) AS "flows"
FROM "FLOW" WHERE {_SENT} AND {HAS_ACK}
  AND "subscriber" IN (SELECT "subscriber" FROM "FOUND") AND "destinationTransportPort" IN (SELECT "port" FROM "FOUND")
GROUP BY "subscriber", "destinationTransportPort"
"""
_VERTICAL = f"""
SELECT "subscriber", "ipVersion", "destinationIPv4Address", "destinationIPv6Address",
  COUNT(DISTINCT "destinationTransportPort") AS "ports", COUNT(*) AS "probes",
  MIN("flowStartMilliseconds") AS "begin", MAX("flowEndMilliseconds") AS "end",
  CAST(MAX("samplingPacketInterval") AS BIGINT) AS "sampling",
  CAST(MIN("samplingPacketInterval") AS BIGINT) AS "finest"
FROM "FLOW" WHERE {_PROBE}
GROUP BY "subscriber", "ipVersion", "destinationIPv4Address", "destinationIPv6Address"
HAVING COUNT(DISTINCT "destinationTransportPort") >= $seen_least
  AND COUNT(DISTINCT "destinationTransportPort") * {SCALE} >= $wanted
"""
_PAST = f"""
SELECT "subscriber", CAST(MAX("targets") AS BIGINT) AS "peak" FROM (
  SELECT "subscriber", "destinationTransportPort",
    CAST(FLOOR(("flowStartMilliseconds" - $begin) / $length) AS BIGINT) AS "slot", {TARGETS} AS "targets"
  FROM "FLOW" WHERE {_PROBE}
  GROUP BY "subscriber", "destinationTransportPort", CAST(FLOOR(("flowStartMilliseconds" - $begin) / $length) AS BIGINT)
) AS "slots" GROUP BY "subscriber" HAVING MAX("targets") >= $least
"""
_EVIDENCE = evidence_text(
    _PROBE,
    ("subscriber", "destinationTransportPort"),
    '"subscriber" IN (SELECT "subscriber" FROM "FOUND") AND "destinationTransportPort" IN (SELECT "port" FROM "FOUND")',
)
_EVIDENCE_VERTICAL = evidence_text(
    _PROBE,
    ("subscriber", "destinationIPv4Address", "destinationIPv6Address"),
    '(EXISTS (SELECT 1 FROM "FOUND" WHERE "line" = "subscriber" AND "four" = "destinationIPv4Address")'
    ' OR EXISTS (SELECT 1 FROM "FOUND" WHERE "line" = "subscriber" AND "six" = "destinationIPv6Address"))',
)
_PAIR = ("subscriber", "destinationIPv4Address", "destinationIPv6Address")
_ROW = Mapping[str, Any]


class OutboundScan:
    """Lines that scan; Mirai-like port sets are named as such."""

    name = "outbound_scan"
    version = "1"
    title = Text(ja="外向きの探索（スキャン）", en="outbound scanning")
    purpose = Purpose.ATTACK_DETECTION
    counts_over_time = True
    reasons = {
        "horizontal": Text(
            ja="この回線は{seconds}秒の間に{targets}か所のポート{port}/tcpへ接続を試み、{share}％が応答なしだった"
            "（しきい値{threshold}か所）。",
            en="In {seconds} s this line tried port {port}/tcp of {targets} destinations; {share} % stayed unanswered "
            "(threshold {threshold}).",
        ),
        "horizontal-iot": Text(
            ja="この回線は{seconds}秒の間に{targets}か所のポート{port}/tcp（IoT機器のマルウェアが探すポート）へ接続を試み、"
            "{share}％が応答なしだった（しきい値{threshold}か所）。",
            en="In {seconds} s this line tried port {port}/tcp, one that malware of IoT devices looks for, of {targets} "
            "destinations; {share} % stayed unanswered (threshold {threshold}).",
        ),
        "vertical": Text(
            ja="この回線は{seconds}秒の間に{remote}の{ports}個のポートへ接続を試み、応答がなかった（しきい値{threshold}個）。",
            en="In {seconds} s this line tried {ports} ports of {remote} without answer (threshold {threshold}).",
        ),
        "vertical-many": Text(
            ja="この回線は{seconds}秒の間に{remotes}か所の多数のポートへ接続を試み、応答がなかった"
            "（最多は{remote}の{ports}個、しきい値{threshold}個）。",
            en="In {seconds} s this line tried many ports of {remotes} destinations without answer "
            "({ports} of {remote} at most; threshold {threshold}).",
        ),
        "no-flows": Text(ja="この時間帯のフローがない", en="there are no flows in this window"),
        "inbound-only": INBOUND_ONLY,
        "no-flags": Text(
            ja="エクスポータがTCPフラグを出していないので、探索は判断できない",
            en="the exporters give no TCP flags, so scanning can't be judged",
        ),
        "some-flags": Text(
            ja="TCPフラグを出していないエクスポータがあり、そこを通る回線の探索は判断できない",
            en="some exporters give no TCP flags, so scanning by lines behind them can't be judged",
        ),
        "sampled": Text(
            ja="標本化が粗く、しきい値に近い探索は見えないことがある",
            en="the sampling is so coarse that scans near the threshold may not show",
        ),
        "unstated": Text(
            ja="標本化率を言わないエクスポータがあり、件数は下限である",
            en="an exporter doesn't state its sampling, so counts are lower bounds",
        ),
    }
    parameters = {
        "targets": Text(
            ja="一つのポートで応答なしに試された宛先の数", en="destinations tried without answer on one port"
        ),
        "ports": Text(
            ja="一つの宛先で応答なしに試されたポートの数", en="ports of one destination tried without answer"
        ),
        "unanswered_share": Text(
            ja="そのポートへのフローのうち応答のない割合",
            en="share of flows to the port that stay unanswered",
        ),
        "seen_least": Text(
            ja="標本化されたときに必要な最少の観測数", en="fewest sampled probes on which anything is said"
        ),
        "alarms_a_day": Text(ja="一日に許す誤報の数", en="false alarms a day that are bearable"),
        "ceiling_factor": Text(
            ja="過去によってしきい値を上げる上限（倍）", en="how many times the past may raise the threshold"
        ),
        "iot_ports": Text(
            ja="IoT機器のマルウェアが探すポート", en="ports that malware of IoT devices looks for"
        ),
    }

    def detect(self, tables: Tables, window: Window, parameters: Options) -> Finds:
        """Look at ``window``; rows of ``tables`` before it are the past."""
        covered = _coverage(tables, window, parameters)
        if covered.note in {"no-flows", "inbound-only", "no-flags"}:
            return Finds((), covered)
        limit = _limit(tables, window, parameters)
        found = (
            *self._horizontal(tables, window, parameters, limit),
            *self._vertical(tables, window, parameters),
        )
        return Finds(found, covered)

    def _horizontal(
        self, tables: Tables, window: Window, parameters: Options, limit: Threshold
    ) -> list[Detection]:
        asked = {"begin": window.begin, "end": window.end}
        least = {"wanted": int(limit.value), "seen_least": int(number(parameters, "seen_least"))}
        counted = tables.ask(Query("scan-horizontal", _HORIZONTAL, parameters={**asked, **least}))
        if not counted.num_rows:
            return []
        side = {"FOUND": counted.select(["subscriber", "port"])}
        answered = {
            (row["subscriber"], row["port"]): row["flows"]
            for row in tables.ask(
                Query("scan-answered", _ANSWERED, parameters=asked, tables=side)
            ).to_pylist()
        }
        evidence = by_key(
            tables.ask(Query("scan-evidence", _EVIDENCE, parameters=asked, tables=side)).to_pylist(),
            "subscriber", "destinationTransportPort",
        )  # fmt: skip
        iot = set(ports_table(str(parameters["iot_ports"]))["port"].to_pylist())
        found = []
        for row in sorted(
            counted.to_pylist(), key=lambda one: (-one["targets"], one["subscriber"], one["port"])
        ):
            key = (row["subscriber"], row["port"])
            share = row["probes"] / (row["probes"] + answered.get(key, 0))
            if share < number(parameters, "unanswered_share"):
                continue
            arguments = {
                "seconds": seconds(row), "targets": row["targets"], "port": row["port"], "share": round(100 * share),
                "threshold": round(limit.value), "because": limit.because,
            }  # fmt: skip
            reason = "horizontal-iot" if row["port"] in iot else "horizontal"
            found.append(
                self._detection(
                    window,
                    {**row, "remotes": (f"*:{row['port']}/tcp",)},
                    reason,
                    arguments,
                    evidence.get(key, []),
                )
            )
        return found

    def _vertical(self, tables: Tables, window: Window, parameters: Options) -> list[Detection]:
        wanted = number(parameters, "ports")
        asked = {"begin": window.begin, "end": window.end}
        least = {"wanted": int(wanted), "seen_least": int(number(parameters, "seen_least"))}
        counted = tables.ask(Query("scan-vertical", _VERTICAL, parameters={**asked, **least}))
        lines = {
            line: sorted(rows, key=lambda one: (-one["ports"], _remote(one)))
            for (line,), rows in sorted(by_key(counted.to_pylist(), "subscriber").items())
        }
        evidence = _vertical_evidence(tables, asked, lines)
        found = []
        for line, most in lines.items():
            whole = {
                "subscriber": line,
                "probes": sum(row["probes"] for row in most),
                "begin": min(row["begin"] for row in most),
                "end": max(row["end"] for row in most),
                "sampling": max(row["sampling"] for row in most),
                "finest": min(row["finest"] for row in most),
                "ports": most[0]["ports"],
                "remotes": tuple(f"{_remote(row)}:*/tcp" for row in most),
            }
            arguments = {
                "seconds": seconds(whole),
                "ports": most[0]["ports"],
                "remote": _remote(most[0]),
                "remotes": len(most),
                "threshold": round(wanted),
            }
            shows = [one for row in most for one in evidence.get(tuple(row[key] for key in _PAIR), [])]
            reason = "vertical" if len(most) == 1 else "vertical-many"
            found.append(self._detection(window, whole, reason, arguments, shows[:SHOWN_ROWS]))
        return found

    def _detection(
        self,
        window: Window,
        row: _ROW,
        reason: str,
        arguments: dict[str, Any],
        evidence: list[_ROW],
    ) -> Detection:
        return Detection(
            id=identity(self.name, row["subscriber"], reason, row.get("port", "*"), window.begin, window.end),
            method=self.name,
            subscriber=row["subscriber"],
            begin=row["begin"],
            end=row["end"],
            grade=Grade.LIKELY if _enough(row, arguments) else Grade.WATCH,
            reason=reason,
            arguments=arguments | mixed(row["finest"], row["sampling"]),
            remotes=row["remotes"][:SHOWN_ROWS],
            remote_count=row.get("targets", len(row["remotes"])),
            evidence=tuple(shown(evidence)),
            rows=row["probes"],
            sampling=row["sampling"],
        )


def _vertical_evidence(
    tables: Tables, asked: Mapping[str, int], lines: Mapping[int, list[_ROW]]
) -> dict[tuple[Any, ...], list[_ROW]]:
    """Return the rows to show of each line and destination; only of as many destinations as can be shown."""
    import pyarrow as pa

    shown_of = [row for most in lines.values() for row in most[:SHOWN_ROWS]]
    if not shown_of:
        return {}
    kinds = {"line": pa.int64(), "four": pa.int64(), "six": pa.binary()}
    side = pa.table(
        {
            name: pa.array([row[of] for row in shown_of], kinds[name])
            for name, of in zip(kinds, _PAIR, strict=True)
        }
    )
    query = Query("scan-evidence", _EVIDENCE_VERTICAL, parameters=asked, tables={"FOUND": side})
    return by_key(tables.ask(query).to_pylist(), *_PAIR)


def _remote(row: _ROW) -> str:
    return address_text(row["ipVersion"], row["destinationIPv4Address"], row["destinationIPv6Address"])


def _enough(row: _ROW, arguments: Mapping[str, Any]) -> bool:
    """Say whether the count itself, not its extrapolation from a sample, passes the threshold."""
    return bool(row.get("targets", row.get("ports", 0)) >= arguments["threshold"])


def _coverage(tables: Tables, window: Window, parameters: Options) -> Coverage:
    covered = coverage(tables.ask, window)
    if not covered.note and covered.sampling * number(parameters, "seen_least") > number(
        parameters, "targets"
    ):
        return msgspec.structs.replace(covered, note="sampled")
    return covered


def _limit(tables: Tables, window: Window, parameters: Options) -> Threshold:
    floor = number(parameters, "targets")
    past = recorded_past(tables.ask, tables.window.begin, window.begin)
    asked = {
        "begin": tables.window.begin, "end": window.begin, "length": window.end - window.begin, "least": int(floor),
    }  # fmt: skip
    peaks: dict[int, list[float]] = {}
    if past > 0:
        for row in tables.ask(Query("scan-past", _PAST, parameters=asked)).to_pylist():
            peaks.setdefault(row["subscriber"], []).append(row["peak"])
    return threshold(
        peaks, past, floor=floor, ceiling=floor * number(parameters, "ceiling_factor"),
        alarms_a_day=number(parameters, "alarms_a_day"),
    )  # fmt: skip


DETECTOR = OutboundScan()
