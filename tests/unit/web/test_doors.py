"""The doors of the console: who is refused, and by what."""

import re

import pytest
from starlette.testclient import TestClient

from fakes.console import ORIGIN, PASSWORD, Browser
from sekisho.model.account import ROLE_PERMISSIONS, Permission, Role
from sekisho.web.doors import HEADERS, Rate
from sekisho.web.office import Office
from sekisho.web.page import Route


def _routes(office: Office) -> list[Route]:
    return [route for page in office.pages for route in page.routes]


def _address(route: Route) -> str:
    return re.sub(r"\{[^}]+\}", "1", route.path)


def test_every_answer_carries_the_headers_errors_too(stranger: TestClient) -> None:
    for path in ("/sign-in", "/nowhere", "/static/console.css", "/"):
        answer = stranger.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS), path
    assert stranger.get("/sign-in").headers["cache-control"] == "no-store"
    assert "immutable" in stranger.get("/static/console.css").headers["cache-control"]


def test_pages_hold_no_script_or_style_of_their_own(
    stranger: TestClient, browser: Browser, office: Office
) -> None:
    own = browser()
    pages = [stranger.get("/sign-in").text, *(own.get(p.path).text for p in office.menu)]
    assert len(pages) > 2
    for page in pages:
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
        assert not re.search(r'(src|href)="(https?:)?//', page), "nothing comes from elsewhere"


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "[", "", "127.0.0.1.nip.example:8443"]
)
def test_another_name_for_this_address_is_refused(stranger: TestClient, host: str) -> None:
    assert stranger.get("/sign-in", headers={"host": host}).status_code == 421
    assert stranger.get("/no/such/page", headers={"host": host}).status_code == 421
    assert stranger.request("BREW", "/sign-in%0Ax", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": ORIGIN}, False),
        ({"origin": ORIGIN}, True),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://localhost:8443"}, False),
        ({}, False),
    ],
)
def test_only_our_own_pages_may_change_anything(
    office: Office, headers: dict[str, str], passes: bool
) -> None:
    from sekisho.web.application import application

    plain = TestClient(application(office), base_url=ORIGIN, follow_redirects=False)
    answer = plain.post("/preferences", data={"theme": "dark"}, headers=headers)
    assert answer.status_code == (303 if passes else 403)
    assert ("theme" in answer.headers.get("set-cookie", "")) is passes


def test_every_route_asks_every_role(office: Office, browser: Browser, stranger: TestClient) -> None:
    """The whole matrix: what a role doesn't allow is refused before the handler runs, and a stranger signs in first."""
    own = {role: browser(role) for role in Role}
    seen = set()
    for route in _routes(office):
        for role, one in own.items():
            allowed = route.permission in ROLE_PERMISSIONS[role]
            if allowed and (route.method != "GET" or "stream" in route.path or "live" in route.path):
                continue  # what it may do is the page's own test
            answer = one.request(route.method, _address(route))
            refused = answer.status_code == 403
            assert refused is not allowed, (route.method, route.path, role, answer.status_code)
            assert answer.status_code != 500, (route.path, role)
            seen.add((role, allowed))
        if route.permission is not Permission.OPEN:
            answer = stranger.request(route.method, _address(route))
            away = answer.status_code in (401, 403) or (
                answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
            )
            assert away, (route.method, route.path, answer.status_code)
    assert {role for role, allowed in seen if not allowed} == set(Role) - {Role.ADMIN}


def test_a_body_that_is_too_large_or_of_unknown_length_is_refused(stranger: TestClient) -> None:
    assert stranger.post("/preferences", data={"next": "/" + "x" * 20_000}).status_code == 413

    def endless() -> object:
        for _ in range(10):
            yield b"theme=dark&" * 100

    answer = stranger.post(
        "/preferences", content=endless(), headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "where", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:x", "/\n/x"]
)
def test_it_sends_nobody_elsewhere(stranger: TestClient, where: str) -> None:
    answer = stranger.post("/preferences", data={"theme": "dark", "next": where})
    assert answer.headers["location"] == "/"


def test_a_flood_from_one_source_is_slowed_and_others_are_not() -> None:
    rate = Rate(10, 20)
    assert [rate.allows("192.0.2.1", 0) for _ in range(21)] == [True] * 20 + [False]
    assert rate.allows("192.0.2.2", 0)
    assert rate.allows("192.0.2.1", 100)
    assert not rate.allows("192.0.2.1", 100)


def test_the_rate_remembers_a_bounded_number_of_sources() -> None:
    rate = Rate(1, 1, most=10)
    for number in range(1000):
        rate.allows(f"192.0.2.{number}", 0)
    assert len(rate._left) <= 10


def test_behind_a_proxy_of_ours_its_word_counts_and_behind_others_it_does_not(office: Office) -> None:
    from dataclasses import replace

    from sekisho.web.application import application

    seen = []
    for proxies in (frozenset({"testclient"}), frozenset[str]()):
        made = replace(office, proxies=proxies, secure=True)
        plain = TestClient(application(made), base_url=ORIGIN, follow_redirects=False)
        headers = {
            "origin": "https://localhost:8443",
            "x-forwarded-proto": "https",
            "x-forwarded-for": "192.0.2.9",
        }
        answer = plain.post("/preferences", data={"theme": "dark"}, headers=headers)
        seen.append(answer.status_code)
    assert seen == [303, 403]


def test_the_session_cookie_is_out_of_reach(stranger: TestClient, admin: object) -> None:
    answer = stranger.post("/sign-in", data={"name": "関守", "password": PASSWORD})
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("sekisho="))
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "path=/" in cookie.lower()
