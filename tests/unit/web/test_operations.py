"""Operations of the API that do and tell what the pages do: over the same data, with the same refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fakes import casework
from fakes.console import browsing, first_admin, signed_in
from fakes.console_day import Day, day
from sekisho.model.account import Role
from sekisho.model.detection import Window
from sekisho.web.office import Office
from sekisho.wiring.moment import milliseconds

GOOD = 'maker = "A"\nmodel = "R1"\n[[interfaces]]\nname = "lan"\naddresses = ["192.168.7.2"]\n'


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with day(tmp_path_factory.mktemp("operations") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> casework.Made:
    return casework.Made(Path(tmp_path_factory.mktemp("casework")) / "data")


@pytest.fixture
def ids(tmp_path: Path, made: casework.Made) -> dict[str, str]:
    return made.copied(tmp_path / "data")


@pytest.fixture
def office(tmp_path: Path, ids: dict[str, str]) -> Iterator[Office]:
    with casework.office_over(tmp_path / "data") as one:
        yield one


@pytest.fixture
def analyst(office: Office) -> TestClient:
    own = browsing(office, signed_in(office, first_admin(office), Role.ANALYST).token)
    own.cookies.set("lang", "en")
    return own


def told(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def revision(own: TestClient, case: str) -> int:
    return int(told(own.get(f"/api/v1/cases/{case}"))["case"]["revision"])


def test_a_case_is_split_merged_and_undone(analyst: TestClient, office: Office, ids: dict[str, str]) -> None:
    case = ids["new"]
    held = office.console.casework.life(case)
    assert held is not None
    one, path = next(iter(held.sightings)), f"/api/v1/cases/{case}"
    before = revision(analyst, case)
    wanted = {"detections": [one], "revision": before}
    cases = told(analyst.post(f"{path}/split", json=wanted))["cases"]
    assert len(cases) == 2
    assert told(analyst.post(f"{path}/split", json=wanted), 409), "as it was before, it is no more"
    part = next(one["id"] for one in cases if one["id"] != case)
    merging = {"other": part, "revision": revision(analyst, case)}
    assert told(analyst.post(f"{path}/merge", json=merging))["cases"][0]["detections"] == len(held.sightings)
    undone = told(analyst.post(f"{path}/undo", json={"revision": revision(analyst, case)}))
    assert {one["id"] for one in undone["cases"]} == {case, part}
    for act, body in (("merge", {"other": "nobody"}), ("split", {"detections": ["nobody"]})):
        status = 404 if act == "merge" else 409
        told(analyst.post(f"{path}/{act}", json={**body, "revision": revision(analyst, case)}), status)


def test_signs_that_are_no_text_are_seen_as_such(analyst: TestClient, ids: dict[str, str]) -> None:
    path = f"/api/v1/cases/{ids['new']}"
    held = told(analyst.get(path))["case"]["revision"]
    said = {"revision": held, "model": "R\0 1", "known_by": "写真\n\u202eX"}
    assert told(analyst.post(f"{path}/model", json=said))["device_model"] == "R\ufffd 1"


def test_only_a_sender_says_that_somebody_was_told(
    analyst: TestClient, office: Office, ids: dict[str, str]
) -> None:
    path = f"/api/v1/cases/{ids['confirmed']}"
    step = {"to": "notified", "revision": revision(analyst, ids["confirmed"])}
    assert "only a sender" in told(analyst.post(f"{path}/state", json=step), 403)["error"]


def test_a_notice_is_drafted_reworded_and_withdrawn(analyst: TestClient, ids: dict[str, str]) -> None:
    path, form = f"/api/v1/cases/{ids['confirmed']}/notices", {"channel": "letter", "language": "ja"}
    draft = told(analyst.post(path, json=form))
    assert draft["state"] == "draft"
    told(analyst.post(path, json=form), 409)
    told(analyst.post(f"/api/v1/cases/{ids['new']}/notices", json=form), 409)
    notice = f"/api/v1/notices/{draft['id']}"
    held = told(analyst.get(notice))
    assert held["body"].strip()
    words = {"digest": "another", "subject": "件名", "body": "本文\r\n"}
    told(analyst.post(f"{notice}/text", json=words), 409)
    new = told(analyst.post(f"{notice}/text", json={**words, "digest": held["notice"]["digest"]}))
    assert (new["subject"], new["body"]) == ("件名", "本文\n")
    gone = told(analyst.post(f"{notice}/withdraw", json={"reason": "誤り"}))
    assert gone["notice"]["state"] == "withdrawn"
    told(analyst.post(f"{notice}/withdraw", json={"reason": "誤り"}), 409)
    assert analyst.post(f"{notice}/approve", json={}).status_code == 404, "an approval is given in person"


def test_an_accident_from_its_opening_to_a_draft(analyst: TestClient) -> None:
    hour = milliseconds() - 3_600_000
    fact = {"time": hour, "what": "down", "service": "internet", "area": "東京都", "users_least": 50_000}
    one = told(analyst.post("/api/v1/accidents", json={"title": "故障", "fact": fact}))
    path, seen = f"/api/v1/accidents/{one['accident']['id']}", one["accident"]["revision"]
    assert one["accident"]["title"] == "故障"
    told(analyst.post("/api/v1/accidents", json={}), 409)
    note = {"time": hour + 60_000, "what": "note", "note": "x", "revision": seen}
    seen = told(analyst.post(f"{path}/facts", json=note))["accident"]["revision"]
    gone = {"number": 2, "revision": seen}
    seen = told(analyst.post(f"{path}/withdrawals", json=gone))["accident"]["revision"]
    told(analyst.post(f"{path}/withdrawals", json={**gone, "number": 9, "revision": seen}), 409)
    said = {"revision": seen, "title": "認証の故障", "cause": "電源", "target_minutes": 60}
    told(analyst.post(f"{path}/said", json={**said, "revision": seen - 1}), 409)
    for sign in ("\0", "\ud889"):
        content = json.dumps({**said, "title": f"a{sign}"})
        answer = analyst.post(f"{path}/said", content=content, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 409), "no database takes it"
    assert told(analyst.post(f"{path}/said", json=said))["accident"]["title"] == "認証の故障"
    draft = told(analyst.post(f"{path}/documents", json={"kind": "first"}))
    assert any(one["value"] == "電源" and one["known"] == "told" for one in draft["fields"])
    told(analyst.post(f"{path}/documents", json={"kind": "detailed", "duty": "no-such"}), 409)
    listed = told(analyst.get(f"{path}/documents"))
    assert [(one["kind"], one["version"], one["signed_by"]) for one in listed["documents"]] == [
        ("first", 1, "")
    ]
    assert told(analyst.get(f"{path}/documents/first/1")) == draft
    told(analyst.get(f"{path}/documents/first/9"), 404)
    unsettled = told(analyst.get("/api/v1/today"))["accidents"]
    assert [(one["title"], bool(one["due"])) for one in unsettled] == [("認証の故障", True)]


def test_a_description_is_checked_kept_and_planned_with(analyst: TestClient, office: Office) -> None:
    path, good = "/api/v1/descriptions", {"name": "r1.toml", "text": GOOD}
    assert told(analyst.post(path, json=good))["digest"] == ""
    assert told(analyst.get(path)) == {"descriptions": []}
    kept = told(analyst.post(path, json={**good, "keep": True}))
    assert kept == told(analyst.get(f"{path}/r1.toml"))
    told(analyst.post(path, json={**good, "keep": True}), 409)
    newer = {**good, "text": GOOD.replace("R1", "R2"), "keep": True, "replaces": kept["digest"]}
    assert told(analyst.post(path, json=newer))["model"] == "R2"
    told(analyst.post(path, json={**good, "text": "maker = 1"}), 409)
    told(analyst.post(path, json={**good, "name": "../x.toml"}), 400)
    told(analyst.get(f"{path}/other.toml"), 404)
    start = {"terminal": "r1.toml", "catalogues": ["jp-2025-report"], "allowed_by": "持ち主", "agreed": False}
    plan = told(analyst.post("/api/v1/runs/plan", json=start))
    assert plan["addresses"] == ["192.168.7.2"]
    assert any(one["runs"] for one in plan["probes"])
    told(analyst.post("/api/v1/runs/plan", json={**start, "catalogues": ["no-such"]}), 409)
    other = {**start, "agreed": True, "digest": "0" * 64}
    assert "changed" in told(analyst.post("/api/v1/runs", json=other), 409)["error"]
    assert office.console.runs.runs() == ()


def test_figures_are_those_of_the_pages(life: Day) -> None:
    own, console = life.browser(Role.ANALYST), life.console
    today = told(own.get("/api/v1/today"))
    assert today["terminals"] == len(console.terminals.terminals())
    assert today["cases"] == dict(console.casework.counts())
    assert len(today["failed"]) == 1
    watch = told(own.get("/api/v1/watch"))
    assert [one["name"] for one in watch["exporters"]]
    assert watch["stations"][0]["losses"]
    talkers = told(own.get("/api/v1/flows/talkers?by=port&hours=24&limit=3"))
    window = Window(talkers["since"], talkers["until"])
    assert [one["name"] for one in talkers["talkers"]] == [
        one.name for one in console.flows.talkers(window, by="port", n=3)
    ]
    series = told(own.get("/api/v1/flows/series?hours=24"))
    assert sum(one["flows"] for one in series["points"]) == pytest.approx(2_000, abs=20)
    assert 1 < len(series["points"]) <= 121
    curves = told(own.get("/api/v1/healing?by=all"))["curves"]
    assert curves[0]["cases"] == sum(one.cases for one in console.casework.healing("all").curves)
    for wrong in ("flows/talkers?by=nobody", "flows/series?hours=0", "healing?by=isp"):
        told(own.get(f"/api/v1/{wrong}"), 400)


def test_what_was_assessed_is_told_down_to_the_finding(life: Day) -> None:
    own = life.browser(Role.ANALYST)
    page = told(own.get("/api/v1/terminals?limit=4"))
    rest = told(own.get(f"/api/v1/terminals?limit=500&after={page['next']}"))["terminals"]
    every = [one["terminal"] for one in (*page["terminals"], *rest)]
    assert every == sorted({one.terminal for one in life.console.terminals.terminals()})
    listed = told(own.get("/api/v1/assessments"))["assessments"]
    judged = next(one for one in listed if one["verdicts"])
    one = told(own.get(f"/api/v1/assessments/{judged['id']}/judgement"))
    assert {duty["verdict"] for duty in one["duties"]} <= {
        "NONE",
        "NOT_APPLICABLE",
        "PASS",
        "INCONCLUSIVE",
        "FAIL",
    }
    piece = next(one for one in one["evidence"] if one["kind"] == "transcript")
    assert own.get(f"/assess/{judged['id']}/files/{piece['sha256']}").status_code == 200
    assert told(own.get(f"/api/v1/assessments/{judged['id']}/changes"))["first"]
    whole = told(own.get(f"/api/v1/assessments/{judged['id']}/verified"))
    assert whole["checked"] > 3
    rows = told(own.get("/api/v1/matrix?catalogue=jp-2020"))["rows"]
    assert any(set(row["verdicts"].values()) for row in rows)
    told(own.post(f"/api/v1/assessments/{judged['id']}/rejudge", json={"catalogues": ["no-such"]}), 409)
    told(own.post(f"/api/v1/assessments/{judged['id']}/reports", json={"formats": ["no-such"]}), 409)
    for path in ("judgement", "changes", "verified"):
        told(own.get(f"/api/v1/assessments/nothing/{path}"), 404)


def test_what_is_held_and_configured(life: Day) -> None:
    own, admin = life.browser(Role.ANALYST), life.browser(Role.ADMIN)
    line = told(own.get("/api/v1/cases?limit=1"))["cases"][0]["line"]
    held = told(own.get(f"/api/v1/held?line={line}"))
    assert any(one["dataset"] == "cases" and one["rows"] for one in held["holdings"])
    newest = told(own.get("/api/v1/audit?limit=1"))["entries"][0]
    assert (newest["seq"], newest["object"]) == (held["entry"], line)
    told(own.get("/api/v1/held"), 400)
    assert told(own.get("/api/v1/audit/verified"))["broken"] is None
    told(own.get("/api/v1/settings"), 403)
    told(own.get("/api/v1/people"), 403)
    settings = told(admin.get("/api/v1/settings"))
    assert {"customers"} <= {one["name"] for one in settings["watch"] if one["own"]}
    assert {"prefixes", "public"} <= {one["name"] for one in settings["runs"]}
    assert {one["stage"] for one in settings["stages"]} >= {"raw-flow", "audit"}
    assert next(one["count"] for one in settings["kept"] if one["name"] == "accidents") == 2
    assert "関守" in [one["name"] for one in told(admin.get("/api/v1/people"))["people"]]


def test_a_watch_that_never_ran_is_not_there(analyst: TestClient) -> None:
    told(analyst.get("/api/v1/watch"), 404)
    assert told(analyst.get("/api/v1/flows/talkers"))["talkers"] == []
    assert told(analyst.get("/api/v1/today"))["watching"] is False


def test_a_run_without_its_authorisation_does_not_go_on_and_tells_no_path(life: Day) -> None:
    run = told(life.browser().get("/api/v1/today"))["failed"][0]
    answer = life.browser(Role.ANALYST).post(f"/api/v1/runs/{run}/resume", json={})
    assert "authorisation" in told(answer, 409)["error"]
    assert str(life.folder) not in answer.text
