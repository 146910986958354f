"""Operations on duties, drills and learning: they do what the pages do, and refuse what the pages refuse."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from fakes.console import Browser
from sekisho.demo.console_accidents import accidents
from sekisho.model.account import Role
from sekisho.web.office import Office
from sekisho.wiring.moment import milliseconds

V1 = "/api/v1"


@pytest.fixture
def analyst(browser: Browser) -> TestClient:
    return browser(Role.ANALYST)


def ask(client: TestClient, path: str, body: Any = None, code: int = 200) -> Any:
    answer = client.get(V1 + path) if body is None else client.post(V1 + path, json=body)
    assert answer.status_code == code, answer.text
    return answer.json()


def test_the_operator_is_said_and_duties_are_done(analyst: TestClient) -> None:
    operator = {"name": "見本", "users": 45_000, "voice": False}
    assert ask(analyst, "/duties/operator")["revision"] == 0
    said = {"revision": 0, "operator": operator}
    assert ask(analyst, "/duties/operator", said)["revision"] == 1
    ask(analyst, "/duties/operator", said, 409)
    ask(analyst, "/duties/operator", {"revision": 1, "operator": {"users": -1}}, 409)
    old = {"name": "佐", "kind": "line", "posts": [], "appointed": "9999-12-31"}
    ask(analyst, "/duties/operator", {"revision": 1, "operator": {"engineers": [old]}}, 409)
    found = ask(analyst, "/duties")
    late = next(one for one in found["duties"] if one["state"] == "late")
    done = {"id": late["id"], "on": found["today"], "proof": "受付 1"}
    after = ask(analyst, "/duties/done", done)["duties"]
    assert next(one for one in after if one["id"] == late["id"])["state"] == "done"
    ask(analyst, "/duties/undone", {"id": late["id"]})
    ask(analyst, "/duties/undone", {"id": late["id"]}, 409)


def test_a_self_check_is_answered_and_taken_in(analyst: TestClient) -> None:
    answer = {"list": "technical", "item": "10条 電源", "status": "done", "evidence": "記録"}
    given = {"year": 2026, "revision": 0, "answer": answer}
    found = ask(analyst, "/duties/checks", given)
    assert [one["done"] for one in found["lists"]] == [0, 1, 0]
    ask(analyst, "/duties/checks", given, 409)
    table = "list,item,status\ntechnical,9条 耐震,gap\n"
    assert ask(analyst, "/duties/checks/answers", {"year": 2027, "table": table}) == {"count": 1}
    assert len(ask(analyst, "/duties/checks/changes?year=2027&before=2026")["changes"]) == 2
    assert ask(analyst, "/duties/checks/items", {"table": "項目,内容\n1,文\n", "network": "user"}) == {
        "count": 1
    }
    ask(analyst, "/duties/checks/items", {"table": "x"}, 409)
    ask(analyst, "/duties/checks?year=1999", code=400)


def test_a_drill_is_played_and_measured(analyst: TestClient) -> None:
    made = ask(analyst, "/duties/drills", {"scenario": "authentication", "speed": 60})
    where = f"/duties/drills/{made['id']}"
    assert made["serious"] == "undecided"
    acted = ask(analyst, f"{where}/acts", {"what": "known"})
    assert acted["measures"][0]["minutes"] is not None
    ended = ask(analyst, f"{where}/end", {})
    assert ended["stopped"]
    ask(analyst, f"{where}/acts", {"what": "told"}, 409)
    assert ask(analyst, "/duties/drills")["drills"][0]["id"] == made["id"]
    ask(analyst, "/duties/drills", {"scenario": "none"}, 409)
    for path in ("/acts", "/end"):
        ask(analyst, f"/duties/drills/Dx{path}", {"what": "known"}, 404)


def test_measures_and_lessons(office: Office, analyst: TestClient) -> None:
    accidents(office.console, milliseconds())
    found = ask(analyst, "/duties/learning")["accidents"]
    where = f"/accidents/{found[-1]['case']['id']}"
    measure = {"text": "予備を試験する", "owner": "鈴木", "due": "2026-12-01"}
    made = ask(analyst, f"{where}/measures", measure)
    ask(analyst, "/accidents/Ax/measures", measure, 404)
    done = f"/duties/measures/{made['id']}"
    assert ask(analyst, done, {"on": "2026-11-01", "proof": "記録"})["measures"][0]["done_on"] == "2026-11-01"
    ask(analyst, done, {"proof": "記録"}, 409)
    assert ask(analyst, done, {"withdraw": True})["measures"][0]["done_on"] is None
    ask(analyst, "/duties/measures/Mx", {"proof": "x"}, 404)
    assert ask(analyst, f"{where}/lesson")["leaves"] == ""
    lesson = {"revision": 0, "happened": "電源が落ちた", "learned": "切替まで試験する"}
    assert '"type":"note"' in ask(analyst, f"{where}/lesson", lesson)["leaves"]
    ask(analyst, f"{where}/lesson", lesson | {"revision": 1, "happened": "192.0.2.1 が落ちた"}, 409)
    ask(analyst, f"{where}/lesson", lesson | {"revision": 1, "learned": "見えない\u0006字"}, 409)


def test_a_name_cant_write_a_line_of_its_own(office: Office, analyst: TestClient) -> None:
    accidents(office.console, office.console.now())
    where = f"/accidents/{office.console.accidents.find()[0].id}/measures"
    measure = {"text": "一\n二", "owner": "鈴木;,\r\nX:1\u202e", "due": "2027-01-31"}
    assert ask(analyst, where, measure)["text"]
    (kept,) = [one for one in office.console.learning.measures() if one.owner.startswith("鈴木")]
    assert (kept.text, kept.owner) == ("一\n二", "鈴木;, X:1\ufffd")
