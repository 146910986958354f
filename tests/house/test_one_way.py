"""Privacy as structure: a name is reached in one place, and a dataset is opened in few, all behind their purpose."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "src" / "sekisho"
#: What is called → the modules that may call it, and why no other may.
ALLOWED = {
    "reveal": {"workflows/reidentify.py", "formats/pseudonyms.py"},  # from a pseudonym back to an address
    "look_up": {"workflows/reidentify.py"},  # from an address to an account
    "contact": {"workflows/reidentify.py"},  # from an account to a person
    # The key without the right to make one; the hub's is no key of pseudonyms and leads to nobody.
    "read_key": {"wiring/holdings.py", "stores/keys.py", "wiring/hub.py"},
    "ContactTable": {"wiring/holdings.py"},
    "AssignmentStore": {"wiring/warn.py"},
    "SqlCases": {"wiring/holdings.py", "wiring/held.py"},  # held counts, and gives no contents
    "SqlNotices": {"wiring/holdings.py", "wiring/held.py"},
    "case_courses": {"wiring/console_casework.py"},  # all cases at once: behind the purpose of cases there
    "SqlDetections": {"wiring/console_watch.py"},  # each of its questions states a purpose
}


def called(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            names.add(function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""))
    return names


@pytest.fixture(scope="module")
def calls() -> dict[str, set[str]]:
    """What each module calls: read by the process that asks, and not by each that collects tests."""
    return {
        path.relative_to(ROOT).as_posix(): called(ast.parse(path.read_text("utf-8")))
        for path in ROOT.rglob("*.py")
    }


@pytest.mark.parametrize("name", list(ALLOWED))
def test_only_these_call_it(name: str, calls: dict[str, set[str]]) -> None:
    callers = {path for path, names in calls.items() if name in names}
    assert callers, "nobody calls it any more: the rule is stale"
    assert callers <= ALLOWED[name]


def test_the_check_sees_calls_of_both_kinds() -> None:
    assert called(ast.parse("door.reveal(1)\nSqlCases(x).case('a')")) == {"reveal", "SqlCases", "case"}
