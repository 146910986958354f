"""What ``sekisho ingest`` answers when there was nothing to take: never the same as when something was taken."""

from __future__ import annotations

import json
import os
import struct
import time
from pathlib import Path

import pytest

from fakes.command import typed
from sekisho.demo import capture

HEAD = "flowStartMilliseconds,sourceAddress,destinationAddress,protocolIdentifier,packetDeltaCount"


def sekisho(*words: object, code: int) -> str:
    done = typed(words, env={**os.environ, "SEKISHO_LANG": "en"})
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout + done.stderr


def flows(*lines: str, ago: float = 3600) -> str:
    at = int((time.time() - ago) * 1000)
    return "\n".join([HEAD, *(f"{at},{one},198.51.100.9,6,5" for one in lines), ""])


def outcomes(*words: object, code: int) -> list[str]:
    return [one["outcome"] for one in json.loads(sekisho("ingest", *words, "--json", code=code))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("head.csv", f"{HEAD}\n".encode()),
        ("head.pcap", struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)),
    ],
)
def test_a_file_without_a_flow_is_no_file_taken(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    where = ("--customers", "203.0.113.0/24", "--data", tmp_path / "data")
    for outcome in ("empty", "again"):
        assert outcomes(tmp_path / name, *where, code=3) == [outcome]
    said = sekisho("ingest", tmp_path / name, *where, code=3)
    assert "taken before (no flows)" in said
    assert "There is not one flow in some files" in said
    assert "check --customers" not in said
    assert "next:" not in said
    # Beside one with flows a quiet file is no fault.
    (tmp_path / "good.csv").write_text(flows("203.0.113.7"))
    assert outcomes(tmp_path / name, tmp_path / "good.csv", *where, code=0) == ["again", "taken"]


def test_mistyped_prefixes_are_said_with_the_way_to_mend_them(tmp_path: Path) -> None:
    file, data = tmp_path / "flows.csv", tmp_path / "data"
    file.write_text(flows("203.0.113.7", "203.0.113.8"))
    said = sekisho("ingest", file, "--customers", "203.0.133.0/24", "--data", data, code=3)
    assert "none of ours" in said
    assert "203.0.133.0/24" in said
    assert f"customers in {data / 'watch.toml'}" in " ".join(said.split())
    assert "next:" not in said
    assert "none of ours" in sekisho("ingest", file, "--data", data, code=3)
    settings = data / "watch.toml"
    settings.write_text(settings.read_text().replace("203.0.133.0", "203.0.113.0"))
    assert outcomes(file, "--data", data, code=0) == ["taken"]
    (again,) = json.loads(sekisho("ingest", file, "--data", data, "--json", code=0))
    assert (again["outcome"], again["before"]) == ("again", "taken")


def test_rows_read_are_those_kept_those_without_a_line_and_those_of_another_time(tmp_path: Path) -> None:
    file, data = tmp_path / "flows.csv", tmp_path / "data"
    lines = flows("203.0.113.7", "192.0.2.1", "192.0.2.2").splitlines()
    old = flows("203.0.113.8", ago=40 * 86400).splitlines()[1]
    file.write_text("\n".join([*lines, old, "x,y,z,6,5", ""]))
    where = ("--data", data, "--customers", "203.0.113.0/24")
    said = sekisho("ingest", file, *where, code=3)
    head, _, row = (line.split("  ") for line in said.splitlines()[:3])
    cells = dict(
        zip([one.strip() for one in head if one], [one.strip() for one in row if one.strip()], strict=True)
    )
    assert [cells[name] for name in ("rows read", "kept", "no line", "out of time", "rejected")] == [
        "4", "1", "2", "1", "1",
    ]  # fmt: skip
    settings = data / "watch.toml"
    settings.write_text(settings.read_text().replace('"203.0.113.0/24"', '"203.0.113.0/24", "192.0.2.1/32"'))
    (more,) = json.loads(sekisho("ingest", file, "--data", data, "--json", code=3))
    assert (more["read"], more["kept"], more["elsewhere"]) == (2, 1, 1)
    settings.write_text(settings.read_text().replace('"192.0.2.1/32"', '"192.0.2.1/32", "10.1.0.0/16"'))
    for _ in range(2):
        assert outcomes(file, "--data", data, code=3) == ["again"]
    kept = json.loads((data / "taken.jsonl").read_text().splitlines()[-1])
    assert (kept["kept"], kept["elsewhere"], len(kept["customers"])) == (1, 1, 3)


def test_data_folders_on_the_way_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "flows.csv").write_text(flows(capture.CAMERA))
    data = tmp_path / "watch-data"
    where = ("--data", data, "--customers", capture.CUSTOMERS)
    sekisho("ingest", tmp_path / "sub", *where, code=0)
    (tmp_path / "more.csv").write_text(flows(capture.CAMERA, capture.CAMERA))
    done = typed(("ingest", tmp_path, *where, "--json"), env={**os.environ, "SEKISHO_LANG": "en"})
    assert done.returncode == 0
    assert {Path(one["file"]).name: one["outcome"] for one in json.loads(done.stdout)} == {
        "more.csv": "taken", "flows.csv": "again",
    }  # fmt: skip
    assert f"a data folder of Sekisho is left out: {data}" in done.stderr
