"""The policy refuses what 令和6年総務省令第11号 第3条 calls weak, and takes ordinary good passwords."""

import pytest

from sekisho.exemplar.access import credentials
from sekisho.exemplar.access.policy import faults

# The passwords of the Mirai dictionary (facts file of the house, decoded from the worm).
MIRAI = [
    "xc3511",
    "vizxv",
    "admin",
    "888888",
    "xmhdipc",
    "default",
    "juantech",
    "123456",
    "54321",
    "root",
    "12345",
    "pass",
    "1111",
    "666666",
    "password",
    "1234",
    "klv123",
    "klv1234",
    "Zte521",
    "hi3518",
    "jvbzd",
    "anko",
    "zlxx.",
    "7ujMko0vizxv",
    "7ujMko0admin",
    "system",
    "ikwb",
    "dreambox",
    "user",
    "realtek",
    "00000000",
    "admin1234",
    "smcadmin",
    "1111111",
    "4321",
    "meinsm",
    "support",
    "service",
    "supervisor",
    "guest",
    "ubnt",
    "tech",
]


@pytest.mark.parametrize("password", MIRAI)
def test_mirai(password):
    assert faults(password)
    if len(password) >= 4:
        assert "attacked" in faults(password + "2026!!!!!!!")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "too-short"),
        ("river-bank9", "too-short"),
        ("a" * 129, "too-long"),
        ("aaaaaaaaaaaa", "one-character"),
        ("ａａａａａａａａａａａａ", "one-character"),
        ("abcdefghijkl", "sequential"),
        ("987654321098", "sequential"),
        ("qwertyuiopas", "sequential"),
        ("1qaz2wsx3edc", "sequential"),
        ("abcabcabcabc", "repeated"),
        ("xkxkxkxkxkxk", "repeated"),
        ("password2026!", "attacked"),
        ("Password12345", "attacked"),
        ("admin-sk-1-0001", "guessable"),
        ("SK-1-0001-router", "guessable"),
        ("river\0bank\0sand", "not-text"),
        ("river\ud800bank-sand", "not-text"),
    ],
)
def test_weak(password, why):
    assert why in faults(password, user="admin", public=("SK-1", "SK-1-0001", "02:00:00:00:00:01"))


@pytest.mark.parametrize(
    "password",
    [
        "tsuki no kirei na yoru",
        "月がとても綺麗な夜ですね今夜",
        "k7Q!mZ2vR9#d",
        "correct horse battery",
        "x" * 5 + "k7Q!mZ2vR9#d",
    ],
)
def test_good(password):
    assert faults(password, user="admin", public=("SK-1", "A1")) == ()


def test_preset_codes_differ_and_are_long():
    drawn = {credentials.preset_code() for _ in range(500)}
    assert len(drawn) == 500
    assert all(len(credentials.normal_preset(code)) == credentials.LENGTH for code in drawn)
    assert len(credentials.ALPHABET) ** credentials.LENGTH > 2**58
    used = set("".join(drawn)) - {"-"}
    assert used == set(credentials.ALPHABET)


def test_a_preset_code_is_read_off_a_label_in_any_form():
    assert credentials.normal_preset(" abcd-efgh jkmn ") == "ABCDEFGHJKMN"


def test_hashes_are_salted_and_match_only_the_same_text():
    one, two = credentials.digest("river bank"), credentials.digest("river bank")
    assert one != two
    assert credentials.matches("river bank", one)
    assert not credentials.matches("river bank ", one)
    assert not credentials.matches("", credentials.NOBODY)
