"""``sekisho contain`` as its user types it, on a data folder with a case."""

from __future__ import annotations

import getpass
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from fakes.command import typed
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.detection import Grade
from sekisho.stores.database import SqlAudit, SqlCases, open_sqlite

SETTINGS = """
customers = ["198.51.100.0/24"]
[people]
"関守" = "sender"
"解析" = "analyst"
[containment]
ground = "正当業務行為"
"""


def sekisho(*words: object, code: int | None = 0, language: str = "en") -> str:
    done = typed(words, env={**os.environ, "SEKISHO_LANG": language})
    assert code is None or done.returncode == code, (
        done.returncode,
        done.stdout[-1500:],
        done.stderr[-1500:],
    )
    return done.stdout + done.stderr


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "watch.toml").write_text(SETTINGS, encoding="utf-8")
    now = int(time.time() * 1000)
    database = open_sqlite(folder / "cases.db")
    case = Case(
        "case-1",
        7,
        "family:mirai",
        CaseState.CONFIRMED,
        Grade.CONFIRMED,
        now,
        now,
        now,
        now,
        device_model="Huawei HG532e",
    )
    adds = [{"id": "d1", "method": "known_cc", "remotes": ["203.0.113.7:4444/tcp"], "begin": now, "end": now}]
    SqlCases(database).save(case, [CaseEvent("case-1", 1, now, "watch", "opened", {"adds": adds})])
    database.close()
    return folder


def said(*words: object, code: int = 0) -> dict[str, Any]:
    return dict(json.loads(sekisho("contain", *words, "--json", code=code)))


def test_from_proposal_to_undo(data: Path, tmp_path: Path) -> None:
    here = ("--data", data)
    folder = tmp_path / "rules"
    found = said(
        "propose",
        "case-1",
        "--kind",
        "nftables",
        "--hours",
        2,
        "--reason",
        "C&C",
        "--as",
        "解析",
        "--write",
        folder,
        *here,
    )
    rule = found["proposal"]["id"]
    assert found["proposal"]["radius"] | {"begin": 0, "end": 0} == {
        "begin": 0, "end": 0, "measured": False, "note": "no-flows", "lines": 0, "flows": 0, "octets": 0, "own_flows": 0,
        "watched": 0, "sampling": 0,
    }  # fmt: skip
    assert [Path(one).name for one in found["files"]] == [f"{rule}.nft", f"{rule}.undo.nft"]
    assert "elements = { 203.0.113.7/32 timeout 7" in (folder / f"{rule}.nft").read_text()
    assert (folder / f"{rule}.nft").stat().st_mode & 0o077 == 0
    assert "role" in sekisho(
        "contain", "applied", "case-1", rule, "--as", "解析", "--reason", "x", *here, code=2
    )
    assert (
        said("applied", "case-1", rule, "--as", "関守", "--reason", "on r1", *here)["rule"]["status"]
        == "applied"
    )
    assert [one["status"] for one in said("list", *here)["rules"]] == ["applied"]
    assert (
        said("undo", "case-1", rule, "--as", "関守", "--reason", "healed", *here)["rule"]["status"]
        == "undone"
    )
    database = open_sqlite(data / "cases.db")
    audit = SqlAudit(database)
    assert [one.act for one in audit.entries()] == [
        "propose-rule",
        "write-rule",
        "refused",
        "apply-rule",
        "undo-rule",
    ]
    assert {one.details["via"] for one in audit.entries()} == {getpass.getuser()}
    assert audit.verify().whole
    database.close()


def test_people_read_it_in_both_languages(data: Path) -> None:
    words = (
        "contain",
        "propose",
        "case-1",
        "--kind",
        "suricata",
        "--hours",
        2,
        "--reason",
        "x",
        "--as",
        "解析",
        "--data",
        data,
    )
    assert "nothing was applied" in sekisho(*words)
    japanese = sekisho(*words, language="ja")
    assert "何も適用していない" in japanese
    assert "影響がないという意味ではない" in japanese
    assert "仮想パッチは既知の経路だけを塞ぐ" in japanese


def test_the_model_leads_to_its_hole(data: Path) -> None:
    here = ("--reason", "x", "--as", "解析", "--hours", 2, "--data", data)
    assert (
        said("propose", "case-1", "--kind", "modsecurity", *here)["proposal"]["match"]["hole"]["id"]
        == "hg532-37215"
    )
    found = said("propose", "case-1", "--kind", "nftables", "--hole", "netis-53413", *here)["proposal"]
    assert found["match"]["scope"] == "customers"
    text = said("text", "case-1", found["id"], "--as", "解析", "--data", data)["texts"][0]["apply"]
    assert "198.51.100.0/24" in text
    assert "udp dport 53413" in text
    assert "--hole" in sekisho(
        "contain", "propose", "case-1", "--kind", "suricata", "--hole", "none", *here, code=2
    )


def test_what_is_refused_says_why(data: Path) -> None:
    here = ("--reason", "x", "--as", "解析", "--hours", 2, "--data", data)
    assert "popular" not in sekisho("contain", "propose", "case-1", "--kind", "rtbh", *here)
    assert "very many lines use" in sekisho(
        "contain", "propose", "case-1", "--kind", "rtbh", "--remote", "8.8.8.8", *here, code=2
    )
    assert "opt_out" in sekisho(
        "contain", "propose", "case-1", "--kind", "dns-rpz", "--name", "cc.example.com", *here, code=2
    )
    assert "garden" in sekisho("contain", "propose", "case-1", "--kind", "radius-coa", *here, code=2)
    assert "role" in sekisho(
        "contain",
        "propose",
        "case-1",
        "--kind",
        "rtbh",
        "--reason",
        "x",
        "--hours",
        2,
        "--as",
        "x",
        "--data",
        data,
        code=2,
    )
    assert sekisho("contain", "propose", "case-1", "--kind", "rtbh", "--data", data, code=2)  # no --hours


def test_a_line_s_text_without_a_ground_is_refused(data: Path) -> None:
    here = ("--as", "関守", "--reason", "x", "--data", data)
    found = said("propose", "case-1", "--kind", "nftables", "--scope", "line", "--hours", 2, *here)[
        "proposal"
    ]["id"]
    assert "re-identified" in sekisho("contain", "text", "case-1", found, *here, code=2)
    # With a ground it goes through re-identification, which finds no table of contacts here.
    sekisho("contain", "text", "case-1", found, "--basis", "consent-by-terms", *here, code=2)
    database = open_sqlite(data / "cases.db")
    assert [one.act for one in SqlAudit(database).entries()][-1] == "refused"
    database.close()
