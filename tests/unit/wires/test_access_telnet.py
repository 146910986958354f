"""Telnet logins against devices on loopback, polite and rude."""

from __future__ import annotations

import asyncio
import time

import pytest

from fakes.loopback import loopback_access, loopback_terminal
from fakes.telnet_device import TelnetDevice, telnet_device
from sekisho.model.assessment import Limits
from sekisho.model.terminal import Code, Login, Recipe

RIGHT, WRONG = Code("root", "s3cret!"), Code("root", "nonsense")
LOGIN = Login("shell", "admin", "telnet")
LIMITS = Limits(read_seconds=3.0, connect_seconds=2.0, requests_per_second=500.0)


def tried(device, *codes, limits=LIMITS):
    async def run():
        async with telnet_device(device) as port:
            access = loopback_access(loopback_terminal("telnet", port), limits)
            found = []
            for code in codes:
                result, session = await access.sign_in(LOGIN, code)
                await session.close()
                found.append(result)
            return found, access.counts

    return asyncio.run(run())


@pytest.mark.parametrize(
    "prompts",
    [
        {},
        {"user_prompt": "ユーザー名：", "password_prompt": "パスワード："},
        {"user_prompt": "User Name> "},
        {"user_prompt": "RT-200 login: "},
    ],
)
def test_a_shell_proves_itself_by_a_nonce(prompts):
    device = TelnetDevice(**prompts)
    (right, wrong, none), counts = tried(device, RIGHT, WRONG, None)
    assert (right.accepted, right.proof) == (True, "nonce")
    assert wrong.accepted is False
    assert (none.accepted, none.proof) == (False, "asks login")
    assert device.tried == [("root", "s3cret!"), ("root", "nonsense")]
    assert counts == {"root": (1, 1, 0)}


def test_a_password_alone():
    device = TelnetDevice({"": "s3cret!"}, user_prompt="")
    (right, wrong), _ = tried(device, RIGHT, WRONG)
    assert (right.accepted, wrong.accepted) == (True, False)


def test_an_open_shell_is_open_and_no_code_was_accepted():
    (none, code), counts = tried(TelnetDevice(open=True), None, WRONG)
    assert (none.accepted, none.proof) == (True, "open nonce")
    assert (code.accepted, code.proof) == (None, "open")
    assert counts == {"root": (0, 0, 0)}


def test_a_command_line_without_echo_is_told_by_its_prompt():
    (right, wrong), _ = tried(TelnetDevice(cli=True), RIGHT, WRONG)
    assert (right.accepted, right.proof) == (True, "prompt")
    assert wrong.accepted is False


def test_a_device_that_accepts_anything_accepts_nonsense():
    (wrong,), _ = tried(TelnetDevice(accept_all=True), WRONG)
    assert wrong.accepted is True


def test_a_forced_change_is_a_prompt():
    (right,), _ = tried(TelnetDevice(change=True), RIGHT)
    assert (right.accepted, right.prompted, right.proof) == (True, True, "change-prompt")


def test_hanging_up_on_a_wrong_code_is_a_refusal():
    (wrong, right), _ = tried(TelnetDevice(hang_up=True), WRONG, RIGHT)
    assert (wrong.accepted, right.accepted) == (False, True)


def test_a_door_that_is_shut_is_told_as_what_was_seen():
    (_, _, shut), _ = tried(TelnetDevice(lock=2), WRONG, WRONG, WRONG)
    assert shut.failure in {"refused", "reset", "closed"}
    assert (shut.accepted, shut.locked) == (None, False)


@pytest.mark.parametrize(
    ("rude", "reason"),
    [
        ({"storm": True}, "too-large"),
        ({"endless": 0.0001}, "too-large"),
        ({"endless": 0.2}, "too-slow"),
        ({"mute": True}, "timed-out"),
    ],
)
def test_rude_devices_end_in_bounded_time(rude, reason):
    started = time.monotonic()
    (result,), counts = tried(TelnetDevice(**rude), RIGHT)
    assert (result.accepted, result.failure) == (None, reason)
    assert counts == {"root": (0, 0, 0)}
    assert time.monotonic() - started < 10


def test_recipes_run_in_the_shell():
    async def run():
        async with telnet_device(TelnetDevice()) as port:
            access = loopback_access(loopback_terminal("telnet", port), LIMITS)
            _, session = await access.sign_in(LOGIN, RIGHT)
            first = await session.run(Recipe(command="cat /etc/version", pattern=r"version=(\S+)"))
            second = await session.run(Recipe(command="echo {value}"), {"value": "hello"})
            web = await session.run(Recipe(path="/"))
            two = await session.run(Recipe(command="echo {value}"), {"value": "a\nreboot"})
            await session.close()
            return first, second, web, two

    first, second, web, two = asyncio.run(run())
    assert first.value == "1.2.3"
    assert second.value.strip() == "hello"
    assert web.failure == two.failure == "unsupported"


def test_an_undeclared_service_is_reached_by_its_place():
    async def run():
        async with telnet_device(TelnetDevice()) as port:
            access = loopback_access(loopback_terminal("telnet", 1), LIMITS)
            found = Login("found", f"telnet://127.0.0.1:{port}", "telnet")
            result, session = await access.sign_in(found, RIGHT)
            await session.close()
            return result

    assert asyncio.run(run()).accepted is True
