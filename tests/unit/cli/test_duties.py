"""``sekisho duties`` as its user types it, with a real mail server."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from fakes.mail_server import MailServer
from sekisho.cli.duties import command
from sekisho.demo.console_accidents import accidents
from sekisho.errors import DescriptionError, NothingThere, SekishoError
from sekisho.model.case_life import Actor
from sekisho.model.compliance import Operator, State
from sekisho.wiring.console import Console
from sekisho.workflows.list_duties import read_operator

OPERATOR = """
name = "見本"
users = 45000
voice = true
[[sites]]
name = "第一局"
prefecture = "東京都"
municipality = "千代田区"
starts = 2020-04-01
lines = true
[[engineers]]
name = "佐藤"
kind = "transmission"
posts = ["第一局"]
appointed = 2026-04-01
[[engineers]]
name = "林"
kind = "line"
posts = ["第一局"]
appointed = 2026-04-01
[[done]]
id = "equipment-capacity-2025-10"
on = 2026-06-20
by = "鈴木"
proof = "届出 123"
"""
NOTICES = """
[operator]
name = {{ ja = "見本通信株式会社", en = "Mihon Telecom" }}
telephone = "0120-000-0000"
hours = {{ ja = "平日9時から18時", en = "weekdays 9:00 to 18:00" }}
page = "https://www.isp.example/notices"
sender = "security@isp.example"
return_address = ["〒999-0000 見本県見本市1-2-3"]
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
"""
ON = ("--on", "2026-11-21", "--until", "2027-06-30")


@pytest.fixture
def operator(tmp_path: Path) -> Path:
    path = tmp_path / "operator.toml"
    path.write_text(OPERATOR, encoding="utf-8")
    return path


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path)
    yield server
    server.stop()


def run(*words: object, code: int) -> str:
    done = CliRunner().invoke(command, list(map(str, words)), standalone_mode=False)
    assert done.exception is None, done.exception
    assert (done.return_value or 0) == code, done.output
    return done.output


def test_the_list_shows_what_is_late_done_and_unverified(operator: Path) -> None:
    said = run("list", operator, *ON, code=1)
    assert "2026-05-31 (日, 休日" in said
    assert "届出 123" in said
    assert "確かめられない（未確認）" in said
    assert "どの事業者が対象か" in said
    found = json.loads(run("list", operator, *ON, "--json", code=1))
    states = {one["id"]: one["state"] for one in found["duties"]}
    assert states["equipment-capacity-2025-10"] == "done"
    assert states["course-佐藤-2027-04-01"] == "due"
    assert states["voice-quality"] == "open"


def test_days_are_written_as_people_write_them(operator: Path) -> None:
    plain = json.loads(run("list", operator, *ON, "--json", code=1))
    era = ("--on", "令和８年11月21日", "--until", "R9.6.30")
    assert json.loads(run("list", operator, *era, "--json", code=1)) == plain
    done = CliRunner().invoke(command, ["list", str(operator), "--on", "R8.2.30"], standalone_mode=False)
    assert isinstance(done.exception, click.BadParameter)
    assert "R8.2.30" in str(done.exception)


def test_an_accident_on_record_makes_the_yearly_report_due(operator: Path, tmp_path: Path) -> None:
    folder = data_folder(tmp_path, 1)
    found = json.loads(run("list", operator, "--data", folder, "--json", code=1))
    asked = {one["id"]: (one["state"], one["missing"]) for one in found["duties"]}
    first = min(one for one in asked if one.startswith("periodic-accidents-20"))
    assert asked[first] == ("open", "nil")
    assert ("due", "") in [asked[one] for one in asked if one.startswith("periodic-accidents-20")]
    detailed = [one for one in found["duties"] if one["id"].startswith("accident-")]
    assert {one["confidence"] for one in detailed} == {"C"}  # the first day isn't counted: confidence C


def test_a_course_that_is_still_to_come_is_not_taken(operator: Path) -> None:
    operator.write_text(
        OPERATOR.replace("appointed = 2026-04-01", "appointed = 2026-04-01\ncourse = 2026-12-15")
    )
    with pytest.raises(DescriptionError, match="has not come"):
        CliRunner().invoke(
            command, ["list", str(operator), *ON], standalone_mode=False, catch_exceptions=False
        )
    assert run("list", operator, "--on", "2026-12-16", "--until", "2027-06-30", code=1)


def test_the_calendar(operator: Path, tmp_path: Path) -> None:
    file = tmp_path / "d.ics"
    assert "期日のないもの 1件" in run("calendar", operator, *ON, "-o", file, code=0)
    text = file.read_bytes().decode()
    assert "DTSTART;VALUE=DATE:20270531" in text
    assert "SUMMARY:✓ " in text
    assert "\n" not in text.replace("\r\n", "")


def data_folder(tmp_path: Path, port: int) -> Path:
    folder = tmp_path / "data"
    with Console(folder, create=True) as console:
        accidents(console, console.now())
    (folder / "notices.toml").write_text(NOTICES.format(port=port), encoding="utf-8")
    return folder


def test_reminders_go_over_the_mail_server_with_accidents_on_record(
    operator: Path, tmp_path: Path, mail: MailServer
) -> None:
    folder = data_folder(tmp_path, mail.port)
    words: tuple[Any, ...] = ("remind", operator, "--data", folder, "--to")
    assert "accepted" in run(*words, "keep@isp.example", code=0)
    (taken,) = mail.taken()
    head, _, body = taken["text"].replace("\r\n", "\n").partition("\n\n")
    assert "Auto-Submitted: auto-generated" in head
    told = base64.b64decode(body).decode()
    assert "詳細報告：重大な事故「認証サーバーの故障（見本）」" in told
    assert "様式第50の3" in told
    assert "届出 123" not in told  # done
    # Nothing twice; what was refused is tried again.
    assert "知らせるものはない（前に知らせた" in run(*words, "keep@isp.example", code=0)
    assert json.loads(run(*words, "keep@isp.example", "--json", code=0))["duties"] == []
    for _ in range(2):
        assert "refused" in run(*words, "nobody@isp.example", code=4)
    assert len(mail.taken()) == 1
    assert "accepted" in run(*words, "keep@isp.example", "--again", code=0)
    first, second = mail.taken()
    assert first["id"] == second["id"]  # whoever gets it twice sees one


def test_a_duty_is_told_of_when_near_in_its_last_week_and_when_late(
    operator: Path, tmp_path: Path, mail: MailServer
) -> None:
    folder = data_folder(tmp_path, mail.port)
    days = ("2027-05-10", "2027-05-12", "2027-05-26", "2027-05-28", "2027-06-02", "2027-06-05")
    words = (
        "remind",
        operator,
        "--data",
        folder,
        "--to",
        "keep@isp.example",
        "--json",
        "--until",
        "2027-05-31",
    )
    told = []
    for day in days:
        found = json.loads(run(*words, "--on", day, code=0))
        told.append([one["id"] for one in found["duties"] if one["id"] == "periodic-accidents-2026-04"])
    name = "periodic-accidents-2026-04"
    assert told == [[name], [], [name], [], [name], []]


def test_the_data_folder_alone_has_the_operator_and_proofs_of_the_console(
    operator: Path, tmp_path: Path
) -> None:
    folder = data_folder(tmp_path, 1)
    with Console(folder) as console:
        actor = Actor("佐藤", "analyst")
        console.duties.say(read_operator(operator), 0, actor)
        listed = console.duties.listed().entries
        late = next(one for one in listed if one.state == "late")
        console.duties.done(late.id, console.duties.today, "受付 9", actor)
    found = json.loads(run("list", "--data", folder, "--json", code=0))
    states = {one["id"]: one["state"] for one in found["duties"]}
    assert states[late.id] == "done"
    assert "course-佐藤-2027-04-01" in states
    with pytest.raises(click.UsageError):
        CliRunner().invoke(command, ["list"], standalone_mode=False, catch_exceptions=False)


def test_wrong_files_and_words(operator: Path, tmp_path: Path) -> None:
    for bad in (("--to", "a@b"), ("--to", "a b@c", "--data", tmp_path)):
        with pytest.raises(click.UsageError):
            CliRunner().invoke(
                command,
                ["remind", str(operator), *map(str, bad)],
                standalone_mode=False,
                catch_exceptions=False,
            )
    for old, new in (("transmission", "magic"), ('posts = ["第一局"]', 'posts = ["無い局"]'), ("users = 45000", "users = -1"),
                     ("users =", "usres ="), ("[[sites]]", "[[sites")):  # fmt: skip
        operator.write_text(OPERATOR.replace(old, new), encoding="utf-8")
        with pytest.raises(DescriptionError):
            CliRunner().invoke(
                command, ["list", str(operator)], standalone_mode=False, catch_exceptions=False
            )


def test_done_is_recorded_with_proof_and_a_wrong_one_refused(operator: Path, tmp_path: Path) -> None:
    folder = data_folder(tmp_path, 1)
    (folder / "watch.toml").write_text('customers = ["198.18.0.0/15"]\nbasis = "not-communication"\n')
    vacancy = "appoint-transmission-第一局"
    with Console(folder) as console:
        sites = read_operator(operator).sites
        console.duties.say(Operator(users=45_000, sites=sites), 0, Actor("佐藤", "analyst"))
        late = next(
            one for one in console.duties.listed().entries if one.state is State.LATE and one.provable
        )
    words = ("--proof", "届出 7", "--data", folder, "--as", "佐藤")
    assert "届出 7" in run("done", late.id, *words, code=0)
    found = json.loads(run("list", "--data", folder, "--json", code=1))["duties"]
    assert {one["id"]: one["state"] for one in found}[late.id] == "done"
    assert re.search(rf"{late.day} +済み", run("list", "--data", folder, code=1))
    for bad in (("nothing",), (vacancy,), (late.id, "--on", "2998-01-01"), (late.id, "--on", "1999-01-01")):
        done = CliRunner().invoke(command, ["done", *map(str, (*bad, *words))], standalone_mode=False)
        assert isinstance(done.exception, DescriptionError)


def test_names_of_staff_are_listed_and_erased_by_an_admin(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, 1)
    (folder / "watch.toml").write_text('[people]\n"関守" = "admin"\n"書田" = "analyst"\n', encoding="utf-8")
    with Console(folder) as console:
        one = next(one for one in console.duties.listed().entries if one.day)
        console.duties.done(one.id, console.duties.today, "記録", Actor("書田", "analyst"))
    assert "書田" in run("names", "--data", folder, code=0)
    for who, name in (("書田", "書田"), ("関守", "誰か")):
        refused = CliRunner().invoke(
            command, ["names", "--erase", name, "--as", who, "--data", str(folder)], standalone_mode=False
        )
        assert isinstance(refused.exception, SekishoError)
    said = run("names", "--erase", "書田", "--as", "関守", "--data", folder, code=0)
    assert "消去済み" in said
    assert "name erased" in run("list", "--data", folder, "--json", code=3)
    told = json.loads(run("names", "--data", folder, "--json", code=0))["names"]
    assert "書田" not in json.dumps(told, ensure_ascii=False)


def test_an_operator_of_whom_nothing_is_said_has_no_duties_that_could_be_told(tmp_path: Path) -> None:
    for content in ("", "# to be written\n"):
        path = tmp_path / "operator.toml"
        path.write_text(content)
        done = CliRunner().invoke(command, ["list", str(path), *ON], standalone_mode=False)
        assert isinstance(done.exception, NothingThere), done.output
        assert done.exception.exit_code == 3
        assert str(path) in done.exception.where


def test_what_hangs_on_facts_that_nobody_stated_is_not_nothing_late(tmp_path: Path) -> None:
    path = tmp_path / "operator.toml"
    path.write_text("voice = false\n")
    found = json.loads(run("list", path, "--on", "2026-11-22", "--json", code=3))
    assert found["exit"] == 3
    said = {one["missing"]: one["missing_words"] for one in found["duties"] if one["missing"]}
    assert set(said) >= {"users", "bound"}
    assert said["users"]["en"] == "hangs on the users at the end of the fiscal year (users)"
    assert all(one["missing_words"] is None for one in found["duties"] if not one["missing"])
    # Of what no source tells nobody can say more: alone it is no reason.
    site = '[[sites]]\nname = "局"\nprefecture = "東京都"\nmunicipality = "千代田区"\nstarts = 2026-12-01\nlines = false\n'
    path.write_text(f"voice = false\nusers = 100\nqualified = true\n{site}", encoding="utf-8")
    run("list", path, "--on", "2026-11-22", code=0)
