"""Brute forcing: a watched line guesses codes at login services of others.

Question: which lines open many short sessions with login services?
How: TCP flows that the line sends to a login port, with SYN and ACK (so the service answered), few octets and a short
  time, are attempts. They are counted for each line and port together with the destinations. The threshold is the
  operator's floor, raised by the lines' own past until the budget of false alarms holds, never beyond a ceiling.
Evidence: the first 20 attempts of each line and port; all are counted.
Limits: attempts inside one long session (SSH allows several) count once. Guessing at Web logins looks like browsing
  and is not judged. A monitoring system that signs in every minute looks alike until its past is known; the grade is
  never above "likely". Exporters that give no TCP flags can't be judged; the coverage says so, also of one of several.
Source: facts on Mirai and NICTER's reports of SSH and telnet attacks; 第四次とりまとめ (2021-11).
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
from sekisho.formats.flow_rows import shown
from sekisho.language import Text
from sekisho.model.baseline import Threshold, threshold
from sekisho.model.detection import Detection, Grade, Window, mixed
from sekisho.model.purpose import Purpose
from sekisho.ports.flows import Finds, Options, Query, Tables

_ATTEMPT = f"""
"subscriberSide" = 1 AND "protocolIdentifier" = 6 AND {IN_WINDOW} AND {HAS_SYN} AND {HAS_ACK}
AND "octetDeltaCount" <= $octets_most AND "flowEndMilliseconds" - "flowStartMilliseconds" <= $milliseconds_most
AND "destinationTransportPort" IN (SELECT "port" FROM "PORTS")
"""
_COUNT = f"""
SELECT "subscriber", CAST("destinationTransportPort" AS BIGINT) AS "port", COUNT(*) AS "attempts",
  CAST({TARGETS} AS BIGINT) AS "targets", MIN("flowStartMilliseconds") AS "begin", MAX("flowEndMilliseconds") AS "end",
  CAST(MAX("samplingPacketInterval") AS BIGINT) AS "sampling",
  CAST(MIN("samplingPacketInterval") AS BIGINT) AS "finest"
FROM "FLOW" WHERE {_ATTEMPT}
GROUP BY "subscriber", "destinationTransportPort" HAVING COUNT(*) >= $seen_least AND COUNT(*) * {SCALE} >= $wanted
"""
_SLOT = 'CAST(FLOOR(("flowStartMilliseconds" - $begin) / $length) AS BIGINT)'
_PAST = f"""
SELECT "subscriber", CAST(MAX("attempts") AS BIGINT) AS "peak" FROM (
  SELECT "subscriber", "destinationTransportPort", {_SLOT} AS "slot", COUNT(*) AS "attempts"
  FROM "FLOW" WHERE {_ATTEMPT} GROUP BY "subscriber", "destinationTransportPort", {_SLOT}
) AS "slots" GROUP BY "subscriber" HAVING MAX("attempts") >= $least
"""
_EVIDENCE = evidence_text(
    _ATTEMPT,
    ("subscriber", "destinationTransportPort"),
    '"subscriber" IN (SELECT "subscriber" FROM "FOUND") AND "destinationTransportPort" IN (SELECT "port" FROM "FOUND")',
)
_ROW = Mapping[str, Any]


class BruteForce:
    """Lines that guess codes."""

    name = "brute_force"
    version = "1"
    title = Text(ja="総当たり（ログイン試行）", en="brute forcing")
    purpose = Purpose.ATTACK_DETECTION
    counts_over_time = True
    reasons = {
        "many-targets": Text(
            ja="この回線は{seconds}秒の間に{targets}か所のポート{port}/tcpで{attempts}回の短いログイン試行をした（しきい値{threshold}回）。",
            en="In {seconds} s this line made {attempts} short login attempts on port {port}/tcp of {targets} destinations "
            "(threshold {threshold}).",
        ),
        "one-target": Text(
            ja="この回線は{seconds}秒の間に一か所のポート{port}/tcpで{attempts}回の短いログイン試行をした（しきい値{threshold}回）。",
            en="In {seconds} s this line made {attempts} short login attempts on port {port}/tcp of one destination "
            "(threshold {threshold}).",
        ),
        "no-flows": Text(ja="この時間帯のフローがない", en="there are no flows in this window"),
        "inbound-only": INBOUND_ONLY,
        "no-flags": Text(
            ja="エクスポータがTCPフラグを出していないので、総当たりは判断できない",
            en="the exporters give no TCP flags, so brute forcing can't be judged",
        ),
        "some-flags": Text(
            ja="TCPフラグを出していないエクスポータがあり、そこを通る回線の総当たりは判断できない",
            en="some exporters give no TCP flags, so brute forcing by lines behind them can't be judged",
        ),
        "unstated": Text(
            ja="標本化率を言わないエクスポータがあり、件数は下限である",
            en="an exporter doesn't state its sampling, so counts are lower bounds",
        ),
        "sampled": Text(
            ja="標本化されたフローには開始と応答のフラグが揃わないことが多く、総当たりはほとんど見えない",
            en="sampled flows seldom hold both SYN and ACK: brute forcing hardly shows in them",
        ),
    }
    parameters = {
        "attempts": Text(ja="時間帯の中の短い試行の数", en="short sessions in the window"),
        "octets_most": Text(ja="試行とみなす送信オクテット数の上限", en="most octets sent in an attempt"),
        "seconds_most": Text(ja="試行とみなす長さの上限（秒）", en="longest attempt in seconds"),
        "seen_least": Text(
            ja="標本化されたときに必要な最少の観測数", en="fewest sampled attempts on which anything is said"
        ),
        "alarms_a_day": Text(ja="一日に許す誤報の数", en="false alarms a day that are bearable"),
        "ceiling_factor": Text(
            ja="過去によってしきい値を上げる上限（倍）", en="how many times the past may raise the threshold"
        ),
        "login_ports": Text(ja="ログインを受けるポート", en="ports of login services"),
    }

    def detect(self, tables: Tables, window: Window, parameters: Options) -> Finds:
        """Look at ``window``; rows of ``tables`` before it are the past."""
        asked = {"begin": window.begin, "end": window.end}
        covered = coverage(tables.ask, window)
        if covered.note in {"no-flows", "inbound-only", "no-flags"}:
            return Finds((), covered)
        if covered.sampling > 1 and not covered.blind:
            covered = msgspec.structs.replace(covered, note="sampled")
        bounds = {
            "octets_most": int(number(parameters, "octets_most")),
            "milliseconds_most": int(1000 * number(parameters, "seconds_most")),
        }
        ports = {"PORTS": ports_table(str(parameters["login_ports"]))}
        limit = _limit(tables, window, parameters, bounds, ports)
        least = {"wanted": int(limit.value), "seen_least": int(number(parameters, "seen_least"))}
        counted = tables.ask(
            Query("brute-count", _COUNT, parameters={**asked, **bounds, **least}, tables=ports)
        )
        if not counted.num_rows:
            return Finds((), covered)
        side = {**ports, "FOUND": counted.select(["subscriber", "port"])}
        rows = tables.ask(
            Query("brute-evidence", _EVIDENCE, parameters={**asked, **bounds}, tables=side)
        ).to_pylist()
        evidence = by_key(rows, "subscriber", "destinationTransportPort")
        ordered = sorted(
            counted.to_pylist(), key=lambda one: (-one["attempts"], one["subscriber"], one["port"])
        )
        found = (
            self._detection(window, row, limit, evidence.get((row["subscriber"], row["port"]), []))
            for row in ordered
        )
        return Finds(tuple(found), covered)

    def _detection(self, window: Window, row: _ROW, limit: Threshold, evidence: list[_ROW]) -> Detection:
        remote = f"*:{row['port']}/tcp"
        return Detection(
            id=identity(self.name, row["subscriber"], remote, window.begin, window.end),
            method=self.name,
            subscriber=row["subscriber"],
            begin=row["begin"],
            end=row["end"],
            grade=Grade.LIKELY if row["attempts"] >= limit.value else Grade.WATCH,
            reason="one-target" if row["targets"] == 1 else "many-targets",
            arguments={
                "seconds": seconds(row), "attempts": row["attempts"], "targets": row["targets"], "port": row["port"],
                "threshold": round(limit.value), "because": limit.because,
                **mixed(row["finest"], row["sampling"]),
            },
            remotes=(remote,),
            remote_count=row["targets"],
            evidence=tuple(shown(evidence)),
            rows=row["attempts"],
            sampling=row["sampling"],
        )  # fmt: skip


def _limit(
    tables: Tables, window: Window, parameters: Options, bounds: Mapping[str, int], ports: Mapping[str, Any]
) -> Threshold:
    floor = number(parameters, "attempts")
    past = recorded_past(tables.ask, tables.window.begin, window.begin)
    asked = {
        **bounds, "begin": tables.window.begin, "end": window.begin, "length": window.end - window.begin,
        "least": int(floor),
    }  # fmt: skip
    peaks: dict[int, list[float]] = {}
    if past > 0:
        for row in tables.ask(Query("brute-past", _PAST, parameters=asked, tables=ports)).to_pylist():
            peaks.setdefault(row["subscriber"], []).append(row["peak"])
    return threshold(
        peaks, past, floor=floor, ceiling=floor * number(parameters, "ceiling_factor"),
        alarms_a_day=number(parameters, "alarms_a_day"),
    )  # fmt: skip


DETECTOR = BruteForce()
