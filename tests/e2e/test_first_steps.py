"""From the link on the screen to a passkey, with a keyboard and in both languages."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from .conftest import PASSWORD, Served, set_up

Opened = Callable[..., Page]


def test_from_the_link_to_the_first_page_and_back_in(served: Served, opened: Opened) -> None:
    page = opened(locale="ja-JP")
    set_up(page, served)
    expect(page.get_by_role("heading", name="今日の関所")).to_be_visible()
    page.get_by_role("button", name="サインアウト").click()
    page.get_by_label("名前").fill("関守")
    page.get_by_label("パスワード", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="今日の関所")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="The checkpoint today")).to_be_visible()


def test_the_link_opens_once(served: Served, opened: Opened) -> None:
    set_up(opened(locale="ja-JP"), served)
    thief = opened(locale="ja-JP")
    assert thief.goto(served.set_up).status == 410


def test_a_passkey_opens_the_console(served: Served, opened: Opened) -> None:
    """A virtual authenticator of the browser's own protocol: registration, then a sign-in without the password."""
    page = opened(locale="ja-JP")
    spoken = page.context.new_cdp_session(page)
    spoken.send("WebAuthn.enable")
    spoken.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    set_up(page, served)
    page.goto(served.url + "account")
    page.get_by_role("button", name="パスキーを加える").click()
    expect(page.get_by_role("button", name="外す")).to_be_visible()
    page.get_by_role("button", name="サインアウト").click()
    page.get_by_role("button", name="パスキーでサインイン").click()
    expect(page.get_by_role("heading", name="今日の関所")).to_be_visible()


def test_it_works_without_scripts(served: Served, opened: Opened) -> None:
    page = opened(locale="ja-JP", java_script_enabled=False)
    set_up(page, served)
    for link in page.locator("nav.menu a").evaluate_all("all => all.map(one => one.href)") or []:
        assert page.goto(link).status == 200
    page.goto(served.url)
    page.locator("#theme").select_option("dark")
    page.get_by_role("button", name="変える").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_a_keyboard_reaches_the_search(served: Served, opened: Opened) -> None:
    page = opened(locale="ja-JP")
    set_up(page, served)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
