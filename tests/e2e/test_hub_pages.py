"""The hub's pages in a real browser, served as its operator starts them: by axe, in both languages, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import Page

from fakes.hub_console import fill, others
from fakes.sharing import opened_ring

from .conftest import serve, set_up
from .test_accessibility import faults

Opened = Callable[..., Page]


def _filled(folder: Path) -> tuple[str, str]:
    with opened_ring(folder) as ring:
        fill(ring)
        others(ring)
        (finding,) = ring.books.disclosures.findings()
        return str(ring.standing("198.51.100.1").id), finding.id


def test_the_hubs_pages(tmp_path: Path, opened: Opened) -> None:
    # On a thread of its own: Playwright's event loop is the running one of this thread.
    with ThreadPoolExecutor(1) as pool:
        life, finding = pool.submit(_filled, tmp_path / "hub").result()
    served = serve(tmp_path / "data", "--name", "localhost", "--hub", str(tmp_path / "hub"))
    try:
        page = opened(locale="ja-JP", viewport={"width": 1440, "height": 900})
        set_up(page, served)
        origin = served.url.rstrip("/")
        found = []
        paths = (
            "/hub", f"/hub/indicators/{life}", "/hub/members/alpha", f"/hub/findings/{finding}", "/hub/peers", "/hub/members",
            "/hub/disputes", "/hub/findings", "/hub/ledger",
        )  # fmt: skip
        for theme, language, width in (("light", "ja", 1440), ("dark", "en", 390)):
            page.set_viewport_size({"width": width, "height": 844})
            for choice in ({"theme": theme}, {"lang": language}):
                page.request.post(origin + "/preferences", form=choice, headers={"origin": origin})
            # Narrow, those with tables and forms.
            for path in paths if width > 390 else paths[:5]:
                page.goto(origin + path)
                assert page.locator("html").get_attribute("lang") == language
                found += faults(page)
                across = page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert across <= 0, f"{path} is wider than {width} px by {across}"
        assert not found, "\n".join(found)
        page.goto(origin + f"/hub/findings/{finding}")
        page.get_by_label("What it said").fill("it is being mended")
        page.get_by_role("button", name="Record it").last.click()
        page.get_by_text("it is being mended").wait_for()
        page.goto(origin + "/hub/disputes")
        page.get_by_label("Why (on record)").fill("it is ours")
        page.get_by_role("button", name="Uphold").click()
        page.get_by_text("Decided: it holds from the next release").wait_for()
        page.goto(origin + "/hub?state=retired")
        assert page.locator("a.row").all_inner_texts() == ["198.51.100.1:23"]
    finally:
        served.end()
