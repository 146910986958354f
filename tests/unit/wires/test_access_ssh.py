"""SSH logins against a real SSH server on loopback, modern, old and odd."""

from __future__ import annotations

import asyncio

import pytest

from fakes.loopback import LIMITS, loopback_access, loopback_terminal
from fakes.ssh_device import ssh_device
from sekisho.model.terminal import Code, Login, Recipe

RIGHT, WRONG = Code("root", "s3cret!"), Code("root", "nonsense")
LOGIN = Login("ssh", "admin", "ssh")


def tried(*codes, listen=None, **options):
    async def run():
        seen = []
        async with ssh_device(seen, listen, **options) as port:
            access = loopback_access(loopback_terminal("ssh", port))
            results = []
            for code in codes:
                result, session = await access.sign_in(LOGIN, code)
                await session.close()
                results.append(result)
            return results, seen, access.counts

    return asyncio.run(run())


def test_one_try_sends_the_code_once_and_a_nonce_proves_the_shell():
    (right, wrong, none), seen, counts = tried(RIGHT, WRONG, None, kbdint=True)
    assert (right.accepted, right.proof) == (True, "nonce")
    assert (wrong.accepted, wrong.proof) == (False, "denied")
    assert none.accepted is False
    assert seen == [("password", "root", "s3cret!"), ("password", "root", "nonsense")]
    assert counts == {"root": (1, 1, 0)}
    assert "server SSH-2.0-AsyncSSH" in wrong.reply.excerpt
    assert "host key" in wrong.reply.excerpt
    assert "s3cret" not in right.reply.excerpt


def test_keyboard_interactive_alone():
    (right, wrong), seen, _ = tried(RIGHT, WRONG, password=False, kbdint=True)
    assert (right.accepted, wrong.accepted) == (True, False)
    assert seen == [("kbdint", "root", "s3cret!"), ("kbdint", "root", "nonsense")]


def test_no_authentication_at_all_is_seen_as_open():
    (none,), seen, _ = tried(None, open=True)
    assert none.accepted is True
    assert seen == []


def test_a_server_for_keys_only_was_sent_no_code():
    (wrong,), seen, counts = tried(WRONG, password=False)
    assert (wrong.accepted, wrong.proof) == (False, "no-password-method")
    assert (seen, counts) == ([], {"root": (0, 0, 0)})


def test_a_banner_can_speak_of_a_lock():
    (wrong,), _, _ = tried(WRONG, banner="Your account is locked. Try again in 300 seconds")
    assert wrong.locked


OLD = {
    "kex_algs": ["diffie-hellman-group1-sha1"],
    "encryption_algs": ["3des-cbc"],
    "mac_algs": ["hmac-sha1"],
    "signature_algs": ["ssh-rsa"],
}


def test_methods_of_old_devices_are_tried_before_anything_is_called_closed():
    (right, again), seen, _ = tried(RIGHT, WRONG, listen=OLD)
    assert (right.accepted, again.accepted) == (True, False)
    assert "methods list 3 of 3" in right.reply.excerpt
    assert len(seen) == 2


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-x\r\n", b"garbage\r\n" * 50, b"\0" * 5000])
def test_a_peer_that_is_no_ssh_server_ends_in_bounded_time(greeting):
    async def run():
        async def serve(reader, writer):
            writer.write(greeting)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        access = loopback_access(loopback_terminal("ssh", server.sockets[0].getsockname()[1]))
        try:
            return (await access.sign_in(LOGIN, RIGHT))[0], access.counts
        finally:
            server.close()

    result, counts = asyncio.run(run())
    assert result.accepted is None
    assert result.failure in {"closed", "reset"}
    assert counts == {"root": (0, 0, 0)}


def test_a_mute_server_times_out_and_a_shut_one_is_refused():
    async def run():
        async def serve(reader, writer):
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        from msgspec.structs import replace

        access = loopback_access(loopback_terminal("ssh", port), replace(LIMITS, read_seconds=0.5))
        mute, _ = await access.sign_in(LOGIN, RIGHT)
        server.close()
        shut, _ = await access.sign_in(LOGIN, RIGHT)
        return mute, shut

    mute, shut = asyncio.run(run())
    assert (mute.accepted, mute.failure) == (None, "timed-out")
    assert (shut.accepted, shut.failure) == (None, "refused")


def test_commands_uploads_and_bounded_output():
    async def run():
        async with ssh_device([]) as port:
            access = loopback_access(loopback_terminal("ssh", port))
            _, session = await access.sign_in(LOGIN, RIGHT)
            said = await session.run(Recipe(command="echo {value}"), {"value": "v=12"})
            flood = await session.run(Recipe(command="flood"))
            put = await session.upload(Recipe(command="put"), b"x" * 70_000, "i.bin")
            web = await session.run(Recipe(path="/"))
            await session.close()
            late = await session.run(Recipe(command="echo x"))
            return said, flood, put, web, late

    said, flood, put, web, late = asyncio.run(run())
    assert said.value == "v=12\n"
    assert flood.length <= LIMITS.answer_bytes + 65_536
    assert put.value == "70000"
    assert web.failure == "unsupported"
    assert late.failure
