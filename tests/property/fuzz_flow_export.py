"""Coverage-guided fuzzing of the decoder of flow exports (atheris): no input may raise, lose a bound or grow memory.

``python tests/property/fuzz_flow_export.py [SECONDS]`` starts from generated exports and tells, as one JSON line,
executions, crashes and the growth of memory. Instrumented code grows by itself (8 kB an execution, also without a
fuzzer), so memory is measured by running all that was found again, 30 times, in a process that is not instrumented. An input is a row of datagrams: a 16-bit length before each, the top bit
choosing between two exporters. One decoder lives through 2,000 inputs, so that state of one meets the next.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LIVES = 2_000


def input_of(items) -> bytes:
    """Return datagrams as one input."""
    return b"".join(
        struct.pack("!H", len(payload) & 0x7FFF | (0x8000 if ":" in address else 0)) + payload[:0x7FFF]
        for payload, address, _ in items
    )


def items_of(data: bytes):
    """Return the datagrams of an input; the last one may be cut."""
    found, at = [], 0
    while at + 2 <= len(data) and len(found) < 64:
        (head,) = struct.unpack_from("!H", data, at)
        payload = data[at + 2 : at + 2 + (head & 0x7FFF)]
        found.append((payload, "2001:db8::1" if head & 0x8000 else "192.0.2.1", 1_790_000_000_000 + at))
        at += 2 + len(payload)
    return found


class Target:
    """What is run for each input; remembers executions and memory."""

    def __init__(self, make, block, tally, limits) -> None:
        self._make, self._block, self._tally, self._limits = make, block, tally, limits
        self._decoder = make(limits)
        self.executions = 0

    def __call__(self, data: bytes) -> None:
        items = items_of(data)
        tally = self._tally()
        batches = self._decoder.decode(self._block(items), tally)
        rows = sum(batch.num_rows for batch in batches)
        if rows != tally.rows or rows * 8 > len(data):
            raise AssertionError(f"{rows} rows of {len(data)} octets")  # a row has two addresses at least
        for batch in batches:
            batch.validate(full=True)
        kept = self._decoder.templates()["sources"]
        if (
            len(kept) > self._limits.sources
            or sum(len(one["templates"]) for one in kept) > self._limits.templates
        ):
            raise AssertionError("more is remembered than allowed")
        self.executions += 1
        if self.executions % _LIVES == 0:
            json.dumps(self._decoder.state())
            if self._make().restore(json.loads(json.dumps(self._decoder.templates()))) < 0:
                raise AssertionError
            self._decoder = self._make(self._limits)


def resident() -> int:
    """Return the resident memory of this process in kB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def again(folder: Path) -> None:
    """Run all inputs of a folder 30 times and print the resident memory after the first three and after all."""
    from tests.fakes.tally import Counts

    from sekisho.formats.datagrams import datagrams_of
    from sekisho.formats.flow_export import Decoder
    from sekisho.formats.flow_sources import Limits

    target = Target(Decoder, datagrams_of, Counts, Limits(sources=8, templates_per_source=16, templates=64))
    inputs = [path.read_bytes() for path in sorted(folder.iterdir())]
    sizes = []
    for _ in range(30):
        for data in inputs:
            target(data)
        sizes.append(resident())
    told = {"inputs": len(inputs), "resident_kb_after_3": sizes[2], "resident_kb_after_30": sizes[-1]}
    print(json.dumps(told), flush=True)


def corpus(folder: Path) -> None:
    """Write the inputs to start from: random exports, broken ones, and sFlow."""
    from bench import flows
    from tests.property.exports import broken, traffic

    for seed in range(60):
        items = traffic(seed, 6)
        (folder / f"{seed}").write_bytes(input_of(broken(items, seed) if seed % 3 == 0 else items))
    cols = flows.columns(30)
    for name, block in (("sflow", flows.sflow(cols, each=3)), ("v9", flows.v9(cols)), ("v5", flows.v5(cols))):
        (folder / name).write_bytes(input_of(list(block.each())[:3]))


def main() -> None:
    """Fuzz for so many seconds."""
    import atheris

    with atheris.instrument_imports(include=["sekisho.formats"]):
        from sekisho.formats.datagrams import datagrams_of
        from sekisho.formats.flow_export import Decoder
        from sekisho.formats.flow_sources import Limits
    from tests.fakes.tally import Counts

    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    target = Target(Decoder, datagrams_of, Counts, Limits(sources=8, templates_per_source=16, templates=64))
    begin = time.monotonic()

    def once(data: bytes) -> None:
        target(data)
        if time.monotonic() - begin > seconds:
            told = {
                "executions": target.executions,
                "crashes": 0,
                "seconds": round(time.monotonic() - begin),
                **json.loads(subprocess.check_output([sys.executable, __file__, "--again", folder])),
            }
            print(json.dumps(told), flush=True)
            os._exit(0)

    with tempfile.TemporaryDirectory() as folder:
        corpus(Path(folder))
        options = [
            "-seed=1",
            "-max_len=6000",
            "-timeout=20",
            "-rss_limit_mb=0",
            f"-artifact_prefix={folder}/",
        ]
        atheris.Setup([sys.argv[0], *options, folder], once)
        atheris.Fuzz()


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    if sys.argv[1:2] == ["--again"]:
        again(Path(sys.argv[2]))
    else:
        main()
