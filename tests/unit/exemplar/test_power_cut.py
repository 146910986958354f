"""The plug is pulled after every single disk operation; the next boot finds the old state or the new one.

`ModelDisk` notes after each operation every state that a cut could leave (unsynced data lost, halved or
kept; unsynced names in any subset). Each of them is booted here.
"""

import asyncio

import pytest

from sekisho.exemplar import settings
from sekisho.exemplar.access.caller import Caller, Refused
from sekisho.exemplar.access.throttle import Throttle
from sekisho.exemplar.storage import replace

CODE = "ABCD-EFGH-JKMN"
PASSWORD = "tsuki no kirei na yoru"
HERE = Caller("127.0.0.1")


def seen(terminal):
    """What an owner would notice after a boot."""
    owner = terminal.owner
    return repr(
        (
            terminal.current_settings(),
            owner.password,
            owner.passkeys,
            owner.known,
            str(terminal.slots.version),
        )
    )


def cut_everywhere(terminal_on, model_disk, disk, action):
    """Run `action`, then boot from every state that a cut could have left; return what was seen."""
    terminal = terminal_on(disk)
    before = seen(terminal)
    disk.after_cut.clear()
    action(terminal)
    after = seen(terminal)
    assert before != after
    states = {tuple(sorted(state.items())) for state in disk.after_cut}
    found = {seen(terminal_on(model_disk(dict(state)))) for state in states}
    assert found == {before, after}, "a mix, or a state that was never asked for"
    assert seen(terminal_on(model_disk(disk.after_cut[-1]))) == after, "what was confirmed was lost"
    return len(states)


def test_settings(terminal_on, model_disk, maker):
    disk = maker.unit()
    count = cut_everywhere(
        terminal_on, model_disk, disk, lambda one: one.change_settings({"hostname": "a", "wan_mode": "pppoe"})
    )
    assert count >= 5
    assert disk.history[-4:] == [
        "write owner.json.new",
        "fsync owner.json.new",
        "rename owner.json.new owner.json",
        "fsync-directory owner.json",
    ]


def test_settings_a_second_time_with_a_torn_temporary_file_about(terminal_on, model_disk, maker):
    disk = maker.unit()
    terminal_on(disk).change_settings({"hostname": "first"})
    files = {name: disk.read(name) for name in disk.names}
    disk = model_disk({**files, "owner.json.new": b'{"torn'})
    assert (
        cut_everywhere(terminal_on, model_disk, disk, lambda one: one.change_settings({"hostname": "b"})) >= 5
    )


def test_first_password(terminal_on, model_disk, maker):
    def claim(terminal):
        async def both():
            entry = await terminal.sign_in("admin", CODE, HERE)
            await terminal.choose_first_password(PASSWORD, Caller("127.0.0.1", entry.session))

        asyncio.run(both())

    assert cut_everywhere(terminal_on, model_disk, maker.unit(), claim) >= 5


def test_reset(terminal_on, model_disk, maker):
    disk = maker.unit()
    terminal_on(disk).change_settings({"hostname": "mine"})
    disk = model_disk({name: disk.read(name) for name in disk.names})
    assert cut_everywhere(terminal_on, model_disk, disk, lambda one: one.press_reset_button()) >= 2


def test_update(terminal_on, model_disk, maker):
    image = maker.image("1.1.0")

    def install(terminal):
        asyncio.run(terminal.software.install(image))

    assert cut_everywhere(terminal_on, model_disk, maker.unit(), install) >= 8


def test_a_second_update_after_an_interrupted_one(terminal_on, model_disk, maker):
    disk = maker.unit()
    asyncio.run(terminal_on(disk).software.install(maker.image("1.1.0")))
    files = {name: disk.read(name) for name in disk.names}
    disk = model_disk({**files, "slots/a.img.new": maker.image("1.2.0")[:100]})

    def install(terminal):
        asyncio.run(terminal.software.install(maker.image("1.2.0")))

    assert cut_everywhere(terminal_on, model_disk, disk, install) >= 8


def test_login_counters_are_durable_before_the_password_is_looked_at(model_disk, clock):
    disk = model_disk({})
    throttle = Throttle(disk, clock)
    throttle.boot()
    for number in range(1, 5):
        disk.after_cut.clear()
        assert throttle.begin("192.0.2.1", None) is not None
        counts = set()
        for state in disk.after_cut:
            rebooted = Throttle(model_disk(state), clock)
            rebooted.boot()
            counts.add(rebooted._spent)
        assert counts == {number - 1, number}
        last = Throttle(model_disk(disk.after_cut[-1]), clock)
        last.boot()
        assert last._spent == number


def test_a_refused_image_leaves_the_disk_untouched(terminal_on, maker):
    disk = maker.unit()
    terminal = terminal_on(disk)
    disk.history.clear()
    with pytest.raises(ValueError, match="bad-signature"):
        asyncio.run(terminal.software.install(maker.image("9.0.0", key=maker.other)))
    assert disk.history == []


def test_a_damaged_owner_document_does_not_open_the_door(terminal_on, model_disk, maker):
    disk = maker.unit()
    files = {name: disk.read(name) for name in disk.names}
    for damage in (b"", b"{", b'{"password": nul', b'{"unknown": 1}'):
        with pytest.raises(ValueError, match=r"."):
            terminal_on(model_disk({**files, settings.FILE: damage}))


def test_damaged_counters_mean_the_longest_wait(model_disk, clock):
    for damage in (b"", b"[]", b'{"spent": 1}', b"\xff"):
        throttle = Throttle(model_disk({"throttle.json": damage}), clock)
        throttle.boot()
        assert throttle.wait("192.0.2.1", None) > 0, damage


class TestTheModelItself:
    """The model must catch the mistakes that it is there to catch."""

    @staticmethod
    def contents(model_disk, write):
        disk = model_disk({"file": b"old!"})
        disk.after_cut.clear()
        write(disk)
        return {state.get("file") for state in disk.after_cut}

    def test_writing_in_place_tears(self, model_disk):
        found = self.contents(model_disk, lambda disk: (disk.write("file", b"new!"), disk.fsync("file")))
        assert b"" in found
        assert b"ne" in found

    def test_renaming_without_fsync_tears(self, model_disk):
        def write(disk):
            disk.write("other", b"new!")
            disk.rename("other", "file")
            disk.fsync_directory("file")

        assert b"ne" in self.contents(model_disk, write)

    def test_renaming_without_fsync_of_the_directory_may_lose_what_was_confirmed(self, model_disk):
        disk = model_disk({"file": b"old!"})
        disk.write("other", b"new!")
        disk.fsync("other")
        start = len(disk.after_cut)
        disk.rename("other", "file")
        assert b"old!" in {state.get("file") for state in disk.after_cut[start:]}

    def test_the_four_steps_do_neither(self, model_disk):
        assert self.contents(model_disk, lambda disk: replace(disk, "file", b"new!")) == {b"old!", b"new!"}


def test_wrong_password_raises(terminal_on, maker):
    terminal = terminal_on(maker.unit())
    with pytest.raises(Refused, match="wrong"):
        asyncio.run(terminal.sign_in("admin", "nonsense", HERE))


def test_a_full_medium_changes_nothing(terminal_on, maker, monkeypatch):
    disk = maker.unit()
    terminal = terminal_on(disk)
    before = terminal.current_settings()

    def full(name, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "write", full)
    with pytest.raises(OSError, match="No space"):
        terminal.change_settings({"hostname": "never"})
    assert terminal.current_settings() == before
