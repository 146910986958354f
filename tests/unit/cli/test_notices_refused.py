"""What the commands of notices refuse, and what they say when nothing can go."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fakes.command import typed
from fakes.installation import filled

NOTICES = """
[operator]
name = { ja = "見本通信株式会社", en = "Mihon Telecom" }
telephone = "0120-000-0000"
hours = { ja = "平日9時から18時", en = "weekdays 9:00 to 18:00" }
page = "https://www.isp.example/notices"
sender = "security@isp.example"
return_address = ["〒999-0000 見本県見本市1-2-3"]
"""
SENDER = ("--as", "関守")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    filled(tmp_path / "data")[0].store.close()
    (tmp_path / "data" / "notices.toml").write_text(NOTICES, encoding="utf-8")
    return tmp_path / "data"


def sekisho(data: Path, *words: object, code: int = 0, lang: str = "en") -> str:
    done = typed(("notices", *words, "--data", data), env={**os.environ, "SEKISHO_LANG": lang})
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def drafted(data: Path) -> str:
    return str(json.loads(sekisho(data, "draft", "case-1", *SENDER, "--json"))["notices"][0]["id"])


def test_one_notice_can_t_have_gone_out_and_not(data: Path) -> None:
    for flags in (("--sent", "--not-sent"), ()):
        assert "one of --sent and --not-sent" in sekisho(data, "settle", "X", *flags, *SENDER, code=2)


def test_a_text_that_is_not_utf_8_is_explained(data: Path, tmp_path: Path) -> None:
    one, file = drafted(data), tmp_path / "words.txt"
    file.write_bytes("お知らせ\n本文\n".encode("cp932"))
    said = json.loads(sekisho(data, "revise", one, file, *SENDER, "--json", code=2))
    assert said["exit"] == 2
    assert "not UTF-8 (line 1)" in said["error"]
    file.write_bytes(b"\xef\xbb\xbf" + "お知らせ\r\n本文\r\n".encode())
    revised = json.loads(sekisho(data, "revise", one, file, *SENDER, "--json"))
    assert (revised["subject"], revised["body"]) == ("お知らせ", "本文\n")


def test_a_file_that_is_not_made_is_said(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "letters.pdf"
    words = ("export", file, "--channel", "printing", *SENDER)
    assert "no file was made" in sekisho(data, *words, code=3)
    assert json.loads(sekisho(data, *words, "--json", code=3))["file"] == ""
    assert not file.exists()


def test_references_have_one_form(data: Path) -> None:
    said = sekisho(data, "draft", "case-1", "--channel", "letter", *SENDER).split()[0]
    assert said in sekisho(data, "list")
    assert said.count("-") == 3
    assert said.replace("-", "") not in sekisho(data, "show", said)


def test_who_has_no_role_is_told_how_to_get_one(data: Path) -> None:
    said = sekisho(data, "draft", "case-1", "--as", "stranger", code=2)
    assert "[people] in watch.toml" in said
    (data / "watch.toml").write_text('customers = ["203.0.113.0/24"]\n', encoding="utf-8")
    # While nobody is named, everybody is an analyst: drafts, and may not approve.
    one = drafted(data)
    said = sekisho(data, "approve", one, "--digest", "x", "--as", "anybody", code=2, lang="ja")
    assert "この役割（analyst）ではできない" in said
    assert "watch.toml の [people]" in said


def test_reasons_are_words(data: Path) -> None:
    (data / "notices.toml").write_text("colour = 1\n" + NOTICES, encoding="utf-8")
    assert "知らない項目「colour」" in sekisho(data, "list", code=2, lang="ja")
