"""``sekisho lists fetch``: what is shared becomes a list that the methods use; what breaks off changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fakes.command import typed
from fakes.feed_server import event, feed, serving
from fakes.taxii_server import taxii
from sekisho.demo import capture
from sekisho.wiring.lists import list_ages
from sekisho.wiring.live_parts import Lists
from sekisho.wiring.watch import Watch, milliseconds

SERVER = capture.CC_ADDRESS


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "watch.toml").write_text(capture.settings(), encoding="utf-8")
    return folder


def run(data: Path, *words: object, code: int = 0) -> dict[str, Any]:
    done = typed(
        ["lists", "fetch", *words, "--data", data, "--json"], env={**os.environ, "SEKISHO_LANG": "en"}
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "KEY-OF-MINE" not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def indicator(number: int, address: str, **more: Any) -> tuple[str, dict[str, Any]]:
    one = {
        "type": "indicator", "id": f"indicator--{number}", "pattern_type": "stix", "name": "SECRET TITLE",
        "pattern": f"[ipv4-addr:value = '{address}']", "confidence": 90, "valid_from": "2026-01-01T00:00:00Z", **more,
    }  # fmt: skip
    return f"2026-01-0{number}T00:00:00.000000Z", one


def test_a_taxii_collection_becomes_a_list_that_is_used(data: Path) -> None:
    (data / "key").write_text("Bearer KEY-OF-MINE\n")
    (data / "key").chmod(0o600)
    objects = [indicator(1, SERVER, labels=["Mirai"]), indicator(2, "192.0.2.9"), indicator(3, "8.8.8.8")]
    with taxii(objects) as server:
        server.auth = "Bearer KEY-OF-MINE"
        words = ("jpcert", "--taxii", server.root, "--collection", "cc")
        assert run(data, *words, code=3)["list"]["reason"] == "status-401"
        assert not (data / "lists" / "jpcert.json").exists()
        (age,) = list_ages(data)
        assert (age.name, age.fetched, age.reason) == ("jpcert", 0, "status-401")
        done = run(data, *words, "--authorization", data / "key")["list"]
    assert (done["written"], done["used"]) == (True, 2)
    assert done["left_out"] == {"resolver": 1}
    kept = (data / "lists" / "jpcert.json").read_text()
    assert "KEY-OF-MINE" not in kept
    assert "SECRET TITLE" not in kept
    assert (data / "lists" / "jpcert.json").stat().st_mode & 0o077 == 0
    assert json.loads(kept)["origin"]["collection"] == "cc"
    with Watch(data) as watch:
        _, read = watch.detectors((), ())
        (method,) = watch.detectors(("known_cc",), ())[0].values()
    assert read.used == {"jpcert": 2}
    one = next(one for one in method.indicators if one.network == f"{SERVER}/32")  # type: ignore[attr-defined]
    assert (one.family, one.confidence, one.reference, one.valid_from) == (
        "Mirai", 90, "indicator--1", 1_767_225_600_000,
    )  # fmt: skip


def test_what_breaks_off_or_was_emptied_leaves_the_list_before(data: Path) -> None:
    with taxii([indicator(1, SERVER), indicator(2, "192.0.2.9"), indicator(3, "192.0.2.8")]) as server:
        words = ("feed", "--taxii", server.root, "--collection", "cc")
        run(data, *words)
        before = (data / "lists" / "feed.json").read_bytes()
        for mood, reason in (("second-page-breaks", "malformed"), ("busy", "status-503"), ("loop", "loop")):
            server.mood = mood
            done = run(data, *words, code=3)["list"]
            assert (done["written"], done["reason"]) == (False, reason)
        server.mood = ""
        server.objects = [indicator(1, "8.8.8.8")]
        assert run(data, *words, code=3)["list"]["reason"] == "nothing-to-use"
    assert run(data, *words, code=3)["list"]["reason"] == "refused"
    assert (data / "lists" / "feed.json").read_bytes() == before
    assert sorted(one.name for one in (data / "lists").iterdir()) == ["feed.json", "feed.tried"]


def test_a_misp_feed_of_a_server_and_of_a_folder(data: Path, tmp_path: Path) -> None:
    files = feed(event(1, SERVER), event(2, "192.0.2.9", to_ids=False))
    with serving(files) as server:
        done = run(data, "misp", "--misp", server.address)["list"]
    assert (done["used"], done["left_out"]) == (1, {"not-for-detection": 1})
    (tmp_path / "feed").mkdir()
    for name, octets in files.items():
        (tmp_path / "feed" / name).write_bytes(octets)
    assert run(data, "folder", "--misp", tmp_path / "feed")["list"]["used"] == 1
    assert "ENGINEER" not in (data / "lists" / "misp.json").read_text()
    (tmp_path / "feed" / "manifest.json").unlink()
    assert run(data, "x", "--misp", tmp_path / "feed", code=3)["list"]["reason"] == "no-manifest"
    for nothing in (tmp_path / "nowhere", "notaurl", data / "watch.toml"):
        assert run(data, "x", "--misp", nothing, code=3)["list"]["reason"] == "no-feed"
    said = typed(
        ["lists", "fetch", "x", "--misp", "notaurl", "--data", data], env={**os.environ, "SEKISHO_LANG": "en"}
    )
    assert "neither an address (https://…) nor a folder" in said.stderr


def test_a_watch_that_runs_takes_it_up_and_methods_find_by_it(data: Path, tmp_path: Path) -> None:
    capture.write(tmp_path, 1_795_000_000.0)
    env = {**os.environ, "SEKISHO_LANG": "en"}
    assert typed(["ingest", tmp_path / "capture.pcap", "--data", data], env=env).returncode == 0
    assert typed(["hunt", "--data", data, "--json"], env=env).returncode == 2
    with Watch(data) as watch:
        live = Lists(watch, ())
        assert live()[0].indicators == ()
        with serving(feed(event(1, SERVER))) as server:
            run(data, "misp", "--misp", server.address)
        live._at = milliseconds() - 2000  # a second later
        assert [one.network for one in live()[0].indicators] == [f"{SERVER}/32"]
    hunted = typed(["hunt", "--data", data, "--json"], env=env)
    assert hunted.returncode == 1
    assert json.loads(hunted.stdout)["detections"][0]["detection"]["sources"] == ["misp"]


def test_what_is_asked_must_make_sense(data: Path) -> None:
    (data / "open").write_text("Bearer KEY-OF-MINE")
    (data / "open").chmod(0o644)
    (data / "two").write_text("a\nb")
    (data / "two").chmod(0o600)
    for words in (
        ("x",),
        ("x", "--taxii", "https://t.invalid/", "--misp", "f"),
        ("x", "--taxii", "https://t.invalid/"),
        ("../x", "--misp", "feed"),
        ("x", "--misp", "https://t.invalid/", "--authorization", data / "open"),
        ("x", "--misp", "https://t.invalid/", "--authorization", data / "two"),
    ):
        run(data, *words, code=2)
    assert "https" in run(data, "x", "--misp", "http://192.0.2.1/", code=2)["error"]


def test_by_an_old_list_nothing_found_is_not_said(data: Path, tmp_path: Path) -> None:
    """What couldn't be fetched for a month ends as undecided, with its age and why, never as "nothing found"."""
    flows, _ = capture.write(tmp_path, time.time() - 7200)
    env = {**os.environ, "SEKISHO_LANG": "en"}
    assert typed(["ingest", flows, "--data", data], env=env).returncode == 0
    words = ["detect", "--method", "known_cc", "--data", data]
    elsewhere = indicator(1, "198.51.100.250")
    with taxii([elsewhere]) as server:
        run(data, "feed", "--taxii", server.root, "--collection", "cc")
        done = typed(words, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "list feed: fetched" in done.stdout
        file = data / "lists" / "feed.json"
        held = json.loads(file.read_text())
        held["origin"]["fetched"] -= 400 * 86_400_000
        file.write_text(json.dumps(held))
        server.mood = "busy"
        run(data, "feed", "--taxii", server.root, "--collection", "cc", code=3)
    done = typed(words, env=env)
    assert done.returncode == 3
    assert "by an old list" in done.stdout
    assert "failed: told to come later (HTTP 503)" in done.stdout
    told = json.loads(typed([*words, "--format", "json"], env=env).stdout)
    assert {one["state"] for one in told["looks"]} == {"not-measured"}
    assert told["lists"]["fetched"][0]["reason"] == "status-503"
    with taxii([elsewhere]) as server:
        run(data, "feed", "--taxii", server.root, "--collection", "cc")
    assert typed(words, env=env).returncode == 0


def test_a_list_that_is_not_wanted_is_forgotten(data: Path, tmp_path: Path) -> None:
    """A mistyped name keeps "nothing found" from being said only until it is dropped; how stands beside it."""
    flows, _ = capture.write(tmp_path, time.time() - 7200)
    env = {**os.environ, "SEKISHO_LANG": "en"}
    assert typed(["ingest", flows, "--data", data], env=env).returncode == 0
    words = ["detect", "--method", "known_cc", "--data", data]
    with taxii([indicator(1, "198.51.100.250")]) as server:
        run(data, "feed", "--taxii", server.root, "--collection", "cc")
        server.mood = "busy"
        run(data, "fedd", "--taxii", server.root, "--collection", "cc", code=3)
    done = typed(words, env=env)
    assert done.returncode == 3
    assert "sekisho lists forget fedd" in done.stdout
    assert "forget feed" not in done.stdout

    def forget(name: str, *more: object) -> tuple[int, str]:
        told = typed(["lists", "forget", name, "--data", data, *more], env=env)
        return told.returncode, told.stdout

    assert forget("fedd", "--json")[0] == 0
    assert typed(words, env=env).returncode == 0
    assert json.loads(forget("fedd", "--json")[1])["exit"] == 2
    assert forget("../watch")[0] == 2
    assert [one.name for one in (data / "lists").iterdir()] == ["feed.json"]
    (data / "lists" / "feed.json").write_text("half of it")
    code, said = forget("feed")
    assert (code, list((data / "lists").iterdir())) == (0, []), said
    assert "no list that can be read" in said
    assert (data / "watch.toml").exists()


def test_lists_are_shown_with_age_and_state(data: Path) -> None:
    """What may be forgotten can be named, whether or not any flow was ever taken in."""
    env = {**os.environ, "SEKISHO_LANG": "en"}

    def shown() -> dict[str, dict[str, Any]]:
        told = typed(["lists", "show", "--data", data, "--json"], env=env)
        assert told.returncode == 0, told.stderr
        return {one["name"]: one for one in json.loads(told.stdout)["lists"]}

    assert shown() == {}
    assert "there are no lists" in typed(["lists", "show", "--data", data], env=env).stdout
    (data / "own.csv").write_text("ip\n198.51.100.250\n")
    settings = (data / "watch.toml").read_text()
    (data / "watch.toml").write_text('lists = ["own.csv", "gone.csv", "own"]\n' + settings)
    (data / "own").mkdir()
    with taxii([indicator(1, "198.51.100.250")]) as server:
        for name in ("feed", "old"):
            run(data, name, "--taxii", server.root, "--collection", "cc")
        server.mood = "busy"
        run(data, "fedd", "--taxii", server.root, "--collection", "cc", code=3)
    held = json.loads((data / "lists" / "old.json").read_text())
    held["origin"]["fetched"] -= 400 * 86_400_000
    (data / "lists" / "old.json").write_text(json.dumps(held))
    (data / "lists" / "half.json").write_text("half of it")
    (data / "lists" / "folder.json").mkdir()
    (data / "lists" / "astray.json").symlink_to("nowhere")
    found = shown()
    assert {name: one["state"] for name, one in found.items()} == {
        "feed": "fresh", "old": "stale", "fedd": "never", "half": "unreadable", "own.csv": "there", "gone.csv": "missing",
        "folder": "unreadable", "astray": "unreadable", "own": "unreadable",
    }  # fmt: skip
    assert (found["feed"]["entries"], found["feed"]["kind"]) == (1, "taxii")
    assert found["feed"]["octets"] == (data / "lists" / "feed.json").stat().st_size
    assert found["fedd"]["reason"] == "status-503"
    out = typed(["lists", "show", "--data", data], env=env).stdout
    assert "fedd: the last try" in out
    assert "told to come later (HTTP 503)" in out
    assert "lists show" in typed(["lists", "forget", "no-such", "--data", data], env=env).stderr


@pytest.mark.parametrize("good", [True, False])
def test_where_nothing_can_be_written_a_failed_try_is_said(data: Path, good: bool) -> None:
    """A folder that may only be read: no new list is 3, as the help promises, and that nothing is noted is said."""
    assert (
        typed(["lists", "show", "--data", data]).returncode == 0
    )  # the folder is one that was in use before
    with serving(feed(event(1, SERVER))) as server:
        address = server.address if good else f"{server.address}nowhere/"
        words = [sys.executable, "-m", "sekisho", "lists", "fetch", "feed", "--misp", address, "--data", data]
        command = " ".join(f"'{one}'" for one in words)
        done = subprocess.run(
            ["unshare", "--mount", "--map-root-user", "sh", "-c",
             f"mount --bind '{data}' '{data}' && mount -o remount,ro,bind '{data}' && exec {command}"],
            capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "SEKISHO_LANG": "en"},
        )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    assert ("can't be written" if good else "HTTP 404") in done.stderr
    assert "couldn't be noted" in done.stderr
    assert not (data / "lists").exists()
