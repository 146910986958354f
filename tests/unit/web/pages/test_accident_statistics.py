"""Counts by fiscal year in the console: one's own beside the published ones, gaps as gaps, nought never for unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fakes.console import Browser
from sekisho.model.accident_record import Told
from sekisho.model.account import Role
from sekisho.model.case_life import Actor
from sekisho.model.incident import Service
from sekisho.model.timeline import About, Details, Fact, What
from sekisho.web.office import Office

PLACE = "/accidents/statistics"


def accident(office: Office, begin: datetime, users: int | None, cause: str) -> str:
    facts = (
        Fact(begin, What.DOWN, "1", Service.INTERNET, "東京都", users, users, "監視"),
        Fact(begin + timedelta(hours=3), What.RESTORED, "2", Service.INTERNET, "東京都", source="監視"),
    )
    told = Told(About(title="故障", report=Details(cause_class=cause)), facts)
    return office.console.accidents.open(told, Actor("佐藤", "analyst")).id


def test_own_accidents_stand_beside_the_published_ones_and_gaps_stay_gaps(
    office: Office, browser: Browser
) -> None:
    viewer = browser(Role.VIEWER)
    page = viewer.get(PLACE).text
    assert "事故がなかったという意味ではない" in page
    assert "7,500" in page  # fiscal year 2022
    assert "0ではない" in page
    accident(
        office, datetime(2023, 3, 31, 14, 59, tzinfo=UTC), 41_000, ""
    )  # 23:59 in Japan: fiscal year 2022
    accident(office, datetime(2023, 3, 31, 15, 1, tzinfo=UTC), None, "ソフトウェア")
    page = viewer.get(PLACE).text
    assert "2022年度の自社の事故" in page
    assert "原因未記入" in page
    assert "30,000人以上" in page
    assert "決まらない" in page
    told = {one["year"]: one for one in viewer.get("/api/v1" + PLACE).json()["years"]}
    assert (told[2022]["own"], told[2022]["serious"]) == (1, 1)
    assert (told[2023]["own"], told[2023]["undecided"], told[2023]["published"]) == (1, 1, None)
    assert told[2021]["published"] is None
    assert told[2021]["own"] == 0


def test_an_accident_that_is_over_counts_nothing_down_and_says_what_was_never_done(
    office: Office, browser: Browser
) -> None:
    name = accident(office, datetime.now(UTC) - timedelta(days=9), 8_000, "x")
    page = browser(Role.VIEWER).get(f"/accidents/{name}").text
    assert "利用者に知らせた記録がない" in page
    assert "data-until" not in page
