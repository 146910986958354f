"""Duties in the console: by day, done with proof, people and sites; what isn't known stays undecided."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from starlette.testclient import TestClient

from fakes.console import Browser
from sekisho.demo.console_accidents import accidents
from sekisho.model.account import Role
from sekisho.web.office import Office
from sekisho.wiring.moment import milliseconds

SITE = {
    "name": "第一局",
    "prefecture": "東京都",
    "municipality": "千代田区",
    "starts": "2020-04-01",
    "lines": "yes",
    "work-digital": "1",
}
PLACE = "/duties/people"


@pytest.fixture
def analyst(browser: Browser) -> TestClient:
    return browser(Role.ANALYST)


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found
    return found[1]


def keep(client: TestClient, what: str, **form: str) -> str:
    """Send a form of the people's page and return the page after it."""
    before = client.get(PLACE).text
    answer = client.post(f"{PLACE}/{what}", data={"seen": seen(before), **form})
    assert answer.status_code == 303, answer.text
    return client.get(PLACE).text


def test_nothing_said_is_undecided_and_never_nothing_to_do(analyst: TestClient) -> None:
    page = analyst.get("/duties").text
    assert "事業者のことがまだ書かれていない" in page
    assert "前年度末の利用者数（users）による" in page
    assert "遅れ" in page


def test_people_and_sites_make_vacancies_courses_and_exemptions(analyst: TestClient) -> None:
    assert "何も分からない" not in analyst.get(PLACE).text
    page = keep(analyst, "sites", **SITE)
    assert page.count("空き") == 2
    assert "できる人がいない" in page
    page = keep(
        analyst, "engineers", name="佐藤", kind="transmission", appointed="2020-04-01", **{"post-第一局": "1"}
    )
    assert page.count("空き") == 1
    assert "遅れ" in page  # the course within a year of the appointment
    page = keep(analyst, "installers", name="山田", kind="all", **{"post-東京都": "1"})
    assert "できる人がいない" not in page
    # A site's new name is its people's new post.
    page = keep(analyst, "sites", **(SITE | {"was": "0", "name": "中央局"}))
    assert page.count("空き") == 1
    page = keep(analyst, "operator", users="２９，９９９", voice="no", qualified="yes", name="見本")
    assert "選任を要しない" in page
    listed = analyst.get("/duties").text
    assert "主任技術者の講習：佐藤" in listed
    assert "選任：中央局" not in listed
    assert "通信品質" not in listed
    page = keep(analyst, "engineers", was="0", remove="1", name="")
    assert "佐藤" not in page


@pytest.mark.parametrize(
    ("what", "form", "said"),
    [
        ("operator", {"users": "-3"}, "0以上の数"),
        ("operator", {"users": "9" * 30}, "0以上の数"),
        ("sites", SITE | {"starts": "2020-02-30"}, "暦にない日時"),
        ("sites", SITE | {"starts": "四月"}, "日付として読めない"),
        ("sites", SITE | {"starts": "平成35年1月1日"}, "元号の期間の外"),
        ("operator", {"users": "−3"}, "0以上の数"),
        ("sites", SITE | {"name": " "}, "名前が要る"),
        ("sites", SITE | {"work-mining": "1"}, "知らない工事"),
        (
            "engineers",
            {"name": "佐藤", "kind": "magic", "appointed": "2020-04-01"},
            "主任技術者の種別が不明",
        ),
        ("engineers", {"name": "佐藤", "kind": "line", "appointed": ""}, "日付が要る"),
        (
            "engineers",
            {"name": "佐", "kind": "line", "appointed": "2020-04-01", "course": "2098-01-01"},
            "まだ来ていない",
        ),
        ("installers", {"name": "山田", "kind": "all", "post-どこか": "1"}, "知らない事業場"),
        ("installers", {"was": "7", "remove": "1"}, "もうない"),
        ("file", {"text": "users = ["}, "事業者のファイルの誤り"),
        ("file", {"text": "[" * 5000}, "事業者のファイルの誤り"),
    ],
)
def test_what_doesnt_go_together_is_refused_and_nothing_kept(
    analyst: TestClient, what: str, form: dict[str, str], said: str
) -> None:
    answer = analyst.post(f"{PLACE}/{what}", data={"seen": "0", **form})
    assert answer.status_code == 409
    assert said in answer.text
    assert seen(analyst.get(PLACE).text) == "0"


def test_a_file_replaces_all_and_the_slower_of_two_is_told(analyst: TestClient) -> None:
    text = 'name = "見本"\nusers = 45000\n[[sites]]\nname = "局"\nprefecture = "東京都"\nmunicipality = "港区"\nstarts = 2020-04-01\n'
    page = keep(analyst, "file", text=text)
    assert 'value="45000"' in page
    stale = analyst.post(f"{PLACE}/operator", data={"seen": "0", "name": "別"})
    assert stale.status_code == 409
    assert 'value="見本"' in analyst.get(PLACE).text


def test_done_with_proof_and_taken_back(analyst: TestClient, office: Office) -> None:
    keep(analyst, "operator", users="45000", voice="yes", qualified="", name="見本")
    page = analyst.get("/duties").text
    late = re.search(r'<tr id="(disaster-measures-[0-9-]+)"', page)
    assert late
    form = {"id": late[1], "on": date.today().isoformat(), "proof": "受付 123"}
    for wrong, said in (
        ({"proof": " "}, "証拠"),
        ({"on": "2999-01-01"}, "まだ来ていない日"),
        ({"on": "x"}, "日付"),
        ({"id": "nothing"}, "今の一覧にない"),
        ({"on": "1999-01-01"}, "期間が終わる前"),
        ({"id": "appoint"}, "証拠では済みにならない"),
    ):
        refused = analyst.post("/duties/done", data=form | wrong)
        assert refused.status_code == 409
        assert said in refused.text
    assert analyst.post("/duties/done", data=form).status_code == 303
    done = analyst.get("/duties?state=done").text
    assert "受付 123" in done
    assert "one analyst" in done
    assert analyst.post("/duties/undone", data={"id": late[1]}).status_code == 303
    assert analyst.post("/duties/undone", data={"id": late[1]}).status_code == 409
    assert "受付 123" not in analyst.get("/duties").text
    # Done again after it was taken back: every version stays.
    assert analyst.post("/duties/done", data=form).status_code == 303
    acts = [one.act for one in office.console.keeping.audit()]
    assert acts[:3] == ["duty-done", "duty-undone", "duty-done"]


def test_accidents_on_record_bring_their_duties_and_the_calendar_has_them(
    analyst: TestClient, office: Office
) -> None:
    now = milliseconds() - int(timedelta(hours=3) / timedelta(milliseconds=1))
    accidents(office.console, now)
    page = analyst.get("/duties").text
    assert "詳細報告：" in page
    answer = analyst.get("/duties/calendar.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    unfolded = answer.text.replace("\r\n ", "")
    assert "詳細報告：" in unfolded
    assert answer.text.startswith("BEGIN:VCALENDAR\r\n")


def test_a_viewer_sees_and_changes_nothing(browser: Browser) -> None:
    viewer = browser(Role.VIEWER)
    for path in ("/duties", PLACE):
        page = viewer.get(path).text
        assert '<form method="post" action="/duties' not in page
    assert viewer.post("/duties/done", data={"id": "x"}).status_code == 403
