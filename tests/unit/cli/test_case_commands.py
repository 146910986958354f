"""The commands of cases as their user types them, on the made capture: folded, worked on, measured."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from fakes.command import typed
from sekisho.demo import capture


def sekisho(*words: object, code: int = 0) -> str:
    done = typed(words, env={**os.environ, "SEKISHO_LANG": "en"})
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    capture.write(folder, 1_795_000_000.0)
    data = folder / "data"
    data.mkdir()
    people = '[people]\nsato = "analyst"\nkato = "viewer"\n'
    (data / "watch.toml").write_text(capture.settings() + people, encoding="utf-8")
    sekisho("ingest", folder / "capture.pcap", "--data", data)
    sekisho("detect", "--list", folder / "cc-list.csv", "--data", data, code=1)
    return data


def run(data: Path, *words: object, code: int = 0) -> Any:
    return json.loads(sekisho("cases", *words, "--data", data, "--json", code=code))


def test_the_life_of_a_case(data: Path, tmp_path: Path) -> None:
    assert run(data, "list", code=2)["exit"] == 2
    assert run(data, "fold")["opened"] == 1
    assert run(data, "fold", "--all") == {
        "detections": 3, "lines": 1, "opened": 0, "changed": 0, "relapsed": 0, "torn": [],
    }  # fmt: skip
    (case,) = run(data, "list", "--state", "open")["cases"]
    name = case["id"]
    assert (case["family"], case["detections"], case["state"]) == ("Mirai", 3, "new")
    assert run(data, "list", "--line", case["line"])["cases"] == [case]
    assert run(data, "list", "--family", "other")["cases"] == []

    life = run(data, "show", name)
    assert all(one["explanation"] and one["evidence"] for one in life["detections"])
    assert {one["detection"]["method"] for one in life["detections"]} == {"known_cc", "outbound_scan"}
    assert "evidence" not in json.dumps(life["events"])
    text = sekisho("cases", "show", name, "--data", data)
    assert "This line talked with the known C&C" in text
    assert "→" in text

    run(data, "confirm", name, "--as", "kato", code=2)  # a viewer only looks
    run(data, "confirm", name, "--as", "mallory", code=2)
    assert run(data, "confirm", name, "--as", "sato")["cases"][0]["state"] == "confirmed"
    assert run(data, "assign", name, "tanaka", "--as", "sato")["cases"][0]["assignee"] == "tanaka"
    run(data, "comment", name, "checked", "--as", "sato")
    run(data, "model", name, "Example R1", "--as", "sato", code=2)  # not without how it is known
    named = run(data, "model", name, "Example R1", "--known-by", "a photo", "--as", "sato")["cases"][0]
    assert named["device_model"] == "Example R1"
    assert run(data, "list", "--model", "Example R1")["cases"][0]["id"] == name
    assert "Example R1 (a photo)" in sekisho("cases", "show", name, "--data", data)
    part = life["detections"][1]["detection"]["id"]
    left, new = run(data, "split", name, part, "--as", "sato")["cases"]
    assert (left["detections"], new["detections"]) == (2, 1)
    assert run(data, "fold", "--all")["changed"] == 0  # what a person has split stays split
    run(data, "merge", name, new["id"], "--as", "sato")
    assert run(data, "show", new["id"])["case"]["merged_into"] == name
    for _ in range(2):
        run(data, "undo", name, "--as", "sato")
    assert run(data, "show", name)["case"]["detections"] == 3
    for _ in range(4):
        run(data, "undo", name, "--as", "sato")
    back = run(data, "show", name)["case"]
    assert (back["state"], back["assignee"], back["device_model"]) == ("new", "", "")
    run(data, "undo", name, "--as", "sato", code=2)

    heal = run(data, "heal", "--days", "1", code=3)
    assert {one["healing"] for one in heal["observed"]} == {"unknown"}
    assert run(data, "show", name)["case"]["state"] == "new"

    out = tmp_path / "healing.html"
    measured = json.loads(sekisho("healing", "-o", out, "--data", data, "--json"))
    assert measured["curves"][0]["healed"] == 0
    assert "not reached" in " ".join(measured["summary"])
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    run(data, "close", name, "--reason", "false-alarm", "--as", "sato")
    sekisho("healing", "--data", data, code=3)


def test_pages_go_on_where_the_one_before_ended(data: Path) -> None:
    from sekisho.model.case import Case, CaseState
    from sekisho.model.detection import Grade
    from sekisho.wiring.casebook import Casebook
    from sekisho.wiring.moment import milliseconds

    at = milliseconds()
    with Casebook(data, create=True) as book:
        for number in range(5):
            book.store.save(
                Case(
                    f"P{number}",
                    99,
                    "family:paged",
                    CaseState.NEW,
                    Grade.WATCH,
                    at,
                    at + number,
                    at,
                    at,
                    family="paged",
                ),
                (),
            )
    seen, after = [], ""
    while True:
        page = run(data, "list", "--family", "paged", "--limit", 2, "--after", after)
        seen += [one["id"] for one in page["cases"]]
        after = page["next"]
        if not after:
            break
    assert seen == ["P4", "P3", "P2", "P1", "P0"]


def test_a_pseudonym_that_is_none_is_refused_kindly(data: Path) -> None:
    done = typed(
        ("cases", "list", "--line", "Lffffffffffffffffff", "--data", data),
        env={**os.environ, "SEKISHO_LANG": "en"},
    )
    assert done.returncode == 2
    assert "not a pseudonym of a line" in done.stderr


def test_a_torn_log_is_told_and_its_evidence_is_not_called_expired(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    run(copy, "fold", "--all")
    name = max(run(copy, "list")["cases"], key=lambda one: int(one["detections"]))["id"]
    log = copy / "detections.jsonl"
    first, *rest = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(first[: len(first) // 2] + b"\n" + b"".join(rest)[:-30])
    done = typed(["cases", "fold", "--all", "--data", copy], env={**os.environ, "SEKISHO_LANG": "en"})
    assert done.returncode == 3
    assert "2 lines of the log of detections" in done.stderr
    assert "(line 1, 3)" in done.stderr
    assert run(copy, "fold", "--all", code=3)["torn"] == [1, 3]
    shown = run(copy, "show", name)
    assert sorted(one["kept"] for one in shown["detections"]) == ["missing", "missing", "there"]
    text = sekisho("cases", "show", name, "--data", copy)
    assert "damaged, or taken away" in text
    assert "expired" not in text
