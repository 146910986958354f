"""Every page of the menu by axe (WCAG 2.2 AA), in both languages, all themes, wide and narrow."""

from collections.abc import Callable

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from .conftest import Served, set_up

Opened = Callable[..., Page]
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Only what is wrong comes over: what is right would be a hundred times as much.
_FAULTS = """async rules => {
  const found = await axe.run({runOnly: {type: "tag", values: rules}, resultTypes: ["violations"]});
  return found.violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 120)}`));
}"""


def faults(page: Page) -> list[str]:
    """Return what axe finds wrong with a page as it stands."""
    page.evaluate(AXE_SCRIPT)
    return [f"{page.url} {one}" for one in page.evaluate(_FAULTS, _RULES)]


@pytest.mark.parametrize(
    ("theme", "language", "size"),
    [
        ("light", "ja", (1440, 900)),
        ("dark", "en", (390, 844)),
        ("contrast", "en", (1440, 900)),
        ("light", "ja", (390, 844)),
    ],
)
def test_every_page_of_the_menu(
    served: Served, opened: Opened, theme: str, language: str, size: tuple[int, int]
) -> None:
    page = opened(locale="ja-JP", viewport={"width": size[0], "height": size[1]})
    found = []
    page.goto(served.url + "sign-in")
    found += faults(page)
    page.goto(served.set_up)
    found += faults(page)
    set_up(page, served)
    origin = served.url.rstrip("/")
    for choice in ({"theme": theme}, {"lang": language}):
        page.request.post(origin + "/preferences", form=choice, headers={"origin": origin})
    links = page.locator("nav.menu a").evaluate_all("all => all.map(one => one.href)")
    assert len(links) > 8
    for link in [
        *links,
        origin + "/account",
        origin + "/nowhere",
        origin + "/search?q=a",
        origin + "/watch/detections",
        origin + "/assess/new",
        origin + "/assess/runs",
        origin + "/terminals/new",
        origin + "/duties/people",
        origin + "/duties/checks",
        origin + "/duties/checks/2026?item=technical:10条 電源",
        origin + "/duties/drills",
        origin + "/duties/learning",
        origin + "/accidents/statistics",
        origin + "/duties/reminders",
        origin + "/duties/names",
    ]:
        page.goto(link)
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("html").get_attribute("data-theme") == theme
        found += faults(page)
        across = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert across <= 0, f"{link} is wider than {size[0]} px by {across}"
    assert not found, "\n".join(found)


def test_a_page_with_faults_is_seen_as_such(opened: Opened) -> None:
    page = opened()
    page.set_content("<html lang='ja'><title>t</title><h1>h</h1><img src='data:,'><input type=text></html>")
    assert {one.split()[1] for one in faults(page)} >= {"image-alt:", "label:"}
