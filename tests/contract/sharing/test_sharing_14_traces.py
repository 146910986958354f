"""14, in bulk: of 50,000 detections nothing is anywhere in what others see; what is past its time is in no file of the hub."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from ipaddress import IPv4Address
from pathlib import Path

from fakes.sharing import DAY, NOW, Ring, evidence, hold, indicator
from sekisho.exchange.feeds import FORMS
from sekisho.model.detection import Detection, Grade
from sekisho.model.indicator import Indicator, Tlp
from sekisho.model.line_count import begin_of, day_of
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.reports.hub_digest import text
from sekisho.stores.detection_log import DetectionLog
from sekisho.wiring import counting
from sekisho.wiring.hub import upkeep
from sekisho.wiring.hub_digest import digest_of
from sekisho.workflows.hub import publish

COUNT = 50_000
FIRST = int(IPv4Address("203.0.113.0")) - (COUNT // 2)  # around one of the blocks kept for examples
SERVERS = [f"198.51.100.{number}" for number in range(1, 21)]
YESTERDAY = begin_of(day_of(NOW)) - DAY
LABEL = Label((Purpose.CC_DETECTION,), LegalBasis.LEGITIMATE_BUSINESS, Stage.CANDIDATE, 1 << 60)
#: Anything that a line, an address, a port or a moment could be written as.
WORDS = re.compile(r"[0-9a-f]{16,}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|(?:\d{1,3}\.){3}\d{1,3}|\d{5,}")


def secrets(number: int) -> tuple[int, str, int, int]:
    """Return the pseudonym, address, port and moment of one detection; no two share one."""
    at = YESTERDAY + 3_600_000 + number * 1_600 + 123
    return 7_000_000_000_000 + number * 7_919, str(IPv4Address(FIRST + number)), 10_000 + number % 50_000, at


def detections() -> list[Detection]:
    made = []
    for number in range(COUNT):
        line, address, port, at = secrets(number)
        server = SERVERS[number % len(SERVERS)]
        row = {"sourceIPv4Address": address, "sourceTransportPort": port, "flowStartMilliseconds": at}
        made.append(
            Detection(
                f"{number:x}", "known_cc", line, at, at + 900, Grade.CONFIRMED, "established", remotes=(f"{server}:23/tcp",),
                remote_count=1, evidence=(row,), rows=1, sources=("hub",),
            )
        )  # fmt: skip
    return made


def every_way_of_writing() -> set[str]:
    """Return all that would tell of one of them: in clear, as numbers, hashed as people hash them."""
    found: set[str] = set()
    for number in range(COUNT):
        line, address, port, at = secrets(number)
        moment = dt.datetime.fromtimestamp(at / 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
        packed = int(IPv4Address(address))
        found |= {
            str(line),
            f"{line:016x}",
            address,
            str(packed),
            str(at),
            str(at // 1000),
            moment,
            f"{address}:{port}",
        }
        for words in (address, f"{address}:{port}", str(packed), str(line)):
            octets = words.encode()
            found.add(hashlib.sha256(octets).hexdigest())
            found.add(hashlib.md5(octets, usedforsecurity=False).hexdigest())
    return found


def test_14_of_fifty_thousand_detections_nothing_is_in_what_others_see(ring: Ring, tmp_path: Path) -> None:
    for name in "abcd":
        ring.join(name)
    for place, member in enumerate("ab"):
        some = [
            indicator(one, number=100 * place + at, seen="handshake", tlp=Tlp.GREEN)
            for at, one in enumerate(SERVERS)
        ]
        ring.post(member, "list-in", *some)
    publish(ring.books, b"x")
    ids = {
        one.value.partition("/")[0]: one.id for one in ring.books.reports.usable(grades=("watch", "block"))
    }
    assert len(ids) == len(SERVERS)
    # What each of three members sees: the same 50,000 of its own, counted as its own command counts them.
    log = DetectionLog(tmp_path / "detections.jsonl")
    log.add(detections(), LABEL, NOW)
    listed = [Indicator(f"{one}/32", 23, 6, source="hub", reference=ids[one]) for one in SERVERS]
    days = [day_of(NOW - DAY)]
    told = counting.line_counts(log, listed, "hub", days, NOW)
    assert set(told[days[0]].values()) == {COUNT // len(SERVERS)}
    body = counting.body(days[0], told[days[0]])
    for member in "abc":
        assert ring.ask(member, "POST", "/counts/", body).json == {"taken": len(SERVERS), "unknown": 0}
    publish(ring.books, b"y")
    reader = next(one for one in ring.books.members.members() if one.id == "d")
    digest = digest_of(ring.desk, reader, NOW - DAY)
    assert digest is not None
    seen = [body.decode(), text(digest)]
    paths = [
        ring.at(alias, what) for alias in ("list", "failure", "evidence") for what in ("objects", "manifest")
    ]
    paths += [f"/feed/{grade}.{form}" for grade in ("watch", "block") for form in FORMS]
    paths += ["/counts/", "/me/counts.json", "/me/reports.json", "/me/ledger.json", "/feed/misp/manifest.json",
              "/feed/misp/hashes.csv", "/openapi.json", "/taxii2/", "/sharing/collections/", "/models/", "/nowhere"]  # fmt: skip
    ring.clock[0] += 4 * DAY  # the day is closed: its figures are shown
    for path in paths:
        got = ring.ask("d", "GET", path)
        seen.append(f"{got.headers}\n{got.body.decode()}")
    whole = "\n".join(seen)
    assert '"lines":7500' in whole  # what may be known is there
    secret = every_way_of_writing()
    assert len(secret) > 12 * COUNT
    words = set(WORDS.findall(whole))
    assert len(words) > 100
    assert not words & secret
    # The search finds what is there: a planted one of each kind.
    for number, at in ((7, 1), (40_000, 3)):
        planted = str(secrets(number)[at])
        assert set(WORDS.findall(f'{{"x":"{planted}"}}')) & secret
    assert set(WORDS.findall(hashlib.sha256(secrets(9)[1].encode()).hexdigest())) & secret


def octets_of(folder: Path) -> bytes:
    return b"\n".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())


def test_14_what_is_past_its_time_is_in_no_file(ring: Ring) -> None:
    """Neither in the database, nor in its write-ahead log, nor in a copy that is made then."""
    folder: Path = ring.desk.folder
    ring.join("sees", "full", "198.51.100.200/32").join("old").join("new", "receive-only")
    noon = YESTERDAY + DAY // 2
    hold(ring.books, "old", "203.0.113.0/24", 1, noon, "op")
    hold(ring.books, "new", "203.0.113.0/24", noon, 0, "op")
    ring.books.forget()
    addresses = [f"203.0.113.{number}" for number in range(1, 251)]
    for half, begin in enumerate((noon - 3_600_000, noon)):  # the network moves at noon
        moment = dt.datetime.fromtimestamp(begin / 1000 + 7, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        some = [evidence(one, number=1000 * half + at, moment=moment) for at, one in enumerate(addresses)]
        assert ring.post("sees", "evidence-in", *some)["success_count"] == len(addresses)
    assert {len(ring.objects(name, "evidence", limit=1000)) for name in ("old", "new")} == {len(addresses)}
    before = octets_of(folder)
    assert all(one.encode() in before for one in addresses)
    ring.clock[0] += 31 * DAY
    upkeep(ring.desk, b"x", whole=True)
    assert ring.objects("old", "evidence") == []
    assert len(ring.books.ledger.entries()) == 2 * len(addresses)  # the ledger stays for its five years
    after = octets_of(folder)
    assert not {one.encode() for one in addresses} & set(re.findall(rb"203\.0\.113\.\d+", after))
    # The line's port; digests and times of microseconds have these digits now and then.
    port = rb"(?<![0-9a-f])40000(?![0-9a-f])"
    assert re.search(port, before)
    assert not re.search(port, after)
