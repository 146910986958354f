"""Reminders of duties from the console, with a real mail server: on and off, once each, by itself in the morning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fakes.console import Browser
from fakes.mail_server import MailServer
from sekisho.model.accident import JAPAN
from sekisho.model.account import Role
from sekisho.model.case_life import Actor
from sekisho.model.compliance import Operator
from sekisho.model.reminding import LEADS, Reminding, parts
from sekisho.web.office import Office
from sekisho.wiring.console import Console
from sekisho.wiring.console_reminders import sending
from sekisho.wiring.duty_reminding import unsent

PLACE = "/duties/reminders"
NOTICES = """
[operator]
sender = "noc@isp.example"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
"""
ON = {"seen": "0", "on": "1", "to": "keep@isp.example", "days": "30 7", "language": "en"}
WHO = Actor("佐藤", "sender")


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path)
    yield server
    server.stop()


def set_server(office: Office, port: int) -> None:
    (office.console.folder / "notices.toml").write_text(NOTICES.format(port=port))


@pytest.fixture
def sender(office: Office, browser: Browser) -> TestClient:
    office.console.duties.say(Operator(name="見本", users=45_000, voice=False), 0, WHO)
    return browser(Role.SENDER)


def test_they_are_switched_on_sent_once_and_what_went_is_told(
    office: Office, sender: TestClient, browser: Browser, mail: MailServer
) -> None:
    set_server(office, mail.port)
    assert "まだ何も送っていない" in sender.get(PLACE).text
    assert sender.post(f"{PLACE}/send").status_code == 409  # to nobody
    assert sender.post(PLACE, data=ON).status_code == 303
    assert sender.post(PLACE, data=ON).status_code == 409  # somebody was faster
    late = sum(one.state.value == "late" for one in office.console.duties.listed().entries)
    assert late
    page = sender.get(PLACE).text
    assert "いま送る" in page
    analyst = browser(Role.ANALYST)
    assert "keep@isp.example" in analyst.get(PLACE).text
    for path in (PLACE, f"{PLACE}/send"):
        assert analyst.post(path, data=ON).status_code == 403
    viewer = browser(Role.VIEWER)
    assert viewer.get(PLACE).status_code == 403
    assert PLACE not in viewer.get("/duties").text
    assert sender.post(f"{PLACE}/send").status_code == 303
    (took,) = mail.taken()
    assert took["to"] == ["keep@isp.example"]
    assert "Duties by date" in took["text"]
    assert "新しく知らせるものはない" in sender.get(PLACE).text
    assert sender.post(f"{PLACE}/send").status_code == 303
    assert len(mail.taken()) == 1
    went = office.console.reminders.went()
    assert len(went) >= late
    assert {one.recipient for one in went} == {"keep@isp.example"}
    assert "one sender" in sender.get(PLACE).text


REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({"to": "not an address"}, "メールアドレスではない"),
    ({"to": "a@isp.example\nBcc: b@isp.example"}, "メールアドレスではない"),
    ({"to": " ".join(f"a{n}@isp.example" for n in range(11))}, "10まで"),
    ({"to": ""}, "宛先が要る"),
    ({"days": ""}, "何日前か"),
    ({"days": "０"}, "何日前か"),
    ({"days": "-3"}, "何日前か"),
    ({"days": "401"}, "何日前か"),
    ({"days": "1 2 3 4 5"}, "何日前か"),
)


def test_what_cannot_be_is_refused_and_nothing_typed_is_lost(office: Office, sender: TestClient) -> None:
    set_server(office, 9)
    for change, words in REFUSED:
        answer = sender.post(PLACE, data=ON | change)
        assert answer.status_code == 409, change
        assert words in answer.text, change
    assert office.console.reminders.settings() == (Reminding(), 0)


def test_without_a_mail_server_they_stay_off(office: Office, sender: TestClient) -> None:
    assert "メールサーバー" in sender.get(PLACE).text
    assert sender.post(PLACE, data=ON).status_code == 409
    assert sender.post(PLACE, data=ON | {"on": ""}).status_code == 303  # kept, switched off
    (office.console.folder / "notices.toml").write_text("[smtp]\nport = 'x'\n")
    assert "お知らせの設定に誤りがある" in sender.get(PLACE).text


def at(hour: int) -> int:
    return int(datetime(2026, 11, 21, hour, 30, tzinfo=JAPAN).timestamp() * 1000)


def test_they_go_by_themselves_in_the_morning_and_a_fault_is_told_and_tried_again(
    tmp_path: Path, mail: MailServer
) -> None:
    clock = [at(6)]
    with Console(tmp_path / "data", create=True, now=lambda: clock[0]) as console:
        desk = console.reminders
        console.duties.say(Operator(name="見本", users=45_000, voice=False), 0, WHO)
        (console.folder / "notices.toml").write_text(NOTICES.format(port=9))
        desk.look()  # nobody decided anything
        desk.say(Reminding(on=True, to=("keep@isp.example",)), 0, WHO)
        desk.look()
        assert desk.last() is None, "before seven nothing is sent"
        clock[0] = at(7)
        desk.look()
        last = desk.last()
        assert last
        assert last.failed
        assert last.told[0].state == "unreachable"
        (console.folder / "notices.toml").write_text(NOTICES.format(port=mail.port))
        clock[0] += 60_000
        desk.look()
        assert not mail.taken(), "not before an hour is over"
        clock[0] += 3_600_000
        with sending(console.folder):
            desk.look()
            assert not mail.taken(), "another process sends"
        desk.look()
        assert len(mail.taken()) == 1
        assert {one.by for one in desk.went()} == {"sekisho"}
        assert not (desk.last() or last).failed
        for days in (0, 1):
            clock[0] += days * 86_400_000
            desk.look()
        assert len(mail.taken()) == 1
        _, seen = desk.settings()
        desk.say(Reminding(on=False, to=("keep@isp.example", "more@isp.example")), seen, WHO)
        desk.look()
        assert len(mail.taken()) == 1
        acts = [one.act for one in console.keeping.audit(limit=100)]
        assert acts.count("set-reminders") == 2
        assert "keep@" not in json.dumps([one.details for one in console.keeping.audit(limit=100)])


def test_a_console_that_keeps_on_sends_them(
    tmp_path: Path, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sekisho.wiring.console._FIRST_S", 0.01)
    monkeypatch.setattr("sekisho.wiring.console._ROUND_S", 0.01)
    with Console(tmp_path / "data", create=True, now=lambda: at(8)) as console:
        console.duties.say(Operator(name="見本", users=45_000, voice=False), 0, WHO)
        (console.folder / "notices.toml").write_text(NOTICES.format(port=mail.port))
        console.reminders.say(Reminding(on=True, to=("keep@isp.example",)), 0, WHO)
        thread = console.keep_on()
        for _ in range(400):
            if console.reminders.went():
                break
            thread.join(0.02)
    thread.join(5)
    assert not thread.is_alive(), "it ends with the console"
    assert len(mail.taken()) == 1


def test_a_file_that_can_t_be_opened_is_told_and_the_thread_lives_on(
    office: Office, sender: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_server(office, 9)
    sender.post(PLACE, data=ON)
    folder, now, rounds = office.console.folder, at(8), 0
    for name in ("reminding.lock", "reminding.json"):  # neither can be opened, nor the other be noted
        (folder / name).mkdir()

    def tidied() -> None:
        nonlocal rounds
        rounds += 1
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sekisho.wiring.console._FIRST_S", 0.01)
    monkeypatch.setattr("sekisho.wiring.console._ROUND_S", 0.01)
    with Console(folder, now=lambda: now) as console:
        monkeypatch.setattr(console.names, "tidy", tidied)
        thread = console.keep_on()
        for _ in range(200):
            if rounds > 1:
                break
            thread.join(0.02)
        assert rounds > 1, "it goes on"
        last = console.reminders.last()
        assert last
        assert last.failed
        assert "reminding.lock" in last.fault
        (folder / "reminding.json").rmdir()
        now += 3_600_001
        console.reminders.look()
    assert "データフォルダーのファイルを扱えない" in sender.get(PLACE).text, (
        "said where they are said to be on"
    )


def test_an_address_stands_in_no_file_and_goes_with_its_name(office: Office, mail: MailServer) -> None:
    gone = "gone@isp.example"
    console, desk = office.console, office.console.reminders
    set_server(office, mail.port)
    console.duties.say(Operator(name="見本", users=45_000, voice=False), 0, WHO)
    desk.say(Reminding(to=(gone,)), 0, WHO)
    (told,) = desk.send(WHO).told
    assert (told.recipient, told.state) == (gone, "refused")
    assert "550 5.1.1 <*>: * has left" in told.detail
    last = desk.last()
    assert last
    assert last.told == (told,), "shown while it is held"
    note = (console.folder / "reminding.json").read_text()
    assert "gone" not in note
    desk.say(Reminding(), 1, WHO)
    token = next(one.name.token for one in console.names.names() if one.name.name == gone)
    assert token in note
    console.names.erase(token, WHO)
    last = desk.last()
    assert last
    assert "name erased" in last.told[0].recipient


def test_each_lead_time_is_told_of_once(office: Office) -> None:
    office.console.duties.say(Operator(name="見本", users=45_000, voice=False), 0, WHO)
    one = next(one for one in office.console.duties.listed().entries if one.day and one.state.value == "due")
    assert one.day

    def stages(leads: tuple[int, ...]) -> list[str]:
        found: dict[str, None] = {}
        for left in range(max(leads), -3, -1):
            today = one.day - timedelta(days=left)  # type: ignore[operator]
            found |= {parts(name)[2]: None for _, name in unsent([one], today, "a@b", frozenset(), leads)}
        return list(found)

    assert stages(LEADS) == ["30d", "7d", "late"]
    assert stages((60, 30, 7, 1)) == ["60d", "30d", "7d", "1d", "late"]
    name = unsent([one], one.day, "a@b", frozenset())[0][1]
    assert parts(name) == ("a@b", one.id, "7d")

    def told(left: int, sent: str, leads: tuple[int, ...] = LEADS) -> bool:
        today = one.day - timedelta(days=left)  # type: ignore[operator]
        return not unsent([one], today, "a@b", frozenset({f"a@b {one.id} {sent}"}), leads)

    assert told(30, "30d")
    assert not told(14, "30d", (14, 3)), "other lead times are told of, too"
    assert not told(14, "near", (14, 3))
    assert told(20, "near"), "told before, under the names of then"
    assert told(7, "week")
    assert not told(7, "near")
