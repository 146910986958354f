"""Tables on a narrow screen: nothing is wider than it and nothing is lost; in a file they stay as they are."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.cli.speech import table, width, wrapped

HEAD = ("試験", "risk", "what")
ROWS = [
    ("web_login", "write", "各アドレスでHTTPのポートを探し、ログイン経路を確かめる"),
    ("", "", "- connect to all 65,535 TCP ports and ask 20 UDP services, one after another"),
]


def test_without_a_bound_one_row_is_one_line() -> None:
    assert len(table(ROWS, HEAD, 0).splitlines()) == 4
    assert table([], HEAD, 0).startswith("試験")


@pytest.mark.parametrize("most", [20, 30, 40, 60, 80])
def test_nothing_is_wider_than_the_screen_and_nothing_is_lost(most: int) -> None:
    shown = table(ROWS, HEAD, most)
    assert max(map(width, shown.splitlines())) <= most
    for row in ROWS:
        for cell in row:
            for sign in cell.replace(" ", ""):
                assert sign in shown


def test_a_list_says_what_each_value_is() -> None:
    shown = table([("a" * 30, "b" * 30, "c" * 30)], ("one", "two", "three"), 40)
    assert shown.splitlines() == [f"one: {'a' * 30}", f"  two: {'b' * 30}", f"  three: {'c' * 30}"]


def test_colours_are_never_cut() -> None:
    word = click.style("x" * 50, fg="red")
    assert wrapped(word, 10) == [word]


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Mn", "Zs", "Zl", "Zp"))),
    st.integers(4, 40),
)
def test_wrapping_keeps_every_sign(text: str, most: int) -> None:
    lines = wrapped(text, most)
    assert "".join(lines) == text
    assert all(width(line) <= most for line in lines)
