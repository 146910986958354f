"""Identifying as its user types it: what is needed, two persons, and what the log says afterwards."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fakes.command import typed
from fakes.installation import SETTINGS, filled

ASK = ("--basis", "legitimate-business", "--reason", "notice of an infection")


def sekisho(*words: object, code: int = 0, lang: str = "en") -> str:
    done = typed(words, env={**os.environ, "SEKISHO_LANG": lang})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def data(tmp_path: Path) -> Path:
    filled(tmp_path / "data")[0].store.close()
    return tmp_path / "data"


def log(data: Path) -> list[dict[str, Any]]:
    return list(json.loads(sekisho("audit", "list", "--data", data, "--json"))["entries"])


def test_a_named_person_with_a_ground_and_a_reason(data: Path) -> None:
    found = json.loads(sekisho("identify", "case-1", *ASK, "--as", "関守", "--data", data, "--json"))
    assert (found["outcome"], found["account"], found["contact"]["name"]) == ("found", "acc-1", "関 花子")
    assert [(one["act"], one["who"]) for one in log(data)[-2:]] == [
        ("re-identify", "関守"),
        ("re-identified", "関守"),
    ]
    assert "特定した" in sekisho("identify", "case-1", *ASK, "--as", "関守", "--data", data, lang="ja")
    assert "unaltered" in sekisho("audit", "verify", "--data", data)


def test_refusals_are_said_and_recorded(data: Path) -> None:
    assert "role" in sekisho("identify", "case-1", *ASK, "--as", "見習", "--data", data, code=2)
    assert "role" in sekisho("identify", "case-1", *ASK, "--data", data, code=2)
    assert "no such case" in sekisho("identify", "case-9", *ASK, "--as", "関守", "--data", data, code=2)
    bad = ("--basis", "necessity", "--reason", "x")
    assert "legal ground" in sekisho("identify", "case-1", *bad, "--as", "関守", "--data", data, code=2)
    (data / "pseudonym.key").chmod(0o644)
    assert "key" in sekisho("identify", "case-1", *ASK, "--as", "関守", "--data", data, code=2)
    whys = [one["details"]["why"] for one in log(data) if one["act"] == "refused"]
    assert whys == ["role", "role", "no-case", "basis", "key"]


def test_two_persons_at_one_keyboard_are_one(data: Path) -> None:
    (data / "watch.toml").write_text("four_eyes = true\n" + SETTINGS, encoding="utf-8")
    assert "second person" in sekisho("identify", "case-1", *ASK, "--as", "関守", "--data", data, code=2)
    number = json.loads(
        sekisho("identify", "case-1", *ASK, "--as", "関守", "--request", "--data", data, "--json")
    )["request"]
    words = ("identify", "case-1", *ASK, "--release", number, "--data", data)
    assert "the same user account" in sekisho(*words, "--as", "検問", code=2)
    assert "acc-1" not in json.dumps(log(data))


def test_cant_tell_ends_with_three(data: Path) -> None:
    (data / "new.csv").write_text("account,opted_out,birthday\nacc-1,yes,1980-01-01\n", encoding="utf-8")
    said = sekisho("contacts", data / "new.csv", "--data", data)
    assert "birthday" in said
    said = sekisho("identify", "case-1", *ASK, "--as", "関守", "--data", data, code=3)
    assert "opted out" in said
    assert "acc-1" not in said


def test_a_folder_without_cases(tmp_path: Path) -> None:
    (tmp_path / "watch.toml").write_text(SETTINGS, encoding="utf-8")
    assert "no database" in sekisho("identify", "case-1", *ASK, "--as", "関守", "--data", tmp_path, code=2)
