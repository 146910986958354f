"""console-pages: how long each page of the console takes with a provider's data in it, and 200 browsers that look on.

    ./run bench console-pages [--quick] [--json] [--data FOLDER]

A data folder of invented data (1 M detections, 100,000 cases, 1,000 terminals; ``--quick`` a tenth, a tenth, a fifth),
a real ``sekisho serve`` in a process of its own, signed in by its set-up link. Each page of the menu, each list with a
filter and each thing behind a row is asked once, and then 30 times (``--quick`` 8), one after another over one
connection: wall milliseconds, and the server's CPU for one request. Nobody else serves these pages, so there is no peer: its columns carry the promised
300 ms, and say so. The limit is a bare Starlette page of the same octets in the same server. Pages agree when they
come with status 200, in one piece, and name what they were asked for.

Then 200 browsers hold the live view open while the figures change each second: the delay from the writing of the
figures to the browser's last octet, and the server's share of one core.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from sekisho.demo.console_day import Wanted, fill, leave_figures
from sekisho.formats import pcap
from sekisho.ports.detections import DetectionFilter
from sekisho.stores.evidence_folder import EvidenceFolder
from sekisho.wiring.console import Console

LIMIT_MS, LIMIT_NAME = 300.0, "a bare Starlette page of the same size"
PEER_NAME = "the limit (nobody else serves this page)"
PASSWORD = "correct horse in the rain"
TIMES, QUICK_TIMES, BROWSERS = 30, 8, 200
LIVE_S, QUICK_LIVE_S = 20, 6
# The console allows 50 requests a second and source: slower than that, none is refused.
PAUSE_S = 0.025
DAY = 86_400_000
FULL = Wanted(
    detections=1_000_000, cases=100_000, assessments=1_000, terminals=1_000, runs=1_000, accidents=100
)
QUICK = Wanted(detections=100_000, cases=10_000, assessments=200, terminals=200, runs=200, accidents=20)
FRAMES = 20_000
PLACES = (
    ("home", "/"),
    ("search", "/search?q={remote}"),
    ("assess", "/assess"),
    ("assess, failed", "/assess?verdict=FAIL&state=complete"),
    ("assess, text", "/assess?text=camera"),
    ("matrix", "/assess/matrix"),
    ("assessment", "/assess/{assessment}"),
    ("assessment, a probe's talk", "/assess/{assessment}/probes/open_ports"),
    ("assessment, a frame of 20,000", "/assess/{capture}?after=19000&frame=19050"),
    ("runs", "/assess/runs"),
    ("run", "/assess/runs/{run}"),
    ("run, its questions", "/assess/runs/{run}/questions"),
    ("run, to start one", "/assess/new"),
    ("terminals", "/terminals"),
    ("terminals, failed", "/terminals?verdict=FAIL"),
    ("terminal", "/terminals/{terminal}"),
    ("terminal, to describe one", "/terminals/new"),
    ("watch", "/watch"),
    ("watch, 24 h by line", "/watch?since={day}&until={now}&by=line"),
    ("detections", "/watch/detections"),
    ("detections, 24 h", "/watch/detections?since={day}"),
    ("detections, 20 days back", "/watch/detections?after={deep}"),
    ("detections, method and grade", "/watch/detections?method=outbound_scan&grade=likely"),
    ("detections, family and 7 days", "/watch/detections?family=mirai&since={week}"),
    ("detections, line", "/watch/detections?line={line}"),
    ("detections, remote", "/watch/detections?remote={remote}"),
    ("detections, case", "/watch/detections?case={case}"),
    ("detection", "/watch/detections/{detection}"),
    ("cases", "/cases"),
    ("cases, open", "/cases?state=open"),
    ("cases, family and nobody", "/cases?family=mirai&assignee=-"),
    ("cases, line", "/cases?line={own}"),
    ("case", "/cases/{case}"),
    ("notices", "/notices"),
    ("notices, all", "/notices?state=all"),
    ("notices, sent", "/notices?state=sent"),
    ("notice", "/notices/{notice}"),
    ("notices, batch", "/notices/batch"),
    ("healing", "/healing"),
    ("healing, by model from notice", "/healing?by=device_model&from=notice"),
    ("accidents", "/accidents"),
    ("accident", "/accidents/{accident}"),
    ("accident, a document", "/accidents/{accident}/first/2"),
    ("accidents by year", "/accidents/statistics"),
    ("duties", "/duties"),
    ("duties, people", "/duties/people"),
    ("duties, self-check", "/duties/checks"),
    ("duties, self-check of a year", "/duties/checks/{year}"),
    ("duties, drills", "/duties/drills"),
    ("duties, a drill", "/duties/drills/{drill}"),
    ("duties, learning", "/duties/learning"),
    ("duties, a lesson", "/duties/learning/{accident}"),
    ("duties, reminders", "/duties/reminders"),
    ("duties, names", "/duties/names"),
    ("audit", "/audit"),
    ("audit, act", "/audit?act=sign-in"),
    ("held", "/held"),
    ("settings", "/settings"),
    ("setting", "/settings/days"),
    ("people", "/people"),
    ("account", "/account"),
    ("help", "/help"),
    ("API description", "/api/v1/openapi.json"),
)
BARE = """
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

def page(request):
    return HTMLResponse("x" * int(request.query_params["size"]))

config = uvicorn.Config(Starlette(routes=[Route("/", page)]), port=int(sys.argv[1]), log_config=None, access_log=False,
                        server_header=False, ws="none", lifespan="off")
uvicorn.Server(config).run()
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A page to ask for, and a word that it must hold."""

    name: str
    path: str
    word: str = "</html>"


@dataclass(slots=True)
class Served:
    """A running server and a browser's connection to it."""

    process: subprocess.Popen[str]
    port: int
    cookie: str = ""

    def cpu(self) -> float:
        """Return the CPU seconds that the process has used."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """End it."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        self.process.kill()
        self.process.wait()


def main() -> int:
    """Print one line per page and one for the live view; 1 when one of them misses what was promised."""
    parser = argparse.ArgumentParser(prog="console-pages", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, within 60 s")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--data", type=Path, help="a folder that was filled before (it is left there)")
    asked = parser.parse_args()
    wanted = QUICK if asked.quick else FULL
    kept = True
    with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as scratch:
        folder = asked.data or Path(scratch) / "data"
        if not folder.exists():
            fill(folder, wanted, now=time.time_ns() // 1_000_000)
        for line in measured(folder, wanted, quick=asked.quick):
            kept = kept and bool(line["agree"]) and float(str(line["ratio"])) >= 1
            print(json.dumps(line, ensure_ascii=False) if asked.json else _table(line), flush=True)
    return 0 if kept else 1


def _table(line: dict[str, object]) -> str:
    return (
        f"{line['case']:<34} p50 {line['p50']:>7} p95 {line['ours']:>7} {line['unit']:<6} cpu {line['cpu']:>6}  "
        f"bare {line['limit']:>6}  {line['octets']:>8} octets  agree {line['agree']}"
    )


def measured(folder: Path, wanted: Wanted, *, quick: bool) -> Iterator[dict[str, object]]:
    """Yield the lines: the pages in turn, then the live view."""
    places = list(_places(folder))
    common = {
        "bench": "console-pages",
        "unit": "ms p95",
        "peer_name": PEER_NAME,
        "limit_name": LIMIT_NAME,
        "detections": wanted.detections,
        "cases": wanted.cases,
        "terminals": wanted.terminals,
        "command": f"./run bench console-pages{' --quick' if quick else ''} --json",
    }
    served, bare = _console(folder), _bare()
    times, seconds = (QUICK_TIMES, QUICK_LIVE_S) if quick else (TIMES, LIVE_S)
    try:
        for place in places:
            yield {**common, **_page(served, bare, place, times), "load": round(os.getloadavg()[0], 2)}
        yield {**common, **asyncio.run(_live(served, folder, seconds)), "load": round(os.getloadavg()[0], 2)}
    finally:
        served.end()
        bare.end()


def _places(folder: Path) -> Iterator[Place]:
    """Yield every page of the menu, every list with a filter, and what is behind a row of each."""
    now = time.time_ns() // 1_000_000
    with Console(folder) as console:
        console.watch.catch_up()
        console.terminals.catch_up()
        console.casework.healing()
        newest = console.watch.detections(DetectionFilter(), limit=1).listed[0]
        case = console.casework.cases(limit=1).cases[0]
        notice = console.casework.notices(limit=1)[0]
        assessment = console.terminals.assessments(limit=1).assessments[0]
        run = console.runs.runs(limit=1)[0]
        accident = next(one for one in console.accidents.find(limit=50) if not one.ended)
        deep = console.watch.detections(DetectionFilter(until=now - 20 * DAY), limit=1).next
        drill, year = console.drills.drills()[0].id, console.checks.this_year
    names = {
        "day": now - DAY,
        "week": now - 7 * DAY,
        "now": now,
        "deep": deep,
        "line": f"{newest.subscriber:x}",
        "own": f"{case.subscriber:x}",
        "remote": newest.remotes[0].partition(":")[0],
        "detection": newest.id,
        "case": case.id,
        "run": run.order.id,
        "accident": accident.id,
        "drill": drill,
        "year": year,
        "capture": _capture(folder),
        "notice": notice.id,
        "assessment": assessment.id,
        "terminal": quote(assessment.terminal),
    }
    for name, path in PLACES:
        word = "openapi" if path.endswith(".json") else "</html>"
        yield Place(name, path.format(**names), word)


def _capture(folder: Path) -> str:
    """Leave an assessment that has nothing but a long capture; return the path of its page."""
    name = "bench-capture"
    fresh = not (folder / "assessments" / name).exists()
    store = EvidenceFolder(folder / "assessments" / name, lambda: "2026-01-02T03:04:05+00:00", create=fresh)
    file = store.path / "capture" / "long.pcap"
    if fresh:
        store.append("opened", {"id": name, "record": {}})
        frame = bytes.fromhex("02000000000102000000000208004500") + bytes(500)
        file.write_bytes(
            pcap.file_header() + b"".join(pcap.packet(1_700_000_000 + n, frame) for n in range(FRAMES))
        )
        store.enlist("capture/long.pcap", "capture")
    store.close()
    return f"{name}/captures/{hashlib.sha256(file.read_bytes()).hexdigest()}"


def _console(folder: Path) -> Served:
    """Start a console and sign in by its set-up link; the administrators of an earlier run are not ours."""
    reset = [sys.executable, "-m", "sekisho", "admin", "reset", "--data", str(folder)]
    command = [sys.executable, "-m", "sekisho", "serve", "--data", str(folder), "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if process.stdout is None:
        raise AssertionError
    told = json.loads(process.stdout.readline())
    served = Served(process, urlsplit(told["url"]).port or 0)
    link = (
        told["set_up"]
        or subprocess.run(reset, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1]
    )
    form = urlencode({"name": "bench", "password": PASSWORD, "again": PASSWORD})
    sent = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.request("POST", f"/set-up/{link.rpartition('/')[2]}", form, sent)
    answer = connection.getresponse()
    if answer.status != 303:
        served.end()
        sys.exit(f"console-pages: no way in: {answer.status}")
    served.cookie = "; ".join(
        value.partition(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"
    )
    connection.close()
    return served


def _bare() -> Served:
    """Start the bare server on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    served = Served(subprocess.Popen([sys.executable, "-c", BARE, str(port)], text=True), port)
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return served
        time.sleep(0.05)
    served.end()
    sys.exit("console-pages: the bare server did not come up")


def _page(served: Served, bare: Served, place: Place, times: int) -> dict[str, object]:
    first, _ = _ask(served, place.path, 1)
    before = served.cpu()
    spent, bodies = _ask(served, place.path, times)
    cpu = (served.cpu() - before) / times * 1000
    octets = len(bodies[-1])
    limit, _ = _ask(bare, f"/?size={octets}", times)
    ours = _quantile(spent, 0.95)
    return {
        "case": place.name,
        "ours": round(ours, 1),
        "p50": round(_quantile(spent, 0.5), 1),
        "first": round(first[0], 1),
        "times": times,
        "cpu": round(cpu, 1),
        "peer": LIMIT_MS,
        "ratio": round(LIMIT_MS / ours, 1),
        "limit": round(_quantile(limit, 0.95), 2),
        "octets": octets,
        "agree": all(place.word.encode() in body for body in bodies),
    }


def _ask(served: Served, path: str, times: int) -> tuple[list[float], list[bytes]]:
    """Ask so often over one connection; return the milliseconds and the bodies. Another status ends the bench."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=120)
    headers = {"cookie": served.cookie, "accept-language": "ja"}
    spent, bodies = [], []
    for _ in range(times):
        begin = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        spent.append((time.perf_counter() - begin) * 1000)
        bodies.append(body)
        if answer.status != 200:
            raise SystemExit(f"console-pages: {path}: {answer.status} {answer.getheader('location')}")
        time.sleep(PAUSE_S)
    connection.close()
    return spent, bodies


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


# The live view ----------------------------------------------------------------------------------------------------------


async def _live(served: Served, folder: Path, seconds: int) -> dict[str, object]:
    """Hold the live view open in 200 browsers while the figures change each second."""
    arrived: list[float] = []
    octets = [0]
    done = asyncio.Event()
    browsers = []
    for _ in range(BROWSERS):
        browsers.append(asyncio.create_task(_browser(served, arrived, octets, done)))
        await asyncio.sleep(PAUSE_S)
    await asyncio.sleep(2)
    arrived.clear()
    octets[0] = 0
    before, begin, times = served.cpu(), time.perf_counter(), []
    for _ in range(seconds):
        leave_figures(folder, time.time_ns() // 1_000_000)
        times.append(time.perf_counter())
        await asyncio.sleep(1)
    share = (served.cpu() - before) / (time.perf_counter() - begin) * 100
    delays = [(at - max(one for one in times if one <= at)) * 1000 for at in arrived if at >= times[0]]
    counts = len(delays) / max(1, BROWSERS * seconds)
    done.set()
    ended = await asyncio.gather(*browsers, return_exceptions=True)
    ours = _quantile(delays, 0.95) if delays else float("inf")
    return {
        "case": f"live view, {BROWSERS} browsers",
        "ours": round(ours, 1),
        "p50": round(_quantile(delays, 0.5), 1) if delays else None,
        "cpu": round(share, 1),
        "cpu_unit": "% of one core",
        "peer": 2000.0,
        "peer_name": "the limit: figures are read once a second, so two seconds (nobody else serves this page)",
        "ratio": round(2000.0 / ours, 1) if ours else 0,
        "limit": 1000.0,
        "limit_name": "the second between two looks at the figures",
        "octets": octets[0] // max(1, len(arrived)),
        "events_a_browser_and_second": round(counts, 2),
        "agree": all(one is None for one in ended) and counts > 0.8,
    }


async def _browser(served: Served, arrived: list[float], octets: list[int], done: asyncio.Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    lines = ("GET /watch/live HTTP/1.1", "host: 127.0.0.1", f"cookie: {served.cookie}", "", "")
    writer.write("\r\n".join(lines).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head:
        raise ConnectionError(head.splitlines()[0])
    ending = asyncio.create_task(done.wait())
    try:
        while not done.is_set():
            reading = asyncio.create_task(reader.readuntil(b"\n\n"))
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                reading.cancel()
                break
            event = reading.result()
            if b"event: part" in event:
                arrived.append(time.perf_counter())
                octets[0] += len(event)
    finally:
        ending.cancel()
        writer.close()


if __name__ == "__main__":
    sys.exit(main())
