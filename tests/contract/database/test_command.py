"""``sekisho audit``, typed as by its user, on both engines."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from contract.database.places import NOW
from contract.database.test_audit import forced
from fakes.command import typed
from sekisho.stores.database import Database, SqlAudit
from sekisho.stores.database.audit_expiry import Overdue, expire
from sekisho.wiring.warn import open_database


def sekisho(*words: str, cwd: Path, lang: str = "en") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SEKISHO_LANG": lang, "TZ": "UTC"}
    return typed(["audit", *words], cwd=cwd, env=environment)


@pytest.fixture
def place(tmp_path: Path, address: str) -> Path:
    """The data folder of a watch that keeps its cases at ``address``."""
    folder = tmp_path / "watch-data"
    folder.mkdir()
    settings = f'database = "{address}"\n' if address.startswith("postgresql:") else "lists = []\n"
    (folder / "watch.toml").write_text(settings)
    return tmp_path


@pytest.fixture
def kept(place: Path, address: str) -> Database:
    url = address if address.startswith("postgresql:") else ""
    return open_database(place / "watch-data", url)


def test_an_empty_log_is_not_called_good(place: Path, kept: Database) -> None:
    kept.close()
    done = sekisho("verify", cwd=place)
    assert (done.returncode, done.stdout) == (3, "there is no entry to check\n")
    assert json.loads(sekisho("verify", "--json", cwd=place).stdout)["exit"] == 3
    assert sekisho("list", cwd=place).returncode == 0
    # A head was noted, and now there is nothing: that is a loss.
    assert sekisho("verify", "--head", "ab" * 32, cwd=place).returncode == 1


def test_no_database_is_said_and_none_is_made(place: Path, address: str) -> None:
    if address.startswith("postgresql:"):
        (place / "watch-data" / "watch.toml").write_text('database = "mysql://x/y"\n')
    for words in (["verify"], ["list"]):
        done = sekisho(*words, cwd=place)
        assert done.returncode == 2, done.stdout
        assert "Traceback" not in done.stderr
        assert done.stderr
    assert not (place / "watch-data" / "cases.db").exists()


def test_list_and_verify(place: Path, kept: Database) -> None:
    log = SqlAudit(kept)
    log.append(
        "佐藤", "sender", "re-identify", "case-1", at=NOW, basis="consent", reason="通知", details={"n": 1}
    )
    log.append("suzuki", "admin", "export", "case-1", at=NOW + 1000)
    whole = sekisho("verify", "--json", cwd=place)
    said = json.loads(whole.stdout)
    head = log.entries()[-1].hash
    assert whole.returncode == 0
    assert said == {
        "entries": 2, "broken": None, "head": head, "note": f"2:{head}", "noted": None, "noted_deleted": False,
        "checkpoint": None, "fits": True, "lost": None, "whole": True, "exit": 0,
    }  # fmt: skip
    assert "改変なし（2 件）" in sekisho("verify", cwd=place, lang="ja").stdout
    assert sekisho("verify", "--head", head, cwd=place).returncode == 0
    cut = sekisho("verify", "--head", "0" * 63 + "1", cwd=place)
    assert cut.returncode == 1
    assert "cut off or rewritten" in cut.stdout
    lines = sekisho("list", cwd=place).stdout.splitlines()
    assert lines[0].split() == [
        "1",
        "2026-11-18",
        "11:06:40",
        "UTC",
        "佐藤",
        "(sender)",
        "re-identify",
        "case-1",
    ]
    assert [line.strip() for line in lines[1:4]] == ["ground: consent", "reason: 通知", "details: n=1"]
    assert lines[4].split()[4:] == ["suzuki", "(admin)", "export", "case-1"]
    for words, wanted in (
        (["--after", "1"], [2]), (["--limit", "1"], [1]), (["--act", "export"], [2]), (["--who", "佐藤"], [1]),
        (["--object", "case-1"], [1, 2]), (["--act", "export", "--who", "佐藤"], []),
    ):  # fmt: skip
        found = json.loads(sekisho("list", "--json", *words, cwd=place).stdout)["entries"]
        assert [one["seq"] for one in found] == wanted, words
    forced(kept, "UPDATE audit SET who = 'tanaka' WHERE seq = 1")
    kept.close()
    broken = sekisho("verify", cwd=place)
    assert broken.returncode == 1
    assert "broken at entry 1 (of 2)" in broken.stdout


def test_what_was_deleted_at_its_time_is_told(place: Path, kept: Database) -> None:
    log = SqlAudit(kept)
    old = [log.append("佐藤", "sender", "export", "case-1", at=NOW + n) for n in range(4)]
    (made,) = expire(kept, Overdue(NOW + 2, NOW + 9, "audit, 5 d", "関守", "admin"))
    done = sekisho("verify", cwd=place)
    assert done.returncode == 0
    assert "entries 1 to 3 were deleted at their time" in done.stdout
    assert "rule: audit, 5 d" in done.stdout
    note = log.verify().note
    assert note in done.stdout
    assert "1～3 番の記録は、期限により" in sekisho("verify", cwd=place, lang="ja").stdout
    assert json.loads(sekisho("verify", "--json", cwd=place).stdout)["checkpoint"]["seal"] == made.seal
    for head, code, words in (
        (note, 0, "unaltered (2"), (f"3:{old[2].hash}", 0, "and fits"), (f"1:{old[0].hash}", 3, "can't be checked"),
        (old[0].hash, 1, "number:hash"), (f"9:{old[0].hash}", 1, "cut off"),
    ):  # fmt: skip
        asked = sekisho("verify", "--head", head, cwd=place)
        assert (asked.returncode, words in asked.stdout) == (code, True), asked.stdout
    kept.close()
