"""``sekisho accident`` as its user types it."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
import openpyxl
import pytest
import xlsxwriter
from click.testing import CliRunner
from rich.console import Console, RenderableType

from sekisho.cli.accident import command
from sekisho.cli.accident_watch import screen
from sekisho.demo.console_accidents import accidents
from sekisho.errors import DescriptionError, ReadingError
from sekisho.model.accident_record import Told
from sekisho.model.case_life import Actor
from sekisho.model.incident import Service
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import About, Fact, What
from sekisho.wiring import console as installed

CSV = """time,what,service,area,users,source
2026-11-21 12:20,down,internet,Tokyo,41000-60000,alarm
2026-11-21 12:25,known,,,,NOC
"""
BACK = "2026-11-21 13:00,restored,internet,,,test\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def run(*words: object, code: int) -> str:
    done = CliRunner().invoke(command, list(map(str, words)), standalone_mode=False)
    assert done.exception is None, done.exception
    assert (done.return_value or 0) == code, done.output
    return done.output


def plain(*words: object, code: int) -> Any:
    return json.loads(run(*words, "--json", code=code))


def test_undecided_then_serious(file: Path) -> None:
    before = run("judge", file, "--at", "R8.11.21 13:30", code=3)
    assert "2026-11-21 14:20 JST" in before
    assert "1時間10分〜 × 41,000–60,000 ? 2時間 × 30,000" in before
    assert "alarm" in before
    after = plain("judge", file, "--at", "2026-11-21T14:20", code=1)
    assert (after["serious"], after["judgements"][0]["class_id"], after["exit"]) == ("yes", "6", 1)
    assert "≥ 2時間 × 30,000" in after["judgements"][0]["reasoning"]


def test_facts_of_a_later_time_are_not_dropped_without_a_word(file: Path) -> None:
    file.write_text(CSV + BACK + "2027-11-21 13:10,users,internet,Tokyo,45000,typo\n", encoding="utf-8")
    assert "1 件は、まだ使っていない" in run(
        "judge", file, "--at", "2026-11-21 14:00", "--nothing-else", code=0
    )
    assert "1 件は、まだ使っていない" in run(
        "duties", file, "--at", "2026-11-21 14:00", "--nothing-else", code=0
    )
    assert "1 件は、まだ使っていない" in run("abroad", file, "--at", "2026-11-21 14:00", code=3)
    assert plain("judge", file, "--at", "2026-11-21 14:00", "--nothing-else", code=0)["later"] == 1


def test_a_record_that_cannot_be_judged_does_not_hide_the_others(tmp_path: Path) -> None:
    with installed.Console(tmp_path, create=True) as console:
        accidents(console, console.now())
        desk = console.accidents
        one, *_ = desk.find()
        wrong = one.told()
        facts = tuple(
            msgspec.structs.replace(fact, time=fact.time + timedelta(days=400)) for fact in wrong.facts
        )
        body = msgspec.json.encode(msgspec.structs.replace(wrong, facts=facts)).decode()
        desk._store.save(msgspec.structs.replace(one, body=body))
    done = CliRunner().invoke(command, ["statistics", "--data", str(tmp_path)], standalone_mode=False)
    assert done.exception is None, done.exception
    assert f"判定できない記録: {one.id}" in done.stderr
    assert done.stdout


def test_restored_in_time_has_no_urgent_duty_but_a_periodic_one(file: Path) -> None:
    file.write_text(CSV + BACK, encoding="utf-8")
    said = run("judge", file, "--at", "2026-11-22 09:00", "--nothing-else", code=0)
    assert "様式第27" in said
    assert "2027-05-31" in said


def test_shift_jis_and_watch_end_when_nothing_runs(file: Path) -> None:
    file.write_bytes((CSV + BACK).replace("internet,Tokyo", "インターネット接続,東京").encode("cp932"))
    assert "東京" in run("judge", file, "--watch", "--nothing-else", code=0)


def test_watch_counts_down_through_a_bad_edit(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [CSV + "2026-11-21 12:40,dow", CSV + BACK]
    monkeypatch.setattr(
        "sekisho.cli.accident.time.sleep", lambda _: file.write_text(texts.pop(0), encoding="utf-8")
    )
    said = run("judge", file, "--watch", "--nothing-else", code=0)
    assert not texts
    assert "line 4" in said
    assert "too short" in said or "時間が足りない" in said


def test_duties_of_a_leak_show_the_day_off(tmp_path: Path) -> None:
    file = tmp_path / "leak.toml"
    file.write_text(
        'title = "x"\nleaks = ["secrecy"]\nunhurt = true\n[[facts]]\ntime = 2026-10-24T10:00:00\nwhat = "occurred"\n',
        encoding="utf-8",
    )
    said = run("duties", file, "--at", "2026-10-25 10:00", code=1)
    assert "2026-11-23 (月, 勤労感謝の日, あと29日)" in said
    found = plain("duties", file, "--at", "2026-10-25 10:00", code=1)
    assert [one["rule"]["form"] for one in found["duties"]] == ["様式第50の2"]


def test_the_operators_own_day_is_marked(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    facts = '[[facts]]\ntime = "2026-11-21 12:20"\nwhat = "down"\nservice = "internet"\nusers = 41000\n'
    file.write_text("[due]\nserious = 2026-12-18\n" + facts, encoding="utf-8")
    assert "2026-12-18 (金, あと27日)まで（自社の計算）" in run(
        "duties", file, "--at", "2026-11-21 15:00", code=1
    )


def test_rules_of_a_day() -> None:
    assert "jp-to-2015-03" in run("rules", "--on", "2015-03-31", code=0)
    assert len(plain("rules", "--on", "2026-04-01", code=0)["classes"]) == 7


def test_bad_input_names_its_line(file: Path) -> None:
    with pytest.raises(click.UsageError, match="昨日"):
        CliRunner().invoke(
            command, ["judge", str(file), "--at", "昨日"], standalone_mode=False, catch_exceptions=False
        )
    file.write_text(CSV + "2026-11-21 11:00,restored,voice,,,x\n", encoding="utf-8")
    with pytest.raises(DescriptionError) as caught:
        CliRunner().invoke(command, ["judge", str(file)], standalone_mode=False, catch_exceptions=False)
    assert caught.value.where == "line 4"


def test_a_file_that_can_t_be_read_is_named(tmp_path: Path, file: Path) -> None:
    """Whichever of several it is, or the only one."""
    for name, content, where in (
        ("w.csv", CSV + "2026-11-21 11:00,restored,voice,,4x,x\n", "line 4"),
        ("b.csv", "", "CSV"),
        ("c.toml", "hello = 1\n", "[[facts]]"),
        ("d.toml", "hello\n", "line 1"),
    ):
        bad = tmp_path / name
        bad.write_text(content, encoding="utf-8")
        for files in ([bad], [file, bad]):
            with pytest.raises(DescriptionError) as caught:
                CliRunner().invoke(
                    command, ["judge", *map(str, files)], standalone_mode=False, catch_exceptions=False
                )
            assert caught.value.where.startswith(f"{bad}: ")
            assert where in caught.value.where


def test_abroad_says_what_is_unverified_and_what_is_missing(file: Path) -> None:
    said = run("abroad", file, "--at", "2026-11-21 13:30", "--lang", "ja", code=3)
    assert "Ofcom s105K（2026-05-12の案）: 決まらない 【未確認】" in said
    found = plain("abroad", file, "--profile", "us-fcc-nors", "--at", "2026-11-21 13:30", code=0)
    assert [one["standing"] for one in found["profiles"]] == ["no"]
    with pytest.raises(click.UsageError, match="mars"):
        CliRunner().invoke(
            command, ["abroad", str(file), "--profile", "mars"], standalone_mode=False, catch_exceptions=False
        )


def test_imported_alerts_are_judged_with_what_a_person_wrote(tmp_path: Path, file: Path) -> None:
    alerts = {"alerts": [{"labels": {"alertname": "Down", "lines": "50000"}, "status": "firing",
                          "startsAt": "2026-11-21T03:20:00Z"}, {"bad": 1}]}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(alerts), encoding="utf-8")
    rules = tmp_path / "r.toml"
    rules.write_text(
        '[[rules]]\nwhat="down"\nmatch={alertname="Down"}\nservice="voice"\nusers="{lines}"', encoding="utf-8"
    )
    facts = tmp_path / "facts.csv"
    said = run("import", tmp_path / "a.json", "--from", "alerts", "--rules", rules, "-o", facts, code=3)
    assert "line 1, alert 2" in said
    found = plain("import", tmp_path / "a.json", "--from", "alerts", "--rules", rules, code=3)
    assert [one["what"] for one in found["facts"]] == ["down"]
    both = plain("judge", file, facts, "--at", "2026-11-21 14:30", code=1)
    assert {one["service"]: one["standing"] for one in both["judgements"]} == {
        "internet": "yes",
        "voice": "yes",
    }
    assert both["facts"][0]["line"].startswith(("a.csv: line", "facts.csv: line"))


def test_only_one_file_speaks_for_the_whole(tmp_path: Path) -> None:
    files = [tmp_path / "a.toml", tmp_path / "b.toml"]
    for one in files:
        one.write_text('[[facts]]\ntime="2026-11-21 12:20"\nwhat="occurred"\n', encoding="utf-8")
    with pytest.raises(DescriptionError, match="only one TOML"):
        CliRunner().invoke(
            command, ["judge", *map(str, files)], standalone_mode=False, catch_exceptions=False
        )


def test_the_screen_counts_down_and_survives_a_bad_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.toml"
    begin = datetime.now(UTC) - timedelta(minutes=20)
    text = (
        'target_minutes = 60\n[[facts]]\nwhat="down"\nservice="internet"\nusers=41000\ntime='
        + begin.isoformat()
    )
    file.write_text(text, encoding="utf-8")
    steps = [
        text + "\n[[facts]]\nwhat = 3",
        text + f'\n[[facts]]\nwhat="restored"\ntime={datetime.now(UTC).isoformat()}',
    ]
    monkeypatch.setattr(
        "sekisho.cli.accident_watch.time.sleep", lambda _: file.write_text(steps.pop(0), encoding="utf-8")
    )
    shown: list[str] = []

    def kept(ruling: Ruling, fault: str) -> RenderableType:
        console = Console(width=100, record=True, file=io.StringIO())
        console.print(screen(ruling, fault))
        shown.append(console.export_text())
        return screen(ruling, fault)

    monkeypatch.setattr("sekisho.cli.accident_watch.screen", kept)
    run("watch", file, "--nothing-else", code=0)
    assert not steps
    first, bad, last = shown
    # Serious in 1 h 40 min, the own target for the first report in 40, users told in 10.
    assert all(
        re.search(left, first) for left in (r"1:(39:5\d|40:00)", r"0:(39:5\d|40:00)", r"0:(09:5\d|10:00)")
    )
    assert "[[facts]]" in bad
    assert "1:39:" not in last


def test_drafts_and_the_ministrys_form(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = run("draft", file, "--kind", "first", "--at", "R8.11.21 13:30", "-o", out, code=0)
    assert sorted(one.name for one in out.iterdir()) == [
        "first.docx",
        "first.json",
        "first.pdf",
        "first.xlsx",
    ]
    assert "措置模様" in said or "Measures" in said
    form, mapping = tmp_path / "form.xlsx", tmp_path / "m.toml"
    with xlsxwriter.Workbook(str(form)) as book:
        book.add_worksheet("様式").write("A1", "発生日時")
    mapping.write_text('[[cells]]\nsheet="様式"\ncell="B1"\ntext="{occurred}"', encoding="utf-8")
    words = (
        "draft",
        file,
        "--kind",
        "first",
        "--at",
        "R8.11.21 13:30",
        "-o",
        out,
        "--format",
        "json",
        "--form",
        form,
    )
    found = plain(*words, "--mapping", mapping, code=0)
    assert found["files"][-1].endswith("first-form.xlsx")
    filled = openpyxl.load_workbook(found["files"][-1])["様式"]
    assert filled["A1"].value == "発生日時"
    assert "2026" in filled["B1"].value
    with pytest.raises(click.UsageError, match="mapping"):
        CliRunner().invoke(command, list(map(str, words)), standalone_mode=False, catch_exceptions=False)


def test_accidents_of_different_periods_are_not_one_table(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.csv"
    other.write_text(CSV.replace("2026-11-21", "2025-11-21"), encoding="utf-8")
    with pytest.raises(DescriptionError, match="different periods"):
        CliRunner().invoke(
            command, ["draft", str(file), str(other), "--kind", "periodic", "-o", str(tmp_path)], standalone_mode=False,
            catch_exceptions=False,
        )  # fmt: skip


def test_statistics_put_gaps_beside_what_is_on_record(file: Path, tmp_path: Path) -> None:
    with installed.Console(tmp_path / "data", create=True) as console:
        accidents(console, console.now())
    file.write_text(CSV + BACK, encoding="utf-8")
    found = {
        one["year"]: one for one in plain("statistics", file, "--data", tmp_path / "data", code=0)["years"]
    }
    assert sum(one["own"] for one in found.values()) == 3
    assert found[2017]["published"] is None
    said = run("statistics", file, code=0)
    assert "8,773" in said
    assert "入手できていない" in said or "could not be obtained" in said


def test_a_drill_plays_into_a_file_and_measures_the_team(tmp_path: Path, file: Path) -> None:
    file.write_text(CSV + BACK, encoding="utf-8")
    team, out = tmp_path / "team.csv", tmp_path / "out.csv"
    words = ("drill", file, "-o", out, "--team", team, "--speed", 10_000)
    nobody = plain(*words, code=1)
    assert [one["minutes"] for one in nobody["measures"]] == [None] * 4
    assert out.read_text(encoding="utf-8").count("\n") == 4
    now = datetime.now(UTC) + timedelta(milliseconds=20)
    team.write_text(f"time,what\n{now.isoformat()},told\n", encoding="utf-8")
    said = run(*words, code=0)
    assert "間に合った" in said or "in time" in said


def test_a_draft_that_somebody_filled_in_is_left(file: Path, tmp_path: Path) -> None:
    words = ("draft", file, "--kind", "first", "--at", "R8.11.21 13:30", "-o", tmp_path, "--format", "json")
    place = tmp_path / "first.json"
    plain(*words, code=0)
    assert plain(*words, code=0)["files"] == [str(place)], "the same once more is no other"
    place.write_text("手書き", encoding="utf-8")
    assert plain(*words, code=0)["files"] == [str(tmp_path / "first-2.json")]
    assert "first.json" in run(*words, code=0)
    assert place.read_text(encoding="utf-8") == "手書き"


def test_imported_facts_replace_no_file_unless_told(tmp_path: Path) -> None:
    rules, alerts, out = tmp_path / "r.toml", tmp_path / "a.json", tmp_path / "out.csv"
    rules.write_text('[[rules]]\nwhat="down"\nmatch={alertname="Down"}\nservice="voice"\n', encoding="utf-8")
    alert = {"labels": {"alertname": "Down"}, "status": "firing", "startsAt": "2026-11-21T03:20:00Z"}
    alerts.write_text(json.dumps({"alerts": [alert]}), encoding="utf-8")
    words = ["import", str(alerts), "--from", "alerts", "--rules", str(rules), "-o", str(out)]
    out.write_text("手書き", encoding="utf-8")
    with pytest.raises(click.UsageError, match="replace"):
        CliRunner().invoke(command, words, standalone_mode=False, catch_exceptions=False)
    assert out.read_text(encoding="utf-8") == "手書き"
    CliRunner().invoke(command, [*words, "--replace"], standalone_mode=False, catch_exceptions=False)
    assert out.read_text(encoding="utf-8").startswith("time,")


def test_a_restoration_elsewhere_names_where_it_is_down(tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text(
        "time,what,service,area\n2026-11-21T12:20+09:00,down,internet,東京都\n"
        "2026-11-21T13:20+09:00,restored,internet,東京\n",
        encoding="utf-8",
    )
    with pytest.raises(DescriptionError, match="東京都") as told:
        CliRunner().invoke(command, ["judge", str(file)], standalone_mode=False, catch_exceptions=False)
    assert "3" in told.value.where


def test_what_only_was_known_has_no_moment_of_occurrence(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        'leaks = ["secrecy"]\n[[facts]]\ntime = 2026-11-21T12:20:00+09:00\nwhat = "known"\n', encoding="utf-8"
    )
    said = run("judge", file, code=1)
    assert "最初の事実" in said or "first fact" in said
    words = ("draft", file, "--kind", "detailed", "-o", tmp_path, "--format", "json")
    fields = {one["id"]: one for made in plain(*words, code=0)["drafts"] for one in made["fields"]}
    assert fields["occurred"]["known"] == "missing"
    first = plain("draft", file, "--kind", "first", "-o", tmp_path, "--format", "json", code=0)["missing"]
    assert {"件名", "事業者"} <= set(first) or {"subject", "operator"} <= set(first)


def test_a_first_report_that_nothing_asks_for_says_so(file: Path, tmp_path: Path) -> None:
    file.write_text(CSV.replace("45000", "10") + BACK, encoding="utf-8")
    words = ("draft", file, "--kind", "first", "-o", tmp_path, "--format", "json")
    remarks = " ".join(plain(*words, code=0)["draft"]["remarks"])
    assert "見当たらない" in remarks or "nothing has to be reported" in remarks


def test_a_team_that_wrote_nothing_is_late(tmp_path: Path, file: Path) -> None:
    file.write_text(CSV + BACK, encoding="utf-8")
    team = tmp_path / "team.csv"
    team.write_text("time,what\n", encoding="utf-8")
    nobody = plain("drill", file, "-o", tmp_path / "o.csv", "--team", team, "--speed", 10_000, code=1)
    assert [one["minutes"] for one in nobody["measures"]] == [None] * 4


@pytest.mark.parametrize("name", ["JST-9", "<+09>-9", "Asia/Tokyo", ":Asia/Tokyo", ""])
def test_times_are_those_of_the_variable_tz(name: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", name)
    plain("judge", file, "--at", "2026-11-21T05:20Z", code=1)


@pytest.mark.parametrize(
    "name",
    ["JST", "Mars/Olympus", "JST-99", "JST-24", "JST-23:99", "EST5EDT,M3.2.0,M11.1.0", "../etc/passwd", "/etc/passwd", "/", ":/nonsense"],
)  # fmt: skip
def test_a_zone_that_is_none_is_refused_in_words_and_with_its_own_exit_code(
    name: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", name)
    done = CliRunner().invoke(command, ["judge", str(file)], standalone_mode=False)
    assert isinstance(done.exception, ReadingError)
    assert done.exception.exit_code == 2
    assert done.exception.where == f"TZ={name}"


def test_durations_are_true_ones_where_clocks_are_put_back_or_forward(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    for begin, end, code in (
        ("2026-11-01 00:30", "2026-11-01 02:29", 1),
        ("2026-03-08 01:30", "2026-03-08 03:30", 0),
    ):
        file.write_text(f"time,what,service,users\n{begin},down,internet,50000\n{end},restored,internet,\n")
        run("judge", file, "--nothing-else", code=code)


def test_what_nobody_asked_is_not_judged_and_no_all_clear(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(CSV + BACK, encoding="utf-8")
    said = run("judge", file, "--at", "2026-11-22 09:00", code=3)
    assert "聞いていないので判定していない" in said
    assert all(name in said for name in ("leaks", "stopped_business", "threat"))
    assert plain("duties", file, "--at", "2026-11-22 09:00", code=3)["unasked"] == [
        "leaks",
        "stopped-business",
        "threat",
    ]
    whole = tmp_path / "whole.toml"
    facts = """[[facts]]
time = "2026-11-21 12:20"
what = "down"
service = "internet"
users = 41000
[[facts]]
time = "2026-11-21 13:00"
what = "restored"
"""
    whole.write_text(
        "leaks = []\nstopped_business = false\n[threat]\nevents = []\n" + facts, encoding="utf-8"
    )
    assert "聞いていない" not in run("judge", whole, "--at", "2026-11-22 09:00", code=0)
    whole.write_text(
        "leaks = []\nstopped_business = false\n[threat]\ncarrier_users = 9\n" + facts, encoding="utf-8"
    )
    run("judge", whole, "--at", "2026-11-22 09:00", code=3)
    run(
        "judge", whole, "--at", "2026-11-22 09:00", "--nothing-else", code=0
    )  # a person's word is that of events
    text = whole.read_text(encoding="utf-8").replace("carrier_users = 9", 'events = ["no-switchover"]')
    whole.write_text(text, encoding="utf-8")
    said = plain("judge", whole, "--at", "2026-11-22 09:00", "--nothing-else", code=3)
    assert [one["rule"]["trigger"] for one in said["duties"]] == ["threat"], "what the file says goes first"


def test_what_was_no_failure_of_telecom_equipment_may_belong_in_the_periodic_report(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    facts = """[[facts]]
time = "2026-11-21 12:20"
what = "down"
service = "internet"
users = [50000, 60000]
[[facts]]
time = "2026-11-21 15:20"
what = "restored"
"""
    wanted = {"": "undecided", "other_equipment = true\n": "yes", "other_equipment = false\n": "no"}
    for said, standing in wanted.items():
        file.write_text("fault = false\n" + said + facts, encoding="utf-8")
        found = plain("judge", file, "--at", "2026-11-22 09:00", "--nothing-else", code=0)["periodic"]
        assert found["standing"] == standing
    assert "設備の故障でない" in run("judge", file, "--at", "2026-11-22 09:00", "--nothing-else", code=0)


def test_a_periods_table_holds_the_accidents_of_the_console_and_of_files(file: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    with installed.Console(data, create=True) as console:
        for day, users in ((3, 29_001), (4, 29_002)):
            begin = datetime(2026, 5, day, tzinfo=UTC)
            facts = (
                Fact(begin, What.DOWN, "1", Service.INTERNET, "", users, users),
                Fact(begin + timedelta(hours=3), What.RESTORED, "2", Service.INTERNET),
            )
            console.accidents.open(Told(About(), facts), Actor("one", "analyst"))
    file.write_text(
        "time,what,service,users\n2026-06-01 12:00,down,internet,29003\n2026-06-01 15:00,restored,internet,\n"
    )
    words = ("draft", "--kind", "periodic", "--data", data, "--format", "json", "-o", out)
    rows = plain(*words, file, "--period", "R8.4.1", code=0)["draft"]["sheets"][0]["rows"]
    assert [sum(f"29,00{n}" in str(row) for row in rows) for n in (1, 2, 3)] == [1, 1, 1]
    assert "29,001" in str(rows[0])
    for bad in (
        (*words, "--period", "2025-04-01"),
        ("draft", "--kind", "first", "--data", data),
        ("draft", "--kind", "periodic"),
    ):
        done = CliRunner().invoke(command, list(map(str, bad)), standalone_mode=False)
        assert isinstance(done.exception, click.UsageError)


def test_what_was_restored_at_the_moment_it_failed_has_a_time_of_occurrence(file: Path) -> None:
    file.write_text(CSV + "2026-11-21 12:20,restored,internet,,,test\n", encoding="utf-8")
    found = plain("judge", file, "--at", "2026-11-21 13:00", code=3)
    assert found["incident"]["occurred_assumed"] is False
    assert found["incident"]["occurred"].startswith("2026-11-21T12:20")


def test_what_would_change_it_names_every_line_and_what_nobody_weighed(tmp_path: Path) -> None:
    def said(hours: str, users: int, **more: str) -> str:
        file = tmp_path / "a.csv"
        what = more.get("what", "停止")
        file.write_text(
            f"time,what,service,users\n2026-11-21 08:00,{what},internet,{users}\n2026-11-21 {hours},復旧,internet,\n",
            encoding="utf-8",
        )
        return run("judge", file, "--at", "2026-11-22 12:00", code=3)

    near = said("09:30", 99_999)
    assert "2時間 × 30,000人：時間が足りない" in near
    assert "1時間 × 100,000人：利用者が足りない。100,000人以上と分かれば変わる" in near
    assert "100,000" not in said("11:30", 29_999), "what the lower line says is enough"
    weigh = said("11:30", 200_000, what="品質低下")
    assert "品質低下が停止と変わらないほどかどうかで決まる" in weigh
    assert "3時間30分 × 200,000 ?" in weigh
