"""The rules of signing in: times at their edges, and the delays for every count."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.catalogues.sign_in import settings, sign_in_rules
from sekisho.errors import CatalogueError
from sekisho.model.account import ROLE_PERMISSIONS, Permission, Role, Session, SessionKind
from sekisho.model.challenge import NONCE_BYTES, challenge, expiry
from sekisho.model.sign_in_rules import (
    Count,
    SessionState,
    SignInRules,
    booked,
    delay,
    given_back,
    needs_touch,
    oldest_live,
    place,
    recently_authenticated,
    session_state,
    settled,
    waiting,
)

NOW = 1_795_000_000_000
MINUTE, HOUR = 60_000, 3_600_000
RULES = sign_in_rules()
SESSION = Session("i", "a", NOW, NOW, NOW + 12 * HOUR, NOW, "s", "b", SessionKind.PASSWORD)


@pytest.mark.parametrize(("after", "seen", "state"), [
    (0, 0, SessionState.LIVE), (30 * MINUTE - 1, 0, SessionState.LIVE), (30 * MINUTE, 0, SessionState.IDLE),
    (12 * HOUR - 1, 12 * HOUR - 2, SessionState.LIVE), (12 * HOUR, 12 * HOUR - 1, SessionState.EXPIRED),
    (13 * HOUR, 0, SessionState.EXPIRED), (-1, 0, SessionState.EXPIRED),
])  # fmt: skip
def test_the_state_of_a_session(after: int, seen: int, state: SessionState) -> None:
    one = msgspec.structs.replace(SESSION, last_seen=NOW + seen)
    assert session_state(one, NOW + after, RULES) is state


def test_no_stored_end_makes_a_session_longer_than_the_rules() -> None:
    one = msgspec.structs.replace(SESSION, expires=NOW + 99 * HOUR, last_seen=NOW + 12 * HOUR)
    assert session_state(one, NOW + 12 * HOUR, RULES) is SessionState.EXPIRED


@given(st.integers(0, 40 * HOUR), st.integers(0, 40 * HOUR))
def test_what_is_forgotten_is_idle(seen: int, after: int) -> None:
    one = msgspec.structs.replace(SESSION, last_seen=NOW + seen)
    gone = one.last_seen <= oldest_live(NOW + after, RULES)
    assert gone is (NOW + after >= one.last_seen + 30 * MINUTE)
    if gone:
        assert session_state(one, NOW + after, RULES) is not SessionState.LIVE


def test_touch_and_proof() -> None:
    assert not needs_touch(SESSION, NOW + MINUTE - 1, RULES)
    assert needs_touch(SESSION, NOW + MINUTE, RULES)
    assert recently_authenticated(SESSION, NOW + 15 * MINUTE - 1, RULES)
    assert not recently_authenticated(SESSION, NOW + 15 * MINUTE, RULES)
    assert not recently_authenticated(SESSION, NOW - 1, RULES)


def test_delays() -> None:
    assert [delay(n, RULES) // 1000 for n in range(16)] == [
        0, 0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900,
    ]  # fmt: skip


@given(st.integers(0, 10**30))
def test_no_delay_is_longer_than_the_longest(failures: int) -> None:
    assert 0 <= delay(failures, RULES) <= RULES.longest
    assert delay(failures + 1, RULES) >= delay(failures, RULES)


TIMES = st.integers(0, 2**43)


@given(st.builds(Count, st.just("k"), st.integers(0, 10**9), TIMES, TIMES), TIMES)
def test_never_for_ever(count: Count, at: int) -> None:
    """Whatever is stored and whatever the clock did: who comes back after the longest wait is looked at."""
    assert 0 <= waiting(count, at, RULES) <= RULES.longest
    now = settled(count, at, RULES)
    assert waiting(now, at + RULES.longest, RULES) == 0
    assert waiting(booked(now, at, RULES), at + RULES.longest, RULES) == 0
    assert given_back(booked(now, at, RULES), at, RULES).failures == now.failures


def test_a_guesser_has_four_tries_an_hour_in_the_long_run() -> None:
    count, at, tries = Count("k", 0, NOW, 0), NOW, 0
    while at < NOW + 30 * 24 * HOUR:
        count = booked(settled(count, at, RULES), at, RULES)
        tries += 1
        at += waiting(count, at, RULES)
    assert tries < 30 * 24 * 4 + 16
    # The yardstick of our own assessment: a million codes in no less than thirty days.
    assert tries < 1_000_000 // 300


def test_waiting_for_forgetting_gains_nothing() -> None:
    patient = RULES.free_failures / RULES.forget_hours
    assert patient < HOUR / RULES.longest


@pytest.mark.parametrize(("source", "same"), [
    ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
    ("fe80::1%eth0", "fe80::/64"), ("unix:/run/x", "unix:/run/x"), ("", ""), ("x" * 99, "x" * 64),
])  # fmt: skip
def test_places(source: str, same: str) -> None:
    assert place(source) == same


def test_challenges() -> None:
    key, nonce = b"k" * 32, b"n" * NONCE_BYTES
    made = challenge(key, "get", nonce, NOW)
    assert expiry(key, "get", made, NOW - 1) == NOW
    assert expiry(key, "get", made, NOW) is None
    assert expiry(key, "create", made, NOW - 1) is None
    assert expiry(b"x" * 32, "get", made, NOW - 1) is None
    for bad in (
        b"",
        made[:-1],
        made + b"x",
        bytes([made[0] ^ 1]) + made[1:],
        made[:20] + b"\xff" + made[21:],
    ):
        assert expiry(key, "get", bad, NOW - 1) is None


def test_roles() -> None:
    grown = [ROLE_PERMISSIONS[role] for role in (Role.VIEWER, Role.ANALYST, Role.SENDER, Role.ADMIN)]
    assert [len(one) for one in grown] == [2, 3, 4, 5]
    assert all(less < more for less, more in pairwise(grown))
    assert set(ROLE_PERMISSIONS) == set(Role)
    assert grown[-1] == set(Permission)


def test_every_number_has_its_reason_in_both_languages() -> None:
    assert set(settings()) == set(SignInRules.__struct_fields__)
    for name, one in settings().items():
        assert one.why.ja, name
        assert one.why.en, name
        assert one.source == "own", name


def test_own_numbers() -> None:
    assert sign_in_rules({"idle_minutes": 5}).idle_minutes == 5
    for wrong in ({"idle_minutes": 0}, {"nothing": 1}, {"idle_minutes": -3}):
        with pytest.raises(CatalogueError):
            sign_in_rules(wrong)
