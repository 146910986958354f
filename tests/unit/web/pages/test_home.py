"""The first page over a folder as days of work leave it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from fakes.console import browsing, first_admin, quick, signed_in
from fakes.console_day import Day, day
from sekisho.demo.console_day import Wanted, fill, leave_figures
from sekisho.language import Text
from sekisho.model.accident_record import Told
from sekisho.model.account import Role
from sekisho.model.assess_run import LOCK, ORDER, PROGRESS, QUESTIONS, Asking, Ended, Order, Progress
from sekisho.model.case_life import Actor
from sekisho.model.compliance import State
from sekisho.model.incident import Service
from sekisho.model.timeline import About, Fact, What
from sekisho.web.installation import office_of
from sekisho.web.live import parts
from sekisho.web.serving import Listening
from sekisho.wiring.console import Console
from sekisho.wiring.moment import milliseconds

FEW = Wanted(detections=60, cases=12, assessments=2, terminals=2, flows=200, audit=5, runs=0)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with day(tmp_path_factory.mktemp("home") / "data", FEW) as made:
        yield made


@contextmanager
def papers(life: Day, name: str, host: int, at: int, progress: Progress | None = None) -> Iterator[Path]:
    """Leave a run's papers; without progress it lives as long as this does, and asks."""
    folder = life.folder / "runs" / name
    (folder / QUESTIONS).mkdir(parents=True)
    order = Order(
        id=name,
        target="t",
        terminal=f"ACME {name}",
        addresses=(f"192.0.2.{host}",),
        catalogues=(),
        by="佐藤",
        at=at,
    )
    (folder / ORDER).write_bytes(msgspec.json.encode(order))
    if progress:
        (folder / PROGRESS).write_bytes(msgspec.json.encode(progress))
    else:
        asked = Asking(1, "q", Text(ja="?", en="Is there a label?"), (), ("yes",), False, at, at + HOUR)
        (folder / QUESTIONS / "0001.json").write_bytes(msgspec.json.encode(asked))
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
    if progress is None:
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        os.close(file)
        for one in sorted(folder.rglob("*"), reverse=True):
            one.rmdir() if one.is_dir() else one.unlink()
        folder.rmdir()


def failed(at: int) -> Progress:
    return Progress(at, at, ended=Ended(at, 2, Text(ja="だめ", en="no"), "x"))


def test_a_watch_that_has_stopped_is_told_with_the_time_of_its_last_figures(tmp_path: Path) -> None:
    fill(tmp_path / "data", FEW, now=milliseconds())
    leave_figures(tmp_path / "data", milliseconds() - HOUR)
    with Console(tmp_path / "data") as console:
        office = quick(office_of(console, Listening(port=8443)))
        browser: TestClient = browsing(office, first_admin(office).token)
        assert "フローの監視が止まっている（最後の値" in browser.get("/").text


def test_a_question_that_waits_is_work_and_its_run_is_counted(life: Day) -> None:
    browser = life.browser(Role.ANALYST)
    assert "running now" not in browser.get("/").text
    with papers(life, "20260101-1", 1, milliseconds()):
        page = browser.get("/").text
        assert "Is there a label?" in page
        assert 'href="/assess/runs/20260101-1/questions"' in page
        assert "1 running now" in page
        assert "1 waiting for an answer" in page
        seen = life.browser().get("/").text
        assert "Is there a label?" in seen
        assert "/questions" not in seen, "who may not answer is not led to a refusal"
    assert "Is there a label?" not in browser.get("/").text


def test_a_run_that_failed_or_died_is_wrong_until_a_newer_one_of_its_terminal(life: Day) -> None:
    now = milliseconds()
    with (
        papers(life, "20260101-1", 1, now - 8 * DAY, failed(now)),
        papers(life, "20260102-2", 2, now - HOUR, failed(now)),
        papers(life, "20260103-3", 3, now - HOUR, Progress(now, now)),
    ):
        page = life.browser().get("/").text
        assert "20260101-1" not in page, "a week ago"
        assert ">failed<" in page
        assert ">died<" in page
        with papers(life, "20260104-2", 2, now, Progress(now, now, ended=Ended(now, 0))):
            page = life.browser().get("/").text
            assert "20260102-2" not in page
            assert "20260103-3" in page


def test_an_accident_that_goes_on_is_told_with_what_is_due_next(life: Day) -> None:
    page = life.browser().get("/").text
    assert "認証サーバーの故障（見本）" in page
    assert "Next notice to users" in page
    assert ">音声交換設備の故障" not in page, "it is over, and was not serious"
    assert "予備電源を毎月試験" not in page, "that measure is done"
    assert "監視の閾値を下げ" in page, "that one is due within a month"


def test_a_duty_that_is_late_is_told_until_its_proof(life: Day) -> None:
    browser, desk, who = life.browser(Role.ANALYST), life.console.duties, Actor("鈴木", "analyst")
    record = next(one for one in life.console.accidents.find() if one.ended)
    made = life.console.learning.add(record.id, "x", "佐藤", desk.today - timedelta(days=3), who)
    entry = f"measure-{made.id}"
    late = {one.id for one in desk.near() if one.state.value == "late"}
    assert entry in late
    page = browser.get("/").text
    assert "3 d late" in page
    assert f"duties late: {len(late)}" in page
    done = {"id": entry, "on": desk.today.isoformat(), "proof": "変更票 7"}
    assert browser.post("/duties/done", data=done).status_code == 303
    assert browser.post("/duties/done", data=done).status_code == 409
    assert "3 d late" not in browser.get("/").text
    assert next(one for one in life.console.learning.measures() if one.id == made.id).proof == "変更票 7"
    for code in (303, 409):  # the proof is taken back, not the measure
        assert browser.post("/duties/undone", data={"id": entry}).status_code == code
    assert made in life.console.learning.measures()
    assert made.id.encode() in browser.get("/duties/calendar.ics").content
    life.console.learning.withdraw(made.id, who)


def test_a_serious_accident_that_is_over_stays_until_its_report_is_signed(life: Day) -> None:
    desk, who, now = life.console.accidents, Actor("鈴木", "sender"), datetime.now(UTC)

    def fact(hours: int, what: What) -> Fact:
        users = 90_000 if what is What.DOWN else None
        return Fact(now - timedelta(hours=hours), what, "", Service.INTERNET, "東京都", users, users, "NOC")

    facts = (fact(30, What.DOWN), fact(2, What.RESTORED))
    record = desk.open(Told(About(title="over and serious"), facts), who)
    page = life.browser().get("/").text
    assert "over and serious" in page
    assert "Detailed report" in page
    assert "1 with a report due" in page
    from sekisho.language import Language
    from sekisho.model.accident import JAPAN
    from sekisho.model.draft import Kind

    for unsettled in life.console.today.accidents(milliseconds()):
        if unsettled.record.id == record.id:
            assert unsettled.ruling is not None
            for duty in unsettled.ruling.duties:
                made = desk.draft(record, Kind.DETAILED, Language.JA, JAPAN, who, duty.rule.trigger)
                desk.sign(record.id, made.kind, made.version, who)
    assert "Detailed report" not in life.browser().get("/").text


def test_the_loop_is_sent_anew_while_somebody_looks(life: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sekisho.web.pages.home.parts", lambda *given: parts(*given, longest=0.1))
    answer = life.browser().get("/live")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: part\ndata: " in answer.text
    assert "accidents going on" in answer.text
    assert "認証" not in answer.text, "one picture is for all who may see: counts, nobody's name"


def test_an_empty_folder_says_what_to_do_first(tmp_path: Path) -> None:
    with Console(tmp_path / "data", create=True) as console:
        office = quick(office_of(console, Listening(port=8443)))
        admin = first_admin(office)
        page = browsing(office, admin.token).get("/").text
        assert 'href="/terminals/new"' in page
        assert "フローの監視はまだ動いたことがない" in page
        assert 'class="figure">—<' in page, "what nobody looked at is no nought"
        viewer = browsing(office, signed_in(office, admin, Role.VIEWER).token).get("/").text
        assert 'href="/terminals/new"' not in viewer


def test_a_serious_accident_without_a_first_report_is_late_everywhere(life: Day) -> None:
    desk, who, now = life.console.accidents, Actor("鈴木", "sender"), datetime.now(UTC)
    known = {"service": Service.INTERNET, "area": "東京都", "users_least": 50_000, "users_most": 50_000}
    facts = (
        Fact(now - timedelta(hours=60), What.DOWN, **known),  # type: ignore[arg-type]
        Fact(now - timedelta(hours=57), What.RESTORED, service=Service.INTERNET),
    )
    record = desk.open(Told(About(title="nobody told the ministry"), facts), who)
    entry, browser = f"accident-{record.id}-serious-first", life.browser()
    before = browser.get("/").text.count("First report (without delay): not on record")
    assert before
    assert "no first report to the ministry is on record" in browser.get(f"/accidents/{record.id}").text
    (late,) = (one for one in life.console.duties.listed().entries if one.id == entry)
    assert (late.state, late.missing) == (State.LATE, "first")
    assert entry.encode() in browser.get("/duties/calendar.ics").content
    from sekisho.wiring.duty_reminding import worth_telling

    listed = life.console.duties.listed()
    assert entry in {one.id for one in worth_telling(listed.entries, listed.today, 30)}
    life.console.duties.done(entry, listed.today, "受付 1", who)
    (done,) = (one for one in life.console.duties.listed().entries if one.id == entry)
    assert (done.state, done.missing) == (State.DONE, "")
    life.console.duties.undone(entry, who)
    said = {"time": (now - timedelta(hours=1)).isoformat(), "what": "reported"}
    desk.add_fact(record, said, UTC, who)
    assert browser.get("/").text.count("First report (without delay): not on record") == before - 1
    assert "no first report" not in browser.get(f"/accidents/{record.id}").text
    assert entry not in {one.id for one in life.console.duties.listed().entries}


def test_a_report_that_is_long_late_leads_to_its_accident_and_a_measure_to_its_room(tmp_path: Path) -> None:
    who, begin = Actor("鈴木", "sender"), datetime.now(UTC) - timedelta(days=70)
    facts = (
        Fact(begin, What.DOWN, "1", Service.INTERNET, users_least=50_000, users_most=50_000),
        Fact(begin + timedelta(hours=3), What.RESTORED, "2", Service.INTERNET),
    )
    with Console(tmp_path / "data", create=True) as console:
        office = quick(office_of(console, Listening(port=8443)))
        record = console.accidents.open(Told(About(title="long over"), facts), who)
        console.learning.add(record.id, "test it", "鈴木", console.duties.today, who)
        page = browsing(office, first_admin(office).token).get("/").text
    assert page.count(f'<a href="/accidents/{record.id}">') == 2, "the first and the detailed report"
    assert page.count(f'<a href="/duties/learning/{record.id}">') == 1


def test_what_has_no_outage_on_record_neither_goes_on_nor_is_restored(life: Day) -> None:
    desk, now = life.console.accidents, datetime.now(UTC) - timedelta(minutes=5)
    leak = Told(About(title="漏えい", leaks=("secrecy",)), (Fact(now, What.KNOWN, "1"),))
    record = desk.open(leak, Actor("鈴木", "sender"))
    (unsettled,) = [one for one in life.console.today.accidents(milliseconds()) if one.record.id == record.id]
    assert not unsettled.going
    browser = life.browser()
    for place in ("/", "/accidents", f"/accidents/{record.id}"):
        assert "no outage on record" in browser.get(place).text, place
    assert "restored</span>" not in browser.get(f"/accidents/{record.id}").text


def test_the_guidelines_minutes_are_late_for_nobody_whom_they_may_not_bind(life: Day) -> None:
    begin = datetime.now(UTC) - timedelta(minutes=90)
    few = Told(About(title="五人"), (Fact(begin, What.DOWN, "1", Service.OTHER, "", 5, 5),))
    record = life.console.accidents.open(few, Actor("鈴木", "sender"))
    page = life.browser().get(f"/accidents/{record.id}").text
    assert "First notice to users (past the guideline&#39;s time)" in page
    assert "<b>late</b>" not in page
