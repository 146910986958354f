"""Flow decode: NetFlow v5, v9 and IPFIX datagrams to batches of FLOW, beside ``nfcapd`` collecting the same datagrams.

Ours: datagrams in slots (as the receiver leaves them) to Arrow columns of all fields of FLOW, CPU-seconds of one core,
best of several runs alternating with the peer's. Peer: Debian's nfcapd (built without its pcap reader, so it gets the
datagrams over loopback without loss), raw files in memory; only its user time counts, which leaves out what the kernel
spends on receiving. ``agree``: the same flows, packets and octets. Limit: copying the datagrams' octets once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator

import numpy as np

from bench import _collectors, flows
from sekisho.formats.datagrams import Datagrams
from sekisho.formats.flow_export import Decoder

BLOCK = 4_096  # datagrams a call
FORMS = {
    "v5": flows.v5,
    "v9": flows.v9,
    "v9 mixed templates": lambda cols: flows.v9(cols, mixed=True),
    "IPFIX": flows.ipfix,
    "IPFIX mixed templates": lambda cols: flows.ipfix(cols, mixed=True),
}


class Uncounted:
    """A tally that only knows whether something was left out."""

    def __init__(self) -> None:
        self.rejects = 0

    def good(self, rows: int) -> None:
        """Nothing to do."""

    def reject(self, reason: str, where: str = "", count: int = 1) -> None:
        """Count what was left out."""
        del reason, where
        self.rejects += count

    def note(self, name: str, count: int = 1) -> None:
        """Nothing to do."""


def ours(block: Datagrams, fast_from: int | None = None) -> tuple[float, tuple[int, int, int]]:
    """Return CPU-seconds, and flows, packets and octets (summed outside of the clock)."""
    decoder, tally, spent = Decoder(fast_from=fast_from), Uncounted(), 0.0
    sums = [0, 0, 0]
    for begin in range(0, len(block), BLOCK):
        part = block.part(begin, begin + BLOCK)
        start = time.process_time()
        batches = decoder.decode(part, tally)
        spent += time.process_time() - start
        for batch in batches:
            sums[0] += batch.num_rows
            sums[1] += int(batch.column("packetDeltaCount").to_numpy().sum())
            sums[2] += int(batch.column("octetDeltaCount").to_numpy().sum())
    return spent, (sums[0], sums[1], sums[2])


def copied(block: Datagrams) -> float:
    """Return the CPU-seconds of copying the slots' octets."""
    target = np.empty_like(block.octets[:BLOCK])
    begin = time.process_time()
    for at in range(0, len(block), BLOCK):
        some = block.octets[at : at + BLOCK]
        np.copyto(target[: len(some)], some)
    return time.process_time() - begin


def compare(form: str, cols: flows.Columns, rounds: int, peer_rounds: int) -> dict[str, object]:
    """Return the line of one form."""
    block = FORMS[form](cols)
    n = len(cols["sourceIPv4Address"])
    truth = (n, int(cols["packetDeltaCount"].sum()), int(cols["octetDeltaCount"].sum()))
    mine, compiled, peers, limits = [], [], [], []
    ours(block.part(0, 1), fast_from=0)  # not timed: compiles
    for number in range(rounds):
        mine.append(ours(block))
        compiled.append(ours(block, fast_from=0))
        limits.append(copied(block))
        if number < peer_rounds:
            peers.append(_collectors.collect(block))
    best, peer = min(spent for spent, _ in mine), min(one.user for one in peers)
    return {
        "bench": "flow-decode",
        "unit": "M flows/cpu-s",
        "target": form,
        "flows": n,
        "ours": round(n / best / 1e6, 2),
        "ours_numba": round(n / min(spent for spent, _ in compiled) / 1e6, 2),
        "peer": round(n / peer / 1e6, 2),
        "peer_name": f"{peers[0].version}, user time only (with receiving: "
        f"{n / min(one.user + one.system for one in peers) / 1e6:.2f})",
        "ratio": round(peer / best, 2),
        "limit": round(n / min(limits) / 1e6, 2),
        "limit_name": "memcpy of the slots",
        "agree": all(counts == truth for _, counts in (*mine, *compiled))
        and all((one.flows, one.packets, one.octets) == truth for one in peers),
        "runs": rounds,
        "load": round(os.getloadavg()[0], 2),
        "command": f"bench/flow_decode.py (nfcapd -t 86000 -w memory, {len(block)} datagrams over loopback)",
    }


def lines(*, quick: bool) -> Iterator[dict[str, object]]:
    """Yield a line for each form."""
    cols = flows.columns(1_000_000 if quick else 10_000_000)
    for form in FORMS:
        yield compare(form, cols, 5 if quick else 7, 1 if quick else 2)


def main() -> int:
    """Print one line per form; return 1 when counts differ, 2 when the bench can't be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 M flows, within 60 s")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    agreed = True
    try:
        for line in lines(quick=options.quick):
            agreed = agreed and bool(line["agree"])
            if options.json:
                print(json.dumps(line), flush=True)
            else:
                shown = (
                    f"{line['ours']:>7} {line['unit']}  nfcapd {line['peer']:>6}  ratio {line['ratio']:>6}"
                )
                print(
                    f"{line['target']:<24} {shown}  memcpy {line['limit']}  agree {line['agree']}", flush=True
                )
    except _collectors.Trouble as trouble:
        print(json.dumps({"bench": "flow-decode", "error": str(trouble)}), flush=True)
        return 2
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
