"""Accidents in the console: recorded, judged, drafted, signed off; refusals lose nothing."""

from __future__ import annotations

import base64
import io
import json
import re
from datetime import datetime, timedelta, timezone

import httpx
import msgspec
import openpyxl
import pytest
from starlette.testclient import TestClient

from fakes.console import Browser
from sekisho.demo.console_accidents import accidents
from sekisho.model.accident_record import Told
from sekisho.model.account import Role
from sekisho.web.accident_clocks import left_words
from sekisho.web.office import Office
from sekisho.wiring.moment import milliseconds

JST = timezone(timedelta(hours=9))


def ago(minutes: int) -> str:
    return (datetime.now(JST) - timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S")


@pytest.fixture
def sender(browser: Browser) -> TestClient:
    return browser(Role.SENDER)


def recorded(client: TestClient, **more: str) -> str:
    form = {
        "title": "認証の故障",
        "time": ago(90),
        "what": "down",
        "service": "internet",
        "area": "東京都",
        "users": "41000-60000",
    }
    answer = client.post("/accidents", data=form | more)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found
    return found[1]


def test_none_on_record_is_not_none_happened(sender: TestClient) -> None:
    page = sender.get("/accidents").text
    assert "事故がなかったという意味ではない" in page
    assert '<input name="time" required' not in page, "what is pasted has its own times"


def test_a_running_accident_is_judged_counted_down_and_turns_serious(sender: TestClient) -> None:
    where = recorded(sender)
    page = sender.get(where).text
    assert "まだ決まらない" in page
    assert "1時間30分〜 × 41,000–60,000 ? 2時間 × 30,000" in page
    left = re.findall(r'data-until="\d+">([^<]*)<', page)
    assert re.fullmatch(r"0:(29:5\d|30:00)", left[0])
    assert left[1].startswith("−1:00:")  # users should have been told 30 minutes after it began
    assert '<svg class="plot course wide"' in page
    assert "様式第50の3" in page
    late = sender.get(recorded(sender, time=ago(130))).text
    assert "≥ 2時間 × 30,000" in late
    listed = sender.get("/accidents").text
    assert listed.index("まだ決まらない") < listed.index("重大な事故</span>")


def test_facts_are_added_in_the_calendars_of_japan_and_bad_ones_refused_with_what_was_written(
    sender: TestClient,
) -> None:
    where = recorded(sender)
    page = sender.get(where).text
    now = datetime.now(JST) - timedelta(minutes=5)
    era = f"令和{now.year - 2018}年{now.month}月{now.day}日{now.hour}時{now.minute}分"
    form = {"seen": seen(page), "time": era, "what": "restored", "service": "internet"}
    assert sender.post(f"{where}/facts", data=form).status_code == 303
    page = sender.get(where).text
    assert "重大でない" in page
    assert "one sender" in page  # who said it is its source
    stale = sender.post(f"{where}/facts", data=form)
    assert stale.status_code == 409
    again = sender.post(
        f"{where}/facts",
        data=form | {"seen": seen(page), "users": "-3", "what": "down", "note": "書いたもの"},
    )
    assert again.status_code == 409
    assert "利用者数が負" in again.text
    assert "書いたもの" in again.text
    before = sender.post(f"{where}/facts", data=form | {"seen": seen(page), "service": "voice"})
    assert "停止より前の復旧" in before.text
    assert sender.get(where).text.count("<tr><td>") == page.count("<tr><td>")


def test_a_fact_of_the_wrong_year_is_refused_and_one_that_got_in_hides_nothing(
    sender: TestClient, office: Office
) -> None:
    ahead = (datetime.now(JST) + timedelta(days=365)).strftime("%Y-%m-%d %H:%M")
    form = {"title": "年", "time": ahead, "what": "down", "service": "internet"}
    answer = sender.post("/accidents", data=form)
    assert answer.status_code == 400
    assert "5分を超えて後" in answer.text
    where = recorded(sender)
    added = sender.post(f"{where}/facts", data=form | {"seen": seen(sender.get(where).text)})
    assert added.status_code == 409
    # One kept before there was this rule.
    desk = office.console.accidents
    record = desk.accident(where.rsplit("/", 1)[1])
    assert record
    told = record.told()
    later = tuple(msgspec.structs.replace(one, time=one.time + timedelta(days=365)) for one in told.facts)
    desk._store.save(
        msgspec.structs.replace(record, body=msgspec.json.encode(Told(told.about, later)).decode())
    )
    other = recorded(sender, title="ほかの事故")
    listed = sender.get("/accidents")
    assert listed.status_code == 200
    assert "判定できない" in listed.text
    assert "ほかの事故" in listed.text
    page = sender.get(where)
    assert page.status_code == 200
    assert "今の時点では判定できない" in page.text
    # The right fact first, then the wrong one is taken back.
    right = {
        "seen": seen(page.text),
        "time": ago(90),
        "what": "down",
        "service": "internet",
        "area": "千葉県",
    }
    assert sender.post(f"{where}/facts", data=right).status_code == 303
    page = sender.get(where)
    assert "まだ使っていない" in page.text
    taken = sender.post(f"{where}/withdrawals", data={"seen": seen(page.text), "number": "1"})
    assert taken.status_code == 303
    assert "まだ使っていない" not in sender.get(where).text
    assert other != where


def test_a_wrong_fact_is_withdrawn_and_stays_on_record(sender: TestClient, browser: Browser) -> None:
    where = recorded(sender, time=ago(130))
    page = sender.get(where).text
    assert "≥ 2時間 × 30,000" in page
    alone = sender.post(f"{where}/withdrawals", data={"seen": seen(page), "number": "1"})
    assert alone.status_code == 409
    form = {"seen": seen(page), "time": ago(20), "what": "users", "service": "internet", "area": "東京都"}
    assert sender.post(f"{where}/facts", data=form | {"users": "450"}).status_code == 303
    page = sender.get(where).text
    assert "重大でない" in page
    assert sender.post(f"{where}/withdrawals", data={"seen": seen(page), "number": "2"}).status_code == 303
    page = sender.get(where).text
    assert "≥ 2時間 × 30,000" in page
    assert "取り消した" in page
    assert "2番目の事実の取消" in page
    for number in ("9", "3", "x", "0"):
        refused = sender.post(f"{where}/withdrawals", data={"seen": seen(page), "number": number})
        assert refused.status_code == 409
        assert "取り消す事実がない" in refused.text
    assert "取り消した" in browser(Role.ADMIN).get("/audit").text


def test_a_wrong_beginning_is_corrected_in_one_act_while_its_end_is_on_record(sender: TestClient) -> None:
    where = recorded(sender, time=ago(130))
    known = {"time": ago(125), "what": "known"}
    for more in (known, {"time": ago(20), "what": "restored", "service": "internet"}):
        assert (
            sender.post(f"{where}/facts", data=more | {"seen": seen(sender.get(where).text)}).status_code
            == 303
        )
    page = sender.get(where).text
    alone = sender.post(f"{where}/withdrawals", data={"seen": seen(page), "number": "1"})
    assert (alone.status_code, "停止より前の復旧</b> — №3" in alone.text) == (409, True)
    right = {"time": ago(121), "what": "down", "service": "internet", "area": "東京都", "users": "41000"}
    late = sender.post(f"{where}/facts", data=right | {"seen": seen(page), "instead": "1"})
    assert (late.status_code, "発生より前に認知している</b> — №2" in late.text) == (409, True)
    assert '<option value="1" selected>1. 停止' in late.text, "the form is given back as it was sent"
    for more in (known | {"time": ago(119), "instead": "2"}, right | {"instead": "1"}):
        answer = sender.post(f"{where}/facts", data=more | {"seen": seen(sender.get(where).text)})
        assert answer.status_code == 303
    page = sender.get(where).text
    assert re.search("1時間(39|40|41)分 × 41,000", page)
    assert page.count("取り消した") == 2
    none = sender.post(f"{where}/facts", data=right | {"seen": seen(page), "instead": "x"})
    assert (none.status_code, "取り消す事実がない" in none.text) == (409, True)


def test_equipment_that_carries_all_traffic_is_told_by_the_form(sender: TestClient) -> None:
    form = {
        "service": "",
        "users": "",
        "what": "equipment-down",
        "equipment": "見本海底ケーブル",
        "all_traffic": "yes",
    }
    page = sender.get(recorded(sender, time=ago(130), **form)).text
    assert "58条2項2号 見本海底ケーブル" in page
    bare = sender.post("/accidents", data=form | {"equipment": "", "time": ago(5), "area": ""})
    assert bare.status_code == 400
    assert "設備が書かれていない" in bare.text
    assert '<option value="yes" selected>' in bare.text


def test_what_a_second_person_typed_is_given_back_beside_what_the_first_wrote(
    sender: TestClient, browser: Browser
) -> None:
    where = recorded(sender)
    before = seen(sender.get(where).text)
    first = {"seen": before, "title": "認証の故障", "cause": "電源"}
    assert sender.post(f"{where}/said", data=first).status_code == 303
    mine = {
        "seen": before,
        "title": "認証の故障",
        "cause": "冷却",
        "measures": "切替",
        "target_minutes": "45",
    }
    page = browser(Role.ADMIN).post(f"{where}/said", data=mine)
    assert page.status_code == 409
    for told in (
        ">冷却</textarea>",
        ">切替</textarea>",
        'value="45"',
        "記録にあるもの: 電源",
        "記録にあるもの: 空",
    ):
        assert told in page.text, told
    again = sender.post(f"{where}/said", data=mine | {"seen": seen(page.text)})
    assert again.status_code == 303
    assert ">冷却</textarea>" in sender.get(where).text


def test_a_subject_cant_turn_a_heading_round_nor_begin_a_line(sender: TestClient) -> None:
    where = recorded(sender, title="故障\u202e告報")
    page = sender.get(where).text
    assert ("故障\ufffd告報" in page, "\u202e" in page) == (True, False)
    said = {"revision": int(seen(page)), "title": "一\r\n二", "operator": "社\n名", "cause": "一\n二"}
    assert sender.post(f"/api/v1{where}/said", json=said).status_code == 200
    page = sender.get(where).text
    assert "<h1>一 二</h1>" in page
    assert ">社 名</textarea>" in page
    assert ">一\n二</textarea>" in page


def test_two_duties_ask_for_two_detailed_reports(sender: TestClient) -> None:
    facts = f'[[facts]]\ntime = "{ago(200)}"\nwhat = "down"\nservice = "internet"\nusers = 50000\n'
    where = recorded(sender, text=f'leaks = ["secrecy"]\n{facts}', title="")
    page = sender.get(where).text
    for duty in ("secrecy", "serious"):
        assert f'name="duty" value="{duty}"' in page
        made = sender.post(f"{where}/drafts", data={"kind": "detailed", "duty": duty})
        assert made.headers["location"] == f"{where}/detailed-{duty}/1"
        assert "提出期限" in sender.get(made.headers["location"]).text
    assert "/detailed-secrecy/1" in sender.get(where).text
    assert sender.post(f"{where}/drafts", data={"kind": "detailed", "duty": "threat"}).status_code == 400


def test_a_pasted_file_and_a_bad_one(sender: TestClient) -> None:
    text = f"time,what,service,users\n{ago(200)},down,voice,5万\n{ago(10)},restored,voice,\n"
    page = sender.get(recorded(sender, text=text, title="")).text
    assert "58条2項1号 2" in page
    toml = f'title = "紙"\nleaks = ["secrecy"]\nunhurt = true\n[[facts]]\ntime = "{ago(5)}"\nwhat = "known"\n'
    assert "様式第50の2" in sender.get(recorded(sender, text=toml, title="")).text
    bad = sender.post("/accidents", data={"text": "time,what\n昨日,down\n", "title": "x"})
    assert bad.status_code == 400
    assert "line 2: time: 昨日" in bad.text
    assert "昨日,down" in bad.text
    assert sender.post("/accidents", data={"time": "2026-13-01 10:00", "what": "down"}).status_code == 400


def test_drafts_have_versions_with_their_changes_and_a_named_signature(
    sender: TestClient, browser: Browser
) -> None:
    where = recorded(sender)
    first = sender.post(f"{where}/drafts", data={"kind": "first"}).headers["location"]
    assert first.endswith("/first/1")
    page = sender.get(first).text
    assert "▲ 人が書く" in page
    assert "最初の版" in page
    assert (
        sender.post(f"{where}/drafts", data={"kind": "first"}).headers["location"] == first
    )  # nothing is new
    said = {
        "seen": seen(sender.get(where).text),
        "title": "認証の故障",
        "cause": "雷 <b>",
        "target_minutes": "45",
    }
    assert sender.post(f"{where}/said", data=said).status_code == 303
    assert "第一報（自社の目標）" in sender.get(where).text
    second = sender.post(f"{where}/drafts", data={"kind": "first"}).headers["location"]
    page = sender.get(second).text
    assert "<ins>雷 &lt;b&gt;</ins>" in page
    analyst = browser(Role.ANALYST)
    assert analyst.post(second).status_code == 403
    assert sender.post(second).status_code == 303
    page = sender.get(second).text
    assert "署名済み" in page
    assert sender.post(second).status_code == 409
    assert "案（未確認）" in sender.get(first).text
    book = openpyxl.load_workbook(io.BytesIO(sender.get(f"{second}?format=xlsx").content))
    assert any(
        "確認者 one sender" in str(cell.value) for row in book.worksheets[0].iter_rows() for cell in row
    )
    for form, begins in (("pdf", b"%PDF"), ("docx", b"PK"), ("json", b"{")):
        assert sender.get(f"{second}?format={form}").content.startswith(begins)
    assert sender.get(f"{second}?format=exe").status_code == 400
    log = analyst.get("/audit").text
    assert "書類を確認し署名した" in log


def test_a_target_that_is_no_number_is_refused_and_clears_nothing(sender: TestClient) -> None:
    where = recorded(sender)
    said = {"title": "認証の故障", "target_minutes": "45"}
    answer = sender.post(f"{where}/said", data={**said, "seen": seen(sender.get(where).text)})
    assert answer.status_code == 303
    bad = {**said, "title": "別の件名", "target_minutes": "-9", "seen": seen(sender.get(where).text)}
    answer = sender.post(f"{where}/said", data=bad)
    assert answer.status_code == 409
    assert "-9" in answer.text
    page = sender.get(where).text
    assert 'name="target_minutes" inputmode="numeric" pattern="[0-9]{0,5}" value="45"' in page
    assert "別の件名" not in page


def test_the_open_places_of_a_periodic_table_are_told_before_it_is_signed(sender: TestClient) -> None:
    where = recorded(sender)
    table = sender.post(f"{where}/drafts", data={"kind": "periodic"}).headers["location"]
    page = sender.get(table).text
    assert re.search("空の欄 [1-9]", page)


@pytest.mark.parametrize(
    "path", ["/accidents/A0", "/accidents/A0/first/1", "/accidents/A0/first/x", "/accidents/A0/nope/1"]
)
def test_what_is_not_there(sender: TestClient, path: str) -> None:
    assert sender.get(path).status_code == 404


def test_a_version_that_somebody_altered_is_not_shown(sender: TestClient, office: Office) -> None:
    from sqlalchemy import text

    where = recorded(sender)
    first = sender.post(f"{where}/drafts", data={"kind": "first"}).headers["location"]
    with office.console.database.writing() as connection:
        connection.execute(text("DROP TRIGGER accident_documents_no_update"))
        connection.execute(text("UPDATE accident_documents SET body = replace(body, '41,000', '1,000')"))
    assert sender.get(first).status_code == 409


def test_the_demo_shows_a_signed_version_and_a_newer_one(office: Office, sender: TestClient) -> None:
    accidents(office.console, office.console.now())
    page = sender.get("/accidents").text
    assert page.count("（見本）") == 2
    where = re.search(r'href="(/accidents/A[0-9a-f]{12})">認証', page)
    assert where
    one = sender.get(where[1]).text
    assert "署名: 鈴木" in one
    assert "第2版" in one


def test_english(office: Office, sender: TestClient) -> None:
    accidents(office.console, office.console.now())
    sender.cookies.set("lang", "en")
    page = sender.get("/accidents").text
    where = re.search(r'href="(/accidents/A[0-9a-f]{12})">認証', page)
    assert where
    assert "Serious if not restored" in sender.get(where[1]).text


def test_what_is_left() -> None:
    assert [left_words(seconds) for seconds in (0, 59, 3_725, -61)] == [
        "0:00:00",
        "0:00:59",
        "1:02:05",
        "−0:01:01",
    ]


def test_the_api_judges_and_takes_facts(sender: TestClient) -> None:
    where = recorded(sender, time=ago(130)).rpartition("/")[2]
    listed = sender.get("/api/v1/accidents?limit=1").json()
    assert [one["id"] for one in listed["accidents"]] == [where]
    one = sender.get(f"/api/v1/accidents/{where}").json()
    assert (one["serious"], one["duties"][0]["form"], one["duties"][0]["confirmed"]) == (
        "yes",
        "様式第50の3",
        True,
    )
    fact = {
        "revision": one["accident"]["revision"],
        "time": milliseconds() - 60_000,
        "what": "restored",
        "service": "internet",
    }
    added = sender.post(f"/api/v1/accidents/{where}/facts", json=fact)
    assert added.json()["accident"]["ended"] > 0
    assert sender.post(f"/api/v1/accidents/{where}/facts", json=fact | {"what": "note"}).status_code == 409
    for wrong, status in (({"time": "昨日"}, 400), ({"users_least": -1}, 400), ({"time": 0}, 409)):
        said = sender.post(f"/api/v1/accidents/{where}/facts", json=fact | {"revision": 2} | wrong)
        assert said.status_code == status, (wrong, said.text)
    assert sender.get("/api/v1/accidents/A0").status_code == 404
    assert sender.get("/api/v1/accidents?after=nobody").status_code == 400


def test_the_ministrys_form_is_filled_with_a_version_and_nothing_of_it_kept(sender: TestClient) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "様式"
    sheet["A1"] = "発生日時"
    out = io.BytesIO()
    book.save(out)
    mapping = '[[cells]]\nsheet = "様式"\ncell = "B1"\ntext = "{occurred}"\n'.encode()
    where = recorded(sender)
    made = sender.post(f"{where}/drafts", data={"kind": "first", "language": "ja"}).headers["location"]
    files = {"form": ("f.xlsx", out.getvalue()), "mapping": ("m.toml", mapping)}
    answer = sender.post(f"{made}/form", files=files)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].endswith('-form.xlsx"')
    filled = openpyxl.load_workbook(io.BytesIO(answer.content))["様式"]
    assert filled["A1"].value == "発生日時"
    assert "年" in str(filled["B1"].value)
    for wrong in (
        {"form": ("f.xlsx", b"nothing"), "mapping": ("m.toml", mapping)},
        {"form": ("f.xlsx", out.getvalue()), "mapping": ("m.toml", b"cells = 3")},
        {"form": ("f.xlsx", out.getvalue())},
    ):
        assert sender.post(f"{made}/form", files=wrong).status_code == 400
    assert sender.post(f"{where}/first/9/form", files=files).status_code == 404
    body = {"form": base64.b64encode(out.getvalue()).decode(), "mapping": mapping.decode()}
    api = f"/api/v1{where}/documents/first/{made.rsplit('/', 1)[1]}/form"
    told = sender.post(api, json=body)
    assert told.status_code == 200
    assert base64.b64decode(told.json()["form"]) == answer.content
    assert sender.post(api, json=body | {"mapping": "cells = 3"}).status_code == 409


def test_what_the_law_asks_besides_is_answered_on_the_page_of_an_open_accident(sender: TestClient) -> None:
    where = recorded(sender, time=ago(30), users="10")
    restored = {"time": ago(5), "what": "restored", "service": "internet"}
    sender.post(f"{where}/facts", data=restored | {"seen": seen(sender.get(where).text)})
    page = sender.get(where).text
    assert "聞いていないので判定していない" in page
    assert "書かれた事実からは、直ちに報告する義務は見当たらない" in page

    def answer(**answers: str) -> httpx.Response:
        data = {"seen": seen(sender.get(where).text), "fault": "yes", **answers}
        return sender.post(f"{where}/answers", data=data)

    none = {"leak.none": "yes", "stopped_business": "no", "event.none": "yes"}
    assert answer(**none).status_code == 303
    page = sender.get(where).text
    assert "聞いていないので" not in page
    assert "直ちに報告する義務は見当たらない" in page
    both = answer(**none | {"leak.secrecy": "yes"})
    assert (both.status_code, "両方が選ばれている" in both.text) == (409, True)
    assert 'name="leak.secrecy" value="yes" checked' in both.text, "the form is given back as it was sent"
    assert (
        answer(**{"leak.secrecy": "yes", "event.fire": "yes", "carrier_users": "50,000"}).status_code == 303
    )
    page = sender.get(where).text
    assert "様式第50の2" in page
    assert "様式第50の4" in page
    assert "業務の一部停止（stopped_business）" in page
    assert 'name="event.fire" value="yes" checked' in page
    assert 'name="carrier_users" inputmode="numeric" maxlength="14" value="50000"' in page
    assert answer(fault="maybe").status_code == 409
    assert answer(**{"leak.nonsense": "yes"}).status_code == 409
    assert answer(carrier_users="多い").status_code == 409
    assert answer(fault="no").status_code == 303
    assert "設備の故障" in sender.get(where).text


def test_answers_by_the_api_and_what_was_kept_before_anybody_was_asked(
    office: Office, sender: TestClient
) -> None:
    where = recorded(sender, time=ago(30))
    identifier = where.rpartition("/")[2]
    api = f"/api/v1/accidents/{identifier}"
    before = sender.get(api).json()
    assert before["unasked"] == ["leaks", "stopped-business", "threat"]
    sent = {"revision": before["accident"]["revision"], "leaks": [], "stopped_business": False}
    answer = sender.post(f"{api}/answers", json=sent | {"threat": {"events": ["fire"]}})
    assert (answer.status_code, answer.json()["unasked"]) == (200, [])
    assert [one["trigger"] for one in answer.json()["duties"]] == ["serious", "threat"]
    assert sender.post(f"{api}/answers", json=sent).status_code == 409, "somebody was faster"
    sent["revision"] = answer.json()["accident"]["revision"]
    wrong = sender.post(f"{api}/answers", json=sent | {"threat": {"events": ["meteor"]}})
    assert wrong.status_code in {400, 409}
    # Kept when silence was kept like "no".
    desk = office.console.accidents
    record = desk.accident(identifier)
    assert record is not None
    body = json.loads(record.body)
    body.pop("edition")
    body["about"] |= {"leaks": [], "stopped_business": False, "threat": None, "other_equipment": False}
    old = msgspec.structs.replace(record, body=json.dumps(body)).told().about
    assert (old.leaks, old.stopped_business, old.other_equipment) == (None, None, None)
