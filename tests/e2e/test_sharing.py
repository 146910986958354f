"""Three providers and a hub as real processes: two see a server; the third, which only receives, has a case of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from taxii2client.v21 import ApiRoot

from fakes.command import typed
from sekisho.demo import capture

AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"


def said(hub: Path, *words: object) -> Any:
    done = typed(["hub", *words, "--hub", hub, "--json"])
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "hub"
    said(folder, "init", "--allow-documentation")
    with (folder / "hub.toml").open("a") as file:
        file.write("release_seconds = 1\n")
    for name, role in (("alpha", "full"), ("beta", "full"), ("gamma", "receive-only")):
        proofs = (
            ["--proof", "conditions=doc@2026-01-01", "--proof", "terms=doc@2026-01-01"]
            if role == "full"
            else []
        )
        said(folder, "member", "add", name, "--ja", "甲", "--en", name, "--role", role, *proofs)
        file_ = tmp_path / name
        file_.write_text(said(folder, "token", "make", name)["token"])
        file_.chmod(0o600)
    command = [sys.executable, "-m", "sekisho", "hub", "serve", "--hub", str(folder), "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield folder, json.loads(process.stdout.readline())["url"].removesuffix("taxii2/")
    finally:
        process.terminate()
        assert process.wait(20) in {0, -15}  # uvicorn hands the signal on when it has ended
        process.stdout.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_two_see_the_third_finds_on_its_own_lines(hub: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = hub
    now = time.time()
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now - 3600))
    data = tmp_path / "gamma-data"
    data.mkdir()
    (data / "watch.toml").write_text(capture.settings(), encoding="utf-8")
    capture.write(tmp_path, now - 1800)
    env = {**os.environ, "SEKISHO_LANG": "en"}
    assert typed(["ingest", tmp_path / "capture.pcap", "--data", data], env=env).returncode == 0
    begin = time.monotonic()
    join = ["hub", "join", url, "--token-file", tmp_path / "gamma", "--data", data, "--json"]
    for number, name in enumerate(("alpha", "beta")):
        token = (tmp_path / name).read_text()
        root = ApiRoot(f"{url}sharing/", user=name, password=token)
        box = next(
            one for one in root.collections if one.can_write and not one.can_read and "list" in one.title
        )
        one = {
            "type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid4()}", "created": moment, "modified": moment,
            "pattern": f"[ipv4-addr:value = '{capture.CC_ADDRESS}']", "pattern_type": "stix", "valid_from": moment,
            "labels": ["use:cc", "evidence:flow", "family:mirai"], "object_marking_refs": [AMBER],
        }  # fmt: skip
        assert box.add_objects({"objects": [one]}).success_count == 1
        if number == 0:
            # One alone is a candidate: nobody is told of it.
            assert said(folder, "indicators")["indicators"][0]["standing"]["state"] == "candidate"
            assert json.loads(typed(join, env=env).stdout)["list"]["used"] == 0
    while json.loads(typed(join, env=env).stdout)["list"]["used"] == 0:
        assert time.monotonic() - begin < 60
    detected = typed(["detect", "--data", data, "--method", "known_cc", "--json"], env=env)
    assert detected.returncode == 1, detected.stdout + detected.stderr
    found = json.loads(detected.stdout)["detections"][0]["detection"]
    assert (found["sources"], found["family"]) == (["hub"], "mirai")
    folded = typed(["cases", "fold", "--data", data, "--json"], env=env)
    assert folded.returncode == 0, folded.stdout + folded.stderr
    listed = typed(["cases", "list", "--data", data, "--json"], env=env)
    assert time.monotonic() - begin < 60
    (case,) = json.loads(listed.stdout)["cases"]
    assert (case["family"], case["state"], case["methods"]) == ("mirai", "new", ["known_cc"]), case
    assert case["subscriber"] == found["subscriber"], "a line of its own"
    status = said(folder, "status")
    assert (status["watch"], status["members"]["active"]) == (1, 3)
