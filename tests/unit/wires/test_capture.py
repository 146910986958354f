"""The packet capture: what is asked for is in it, the rest is not, and no right to capture is said as data."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from fakes.peers import head, live_net, serving
from sekisho.formats import pcap
from sekisho.formats.http import Request
from sekisho.wires.capture import Capture

ROOT = os.geteuid() == 0


def page(peer: object) -> None:
    head(peer)  # type: ignore[arg-type]
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\ncaptured-answer")  # type: ignore[attr-defined]


@pytest.mark.parametrize("tcpdump", [None, ""])
def test_a_capture_holds_the_terminals_packets_or_says_why_not(tmp_path: Path, tcpdump: str | None) -> None:
    capture = Capture(tmp_path / "capture", ["127.77.1.1"], tcpdump=tcpdump)
    said = capture.start()
    if not ROOT:
        assert said["captured"] is False
        assert said["why"]
        assert capture.stop() == {"bytes": 0, "cut": False}
        return
    assert said["captured"] is True
    with serving(page, "127.77.1.1") as wanted, serving(page, "127.77.1.2") as other:  # type: ignore[arg-type]
        asyncio.run(live_net().fetch(wanted, Request(path="/wanted")))
        asyncio.run(live_net().fetch(other, Request(path="/elsewhere")))
    ended = capture.stop()
    content = (tmp_path / "capture" / said["file"]).read_bytes()
    assert len(content) == ended["bytes"]
    assert b"GET /wanted" in content
    assert b"captured-answer" in content
    assert b"/elsewhere" not in content
    assert len(list(pcap.packets(content))) > 5


@pytest.mark.parametrize("tcpdump", [None, ""])
def test_a_port_that_is_left_out_is_in_no_capture(tmp_path: Path, tcpdump: str | None) -> None:
    with serving(page, "127.77.1.4") as console, serving(page, "127.77.1.4") as wanted:  # type: ignore[arg-type]
        capture = Capture(tmp_path, ["127.77.1.4"], tcpdump=tcpdump, without=[console.port])
        said = capture.start()
        asyncio.run(live_net().fetch(console, Request(path="/password")))
        asyncio.run(live_net().fetch(wanted, Request(path="/wanted")))
        capture.stop()
    if not ROOT:
        assert said["captured"] is False
        return
    assert said["without_tcp_ports"] == [console.port]
    content = (tmp_path / said["file"]).read_bytes()
    assert b"GET /wanted" in content
    assert b"/password" not in content


def test_a_capture_is_bounded_by_ports_in_each_form_of_packet() -> None:
    capture = Capture(Path(), ["::/0"], without=[8443])
    port, other = (8443).to_bytes(2, "big"), (40_000).to_bytes(2, "big")
    four = bytes([0x45, *bytes(5), 0, 0, 64, 6, *bytes(10)])
    six = bytes([0x60, *bytes(5), 6, *bytes(33)])
    later = bytes([*four[:6], 0, 9, *four[8:]])
    fragment = bytes([*six[:6], 44, *six[7:], 6, *bytes(7)])
    left_out = capture._left_out
    assert left_out(four + other + port)
    assert left_out(four + port + other)
    assert left_out(six + other + port)
    assert left_out(later + other + other)
    assert left_out(fragment + other + other)
    assert not left_out(four + other + other)
    assert not left_out(six + other + other)
    assert not left_out(bytes([*four[:9], 17, *four[10:]]) + other + port), "UDP isn't the console"
    assert left_out(b"\x46" + four[1:] + bytes(4) + port + other), "with options of IPv4"


@pytest.mark.parametrize("tcpdump", [None, ""])
def test_a_capture_is_bounded(tmp_path: Path, tcpdump: str | None) -> None:
    capture = Capture(tmp_path, ["127.77.1.3"], most=1000, tcpdump=tcpdump)
    said = capture.start()
    with serving(page, "127.77.1.3") as endpoint:  # type: ignore[arg-type]
        for _ in range(5):
            asyncio.run(live_net().fetch(endpoint, Request()))
    ended = capture.stop()
    if said["captured"]:
        assert ended["cut"] is True
        assert (tmp_path / said["file"]).stat().st_size <= 1000


@pytest.mark.parametrize("tcpdump", [None, ""])
def test_packets_that_the_system_missed_are_told(
    tmp_path: Path, tcpdump: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So small that a burst can't find room: what is in the file and what was missed is all of it.
    monkeypatch.setattr("sekisho.wires.capture._RING_KIB", 512)
    monkeypatch.setattr("sekisho.wires.capture._RECEIVE_BUFFER", 4096)
    capture = Capture(tmp_path, ["127.77.1.6"], tcpdump=tcpdump)
    said = capture.start()
    sent = 3000
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hears,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
    ):
        hears.bind(("127.77.1.6", 0))
        for _ in range(sent):
            out.sendto(b"x" * 100, hears.getsockname())
    ended = capture.stop()
    if not said["captured"]:
        return
    kept = len(list(pcap.packets((tmp_path / said["file"]).read_bytes())))
    assert ended["missed"] > 0
    assert kept + ended["missed"] >= sent
    if said["by"] == "tcpdump":  # which is asked for the terminal's alone; loopback shows each packet twice
        assert kept + ended["missed"] <= 2 * sent


def test_a_program_that_fails_is_replaced_or_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'no permission, says the kernel' >&2\nexit 1\n")
    broken.chmod(0o755)
    capture = Capture(tmp_path / "capture", ["127.0.0.1"], tcpdump=str(broken))
    said = capture.start()
    capture.stop()
    assert said.get("by") == "raw socket" if ROOT else "no permission" in said["why"]


def test_a_second_run_has_a_file_of_its_own_and_stop_is_harmless(tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        capture = Capture(tmp_path, ["127.0.0.1", "fe80::1%lo"])
        names.add(capture.start().get("file", "none"))
        time.sleep(0.05)
        capture.stop()
        capture.stop()
    assert len(names) == (2 if ROOT else 1)
    assert Capture(tmp_path, []).start()["captured"] is False


def test_the_file_format_reads_what_it_writes_and_stops_at_a_torn_packet() -> None:
    content = pcap.file_header() + pcap.packet(12.5, b"abc") + pcap.packet(13.25, b"defg")
    assert [(one.at, one.data) for one in pcap.packets(content)] == [(12.5, b"abc"), (13.25, b"defg")]
    assert [one.data for one in pcap.packets(content[:-1])] == [b"abc"]
    with pytest.raises(ValueError, match="pcap"):
        list(pcap.packets(b"not a capture at all, but long enough"))


@pytest.mark.parametrize("tcpdump", [None, ""])
def test_a_full_disk_ends_the_capture_with_a_note(
    tmp_path: Path, tcpdump: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud: list[object] = []
    monkeypatch.setattr(threading, "excepthook", loud.append)
    (tmp_path / "capture-2.pcap").symlink_to("/dev/full")  # the second file of the folder gets this name
    capture = Capture(tmp_path, ["127.77.1.5"], tcpdump=tcpdump)
    said = capture.start()
    with serving(page, "127.77.1.5") as endpoint:  # type: ignore[arg-type]
        asyncio.run(live_net().fetch(endpoint, Request()))
    ended = capture.stop()
    assert loud == [], "no thread died with a traceback"
    assert ended["bytes"] == 0
    if said["captured"]:
        assert "No space left" in ended["failed"]
        assert ended["lost"] >= 1
