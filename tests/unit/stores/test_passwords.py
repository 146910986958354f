"""Argon2id in the caller's thread: its settings, its bound, and what an absent hash costs."""

from __future__ import annotations

import threading
import time

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from fakes.gate import CHEAP
from sekisho.ports.accounts import Busy
from sekisho.stores.passwords import Argon2Passwords


def test_the_settings_are_those_of_the_library_today() -> None:
    kept = Argon2Passwords(1, 5.0).hash("tall cranes wade at dusk")
    found = extract_parameters(kept)
    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (Type.ID, 65_536, 3, 4)


def test_right_wrong_and_none() -> None:
    hashing = Argon2Passwords(1, 5.0, CHEAP)
    kept = hashing.hash("関所の朝")
    assert kept != hashing.hash("関所の朝")
    assert hashing.verify(kept, "関所の朝")
    for secret, password in (
        (kept, "関所の夜"),
        ("", "nobody"),
        ("", ""),
        ("no hash", "x"),
        (kept + "x", "関所の朝"),
    ):
        assert not hashing.verify(secret, password)
    assert not hashing.verify(kept, "\ud800")
    assert hashing.verify(hashing.hash("\ud800"), "\ud800")


def test_stale() -> None:
    hashing = Argon2Passwords(1, 5.0, CHEAP)
    assert not hashing.stale(hashing.hash("x"))
    assert hashing.stale(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash("x"))
    assert hashing.stale("no hash")


class Watched(PasswordHasher):
    """Says how many hash at the same time."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.now = self.most = 0
        self.lock = threading.Lock()

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - the library's word
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02)
        with self.lock:
            self.now -= 1
        return super().verify(hash, password)


@pytest.mark.parametrize("parallel", [1, 2, 3])
def test_as_many_at_once_as_said(parallel: int) -> None:
    watched = Watched()
    hashing = Argon2Passwords(parallel, 30.0, watched)
    kept = hashing.hash("x")
    threads = [threading.Thread(target=hashing.verify, args=(kept, "x")) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert watched.most == parallel


def test_who_finds_no_turn_is_told_and_leaves_no_turn_taken() -> None:
    hashing = Argon2Passwords(1, 0.01, CHEAP)
    with hashing._turn():
        for act in (lambda: hashing.hash("x"), lambda: hashing.verify("", "x")):
            with pytest.raises(Busy):
                act()
    assert hashing.hash("x")
    with pytest.raises(ZeroDivisionError), hashing._turn():
        raise ZeroDivisionError
    assert hashing.hash("x")
