"""``sekisho watch`` killed with ``kill -9`` again and again: each spooled datagram's flows are kept exactly once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from sekisho.demo import capture
from sekisho.model.detection import Window
from sekisho.model.purpose import Purpose
from sekisho.ports.flows import Query
from sekisho.stores.spool_segments import identity
from sekisho.wiring.live import receiving
from sekisho.wiring.watch import DATASET, Watch
from sekisho.workflows.receive import last_told

PER, LIVES = 7, 5
NUMBERS = Query("numbers", 'SELECT "octetDeltaCount" AS "n" FROM "FLOW"')
TEMPLATE = 400


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def netflow9(number: int) -> bytes:
    """Datagram ``number`` of NetFlow v9: ``PER`` flows of one line, each with octets that no other flow has.

    Only one in twenty has the template: what is decoded after a kill depends on templates that were noted before.
    """
    now = int(time.time())
    fields = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 8), (22, 4), (21, 4))
    template = struct.pack(">HHHH", 0, 8 + 4 * len(fields), TEMPLATE, len(fields))
    template += b"".join(struct.pack(">HH", *one) for one in fields)
    line, other = IPv4Address(capture.CAMERA).packed, IPv4Address("203.0.113.77").packed
    rows = b"".join(
        struct.pack(
            ">4s4sHHBBIQII", line, other, 40_000, 443, 6, 0x1B, 9, number * PER + one + 1, 50_000, 55_000
        )
        for one in range(PER)
    )
    rows += bytes(-len(rows) % 4)
    data = struct.pack(">HH", TEMPLATE, 4 + len(rows)) + rows
    with_template = number % 20 == 0
    head = struct.pack(">HHIIII", 9, PER + with_template, 60_000, now, number, 7)
    return head + (template if with_template else b"") + data


@pytest.mark.parametrize("disk", [False, True])
def test_killed_at_any_moment_every_spooled_flow_is_kept_once(tmp_path: Path, disk: bool) -> None:
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    (data / "watch.toml").write_text(capture.settings(), encoding="utf-8")
    with Watch(data) as watch:
        place = receiving(watch, listen=(), ports=(), disk=disk).place()
    words = ["watch", "--data", data, "--listen", "127.0.0.1", "--port", port, "--json"]
    words += ["--spool-on-disk"] if disk else []
    sent, chance = 0, random.Random(5 + disk)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for life in range(LIVES):
                process = subprocess.Popen(
                    [sys.executable, "-m", "sekisho", *map(str, words)],
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "SEKISHO_LANG": "en"},
                )  # fmt: skip
                deadline = time.monotonic() + 30
                before = last_told(place)
                while (told := last_told(place)) is None or (before and told.process == before.process):
                    assert process.poll() is None, process.communicate()[1]
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                # The store writes every two seconds: the kills fall before, after and into that.
                until = time.monotonic() + chance.uniform(1.0, 4.5)
                while time.monotonic() < until:
                    for _ in range(20):
                        sender.sendto(netflow9(sent), ("127.0.0.1", port))
                        sent += 1
                    time.sleep(0.005)
                if life < LIVES - 1:
                    process.kill()
                    process.communicate()
                    continue
                time.sleep(3)
                told = last_told(place)
                assert told is not None
                assert told.spool == identity(place.folder)
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=40)
                assert process.returncode in {0, 1}, said
        assert told is not None
        assert not place.folder.exists(), "all was dealt with: no raw datagram is left behind"
        spooled = sum(one.count for one in told.counts if one.name == "spooled")
        with Watch(data) as watch:
            window = Window(0, (int(time.time()) + 86_400) * 1000)
            rows = watch.store.tables(DATASET, window, Purpose.CC_DETECTION).ask(NUMBERS)
        found = Counter(rows.column("n").to_pylist())
        assert max(found.values()) == 1
        datagrams = Counter((number - 1) // PER for number in found)
        assert set(datagrams.values()) == {PER}
        assert len(datagrams) == spooled
        assert 0.5 * sent < spooled <= sent
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)
