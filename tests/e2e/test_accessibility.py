"""Every page of the menu by axe (WCAG 2.2 AA), in both languages, all themes, wide and narrow."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from .conftest import Served, set_up

Opened = Callable[..., Page]
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def _faults(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": _RULES}}).response["violations"]
    return [f"{page.url} {one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_every_page_of_the_menu(served: Served, opened: Opened, theme: str) -> None:
    wide = opened(locale="ja-JP", viewport={"width": 1440, "height": 900})
    faults = []
    wide.goto(served.url + "sign-in")
    faults += _faults(wide)
    wide.goto(served.set_up)
    faults += _faults(wide)
    set_up(wide, served)
    origin = served.url.rstrip("/")
    wide.request.post(origin + "/preferences", form={"theme": theme}, headers={"origin": origin})
    links = wide.locator("nav.menu a").evaluate_all("all => all.map(one => one.href)")
    assert len(links) > 2
    for language, size in (("ja", (1440, 900)), ("en", (390, 844))):
        wide.request.post(origin + "/preferences", form={"lang": language}, headers={"origin": origin})
        wide.set_viewport_size({"width": size[0], "height": size[1]})
        for link in [*links, origin + "/account", origin + "/nowhere"]:
            wide.goto(link)
            assert wide.locator("html").get_attribute("lang") == language
            assert wide.locator("html").get_attribute("data-theme") == theme
            faults += _faults(wide)
            across = wide.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert across <= 0, f"{link} is wider than {size[0]} px by {across}"
    assert not faults, "\n".join(faults)
