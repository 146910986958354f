"""The hub's list as BGP FlowSpec, read and encoded by ExaBGP."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sekisho.exchange.feeds import FORMS, Entry, Head
from sekisho.model.indicator import Tlp

pytestmark = pytest.mark.lab
NOW = 1_795_000_000_000
NEIGHBOUR = """neighbor 127.0.0.1 {{
  router-id 192.0.2.1; local-address 127.0.0.1; local-as 64500; peer-as 64500;
  family {{ ipv4 flow; ipv6 flow; }}
{feed}}}
"""


def entry(value: str, port: int, protocol: int, grade: str, kind: str = "address") -> Entry:
    return Entry(f"indicator--{value}", kind, value, port, protocol, "cc", grade, "mirai", NOW, NOW)


def test_exabgp_reads_it_and_makes_the_rules_that_were_meant(tmp_path: Path) -> None:
    entries = [
        entry("198.51.100.7/32", 23, 6, "block"), entry("2001:db8::7/128", 0, 0, "watch"),
        entry("2001:db8::8/128", 53, 17, "block"), entry("198.51.100.9/32", 80, 0, "watch"),
        entry("c2.example.net", 0, 0, "block", "domain"),
    ]  # fmt: skip
    feed = FORMS["flowspec"].write(Head("a hub\n}\nflow {", NOW, Tlp.AMBER), entries)
    file = tmp_path / "exabgp.conf"
    file.write_text(NEIGHBOUR.format(feed=feed), encoding="utf-8")
    quiet = {**os.environ, "exabgp.daemon.user": "root", "exabgp.api.cli": "false"}
    done = subprocess.run(
        ["exabgp", "--test", "--debug", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=quiet,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    rules = sorted(
        line.partition("parsed route flow ")[2] for line in said.splitlines() if "parsed route flow" in line
    )
    assert rules == [
        "destination-ipv4 198.51.100.7/32 protocol =tcp destination-port =23 extended-community rate-limit:0",
        "destination-ipv4 198.51.100.9/32 destination-port =80 extended-community action sample",
        "destination-ipv6 2001:db8::7/128/0 extended-community action sample",
        "destination-ipv6 2001:db8::8/128/0 next-header =udp destination-port =53 extended-community rate-limit:0",
    ]
    assert said.count("encoding is fine") == 4


def test_an_empty_list_is_an_empty_block() -> None:
    feed = FORMS["flowspec"].write(Head("hub", 0, Tlp.CLEAR), [])
    assert feed.endswith("flow {\n}\n")
