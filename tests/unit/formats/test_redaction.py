from __future__ import annotations

import base64
import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from sekisho.formats.recipe import quote
from sekisho.formats.redaction import Redactor

SECRET = 'Tr0ub&"dor 秘'
REDACTOR = Redactor(b"k" * 32, [("admin", SECRET), ("x", "7q")])
MARK = REDACTOR.mark(SECRET)


def test_every_encoding_of_a_secret_is_replaced_by_the_same_mark():
    basic = base64.b64encode(f"admin:{SECRET}".encode()).decode()
    texts = [SECRET, quote(SECRET), quote(SECRET, plus=True), json.dumps(SECRET), json.dumps(SECRET, ensure_ascii=False),
             f"Authorization: Basic {basic}", SECRET.encode().hex(), "Tr0ub&amp;&quot;dor 秘"]  # fmt: skip
    for text in texts:
        cleaned = REDACTOR.text(f"before {text} after")
        assert MARK in cleaned, text
        assert "ub" not in cleaned.replace(MARK, ""), text
        assert cleaned.startswith("before ")


def test_the_mark_depends_on_key_and_secret_only():
    assert Redactor(b"k" * 32, [("root", SECRET)]).mark(SECRET) == MARK
    assert Redactor(b"j" * 32, []).mark(SECRET) != MARK
    assert SECRET not in MARK


def test_a_secret_inside_foreign_base64_is_found_at_each_alignment():
    for lead in ("", "a", "ab", "abc"):
        coded = base64.b64encode(f"{lead}{SECRET}xyz".encode()).decode()
        assert MARK in REDACTOR.text(coded)


def test_a_short_secret_is_replaced_only_where_a_value_is_handed_over():
    short = REDACTOR.mark("7q")
    assert REDACTOR.text("pw=7q&x=1") == f"pw={short}&x=1"
    assert REDACTOR.text('{"p":"7q"}') == f'{{"p":"{short}"}}'
    assert REDACTOR.text("a7qb") == "a7qb"


def test_nested_data_is_cleaned_and_other_values_stay():
    assert REDACTOR.data({"a": [SECRET, 1, None, True]}) == {"a": [MARK, 1, None, True]}


def test_without_secrets_nothing_changes():
    assert Redactor(b"k", [("admin", "")]).raw(b"admin:") == b"admin:"


@given(st.binary(max_size=40), st.binary(max_size=40), st.lists(st.integers(0, 100), max_size=8))
def test_a_torn_secret_is_found_wherever_it_is_cut(before, after, cuts):
    whole = before + SECRET.encode() + after
    places = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    portions = [whole[a:b] for a, b in itertools.pairwise(places)]
    cleaned = REDACTOR.portions(portions)
    assert len(cleaned) == len(portions)
    assert b"".join(cleaned) == REDACTOR.raw(whole)
    assert SECRET.encode() not in b"".join(cleaned)
