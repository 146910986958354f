"""Which passwords are taken: no list of known ones can be composed into a good one; sentences and random ones pass."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.catalogues.sign_in import password_policy, sign_in_rules
from sekisho.formats.codes import MIRAI
from sekisho.model.password_policy import Fault, faults

POLICY = password_policy(sign_in_rules())
NAMES = ("Hanako Seki", "gate-7.example.jp", "関 花子")


@pytest.mark.parametrize("password", [
    "correct horse battery", "8f3kq2m9x7zt", "明日は雨が降るので傘を持つ", "tall cranes wade at dusk", "Xy7#pQ2!vB9$",
    "　全角の　空白も　使える　文　", "😀🐢🌋🎻🚲🧅🪁🧭🛶🥨🪵🦔", "392017465829",
])  # fmt: skip
def test_taken(password: str) -> None:
    assert faults(password, NAMES, POLICY) == ()


@pytest.mark.parametrize(("password", "fault"), [
    ("", Fault.SHORT), ("x7#Qp!2vB9$", Fault.SHORT), ("x" * 257, Fault.LONG), ("password1234", Fault.KNOWN),
    ("P@ssw0rd2026!", Fault.KNOWN), ("ｐａｓｓｗｏｒｄ１２３４", Fault.KNOWN), ("qwertyuiop[]", Fault.KNOWN),
    ("1qaz2wsx3edc", Fault.KNOWN), ("aaaaaaaaaaaaaaaa", Fault.KNOWN), ("abcabcabcabcab", Fault.KNOWN),
    ("0123456789012", Fault.KNOWN), ("7ujMko0admin7ujMko0vizxv", Fault.KNOWN), ("Summer2026!!", Fault.KNOWN),
    ("パスワードパスワード", Fault.SHORT), ("パスワードひみつ管理者よろしく", Fault.KNOWN), ("sekisho-sekisho", Fault.KNOWN),
    ("hanako-seki-gate-7", Fault.NAMES), ("HANAKOhanako12", Fault.NAMES), ("関花子関花子花子関花子関", Fault.KNOWN),
    ("zx zx zx zx zx zx", Fault.KNOWN),
])  # fmt: skip
def test_not_taken(password: str, fault: Fault) -> None:
    assert faults(password, NAMES, POLICY) == (fault,)


def test_the_edges_of_length() -> None:
    tall = "x7#Qp!2vB9$kW4&nZ8*rT1+mC6=yD3-gF5"
    assert faults(tall[:12], (), POLICY) == ()
    assert faults((tall * 9)[:11], (), POLICY) == (Fault.SHORT,)
    long = "".join(chr(0x4E00 + 7 * n) for n in range(257))
    assert faults(long[:256], (), POLICY) == ()
    assert faults(long, (), POLICY) == (Fault.LONG,)


@given(st.lists(st.sampled_from([*POLICY.words, "2026", "1234", "!!!!", "aaaa"]), min_size=1, max_size=12))
def test_nothing_made_of_known_words_is_taken(words: list[str]) -> None:
    for joined in ("".join(words), "-".join(words), " ".join(words).upper()):
        assert faults(joined, (), POLICY) != ()


def test_random_ones_are_taken() -> None:
    drawer = random.Random(7)
    for _ in range(2000):
        drawn = "".join(drawer.choices(string.ascii_letters + string.digits, k=16))
        assert faults(drawn, NAMES, POLICY) == (), drawn


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_is_answered(password: str, names: list[str]) -> None:
    assert len(faults(password, names, POLICY)) <= 1


def test_the_attacked_codes_are_among_the_words() -> None:
    codes = {code.casefold() for _, code in MIRAI if len(code) >= 4}
    assert len(codes) > 30
    assert codes <= set(POLICY.words)


def test_every_fault_is_said_in_both_languages() -> None:
    for fault in Fault:
        assert fault.text.ja
        assert fault.text.en
