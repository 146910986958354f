"""Files that real tools wrote: nfpcapd's and nfdump's in every compression count what nfdump counts; so does our meter."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fakes import capture
from fakes.capture import Seen
from fakes.rows import plain, read

pytestmark = pytest.mark.lab
PACKETS = [
    Seen(1_700_000_000_000_000 + n * 10_000, source=source, destination=destination, sport=1024 + n % 300, payload=n % 90,
         protocol=(6, 17)[n % 2])
    for n in range(4000)
    for source, destination in [(("192.0.2.7", "198.51.100.9"), ("2001:db8::1", "2001:db8::2"))[n // 2 % 2]]
]  # fmt: skip


def run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("flows")
    packets = folder / "made.pcap"
    packets.write_bytes(capture.pcap([(one.time, one.ethernet()) for one in PACKETS]))
    (folder / "out").mkdir()
    run("nfpcapd", "-r", packets, "-w", folder / "out", "-t", "86000", "-e", "1800,15")
    (flows,) = [path for path in (folder / "out").iterdir() if path.name.startswith("nfcapd.2")]
    return packets, flows


def totals(path: Path) -> tuple[int, int, int]:
    found = dict(re.findall(r"^(Flows|Packets|Bytes): (\d+)", run("nfdump", "-I", "-r", path), re.MULTILINE))
    return int(found["Flows"]), int(found["Packets"]), int(found["Bytes"])


def sums(rows: list[tuple[int, ...]]) -> tuple[int, int, int]:
    return len(rows), sum(row[8] for row in rows), sum(row[9] for row in rows)


@pytest.mark.parametrize("option", ["", "-y", "-z", "-j"])
def test_nfdump_counts_the_same_in_every_compression(
    made: tuple[Path, Path], tmp_path: Path, option: str
) -> None:
    path = made[1]
    if option:
        path = tmp_path / "packed"
        run("nfdump", "-r", made[1], option, "-w", path)
    batches, tally = read("nfcapd", path.read_bytes())
    assert sums(plain(batches)) == totals(path)
    assert not tally.rejects


def test_text_of_nfdump_holds_the_same_flows(made: tuple[Path, Path]) -> None:
    exact = plain(read("nfcapd", made[1].read_bytes())[0])
    text = run("env", "TZ=UTC", "nfdump", "-r", made[1], "-o", "csv")
    batches, tally = read("csv_flows", text.encode(), zone="UTC")
    assert not tally.rejects
    # nfdump's csv has whole seconds.
    assert sorted(row[2:] for row in plain(batches)) == sorted(row[2:] for row in exact)


def test_our_meter_counts_the_packets_that_nfpcapd_counts(made: tuple[Path, Path]) -> None:
    batches, tally = read("pcap", made[0].read_bytes())
    assert sums(plain(batches))[1:] == totals(made[1])[1:]
    assert not tally.rejects
