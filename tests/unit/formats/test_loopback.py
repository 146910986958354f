"""What is this machine, and what only looks like it."""

from __future__ import annotations

import pytest

from sekisho.formats.loopback import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "127.1", "0.0.0.0", "::", "localhost.example", "192.0.2.1", "127.0.0.1.example"])  # fmt: skip
def test_others(host: str) -> None:
    assert not is_loopback(host)
    assert not is_loopback(host, by_name=True)


def test_the_name_only_where_it_is_taken() -> None:
    assert is_loopback("localhost", by_name=True)
    assert not is_loopback("localhost")
