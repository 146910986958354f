"""Signing in by a provider of OpenID Connect in a real browser: by a rule, without one, and out again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from e2e.conftest import PASSWORD, Served, serve
from fakes.open_id import OpenIdServer


@pytest.fixture
def provider() -> Iterator[OpenIdServer]:
    one = OpenIdServer(
        {"sub": "s-sato", "preferred_username": "佐藤", "groups": ["noc"]},
        {"sub": "s-guest", "preferred_username": "客", "groups": ["guests"]},
    )
    yield one
    one.end()


@pytest.fixture
def console(tmp_path: Path, provider: OpenIdServer) -> Iterator[Served]:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "oidc.toml").write_text(
        f'issuer = "{provider.issuer}"\nclient = "console"\nsecret_file = "oidc.secret"\ntitle = "社内ID"\n'
        '[roles]\nnoc = "analyst"\n',
        encoding="utf-8",
    )
    (folder / "oidc.secret").write_text("hush", encoding="utf-8")
    (folder / "oidc.secret").chmod(0o600)
    one = serve(folder, "--name", "localhost")
    yield one
    one.end()


def _come(page: Page, console: Served, subject: str) -> None:
    # The provider's own page wants its looks from elsewhere; nothing leaves this machine.
    page.context.route(
        lambda url: urlsplit(url).hostname not in ("localhost", "127.0.0.1"),
        lambda route: route.fulfill(body=""),
    )
    page.goto(console.url + "sign-in?next=/cases")
    page.get_by_role("link", name="社内ID でサインイン").click()
    page.locator("input[name=sub]").fill(subject)
    page.get_by_role("button", name="Authorize", exact=True).click()


def test_in_by_a_rule_and_out_again(
    console: Served, opened: Callable[..., Page], tmp_path: Path, provider: OpenIdServer
) -> None:
    first = opened(locale="ja-JP")
    first.goto(console.set_up)
    for name, value in (("name", "関守"), ("password", PASSWORD), ("again", PASSWORD)):
        first.locator(f"input[name={name}]").first.fill(value)
    first.get_by_role("button", name="この利用者を作る").or_(
        first.locator("form.form button.primary")
    ).first.click()
    first.locator("nav.menu").wait_for()
    page = opened(locale="ja-JP")
    _come(page, console, "s-sato")
    page.wait_for_url("**/cases")
    assert "佐藤" in page.locator("header").first.inner_text()
    assert page.locator("nav.menu a[href='/people']").count() == 0
    page.screenshot(path=tmp_path / "open-id.png")
    page.get_by_role("button", name="サインアウト").click()
    page.wait_for_url("**/sign-out/openid")
    assert page.get_by_role("link", name="そちらからも出る").get_attribute("href").startswith(provider.issuer)  # type: ignore[union-attr]
    other = opened(locale="ja-JP")
    _come(other, console, "s-guest")
    other.get_by_text("役割が決められていない").wait_for()
    other.goto(console.url + "cases")
    other.wait_for_url("**/sign-in**")
