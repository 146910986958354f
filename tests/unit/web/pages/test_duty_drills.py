"""Drills in the console: what has happened by now, what the team did, what was in time."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest
from starlette.testclient import TestClient

from fakes.console import Browser
from sekisho.catalogues.drills import scenarios
from sekisho.model.account import Role
from sekisho.model.case_life import Actor
from sekisho.model.drill import Drill
from sekisho.web.office import Office

PLACE = "/duties/drills"
OWN = "time,what,service,area,users,source\n2026-11-20 12:20,down,internet,東京都,41000,監視\n2026-11-20 12:25,known,,,,NOC\n"


@pytest.fixture
def analyst(browser: Browser) -> TestClient:
    return browser(Role.ANALYST)


def started(client: TestClient, **form: str) -> str:
    answer = client.post(PLACE, data={"scenario": "authentication", "speed": "60", **form})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def earlier(office: Office, where: str, minutes: float) -> Drill:
    """Let a drill have begun so many minutes ago on the wall."""
    desk = office.console.drills
    found = desk.drill(where.rsplit("/", 1)[1])
    assert found
    drill, version = found
    back = timedelta(minutes=minutes)
    moved = msgspec.structs.replace(
        drill,
        start=drill.start - back,
        facts=tuple(msgspec.structs.replace(one, time=one.time - back) for one in drill.facts),
    )
    desk.keep(moved, version, Actor("t", "analyst"))
    return moved


def row(page: str, name: str) -> str:
    found = re.search(rf'<th scope="row">{name}</th>(.*?)</tr>', page)
    assert found
    return re.sub(r"<[^>]+>", " ", found[1])


def test_every_scenario_can_be_played(office: Office, analyst: TestClient) -> None:
    for one in scenarios():
        page = analyst.get(started(analyst, scenario=one.id, speed="1")).text
        assert one.title.ja in page
        assert "判定" in page


def test_a_drill_in_fast_time_is_judged_and_measured(office: Office, analyst: TestClient) -> None:
    where = started(analyst)
    page = analyst.get(where).text
    assert "停止" in page
    assert "復旧" not in row_of_life(page)
    earlier(office, where, 0.4)  # 24 minutes of the drill
    analyst.post(f"{where}/acts", data={"what": "known"})
    analyst.post(f"{where}/acts", data={"what": "told", "note": "ウェブの頁"})
    page = analyst.get(where).text
    assert "ウェブの頁" in page
    assert "間に合った" in row(page, "利用者への初報まで")
    assert re.search(r"2[4-9]\.\d", row(page, "認知まで"))
    assert "まだ" in row(page, "第一報まで")
    earlier(office, where, 2.0)
    page = analyst.get(where).text
    assert "筋書きは終わった" in page
    assert "復旧" in row_of_life(page)
    assert analyst.post(f"{where}/end").status_code == 303
    page = analyst.get(where).text
    assert "data-live" not in page
    assert "間に合わない" in row(page, "第一報まで")  # never done is not in time
    assert analyst.post(f"{where}/acts", data={"what": "reported"}).status_code == 409
    assert analyst.post(f"{where}/end").status_code == 409
    listed = analyst.get(PLACE).text
    assert "進行中" not in listed
    # It is nobody's accident.
    assert office.console.accidents.find() == ()


def row_of_life(page: str) -> str:
    return page[page.index('<ol class="life">') : page.index("</ol>")]


def test_a_scenario_of_ones_own_leaves_the_teams_acts_to_the_team(
    office: Office, analyst: TestClient
) -> None:
    where = started(analyst, text=OWN, target="20")
    found = office.console.drills.drill(where.rsplit("/", 1)[1])
    assert found
    assert [one.what.value for one in found[0].facts] == ["down"]
    assert found[0].about.target_minutes == 20


@pytest.mark.parametrize(
    "wrong",
    [
        {"scenario": "nothing"},
        {"speed": "0.5"},
        {"speed": "1e9"},
        {"speed": "nan"},
        {"speed": "x"},
        {"target": "-1"},
        {"text": "time,what\n2026-11-20 12:20,known\n"},
        {"text": "time,what,service\n2026-11-20 12:20,restored,internet\n"},
        {"text": "nonsense"},
    ],
)
def test_what_cant_be_played_is_refused(analyst: TestClient, wrong: dict[str, str]) -> None:
    answer = analyst.post(PLACE, data={"scenario": "authentication", "speed": "10", **wrong})
    assert answer.status_code == 409
    assert "訓練の記録はない" in analyst.get(PLACE).text


def test_what_isnt_there_is_said_and_other_acts_are_none(analyst: TestClient) -> None:
    for path in ("/Dnobody", "/Dnobody/live"):
        assert analyst.get(PLACE + path).status_code == 404
    for path in ("/Dnobody/acts", "/Dnobody/end"):
        assert analyst.post(PLACE + path).status_code == 404
    assert analyst.post(f"{started(analyst)}/acts", data={"what": "restored"}).status_code == 409
