"""The pages of notices: what exactly goes out, and that only a person's yes to exactly that lets it."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fakes import casework
from fakes.console import Browser
from sekisho.model.account import Role
from sekisho.model.notice import Notice, NoticeState
from sekisho.stores.database import SqlNotices
from sekisho.web.application import Office
from sekisho.workflows import notify, sign_in


@pytest.fixture
def ids(tmp_path: Path, made_once: casework.Made) -> dict[str, str]:
    return made_once.copied(tmp_path / "data")


@pytest.fixture
def office(tmp_path: Path, ids: dict[str, str]) -> Iterator[Office]:
    with casework.office_over(tmp_path / "data") as made:
        yield made


def letter(office: Office, identifier: str) -> Notice:
    found = office.console.casework.notice(identifier)
    assert found is not None
    return found


def state(office: Office, identifier: str, to: str, **fields: object) -> None:
    SqlNotices(office.console.database).change(
        msgspec.structs.replace(letter(office, identifier), state=NoticeState(to), **fields)
    )


def test_the_page_shows_words_and_headers_as_they_go_out_and_no_receiver(
    browser: Browser, office: Office, ids: dict[str, str]
) -> None:
    shown = browser().get(f"/notices/{ids['notice']}").text
    one = letter(office, ids["notice"])
    assert one.digest in shown
    assert one.subject in shown
    assert all(
        line in shown for line in one.body.splitlines() if line and line[0] != "1" and ". " not in line
    )
    for said in (
        "From",
        "security@isp.example",
        "Auto-Submitted",
        "auto-generated",
        "Message-ID",
        "Content-Language",
    ):
        assert said in shown
    assert "送るときに、記録を残して調べる" in shown
    assert "recipient.invalid" not in shown
    assert "一字一句同じ" in shown, "it is the template's text"


def test_an_approval_is_for_the_text_that_was_seen(
    browser: Browser, office: Office, ids: dict[str, str]
) -> None:
    own, one = browser(Role.SENDER), letter(office, ids["notice"])
    for digest in ("", "0" * 64):
        other = own.post(f"/notices/{one.id}/approve", data={"digest": digest})
        assert other.status_code == 409
        assert letter(office, one.id).state is NoticeState.DRAFT
    done = own.post(f"/notices/{one.id}/approve", data={"digest": one.digest})
    assert done.status_code == 303
    now = letter(office, one.id)
    assert (now.state, now.approved_by, now.approved_digest) == (
        NoticeState.APPROVED,
        "one sender",
        one.digest,
    )
    entry = office.console.keeping.audit(limit=1)[0]
    assert (entry.act, entry.object, entry.who, entry.details["digest"]) == (
        "approve-notice",
        one.id,
        "one sender",
        one.digest,
    )


def test_only_senders_approve_and_only_freshly_signed_in(
    browser: Browser, office: Office, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, own = letter(office, ids["notice"]), browser(Role.SENDER)
    for role in (Role.VIEWER, Role.ANALYST):
        low = browser(role)
        assert low.post(f"/notices/{one.id}/approve", data={"digest": one.digest}).status_code == 403
        assert f'action="/notices/{one.id}/approve"' not in low.get(f"/notices/{one.id}").text
    monkeypatch.setattr(sign_in, "recently_authenticated", lambda *_: False)
    late = own.post(f"/notices/{one.id}/approve", data={"digest": one.digest})
    assert (late.status_code, late.headers["location"].split("?")[0]) == (303, "/account/confirm")
    page = own.get(f"/notices/{one.id}").text
    assert f'href="/notices/{one.id}/approve"' in page
    assert f'action="/notices/{one.id}/approve"' not in page
    assert letter(office, one.id).state is NoticeState.DRAFT


def test_a_rewrite_is_shown_as_a_difference_before_it_is_kept_and_voids_the_approval(
    browser: Browser, office: Office, ids: dict[str, str]
) -> None:
    own, one = browser(Role.SENDER), letter(office, ids["notice"])
    own.post(f"/notices/{one.id}/approve", data={"digest": one.digest})
    words = {
        "digest": one.digest,
        "subject": one.subject,
        "body": one.body.replace("\n", "\r\n") + "追って書き。\r\n",
    }
    look = own.post(f"/notices/{one.id}/text", data=words)
    assert look.status_code == 200
    assert "<ins>" in look.text
    assert "追って書き。" in look.text
    assert letter(office, one.id).state is NoticeState.APPROVED, "a look keeps nothing"
    assert own.post(f"/notices/{one.id}/text", data={**words, "keep": "1"}).status_code == 303
    now = letter(office, one.id)
    assert (now.state, now.approved_by) == (NoticeState.DRAFT, "")
    assert now.body == one.body + "追って書き。\n"
    page = own.get(f"/notices/{one.id}").text
    assert "<ins>" in page, "the page compares with the template's words"
    stale = own.post(f"/notices/{one.id}/text", data={**words, "keep": "1"})
    assert stale.status_code == 409
    assert own.post(f"/notices/{one.id}/approve", data={"digest": one.digest}).status_code == 409


def test_withdrawing_needs_a_reason_and_ends_it(
    browser: Browser, office: Office, ids: dict[str, str]
) -> None:
    own, one = browser(Role.ANALYST), ids["notice"]
    assert own.post(f"/notices/{one}/withdraw", data={"reason": " "}).status_code == 400
    assert own.post(f"/notices/{one}/withdraw", data={"reason": "誤検知"}).status_code == 303
    assert letter(office, one).state is NoticeState.WITHDRAWN
    assert own.post(f"/notices/{one}/withdraw", data={"reason": "もう一度"}).status_code == 400


def test_an_unknown_outcome_is_asked_and_settled_by_a_person(
    browser: Browser, office: Office, ids: dict[str, str]
) -> None:
    own, one = browser(Role.SENDER), ids["notice"]
    assert own.post(f"/notices/{one}/settle", data={"outcome": "sent"}).status_code == 400
    state(office, one, "sending")
    assert "送ったかどうか分からない" in own.get(f"/notices/{one}").text
    assert own.post(f"/notices/{one}/settle", data={"outcome": "perhaps"}).status_code == 400
    assert own.post(f"/notices/{one}/settle", data={"outcome": "sent"}).status_code == 303
    assert letter(office, one).state is NoticeState.SENT


def test_many_are_approved_by_text_each_by_its_own_digest(
    browser: Browser, office: Office, ids: dict[str, str]
) -> None:
    own = browser(Role.SENDER)
    with office.console.casework.noticing() as desk:
        more = notify.draft(
            [ids["confirmed"]], casework.SENDER, desk.office(), channel=notify_channel("letter")
        ).notices[0]
    page = own.get("/notices/batch")
    assert page.status_code == 200
    one = letter(office, ids["notice"])
    for each in (one, more):
        assert f'name="n-{each.id}-{each.id}" value="{each.digest}"' in page.text
        assert each.subject in page.text
    form = {f"n-{each.id}-{each.id}": each.digest for each in (one, more)}
    assert own.post("/notices/batch", data=form).status_code == 422, "nothing was ticked"
    assert own.post("/notices/batch", data={**form, f"g-{one.id}": "1"}).status_code == 303
    assert letter(office, one.id).state is NoticeState.APPROVED
    assert letter(office, more.id).state is NoticeState.DRAFT, "its text was not ticked"
    altered = {f"n-{more.id}-{more.id}": "0" * 64, f"g-{more.id}": "1"}
    assert own.post("/notices/batch", data=altered).status_code == 409
    assert letter(office, more.id).state is NoticeState.DRAFT


def notify_channel(word: str):
    from sekisho.model.notice import Channel

    return Channel(word)


def test_a_look_at_what_can_go_sends_and_looks_up_nothing(
    browser: Browser, office: Office, ids: dict[str, str]
) -> None:
    own, one = browser(Role.SENDER), letter(office, ids["notice"])
    assert "承認済みのお知らせはない" in own.get("/notices/send").text
    own.post(f"/notices/{one.id}/approve", data={"digest": one.digest})
    before = len(office.console.keeping.audit(limit=100))
    shown = own.get("/notices/send")
    assert "今送れる" in shown.text
    assert 'name="most" value="1"' in shown.text
    assert letter(office, one.id).state is NoticeState.APPROVED
    assert len(office.console.keeping.audit(limit=100)) == before
    assert own.get("/notices/send?channel=letter").status_code == 400
    assert own.post("/notices/send", data={"channel": "email", "most": "1000000"}).status_code == 400


def test_sending_an_approved_notice_whose_subscriber_cant_be_told_sends_nothing(
    browser: Browser, office: Office, ids: dict[str, str]
) -> None:
    own, one = browser(Role.SENDER), letter(office, ids["notice"])
    own.post(f"/notices/{one.id}/approve", data={"digest": one.digest})
    sent = own.post("/notices/send", data={"channel": "email", "most": "1", "reason": "届けるため"})
    assert sent.status_code in (200, 403), sent.text
    assert letter(office, one.id).state in (NoticeState.APPROVED, NoticeState.WITHHELD)
    assert letter(office, one.id).sent_at == 0


def test_the_queue_is_filtered_and_exported(browser: Browser, office: Office, ids: dict[str, str]) -> None:
    own, one = browser(), ids["notice"]
    for query, there in (
        ("", True),
        ("state=draft", True),
        ("state=sent", False),
        ("state=all", True),
        (f"case={ids['new']}", False),
    ):
        assert (f'href="/notices/{one}"' in own.get(f"/notices?{query}").text) is there, query
    assert own.get("/notices?state=lost").status_code == 400
    assert own.get("/notices/0000000000000000").status_code == 404
    rows = json.loads(own.get("/notices?format=json").content)["rows"]
    assert [row["notice"] for row in rows] == [one]
    with casework.queries(office) as asked:
        own.get("/notices")
    assert len(asked) <= 10, asked
    with casework.queries(office) as asked:
        own.get(f"/notices/{one}")
    assert len(asked) <= 14, asked


def test_without_the_operators_words_the_page_says_so_and_shows_the_text(
    tmp_path: Path, browser: Browser, office: Office, ids: dict[str, str]
) -> None:
    (tmp_path / "data" / "notices.toml").unlink()
    shown = browser().get(f"/notices/{ids['notice']}")
    assert shown.status_code == 200
    assert letter(office, ids["notice"]).subject in shown.text
    assert "見出しを作れない" in shown.text
    assert "ひな形の文を今は作れない" in shown.text
