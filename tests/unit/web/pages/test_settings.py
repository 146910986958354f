"""The page of settings: what is configured and where it comes from; a change is shown, made, and recorded."""

import re

from fakes.console import Browser, browsing
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


def test_what_is_beyond_the_maximum_is_the_typists_mistake(browser: Browser) -> None:
    answer = browser().post("/settings/days", data={"value": "999999"})
    assert answer.status_code == 400
    assert "上限" in answer.text


def test_four_eyes_are_switched_on_here_and_off_in_the_file(browser: Browser, office: Office) -> None:
    own = browser()
    shown = own.post("/settings/four_eyes", data={"value": "true"})
    own.post("/settings/four_eyes", data={"value": "true", "revision": _revision(shown.text)})
    assert office.console.settings.four_eyes
    page = own.get("/settings/four_eyes").text
    assert "機械の管理者" in page
    assert 'name="value"' not in page
    refused = own.post("/settings/four_eyes", data={"value": "false"})
    assert refused.status_code == 400
    assert "機械の管理者" in refused.text
    assert own.post("/settings/request_hours", data={"value": "0.001"}).status_code == 400


def test_a_token_changes_no_setting(browser: Browser, office: Office) -> None:
    """Like accounts: a token can't prove anew who is there, whatever it may do otherwise."""
    own = browser()
    made = own.post(
        "/account/tokens", data={"name": "all", "days": "30", "may-see": "1", "may-admin": "1"}
    ).text
    bearer = {"authorization": f"Bearer {made[made.index('sk_') :].split('<')[0]}"}
    bare = browsing(office)
    assert bare.get("/settings", headers=bearer).status_code == 200
    for path, sent in (("/settings/days", {"value": "3"}), ("/people", {"name": "x", "role": "admin"})):
        refused = bare.post(path, data=sent, headers=bearer)
        assert refused.status_code == 403, path
        assert "revision" not in refused.text
    assert "トークンではできない" in bare.post("/settings/days", data={"value": "3"}, headers=bearer).text


def test_what_may_be_assessed_is_shown_with_the_file_that_says_so(browser: Browser, office: Office) -> None:
    own, file = browser(), office.console.folder / "assess.toml"
    page = own.get("/settings").text
    assert "assess.toml はまだなく" in page
    assert "fc00::/7" in page
    assert "まだない。" in page
    (office.console.folder / "terminals").mkdir()
    (office.console.folder / "terminals" / "router.toml").write_text("x", encoding="utf-8")
    file.write_text('prefixes = ["192.0.2.0/24"]\nmost_days = 3\n', encoding="utf-8")
    page = own.get("/settings").text
    assert '<span class="code">192.0.2.0/24</span>' in page
    assert ">router.toml<" in page
    assert page.count('<span class="chip told">assess.toml</span>') == 2
    assert own.get("/settings/prefixes").status_code == 400
    file.write_text("no_such = 1\n", encoding="utf-8")
    page = own.get("/settings").text
    assert "no_such" in page
    assert "直るまで何も評価できない" in page
    assert str(office.console.folder) not in page


def test_what_no_expiry_deletes_is_counted(browser: Browser, office: Office) -> None:
    own = browser()
    for name in ("assessments/a", "assessments/b", "runs/a", "runs/.starting"):
        (office.console.folder / name).mkdir(parents=True)
    page = re.sub(r"\s+", " ", own.get("/settings").text)
    for word, count in (("assessments/", 2), ("runs/", 1), ("terminals/", 0)):
        row = next(one for one in page.split("<tr") if f'small">{word}<' in one)
        assert f">{count}</td>" in row, word
    assert "/help/60-operate/retention" in page
    assert own.get("/help/60-operate/retention").status_code == 200
