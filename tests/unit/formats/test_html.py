from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sekisho.formats.html import read_markup
from sekisho.formats.signs import flags_change, leads_to_change, says_change, says_locked, says_wrong

LOGIN = """<html><head><title> ログイン </title><meta name=csrf-token content=abc>
<meta http-equiv="Refresh" content="0; url=/next"><script>location.href="/js"</script></head>
<form action="/search"><input name=q></form>
<FORM METHOD=post ACTION="/login.cgi"><input type=HIDDEN name=tok value="a&amp;b"><input name=user>
<input type=password name=pw><select name=lang><option value=en>E<option value=ja selected>J</select>
<input type=checkbox name=keep value=1 checked></form><a href="/help">?</a>"""


def test_the_login_form_is_found_with_its_hidden_inputs():
    page = read_markup(LOGIN)
    form = page.login()
    assert page.title == "ログイン"
    assert form is not None
    assert (form.action, form.method, form.texts, form.passwords) == (
        "/login.cgi",
        "POST",
        ("user",),
        ("pw",),
    )
    assert form.hidden == {"tok": "a&b", "lang": "ja", "keep": "1"}
    assert (page.refresh, page.goes, page.csrf, page.links, page.passwords) == (
        "/next",
        "/js",
        "abc",
        ("/help",),
        1,
    )
    assert not page.asks_new_code()


def test_a_change_page_asks_for_two():
    assert read_markup(
        "<form><input type=password name=a><input type=password name=b></form>"
    ).asks_new_code()
    assert read_markup("<input type=password><input type=password>").asks_new_code()


@given(st.text(max_size=300))
def test_anything_gives_a_page(text):
    assert isinstance(read_markup(text).title, str)


def test_locks_are_noticed_in_both_languages():
    for text in ("Too many failed login attempts", "Your account is locked", "Please try again in 30 seconds",
                 "アカウントがロックされました", "しばらくたってから", "30秒後に再度お試しください", "ログイン試行回数が上限を超えました"):  # fmt: skip
        assert says_locked(text), text
    for text in ("Welcome", "Child lock settings", "パスワードが正しくありません", "block diagram"):
        assert not says_locked(text), text


def test_urging_is_told_from_a_menu():
    for text in ("You must change your password", "Please change the default password now", "初期パスワードを変更してください",
                 "パスワードの変更が必要です", "Enter new password:", "Your password has expired"):  # fmt: skip
        assert says_change(text), text
    for text in (
        "Change password",
        "パスワード変更",
        "Settings | Password | Logout",
        "Please enter your password",
    ):
        assert not says_change(text), text


def test_flags_places_and_refusals():
    assert flags_change({"data": [{"mustChangePassword": True}]})
    assert flags_change({"default_password": True})
    assert not flags_change({"mustChangePassword": False, "theme": True})
    assert leads_to_change("/setup/change-password")
    assert not leads_to_change("/status")
    assert says_wrong("Login incorrect")
    assert says_wrong("パスワードが違います")
