"""Signing in by password: the clock of the brake, who waits for whom, and what an unknown name shows."""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path

import msgspec
import pytest
from argon2 import PasswordHasher

from fakes.gate import (
    BETTER,
    CHEAP,
    DAY,
    GOOD,
    HOME,
    MINUTE,
    NOW,
    SECOND,
    STRANGER,
    House,
    entered,
    gate_of,
)
from sekisho.errors import AuthorisationError
from sekisho.model.account import Role, SessionKind
from sekisho.model.password_policy import Fault
from sekisho.stores.database import open_sqlite
from sekisho.stores.passwords import Argon2Passwords
from sekisho.workflows import sign_in
from sekisho.workflows.sign_in import Gate, Refusal, SignedIn, Visit, Why

WRONG = Refusal(Why.WRONG)
WAITS = [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]


def guess(gate: Gate, at: int, visit: Visit = STRANGER, name: str = "hanako") -> SignedIn | Refusal:
    return sign_in.sign_in_password(gate, name, "not it", visit, at)


def held_off(gate: Gate, at: int, visit: Visit = STRANGER, name: str = "hanako") -> int:
    """Guess as fast as is allowed until the longest wait has begun; return the time of the last guess."""
    for _ in range(4 + len(WAITS)):
        done = guess(gate, at, visit, name)
        while done != WRONG:
            assert isinstance(done, Refusal)
            assert done.why is Why.WAIT
            at += done.wait
            done = guess(gate, at, visit, name)
    return at


def test_in_and_out(house: House) -> None:
    boss = house.admin()
    done = entered(sign_in.sign_in_password(house.gate, "ＨＡＮＡＫＯ", GOOD, HOME, NOW + MINUTE))
    assert done.session.kind is SessionKind.PASSWORD
    assert done.session.source == "192.0.2.10"
    assert house.whoami(boss, NOW + MINUTE)
    sign_in.sign_out(house.gate, done.session, NOW + MINUTE)
    assert house.whoami(done, NOW + MINUTE) is None
    assert house.whoami(boss, NOW + MINUTE)
    assert [one.act for one in house.log()][-2:] == ["sign-in", "sign-out"]
    held = house.gate.accounts.named("hanako")
    assert held is not None
    assert held.last_sign_in == NOW + MINUTE


def test_the_clock_of_the_brake(house: House) -> None:
    house.admin()
    at = NOW
    for _ in range(5):
        assert guess(house.gate, at) == WRONG
    for seconds in WAITS:
        assert guess(house.gate, at) == Refusal(Why.WAIT, seconds * SECOND)
        assert guess(house.gate, at + seconds * SECOND - 1) == Refusal(Why.WAIT, 1)
        at += seconds * SECOND
        assert guess(house.gate, at) == WRONG
    # Refused tries were not looked at, not counted and not recorded.
    assert sum(one.act == "sign-in-failed" for one in house.log()) == 5 + len(WAITS)
    assert guess(house.gate, at + DAY) == WRONG
    assert guess(house.gate, at + DAY) == WRONG  # forgotten after a quiet day


def test_the_right_password_waits_as_well_and_then_forgets(house: House) -> None:
    house.admin()
    for _ in range(5):
        guess(house.gate, NOW)
    refused = sign_in.sign_in_password(house.gate, "hanako", GOOD, STRANGER, NOW)
    assert refused == Refusal(Why.WAIT, 5 * SECOND)
    done = entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, STRANGER, NOW + 5 * SECOND))
    assert done.failures == 5
    for _ in range(4):
        assert guess(house.gate, NOW + 6 * SECOND) == WRONG


def test_strangers_from_many_places_wait_together(house: House) -> None:
    house.admin()
    for number in range(5):
        assert guess(house.gate, NOW, Visit(f"203.0.113.{number}")) == WRONG
    assert guess(house.gate, NOW, Visit("203.0.113.99")) == Refusal(Why.WAIT, 5 * SECOND)
    assert guess(house.gate, NOW, Visit("203.0.113.99"), name="somebody") == WRONG


def test_one_place_waits_whatever_names_it_tries(house: House) -> None:
    house.admin()
    for number in range(5):
        assert guess(house.gate, NOW, name=f"name-{number}") == WRONG
    assert guess(house.gate, NOW, name="another") == Refusal(Why.WAIT, 5 * SECOND)
    assert guess(house.gate, NOW, Visit("203.0.113.67"), name="another") == WRONG


def test_a_network_of_ipv6_is_one_place(house: House) -> None:
    house.admin()
    for number in range(5):
        assert guess(house.gate, NOW, Visit(f"2001:db8::{number}"), name=f"n{number}") == WRONG
    assert guess(house.gate, NOW, Visit("2001:db8::ffff"), name="n9").why is Why.WAIT
    assert guess(house.gate, NOW, Visit("2001:db8:0:1::1"), name="n9") == WRONG


def test_the_owner_is_never_locked_out_by_strangers(house: House) -> None:
    """A place that signed in well, and a browser that did, whatever strangers do meanwhile."""
    boss = house.admin()
    at = held_off(house.gate, NOW)
    assert guess(house.gate, at).why is Why.WAIT
    entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, HOME, at))
    travelling = Visit("198.51.100.9", known=boss.known)
    done = entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, travelling, at))
    assert done.failures == 4 + len(WAITS)  # and is told of them
    assert done.known == ""
    # Nor did that help the strangers.
    assert guess(house.gate, at).why is Why.WAIT


def test_an_attacker_at_the_owners_place_does_not_reach_the_owners_browser(house: House) -> None:
    boss = house.admin()
    here = Visit(HOME.source, "curl/8")
    at = held_off(house.gate, NOW, here)
    assert sign_in.sign_in_password(house.gate, "hanako", GOOD, here, at).why is Why.WAIT
    mine = Visit(HOME.source, "Browser/1", boss.known)
    entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, mine, at))
    # And that place's count does not touch other people there.
    guess_other = guess(house.gate, at, here, name="taro")
    assert guess_other == WRONG


def test_a_stolen_mark_opens_nothing_and_has_a_brake_of_its_own(house: House) -> None:
    boss = house.admin()
    thief = Visit("203.0.113.9", known=boss.known)
    at = held_off(house.gate, NOW, thief)
    assert guess(house.gate, at, thief).why is Why.WAIT
    entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, HOME, at))


def test_a_mark_is_of_one_account(house: House) -> None:
    boss = house.admin()
    house.person(boss, "Taro", Role.VIEWER, visit=Visit("198.51.100.1"))
    for number in range(5):
        guess(house.gate, NOW, Visit(f"203.0.113.{number}"), name="taro")
    elsewhere = Visit("203.0.113.50", known=boss.known)
    assert guess(house.gate, NOW, elsewhere, name="taro").why is Why.WAIT


@pytest.mark.parametrize("mark", ["x", "\0", "\ud800", "A" * 5000])
def test_made_up_marks_are_strangers(house: House, mark: str) -> None:
    house.admin()
    done = entered(
        sign_in.sign_in_password(house.gate, "hanako", GOOD, Visit("203.0.113.5", known=mark), NOW)
    )
    assert len(done.known) == 43


def test_a_mark_ages(house: House) -> None:
    boss = house.admin()
    late = NOW + 91 * DAY
    for number in range(5):
        guess(house.gate, late, Visit(f"203.0.113.{number}"))
    back = Visit("198.51.100.9", known=boss.known)
    assert guess(house.gate, late, back).why is Why.WAIT


def test_a_clock_set_back_locks_nobody_out_for_long(house: House) -> None:
    house.admin()
    at = held_off(house.gate, NOW)
    back = at - 30 * DAY
    first = guess(house.gate, back)
    assert isinstance(first, Refusal)
    assert 0 < first.wait <= 15 * MINUTE
    assert guess(house.gate, back + 15 * MINUTE) == WRONG


def test_parallel_tries_are_counted_one_by_one(house: House) -> None:
    house.admin()
    answers: list[object] = []
    gate = threading.Barrier(20)

    def one() -> None:
        gate.wait()
        answers.append(guess(house.gate, NOW))

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 20
    assert answers.count(WRONG) == 5


def test_counts_outlive_a_restart(house: House, tmp_path: Path) -> None:
    house.admin()
    for _ in range(5):
        guess(house.gate, NOW)
    other = open_sqlite(tmp_path / "cases.db")
    assert guess(gate_of(other), NOW) == Refusal(Why.WAIT, 5 * SECOND)
    other.close()


def test_unknown_disabled_and_unstarted_are_answered_alike(house: House) -> None:
    boss = house.admin()
    taro = house.person(boss, "Taro", Role.VIEWER)
    sign_in.disable_person(house.gate, boss.account, boss.session, taro.account.id, NOW)
    sign_in.add_person(
        house.gate, boss.account, boss.session, "Jiro", Role.VIEWER, boss.account.language, NOW
    )
    for name in ("nobody", "Taro", "Jiro", "Hanako", "", "\0", "\ud800", "x" * 100_000):
        seen = []
        for place in range(7):
            password = GOOD if name != "Hanako" else "wrong one here"
            done = sign_in.sign_in_password(house.gate, name, password, Visit(f"{name[:3]!r}{place}"), NOW)
            assert isinstance(done, Refusal)
            seen.append(done)
        assert seen == [WRONG] * 5 + [Refusal(Why.WAIT, 5 * SECOND)] * 2, name


def test_what_was_typed_as_a_name_is_not_recorded(house: House) -> None:
    house.admin()
    sign_in.sign_in_password(house.gate, GOOD, "hanako", STRANGER, NOW)
    last = house.log()[-1]
    assert (last.who, last.act, last.object) == ("", "sign-in-failed", "unknown name")
    assert last.details == {"source": STRANGER.source, "counted_as": "stranger"}
    assert GOOD not in repr(last)


def test_an_unknown_name_takes_as_long(tmp_path: Path) -> None:
    """With today's settings of Argon2 the hash is nearly all of it: medians within a third of each other."""
    house = House(tmp_path, hashing=Argon2Passwords(1, 30.0), own={"free_failures": 100})
    house.admin()
    took: dict[str, list[float]] = {"hanako": [], "nobody": []}
    for number in range(5):
        for name, times in took.items():
            begin = time.process_time()
            assert guess(house.gate, NOW, Visit(f"203.0.113.{number}"), name=name) == WRONG
            times.append(time.process_time() - begin)
    one, two = (statistics.median(times) for times in took.values())
    assert 0.75 < one / two < 1.33, took
    assert one > 0.05
    house.database.close()


def test_busy_is_said_and_not_counted(tmp_path: Path) -> None:
    hashing = Argon2Passwords(1, 0.01, CHEAP)
    house = House(tmp_path, hashing=hashing)
    house.admin()
    with hashing._turn():
        for _ in range(9):
            assert guess(house.gate, NOW).why is Why.BUSY
        link = sign_in.reset(house.gate, "", NOW)
        assert sign_in.redeem_setup(house.gate, link, "", BETTER, HOME, NOW).why is Why.BUSY
    for _ in range(5):
        assert guess(house.gate, NOW) == WRONG
    entered(sign_in.redeem_setup(house.gate, link, "", BETTER, HOME, NOW))
    house.database.close()


def test_older_hashes_are_renewed(house: House) -> None:
    boss = house.admin()
    before = house.gate.accounts.secret(boss.account.id)
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    gate = gate_of(house.database, hashing=Argon2Passwords(1, 5.0, stronger))
    entered(sign_in.sign_in_password(gate, "hanako", GOOD, HOME, NOW))
    after = gate.accounts.secret(boss.account.id)
    assert "m=8,t=1" in before
    assert "m=16,t=2" in after
    assert "rehash-password" in [one.act for one in house.log()]
    entered(sign_in.sign_in_password(gate, "hanako", GOOD, HOME, NOW))
    assert gate.accounts.secret(boss.account.id) == after


def test_change_of_the_password(house: House) -> None:
    boss = house.admin()
    other = entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, STRANGER, NOW))
    change = sign_in.change_password
    assert change(house.gate, boss.account, boss.session, "wrong", BETTER, HOME, NOW) == WRONG
    weak = change(house.gate, boss.account, boss.session, GOOD, "hanako-hanako-1", HOME, NOW)
    assert weak.why is Why.WEAK
    same = change(house.gate, boss.account, boss.session, GOOD, GOOD, HOME, NOW)
    assert same == Refusal(Why.WEAK, faults=(Fault.SAME,))
    assert house.whoami(other, NOW)
    done = entered(change(house.gate, boss.account, boss.session, GOOD, BETTER, HOME, NOW + 1))
    assert done.account.password_changed == NOW + 1
    assert [house.whoami(one, NOW + 1) is None for one in (boss, other, done)] == [True, True, False]
    assert sign_in.sign_in_password(house.gate, "hanako", GOOD, HOME, NOW + 1) == WRONG
    entered(sign_in.sign_in_password(house.gate, "hanako", BETTER, HOME, NOW + 1))


def test_a_forced_change_opens_nothing_else(house: House) -> None:
    boss = house.admin()
    taro = house.person(boss, "Taro", Role.SENDER)
    sign_in.demand_password_change(house.gate, boss.account, boss.session, taro.account.id, NOW)
    again = entered(sign_in.sign_in_password(house.gate, "taro", GOOD, HOME, NOW))
    assert [str(one) for one in again.account.permissions] == ["open"]
    assert sign_in.change_password(
        house.gate, again.account, again.session, GOOD, GOOD, HOME, NOW
    ) == Refusal(Why.WEAK, faults=(Fault.SAME,))
    done = entered(sign_in.change_password(house.gate, again.account, again.session, GOOD, BETTER, HOME, NOW))
    assert len(done.account.permissions) == 4


def test_proving_again_renews_the_session(house: House) -> None:
    boss = house.admin()
    late = NOW + 16 * MINUTE
    assert sign_in.recently_authenticated(house.gate, boss.session, late - MINUTE - 1)
    assert not sign_in.recently_authenticated(house.gate, boss.session, late)
    with pytest.raises(AuthorisationError) as refused:
        sign_in.add_person(
            house.gate, boss.account, boss.session, "T", Role.VIEWER, boss.account.language, late
        )
    assert refused.value.what == sign_in.AGAIN
    confirm = sign_in.confirm_password
    assert confirm(house.gate, boss.account, boss.session, "wrong", HOME, late) == WRONG
    done = entered(confirm(house.gate, boss.account, boss.session, GOOD, HOME, late))
    assert house.whoami(boss, late) is None
    sign_in.add_person(house.gate, done.account, done.session, "T", Role.VIEWER, done.account.language, late)


def test_a_change_at_the_same_moment_keeps_a_sign_in_out(house: House) -> None:
    """The password was read, then everything ended; the session of that sign-in must not begin."""
    boss = house.admin()

    class Between(Argon2Passwords):
        def verify(self, secret: str, password: str) -> bool:
            found = super().verify(secret, password)
            sign_in.reset(house.gate, "", NOW)
            return found

    gate = gate_of(house.database, hashing=Between(1, 5.0, CHEAP))
    assert sign_in.sign_in_password(gate, "hanako", GOOD, HOME, NOW) == WRONG
    assert house.gate.sessions.of(boss.account.id) == ()
    stale = msgspec.structs.replace(boss.account)
    late = sign_in.change_password(gate, stale, boss.session, GOOD, BETTER, HOME, NOW)
    assert late == WRONG
