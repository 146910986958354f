"""Detection against labelled captures that nobody here made: recall and false alarms per behaviour.

    ./run bench evaluation FOLDER [--json]
    ./run bench evaluation --labelled FILE --lines PREFIX [--lines PREFIX …] [--json]

The first form looks below FOLDER for the captures of public repositories that are listed here (by the end of their path),
each with what its makers say is in it. The second takes any Zeek ``conn.log.labeled`` (IoT-23) or Argus ``binetflow``
with labels (CTU-13) that its user has. Nothing is copied: a capture is read in place and looked at by the commands that
a user has, in a folder of its own. The unit is one line and one behaviour; "of nobody" are detections on lines that are
said to be clean.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
CTU = (*PRIVATE, "147.32.0.0/16")
SCAN, BRUTE, DDOS, KNOWN = "outbound_scan", "brute_force", "ddos_participation", "known_cc"
BEHAVIOURS = (SCAN, BRUTE, DDOS, KNOWN)
# What labels are called by their makers, and which method should see it.
LABELS = (
    (re.compile(r"port-?scan|scan", re.IGNORECASE), SCAN),
    (re.compile(r"ddos|flood", re.IGNORECASE), DDOS),
    (re.compile(r"brute|password", re.IGNORECASE), BRUTE),
    (re.compile(r"c&c|\bcc\b|heartbeat|exfiltration", re.IGNORECASE), KNOWN),
)


class Capture(NamedTuple):
    """A capture: end of its path, watched prefixes, what its makers say (line → methods), listed C&C, what it is."""

    path: str
    lines: tuple[str, ...]
    truth: dict[str, tuple[str, ...]]
    listed: tuple[str, ...] = ()
    what: str = ""


PUBLIC = (
    Capture("001-zeek-scenario-malicious/labeled-conn.log", PRIVATE, {}, (), "NjRAT (labels: CC)"),
    Capture("002-zeek-scenario-port-scanning/conn.log", PRIVATE, {"172.16.1.11": (SCAN,)}, (), "Nmap scans"),
    Capture("003-zeek-scenario-malicious/conn.log", PRIVATE, {"10.8.0.61": (KNOWN,)}, ("147.32.83.234:1337",), "AndroidTester RAT"),
    Capture("008-zeek-mixed/data/conn.log.labeled", CTU, {}, (), "24 h of an ordinary PC, attacked from outside"),
    Capture("010-zeek-mixed/data/conn.log.labeled", CTU, {}, (), "the same, another PC"),
    Capture("011-zeek-mixed/data/conn.log.labeled", CTU, {}, (), "the same, another PC"),
    Capture("012-zeek-mixed/data/conn.log.labeled", CTU, {}, (), "the same, another PC"),
    Capture("dataset/test1-malicious.nfdump", CTU, {"147.32.80.119": (SCAN,)}, (), "scan of port 902 (nfdump file)"),
    Capture("dataset/test7-malicious.pcap", PRIVATE, {"192.168.2.16": (SCAN,)}, (), "IoT worm: 23, 2323, 8080, 9527 …"),
    Capture("dataset/test11-portscan.binetflow", PRIVATE, {"10.8.0.69": (SCAN,)}, (), "43 ports of one address"),
    Capture("dataset/port-scans/horizontal/conn.log", PRIVATE, {"10.0.2.112": (SCAN,)}, (), "made horizontal scan"),
    Capture("dataset/test18-malicious-ctu-sme-11-win/zeek-labeled/conn.log.labeled", PRIVATE, {}, (), "Remcos RAT (labels: exfiltration)"),
    Capture(
        "test19-malicious-ssh/malicious-ssh-bruteforce.pcap", CTU, {"147.32.80.40": (BRUTE,)}, (),
        "40 SSH passwords on port 902",
    ),
)  # fmt: skip


class Row(NamedTuple):
    """One labelled flow."""

    source: str
    destination: str
    port: str
    label: str


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the labelled flows of a Zeek log (its last column or columns) or an Argus file (its column Label)."""
    names: list[str] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("#fields"):
            names = line.split("\t")[1:]
        elif line.startswith("StartTime"):
            names = re.split(r"[,\t]", line)
        elif names and not line.startswith("#"):
            cells = re.split(r"[,\t]", line) if "Label" in names else line.split("\t")
            given = dict(zip(names, cells, strict=False))
            if "Label" in names:
                yield Row(
                    given.get("SrcAddr", ""),
                    given.get("DstAddr", ""),
                    given.get("Dport", ""),
                    given.get("Label", ""),
                )
            else:
                # IoT-23 joins its last three names in one column with blanks.
                label = " ".join(cells[names.index("tunnel_parents") if "tunnel_parents" in names else -2 :])
                yield Row(
                    given.get("id.orig_h", ""), given.get("id.resp_h", ""), given.get("id.resp_p", ""), label
                )


def told_by_labels(path: Path, lines: tuple[str, ...]) -> tuple[dict[str, set[str]], set[str]]:
    """Return line → methods that its labels ask for, and the C&C endpoints that they name."""
    nets = [ip_network(one) for one in lines]
    truth: dict[str, set[str]] = {}
    listed: set[str] = set()
    for row in rows_of(path):
        if not _within(row.source, nets):
            continue
        asked = truth.setdefault(row.source, set())
        if re.search(r"malicious|botnet|malware|\bcc\b", row.label, re.IGNORECASE):
            for pattern, method in LABELS:
                if pattern.search(row.label):
                    asked.add(method)
                    if method == KNOWN and not _within(row.destination, nets):
                        listed.add(f"{row.destination}:{row.port}")
    return truth, listed


def _within(address: str, nets: list[IPv4Network | IPv6Network]) -> bool:
    try:
        return any(ip_address(address) in net for net in nets)
    except ValueError:
        return False


def sekisho(*words: object) -> Any:
    """Run a command and return its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "sekisho", *map(str, words), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)


def evaluate(path: Path, capture: Capture) -> dict[str, Any]:
    """Look at one capture and compare."""
    from sekisho.formats.pseudonyms import Pseudonyms
    from sekisho.stores.keys import read_key

    truth = {line: set(methods) for line, methods in capture.truth.items()}
    listed = set(capture.listed)
    labelled = path.name == "labeled-conn.log" or path.suffix in {".labeled", ".binetflow"}
    if labelled and not truth:
        truth, told = told_by_labels(path, capture.lines)
        listed |= told
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        lines = ", ".join(f'"{one}"' for one in capture.lines)
        (data / "watch.toml").write_text(
            f'customers = [{lines}]\nbasis = "not-communication"\n', encoding="utf-8"
        )
        (taken,) = sekisho("ingest", path, "--data", data)
        words: list[object] = ["detect", "--data", data]
        if listed:
            (data / "listed.txt").write_text("\n".join(sorted(listed)) + "\n", encoding="utf-8")
            words += ["--list", data / "listed.txt"]
        result = sekisho(*words) if taken["outcome"] == "taken" else {"detections": [], "looks": []}
        door = Pseudonyms(read_key(data / "pseudonym.key"), [ip_network(one) for one in capture.lines])
        said = {
            (str(door.reveal(one["detection"]["subscriber"])), one["detection"]["method"])
            for one in result["detections"]
        }
    wanted = {
        (line, method) for line, methods in truth.items() for method in methods if method != KNOWN or listed
    }
    extra = {(line, method) for line, method in said - wanted}
    seconds = (taken.get("end", 0) - taken.get("begin", 0)) / 1000
    blind = sorted(
        {look["method"] for look in result["looks"] if look["state"] == "not-measured" and not look["fault"]}
    )
    return {
        "bench": "evaluation", "capture": capture.path or path.name, "what": capture.what, "flows": taken.get("kept", 0),
        "hours": round(seconds / 3600, 1), "lines": max((look["coverage"]["lines"] for look in result["looks"]), default=0),
        "wanted": sorted(map(list, wanted)), "found": sorted(map(list, said & wanted)),
        "missed": sorted(map(list, wanted - said)), "of_nobody": sorted(map(list, extra)), "not_measured": blind,
    }  # fmt: skip


def main() -> int:
    """Print a line per capture and the sums per behaviour."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--labelled", type=Path)
    parser.add_argument("--lines", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="the captures of scans only")
    options = parser.parse_args()
    chosen = _chosen(options)
    if not chosen:
        print(
            json.dumps(
                {
                    "bench": "evaluation",
                    "error": "no labelled capture: give a FOLDER that holds some, or --labelled FILE",
                }
            )
        )
        return 2
    lines = []
    for path, capture in chosen:
        lines.append(evaluate(path, capture))
        print(json.dumps(lines[-1]) if options.json else _shown(lines[-1]), flush=True)
    _print_sums(lines, as_json=options.json)
    return 0


def _chosen(options: argparse.Namespace) -> list[tuple[Path, Capture]]:
    chosen: list[tuple[Path, Capture]] = []
    if options.labelled:
        chosen.append(
            (options.labelled, Capture("", tuple(options.lines) or PRIVATE, {}, (), "labelled by its makers"))
        )
    elif options.folder:
        files = [path for path in options.folder.rglob("*") if path.is_file()]
        for capture in PUBLIC:
            tail = capture.path.removeprefix("dataset/")
            chosen += [(path, capture) for path in files if str(path).endswith(f"/{tail}")][:1]
    if options.quick:
        chosen = [one for one in chosen if SCAN in str(one[1].truth)]
    return chosen


def _print_sums(lines: list[dict[str, Any]], *, as_json: bool) -> None:
    for method in BEHAVIOURS:
        count = {
            key: sum(method == one[1] for line in lines for one in line[key])
            for key in ("wanted", "found", "of_nobody")
        }
        total = {
            "bench": "evaluation",
            "behaviour": method,
            **count,
            "line_hours": round(sum(one["lines"] * one["hours"] for one in lines), 1),
        }
        print(
            json.dumps(total)
            if as_json
            else f"{method}: {count['found']} of {count['wanted']} found, {count['of_nobody']} of nobody"
        )


def _shown(line: dict[str, Any]) -> str:
    parts = [
        f"{line['capture']}  ({line['what']}; {line['flows']:,} flows, {line['lines']} lines, {line['hours']} h)"
    ]
    parts += [
        f"    {key}: " + ", ".join(f"{address} {method}" for address, method in line[key])
        for key in ("found", "missed", "of_nobody")
        if line[key]
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
