"""The hub's rooms of others: who is read and given what; findings with their timelines, decided by a person who signed in lately."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from fakes.console import browsing, first_admin
from fakes.hub_console import HubConsole, hub_console
from fakes.sharing import DAY
from sekisho.model.account import Role
from sekisho.model.device_model import Disclosure
from sekisho.model.line_count import LineCount, day_of
from sekisho.stores.database.audit_pages import AuditFilter, audit_page
from sekisho.web.hub_others import until
from sekisho.web.office import Office
from sekisho.wiring.moment import milliseconds


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubConsole]:
    with hub_console(tmp_path_factory.mktemp("hub-others"), 3) as made:
        yield made


def test_hubs_elsewhere_with_what_passes_and_what_fails(here: HubConsole) -> None:
    text = here.browser(Role.ANALYST).get("/hub/peers").text
    for words in ("Hub de", "partly not read", "no answer in time", "last success", "none yet", "Up to TLP:AMBER",
                  "up to TLP:GREEN", "https://hub.example.de/", "gives only", "Nothing is taken from it",
                  "It was told of 1 indicators so far", "2026-11-18T10:00:00.000001Z"):  # fmt: skip
        assert words in text, words
    assert "/etc/token" not in text
    told = here.browser(Role.ANALYST).get("/api/v1/hub/peers").json()["peers"]
    assert [(one["member"], one["heard"], one["told"]) for one in told] == [("de", 0, 1), ("kr", 0, 1)]
    assert [(lane["lane"], lane["reason"]) for lane in told[0]["take"]] == [
        ("list", ""),
        ("failure", "timed-out"),
    ]


def test_lines_on_which_an_indicator_was_seen(here: HubConsole) -> None:
    name = here.id_of("198.51.100.2")
    day = day_of(milliseconds() - 5 * DAY)  # closed: nobody can change it any more
    here.ring.books.line_counts.tell([LineCount(who, name, day, 21, 1) for who in ("alpha", "beta")])
    page, api = f"/hub/indicators/{name}", f"/api/v1/hub/indicators/{name}"
    assert "no figure to show" in here.browser(Role.VIEWER).get(page).text
    assert here.browser(Role.VIEWER).get(api).json()["lines"] is None
    assert here.browser(Role.ANALYST).get(api).json()["lines"] == 42
    here.ring.books.line_counts.tell([LineCount("kita", name, day, 22, 1)])
    here.ring.books.forget()
    assert here.browser(Role.VIEWER).get(api).json()["lines"] == 65
    assert here.browser(Role.ANALYST).get(api).json()["lines"] == 64
    told = [" (of closed days)" in here.browser(role).get(page).text for role in (Role.VIEWER, Role.ANALYST)]
    assert told == [True, False]


def test_a_finding_is_told_answered_kept_and_decided(here: HubConsole) -> None:
    sender, books = here.browser(Role.SENDER), here.ring.books
    form = {
        "maker": "acme",
        "vendor": "Acme",
        "model": "C 200",
        "title": "Open telnet",
        "embargo": "2027-02-01",
    }
    assert sender.post("/hub/findings", data={**form, "title": ""}).status_code == 400
    assert sender.post("/hub/findings", data={**form, "maker": "alpha"}).status_code == 400
    assert sender.post("/hub/findings", data={**form, "embargo": "2020-01-01"}).status_code == 400
    today = datetime.now(timezone(timedelta(hours=9))).date()
    before = today - timedelta(days=1)
    assert sender.post("/hub/findings", data={**form, "embargo": before.isoformat()}).status_code == 400
    assert (
        sender.post(
            "/hub/findings", data={**form, "title": "short", "embargo": today.isoformat()}
        ).status_code
        == 303
    )
    place = sender.post("/hub/findings", data=form).headers["location"]
    one = next(some for some in books.disclosures.findings() if place.endswith(some.id))
    assert (one.model, one.state, one.embargo > here.ring.clock[0] + 60 * DAY) == (
        "c200",
        Disclosure.OPEN,
        True,
    )
    decide = {"decision": "publish", "text": "fixed"}
    assert "hasn&#39;t been told" in sender.post(f"{place}/decide", data=decide).text
    tell = {"act": "tell", "member": "acme", "text": "by telephone"}
    assert sender.post(place, data={**tell, "text": " "}).status_code == 400
    assert sender.post(place, data={**tell, "text": "a\0b"}).status_code == 400
    assert sender.post(place, data={"act": "answered", "member": "acme", "text": "?"}).status_code == 400
    kept = books.disclosures.findings()
    assert sender.post(place, data={"act": "forget", "text": "what nobody knows"}).status_code == 400
    assert sender.post(f"{place}/decide", data={"decision": "", "text": "neither"}).status_code == 400
    assert books.disclosures.findings() == kept
    assert (
        sender.post(place, data={**tell, "text": "製造者へ　電話で"}).status_code == 303
    )  # a blank of full width
    assert sender.post(place, data=tell).status_code == 303
    assert (
        sender.post(place, data={"act": "answered", "member": "acme", "text": "we mend it"}).status_code
        == 303
    )
    assert (
        sender.post(place, data={"act": "embargo", "embargo": "2027-03-01", "text": "they asked"}).status_code
        == 303
    )
    assert "the embargo isn&#39;t over" in sender.post(f"{place}/decide", data=decide).text
    text = sender.get(place).text
    for words in (
        "by telephone",
        "we mend it",
        "they asked",
        "one sender",
        "Publish though the embargo",
        "acme",
    ):
        assert words in text, words
    assert sender.post(f"{place}/decide", data={**decide, "early": "yes"}).status_code == 303
    text = sender.get(place).text
    assert "published" in text
    assert "Publish to the members" not in text
    (entry,) = audit_page(here.ring.desk.database, AuditFilter(act="finding-decided"))
    assert (entry.who, entry.reason) == ("one sender", "fixed")
    seen = here.ring.ask("alpha", "GET", "/me/findings.json").json["findings"]
    assert [some["finding"]["title"] for some in seen] == ["Open telnet"]
    assert sender.post("/hub/findings/none", data=tell).status_code == 404
    assert sender.get("/hub/findings/none").status_code == 404


def test_an_analyst_sees_and_may_not_act(here: HubConsole) -> None:
    analyst = here.browser(Role.ANALYST)
    (one, *_) = here.ring.books.disclosures.findings()[::-1]
    for path in ("/hub/findings", f"/hub/findings/{one.id}"):
        text = analyst.get(path).text
        assert "<form" not in text.partition("<main")[2].partition("</main")[0]
    assert "no answer" not in text
    assert analyst.post(f"/hub/findings/{one.id}/decide", data={"decision": "publish"}).status_code == 403


def test_the_api_acts_but_never_publishes(here: HubConsole) -> None:
    sender, api = here.browser(Role.SENDER), "/api/v1/hub/findings"
    body = {"maker": "acme", "vendor": "Acme", "model": "X1", "title": "Weak code", "embargo": 0}
    made = sender.post(api, json=body).json()
    name = made["finding"]["id"]
    assert sender.post(api, json={**body, "maker": "alpha"}).status_code == 409
    told = sender.post(f"{api}/{name}/told", json={"member": "acme", "text": "by mail"}).json()
    assert [one["kind"] for one in told["steps"]] == ["opened", "told"]
    assert sender.post(f"{api}/{name}/answers", json={"member": "beta", "text": "x"}).status_code == 409
    known = sender.post(f"{api}/{name}/answers", json={"member": "acme", "text": "thanks"}).json()["knowing"]
    assert [(one["member"], one["answered"] > 0) for one in known] == [("acme", True)]
    until_ = milliseconds() + DAY
    kept = sender.post(f"{api}/{name}/embargo", json={"until": until_, "text": "asked"}).json()
    assert (kept["finding"]["embargo"], kept["finding"]["state"]) == (until_, "open")
    assert sender.post(f"{api}/{name}/decide", json={"decision": "publish"}).status_code in {404, 405}
    assert here.browser(Role.ANALYST).get(f"{api}/{name}").json()["finding"]["title"] == "Weak code"
    assert here.browser(Role.ANALYST).get(f"{api}/none").status_code == 404
    assert name in {one["id"] for one in sender.get(api).json()["findings"]}


def test_without_a_hub_there_is_none_of_it(office: Office) -> None:
    browser = browsing(office, first_admin(office).token)
    for path in (
        "/hub/peers",
        "/hub/findings",
        "/hub/findings/x",
        "/api/v1/hub/peers",
        "/api/v1/hub/findings",
    ):
        assert browser.get(path).status_code == 404, path
    for path in ("/hub/findings", "/hub/findings/x", "/hub/findings/x/decide"):
        assert browser.post(path, data={"text": "x"}).status_code == 404, path


class Form:
    """What `until` looks at."""

    def __init__(self, text: str) -> None:
        self.form, self.zone = {"embargo": text}, None


def test_a_day_is_japans_unless_the_reader_has_a_zone() -> None:
    # The day is over when the next one begins in Japan.
    assert until(Form("2027-02-01"), "embargo") == 1_801_494_000_000  # type: ignore[arg-type]
    assert until(Form(""), "embargo") == 0  # type: ignore[arg-type]
