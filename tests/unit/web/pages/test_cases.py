"""The pages of cases: what is listed, what a case tells, who may do what, and what is refused when somebody was faster."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import casework
from fakes.console import Browser
from sekisho.model import case_life
from sekisho.model.account import Role
from sekisho.model.case import CaseState
from sekisho.model.case_life import Life
from sekisho.web.office import Office
from sekisho.web.pages import cases as page_of_cases
from sekisho.wiring.casebook import Casebook
from sekisho.wiring.moment import milliseconds


@pytest.fixture
def ids(tmp_path: Path, made_once: casework.Made) -> dict[str, str]:
    return made_once.copied(tmp_path / "data")


@pytest.fixture
def office(tmp_path: Path, ids: dict[str, str]) -> Iterator[Office]:
    with casework.office_over(tmp_path / "data") as made:
        yield made


def life(office: Office, identifier: str) -> Life:
    found = office.console.casework.life(identifier)
    assert found is not None
    return found


def seen(office: Office, identifier: str) -> str:
    return str(life(office, identifier).events[-1].seq)


def test_the_list_is_narrowed_by_its_address(browser: Browser, ids: dict[str, str]) -> None:
    own = browser()
    for query, expected in (
        ("", {"new", "confirmed", "other"}),
        ("state=confirmed", {"confirmed"}),
        ("state=open", {"new", "confirmed", "other"}),
        ("family=mirai", {"new"}),
        ("line=L6440003f", {"new"}),
        ("line=1a2b", {"confirmed"}),
        ("assignee=-", {"new", "confirmed", "other"}),
        ("assignee=nobody+here", set()),
        ("since=1d", {"new", "confirmed", "other"}),
        ("until=2020-01-01", set()),
    ):
        shown = own.get(f"/cases?{query}")
        assert shown.status_code == 200, query
        assert {
            name for name in ("new", "confirmed", "other") if f'href="/cases/{ids[name]}"' in shown.text
        } == expected, query


@pytest.mark.parametrize(
    "query", ["state=sick", "line=nobody", "line=Lffffffffffffffff", "since=yesterday", "after=x"]
)
def test_what_no_filter_can_be_is_told(browser: Browser, query: str) -> None:
    assert browser().get(f"/cases?{query}").status_code == 400


def test_pages_follow_each_other_and_a_file_holds_the_whole_filter(
    browser: Browser, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_of_cases, "_PAGE", 2)
    own = browser()
    first = own.get("/cases").text
    more = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = own.get(more).text
    both = [{one for one in ids.values() if f'href="/cases/{one}"' in text} for text in (first, second)]
    assert both[0] | both[1] == {ids["new"], ids["confirmed"], ids["other"]}
    assert not both[0] & both[1]
    rows = json.loads(own.get("/cases?state=new&format=json").content)
    assert rows["filter"]["state"] == "new"
    assert {row["case"] for row in rows["rows"]} == {ids["new"], ids["other"]}


def test_nobody_is_well_because_nothing_was_found(tmp_path: Path) -> None:
    from fakes.console import browsing, first_admin
    from sekisho.wiring.watch import Watch

    with Watch(tmp_path / "empty"):
        pass
    with Casebook(tmp_path / "empty", create=True), casework.office_over(tmp_path / "empty") as office:
        own = browsing(office, first_admin(office).token)
        assert "感染がないことの証明ではない" in own.get("/cases").text
        assert own.get("/cases/C000000000000").status_code == 404


def test_a_case_tells_its_sentences_and_shows_the_flows_behind_them(
    browser: Browser, ids: dict[str, str]
) -> None:
    text = browser().get(f"/cases/{ids['new']}").text
    assert "と5回の通信を成立させた" in text
    assert "L6440003f:40000" in text
    assert "203.0.113.168:48101" in text
    assert f'href="/cases/{ids["new"]}/confirm"' not in text, "acts are forms, never links"
    assert f'action="/cases/{ids["new"]}/confirm"' in text


def test_flow_rows_that_are_no_longer_kept_are_not_shown_as_none(
    tmp_path: Path, browser: Browser, ids: dict[str, str]
) -> None:
    (tmp_path / "data" / "detections.jsonl").unlink()
    text = browser().get(f"/cases/{ids['new']}").text
    assert "と5回の通信を成立させた" in text
    assert "保存期限を過ぎ" in text or "今は読めない" in text


def test_confirming_is_done_once_and_in_the_persons_name(
    office: Office, browser: Browser, ids: dict[str, str]
) -> None:
    own, case = browser(Role.ANALYST), ids["new"]
    done = own.post(f"/cases/{case}/confirm", data={"seen": seen(office, case)})
    assert (done.status_code, done.headers["location"].split("?")[0]) == (303, f"/cases/{case}")
    last = life(office, case).events[-1]
    assert (last.who, last.body["role"], last.body["to"]) == ("one analyst", "analyst", "confirmed")
    again = own.post(f"/cases/{case}/confirm", data={"seen": seen(office, case)})
    assert again.status_code == 400


def test_a_person_names_the_device_model_and_says_how_it_is_known(
    office: Office, browser: Browser, ids: dict[str, str]
) -> None:
    own, case = browser(Role.ANALYST), ids["new"]
    path, named = f"/cases/{case}/model", {"model": "Example R1", "known_by": "契約者の写真"}
    bare = own.post(path, data={"seen": seen(office, case), "model": "Example R1"})
    assert (bare.status_code, life(office, case).case.device_model) == (400, "")
    assert own.post(path, data={"seen": seen(office, case), **named}).status_code == 303
    text = own.get(f"/cases/{case}").text
    assert "機種：Example R1" in text
    assert "契約者の写真" in text
    assert f'href="/cases/{case}"' in own.get("/cases?model=Example+R1").text
    assert own.post(f"/cases/{case}/undo", data={"seen": seen(office, case)}).status_code == 303
    assert life(office, case).case.device_model == ""


def test_what_somebody_else_did_meanwhile_stops_the_act_and_is_shown(
    office: Office, browser: Browser, ids: dict[str, str]
) -> None:
    own, case = browser(Role.ANALYST), ids["new"]
    known = seen(office, case)
    office.console.casework.save(
        case_life.comment(life(office, case).case, "検査機器かも", casework.ANALYST, milliseconds())
    )
    late = own.post(f"/cases/{case}/close", data={"seen": known, "reason": "left", "note": "解約した"})
    assert late.status_code == 409
    assert "ほかの人が先に変えた" in late.text
    assert "検査機器かも" in late.text
    assert "田中 太郎" in late.text
    assert "解約した" in late.text, "what was typed isn't lost"
    assert life(office, case).case.state is CaseState.NEW


def test_that_the_watch_saw_it_again_overtakes_nobody(
    office: Office, tmp_path: Path, browser: Browser, ids: dict[str, str]
) -> None:
    own, case = browser(Role.ANALYST), ids["new"]
    known = seen(office, case)
    with Casebook(tmp_path / "data") as book:
        book.watch.remember([casework.detection(0x6440003F, milliseconds() - 60_000, "c")])
        assert book.fold().changed == 1
    assert own.post(f"/cases/{case}/confirm", data={"seen": known}).status_code == 303


def test_a_comment_is_kept_as_text(office: Office, browser: Browser, ids: dict[str, str]) -> None:
    own, case = browser(Role.ANALYST), ids["new"]
    said = "<script>alert(1)</script> & 山田"
    assert own.post(f"/cases/{case}/comment", data={"text": said}).status_code == 303
    text = own.get(f"/cases/{case}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; 山田" in text
    assert "<script>alert" not in text
    assert own.post(f"/cases/{case}/comment", data={"text": " "}).status_code == 400


def test_split_and_undo_lose_no_detection(office: Office, browser: Browser, ids: dict[str, str]) -> None:
    own, case = browser(Role.ANALYST), ids["new"]
    before = set(life(office, case).sightings)
    one = min(before)
    done = own.post(f"/cases/{case}/split", data={"seen": seen(office, case), f"d-{one}": "1"})
    assert done.status_code == 303
    part = life(office, case).events[-1].body["into"]
    assert set(life(office, part).sightings) == {one}
    assert f'href="/cases/{part}"' in own.get(f"/cases/{case}").text
    assert own.post(f"/cases/{case}/undo", data={"seen": seen(office, case)}).status_code == 303
    assert set(life(office, case).sightings) == before
    nothing = own.post(f"/cases/{case}/split", data={"seen": seen(office, case)})
    assert nothing.status_code == 400


def test_merging_takes_only_cases_of_one_line(office: Office, browser: Browser, ids: dict[str, str]) -> None:
    own, case = browser(Role.ANALYST), ids["new"]
    other = own.post(f"/cases/{case}/merge", data={"seen": seen(office, case), "other": ids["other"]})
    assert other.status_code == 400
    one = min(life(office, case).sightings)
    own.post(f"/cases/{case}/split", data={"seen": seen(office, case), f"d-{one}": "1"})
    part = life(office, case).events[-1].body["into"]
    assert (
        own.post(f"/cases/{case}/merge", data={"seen": seen(office, case), "other": part}).status_code == 303
    )
    assert life(office, part).case.merged_into == case
    assert own.post(f"/cases/{case}/undo", data={"seen": seen(office, case)}).status_code == 303
    assert life(office, part).case.merged_into == ""


def test_each_role_is_offered_what_it_may_do(browser: Browser, office: Office, ids: dict[str, str]) -> None:
    case = ids["confirmed"]
    offered = {}
    by = {role: browser(role) for role in Role}
    for role, own in by.items():
        text = own.get(f"/cases/{case}").text
        offered[role] = {
            name
            for name in ("close", "assign", "notified", "comment", "acknowledge", "draft")
            if f'action="/cases/{case}/{name}"' in text
        }
    assert offered == {
        Role.VIEWER: set(),
        Role.ANALYST: {"close", "assign", "comment", "acknowledge", "draft"},
        Role.SENDER: {"notified", "comment", "acknowledge", "draft"},
        Role.ADMIN: {"close", "assign", "notified", "comment", "acknowledge", "draft"},
    }
    refused = by[Role.SENDER].post(
        f"/cases/{case}/close", data={"seen": seen(office, case), "reason": "left"}
    )
    assert refused.status_code == 403
    assert (
        by[Role.ANALYST].post(f"/cases/{case}/notified", data={"seen": seen(office, case)}).status_code == 403
    )
    assert life(office, case).case.state is CaseState.CONFIRMED


def test_nobody_can_declare_a_healing(browser: Browser, office: Office, ids: dict[str, str]) -> None:
    own = browser()
    for act in ("healed", "relapsed", "reopen"):
        assert own.post(f"/cases/{ids['confirmed']}/{act}", data={"seen": "9"}).status_code == 400
    assert life(office, ids["confirmed"]).case.state is CaseState.CONFIRMED


def test_a_draft_leads_to_its_notice_and_is_made_once_a_day(browser: Browser, ids: dict[str, str]) -> None:
    own, case = browser(Role.ANALYST), ids["confirmed"]
    form = {"channel": "letter", "language": "ja"}
    done = own.post(f"/cases/{case}/draft", data=form)
    assert done.status_code == 303
    assert done.headers["location"].startswith("/notices/")
    assert own.post(f"/cases/{case}/draft", data=form).status_code == 409
    assert own.post(f"/cases/{ids['new']}/draft", data=form).status_code == 409
    assert own.post(f"/cases/{case}/draft", data={"channel": "pigeon", "language": "ja"}).status_code == 400


def test_pages_ask_the_database_a_bounded_number_of_times(
    office: Office, browser: Browser, ids: dict[str, str]
) -> None:
    own = browser()
    own.get("/cases"), own.get(f"/cases/{ids['new']}")
    with casework.queries(office) as asked:
        own.get("/cases")
    assert len(asked) <= 10, asked
    with casework.queries(office) as asked:
        own.get(f"/cases/{ids['new']}")
    assert len(asked) <= 16, asked
