"""Counts by fiscal year in the console: one's own beside the published ones, gaps as gaps, nought never for unknown."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import openpyxl

from fakes.console import Browser
from sekisho.formats.incident_file import read_toml
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


def test_the_table_of_a_period_is_made_of_all_its_accidents(office: Office, browser: Browser) -> None:
    viewer = browser(Role.VIEWER)
    assert "定期報告の表" not in viewer.get(PLACE).text
    for day in (2, 1):
        accident(office, datetime(2026, 5, day, tzinfo=UTC), 29_000 + day, "電源")
    accident(office, datetime(2025, 5, 1, tzinfo=UTC), 29_999, "電源")
    page = viewer.get(PLACE).text
    links = re.findall(r'href="(/accidents/statistics/periodic[^"]*format=json)"', page)
    assert [one.replace("&amp;", "&") for one in links] == [
        f"{PLACE}/periodic?first=2026-04-01&format=json", f"{PLACE}/periodic?first=2025-04-01&format=json",
    ]  # fmt: skip
    answer = viewer.get(f"{PLACE}/periodic?first=2026-04-01&format=json")
    assert 'filename="periodic-2026-04-01.json"' in answer.headers["content-disposition"]
    rows = answer.json()["sheets"][0]["rows"]
    assert [(row[0], "29,001" in str(row), "29,002" in str(row)) for row in rows] == [
        ("1", True, False),
        ("2", False, True),
    ]
    book = openpyxl.load_workbook(
        io.BytesIO(viewer.get(f"{PLACE}/periodic?first=R8.4.1&format=xlsx").content)
    )
    assert any("29,001" in str(cell.value) for sheet in book for row in sheet for cell in row)
    for bad in ("first=2026-04-01&format=exe", "first=x&format=json", "first=2024-04-01&format=json"):
        assert viewer.get(f"{PLACE}/periodic?{bad}").status_code == 400


def test_the_list_and_each_accident_are_files(office: Office, browser: Browser) -> None:
    viewer = browser(Role.VIEWER)
    name = accident(office, datetime(2026, 5, 1, tzinfo=UTC), 29_000, "電源")
    rows = list(csv.DictReader(io.StringIO(viewer.get("/accidents?format=csv").content.decode("utf-8-sig"))))
    assert (rows[0]["accident"], rows[0]["title"], rows[0]["serious"]) == (name, "故障", "no")
    book = openpyxl.load_workbook(io.BytesIO(viewer.get("/accidents?format=xlsx").content))
    assert book.worksheets[0].cell(2, 1).value == name
    assert "/accidents?format=xlsx" in viewer.get("/accidents").text
    page = viewer.get(f"/accidents/{name}").text
    assert f'href="/accidents/{name}?format=toml"' in page
    about, facts = read_toml(viewer.get(f"/accidents/{name}?format=toml").text, UTC, (), ())
    assert (about.id, about.report.cause_class, len(facts)) == (name, "電源", 2)
