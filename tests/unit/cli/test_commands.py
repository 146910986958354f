"""The command line at its doors: exit codes, both languages, and nothing sent before it may be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sekisho.stores.evidence_folder import EvidenceFolder


def sekisho(*words: str, cwd: Path, lang: str = "en") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SEKISHO_LANG": lang}
    return subprocess.run(
        [sys.executable, "-m", "sekisho", *words],
        cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["assess", "127.0.0.9"], "nothing is sent without an authorisation"),
        (["assess", "router.local"], "neither an IP address nor a file"),
        (["assess", "127.0.0.9", "--only", "nope", "--dry-run"], "there is nothing of that name"),
        (["assess", "127.0.0.9", "--format", "nope", "--dry-run"], "there is nothing of that name"),
        (["assess", "127.0.0.9", "-c", "nope", "--dry-run"], "there is nothing of that name"),
        (["assess", "127.0.0.9", "--answers", "gone.toml", "--dry-run"], "can't be read"),
        (["authorise", "8.8.8.8", "--by", "x", "--yes"], "a public address"),
        (["authorise", "127.0.0.9", "--by", " ", "--yes"], "is empty"),
        (["authorise", "127.0.0.9", "--by", "x", "--yes", "-o", "no/where.toml"], "can't read or write"),
        (["authorise", "127.0.0.9"], "no terminal to answer on"),
        (["rejudge", "."], "not an assessment folder"),
    ],
)
def test_refusals_explain_themselves_and_end_with_2(tmp_path: Path, words: list[str], says: str) -> None:
    done = sekisho(*words, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    shown = sekisho(*words, "--json", cwd=tmp_path)
    assert json.loads(shown.stdout)["exit"] == 2


def test_both_languages_speak(tmp_path: Path) -> None:
    assert "許可の記録がない" in sekisho("assess", "127.0.0.9", cwd=tmp_path, lang="ja").stderr
    assert "端末を評価する" in sekisho("--help", cwd=tmp_path, lang="ja").stdout
    assert "assess a terminal" in sekisho("--help", cwd=tmp_path).stdout


def test_an_authorisation_is_not_painted_over(tmp_path: Path) -> None:
    words = ("authorise", "127.0.0.9", "--by", "x", "--yes")
    assert sekisho(*words, cwd=tmp_path).returncode == 0
    assert sekisho(*words, cwd=tmp_path).returncode == 2
    assert sekisho(*words, "--force", cwd=tmp_path).returncode == 0


def test_dry_run_sends_nothing_and_prints_the_plan(tmp_path: Path) -> None:
    done = sekisho("assess", "127.0.0.9", "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0
    plan = json.loads(done.stdout)
    assert plan["targets"] == ["lan (lan) 127.0.0.9"]
    assert all(not probe["runs"] for probe in plan["probes"])
    assert not list(tmp_path.iterdir())


def test_altered_evidence_is_not_judged(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path / "a", lambda: "2026-11-21T00:00:00+00:00", create=True)
    store.append("opened", {"id": "a"})
    store.append("opened", {"id": "b"})
    store.close()
    chain = tmp_path / "a" / "chain.jsonl"
    chain.write_bytes(chain.read_bytes().replace(b'"id":"a"', b'"id":"c"'))
    assert sekisho("verify", "a", cwd=tmp_path).returncode == 1
    for command in ("rejudge", "report"):
        done = sekisho(command, "a", cwd=tmp_path)
        assert done.returncode == 2
        assert "altered" in done.stderr
