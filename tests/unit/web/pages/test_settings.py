"""The page of settings: what is configured and where it comes from; a change is shown, made, and recorded."""

import re

from fakes.console import Browser
from sekisho.model.account import Role
from sekisho.web.office import Office


def _revision(page: str) -> str:
    found = re.search(r'name="revision" value="([0-9a-f]+)"', page)
    assert found
    return found[1]


def test_it_tells_everything_and_no_secret(browser: Browser, office: Office) -> None:
    folder = office.console.folder
    (folder / "watch.toml").write_text("days = 3\nlists = ['gone.csv']\n", encoding="utf-8")
    (folder / "notices.toml").write_text(
        "[smtp]\nhost = 'mail.example'\npassword_file = '/etc/hush'\n", encoding="utf-8"
    )
    page = browser().get("/settings").text
    for word in ("customers", "watch.toml", "既定", "gone.csv", "読めない", "idle_minutes", "mail.example"):
        assert word in page, word
    assert "hush" not in page
    assert "設定済み（示さない）" in page


def test_a_change_is_shown_first_then_made_and_recorded(browser: Browser, office: Office) -> None:
    own = browser()
    shown = own.post("/settings/days", data={"value": "5"})
    assert shown.status_code == 200
    assert "+days = 5" in shown.text
    assert not (office.console.folder / "watch.toml").exists()
    done = own.post("/settings/days", data={"value": "5", "revision": _revision(shown.text)})
    assert (done.status_code, done.headers["location"]) == (303, "/settings")
    assert (office.console.folder / "watch.toml").read_text(encoding="utf-8") == "days = 5\n"
    page = own.get("/settings").text
    assert "act=change-setting&amp;object=days" in page
    # Who saw the file before that change is told so.
    late = own.post("/settings/days", data={"value": "6", "revision": _revision(shown.text)})
    assert late.status_code == 409


def test_what_is_not_changed_here_says_why(browser: Browser) -> None:
    own = browser()
    assert "仮名が変わり" in own.get("/settings/customers").text
    assert own.get("/settings/customers").status_code == 400
    assert own.post("/settings/customers", data={"value": "x"}).status_code == 400
    assert own.get("/settings/no_such").status_code == 400


def test_only_an_admin_sees_it(browser: Browser) -> None:
    assert browser(Role.SENDER).get("/settings").status_code == 403
