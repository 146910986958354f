"""Learning in the console: measures with proof, what happened again, and a lesson that names nobody."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fakes.console import Browser
from fakes.sharing import opened_ring
from sekisho.model.accident_record import Told
from sekisho.model.account import Role
from sekisho.model.case_life import Actor
from sekisho.model.incident import Service
from sekisho.model.timeline import About, Details, Fact, What
from sekisho.web.office import Office
from sekisho.wiring.moment import milliseconds

JST = timezone(timedelta(hours=9))
PLACE = "/duties/learning"
SAID = {"happened": "認証の要求が一つの装置に集中した。", "learned": "再接続は時間をずらす。", "tlp": "green"}


@pytest.fixture
def analyst(browser: Browser) -> TestClient:
    return browser(Role.ANALYST)


def accident(
    office: Office, days: int, cause: str, service: Service = Service.INTERNET, title: str = "故障"
) -> str:
    """Keep one that was over after two hours and a half."""
    begin = datetime.now(JST) - timedelta(days=days)
    facts = (
        Fact(begin, What.DOWN, "1", service, "東京都", 41_000, 60_000, "監視"),
        Fact(begin + timedelta(hours=2.5), What.RESTORED, "2", service, "東京都", source="監視"),
    )
    about = About(title=title, report=Details(operator="見本ケーブルテレビ株式会社", cause_class=cause))
    return office.console.accidents.open(Told(about, facts), Actor("佐藤花子", "analyst")).id


def again(page: str, title: str) -> str:
    found = re.search(rf">{title}</a>.*?</tr>", page, re.DOTALL)
    assert found
    return found[0]


def test_again_is_the_same_cause_in_the_same_service_and_unknown_is_never_no(
    office: Office, analyst: TestClient
) -> None:
    assert "事故がなかったという意味ではない" in analyst.get(PLACE).text
    accident(office, 300, "設備要因:ソフトウェア不具合", title="一番目")
    accident(office, 200, "人為要因", title="二番目")
    page = analyst.get(PLACE).text
    assert "記録では再発していない" in again(page, "一番目")
    assert "似た事故 1件" in again(page, "一番目")
    accident(
        office, 100, "設備要因：ソフトウェア不具合 ", title="三番目"
    )  # the same words, written otherwise
    page = analyst.get(PLACE).text
    assert "再発した" in again(page, "一番目")
    accident(office, 50, "", title="四番目")
    page = analyst.get(PLACE).text
    assert "分からない" in again(page, "二番目")
    assert "記録では再発していない" not in again(page, "四番目") or "書かれていない" in again(page, "四番目")


def test_measures_are_done_with_proof_and_one_that_didnt_hold_is_told(
    office: Office, analyst: TestClient
) -> None:
    first = accident(office, 300, "ソフトウェア", title="一番目")
    where = f"{PLACE}/{first}"
    form = {"text": "認証の予備系を自動で切り替える", "owner": "鈴木", "due": "2026-01-31"}
    for wrong in ({"text": " "}, {"owner": ""}, {"due": "x"}):
        assert analyst.post(f"{where}/measures", data=form | wrong).status_code == 409
    assert analyst.post(f"{where}/measures", data=form).status_code == 303
    page = analyst.get(where).text
    assert "遅れ" in page
    measure = re.search(r'name="measure" value="(M[0-9a-f]+)"', page)
    assert measure
    day = (datetime.now(JST) - timedelta(days=200)).date().isoformat()
    done = {"measure": measure[1], "on": day, "proof": "変更票 55"}
    for wrong in ({"on": "2999-01-01"}, {"proof": " "}, {"measure": "Mnone"}):
        assert analyst.post(f"{where}/done", data=done | wrong).status_code == 409
    assert analyst.post(f"{where}/done", data=done).status_code == 303
    assert analyst.post(f"{where}/done", data=done).status_code == 409
    accident(office, 100, "ソフトウェア", title="二番目")
    assert "済んだ対策の後に再発" in analyst.get(PLACE).text
    for _ in range(2):  # the proof, then the measure
        taken = analyst.post(f"{where}/done", data={"measure": measure[1], "withdraw": "1"})
        assert taken.status_code == 303
    assert "認証の予備系" not in analyst.get(where).text
    assert analyst.get(f"{PLACE}/Anobody").status_code == 404


def test_a_lesson_is_shown_exactly_as_it_would_leave_and_names_nobody(
    office: Office, analyst: TestClient
) -> None:
    where = f"{PLACE}/{accident(office, 30, 'ソフトウェア不具合', title='東京の認証サーバー')}"
    assert analyst.post(f"{where}/lesson", data={"seen": "0", **SAID}).status_code == 303
    shown = office.console.lessons.preview(where.rsplit("/", 1)[1]).decode()
    incident, note = json.loads(shown)["objects"]
    assert note["object_refs"] == [incident["id"]]
    assert "2時間以上4時間未満" in incident["description"]
    assert "30,000人以上100,000人未満" in incident["description"]
    for name in ("見本", "東京", "佐藤", "41000", "41,000", where.rsplit("/", 1)[1], "監視"):
        assert name not in shown
    assert note["id"] in analyst.get(where).text


@pytest.mark.parametrize(
    "text",
    [
        "見本ケーブルテレビの装置",
        "東京の局舎",
        "佐藤花子が気づいた",
        "192.0.2.7 の装置",
        "2001:db8::7 の装置",
        "問い合わせは noc@isp.example",
        "https://status.isp.example を見る",
        "０３－１２３４－５６７８ に電話",
        "AS64500 の経路",
    ],
)
def test_a_lesson_that_names_somebody_is_refused_and_nothing_kept(
    office: Office, analyst: TestClient, text: str
) -> None:
    name = accident(office, 30, "ソフトウェア不具合")
    for field in ("happened", "learned"):
        answer = analyst.post(f"{PLACE}/{name}/lesson", data={"seen": "0", **SAID, field: text})
        assert answer.status_code == 409
        assert "誰の事故か分かる" in answer.text
        assert text in answer.text  # nothing that was typed is lost
    assert office.console.lessons.lesson(name) == (None, 0)
    for wrong in ({"happened": " "}, {"tlp": "red"}, {"learned": "あ" * 5000}):
        assert analyst.post(f"{PLACE}/{name}/lesson", data={"seen": "0", **SAID, **wrong}).status_code == 409


def member(office: Office, url: str, token: str, mode: int = 0o600) -> None:
    """Write the membership, as who administers the machine does."""
    folder = office.console.folder
    (folder / "membership.toml").write_text(f'hub = "{url}"\n')
    (folder / "hub.token").write_text(f"{token}\n")
    (folder / "hub.token").chmod(mode)


def test_a_named_sender_sends_exactly_what_was_seen_to_the_hub_of_the_membership(
    office: Office, browser: Browser, analyst: TestClient, tmp_path: Path
) -> None:
    name = accident(office, 30, "ソフトウェア不具合")
    where = f"{PLACE}/{name}"
    sender = browser(Role.SENDER)
    analyst.post(f"{where}/lesson", data={"seen": "0", **SAID})
    assert "membership.toml" in sender.get(where).text
    seen = {"digest": hashlib.sha256(office.console.lessons.preview(name)).hexdigest()}
    assert sender.post(f"{where}/send", data=seen).status_code == 409  # no membership
    with (
        opened_ring(tmp_path / "hub") as ring,
        ring.join("alpha").join("kita", "receive-only").served() as url,
    ):
        ring.clock[0] = milliseconds()
        member(office, url, ring.tokens["alpha"])
        assert f"{url.split('/')[2]}" in sender.get(where).text
        assert f"{where}/send" not in analyst.get(where).text
        assert analyst.post(f"{where}/send", data=seen).status_code == 403
        assert sender.post(f"{where}/send", data={"digest": "0" * 64}).status_code == 409
        assert office.console.lessons.sent(name) == ()
        assert sender.post(f"{where}/send", data=seen).status_code == 303
        ring.books.forget()
        got = ring.objects("kita", "failure")
        shown = json.loads(office.console.lessons.preview(name))["objects"]
        assert [next(one for one in got if one["id"] == mine["id"])["modified"] for mine in shown] == [
            mine["modified"] for mine in shown
        ]
        page = analyst.get(where).text
        assert "one sender" in page
        assert seen["digest"][:16] in page
        # What changes after it was seen doesn't leave.
        analyst.post(f"{where}/lesson", data={"seen": "1", **SAID, "learned": "別の文"})
        assert "見たものと、いま出るものが違う" in sender.post(f"{where}/send", data=seen).text
        member(office, url, "no-token")
        seen = {"digest": hashlib.sha256(office.console.lessons.preview(name)).hexdigest()}
        assert "ハブが受け取らない" in sender.post(f"{where}/send", data=seen).text
        member(office, url, ring.tokens["alpha"], 0o644)
        assert "ほかの利用者が読める" in sender.post(f"{where}/send", data=seen).text
    assert len(office.console.lessons.sent(name)) == 1


def test_a_membership_in_the_clear_is_refused(office: Office, browser: Browser, analyst: TestClient) -> None:
    name = accident(office, 30, "ソフトウェア不具合")
    analyst.post(f"{PLACE}/{name}/lesson", data={"seen": "0", **SAID})
    sender = browser(Role.SENDER)
    for hub in ("http://hub.example/", "ftp://127.0.0.1/", "hub", "https://"):
        member(office, hub, "x")
        assert "https://" in sender.get(f"{PLACE}/{name}").text, hub
