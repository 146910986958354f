from __future__ import annotations

import pytest

from sekisho.formats.codes import MIRAI, attacked, classes, derived, listed, sequential, single


def test_the_list_has_the_61_pairs_of_the_decoded_source():
    assert len(MIRAI) == len(set(MIRAI)) == 61
    users = [user for user, _ in MIRAI]
    assert users.count("root") == 32
    assert users.count("admin") == 15
    assert {
        ("root", ""),
        ("admin", ""),
        ("Administrator", "meinsm"),
        ("admin", "4321"),
        ("root", "zlxx."),
    } <= set(MIRAI)
    assert not listed("administrator", "meinsm"), "pairs are case-sensitive"
    assert listed("guest", "12345")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("123456", True),
        ("7890", True),
        ("2109", True),
        ("fedcba", True),
        ("1357", False),
        ("1", False),
        ("1111", False),
        ("abd", False),
    ],
)
def test_a_run_of_neighbours_is_sequential(code, expected):
    assert sequential(code) is expected


def test_single_attacked_and_classes():
    assert single("aaaaaaaa")
    assert not single("")
    assert not single("ab")
    assert attacked("xc3511")
    assert not attacked("Xc3511")
    assert classes("aB3!") == 4
    assert classes("") == 0


def test_derived_guesses_come_from_user_maker_and_model_once():
    found = derived("admin", "Acme", "RT-200")
    assert found[0] == "admin"
    assert {"password", "", "RT-200", "rt-200", "RT200", "rt200", "Acme", "acme"} <= set(found)
    assert len(found) == len(set(found))
