"""``sekisho accident learning|measure|lesson`` as their user types them, the lesson with a hub that is served."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fakes.sharing import Ring, opened_ring
from sekisho.cli.accident import command
from sekisho.errors import AuthorisationError, DescriptionError
from sekisho.model.accident_record import Told
from sekisho.model.case_life import Actor
from sekisho.model.compliance import Operator
from sekisho.model.incident import Service
from sekisho.model.timeline import About, Details, Fact, What
from sekisho.wiring.console import Console
from sekisho.wiring.moment import milliseconds

SAID = ("--happened", "予備に切り替わらなかった", "--learned", "切替まで試験する")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    begin = datetime.now(UTC) - timedelta(days=100)
    with Console(folder, create=True) as console:
        for days in (0, 50):
            start = begin + timedelta(days=days)
            facts = (
                Fact(start, What.DOWN, "1", Service.VOICE, "埼玉県", 8_200, 8_200, "監視"),
                Fact(start + timedelta(hours=1), What.RESTORED, "2", Service.VOICE, "埼玉県", source="監視"),
            )
            said = Details(operator="見本通信株式会社", cause_class="電源")
            console.accidents.open(
                Told(About(title=f"故障{days}", report=said), facts), Actor("佐藤", "analyst")
            )
    (folder / "watch.toml").write_text(
        'customers = ["198.18.0.0/15"]\nbasis = "not-communication"\n[people]\n"佐藤" = "analyst"\n"鈴木" = "sender"\n',
        encoding="utf-8",
    )
    return folder


def run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(command, list(map(str, words)), standalone_mode=False)
    assert done.exception is None, done.exception
    assert (done.return_value or 0) == code, done.output
    return done.output


def refused(*words: object) -> Exception:
    done = CliRunner().invoke(command, list(map(str, words)), standalone_mode=False)
    assert isinstance(done.exception, Exception)
    return done.exception


def accidents(data: Path) -> list[str]:
    """Return the ids, the oldest first."""
    with Console(data) as console:
        return [one.id for one in reversed(console.accidents.find())]


def test_measures_are_recorded_and_what_came_again_is_told(data: Path) -> None:
    first, _ = accidents(data)
    by = ("--data", data, "--as", "佐藤")
    made = json.loads(
        run(
            "measure", "add", first, "--text", "試験", "--owner", "鈴木", "--due", "2026-01-01", *by, "--json"
        )
    )
    said = run("learning", "--data", data, code=1)
    assert "再発した" in said
    assert "遅れ" in said
    day = (datetime.now(UTC) - timedelta(days=90)).date().isoformat()
    assert "済み" in run("measure", "done", made["id"], "--on", day, "--proof", "記録", *by)
    found = json.loads(run("learning", "--data", data, "--json", code=1))["accidents"]
    assert [one["unheld"] for one in found] == [False, True]
    assert isinstance(refused("measure", "done", "Mx", "--proof", "y", *by), DescriptionError)
    stranger = ("--data", data, "--as", "誰か")
    assert isinstance(refused("measure", "done", made["id"], "--proof", "y", *stranger), AuthorisationError)


def test_a_lesson_goes_to_the_failure_lane_by_a_named_sender_exactly_as_shown(
    data: Path, tmp_path: Path
) -> None:
    first, _ = accidents(data)
    token = tmp_path / "token"
    with (
        opened_ring(tmp_path / "hub") as ring,
        ring.join("alpha").join("kita", "receive-only").served() as url,
    ):
        ring.clock[0] = milliseconds()
        token.write_text(ring.tokens["alpha"] + "\n")
        token.chmod(0o600)
        to = ("--send", "--hub", url, "--token-file", token, "--data", data)
        shown = json.loads(
            run("lesson", first, *SAID, "--tlp", "amber", "--data", data, "--as", "佐藤", "--json")
        )
        assert lane(ring) == []  # showing sends nothing
        assert isinstance(refused("lesson", first, *to, "--as", "佐藤"), AuthorisationError)
        assert lane(ring) == []
        told = json.loads(run("lesson", first, *to, "--as", "鈴木", "--json"))
        assert told["sent"]["taken"] == 2
        got = {one["type"]: one for one in lane(ring)}
        for one in shown["objects"]:
            same = got[one["type"]]
            assert {name: same[name] for name in one} == one
        text = json.dumps([got["incident"], got["note"]], ensure_ascii=False)
        for name in ("見本", "埼玉", "佐藤", "鈴木", "8,200", "8200", first, "監視"):
            assert name not in text
        with Console(data) as console:
            (sent,) = console.lessons.sent(first)
            assert sent[2] == "鈴木"
            acts = [one.act for one in console.keeping.audit()][:2]
            assert acts == ["lesson-sent", "send-lesson"]
        token.write_text("no-token\n")
        assert run("lesson", first, *to, "--as", "鈴木", code=4) is not None


def lane(ring: Ring) -> list[Any]:
    """Return what a member of the hub reads in the failure lane."""
    ring.books.forget()
    return ring.objects("kita", "failure")


def test_no_hub_is_said_and_what_names_somebody_never_leaves(data: Path, tmp_path: Path) -> None:
    first, _ = accidents(data)
    token = tmp_path / "token"
    token.write_text("x\n")
    token.chmod(0o600)
    run("lesson", first, *SAID, "--data", data, "--as", "鈴木")
    to = ("--send", "--hub", "http://127.0.0.1:9", "--token-file", token, "--data", data, "--as", "鈴木")
    run("lesson", first, *to, code=4)
    named = refused("lesson", first, "--happened", "埼玉の局で", *to)
    assert isinstance(named, DescriptionError)
    assert "埼玉" in named.where
    with Console(data) as console:
        assert console.lessons.sent(first) == ()
        # A name that comes on record later stops what was written before.
        console.duties.say(Operator(name="予備に切り株式会社"), 0, Actor("佐藤", "analyst"))
    assert isinstance(refused("lesson", first, *to), DescriptionError)
    assert "--hub" in str(refused("lesson", first, "--send", "--hub", "http://127.0.0.1:9", "--data", data))
