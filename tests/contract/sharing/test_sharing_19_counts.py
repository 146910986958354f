"""What members see flows back as counts, where they agreed: by indicator and day, never a line, once however often it is sent."""

from __future__ import annotations

import http.server
import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.command import typed
from fakes.sharing import DAY, NOW, Got, Ring, indicator, opened_ring
from sekisho.exchange.lists.own import Origin, written
from sekisho.model.detection import Detection, Grade
from sekisho.model.indicator import Indicator, Tlp
from sekisho.model.line_count import DAYS_BACK, begin_of, day_of, days_due
from sekisho.model.membership import MemberState
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.stores.detection_log import DetectionLog
from sekisho.wiring import counting
from sekisho.wiring.hub import upkeep
from sekisho.wiring.lists import FETCHED
from sekisho.wiring.moment import milliseconds
from sekisho.workflows.hub import publish, set_state

YESTERDAY = "2026-11-17"


@pytest.fixture
def told(ring: Ring) -> Ring:
    """A hub whose list holds two servers, and four members who may read it."""
    for name in "abc":
        ring.join(name)
    ring.join("d", "receive-only").join("acme", "maker").join("hub2", "partner")
    for member in "ab":
        for number, address in enumerate(("198.51.100.7", "198.51.100.8")):
            one = indicator(address, number=10 * ord(member) + number, seen="handshake", tlp=Tlp.GREEN)
            ring.post(member, "list-in", one)
    publish(ring.books, b"x")
    return ring


def tally(ring: Ring, who: str, lines: int, *, day: str = YESTERDAY, **more: Any) -> Got:
    row = {"indicator": ring.standing("198.51.100.7").id, "day": day, "lines": lines, **more}
    return ring.ask(who, "POST", "/counts/", {"counts": [row]})


def figures(ring: Ring, who: str = "a") -> list[int]:
    return [one["lines"] for one in ring.ask(who, "GET", "/counts/").json["seen"]]


def test_a_figure_needs_three_groups_beside_ones_own_and_a_closed_day(told: Ring) -> None:
    for who in "ab":
        assert tally(told, who, 12).json == {"taken": 1, "unknown": 0}
    tally(told, "b", 4)  # said anew it replaces
    for _ in range(2):  # said again it is the same
        tally(told, "c", 9)
    assert figures(told) == []
    told.clock[0] += 4 * DAY
    assert [figures(told, who) for who in "abcd"] == [[], [], [], [25]]  # three groups beside the last alone
    set_state(told.books, "c", MemberState.SUSPENDED, "op", "test")
    told.books.forget()
    assert figures(told, "d") == []
    mine = told.ask("b", "GET", "/counts/").json["mine"]
    assert [(one["day"], one["lines"]) for one in mine] == [(YESTERDAY, 4)]


def test_nearly_all_by_one_is_no_figure(told: Ring) -> None:
    for who, lines in (("a", 4_000), ("b", 12), ("c", 12)):
        tally(told, who, lines)
    told.clock[0] += 4 * DAY
    assert figures(told, "d") == []


def test_ones_own_number_moves_no_figure_that_was_shown(told: Ring) -> None:
    for who, lines in (("a", 12), ("b", 13), ("c", 17), ("d", 11)):
        tally(told, who, lines)
    shown = set()
    for lines in range(3, 60):  # before the day is closed nothing is shown, after it nothing moves
        tally(told, "a", lines)
        assert figures(told) == []
    told.clock[0] += 4 * DAY
    for lines in range(10, 22):
        assert tally(told, "a", lines).json == {"taken": 1, "unknown": 0}
        shown.add(tuple(figures(told)))
    assert shown == {(100,)}
    # Who tells late, or leaves, moves none either: a difference would be one member's number.
    told.join("e")
    tally(told, "e", 40)
    assert [figures(told, who) for who in "ae"] == [[100], [100]]
    set_state(told.books, "d", MemberState.SUSPENDED, "op", "test")
    told.books.forget()
    publish(told.books, b"y")
    assert figures(told, "e") == [100]
    assert figures(told) == []


def test_each_day_is_a_figure_of_its_own(told: Ring) -> None:
    for who in "abc":
        tally(told, who, 10, day="2026-11-16")
    tally(told, "b", 50)
    told.clock[0] += 3 * DAY
    assert figures(told, "d") == [30]
    told.clock[0] += DAY
    assert figures(told, "d") == [30]  # the next day is one member's alone
    told.clock[0] += 6 * DAY
    assert figures(told, "d") == []


NO_COUNTS = [
    {"lines": 0}, {"lines": -5}, {"lines": 3.5}, {"lines": "9"}, {"day": "2026-11-18"}, {"day": "2026-11-19"},
    {"day": "2026-11-01"}, {"day": "2026-11-17T10:00:00Z"}, {"day": "20261117"}, {"day": "2026-W47-2"}, {"line": "L1"}, {"address": "203.0.113.7"},
    {"at": 1}, {"indicator": "203.0.113.7"}, {"indicator": "indicator--"},
]  # fmt: skip


def test_there_is_no_place_for_a_line_or_a_time(told: Ring) -> None:
    for more in NO_COUNTS:
        assert tally(told, "a", **{"lines": 9, **more}).status == 422, more
    assert told.books.line_counts.told("2026-01-01") == ()


def test_too_few_lines_are_left_out_and_keep_nothing_else_back(told: Ring, tmp_path: Path) -> None:
    assert tally(told, "a", 2).json == {"taken": 0, "unknown": 1}
    assert told.books.line_counts.told("2026-01-01") == ()
    # A hub that takes more than the members know of: what is enough is taken, beside what isn't and on the days after it.
    with opened_ring(tmp_path / "wary", k_lines=5) as wary:
        for who in "ab":
            some = (
                indicator(f"198.51.100.{n}", number=10 * ord(who) + n, seen="handshake", tlp=Tlp.GREEN)
                for n in (7, 8)
            )
            wary.join(who).post(who, "list-in", *some)
        publish(wary.books, b"x")
        names = [wary.standing(f"198.51.100.{n}").id for n in (7, 8)]
        rows = [
            {"indicator": one, "day": YESTERDAY, "lines": lines}
            for one, lines in zip(names, (4, 5), strict=True)
        ]
        assert wary.ask("a", "POST", "/counts/", {"counts": rows}).json == {"taken": 1, "unknown": 1}
        (kept,) = wary.books.line_counts.told("2026-01-01")
        assert (kept.indicator, kept.lines) == (names[1], 5)


def test_who_tells_and_of_what(told: Ring) -> None:
    assert [tally(told, who, 9).status for who in ("a", "d", "acme", "hub2", "")] == [200, 200, 403, 404, 401]
    assert told.ask("hub2", "GET", "/counts/").status == 404
    assert told.ask("a", "POST", "/counts/", b"{").status == 422
    assert told.ask("a", "POST", "/counts/", {"counts": []}).status == 422
    # What isn't there and what may not be seen are answered alike.
    unknown = tally(told, "a", 9, indicator="indicator--00000000-0000-4000-8000-000000000000")
    assert unknown.json == {"taken": 0, "unknown": 1}
    red = indicator("198.51.100.9", number=77, seen="handshake", tlp=Tlp.AMBER_STRICT)
    for member in "ab":
        told.post(member, "list-in", red)
    publish(told.books, b"x")
    hidden = tally(told, "c", 9, indicator=told.standing("198.51.100.9").id)
    assert hidden.json == unknown.json


def test_counts_are_no_voice_and_end_by_their_time(told: Ring) -> None:
    before = told.standing("198.51.100.7")
    for who in "abcd":
        tally(told, who, 50)
    upkeep(told.desk, b"x", whole=True)
    assert told.standing("198.51.100.7").score == before.score
    assert len(told.books.line_counts.told("2026-01-01")) == 4
    told.clock[0] += 91 * DAY
    upkeep(told.desk, b"x", whole=True)
    assert told.books.line_counts.told("2026-01-01") == ()


def test_days_are_told_when_they_are_over() -> None:
    noon = begin_of("2026-11-18") + DAY // 2
    assert days_due(noon, counting.SETTLED, 0) == tuple(
        day_of(noon - back * DAY) for back in range(DAYS_BACK, 0, -1)
    )
    assert days_due(begin_of("2026-11-18") + 60_000, counting.SETTLED, noon - 3 * DAY)[-1] == "2026-11-16"


# The side of the member: a data folder whose detections name the hub's list.

LABEL = Label((Purpose.CC_DETECTION,), LegalBasis.LEGITIMATE_BUSINESS, Stage.CANDIDATE, 1 << 60)


def found(line: int, at: int, remote: str = "198.51.100.7:23/tcp", source: str = "hub") -> Detection:
    return Detection(
        f"{line}-{at}-{remote}-{source}", "known_cc", line, at, at + 1000, Grade.CONFIRMED, "established",
        remotes=(remote,), remote_count=1, rows=1, sources=(source,),
    )  # fmt: skip


@pytest.fixture
def data(told: Ring, tmp_path: Path) -> Path:
    """A member's folder with detections of a day: 5 lines on one server, 2 on the other, 9 on another list's."""
    # The member's side goes by the real clock: so does this hub.
    now = milliseconds()
    told.clock[0] = now
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "watch.toml").write_text('customers = ["203.0.113.0/24"]\nbasis = "not-communication"\n')
    (tmp_path / "token").write_text(told.tokens["d"])
    (tmp_path / "token").chmod(0o600)
    for member in "ab":  # seen lately, so that both stand
        for number, address in enumerate(("198.51.100.7", "198.51.100.8")):
            moment = f"{day_of(now - 3_600_000)}T00:00:00.000Z"
            one = indicator(address, number=500 + 10 * ord(member) + number, seen="handshake", tlp=Tlp.GREEN, moment=moment)  # fmt: skip
            told.post(member, "list-in", one)
    publish(told.books, b"x")
    noon = begin_of(day_of(now - counting.SETTLED)) - DAY // 2  # of the last day that can be told by now
    (tmp_path / "day").write_text(day_of(noon))
    rows = [found(line, noon) for line in range(5)] + [found(1, noon + 60_000)]
    rows += [found(line, noon, "198.51.100.8:23/tcp") for line in range(2)]
    rows += [found(line, noon, "198.51.100.9:23/tcp", "own") for line in range(9)]
    DetectionLog(folder / "detections.jsonl").add(rows, LABEL, now)
    return folder


def join(data: Path, url: str, *words: str, code: int = 0) -> Any:
    done = typed(
        ["hub", "join", url, "--token-file", data.parent / "token", "--data", data, "--json", *words]
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def known(ring: Ring) -> list[tuple[str, int]]:
    return [(one.member, one.lines) for one in ring.books.line_counts.told("2026-01-01")]


def test_nothing_leaves_before_it_was_shown_and_agreed_to(told: Ring, data: Path) -> None:
    with told.served() as url:
        join(data, url)
        assert known(told) == []
        asked = join(data, url, "--counts", code=2)  # nobody is there to be asked
        assert '"lines":5' in asked.stderr
        assert "198.51.100" not in asked.stderr.partition("POST")[2]
        assert known(told) == []
        assert not (data / counting.FILE).exists()
        agreed = join(data, url, "--counts", "--yes")
        assert json.loads(agreed.stdout)["counts"]["counts"] == 1
        assert known(told) == [
            ("d", 5)
        ]  # five lines; two are fewer than three, the other list is nobody's business
        assert json.loads(join(data, url).stdout)["counts"]["days"] == []
        (data / counting.FILE).chmod(0o600)
        held = json.loads((data / counting.FILE).read_text())["hub"]
        assert [list(cell.values()) for cell in held["sent"].values() if cell] == [[5]]
        join(data, url, "--no-counts")
        assert json.loads((data / counting.FILE).read_text()) == {}
        told.books.line_counts.forget("9999-01-01")
        join(data, url)
        assert known(told) == []


def test_a_hub_that_refuses_is_asked_again_later_and_another_never(told: Ring, data: Path) -> None:
    with told.served() as url:
        counting.agree(data, "hub", "https://other.example/", milliseconds())
        join(data, url)
        assert known(told) == []
        counting.agree(data, "hub", url, milliseconds())
        clock = [milliseconds()]
        bad = counting.connection("Bearer nothing", None, None)
        told_ = counting.tell(data, "hub", url, bad, lambda: clock[0])
        assert (told_.days, told_.reason) == ((), "status-401")
        good = counting.connection(f"Bearer {told.tokens['d']}", None, None)
        assert counting.tell(data, "hub", url, good, lambda: clock[0] + 1000).days == ()
        clock[0] += 700_000
        done = counting.tell(data, "hub", url, good, lambda: clock[0])
        assert (done.days, done.counts) == (((data.parent / "day").read_text(),), 1)
    assert known(told) == [("d", 5)]


@pytest.mark.parametrize("code", [200, 503])
def test_what_is_ended_while_it_is_told_stays_ended(tmp_path: Path, code: int) -> None:
    DetectionLog(tmp_path / "detections.jsonl").add(
        [found(line, begin_of(YESTERDAY)) for line in range(3)], LABEL, NOW
    )
    (tmp_path / FETCHED).mkdir()
    (tmp_path / FETCHED / "hub.json").write_bytes(
        written(
            Origin("taxii", "https://hub.example/"),
            (Indicator("198.51.100.7/32", 23, reference="indicator--1"),),
        )
    )
    asked: list[str] = []

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            assert counting.disagree(tmp_path, "hub")
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    way = counting.connection("Bearer x", None, None)
    with http.server.HTTPServer(("127.0.0.1", 0), Hub) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        counting.agree(tmp_path, "hub", url, NOW)
        threading.Thread(target=server.handle_request, daemon=True).start()
        went = counting.tell(tmp_path, "hub", url, way, lambda: NOW)
    assert asked == ["/counts/"]
    assert went.reason == ("" if code == 200 else "status-503")
    assert counting.agreed(tmp_path, "hub", url) is None


@contextmanager
def swallowing(behind: str) -> Iterator[tuple[str, threading.Event]]:
    """Hand every request on; once a count was taken behind, set the event and never answer."""
    taken, ended = threading.Event(), threading.Event()

    class Between(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._hand_on(None)

        def do_POST(self) -> None:
            self._hand_on(self.rfile.read(int(self.headers["content-length"])))

        def _hand_on(self, body: bytes | None) -> None:
            given = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            asked = urllib.request.Request(behind + self.path, body, given)
            with urllib.request.urlopen(asked, timeout=20) as answer:
                octets = answer.read()
                if body is not None:
                    taken.set()
                    ended.wait(30)
                    return
                self.send_response(answer.status)
                for name in ("Content-Type", "X-TAXII-Date-Added-Last"):
                    if answer.headers[name]:
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


def test_killed_between_telling_and_noting_it_is_there_once(told: Ring, data: Path) -> None:
    with told.served() as behind:
        with swallowing(behind) as (url, taken):
            words = [
                "hub",
                "join",
                url,
                "--token-file",
                str(data.parent / "token"),
                "--data",
                str(data),
                "--counts",
                "--yes",
            ]
            process = subprocess.Popen([sys.executable, "-m", "sekisho", *words], stderr=subprocess.DEVNULL)
            assert taken.wait(60)
            process.send_signal(signal.SIGKILL)
            process.wait(20)
            assert known(told) == [("d", 5)]
            held = json.loads((data / counting.FILE).read_text())["hub"]
            assert held["sent"].get((data.parent / "day").read_text()) is None
            counting.agree(data, "hub", behind, milliseconds())  # the same hub under its own address
        assert json.loads(join(data, behind).stdout)["counts"]["counts"] == 1
    assert known(told) == [("d", 5)]
