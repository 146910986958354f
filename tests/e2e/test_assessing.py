"""An assessment from the browser: a demo terminal, live progress, a question on a phone, stop, go on, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sekisho.demo.street import Street

from .conftest import Served, serve, set_up
from .test_accessibility import faults

Opened = Callable[..., Page]
PHOTO = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    made = Street(tmp_path_factory.mktemp("demo") / "street")
    made.build()
    try:
        made.start("hijackable")
        yield made
    finally:
        made.stop()


@pytest.fixture
def served(tmp_path: Path, street: Street) -> Iterator[Served]:
    folder = tmp_path / "data" / "terminals"
    folder.mkdir(parents=True)
    (tmp_path / "data" / "assess.toml").write_text('own = ["127.0.0.0/8"]\n', encoding="utf-8")
    # Its cord is a command, so whoever has the machine puts it there; from a browser it would be refused.
    (folder / "router.toml").write_text(
        street.describe("hijackable").read_text(encoding="utf-8"), encoding="utf-8"
    )
    one = serve(tmp_path / "data", "--name", "localhost")
    yield one
    one.end()


def _ordered(page: Page, served: Served, street: Street) -> None:
    """Fill in the form, see the plan, agree, start."""
    page.goto(served.url + "assess")
    page.get_by_role("link", name="評価を始める").first.click()
    page.get_by_label("端末の記述").select_option("router.toml")
    page.get_by_label("許可する人の氏名").fill("持ち主 太郎")
    page.get_by_label("許す宛先").fill(f"{street.net('hijackable')}.0/24")
    page.get_by_text("試験を限る").click()
    for probe in ("文書の確認", "開いているポート"):
        page.get_by_label(probe, exact=True).check()
    page.get_by_role("button", name="計画を見る").click()
    expect(page.get_by_text("まだ何も送っていない")).to_be_visible()
    expect(page.get_by_text("持ち主 太郎")).to_be_visible()
    page.get_by_label("アクセス管理者として").check()
    page.get_by_role("button", name="許可を記録して").click()


def test_from_the_form_to_the_report(served: Served, street: Street, opened: Opened, tmp_path: Path) -> None:
    page = opened(locale="ja-JP")
    set_up(page, served)
    _ordered(page, served, street)
    page.wait_for_url("**/assess/runs/*")
    run = page.url
    phone = opened(
        locale="ja-JP", viewport={"width": 390, "height": 844}, storage_state=page.context.storage_state(),
        has_touch=True, is_mobile=True,
    )  # fmt: skip
    phone.goto(run + "/questions")
    question = phone.locator(".question")
    expect(question).to_be_visible(timeout=20_000)
    expect(page.get_by_text("質問が待っている")).to_be_visible()  # by itself, on the page that was open
    photo = tmp_path / "札.png"
    photo.write_bytes(PHOTO)
    phone.get_by_label("写真やファイル").set_input_files(photo)
    phone.get_by_label("所見").fill("12ページ")
    first = question.locator("h1").inner_text()
    assert not faults(phone) + faults(page)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.get_by_role("button", name="はい").tap()
    expect(phone.locator(".question h1")).not_to_have_text(first, timeout=20_000)

    page.get_by_role("button", name="止める").click()
    expect(page.get_by_role("button", name="続ける")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="続ける").click()
    page.wait_for_url(run)
    phone.reload()
    ended = phone.get_by_text("もう質問は来ない")
    for _ in range(12):  # the phone goes from question to question by itself
        expect(question.or_(ended).first).to_be_visible(timeout=30_000)
        if not question.count():
            break
        assert question.locator("h1").inner_text() != first, "what was answered is not asked again"
        with phone.expect_navigation():
            phone.get_by_role("button", name="答えずにおく").tap()
    result = page.get_by_role("link", name="判定と報告書を見る")
    expect(result).to_be_visible(timeout=60_000)  # the page itself follows to the end
    result.click()
    expect(page.get_by_role("link", name="report.ja.html").first).to_be_visible()
    report = page.request.get(page.url.split("#")[0]).text()
    assert "持ち主 太郎" in report
    page.get_by_role("link", name="札.png").click()
    assert page.locator("img.photo").count() == 1


def test_without_scripts_it_is_started_watched_and_stopped(
    served: Served, street: Street, opened: Opened
) -> None:
    page = opened(locale="ja-JP", java_script_enabled=False)
    set_up(page, served)
    _ordered(page, served, street)
    page.wait_for_url("**/assess/runs/*")
    run = page.url
    for _ in range(200):
        page.goto(run)
        if page.get_by_text("質問が待っている").count():
            break
    expect(page.get_by_text("質問が待っている")).to_be_visible()
    page.get_by_role("button", name="止める").click()
    for _ in range(200):
        page.goto(run)
        if page.get_by_role("button", name="続ける").count():
            break
    expect(page.get_by_text("ここまでの証跡は保存済み")).to_be_visible()
