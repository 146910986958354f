"""Identifying as its user types it: what is needed, two persons, and what the log says afterwards."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.command import typed
from fakes.installation import SETTINGS, filled
from sekisho.model.case import CaseEvent
from sekisho.stores.database import SqlCases
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.warn import open_database

DAY = 86_400_000
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


def test_a_ground_that_is_not_the_data_s_own_is_refused(data: Path) -> None:
    for basis in ("not-communication", "consent"):
        words = ("identify", "case-1", "--basis", basis, "--reason", "x", "--as", "関守", "--data", data)
        assert "another legal ground" in sekisho(*words, code=2)


def test_the_log_s_own_words_are_said_in_the_language_of_the_run(data: Path) -> None:
    for reason in ("承認済みのお知らせを届けるため", "to deliver an approved notice", "自分の言葉"):
        words = ("--basis", "legitimate-business", "--reason", reason, "--as", "関守", "--data", data)
        sekisho("identify", "case-1", *words)
    english = sekisho("audit", "list", "--data", data, "--act", "re-identify")
    assert english.count("to deliver an approved notice") == 2
    assert "自分の言葉" in english
    japanese = sekisho("audit", "list", "--data", data, "--act", "re-identify", lang="ja")
    assert japanese.count("承認済みのお知らせを届けるため") == 2


def test_an_empty_head_is_no_head(data: Path) -> None:
    assert "--head is empty" in sekisho("audit", "verify", "--head", "", "--data", data, code=2)
    assert "--head is empty" in sekisho("audit", "verify", "--head", " ", "--data", data, code=2)


def test_how_much_was_asked_is_said(data: Path) -> None:
    said = sekisho("identify", "case-1", *ASK, "--as", "関守", "--data", data)
    assert "assignments asked for at 2 moments" in said


def test_what_is_past_its_time_is_shown_to_nobody(data: Path) -> None:
    now = milliseconds()
    with closing(open_database(data)) as database:
        held = SqlCases(database).case("case-1")
        assert held
        old = msgspec.structs.replace(held, updated=now - 400 * DAY, opened=now - 400 * DAY)
        SqlCases(database).save(old, [])
    assert "case-1" not in sekisho("cases", "list", "--data", data)
    assert "no such case" in sekisho("cases", "show", "case-1", "--data", data, code=2)
    assert "n-1" not in sekisho("notices", "list", "--data", data)
    assert "no such notice" in sekisho("notices", "show", "n-1", "--data", data, code=2)
    assert "past the time" in sekisho("identify", "case-1", *ASK, "--as", "関守", "--data", data, code=2)
    said = sekisho("expire", "--dry-run", "--data", data, lang="ja")
    assert "事案" in said
    assert "期限" in said
    # Folding opens a new one: what is over is not taken up again.
    assert "1 cases opened" in sekisho("cases", "fold", "--all", "--data", data)
    assert "case-1" not in sekisho("cases", "list", "--data", data)


def test_states_and_methods_are_words(data: Path) -> None:
    with closing(open_database(data)) as database:
        body = {"from": "new", "to": "confirmed"}
        held = SqlCases(database).case("case-1")
        assert held
        new = {"id": "case-2", "revision": 0, "family": "", "key": "method:brute_force"}
        made = msgspec.structs.replace(held, methods=("brute_force",), **new)
        SqlCases(database).save(made, [CaseEvent("case-2", 0, 1, "関守", "state", body)])
    said = sekisho("cases", "show", "case-2", "--data", data, lang="ja")
    assert "新規 → 確認済" in said
    assert "総当たり（ログイン試行）" in said
    assert "総当たり（ログイン試行）" in sekisho("cases", "list", "--data", data, lang="ja")


def test_a_table_in_an_unknown_encoding_is_explained(data: Path, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(b"account,name\na,\x81 \n")
    said = sekisho("contacts", tmp_path / "c.csv", "--data", data, code=2, lang="ja")
    assert "cp932（シフトJIS）でもない" in said
    assert "codec" not in said


def test_a_file_without_a_contact_does_not_delete_the_table(data: Path) -> None:
    (data / "new.csv").write_text("account,name\n1,A\n", encoding="utf-8")
    sekisho("contacts", data / "new.csv", "--data", data)
    (data / "none.csv").write_text("account,name\n", encoding="utf-8")
    said = sekisho("contacts", data / "none.csv", "--data", data, code=2)
    assert "--empty" in said
    told = json.loads(sekisho("contacts", data / "none.csv", "--data", data, "--empty", "--json"))
    assert told["rows"] == 0
    entry = [one for one in log(data) if one["act"] == "replace"][-1]
    assert (entry["object"], entry["details"]["rows"], entry["details"]["before"]) == ("contacts", 0, 1)


def test_a_new_table_of_contacts_is_in_the_audit_log_and_doubts_name_their_lines(data: Path) -> None:
    rows = "account,email,opted_out\nacc-1,no address,maybe\n\nacc-1,,yes\n,,\n"
    (data / "new.csv").write_text(rows, encoding="utf-8")
    said = sekisho("contacts", data / "new.csv", "--data", data)
    assert "not an e-mail address (left empty) × 1  (line 2)" in said
    assert "an account more than once (if they differ, no contact) × 1  (line 4)" in said
    told = json.loads(sekisho("contacts", data / "new.csv", "--data", data, "--json"))
    assert told["lines"] == {"email": [2], "flag": [2], "repeated": [4]}
    entry = [one for one in log(data) if one["act"] == "replace"][-1]
    assert (entry["object"], entry["details"]["rows"]) == ("contacts", 2)
    assert "acc-1" not in json.dumps(log(data))
