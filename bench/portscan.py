"""Port scan: all 65,535 TCP ports of one address, beside ``nmap -sT -p- -T4 -n -Pn``.

Targets are made here: a device's namespace with three listeners behind a veth pair, as it is and with 1,000 ports
dropped by a filter; loopback inside the tester's namespace, IPv4 and IPv6. Each tool's own figure for the scan is
compared (nmap's ``elapsed`` of its XML, not its start), best of several runs, alternating. ``agree`` is true when
both found the same open ports. The rate cap is lifted for the comparison, as nmap has none; the line ``capped`` shows
the time under the default cap, where the rate alone decides.

Needs root (namespaces), iproute2 and nftables; nmap is installed by apt when it is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

OURS, PEER = "skb-lab", "skb-dut"
DEVICE, TESTER = "192.168.93.1", "192.168.93.2"
LISTENERS = (22, 80, 8443)
PEER_NAME = "nmap -sT -p- -T4"
UNCAPPED = 1e7

_SCAN = """
import json, resource, sys
from sekisho.model.assessment import Limits
from sekisho.ports import Endpoint
from sekisho.wires.rate import TokenBucket
from sekisho.wires.scan import Scanner
rate = float(sys.argv[2]) or Limits().connections_per_second
scan = Scanner(Endpoint(sys.argv[1], 0), range(1, 65536), TokenBucket(rate), seed=int(sys.argv[3])).run()
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"seconds": scan.seconds, "open": scan.open, "whole": scan.probed == scan.asked and not scan.note,
    "silent": len(scan.silent), "cpu": usage.ru_utime + usage.ru_stime}))
"""
_LISTEN = """
import socket, sys
kept = []
for port in sys.argv[1:]:
    kept.append(socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64))
print("ready", flush=True)
while True:
    import select
    for one in select.select(kept, [], [])[0]:
        one.accept()[0].close()
"""
_FILTER = """
table inet bench {
  chain input {
    type filter hook input priority 0;
    tcp dport 10000-10999 drop
  }
}
"""


class Trouble(Exception):
    """The bench can't be run here."""


def run(*command: str, text: str = "") -> str:
    """Run a command and return its output, or say what went wrong."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def within(namespace: str, *command: str, text: str = "") -> str:
    """Run a command in a namespace."""
    return run("ip", "netns", "exec", namespace, *command, text=text)


@contextlib.contextmanager
def lab() -> Iterator[None]:
    """Make the two namespaces with listeners in both; end and remove what was made here."""
    for name in (OURS, PEER):
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    listeners: list[subprocess.Popen[str]] = []
    try:
        for name in (OURS, PEER):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "dev", "lo", "up")
        run("ip", "-n", PEER, "link", "add", "port0", "type", "veth", "peer", "name", "port1", "netns", OURS)
        for name, port, address in ((PEER, "port0", DEVICE), (OURS, "port1", TESTER)):
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", port)
            run("ip", "-n", name, "link", "set", "dev", port, "up")
        for name in (OURS, PEER):
            command = ["ip", "netns", "exec", name, sys.executable, "-c", _LISTEN, *map(str, LISTENERS)]
            listeners.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        for one in listeners:
            if one.stdout is None or one.stdout.readline().strip() != "ready":
                raise Trouble("a listener did not start")
        yield
    finally:
        for one in listeners:
            one.terminate()
            one.wait(5)
            if one.stdout:
                one.stdout.close()
        for name in (OURS, PEER):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def ours(address: str, seed: int, rate: float = UNCAPPED) -> dict[str, object]:
    """Scan with our scanner in a fresh process; its own figure is the scan's time."""
    source = str(Path(__file__).resolve().parents[1] / "src")
    return dict(
        json.loads(
            within(
                OURS,
                "env",
                f"PYTHONPATH={source}",
                sys.executable,
                "-c",
                textwrap.dedent(_SCAN),
                address,
                str(rate),
                str(seed),
            )
        )
    )


def peer(address: str) -> dict[str, object]:
    """Scan with nmap; its own figure is ``elapsed``."""
    family = ("-6",) if ":" in address else ()
    document = within(OURS, "nmap", *family, "-sT", "-p-", "-T4", "-n", "-Pn", "-oX", "-", address)
    tree = ET.fromstring(document)
    finished = tree.find("runstats/finished")
    if finished is None:
        raise Trouble("nmap did not finish")
    found = [
        int(port.get("portid", "0"))
        for port in tree.iter("port")
        if (state := port.find("state")) is not None and state.get("state") == "open"
    ]
    return {"seconds": float(finished.get("elapsed", "0")), "open": sorted(found)}


def compare(target: str, address: str, rounds: int) -> dict[str, object]:
    """Alternate both tools and return the line of this target."""
    mine, others = [], []
    for number in range(rounds):
        mine.append(ours(address, number))
        others.append(peer(address))
    best, best_peer = (min(float(str(one["seconds"])) for one in runs) for runs in (mine, others))
    wanted = list(LISTENERS)
    return {
        "bench": "portscan",
        "unit": "s",
        "target": target,
        "ours": round(best, 3),
        "peer": round(best_peer, 3),
        "peer_name": PEER_NAME,
        "ratio": round(best_peer / best, 2),
        "agree": all(one["open"] == wanted and one["whole"] for one in mine)
        and all(one["open"] == wanted for one in others),
        "cpu": round(min(float(str(one["cpu"])) for one in mine), 3),
        "runs": rounds,
        "load": round(os.getloadavg()[0], 2),
        "command": f"bench/portscan.py ({PEER_NAME} -n -Pn {address})",
    }


def lines(rounds: int) -> Iterator[dict[str, object]]:
    """Yield a line for each target."""
    with lab():
        yield compare("veth, refused", DEVICE, rounds)
        yield compare("loopback IPv4", "127.0.0.1", rounds)
        yield compare("loopback IPv6", "::1", rounds)
        capped = ours(DEVICE, 0, 0.0)
        yield {
            "bench": "portscan",
            "unit": "s",
            "target": "veth, refused, default rate cap (no peer has one)",
            "ours": round(float(str(capped["seconds"])), 3),
            "agree": capped["open"] == list(LISTENERS) and bool(capped["whole"]),
            "load": round(os.getloadavg()[0], 2),
            "command": "bench/portscan.py",
        }
        within(PEER, "nft", "-f", "-", text=_FILTER)
        yield compare("veth, 1,000 ports dropped", DEVICE, max(2, rounds // 2))


def prepare() -> None:
    """Check for root and the peer; install the peer when it can be."""
    if os.geteuid() != 0:
        raise Trouble("needs root to make network namespaces")
    if shutil.which("nmap") is None:
        run("apt-get", "install", "-y", "-q", "--no-install-recommends", "nmap")
    for tool in ("ip", "nft", "nmap"):
        if shutil.which(tool) is None:
            raise Trouble(f"{tool} is missing")


def main() -> int:
    """Print one line per target; return 1 when the two disagree, 2 when the bench can't be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs, within 60 s")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    agreed = True
    try:
        prepare()
        for line in lines(3 if options.quick else 9):
            agreed = agreed and bool(line["agree"])
            if options.json:
                print(json.dumps(line), flush=True)
            else:
                shown = (
                    f"{line['ours']:>8} s  {line.get('peer', '-'):>8} s  ratio {line.get('ratio', '-'):>5}"
                )
                print(f"{line['target']:<50} {shown}  agree {line['agree']}", flush=True)
    except Trouble as trouble:
        print(json.dumps({"bench": "portscan", "error": str(trouble)}), flush=True)
        return 2
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
