"""The order of tries at a shell, without any network."""

from __future__ import annotations

import msgspec
import pytest

from sekisho.formats.codes import MIRAI, derived
from sekisho.model.shell_login import (
    LATE,
    Guess,
    allowed_row,
    declared_guesses,
    doors,
    public_guesses,
    users,
    walk,
)
from sekisho.model.terminal import Code, Exclusion, Interface, LockRule, Login, Role, Service, Terminal

TERMINAL = Terminal(
    interfaces=(
        Interface("lan", addresses=("192.168.1.1", "fd00::1"), sources=("192.168.1.2", "fd00::2")),
        Interface("wan", Role.WAN, addresses=("192.0.2.1",)),
    ),
    services=(Service("shell", "telnet", 2300), Service("web", "http", 23)),
    logins=(
        Login("shell", "shell", "telnet", preset=Code("root", "root"), current=Code("root", "right")),
        Login("web", "web", "form", preset=Code("admin", "label"), lock=LockRule(5, 60)),
    ),
)


def test_doors_are_declared_usual_and_found_ports_at_every_address():
    found = doors(TERMINAL, "telnet", (23, 2323), [("192.168.1.1", 6789), ("192.168.1.1", 2323)])
    assert [(one.interface, one.address, one.port) for one in found] == [
        ("lan", "192.168.1.1", 2300),
        ("lan", "192.168.1.1", 2323),
        ("lan", "192.168.1.1", 6789),
        ("lan", "fd00::1", 2300),
        ("lan", "fd00::1", 2323),
        ("wan", "192.0.2.1", 2300),
        ("wan", "192.0.2.1", 2323),
    ]
    first, six, wan = found[0], found[3], found[5]
    assert (first.name, first.declared, first.source, first.login.service) == (
        "shell",
        True,
        "192.168.1.2",
        "telnet://192.168.1.1:2300",
    )
    assert (six.source, six.login.service) == ("fd00::2", "telnet://[fd00::1]:2300")
    assert (wan.name, wan.declared, wan.role) == ("shell at wan", False, "wan")
    assert wan.login.current == Code("root", "right")
    assert first.login.lock == LockRule(5, 60), "accounts are shared, so is the strictest rule"


def lists(door, known):
    weak = [(user, word) for user in users(door) for word in derived(user, "Acme", "RT")]
    return public_guesses(MIRAI, weak, known)


def played(answer, door=None, known=None, row=3):
    """Walk with ``answer(guess, tries so far)`` as the terminal; return the tries and the end."""
    door = door or doors(TERMINAL, "telnet", ())[0]
    known = declared_guesses(TERMINAL, door, "nonsense-word") if known is None else known
    tries, steps = [], walk(door, known, lists(door, known), row)
    try:
        guess = next(steps)
        while True:
            tries.append(guess)
            guess = steps.send(answer(guess, tries))
    except StopIteration as end:
        return tries, end.value


def test_nothing_is_tried_twice_and_the_declared_codes_come_first():
    tries, end = played(lambda guess, _: {"accepted": guess.password == "right"})
    assert [one.step for one in tries[:5]] == ["none", "right before", "random", "random user", "preset"]
    assert tries[5].step == "right for declared web"
    assert (tries[6].origin, tries[6].user, tries[6].password) == ("declared", "admin", "label")
    pairs = [(one.user, one.password) for one in tries if one.origin in {"mirai", "weak", "preset"}]
    assert len(pairs) == len(set(pairs))
    assert {*MIRAI} <= {*pairs}
    assert len([one for one in tries if one.origin == "mirai"]) == 60, "root:root is the preset code"
    assert tries[-1].step == "right after"
    assert (end.skipped, end.whole, end.why) == (0, True, "")
    assert len({one.step for one in tries}) == len(tries)


def budget(most):
    """A terminal side with a budget of ``most`` wrong logins in a row per user."""
    row = {}

    def answer(guess, _):
        if guess.origin == "none":
            return {"accepted": False}
        if guess.password == "right":
            row[guess.user] = 0
            return {"accepted": True}
        if row.get(guess.user, 0) >= most:
            return {"accepted": None, "sign_in_failure": "budget"}
        row[guess.user] = row.get(guess.user, 0) + 1
        return {"accepted": False}

    return answer


def test_right_logins_reset_the_row_and_other_users_are_left_alone_when_spent():
    tries, end = played(budget(3))
    sent = [one for one in tries if one.origin == "mirai" and one.user == "root"]
    assert {one.password for one in sent} == {password for user, password in MIRAI if user == "root"} - {
        "root"
    }
    assert any(one.step.startswith("right for mirai") for one in tries)
    admin = [one for one in tries if one.user == "admin" and one.origin == "mirai"]
    assert len(admin) == 3, "two fit into the row after the declared code; the third shows that it is full"
    assert (end.why, end.budget, end.whole) == ("budget", True, True)
    assert (end.skipped, end.foreign) == (0, 15 - 2), "admin is no user of this login"


def test_a_right_login_follows_each_row_whoever_the_wrong_ones_were_for():
    tries, _ = played(lambda guess, _: {"accepted": guess.password == "right"}, row=3)
    longest = run = 0
    for one in tries[1:]:
        run = 0 if one.password == "right" else run + 1
        longest = max(longest, run)
    assert longest == 3
    assert allowed_row(doors(TERMINAL, "telnet", ())[0], 5) == 3, "two less than the declared lock"


def test_a_lock_ends_the_lists():
    def answer(guess, tries):
        mirai = sum(one.origin == "mirai" for one in tries)
        return {"accepted": guess.password == "right", "locked": mirai >= 2}

    tries, end = played(answer)
    assert sum(one.origin == "mirai" for one in tries) == 2
    assert (end.tried, end.why, end.locked, end.whole) == (2, "locked", True, False)
    assert tries[-1].step == "right after"


@pytest.mark.parametrize("failure", ["refused", "reset", "closed", "timed-out"])
def test_a_door_that_shuts_ends_the_lists_as_shut_and_not_as_locked(failure):
    def answer(guess, tries):
        if sum(one.origin == "mirai" for one in tries) >= 2:
            return {"accepted": None, "locked": False, "sign_in_failure": failure}
        return {"accepted": guess.password == "right", "locked": False}

    tries, end = played(answer)
    assert sum(one.origin == "mirai" for one in tries) == 2
    assert (end.tried, end.why, end.whole) == (2, "shut", False)


def test_an_open_door_or_accepted_nonsense_makes_lists_pointless():
    _, open_end = played(lambda guess, _: {"accepted": guess.origin == "none"})
    assert (open_end.tried, open_end.why) == (0, "open")
    tries, end = played(lambda guess, _: {"accepted": guess.origin == "random"})
    assert (end.tried, end.why) == (0, "nonsense-accepted")
    assert not [one for one in tries if one.origin == "mirai"]


def test_without_any_known_code_root_and_admin_are_guessed():
    bare = Terminal(interfaces=(Interface("lan", addresses=("192.168.1.1",)),))
    (door,) = doors(bare, "telnet", (23,))
    known = declared_guesses(bare, door, "nonsense-word")
    assert known == (
        Guess("random", "random", "root", "nonsense-word"),
        Guess("random user", "random", "nse-word", "nonsense-word"),
    )
    tries, end = played(budget(3), door, known)
    assert sum(one.user == "root" and one.origin == "mirai" for one in tries) == 3
    assert end.budget
    assert end.skipped > 40
    assert not end.whole
    assert Guess("x", "mirai", "root", "xc3511").shown == "root:xc3511"
    assert Guess("x", "preset", "root", "xc3511").shown == ""


def test_the_end_of_the_time_ends_the_lists_and_own_users_come_first():
    door = doors(TERMINAL, "telnet", (23,))[0]
    lists = [Guess("mirai 01", "mirai", "admin", "a"), Guess("mirai 02", "mirai", "root", "b")]
    lists.append(Guess("weak 03", "weak", "root", "c"))
    tries, sent = walk(door, (), lists, 9), []
    try:
        guess = next(tries)
        while True:
            late = guess.step == "weak 03"
            if not late:
                sent.append(guess.step)
            guess = tries.send(LATE if late else {"accepted": False})
    except StopIteration as end:
        ended = end.value
    assert sent == ["none", "mirai 02", "right after"]
    assert (ended.tried, ended.weak, ended.foreign, ended.why) == (1, 1, 1, "time")
    assert not ended.whole


def test_an_excluded_port_is_no_door_even_where_it_is_usual_declared_or_found():
    left = tuple(Exclusion("tcp", port, "ours") for port in (2300, 2323, 6789))
    fenced = msgspec.structs.replace(TERMINAL, exclusions=(*left, Exclusion("udp", 7777, "ours")))
    found = doors(fenced, "telnet", (23, 2323), [("192.168.1.1", 6789), ("192.168.1.1", 7777)])
    assert {one.port for one in found} == {7777}
