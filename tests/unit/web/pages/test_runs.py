"""Starting from the browser: what the form is told, who may, and that nothing starts that the plan refused."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.console import Browser
from sekisho.model.account import Role
from sekisho.web.office import Office

FORM = {
    "described": "r1.toml", "catalogue.jp-2025-report": "1", "only.document_check": "1", "allowed_by": "持ち主 <b>",
    "days": "3", "risk.login": "1", "ask": "1",
}  # fmt: skip
GOOD = 'maker = "A"\nmodel = "R1"\n[[interfaces]]\nname = "lan"\naddresses = ["127.0.78.2"]\n'


@pytest.fixture
def data(office: Office) -> Iterator[Path]:
    folder = office.console.folder
    (folder / "terminals").mkdir(parents=True)
    (folder / "assess.toml").write_text('own = ["127.0.78.0/24"]\n', encoding="utf-8")
    (folder / "terminals" / "r1.toml").write_text(GOOD, encoding="utf-8")
    with socket.create_server(("127.0.78.2", 0)):
        yield folder


def _carried(page: str) -> dict[str, str]:
    form = page[page.index('action="/assess/runs"') :]
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[: form.index("</form>")])
    return dict(fields)


def test_the_plan_says_what_would_be_done_and_sends_nothing(
    data: Path, browser: Browser, office: Office
) -> None:
    own = browser(Role.ANALYST)
    assert "r1.toml" in own.get("/assess/new").text
    plan = own.post("/assess/new", data=FORM)
    assert plan.status_code == 200
    assert "127.0.78.2/32" in plan.text or "127.0.78.2" in plan.text
    assert "<b>" not in plan.text.split("持ち主", 1)[1][:20], "what was typed stays text"
    assert office.console.runs.runs() == ()
    assert _carried(plan.text)["catalogue.jp-2025-report"] == "1"
    assert "持ち主" in own.post("/assess/new", data={**FORM, "edit": "1"}).text


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"allowed_by": ""}, 403),
        ({"addresses": "192.168.7.0/24"}, 403),
        ({"addresses": "8.8.8.8"}, 403),
        ({"described": "", "address": "8.8.8.8"}, 403),
        ({"described": "", "address": "no address"}, 400),
        ({"described": "../console.key"}, 400),
        ({"days": "many"}, 400),
        ({"rate": "-1"}, 400),
        ({"rate": "nan"}, 400),
        ({"catalogue.jp-2025-report": ""}, 400),
        ({"catalogue.no-such": "1"}, 400),
        ({"only.no_such": "1"}, 400),
    ],
)
def test_a_faulty_form_comes_back_with_its_words(
    data: Path, browser: Browser, office: Office, changed: dict[str, str], status: int
) -> None:
    own = browser()
    answer = own.post("/assess/new", data={**FORM, **changed})
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert 'value="持ち主' in answer.text or "allowed_by" in changed
    started = own.post("/assess/runs", data={**FORM, **changed, "agreed": "1"})
    assert started.status_code == status
    assert office.console.runs.runs() == ()


def test_without_the_statement_nothing_starts_and_a_viewer_never(
    data: Path, browser: Browser, office: Office
) -> None:
    assert browser().post("/assess/runs", data=FORM).status_code == 403
    viewer = browser(Role.VIEWER)
    assert viewer.post("/assess/runs", data={**FORM, "agreed": "1"}).status_code == 403
    assert "/assess/new" not in viewer.get("/assess").text
    assert office.console.runs.runs() == ()


def test_from_the_start_to_the_report_and_judged_again_by_another(
    data: Path, browser: Browser, office: Office
) -> None:
    own = browser(Role.ANALYST)
    went = own.post("/assess/runs", data={**FORM, "agreed": "1"})
    assert went.status_code == 303, went.text
    path = went.headers["location"]
    desk, name = office.console.runs, path.rpartition("/")[2]
    while desk.run(name).state.alive:
        page = own.get(f"{path}/questions").text
        found = re.search(rf'action="({re.escape(path)}/questions/\d+)"', page)
        if found and (number := int(found[1].rpartition("/")[2])):
            answer = {"choice": "yes", "note": "12頁"} if number == 1 else {"choice": ""}
            files = (
                {"photo": ("<札>.png", b"\x89PNG\r\n\x1a\n" + bytes(64), "image/png")}
                if number == 1
                else None
            )
            if number == 1:  # one question has one address
                for told in ("01", "0001", "1" * 5000, "+1", "1.0", "１"):
                    other = own.post(f"{path}/questions/{told}", data=answer)
                    assert other.status_code == 400, told
            own.post(found[1], data=answer, files=files)
    assert desk.run(name).state.value == "complete", desk.run(name)
    assert "判定と報告書" in own.get(path).text
    detail = office.console.terminals.detail(name)
    photo = next(one for one in detail.files if one.kind == "attachment")
    assert photo.name == "<札>.png"
    shown = own.get(f"/assess/{name}/pictures/{photo.sha256}")
    assert (shown.headers["content-type"], shown.headers["x-content-type-options"]) == (
        "image/png",
        "nosniff",
    )
    assert (
        f"/assess/{name}/pictures/{photo.sha256}" in own.get(f"/assess/{name}/evidence/{photo.sha256}").text
    )
    report = next(one for one in detail.files if one.kind == "report")
    assert own.get(f"/assess/{name}/pictures/{report.sha256}").status_code == 404

    once = own.get(f"/assess/{name}/changes")
    assert once.status_code == 200
    assert own.post(f"/assess/{name}/rejudge", data={"catalogue.no": "1"}).status_code == 400
    again = own.post(
        f"/assess/{name}/rejudge", data={"catalogue.jp-2020": "1", "catalogue.jp-2025-report": "1"}
    )
    assert again.status_code == 303, again.text
    assert "共通の基準では" in own.get(f"/assess/{name}/changes").text
    assert own.post(f"/assess/{name}/reports", data={"format": "junit"}).status_code == 303
    assert own.post(f"/assess/{name}/reports", data={"format": "exe"}).status_code == 400
    assert office.console.terminals.verify(name).problems == ()


def test_a_description_is_checked_kept_and_replaced(office: Office, browser: Browser) -> None:
    own = browser(Role.ANALYST)
    assert own.get("/terminals/new").status_code == 200
    checked = own.post("/terminals/new", data={"name": "x", "text": GOOD, "act": "check"})
    assert checked.status_code == 200
    assert 'role="status"' in checked.text
    assert office.console.runs.described() == ()
    faulty = own.post("/terminals/new", data={"name": "x", "text": GOOD + "x = 1", "act": "keep"})
    assert faulty.status_code == 400
    assert "x = 1" in faulty.text
    kept = own.post("/terminals/new", files={"file": ("r2.toml", GOOD.encode())}, data={"act": "keep"})
    assert kept.status_code == 303, kept.text
    assert office.console.runs.described() == ("r2.toml",)
    shown = own.get("/terminals/new?name=r2.toml")
    digest = re.search(r'name="replaces" value="([0-9a-f]{64})"', shown.text)
    assert digest is not None
    assert own.post("/terminals/new", data={"name": "r2", "text": GOOD, "act": "keep"}).status_code == 409
    newer = {"name": "r2.toml", "text": GOOD.replace("R1", "R9"), "act": "keep", "replaces": digest[1]}
    assert own.post("/terminals/new", data=newer).status_code == 303
    assert own.get("/terminals/new?name=../x.toml").status_code == 400
    assert own.get("/terminals/new?name=none.toml").status_code == 404


@pytest.mark.parametrize("name", ["a" * 300, "関" * 90, "%00", "a%00b"])
def test_a_name_that_no_disk_takes_is_no_run(data: Path, browser: Browser, office: Office, name: str) -> None:
    own, asked = browser(Role.ADMIN), 0
    for route in (one for page in office.pages for one in page.routes):
        if not route.path.startswith("/assess/") or "{id}" not in route.path:
            continue
        path = re.sub(r"{[^}]+}", "1", route.path.replace("{id}", name))
        answer = own.get(path) if route.method == "GET" else own.post(path, data={"format": "html"})
        assert 400 <= answer.status_code < 500, (path[:40], route.path, answer.status_code)
        asked += 1
    assert asked >= 15
    for path in ("/api/v1/runs/{}", "/api/v1/runs/{}/questions", "/api/v1/assessments/{}"):
        assert 400 <= own.get(path.format(name)).status_code < 500


@pytest.mark.parametrize(
    "field", ["allowed_by", "role", "organisation", "place", "number", "method", "addresses", "macs"]
)
@pytest.mark.parametrize("sign", ["\x00", "\n", "\x7f", "\u2028"])
def test_what_is_no_text_starts_nothing(
    data: Path, browser: Browser, office: Office, field: str, sign: str
) -> None:
    if field in ("addresses", "macs") and sign.isspace():
        return  # there it only separates
    answer = browser().post("/assess/runs", data={**FORM, field: f"a{sign}b", "agreed": "1"})
    assert answer.status_code == 400
    assert office.console.runs.runs() == ()


def test_a_probe_without_steps_is_no_link(data: Path, browser: Browser, office: Office) -> None:
    own = browser(Role.ANALYST)
    form = {**FORM, "only.document_check": "", "only.web_login": "1", "ask": "", "agreed": "1"}
    path = own.post("/assess/runs", data=form).headers["location"]
    desk, name = office.console.runs, path.rpartition("/")[2]
    while desk.run(name).state.alive:
        time.sleep(0.02)
    detail = office.console.terminals.detail(name)
    assert "web_login" in detail.attempts
    assert not detail.steps
    page = own.get(f"/assess/{name}")
    assert page.status_code == 200
    assert "/probes/web_login" not in page.text


def test_a_description_that_changed_after_its_plan_starts_nothing(
    data: Path, browser: Browser, office: Office
) -> None:
    own = browser(Role.ANALYST)
    carried = _carried(own.post("/assess/new", data=FORM).text)
    described = data / "terminals" / "r1.toml"
    described.write_text(GOOD.replace("R1", "R2"), encoding="utf-8")
    assert own.post("/assess/runs", data={**carried, "agreed": "1"}).status_code == 409
    assert office.console.runs.runs() == ()
    assert own.post("/assess/new", data=carried).status_code == 200, "the plan can be looked at again"
    described.write_text(GOOD, encoding="utf-8")
    went = own.post("/assess/runs", data={**carried, "agreed": "1"})
    assert went.status_code == 303
    assert own.post(f"{went.headers['location']}/stop").status_code == 303
    while office.console.runs.alive():
        time.sleep(0.02)
