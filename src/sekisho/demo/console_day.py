"""A data folder full of invented data for screenshots, tests and benches of the console; the same seed gives the same.

Everything in it is made up: addresses are those of documentation (RFC 5737, RFC 3849), and its legal ground is
``not-communication``, which the console shows.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from sekisho.catalogues import handling
from sekisho.demo.console_accidents import accidents
from sekisho.demo.console_cases import people_and_cases
from sekisho.demo.console_duties import duties
from sekisho.demo.console_runs import runs
from sekisho.demo.console_terminals import assessments
from sekisho.model.detection import Detection, Grade, Window
from sekisho.model.pipeline import StageCount, Step
from sekisho.model.purpose import LegalBasis, Purpose, Receipt, Stage
from sekisho.model.tables import batch_of
from sekisho.model.verdict import Scalar
from sekisho.stores.ledger import RECEIPTS, REFUSALS, add
from sekisho.wiring.console import Console
from sekisho.wiring.figures import FILE, Watched
from sekisho.wiring.watch import DATASET, Watch
from sekisho.workflows.receive import Told
from sekisho.workflows.watch import Figures

HOUR, DAY = 3_600_000, 86_400_000
CUSTOMERS = ("198.18.0.0/15", "2001:db8:100::/40")
#: The first line of the settings of a folder that was filled here.
MARK = "# 見本のデータ / invented data"
_SETTINGS = f"""{MARK}
customers = ["198.18.0.0/15", "2001:db8:100::/40"]
basis = "not-communication"

[people]
"佐藤" = "analyst"
"鈴木" = "sender"
"高橋" = "admin"
"田中" = "viewer"
"""
_NOTICES = f"""{MARK}
[operator]
name = {{ ja = "見本ケーブルテレビ株式会社", en = "Mihon Cable Television" }}
telephone = "0120-000-0000"
hours = {{ ja = "平日9時から18時", en = "weekdays 9:00 to 18:00" }}
page = "https://www.isp.example/notices"
sender = "security@isp.example"
return_address = ["〒999-0000 見本県見本市1-2-3"]
"""
_METHODS = (
    ("known_cc", "established", 24), ("known_cc", "attempt", 6), ("outbound_scan", "horizontal-iot", 40), ("outbound_scan", "horizontal", 12),
    ("brute_force", "many-targets", 12), ("ddos_participation", "flood", 6),
)  # fmt: skip
_FAMILIES = (("mirai", 45), ("gafgyt", 20), ("mozi", 15), ("hajime", 8), ("", 12))
_EXPORTERS = ("192.0.2.1#0", "192.0.2.2#0", "2001:db8::5#7")
_PIECE = 5_000
_DAYS = 28


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of each.

    :ivar terminals: how many terminals the assessments are of; ``runs`` how many of them began in a console
    :ivar accidents: pairs of accidents: one that goes on and one that is over
    """

    detections: int = 5_000
    cases: int = 400
    assessments: int = 60
    terminals: int = 20
    flows: int = 50_000
    audit: int = 300
    runs: int = 12
    accidents: int = 1
    seed: int = 1


def fill(folder: Path, wanted: Wanted | None = None, *, now: int) -> None:
    """Fill a new data folder with data up to the moment ``now`` (milliseconds).

    :raises FileExistsError: there is something in the folder already
    """
    wanted = wanted or Wanted()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise FileExistsError(folder)
    (folder / "watch.toml").write_text(_SETTINGS, encoding="utf-8")
    (folder / "notices.toml").write_text(_NOTICES, encoding="utf-8")
    chance = random.Random(wanted.seed)
    with Watch(folder, create=False) as watch:
        label = handling.label(
            watch.rules, Stage.CANDIDATE, (Purpose.CC_DETECTION, Purpose.ATTACK_DETECTION),
            LegalBasis.NOT_COMMUNICATION, now,
        )  # fmt: skip
        some: list[Detection] = []
        for piece in _pieces(chance, wanted.detections, now):
            watch.log.add(piece, label, now)
            some += piece if len(some) < _PIECE else []
        for method in {name for name, _, _ in _METHODS}:
            watch.looks.add(
                (method,), Window((now - _DAYS * DAY) // HOUR * HOUR, now // HOUR * HOUR - 5 * HOUR)
            )
        _flows(watch, wanted.flows, now, wanted.seed)
        people_and_cases(watch, chance, some, wanted.cases, wanted.audit, now)
    assessments(folder, chance, wanted.assessments, wanted.terminals, now)
    runs(folder, wanted.runs, now)
    with Console(folder, now=lambda: now) as console:
        for _ in range(wanted.accidents):
            accidents(console, now)
        if wanted.accidents:
            duties(console, now)
    _lists(folder, now)
    leave_figures(folder, now)


def leave_figures(folder: Path, now: int, seconds: int = 0) -> None:
    """Leave figures as a watch does that has run so many seconds more."""
    counts = tuple(
        StageCount(name, step, what, (count + more * seconds) // (place + 1))
        for place, name in enumerate(_EXPORTERS)
        for step, what, count, more in (
            (Step.DECODER, "records", 4_812_330, 812), (Step.DOOR, "watched", 4_401_002, 742),
            (Step.DOOR, "elsewhere", 411_328, 70),
        )
    )  # fmt: skip
    received = (
        StageCount(name.partition("#")[0], step, what, (count + more * seconds) // (place + 1))
        for place, name in enumerate(_EXPORTERS)
        for step, what, count, more in (
            (Step.RECEIVER, "received", 160_411, 27), (Step.RECEIVER, "octets", 221_367_180, 37_260),
            (Step.SPOOL, "spooled", 160_411, 27),
        )
    )  # fmt: skip
    told = Told(
        4711, "invented", ("udp 127.0.0.1:2055",), now / 1000, (),
        (*received, StageCount("udp 127.0.0.1:2055", Step.KERNEL, "drops", 12)),
    )  # fmt: skip
    sources = tuple({"exporter": name, "gaps": place * 3} for place, name in enumerate(_EXPORTERS))
    kept = StageCount("", Step.STORE, "kept", sum(one.count for one in counts if one.name == "watched"))
    spooled = sum(one.count for one in told.counts if one.name == "spooled")
    figures = Figures(now, (*counts, kept), sources, 0, 1204, (), now - 21_000, read_to=spooled, found=7)
    rates = {name: round(812.4 / (place + 1), 1) for place, name in enumerate(_EXPORTERS)}
    made = Watched(now, 4712, figures, told, rates)
    (folder / FILE).write_bytes(msgspec.json.encode(made, enc_hook=str))


def _pieces(chance: random.Random, count: int, now: int) -> Iterator[list[Detection]]:
    for first in range(0, count, _PIECE):
        yield [_detection(chance, number, count, now) for number in range(first, min(first + _PIECE, count))]


def _detection(chance: random.Random, number: int, count: int, now: int) -> Detection:
    """Return one detection; few lines have many, and more happens in the evening than at dawn."""
    line = 0x5E_0000_0000 + int(chance.paretovariate(0.9)) % max(40, count // 6)
    begin = now - int((1 - number / count) * _DAYS * DAY)
    swing = math.sin((begin % DAY) / DAY * 2 * math.pi)  # the day of UTC: evening in Japan
    begin -= int(abs(swing) * chance.randrange(3 * HOUR))
    method, reason, _ = chance.choices(_METHODS, [weight for *_, weight in _METHODS])[0]
    ((family, _),) = chance.choices(_FAMILIES, [weight for _, weight in _FAMILIES])
    if method == "known_cc" and not family:
        family = "mirai"
    grade = (
        Grade.CONFIRMED if method == "known_cc" else chance.choice((Grade.WATCH, Grade.LIKELY, Grade.LIKELY))
    )
    port = {"known_cc": 1312, "outbound_scan": 23, "brute_force": 22}.get(method, 80)
    remotes = tuple(f"203.0.113.{chance.randrange(1, 255)}:{port}/6" for _ in range(chance.randint(1, 3)))
    rows = chance.randint(3, 900)
    evidence = tuple(_row(chance, begin, remote.partition(":")[0], port) for remote in remotes)
    return Detection(
        f"{number:08x}{chance.getrandbits(64):016x}", method, line, begin, begin + chance.randrange(HOUR), grade, reason,
        _arguments(chance, rows, remotes[0], port, family), family, remotes, rows, evidence, rows,
        chance.choice((1, 1, 100)), ("invented-list",) if method == "known_cc" else (),
    )  # fmt: skip


def _arguments(chance: random.Random, rows: int, remote: str, port: int, family: str) -> dict[str, Scalar]:
    """Return what the sentences of the reasons take."""
    return {
        "seconds": 3600, "targets": rows + 40, "attempts": rows, "port": port, "threshold": 30, "share": 97, "rate": rows * 9,
        "protocol": "tcp", "remote": remote, "answered": 0, "others": chance.randrange(9), "family": family or "mirai",
        "talks": rows, "sent": rows * 310, "received": rows * 190,
    }  # fmt: skip


def _row(chance: random.Random, begin: int, remote: str, port: int) -> dict[str, object]:
    start = begin + chance.randrange(60_000)
    return {
        "flowStartMilliseconds": start, "flowEndMilliseconds": start + chance.randrange(5_000),
        "sourceIPv4Address": f"198.18.{chance.randrange(256)}.{chance.randrange(256)}",
        "destinationIPv4Address": remote, "sourceTransportPort": chance.randrange(1024, 65_536),
        "destinationTransportPort": port, "protocolIdentifier": 6, "tcpControlBits": 2,
        "packetDeltaCount": chance.randint(1, 9), "octetDeltaCount": chance.randint(40, 4_000),
        "exporter": chance.choice(_EXPORTERS), "subscriberSide": 1,
    }  # fmt: skip


def _flows(watch: Watch, count: int, now: int, seed: int) -> None:
    """Keep flows of the last day, through the privacy door as all others."""
    if not count:
        return
    chance = np.random.default_rng(seed)
    start = np.sort(now - chance.integers(1, DAY, count))
    line = (198 << 24) + (18 << 16) + chance.zipf(1.3, count) % 60_000
    far = (203 << 24) + (113 << 8) + chance.zipf(1.4, count) % 254
    port = chance.choice(np.array([443, 80, 53, 23, 22, 8080]), count, p=[0.5, 0.2, 0.15, 0.08, 0.04, 0.03])
    batch = batch_of(
        {
            "flowStartMilliseconds": start.astype(np.int64),
            "flowEndMilliseconds": (start + chance.integers(0, 60_000, count)).astype(np.int64),
            "ipVersion": np.full(count, 4, np.uint8),
            "sourceIPv4Address": line.astype(np.uint32),
            "destinationIPv4Address": far.astype(np.uint32),
            "sourceTransportPort": chance.integers(1024, 65_535, count).astype(np.uint16),
            "destinationTransportPort": port.astype(np.uint16),
            "protocolIdentifier": np.where(port == 53, 17, 6).astype(np.uint8),
            "tcpControlBits": np.full(count, 27, np.uint8),
            "packetDeltaCount": chance.integers(1, 400, count),
            "octetDeltaCount": chance.integers(60, 400_000, count),
            "samplingPacketInterval": np.ones(count, np.uint32),
        },
        _EXPORTERS[0],
    )
    watch.store.append(DATASET, iter([watch.door().watch(batch)[0]]), watch.label("invented"))


def _lists(folder: Path, now: int) -> None:
    for number in range(6):
        receipt = Receipt("detections", 120 + number, 90_000 + number, "label", now - number * DAY)
        add(folder / RECEIPTS, msgspec.to_builtins(receipt))
    refusal = {
        "at": now - 2 * DAY,
        "dataset": "detections",
        "purpose": "sharing",
        "reason": "purpose",
        "who": "田中",
    }
    add(folder / REFUSALS, refusal)
