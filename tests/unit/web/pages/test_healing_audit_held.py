"""Healing, audit log, what is held, and containment rules: every number leads on, and absence is said."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fakes import casework
from fakes.console import Browser
from sekisho.model import case_life
from sekisho.model.account import Role
from sekisho.model.case_healing import healed
from sekisho.web.application import Office


@pytest.fixture
def ids(tmp_path: Path, made_once: casework.Made) -> dict[str, str]:
    return made_once.copied(tmp_path / "data")


@pytest.fixture
def office(tmp_path: Path, ids: dict[str, str]) -> Iterator[Office]:
    with casework.office_over(tmp_path / "data") as made:
        yield made


def heal(office: Office, identifier: str) -> None:
    life = office.console.casework.life(identifier)
    assert life is not None
    done = healed(life.case, office.now(), 5)
    assert done is not None
    office.console.casework.save(done)


def test_a_healing_that_was_not_observed_is_told_as_not_reached(
    browser: Browser, ids: dict[str, str]
) -> None:
    shown = browser().get("/healing").text
    assert "未到達" in shown
    assert "まだ治癒がない" in shown
    assert "沈黙した回線を治癒とは数えない" in shown
    assert "起点となる通知のある事案がまだない" in browser().get("/healing?by=channel").text


def test_every_point_leads_to_its_cases(browser: Browser, office: Office, ids: dict[str, str]) -> None:
    heal(office, ids["new"])
    own = browser()
    shown = own.get("/healing?by=family").text
    points = {part.split('"')[0] for part in shown.split('<a href="#s')[1:]}
    assert points, "something has healed, so there is a point"
    for point in points:
        row = shown.split(f'id="s{point}"')[1].split("</tr>")[0]
        assert f'href="/cases/{ids["new"]}"' in row
    assert 'class="plot wide"' in shown
    assert 'class="plot narrow"' in shown
    rows = json.loads(own.get("/healing?format=json").content)["rows"]
    assert {row["group"] for row in rows} == {"mirai", "gafgyt", ""}


@pytest.mark.parametrize("query", ["by=shoe-size", "by=isp", "from=birth"])
def test_groups_that_there_are_not_are_refused(browser: Browser, query: str) -> None:
    assert browser().get(f"/healing?{query}").status_code == 400


def test_the_audit_log_is_for_those_who_work(browser: Browser, office: Office) -> None:
    office.console.keeping.record(
        "田中 太郎",
        "analyst",
        "export",
        "C0123456789ab",
        reason="検査",
        details={"notice": "01M7YYWXZQR8X2EE"},
    )
    assert browser(Role.VIEWER).get("/audit").status_code == 403
    shown = browser(Role.ANALYST).get("/audit").text
    assert 'href="/cases/C0123456789ab"' in shown
    assert 'href="/notices/01M7YYWXZQR8X2EE"' in shown
    own = browser()
    assert "田中 太郎" not in own.get("/audit?who=nobody").text.split("<table")[-1]
    only = own.get("/audit", params={"who": "田中 太郎"}).text
    assert only.count('<tr id="n') == 1
    assert own.get("/audit?act=export&object=C0123456789ab&since=1d").text.count('<tr id="n') == 1
    assert own.get("/audit?since=never").status_code == 400


def test_the_chain_is_checked_when_asked_and_a_change_is_found(browser: Browser, office: Office) -> None:
    from sqlalchemy import text

    own = browser()
    assert "改変なし" not in own.get("/audit").text
    whole = own.get("/audit?check=1").text
    assert "改変なし" in whole
    assert "控えた値がないと分からない" in whole
    assert "控えた値が鎖にない" in own.get(f"/audit?check=1&head={'0' * 64}").text
    with office.console.database.engine.begin() as connection:
        names = (
            connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")
            )
            .scalars()
            .all()
        )
        for name in names:
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        connection.execute(text("UPDATE audit SET object = 'somebody else' WHERE seq = 1"))
    broken = own.get("/audit?check=1").text
    assert "1 番の記録で鎖が切れている" in broken


def test_what_was_deleted_at_its_time_is_told_and_a_head_among_it(browser: Browser, office: Office) -> None:
    from sekisho.stores.database.audit_expiry import Overdue, expire

    own, desk = browser(), office.console.keeping
    old = sorted(desk.audit(limit=1000), key=lambda one: one.seq)
    until = max(one.at for one in old)
    assert len(old) > 1
    (made,) = expire(office.console.database, Overdue(until, until + 1, "audit, 5 d", "田中 太郎", "admin"))
    shown = own.get("/audit?check=1").text
    assert f"1～{made.last:,} 番の記録は期限により消した" in shown
    assert "改変なし" in shown
    assert "期限の過ぎた監査記録を消した" in shown
    assert desk.verify_audit().note in shown
    assert "値は合っている" in own.get(f"/audit?check=1&head={made.last}:{made.hash}").text
    gone = own.get(f"/audit?check=1&head=1:{old[0].hash}").text
    assert "もう調べられない" in gone
    assert "控えと違う" not in gone
    assert "期限で消えた記録のものかもしれない" in own.get(f"/audit?check=1&head={old[0].hash}").text


def test_a_look_at_what_is_held_is_recorded_and_a_foreign_link_looks_at_nothing(
    browser: Browser, office: Office
) -> None:
    own = browser()

    def looks() -> int:
        return sum(one.act == "inventory" for one in office.console.keeping.audit(limit=100))

    form = own.get("/held").text
    assert looks() == 0
    assert "仮名を入れる" in form
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-origin", "sec-purpose": "prefetch"},
    ):
        assert "L6440003f" in own.get("/held?line=L6440003f", headers=headers).text
    assert looks() == 0
    shown = own.get("/held?line=L6440003f").text
    assert looks() == 1
    assert 'href="/cases?line=L6440003f"' in shown
    assert 'href="/watch/detections?line=L6440003f"' in shown
    last = office.console.keeping.audit(limit=1)[0]
    assert (last.who, last.role, last.object) == ("関守", "admin", "L6440003f")
    assert own.get("/held?line=192.0.2.1").status_code == 400


def test_a_line_of_which_nothing_is_held_is_told_so(browser: Browser) -> None:
    assert "この閲覧の記録のほかに何もない" in browser().get("/held?line=Labc").text


def test_viewers_dont_look_at_what_is_held(browser: Browser) -> None:
    assert browser(Role.VIEWER).get("/held?line=L6440003f").status_code == 403


def test_a_rule_of_a_case_is_shown_with_its_limits(
    browser: Browser, office: Office, tmp_path: Path, ids: dict[str, str]
) -> None:
    from sekisho.model.containment import Kind, Match
    from sekisho.model.identity import Person
    from sekisho.wiring.contain import containment
    from sekisho.workflows.contain import Wanted, propose

    case = ids["new"]
    settings = tmp_path / "data" / "watch.toml"
    settings.write_text(settings.read_text() + '\n[containment]\nground = "約款第9条"\n')
    with containment(tmp_path / "data") as held:
        one = propose(
            Wanted(case, Kind.RTBH, Match(), 24.0, "感染", 7), Person("関守", Role.ADMIN), held.parts
        )
    own = browser()
    assert f'href="/cases/{case}/rules/{one.id}"' in own.get(f"/cases/{case}").text
    shown = own.get(f"/cases/{case}/rules/{one.id}").text
    assert "203.0.113.168" in shown
    assert "影響がないという意味ではない" in shown
    assert "ここからは何も適用しない" in shown
    text = own.post(f"/cases/{case}/rules/{one.id}")
    assert text.status_code == 200
    assert "<pre" in text.text
    assert office.console.keeping.audit(limit=1)[0].act == "write-rule"
    assert own.get(f"/cases/{case}/rules/nothing").status_code == 404


def test_the_band_of_a_life_never_leaves_its_frame(office: Office, ids: dict[str, str]) -> None:
    from sekisho.web.case_story import WIDTH, _band

    life = office.console.casework.life(ids["confirmed"])
    assert life is not None
    moved = case_life.Life(msgspec.structs.replace(life.case), life.events)
    band = _band(moved, life.case.first_seen, office.now())
    assert [one.state.value for one in band] == ["new", "confirmed"]
    assert all(one.x >= 0 and one.x + one.width <= WIDTH + 2 for one in band)
