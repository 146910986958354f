"""The page for the legal department: every test and module that it names exists, and both languages say the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from sekisho.catalogues.handling import read_handling
from sekisho.model.purpose import Purpose

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/30-warn/legal.md").read_text(encoding="utf-8")
JA, EN, PROOF = re.split(r'<a id="(?:en|proof)"></a>', PAGE)
TESTS = sorted(set(re.findall(r"`(tests/[\w/.]+)::(\w+)`", PAGE)))
SOURCES = sorted(set(re.findall(r"`(src/[\w/.]+)`", PAGE)))
STATES = {"実装済": "built", "一部": "partly", "未実装": "not built"}


def rows(text: str) -> dict[str, list[str]]:
    found = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return {row[0]: row[1:] for row in found if row[0].isdecimal()}


def test_the_page_names_what_it_should() -> None:
    assert len(TESTS) > 30
    assert len(SOURCES) > 10


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name.startswith("test_")
    assert name in {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("path", SOURCES)
def test_a_module_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_both_languages_have_the_same_conditions_grades_and_states() -> None:
    ja, en, proof = rows(JA), rows(EN), rows(PROOF)
    assert list(ja) == list(en) == list(proof) == [str(number) for number in range(11)]
    for number, row in ja.items():
        grades = re.findall(r"[A-DI]", row[2])
        assert grades
        assert grades == re.findall(r"[A-DI]", en[number][2])
        assert STATES[row[4]] == en[number][4]


def test_what_is_called_built_is_proved_and_what_is_not_proved_is_not_called_built() -> None:
    for number, row in rows(EN).items():
        _control, tests = rows(PROOF)[number]
        assert ("::" in tests) is ("not proved" not in tests)
        if row[4] == "built":
            assert "::" in tests
        if "C" in row[2]:
            assert "unverified" in row[1] or "no days" in row[1]


def test_the_page_says_what_the_catalogue_does() -> None:
    rules = read_handling().values()
    assert not [rule for rule in rules if Purpose.EVIDENCE_SUPPLY in rule.purposes]
    assert "`evidence-supply`" in JA
    assert "`evidence-supply`" in EN
