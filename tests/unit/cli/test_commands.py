"""The command line at its doors: exit codes, both languages, and nothing sent before it may be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes.command import typed
from sekisho.cli.running import _record
from sekisho.stores.evidence_folder import EvidenceFolder
from sekisho.wiring import moment


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


@pytest.mark.parametrize(
    "words", [("plugins",), ("plugins", "--json"), ("catalogues", "--help"), ("--help",)]
)
@pytest.mark.parametrize(("closed", "code"), [(False, 2), (True, 141)])
def test_an_answer_that_nobody_gets_has_an_exit_code_of_its_own(
    tmp_path: Path, words: tuple[str, ...], closed: bool, code: int
) -> None:
    """1 would say that something was found or failed, 0 that nothing was."""
    if closed:
        end, out = os.pipe()
        os.close(end)
    else:
        out = os.open("/dev/full", os.O_WRONLY)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "sekisho", *words, "--lang", "en"],
            cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(out)
    assert done.returncode == code
    assert ("No space left on device" in done.stderr) is not closed
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("plugins",), ("plugins", "--json")])
def test_a_fault_of_our_own_is_no_answer(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Python would end with 1: something was found."""
    program = (
        f"import sys; sys.argv = ['sekisho', *{words!r}, '--lang', 'en']; "
        "from sekisho import cli; from sekisho.cli import plugins; "
        "plugins.command.callback = lambda **_: 1 // 0; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 70
    assert "ZeroDivisionError" in done.stderr  # what a report of the fault needs
    assert "there is no result" in done.stdout + done.stderr
    if "--json" in words:
        assert json.loads(done.stdout)["exit"] == 70


def test_both_languages_speak(tmp_path: Path) -> None:
    assert "許可の記録がない" in sekisho("assess", "127.0.0.9", cwd=tmp_path, lang="ja").stderr
    assert "端末を評価する" in sekisho("--help", cwd=tmp_path, lang="ja").stdout
    assert "assess a terminal" in sekisho("--help", cwd=tmp_path).stdout


def test_an_authorisation_is_not_painted_over(tmp_path: Path) -> None:
    words = ("authorise", "127.0.0.9", "--by", "x", "--yes")
    assert sekisho(*words, cwd=tmp_path).returncode == 0
    assert sekisho(*words, cwd=tmp_path).returncode == 2
    assert sekisho(*words, "--force", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "risks"),
    [
        ((), {"read", "login", "write", "lockout"}),
        (("--also", "update"), {"read", "login", "write", "lockout", "update"}),
        (("--risk", "write"), {"read", "write"}),
        (("--risk", "write", "--also", "power"), {"read", "write", "power"}),
    ],
)
def test_what_is_allowed_is_what_is_named(tmp_path: Path, words: tuple[str, ...], risks: set[str]) -> None:
    made = typed(("authorise", "127.0.0.9", "--by", "Sato", "--yes", "--json", *words), cwd=tmp_path)
    assert set(json.loads(made.stdout)["risks"]) == risks


def test_who_consents_sees_what_it_is_about(tmp_path: Path) -> None:
    words = ("authorise", "127.0.0.9", "--by", "Sato", "--organisation", "ISP", "--also", "power")
    asked = typed((*words, "--lang", "en"), cwd=tmp_path)
    assert asked.returncode != 0
    for shown in ("127.0.0.9", "ISP Sato", "power: cut its power", "update  factory", " to 2"):
        assert shown in asked.stderr
    assert not (tmp_path / "authorisation.toml").exists()


def test_dry_run_sends_nothing_and_prints_the_plan(tmp_path: Path) -> None:
    done = sekisho("assess", "127.0.0.9", "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0
    plan = json.loads(done.stdout)
    assert plan["targets"] == ["lan (lan) 127.0.0.9"]
    assert all(not probe["runs"] for probe in plan["probes"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"valid_from": "2020-01-01", "valid_until": "2020-02-01"}, "Outside the authorised dates"),
        ({"valid_from": "2999-01-01", "valid_until": "2999-02-01"}, "Outside the authorised dates"),
        ({"addresses": '["127.0.0.8"]'}, "Outside the authorised addresses"),
    ],
)
def test_a_dry_run_is_refused_for_what_the_run_would_be(
    tmp_path: Path, change: dict[str, str], says: str
) -> None:
    assert typed(("authorise", "127.0.0.9", "--by", "x", "--yes"), cwd=tmp_path).returncode == 0
    file = tmp_path / "authorisation.toml"
    words = ("assess", "127.0.0.9", "-a", str(file), "--dry-run", "--lang", "en")
    assert typed(words, cwd=tmp_path).returncode == 0
    lines = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.partition(" ")[0] not in change]
    file.write_text("\n".join([*kept, *(f"{key} = {value}" for key, value in change.items())]))
    done = typed(words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "runs" not in done.stdout


def test_the_record_is_of_the_day_in_japan_and_of_who_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """15:30 UTC is the next day in Japan; who allows a test is not the person responsible for it."""
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(moment, "now", lambda: datetime(2026, 11, 21, 15, 30, tzinfo=UTC))
    assert (_record({}).date, _record({}).person) == ("2026-11-22", "")
    assert _record({"tester": "Suzuki"}).person == "Suzuki"


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
