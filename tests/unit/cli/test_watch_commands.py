"""The watch's commands as their user types them, on the made capture: what comes out, what is refused, how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fakes.command import typed
from sekisho.demo import capture

START = 1_795_000_000.0


def sekisho(*words: object, code: int | None = 0) -> str:
    environment = {**os.environ, "SEKISHO_LANG": "en"}
    done = typed(words, env=environment)
    assert code is None or done.returncode == code, (
        done.returncode,
        done.stdout[-2000:],
        done.stderr[-2000:],
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the made capture in it."""
    folder = tmp_path_factory.mktemp("watch")
    capture.write(folder, START)
    data = folder / "data"
    data.mkdir()
    (data / "watch.toml").write_text(capture.settings(), encoding="utf-8")
    done = json.loads(sekisho("ingest", folder / "capture.pcap", "--data", data, "--json"))
    assert [one["outcome"] for one in done] == ["taken"]
    assert done[0]["kept"] == done[0]["read"] > 2000
    return folder


def found(folder: Path, *words: object, code: int = 1) -> dict[str, Any]:
    return dict(json.loads(sekisho(*words, "--data", folder / "data", "--json", code=code)))


def test_the_camera_is_found_and_nobody_else(taken: Path) -> None:
    result = found(taken, "detect", "--list", taken / "cc-list.csv")
    detections = [one["detection"] for one in result["detections"]]
    assert {one["method"] for one in detections} == {"known_cc", "outbound_scan"}
    assert len({one["subscriber"] for one in detections}) == 1
    assert [one["grade"] for one in detections if one["method"] == "known_cc"] == ["confirmed"]
    assert all(look["state"] in {"found", "nothing-found"} for look in result["looks"])


def test_nothing_of_a_customer_reaches_the_disk(taken: Path) -> None:
    from ipaddress import ip_address

    stored = b"".join(path.read_bytes() for path in (taken / "data").rglob("*") if path.is_file())
    result = found(taken, "detect", "--list", taken / "cc-list.csv")
    assert capture.CAMERA not in json.dumps(result)
    camera = int(ip_address(capture.CAMERA))
    pseudonyms = {one["detection"]["subscriber"] for one in result["detections"]}
    assert camera not in pseudonyms
    assert capture.CAMERA.encode() not in stored
    rows = [row for one in result["detections"] for row in one["detection"]["evidence"]]
    assert rows
    assert all(("L" in row["sourceAddress"][:1]) != ("L" in row["destinationAddress"][:1]) for row in rows)


def test_hunt_ignores_when_the_list_learnt_of_it(taken: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.csv"
    late.write_text(
        f"first_seen_utc,dst_ip,dst_port,malware\n2030-01-01 00:00:00,{capture.CC_ADDRESS},{capture.CC_PORT},New\n"
    )
    assert len(found(taken, "hunt", "--list", late)["detections"]) == 1


def test_nothing_found_nothing_to_judge_by_and_nothing_there_are_three_things(
    taken: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("198.51.100.250:4444\n")
    nothing = found(taken, "hunt", "--list", other, code=0)
    assert nothing["looks"][0]["state"] == "nothing-found"
    blind = found(taken, "detect", "--method", "known_cc", code=3)
    assert blind["looks"][0]["state"] == "not-measured"
    assert "no data" in sekisho("detect", "--data", tmp_path / "none", code=2)
    late = sekisho("detect", "--since", "2040-01-01", "--data", taken / "data", code=3)
    assert "nothing can be judged" in late
    empty = tmp_path / "empty.csv"
    empty.write_text("first_seen_utc,dst_ip,dst_port,malware\n")
    looks = found(taken, "detect", "--list", empty)["looks"]
    assert {look["state"] for look in looks if look["method"] == "known_cc"} == {"not-measured"}
    assert "found" in {look["state"] for look in looks if look["method"] == "outbound_scan"}


def test_a_file_is_taken_once(taken: Path) -> None:
    again = json.loads(sekisho("ingest", taken / "capture.pcap", "--data", taken / "data", "--json"))
    assert [one["outcome"] for one in again] == ["again"]


def test_what_is_no_flow_file_is_said_and_the_rest_is_taken(tmp_path: Path) -> None:
    (tmp_path / "novel.txt").write_text("It was a dark and stormy night.\n" * 50)
    (tmp_path / "empty.pcap").write_bytes(b"")
    capture.write(tmp_path / "good", time.time() - 7200)
    out = sekisho(
        "ingest", tmp_path / "novel.txt", tmp_path / "empty.pcap", tmp_path / "good" / "capture.pcap",
        "--customers", capture.CUSTOMERS, "--data", tmp_path / "data", code=3,
    )  # fmt: skip
    assert "no reader knows this file" in out
    assert "the file is empty" in out
    assert "2,394" in out


def test_what_was_bad_once_is_bad_again_and_an_empty_folder_is_nothing(taken: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.pcap"
    torn.write_bytes((taken / "capture.pcap").read_bytes()[:100_011])
    data = tmp_path / "data"
    shutil.copytree(taken / "data", data)
    assert "in part" in sekisho("ingest", torn, "--data", data, code=3)
    assert "taken before (in part)" in sekisho("ingest", torn, "--data", data, code=3)
    (tmp_path / "none").mkdir()
    assert "no file in this folder" in sekisho("ingest", tmp_path / "none", "--data", data, code=3)


def test_other_prefixes_than_before_are_refused(taken: Path) -> None:
    out = sekisho(
        "ingest", taken / "capture.pcap", "--customers", "10.9.0.0/16", "--data", taken / "data", code=2
    )
    assert "pseudonyms would change" in out


def test_prefixes_that_would_change_pseudonyms_and_a_lost_key_are_refused(
    taken: Path, tmp_path: Path
) -> None:
    data = tmp_path / "copy"
    shutil.copytree(taken / "data", data)
    settings = data / "watch.toml"
    settings.write_text(settings.read_text().replace("100.64.0.0/24", "100.64.0.0/23"))
    assert "pseudonyms would change" in sekisho("ingest", taken / "cc-list.csv", "--data", data, code=2)
    settings.write_text(capture.settings().replace("]", ', "10.9.0.0/16"]'))
    (data / "pseudonym.key").unlink()
    assert "key of the pseudonyms is gone" in sekisho("ingest", taken / "cc-list.csv", "--data", data, code=2)


def test_a_refused_prefix_leaves_no_folder_behind(taken: Path, tmp_path: Path) -> None:
    sekisho("ingest", taken / "capture.pcap", "--customers", "0.0.0.0/0", "--data", tmp_path / "d", code=2)
    sekisho("ingest", taken / "capture.pcap", "--customers", "100.64.0.0/24", "--data", tmp_path / "d")


def test_odd_files_are_refused_by_name(taken: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    odd = os.fsencode(tmp_path) + b"/\xff\x1b]0;x\x07.txt"
    Path(os.fsdecode(odd)).write_bytes(b"nothing\n")
    torn = tmp_path / "torn.pcap"
    torn.write_bytes((taken / "capture.pcap").read_bytes()[:100_007])
    done = json.loads(
        sekisho(
            "ingest", tmp_path / "pipe", os.fsdecode(odd), torn, "--data", taken / "data", "--json", code=3
        )
    )
    assert [one["outcome"] for one in done] == ["failed", "failed", "partly"]
    assert "\x1b" not in json.dumps(done, ensure_ascii=False)
    out = sekisho("ingest", taken / "capture.pcap", "--set", "nonsense=1", "--data", tmp_path / "x", code=3)
    assert "no such option" in out


def test_a_flood_of_typos_is_refused_kindly(taken: Path, tmp_path: Path) -> None:
    data = ("--data", taken / "data")
    assert "not a time" in sekisho("detect", "--since", "0001-01-01", *data, code=2)
    assert "not a time" in sekisho("detect", "--since", "yesterday", *data, code=2)
    for words in (("detect",), ("hunt", "--list", taken / "cc-list.csv"), ("cases", "list")):
        for times in (("1h", "2d"), ("2026-11-21T09:00", "2026-11-21T09:00")):
            out = sekisho(*words, "--since", times[0], "--until", times[1], *data, code=2)
            assert "--until is not after --since" in out
    assert "not a prefix" in sekisho(
        "ingest", taken / "capture.pcap", "--customers", "10.0.0.300", "--data", tmp_path / "x", code=2
    )
    bad = tmp_path / "bad.csv"
    bad.write_text("this,is\nno,list\n")
    assert "not one usable entry" in sekisho("hunt", "--list", bad, *data, code=2)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "watch.toml").write_text('customers = "all"\n')
    assert "settings are wrong" in sekisho("detect", "--data", tmp_path / "broken", code=2)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def netflow5(count: int) -> bytes:
    """One datagram of NetFlow v5: ``count`` answered contacts of one line with the listed server, both directions."""
    import struct
    from ipaddress import IPv4Address

    now = int(time.time())
    head = struct.pack(">HHIIIIBBH", 5, count, 60_000, now, 0, 0, 0, 0, 0x4001)
    line, server = IPv4Address(capture.CAMERA).packed, IPv4Address(capture.CC_ADDRESS).packed
    rows = b""
    for number in range(count):
        ours, theirs = (line, 40_000 + number // 2), (server, capture.CC_PORT)
        (a, a_port), (b, b_port) = (ours, theirs) if number % 2 == 0 else (theirs, ours)
        rows += struct.pack(
            ">4s4s4sHHIIIIHHBBBBHHBBH", a, b, bytes(4), 1, 2, 10, 900, 50_000, 55_000, a_port, b_port, 0, 0x1B, 6, 0, 0, 0,
            24, 24, 0,
        )  # fmt: skip
    return head + rows


def test_watch_receives_finds_and_keeps(tmp_path: Path) -> None:
    capture.write(tmp_path, START)
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    (data / "watch.toml").write_text(capture.settings(), encoding="utf-8")
    words = [
        "watch",
        "--data",
        data,
        "--list",
        tmp_path / "cc-list.csv",
        "--listen",
        "127.0.0.1",
        "--port",
        port,
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "sekisho", *map(str, words), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "SEKISHO_LANG": "en"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert first["figures"]["indicators"] == 2
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        deadline, line = time.monotonic() + 60, ""
        while "known_cc" not in line and time.monotonic() < deadline:
            sender.sendto(netflow5(10), ("127.0.0.1", port))
            line = process.stdout.readline()
        sender.close()
        assert json.loads(line)["detection"]["grade"] == "confirmed"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 1
    finally:
        process.kill()
        process.communicate()
    assert found(tmp_path, "hunt", "--list", tmp_path / "cc-list.csv")["detections"]
