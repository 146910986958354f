"""``sekisho hub``: what its operator types; every refusal says why, in both languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.command import typed
from fakes.sharing import evidence, indicator, opened_ring

PROOFS = ("--proof", "conditions=技術的条件@2026-01-01", "--proof", "terms=約款@2026-01-01")


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    folder = tmp_path / "hub"
    said(folder, "init", "--title", "ハブ", "--allow-documentation")
    said(folder, "member", "add", "alpha", "--ja", "甲", "--en", "Alpha", "--role", "full", *PROOFS)
    said(
        folder,
        "member",
        "add",
        "kita",
        "--ja",
        "北",
        "--en",
        "Kita",
        "--contact",
        "abuse=佐藤<abuse@example.jp>",
    )
    return folder


def said(folder: Path, *words: object, code: int = 0) -> Any:
    done = typed(["hub", *words, "--hub", folder, "--json"])
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def shown(folder: Path, *words: object) -> str:
    """What people see, in each language."""
    both = [typed(["--lang", lang, "hub", *words, "--hub", folder]) for lang in ("ja", "en")]
    assert [one.returncode for one in both] == [0, 0], both
    return both[0].stdout + both[1].stdout


def test_members_rights_networks_tokens(hub: Path) -> None:
    assert "北" in shown(hub, "member", "list")
    said(hub, "network", "kita", "203.0.113.0/24", "--since", "2026-01-01")
    assert said(hub, "network", "alpha", "203.0.113.0/25", code=2)["exit"] == 2
    assert said(hub, "right", "kita", "list-in", "--write")["right"]["write"] is True
    assert "exit" in said(hub, "right", "kita", "list", "--write", code=2)
    token = said(hub, "token", "make", "kita", "--label", "監視")["token"]
    assert token.startswith("skh_")
    listed = shown(hub, "token", "list", "kita")
    assert "監視" in listed
    assert token not in listed
    (held,) = said(hub, "token", "list", "kita")["tokens"]
    new = said(hub, "token", "rotate", held["id"][:12], "--overlap", "0")["token"]
    assert new != token
    assert len(said(hub, "token", "list", "kita")["tokens"]) == 1
    assert said(hub, "token", "revoke", new)["revoked"] is True
    said(hub, "token", "revoke", new, code=2)
    said(hub, "member", "state", "kita", "suspended", "--reason", "試験")
    assert said(hub, "status")["members"] == {"active": 1, "suspended": 1, "left": 0}


NONSENSE = [
        ("member", "add", "beta", "--ja", "乙", "--en", "B", "--role", "full"), ("member", "add", "kita", "--ja", "北", "--en", "K"),
        ("member", "add", "Bad Name", "--ja", "乙", "--en", "B"), ("member", "add", "hub", "--ja", "乙", "--en", "B"),
        ("member", "add", "x", "--ja", "乙", "--en", "B", "--proof", "terms"), ("token", "make", "nobody"), ("init",),
        ("right", "kita", "nowhere", "--read"), ("network", "kita", "300.0.0.0/8"),
        *(("network", "kita", net) for net in ("0.0.0.0/0", "224.0.0.0/4", "10.0.0.0/8", "100.64.0.0/10", "::/0", "fe80::/64")),
         ("verify", "nothing", "true", "--reason", "x"),
        ("decide", "nothing", "upheld", "--reason", "x"), ("token", "rotate", "nothing"),
    ]  # fmt: skip


def test_what_makes_no_sense_is_refused_in_words(hub: Path) -> None:
    for words in NONSENSE:
        assert said(hub, *words, code=2)["error"], words


def test_no_hub_here(tmp_path: Path) -> None:
    assert "hub" in said(tmp_path / "none", "status", code=2)["error"]


def test_indicators_disputes_and_the_ledger(hub: Path) -> None:
    with opened_ring(hub) as ring:
        ring.join("x", "full", "198.51.100.200/32").join("y", "receive-only", "203.0.113.0/24")
        ring.post("x", "list-in", indicator(seen="handshake"))
        ring.post("x", "evidence-in", evidence())
    assert "198.51.100.7" in shown(hub, "indicators", "--state", "candidate")
    (one,) = said(hub, "indicators")["indicators"]
    assert one["ja"]
    assert one["en"]
    said(hub, "indicators", "--state", "held")
    assert said(hub, "verify", one["standing"]["id"], "true", "--reason", "確認")["standing"]["state"] in {
        "confirmed",
        "dormant",
    }
    assert (
        said(hub, "verify", one["standing"]["id"], "false", "--reason", "誤り")["standing"]["state"]
        == "retired"
    )
    (dispute,) = said(hub, "disputes")["disputes"]
    assert dispute["upheld"] == 1
    assert "誤り" in shown(hub, "disputes")
    assert "y" in shown(hub, "ledger")
    assert len(said(hub, "ledger", "--carrier", "y")["ledger"]) == 1
    assert (
        said(hub, "collection", "extra", "--title", "Extra", "--unmarked", "GREEN")["collection"]["alias"]
        == "extra"
    )
    assert "extra" in shown(hub, "status")
