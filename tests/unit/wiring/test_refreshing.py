"""Work done now and then: never twice at once, nobody waits long, what it raises is said."""

from __future__ import annotations

import threading
import time

import pytest

from sekisho.wiring.refreshing import Refreshing


def test_it_is_done_once_for_many_who_ask() -> None:
    done: list[int] = []
    fresh = Refreshing(lambda: done.append(1) or len(done), every=60.0)
    for _ in range(5):
        fresh()
    assert done == [1]
    assert fresh.now() == 2
    fresh.close()
    fresh()
    assert done == [1, 1]


def test_nobody_waits_longer_than_the_patience() -> None:
    go = threading.Event()
    fresh = Refreshing(lambda: int(go.wait(30)), patience=0.05)
    begin = time.monotonic()
    fresh()
    fresh()
    assert time.monotonic() - begin < 5
    go.set()
    assert fresh.now() == 1
    fresh.close()


def test_what_it_raises_is_raised_where_it_was_asked_for() -> None:
    def broken() -> int:
        raise ValueError

    fresh = Refreshing(broken, every=0.0)
    with pytest.raises(ValueError):
        fresh()
    with pytest.raises(ValueError):
        fresh.now()
    fresh.close()
