"""sekisho assignments, as typed: logs in once, faults told by line, and no name without re-identification."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from fakes.command import typed
from sekisho.wiring.warn import assignments

LOG = "network,account,begin,end\n192.0.2.1,line-1,1700000000,1700003600\n192.0.2.2,line-2,0,1700003600\n192.0.2.3,li"


def sekisho(*words: str | Path) -> tuple[int, Any]:
    done = typed([*words, "--json", "--lang", "en"])
    return done.returncode, json.loads(done.stdout)


def test_logs_go_in_once_and_faults_are_told(tmp_path: Path) -> None:
    log, data = tmp_path / "export.csv", tmp_path / "data"
    log.write_text(LOG)
    code, said = sekisho("assignments", "add", log, "--data", data)
    assert code == 0
    assert (said[0]["outcome"], said[0]["reader"], said[0]["rows"]) == ("taken", "csv_assignments", 1)
    assert said[0]["counted"]["rejected"] == {"impossible-time": 1}
    assert said[0]["counted"]["examples"] == {"impossible-time": ["line 3"]}
    assert said[0]["counted"]["notes"] == {"half-line-left-for-next-run": 1}
    code, said = sekisho("assignments", "add", log, "--data", data)
    assert (code, said[0]["outcome"]) == (0, "again")
    log.write_text(LOG + "ne-3,1700000000,\n")
    code, said = sekisho("assignments", "add", log, "--data", data)
    assert (code, said[0]["outcome"], said[0]["rows"]) == (0, "taken", 2)
    assert "line-1" not in (data / "assignments" / "taken.jsonl").read_text()


def test_a_file_that_nobody_knows_and_a_wrong_option_fail_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad, good, data = tmp_path / "x.bin", tmp_path / "good.csv", tmp_path / "data"
    bad.write_bytes(b"\0\1\2")
    good.write_text(LOG)
    code, said = sekisho("assignments", "add", bad, good, "--data", data)
    assert code == 3
    assert [one["outcome"] for one in said] == ["failed", "taken"]
    code, said = sekisho("assignments", "add", good, "--data", data, "--set", "nothing=1")
    assert code == 3
    assert "nothing" in said[0]["fault"]


def test_no_command_leads_from_an_address_to_a_name(tmp_path: Path) -> None:
    code, said = sekisho("assignments", "who", "192.0.2.1", "--data", tmp_path)
    assert code == 2
    assert "who" in said["error"]
    done = typed(("assignments", "--help"), env={**os.environ, "SEKISHO_LANG": "en"})
    assert "sekisho identify" in done.stdout


def test_reasons_of_rejects_are_words(tmp_path: Path) -> None:
    log = tmp_path / "export.csv"
    log.write_text("account,network,begin,end\na,192.0.2.1,2023-11-14 22:00,\n")
    for lang, says in (("ja", "時刻の時間帯が分からない × 1"), ("en", "time zone unknown × 1")):
        words = ("assignments", "add", log, "--data", tmp_path / "data")
        done = typed(words, env={**os.environ, "SEKISHO_LANG": lang})
        assert done.returncode == 3
        assert says in done.stdout


def test_own_values_of_skew_and_wrong_ones(tmp_path: Path) -> None:
    log, data = tmp_path / "export.csv", tmp_path / "data"
    log.write_text(LOG)
    data.mkdir()
    settings = data / "watch.toml"
    settings.write_text("[assignments]\nskew = 5\nlongest_open = 3600\n")
    assert sekisho("assignments", "add", log, "--data", data)[0] == 0
    assert assignments(data).settings.skew == 5_000
    for wrong in ("skew = -1", "skew = 1e12", "skill = 1", 'skew = "a"', "skew = nan"):
        settings.write_text(f"[assignments]\n{wrong}\n")
        code, said = sekisho("assignments", "add", log, "--data", data)
        assert code == 2
        assert "watch.toml" in said["error"]


def test_a_log_without_a_good_line_is_rejected_each_time(tmp_path: Path) -> None:
    log, data = tmp_path / "export.csv", tmp_path / "data"
    log.write_text(
        "network,account,begin,end\n192.0.2.2,line-2,0,1700003600\nnowhere,line-3,1700000000,1700003600\n"
    )
    for _ in range(2):
        code, said = sekisho("assignments", "add", log, "--data", data)
        assert (code, said[0]["outcome"], said[0]["rows"]) == (3, "rejected", 0)
    empty = tmp_path / "empty.csv"
    empty.write_text("network,account,begin,end\n")
    code, said = sekisho("assignments", "add", empty, "--data", data)
    assert (code, said[0]["outcome"]) == (0, "empty")


def test_a_log_is_taken_again_when_the_store_was_lost(tmp_path: Path) -> None:
    log, data = tmp_path / "export.csv", tmp_path / "data"
    log.write_text(LOG)
    sekisho("assignments", "add", log, "--data", data)
    shutil.rmtree(data / "assignments")
    code, said = sekisho("assignments", "add", log, "--data", data)
    assert (code, said[0]["outcome"], said[0]["rows"]) == (0, "taken", 1)


def test_a_log_is_taken_again_when_its_time_was_over(tmp_path: Path) -> None:
    log, data = tmp_path / "export.csv", tmp_path / "data"
    log.write_text(LOG)
    sekisho("assignments", "add", log, "--data", data)
    (memory,) = (data / "assignments").glob("taken.jsonl")
    row = json.loads(memory.read_text())
    memory.write_text(json.dumps(row | {"expires": 1_600_000_000_000}) + "\n")
    assert sekisho("assignments", "add", log, "--data", data)[1][0]["outcome"] == "taken"
