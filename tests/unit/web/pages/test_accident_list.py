"""The list of accidents says what the page of each says, whatever was said when it was kept."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from fakes.console import Browser
from sekisho.model.accident_record import Told
from sekisho.model.account import Role
from sekisho.model.case_life import Actor
from sekisho.model.incident import Service
from sekisho.model.timeline import About, Fact, What
from sekisho.web.office import Office


def test_what_is_over_is_judged_by_the_rules_of_now(office: Office, browser: Browser) -> None:
    begin = datetime.now(UTC) - timedelta(hours=8)
    facts = (
        Fact(begin, What.DOWN, "1", Service.INTERNET, users_least=40_000, users_most=40_000),
        Fact(begin + timedelta(hours=3), What.RESTORED, "2", Service.INTERNET),
    )
    desk, viewer = office.console.accidents, browser(Role.VIEWER)
    record = desk.open(Told(About(title="終わった故障"), facts), Actor("甲", "analyst"))
    assert (record.serious, record.ended > 0) == ("yes", True)
    with office.console.database.writing() as connection:  # as if rules of before had said so
        connection.execute(text("UPDATE accidents SET serious = 'no'"))
    rows = list(csv.DictReader(io.StringIO(viewer.get("/accidents?format=csv").content.decode("utf-8-sig"))))
    assert [one["serious"] for one in rows if one["title"] == "終わった故障"] == ["yes"]
    listed = viewer.get("/accidents").text
    assert 'data-label="重大な事故か"><span class="mark fail"' in listed
    assert "継続中" not in listed.partition("<tbody>")[2].partition("</tbody>")[0]
