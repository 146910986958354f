"""Names of staff: nowhere in the papers, shown everywhere while they are held, erased for good, papers as they were."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from fakes.console import Browser
from sekisho.language import Language
from sekisho.model.accident import JAPAN
from sekisho.model.accident_record import Told
from sekisho.model.account import Role
from sekisho.model.case_life import Actor
from sekisho.model.compliance import Engineer, Installer, Operator, Site
from sekisho.model.draft import Kind
from sekisho.model.incident import Service
from sekisho.model.purpose import Stage
from sekisho.model.reminding import Reminding
from sekisho.model.self_check import Answer, Status
from sekisho.model.timeline import About, Details, Fact, What
from sekisho.web.office import Office
from sekisho.wiring.console import Console

PLACE = "/duties/names"
DAY = 86_400_000
WRITER, SIGNER = Actor("書田 筆子", "analyst"), Actor("印田 署名", "sender")
SECOND = Actor("次田 加筆", "analyst")
PEOPLE = (
    "書田 筆子",
    "次田 加筆",
    "印田 署名",
    "資格 太郎",
    "工事 次郎",
    "担当 三郎",
    "答田 四郎",
    "noc-of-names@isp.example",
)


def tables(office: Office) -> Iterator[tuple[str, str]]:
    """Yield every table of duties and accidents with all that is in it."""
    with office.console.database.reading() as connection:
        for table in ("duty_papers", "accidents", "accident_documents", "accident_signatures"):
            # A row by itself is told with its long columns cut.
            yield table, str([tuple(one) for one in connection.execute(text(f"SELECT * FROM {table}"))])


def filled(office: Office) -> str:
    """Write something with everybody's name in it; return the accident's id."""
    console = office.console
    site = Site("第一局", "東京都", "千代田区", date(2020, 4, 1), lines=False)
    engineer = Engineer("資格 太郎", "transmission", ("第一局",), console.duties.today - timedelta(days=300))
    said = Operator(
        "見本", 45_000, False, None, (site,), (engineer,), (Installer("工事 次郎", "digital-1", ("第一局",)),)
    )
    console.duties.say(said, 0, WRITER)
    course = next(one for one in console.duties.listed().entries if one.id.startswith("course-"))
    console.duties.done(course.id, console.duties.today, "修了証 7", WRITER)
    begin = datetime.now(UTC) - timedelta(days=20)
    facts = (
        Fact(begin, What.DOWN, "1", Service.INTERNET, "東京都", 41_000, 60_000, "監視"),
        Fact(begin + timedelta(hours=3), What.RESTORED, "2", Service.INTERNET, "東京都", source="監視"),
    )
    about = About(title="故障", report=Details(operator="見本", contact="書田 筆子"))
    record = console.accidents.open(Told(about, facts), WRITER)
    cells = {"time": (begin + timedelta(minutes=9)).isoformat(), "what": "known", "source": WRITER.name}
    record = console.accidents.add_fact(record, cells, JAPAN, WRITER)
    # Two write one after the other of what a third told: neither of them is the source of anything.
    noted = {
        "time": (begin + timedelta(minutes=10)).isoformat(),
        "what": "note",
        "source": "NOC",
        "note": "-",
    }
    record = console.accidents.add_fact(record, noted, JAPAN, SECOND)
    record = console.accidents.add_fact(record, noted, JAPAN, WRITER)
    kept = console.accidents.draft(record, Kind.FIRST, Language.JA, JAPAN, WRITER)
    console.accidents.sign(record.id, kept.kind, kept.version, SIGNER)
    measure = console.learning.add(record.id, "試験する", "担当 三郎", console.duties.today, WRITER)
    console.learning.done(measure.id, console.duties.today, "記録", WRITER)
    answer = Answer("technical", "10条 電源", Status.DONE, "答田 四郎", None, "記録")
    console.checks.answer(2026, answer, 0, WRITER)
    console.reminders.say(Reminding(to=("noc-of-names@isp.example",)), 0, WRITER)
    console.duties.remember([f"noc-of-names@isp.example {course.id} near"], WRITER)
    return record.id


@pytest.fixture
def admin_browser(browser: Browser) -> TestClient:
    return browser(Role.ADMIN)


def token_of(page: str, name: str) -> str:
    found = re.search(rf'value="(person:[0-9a-f]+)">[^<]*{name}', page)
    assert found, name
    return found[1]


def test_no_paper_holds_a_name_and_every_page_shows_it(office: Office, admin_browser: TestClient) -> None:
    accident = filled(office)
    for table, held in tables(office):
        assert not [one for one in PEOPLE if one in held], table
    page = admin_browser.get(PLACE).text
    assert all(one in page for one in PEOPLE)
    shown = {
        "/duties/people": ("資格 太郎", "工事 次郎"), "/duties": ("書田 筆子", "資格 太郎"), f"/accidents/{accident}": ("書田 筆子",),
        f"/accidents/{accident}/first/1": ("書田 筆子", "印田 署名"), f"/duties/learning/{accident}": ("担当 三郎",),
        "/duties/checks/2026": ("答田 四郎",), "/duties/reminders": ("noc-of-names@isp.example",),
    }  # fmt: skip
    for path, names in shown.items():
        answer = admin_browser.get(path).text
        assert [one for one in names if one not in answer] == [], path
        assert "person:" not in answer, path


def test_where_a_fact_stands_names_nobody_and_a_body_of_before_loses_it(office: Office) -> None:
    desk, begin = office.console.accidents, datetime.now(UTC) - timedelta(hours=2)
    down = Fact(begin, What.DOWN, WRITER.name, Service.INTERNET, users_least=10, users_most=10, source="NOC")
    record = desk.open(Told(About(), (down,)), WRITER)
    assert not [table for table, held in tables(office) if WRITER.name in held]
    with office.console.database.writing() as connection:  # as it was kept before
        connection.execute(
            text("UPDATE accidents SET body = replace(body, '№1', :who)"), {"who": f"{WRITER.name} 1"}
        )
    assert [table for table, held in tables(office) if WRITER.name in held] == ["accidents"]
    (held,) = office.console.names.names()
    office.console.names.erase(held.name.token, SIGNER)
    record = desk.accident(record.id) or record
    desk.change(record, record.told(), SECOND)
    assert not [table for table, held in tables(office) if WRITER.name in held]


def test_an_erased_name_is_told_as_erased_and_papers_stay_whole(
    office: Office, admin_browser: TestClient
) -> None:
    accident = filled(office)
    before = dict(tables(office))
    page = admin_browser.get(PLACE).text
    for name in ("印田 署名", "担当 三郎", "答田 四郎"):
        token = token_of(page, name)
        assert admin_browser.post(f"{PLACE}/erase", data={"token": token}).status_code == 303
        assert admin_browser.post(f"{PLACE}/erase", data={"token": token}).status_code == 409
    assert dict(tables(office)) == before
    today = office.console.duties.today.isoformat()
    for path in (
        f"/accidents/{accident}/first/1",
        f"/duties/learning/{accident}",
        "/duties/checks/2026",
        "/duties",
    ):
        answer = admin_browser.get(path)
        assert answer.status_code == 200, path
        assert f"名前は消去済み / name erased ({today}, " in answer.text, path
    version = office.console.accidents.version(accident, "first", 1)
    assert version
    assert version.signed
    assert version.signed.digest == version.kept.digest, "the signature is of that version as before"
    with office.console.database.reading() as connection:
        assert "印田" not in str(connection.execute(text("SELECT * FROM staff_names")).all())
    acts = [one for one in office.console.keeping.audit(limit=500) if one.act == "erase-staff-name"]
    assert len(acts) == 3
    assert all(one.object.startswith("person:") for one in acts)


def test_what_is_read_for_an_erased_name_is_written_as_its_token_again(office: Office) -> None:
    accident, console = filled(office), office.console
    measure = console.learning.measures()[0].id
    console.reminders.say(Reminding(), 1, SECOND)
    gone = ("書田 筆子", "担当 三郎", "noc-of-names@isp.example")
    tokens = {one.name.name: one.name.token for one in console.names.names() if one.name.name in gone}
    for token in tokens.values():
        console.names.erase(token, SIGNER)
    record = console.accidents.accident(accident)
    assert record
    contact = record.told().about.report.contact
    assert contact.endswith(f"{tokens['書田 筆子'][-6:]})")
    console.accidents.change(record, record.told(), SECOND)
    console.learning.withdraw(measure, SECOND)
    held = [one.name.name for one in console.names.names()]
    assert not [one for one in held if "name erased" in one]
    assert sum(not one for one in held) == len(gone)
    again = console.accidents.accident(accident)
    assert again
    assert again.told().about.report.contact == contact
    assert "担当" not in (owner := console.learning.measures()[0].owner)
    assert tokens["担当 三郎"][-6:] in owner
    assert tokens["担当 三郎"] in dict(tables(office))["duty_papers"]
    (went,) = console.reminders.went()
    assert "name erased" in went.recipient
    assert went.duty.startswith("course-資格 太郎-")


def test_a_name_that_is_needed_today_is_not_erased_and_only_an_admin_erases(
    office: Office, admin_browser: TestClient, browser: Browser
) -> None:
    filled(office)
    held = {one.name.name: one for one in office.console.names.names()}
    assert held["資格 太郎"].needed == ("operator",)
    assert held["noc-of-names@isp.example"].needed == ("reminding",)
    for name in ("資格 太郎", "noc-of-names@isp.example"):
        answer = admin_browser.post(f"{PLACE}/erase", data={"token": held[name].name.token})
        assert answer.status_code == 409
        assert "要る名前は消せない" in answer.text
    analyst, viewer = browser(Role.ANALYST), browser(Role.VIEWER)
    assert viewer.get(PLACE).status_code == 403
    assert "erase" not in analyst.get(PLACE).text
    assert analyst.post(f"{PLACE}/erase", data={"token": held["印田 署名"].name.token}).status_code == 403
    told = analyst.get("/api/v1/duties/names").json()["names"]
    assert {one["name"]["name"] for one in told} >= set(PEOPLE)


def test_what_nobody_needs_goes_at_its_time_with_a_receipt(office: Office) -> None:
    accident = filled(office)
    days = office.console.keeping.rules()[Stage.STAFF].milliseconds
    now, ahead = office.now(), [days - DAY]
    with Console(office.console.folder, now=lambda: now + ahead[0]) as later:
        assert later.names.tidy() == ()
        ahead[0] = days + DAY
        (receipt,) = later.names.tidy()
        assert later.names.tidy() == ()
        assert [one.act for one in later.keeping.audit(limit=1)] == ["delete"]
    held = {one.name.name: one.name for one in office.console.names.names()}
    assert set(held) == {"", "資格 太郎", "工事 次郎", "noc-of-names@isp.example"}, (
        "those that are needed stay"
    )
    assert receipt.rows == 5
    assert "staff-names" in [one.dataset for one in office.console.keeping.receipts()]
    record = office.console.accidents.accident(accident)
    assert record
    assert "name erased" in record.changed_by
    # Somebody who comes back is a new name; what was erased stays so.
    office.console.accidents.withdraw(record, 3, WRITER)
    again = office.console.accidents.accident(accident)
    assert again
    assert again.changed_by == WRITER.name
    version = office.console.accidents.version(accident, "first", 1)
    assert version
    assert version.signed
    assert "name erased" in version.signed.name
