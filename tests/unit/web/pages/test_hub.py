"""The hub's pages: what each role sees and may decide, what no page tells, and that members never get here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from starlette.testclient import TestClient

from fakes.console import browsing, first_admin
from fakes.hub_console import HubConsole, hub_console
from sekisho.model.account import ROLE_PERMISSIONS, Role
from sekisho.model.corroboration import IndicatorState
from sekisho.stores.database.audit_pages import AuditFilter, audit_page
from sekisho.web.office import Office
from sekisho.web.pages.hub import PAGE


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubConsole]:
    with hub_console(tmp_path_factory.mktemp("hub-console")) as made:
        yield made


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubConsole]:
    """A hub of its own, for what changes it."""
    with hub_console(tmp_path_factory.mktemp("hub-own"), 3) as made:
        yield made


@contextmanager
def of_the_hub() -> Iterator[list[str]]:
    """Note what a hub's database is asked; the console's has no such tables in use."""
    found: list[str] = []

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        if any(name in statement for name in ("hub_", "shared_", "audit")):
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _address(here: HubConsole, path: str) -> str:
    (finding,) = here.ring.books.disclosures.findings()
    for room, name in (
        ("indicators", here.id_of("198.51.100.2")),
        ("findings", finding.id),
        ("members", "alpha"),
    ):
        path = path.replace(f"{room}/{{id}}", f"{room}/{name}")
    return path


def test_each_role_may_do_what_its_route_says(here: HubConsole) -> None:
    stranger = browsing(here.office)
    for route in PAGE.routes:
        path = _address(here, route.path)
        for role in Role:
            allowed = route.permission in ROLE_PERMISSIONS[role]
            if route.method == "POST" and allowed:
                continue  # what it does has tests of its own
            answer = here.browser(role).request(route.method, path)
            assert answer.status_code == (200 if allowed else 403), (
                route.method,
                path,
                role,
                answer.text[:300],
            )
        assert stranger.request(route.method, path).status_code in {303, 401}


def test_a_console_without_a_hub_has_no_such_page(office: Office) -> None:
    browser = browsing(office, first_admin(office).token)
    assert browser.get("/hub").status_code == 404
    assert 'href="/hub"' not in browser.get("/").text


def test_a_members_token_opens_nothing_here(here: HubConsole) -> None:
    stranger = browsing(here.office)
    for path in ("/hub", "/hub/ledger", "/hub/members/alpha"):
        answer = stranger.get(path, headers={"authorization": f"Bearer {here.ring.tokens['alpha']}"})
        assert answer.status_code in {303, 401}
        assert "alpha" not in answer.text


def _places(browser: TestClient, **query: str) -> list[str]:
    answer = browser.get("/hub", params=query)
    assert answer.status_code == 200
    return re.findall(r'class="row code"[^>]*>([^<]+)<', answer.text)


def test_the_feed_is_filtered_by_its_address(here: HubConsole) -> None:
    browser = here.browser(Role.VIEWER)
    assert len(_places(browser)) == 7
    held = _places(browser, state="held")
    assert "8.8.8.8" in held
    assert len(held) == 2
    assert len(_places(browser, grade="watch")) == 1
    assert _places(browser, value="198.51.100.3") == ["198.51.100.3:23"]
    assert _places(browser, value="198.51.100.0/24") == []
    assert len(_places(browser, family="mirai", use="cc")) == 7
    assert "No indicator fits" in browser.get("/hub?value=nothing.example").text
    assert browser.get("/hub?after=x").status_code == 400


def test_pages_go_on_where_the_one_before_ended(here: HubConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sekisho.web.pages.hub._PAGE", 3)
    browser, found, path = here.browser(Role.VIEWER), [], "/hub"
    while path:
        text = browser.get(path).text
        found += re.findall(r'class="row code"[^>]*>([^<]+)<', text)
        onward = re.search(r'rel="next" href="([^"]+)"', text)
        path = onward[1].replace("&amp;", "&") if onward else ""
    assert len(found) == len(set(found)) == 7


def test_a_file_holds_what_the_page_shows(here: HubConsole) -> None:
    told = json.loads(here.browser(Role.VIEWER).get("/hub?state=held&format=json").content)
    assert {row["value"] for row in told["rows"]} >= {"8.8.8.8/32"}
    assert all(row["state"] == "held" for row in told["rows"])
    assert "score" not in json.dumps(told), "numbers of fewer than k voices"
    whole = json.loads(here.browser(Role.ANALYST).get("/hub?state=held&format=json").content)
    assert "score" in json.dumps(whole)


def test_a_viewer_is_told_no_number_of_fewer_than_k(here: HubConsole) -> None:
    path = f"/hub/indicators/{here.id_of('198.51.100.2')}"
    seen = here.browser(Role.VIEWER).get(path).text
    assert "Fewer than 3 independent voices" in seen
    assert "of fewer than 3 groups" in seen
    whole = here.browser(Role.ANALYST).get(path).text
    assert "2 of 2 groups, 2 sightings" in whole
    assert whole.count("protocol handshake") == 2
    for text in (seen, whole):
        assert "alpha" not in text, "who reported it is on no page"
        assert "beta" not in text


def test_an_open_dispute_names_its_member_to_who_works_on_it(here: HubConsole) -> None:
    analyst = here.browser(Role.ANALYST)
    text = analyst.get("/hub/disputes").text
    assert "&lt;b&gt;our own&lt;/b&gt; sensor" in text
    assert "Senders and administrators decide" in text
    assert "<button" not in text.partition("<main")[2].partition("</main")[0]


@pytest.mark.parametrize("decision", ["upheld", "dismissed"])
def test_a_sender_decides_a_dispute(
    fresh: HubConsole, decision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What was reported gets old, and is a candidate again: the decision is of the day of the reports.
    monkeypatch.setattr(fresh.office.console.hub, "_now", lambda: fresh.ring.clock[0])
    sender = fresh.browser(Role.SENDER)
    (dispute,) = fresh.ring.books.disputes.disputes()
    form = {"id": dispute.id, "decision": decision, "reason": " "}
    assert sender.post("/hub/disputes", data=form).status_code == 400  # no reason
    assert not fresh.ring.books.disputes.disputes()[0].decided
    answer = sender.post("/hub/disputes", data={**form, "reason": "looked at it"})
    assert answer.status_code == 303, answer.text
    (decided,) = fresh.ring.books.disputes.disputes()
    assert (decided.decided_by, decided.upheld) == ("one sender", decision == "upheld")
    (one,) = fresh.ring.books.reports.standings([dispute.key])
    assert one.state is (IndicatorState.RETIRED if decision == "upheld" else IndicatorState.CONFIRMED)
    assert sender.post("/hub/disputes", data={**form, "reason": "again"}).status_code == 400
    (entry,) = audit_page(fresh.ring.desk.database, AuditFilter(act="decide-dispute"))
    assert (entry.who, entry.reason) == ("one sender", "looked at it")
    assert sender.get("/hub/disputes").text.count("Decided") == 1


def test_a_sender_finds_an_indicator_true_or_false(fresh: HubConsole) -> None:
    sender, name = fresh.browser(Role.SENDER), fresh.id_of("198.51.100.3")
    path = f"/hub/indicators/{name}"
    assert sender.post(path, data={"true": "yes", "reason": ""}).status_code == 400
    assert sender.post(path, data={"true": "yes", "reason": "shook hands"}).status_code == 303
    assert fresh.ring.standing("198.51.100.3").state is IndicatorState.CONFIRMED
    text = sender.get(path).text
    assert "found it true" in text
    assert "shook hands" in text
    fresh.ring.clock[0] += 1
    assert sender.post(path, data={"true": "no", "reason": "a sensor"}).status_code == 303
    assert fresh.ring.standing("198.51.100.3").state is IndicatorState.RETIRED
    assert sender.post("/hub/indicators/none", data={"true": "no", "reason": "x"}).status_code == 404


def test_a_member_is_shown_with_its_record(here: HubConsole) -> None:
    analyst = here.browser(Role.ANALYST)
    assert re.findall(r'href="/hub/members/(\w+)"', analyst.get("/hub/members").text) == [
        "acme",
        "alpha",
        "beta",
        "de",
        "kita",
        "kr",
    ]
    text = analyst.get("/hub/members/alpha").text
    for words in (
        "Company alpha",
        "203.0.113.0/25",
        "5 of them by nobody else",
        "0.50",
        "no record yet",
        "list-in",
    ):
        assert words in text
    assert here.ring.tokens["alpha"] not in text
    assert analyst.get("/hub/members/" + quote("a/../x", safe="")).status_code == 404


def test_each_look_at_the_ledger_is_on_record_before(here: HubConsole) -> None:
    def looks() -> int:
        return len(audit_page(here.ring.desk.database, AuditFilter(act="read-ledger"), limit=999))

    sender, before = here.browser(Role.SENDER), looks()
    text = sender.get("/hub/ledger").text
    assert looks() == before + 1
    assert text.count("alpha</a>") == 2
    assert "40,000" not in text
    assert "40000" not in text
    assert "The ledger is empty" in sender.get("/hub/ledger?carrier=kita").text
    told = json.loads(sender.get("/hub/ledger?format=json").content)
    assert [set(row) & {"log_items"} for row in told["rows"]] == [set(), set()]
    assert looks() == before + 3


def test_every_page_speaks_japanese(here: HubConsole) -> None:
    browser = here.browser(Role.ADMIN, "ja")
    for route in PAGE.routes:
        if route.method == "GET":
            text = browser.get(_address(here, route.path)).text
            assert re.search("[ぁ-ん]", text.partition("<main")[2]), route.path


def test_the_api_tells_what_the_pages_tell(here: HubConsole) -> None:
    analyst, viewer = here.browser(Role.ANALYST), here.browser(Role.VIEWER)
    first = viewer.get("/api/v1/hub/indicators?limit=4&state=held&state=candidate").json()
    assert len(first["indicators"]) == 4
    rest = viewer.get(
        "/api/v1/hub/indicators", params={"after": first["next"], "state": ["held", "candidate"]}
    ).json()
    assert len({one["id"] for one in first["indicators"] + rest["indicators"]}) == 6
    path = f"/api/v1/hub/indicators/{here.id_of('198.51.100.2')}"
    assert viewer.get(path).json()["groups"] is None
    assert analyst.get(path).json()["groups"] == 2
    assert viewer.get("/api/v1/hub/indicators/none").status_code == 404


def test_without_a_hub_its_operations_find_nothing(office: Office) -> None:
    browser = browsing(office, first_admin(office).token)
    assert browser.get("/api/v1/hub/indicators").status_code == 404
    assert browser.get("/api/v1/hub/indicators/x").status_code == 404


BUDGET = {
    "/hub": 1, "/hub/indicators/{id}": 9, "/hub/disputes": 2, "/hub/members": 1, "/hub/members/{id}": 8, "/hub/ledger": 3,
    "/hub/peers": 5, "/hub/findings": 2, "/hub/findings/{id}": 5,
}  # fmt: skip


def test_each_page_keeps_to_its_budget_of_statements(
    here: HubConsole, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """However much there is: the questions to the hub's database are the same."""

    def asked(one: HubConsole) -> dict[str, int]:
        browser, found = one.browser(Role.ADMIN), {}
        for path in BUDGET:
            place = _address(one, path)
            browser.get(place)
            with of_the_hub() as seen:
                assert browser.get(place).status_code == 200
            found[path] = len(seen)
        return found

    with hub_console(tmp_path_factory.mktemp("hub-many"), 40) as many:
        assert asked(many) == asked(here) == BUDGET
