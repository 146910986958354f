"""First set-up, sign-in and sign-out as a browser goes through them."""

from dataclasses import replace

from starlette.testclient import TestClient

from fakes.console import PASSWORD, Browser, browsing
from sekisho.model.account import Role
from sekisho.web.office import Office
from sekisho.wiring.moment import milliseconds
from sekisho.workflows import sign_in


def test_nobody_gets_in_before_the_link_and_it_works_once(office: Office, stranger: TestClient) -> None:
    assert "最初の管理者" in stranger.get("/sign-in").text
    assert stranger.post("/sign-in", data={"name": "admin", "password": "admin"}).status_code in (403, 429)
    link = f"/set-up/{sign_in.make_setup_link(office.gate, milliseconds())}"
    assert "12文字以上" in stranger.get(link).text
    form = {"name": "関守", "password": PASSWORD, "again": PASSWORD}
    done = stranger.post(link, data=form)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "今日の関所" in stranger.get("/").text
    other = browsing(office)
    assert other.get(link).status_code == 410
    assert other.post(link, data={**form, "name": "盗人"}).status_code in (410, 422)
    assert [one.name for one in sign_in.people(office.gate)] == ["関守"]


def test_a_weak_or_mistyped_password_is_explained_and_the_link_stays_good(
    office: Office, stranger: TestClient
) -> None:
    link = f"/set-up/{sign_in.make_setup_link(office.gate, milliseconds())}"
    for password, again in (("short", "short"), ("password1234", "password1234"), (PASSWORD, PASSWORD + "x")):
        answer = stranger.post(link, data={"name": "関守", "password": password, "again": again})
        assert answer.status_code == 422
        assert 'class="fault"' in answer.text
    done = stranger.post(link, data={"name": "関守", "password": PASSWORD, "again": PASSWORD})
    assert done.status_code == 303


def test_signing_in_and_out(office: Office, stranger: TestClient, admin: sign_in.SignedIn) -> None:
    assert stranger.get("/account?a=1").headers["location"] == "/sign-in?next=%2Faccount%3Fa%3D1"
    wrong = stranger.post("/sign-in", data={"name": "関守", "password": "wrong horse in the rain"})
    assert wrong.status_code == 403
    done = stranger.post("/sign-in", data={"name": "関守", "password": PASSWORD, "next": "/account"})
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    token = stranger.cookies[office.cookie]
    assert stranger.get("/account").status_code == 200
    stranger.post("/sign-out")
    old = browsing(office, token)
    assert old.get("/account").status_code == 303, (
        "the session is ended at the server, not only in the browser"
    )


def test_guessing_is_slowed_with_the_time_to_wait_and_the_answer_tells_nothing(
    office: Office, stranger: TestClient, admin: sign_in.SignedIn
) -> None:
    answers = [stranger.post("/sign-in", data={"name": "関守", "password": f"guess {n}"}) for n in range(8)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    other = browsing(office)
    unknown = [other.post("/sign-in", data={"name": "nobody", "password": f"guess {n}"}) for n in range(2)]
    assert (
        answers[0].text.replace("関守", "") == unknown[0].text.replace("nobody", "")
        or unknown[0].status_code == 429
    )


def test_pages_speak_both_languages_and_keep_the_choice(
    stranger: TestClient, admin: sign_in.SignedIn
) -> None:
    assert '<html lang="ja"' in stranger.get("/sign-in").text
    assert '<html lang="en"' in stranger.get("/sign-in", headers={"accept-language": "en-GB,en"}).text
    stranger.post("/preferences", data={"lang": "en", "next": "/sign-in"})
    page = stranger.get("/sign-in").text
    assert "Sign in" in page
    stranger.post("/preferences", data={"theme": "dark"})
    assert 'data-theme="dark"' in stranger.get("/sign-in").text


def test_weighty_acts_ask_for_a_fresh_sign_in(office: Office, admin: sign_in.SignedIn) -> None:
    later = replace(office, now=lambda: milliseconds() + 20 * 60_000)
    one = browsing(later, admin.token)
    answer = one.post("/people", data={"name": "新人", "role": "viewer"})
    assert answer.headers["location"].startswith("/account/confirm")
    assert one.post("/account/confirm", data={"password": "wrong horse in rain"}).status_code == 403
    done = one.post("/account/confirm", data={"password": PASSWORD, "next": "/people"})
    assert done.headers["location"] == "/people"
    made = one.post("/people", data={"name": "新人", "role": "viewer", "language": "ja"})
    assert made.status_code == 200
    assert "/set-up/" in made.text


def test_a_token_does_what_it_was_made_for_and_no_more(office: Office, browser: Browser) -> None:
    own = browser()
    page = own.post("/account/tokens", data={"name": "monitoring", "days": "30", "may-see": "1"}).text
    secret = page[page.index("sk_") :].split("<")[0]
    bare = TestClient(browsing(office).app, base_url="http://localhost:8443", follow_redirects=False)
    bearer = {"authorization": f"Bearer {secret}"}
    assert bare.get("/api/v1/me", headers=bearer).json()["permissions"] in (["see"], ["open", "see"])
    assert bare.get("/people", headers=bearer).status_code == 403
    assert bare.get("/api/v1/me", headers={"authorization": "Bearer sk_wrong"}).status_code == 401
    assert bare.get("/api/v1/me").status_code == 401
    listed = own.get("/account").text
    assert secret not in listed


def test_who_is_switched_off_is_out_at_once(
    office: Office, browser: Browser, admin: sign_in.SignedIn
) -> None:
    viewer = browser(Role.VIEWER)
    assert viewer.get("/").status_code == 200
    account = next(one for one in sign_in.people(office.gate) if one.role is Role.VIEWER)
    browsing(office, admin.token).post("/people/disable", data={"id": account.id})
    assert viewer.get("/").status_code == 303
