"""DDoS participation: a watched line floods a stranger, or reflects an attack on one.

Question: which lines send at a high rate to one destination network that hardly answers, and which amplify?
How: for each line, destination network (IPv4 /24, so that carpet bombing adds up; one address for IPv6) and protocol,
  the packets sent and received are summed with their sampling. A flood is a rate above the operator's floor, several
  times the line's own past, that goes on for some seconds and is hardly answered; an upload or a call is answered.
  Other lines flooding the same network at the same time are counted. Reflection: a line answers from a UDP port known for
  it with several times the octets that it was asked with.
Evidence: the first 20 rows of each line and destination network; all are summed.
  Traffic between two lines is stored under its sender: what came back is looked up under the other line.
Limits: sources forged outside the watched prefixes are not seen as lines (the door counts them). Without the reverse
  direction (asymmetric routing, one-way export) nothing looks answered: no flood is claimed of a line for which no
  flow towards it was seen, unless all exporters that saw it send do show the reverse direction of something; the
  coverage says so. A line whose exporters show the reverse direction of only a part can still be accused wrongly.
  HTTP floods at a normal packet rate are not seen. The grade is never above "likely".
Source: operators' reports on false alarms by speed tests and uploads (flows facts, section 1); 第四次とりまとめ (2021-11).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sekisho.formats.flow_queries import (
    IN_WINDOW,
    INBOUND_ONLY,
    by_key,
    coverage,
    identity,
    number,
    ports_table,
    recorded_past,
    seconds,
)
from sekisho.formats.flow_rows import PROTOCOLS, address_text, shown
from sekisho.language import Text
from sekisho.model.baseline import Threshold, threshold
from sekisho.model.detection import Coverage, Detection, Grade, Window, mixed
from sekisho.model.purpose import Purpose
from sekisho.ports.flows import Finds, Options, Query, Tables

# The other end of a row, whichever side the line is on; the network of an IPv4 address is its /24.
_NETWORK = 'CAST(FLOOR((CASE WHEN "subscriberSide" = 1 THEN "destinationIPv4Address" ELSE "sourceIPv4Address" END) / 256) AS BIGINT)'
_REMOTE6 = 'CASE WHEN "subscriberSide" = 1 THEN "destinationIPv6Address" ELSE "sourceIPv6Address" END'
_SCALE = 'CASE WHEN "samplingPacketInterval" > 1 THEN "samplingPacketInterval" ELSE 1 END'


def _sum(column: str, side: int, *, scaled: bool = True) -> str:
    # In floating point: an exporter that lies about one counter must not make the sum overflow.
    times = f" * ({_SCALE})" if scaled else ""
    return f'SUM(CASE WHEN "subscriberSide" = {side} THEN CAST("{column}" AS DOUBLE){times} ELSE 0 END)'


_SIDES = f"""
  {_sum("packetDeltaCount", 1)} AS "sent", {_sum("packetDeltaCount", 2)} AS "received",
  {_sum("octetDeltaCount", 1)} AS "sent_octets", {_sum("octetDeltaCount", 2)} AS "received_octets",
  {_sum("packetDeltaCount", 1, scaled=False)} AS "seen", COUNT(*) AS "rows",
  CAST(MIN("flowStartMilliseconds") AS BIGINT) AS "begin", CAST(MAX("flowEndMilliseconds") AS BIGINT) AS "end",
  CAST(MAX("samplingPacketInterval") AS BIGINT) AS "sampling",
  CAST(MIN("samplingPacketInterval") AS BIGINT) AS "finest"
"""
_FLOOD = f"""
SELECT * FROM (
  SELECT "subscriber", "ipVersion", {_NETWORK} AS "network", {_REMOTE6} AS "remote6",
    CAST("protocolIdentifier" AS BIGINT) AS "protocol", {_SIDES},
    MIN(CASE WHEN "subscriberSide" = 1 THEN "sourceIPv4Address" ELSE "destinationIPv4Address" END) AS "own4",
    MIN(CASE WHEN "subscriberSide" = 1 THEN "sourceIPv6Address" ELSE "destinationIPv6Address" END) AS "own6",
    SUM(CASE WHEN "subscriberSide" = 1 AND "exporter" NOT IN (SELECT "exporter" FROM "TWOWAY") THEN 1 ELSE 0 END) AS "deaf",
    CASE WHEN "subscriber" IN (SELECT "subscriber" FROM "FLOW" WHERE {IN_WINDOW} AND "subscriberSide" = 2)
      THEN 1 ELSE 0 END AS "heard"
  FROM "FLOW" WHERE {IN_WINDOW}
  GROUP BY "subscriber", "ipVersion", {_NETWORK}, {_REMOTE6}, "protocolIdentifier"
) AS "pairs" WHERE "sent" >= $least_packets AND "seen" >= $seen_least AND "received" <= "sent" * $answered_most
"""
_REFLECT = f"""
SELECT * FROM (
  SELECT "subscriber", "ipVersion", {_NETWORK} AS "network", {_REMOTE6} AS "remote6",
    CAST(CASE WHEN "subscriberSide" = 1 THEN "sourceTransportPort" ELSE "destinationTransportPort" END AS BIGINT) AS "port",
    {_SIDES}
  FROM "FLOW" WHERE {IN_WINDOW} AND "protocolIdentifier" = 17
    AND (CASE WHEN "subscriberSide" = 1 THEN "sourceTransportPort" ELSE "destinationTransportPort" END)
      IN (SELECT "port" FROM "PORTS")
  GROUP BY "subscriber", "ipVersion", {_NETWORK}, {_REMOTE6},
    CASE WHEN "subscriberSide" = 1 THEN "sourceTransportPort" ELSE "destinationTransportPort" END
) AS "pairs" WHERE "sent_octets" >= $octets AND "seen" >= $seen_least
  AND "received_octets" > 0 AND "sent_octets" >= "received_octets" * $amplification
"""
_PAST = f"""
SELECT "subscriber", MAX("rate") AS "peak" FROM (
  SELECT "subscriber", SUM(CAST("packetDeltaCount" AS DOUBLE) * ({_SCALE}))
    / CASE WHEN MAX("flowEndMilliseconds") - MIN("flowStartMilliseconds") > $shortest
      THEN MAX("flowEndMilliseconds") - MIN("flowStartMilliseconds") ELSE $shortest END * 1000 AS "rate"
  FROM "FLOW" WHERE {IN_WINDOW} AND "subscriberSide" = 1
  GROUP BY "subscriber", "ipVersion", {_NETWORK}, {_REMOTE6},
    CAST(FLOOR(("flowStartMilliseconds" - $begin) / $length) AS BIGINT)
) AS "slots" GROUP BY "subscriber" HAVING MAX("rate") >= $least_rate
"""
_EVIDENCE = f"""
SELECT * FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY "subscriber", "network", "remote6", "protocolIdentifier"
    ORDER BY "packetDeltaCount" DESC, "flowStartMilliseconds") AS "rank"
  FROM (SELECT *, {_NETWORK} AS "network", {_REMOTE6} AS "remote6" FROM "FLOW"
    WHERE {IN_WINDOW} AND "subscriber" IN (SELECT "subscriber" FROM "FOUND")) AS "theirs"
  WHERE "network" IN (SELECT "network" FROM "FOUND") OR "remote6" IN (SELECT "remote6" FROM "FOUND")
) AS "ranked" WHERE "rank" <= 20
"""
_BOTH_WAYS = f'SELECT DISTINCT "exporter" FROM "FLOW" WHERE {IN_WINDOW} AND "subscriberSide" = 2'
# What the other line of a pair sent back: such a row is stored under its sender.
_SOURCE_NETWORK = 'CAST(FLOOR("sourceIPv4Address" / 256) AS BIGINT)'
_BETWEEN = f"""
SELECT "destinationIPv4Address" AS "own4", "destinationIPv6Address" AS "own6", {_SOURCE_NETWORK} AS "network",
  "sourceIPv6Address" AS "remote6", CAST("protocolIdentifier" AS BIGINT) AS "protocol",
  {_sum("packetDeltaCount", 1)} AS "received"
FROM "FLOW" WHERE {IN_WINDOW} AND "subscriberSide" = 1 AND (
  EXISTS (SELECT 1 FROM "ENDS" WHERE "line4" = "destinationIPv4Address" AND "net4" = {_SOURCE_NETWORK})
  OR EXISTS (SELECT 1 FROM "ENDS" WHERE "line6" = "destinationIPv6Address" AND "net6" = "sourceIPv6Address"))
GROUP BY "destinationIPv4Address", "destinationIPv6Address", {_SOURCE_NETWORK}, "sourceIPv6Address", "protocolIdentifier"
"""
_GREATEST = 4e18  # what JSON and databases can still hold as a whole number
_ROW = Mapping[str, Any]


class DdosParticipation:
    """Lines that flood or reflect."""

    name = "ddos_participation"
    version = "1"
    title = Text(ja="DDoS攻撃への加担", en="taking part in DDoS")
    purpose = Purpose.ATTACK_DETECTION
    counts_over_time = True
    reasons = {
        "flood": Text(
            ja="この回線は{seconds}秒の間{remote}へ毎秒{rate}パケット（{protocol}）を送り、返りはその{answered}％だった"
            "（しきい値 毎秒{threshold}）。同じ宛先へ送った他の回線：{others}。",
            en="For {seconds} s this line sent {rate} packets/s ({protocol}) to {remote}, and {answered} % came back "
            "(threshold {threshold}/s). Other lines that did so: {others}.",
        ),
        "reflector": Text(
            ja="この回線はポート{port}/udpから{remote}へ、問い合わせの{factor}倍の{octets}オクテットを返した（しきい値{threshold}倍）。"
            "反射攻撃の踏み台とみられる。",
            en="From port {port}/udp this line returned {octets} octets to {remote}, {factor} times what it was asked with "
            "(threshold {threshold} times): it looks abused as a reflector.",
        ),
        "no-flows": Text(ja="この時間帯のフローがない", en="there are no flows in this window"),
        "inbound-only": INBOUND_ONLY,
        "no-flags": Text(
            ja="TCPフラグはないが、この判定には要らない",
            en="there are no TCP flags, and this method needs none",
        ),
        "one-way": Text(
            ja="逆向きのフローがないので、応答の有無が分からず判断できない",
            en="there are no flows of the reverse direction: whether anything was answered can't be told",
        ),
        "one-way-lines": Text(
            ja="大量に送った回線のうち、逆向きのフローが一つもない回線は、応答の有無が分からず判断できない",
            en="of lines that sent much, those without any flow of the reverse direction can't be judged",
        ),
        "unstated": Text(
            ja="標本化率を言わないエクスポータがあり、件数は下限である",
            en="an exporter doesn't state its sampling, so counts are lower bounds",
        ),
    }
    parameters = {
        "packets_a_second": Text(
            ja="一つの宛先網への毎秒パケット数", en="packets a second to one destination network"
        ),
        "seconds_least": Text(ja="続いた時間の下限（秒）", en="shortest time in seconds"),
        "answered_most": Text(
            ja="送信に対する返りのパケットの割合の上限", en="most packets back for each sent"
        ),
        "past_factor": Text(
            ja="この回線の過去の最大値に対する倍率", en="times the line's own highest rate in the past"
        ),
        "seen_least": Text(
            ja="必要な最少の観測パケット数", en="fewest packets seen on which anything is said"
        ),
        "alarms_a_day": Text(ja="一日に許す誤報の数", en="false alarms a day that are bearable"),
        "ceiling_factor": Text(
            ja="過去によってしきい値を上げる上限（倍）", en="how many times the past may raise the threshold"
        ),
        "amplification": Text(ja="受信に対する送信オクテットの倍率", en="octets sent for each received"),
        "reflected_octets": Text(
            ja="一つの宛先へ反射したオクテット数", en="octets reflected to one destination"
        ),
        "reflector_ports": Text(ja="反射に使われるUDPポート", en="UDP ports abused for reflection"),
    }

    def detect(self, tables: Tables, window: Window, parameters: Options) -> Finds:
        """Look at ``window``; rows of ``tables`` before it are the past."""
        covered = _coverage(tables, window)
        if covered.note in {"no-flows", "inbound-only"}:
            return Finds((), covered)
        reflected = self._reflectors(tables, window, parameters)
        if covered.note == "one-way":
            return Finds(tuple(reflected), covered)
        flooded, unjudged = self._floods(tables, window, parameters)
        if unjudged:
            covered = msgspec.structs.replace(covered, note="one-way-lines", blind=True)
        return Finds((*flooded, *reflected), covered)

    def _floods(self, tables: Tables, window: Window, parameters: Options) -> tuple[list[Detection], bool]:
        """Return what was found, and whether a line sent much of which nobody can tell whether it was answered."""
        limit, own = _limit(tables, window, parameters)
        floor, lasted = number(parameters, "packets_a_second"), number(parameters, "seconds_least")
        asked = {
            "begin": window.begin, "end": window.end, "least_packets": int(floor * lasted),
            "seen_least": int(number(parameters, "seen_least")), "answered_most": number(parameters, "answered_most"),
        }  # fmt: skip
        found, unjudged = [], False
        for row in _unanswered(tables, asked):
            past = own.get(row["subscriber"], 0.0) * number(parameters, "past_factor")
            wanted, because = (past, "own-past") if past > limit.value else (limit.value, limit.because)
            if seconds(row) < lasted or row["sent"] / seconds(row) < wanted:
                continue
            if row["deaf"] and not row["heard"]:
                unjudged = True
            else:
                found.append((row, wanted, because))
        lines = Counter((row["network"], row["remote6"]) for row, *_ in found)
        evidence = self._evidence(tables, window, [row for row, *_ in found])
        made = []
        for row, wanted, because in sorted(found, key=lambda one: (-one[0]["sent"], one[0]["subscriber"])):
            arguments = {
                "seconds": seconds(row), "rate": round(row["sent"] / seconds(row)), "remote": _network(row),
                "protocol": PROTOCOLS.get(row["protocol"], str(row["protocol"])),
                "answered": round(100 * row["received"] / row["sent"], 2), "threshold": round(wanted),
                "others": lines[row["network"], row["remote6"]] - 1, "because": because,
            }  # fmt: skip
            shows = evidence.get((row["subscriber"], row["network"], row["remote6"], row["protocol"]), [])
            made.append(self._detection(window, row, "flood", arguments, shows))
        return made, unjudged

    def _reflectors(self, tables: Tables, window: Window, parameters: Options) -> list[Detection]:
        asked = {
            "begin": window.begin, "end": window.end, "octets": int(number(parameters, "reflected_octets")),
            "seen_least": int(number(parameters, "seen_least")), "amplification": number(parameters, "amplification"),
        }  # fmt: skip
        ports = {"PORTS": ports_table(str(parameters["reflector_ports"]))}
        rows = _whole(tables.ask(Query("ddos-reflect", _REFLECT, parameters=asked, tables=ports)))
        evidence = self._evidence(tables, window, rows)
        made = []
        for row in sorted(rows, key=lambda one: (-one["sent_octets"], one["subscriber"], one["port"])):
            arguments = {
                "port": row["port"], "remote": _network(row), "octets": row["sent_octets"],
                "factor": round(row["sent_octets"] / row["received_octets"], 1),
                "threshold": number(parameters, "amplification"),
            }  # fmt: skip
            shows = evidence.get((row["subscriber"], row["network"], row["remote6"], 17), [])
            made.append(self._detection(window, row, "reflector", arguments, shows))
        return made

    def _evidence(
        self, tables: Tables, window: Window, found: Sequence[_ROW]
    ) -> dict[tuple[Any, ...], list[_ROW]]:
        if not found:
            return {}
        schema = _found_schema()
        side = schema.empty_table().from_pylist(
            [{name: row[name] for name in schema.names} for row in found], schema
        )
        asked = {"begin": window.begin, "end": window.end}
        rows = tables.ask(
            Query("ddos-evidence", _EVIDENCE, parameters=asked, tables={"FOUND": side})
        ).to_pylist()
        return by_key(rows, "subscriber", "network", "remote6", "protocolIdentifier")

    def _detection(
        self, window: Window, row: _ROW, reason: str, arguments: dict[str, Any], evidence: list[_ROW]
    ) -> Detection:
        remote = f"{_network(row)}:{arguments.get('port', '*')}"
        return Detection(
            id=identity(
                self.name,
                reason,
                row["subscriber"],
                remote,
                row.get("protocol", 17),
                window.begin,
                window.end,
            ),
            method=self.name,
            subscriber=row["subscriber"],
            begin=row["begin"],
            end=row["end"],
            grade=Grade.LIKELY,
            reason=reason,
            arguments=arguments | _figures(row),
            remotes=(remote,),
            remote_count=1,
            evidence=tuple(shown(evidence)),
            rows=row["rows"],
            sampling=row["sampling"],
        )


def _figures(row: _ROW) -> dict[str, Any]:
    """Return the arguments that say what the figures are: scaled by the sample, where there is one."""
    return ({"scaled": True} if row["sampling"] > 1 else {}) | mixed(row["finest"], row["sampling"])


def _found_schema() -> Any:
    import pyarrow as pa

    return pa.schema([("subscriber", pa.int64()), ("network", pa.int64()), ("remote6", pa.binary())])


def _whole(table: Any) -> list[dict[str, Any]]:
    """Return the rows with whole numbers of packets and octets."""
    sums = ("sent", "received", "sent_octets", "received_octets", "seen")
    return [{**row, **{name: int(min(row[name], _GREATEST)) for name in sums}} for row in table.to_pylist()]


def _unanswered(tables: Tables, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the pairs of line and network that sent enough and got little, also counting what other lines sent back."""
    import pyarrow as pa

    window = {name: asked[name] for name in ("begin", "end")}
    exporters = set(
        tables.ask(Query("ddos-back", _BOTH_WAYS, parameters=window)).column("exporter").to_pylist()
    )
    side = {"TWOWAY": pa.table({"exporter": pa.array(sorted(exporters), pa.string())})}
    rows = _whole(tables.ask(Query("ddos-flood", _FLOOD, parameters=asked, tables=side)))
    if not rows:
        return []
    columns = {"line4": "own4", "line6": "own6", "net4": "network", "net6": "remote6"}
    kinds = {"line4": pa.int64(), "line6": pa.binary(), "net4": pa.int64(), "net6": pa.binary()}
    ends = pa.table({name: pa.array([row[of] for row in rows], kinds[name]) for name, of in columns.items()})
    keys = ("own4", "own6", "network", "remote6", "protocol")
    back = by_key(
        tables.ask(Query("ddos-between", _BETWEEN, parameters=window, tables={"ENDS": ends})).to_pylist(),
        *keys,
    )
    kept = []
    for row in rows:
        row["received"] += int(sum(one["received"] for one in back.get(tuple(row[key] for key in keys), [])))
        if row["received"] <= row["sent"] * asked["answered_most"]:
            kept.append(row)
    return kept


def _network(row: _ROW) -> str:
    """Return the other end as text: an IPv4 /24 or an IPv6 address."""
    if row["network"] is not None:
        return f"{address_text(4, row['network'] * 256, None)}/24"
    return address_text(6, None, row["remote6"])


def _coverage(tables: Tables, window: Window) -> Coverage:
    asked = {"begin": window.begin, "end": window.end}
    covered = coverage(tables.ask, window)
    if covered.note in {"no-flows", "inbound-only"}:
        return covered
    back = tables.ask(Query("ddos-back", _BOTH_WAYS, parameters=asked)).num_rows
    note = "one-way" if not back else "" if covered.note in {"no-flags", "some-flags"} else covered.note
    return msgspec.structs.replace(covered, note=note, blind=note == "one-way")


def _limit(tables: Tables, window: Window, parameters: Options) -> tuple[Threshold, dict[int, float]]:
    """Return the threshold for all lines and each line's own highest rate in the past."""
    floor = number(parameters, "packets_a_second")
    past = recorded_past(tables.ask, tables.window.begin, window.begin)
    asked = {
        "begin": tables.window.begin, "end": window.begin, "length": window.end - window.begin,
        "shortest": int(1000 * number(parameters, "seconds_least")),
        "least_rate": floor / number(parameters, "past_factor"),
    }  # fmt: skip
    own: dict[int, float] = {}
    if past > 0:
        for row in tables.ask(Query("ddos-past", _PAST, parameters=asked)).to_pylist():
            own[row["subscriber"]] = max(own.get(row["subscriber"], 0.0), row["peak"])
    limit = threshold(
        {line: [peak] for line, peak in own.items()}, past, floor=floor,
        ceiling=floor * number(parameters, "ceiling_factor"), alarms_a_day=number(parameters, "alarms_a_day"),
    )  # fmt: skip
    return limit, own


DETECTOR = DdosParticipation()
