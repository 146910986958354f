"""The option parser speaks Japanese: every message that click has for a user, and those that are seen most."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import click
import pytest

from fakes.command import typed
from sekisho.cli.option_words import WORDS

# For whoever writes a command, for terminals and editors of other systems, and for completion in a shell.
_NOT_FOR_USERS = {
    "Name '{name}' defined twice", "Could not determine name for option with declarations {decls!r}",
    "Arguments take exactly one parameter declaration, got {length}: {decls}.",
    "No options defined but a name was passed ({name}). Did you mean to declare an argument instead? Did you mean to pass '--{name}'?",
    "Boolean option {decl!r} cannot use the same flag for true/false.", "Choice({choices})", "d",
    "DeprecationWarning: The command {name!r} is deprecated.{extra_message}",
    "DeprecationWarning: The {param_type} {name!r} is deprecated.{extra_message}",
    "Unknown color {colour!r}", "Unknown standard stream '{name}'", "{editor}: Editing failed", "{editor}: Editing failed: {e}",
}  # fmt: skip
_FILES = ("core", "decorators", "exceptions", "formatting", "parser", "termui", "types", "utils")


def messages() -> set[str]:
    found: set[str] = set()
    for name in _FILES:
        tree = ast.parse(Path(click.__file__).with_name(f"{name}.py").read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                count = {"_": 1, "ngettext": 2}.get(node.func.id, 0)
                found |= {one.value for one in node.args[:count] if isinstance(one, ast.Constant)}
    return found - _NOT_FOR_USERS


def test_every_message_has_its_words() -> None:
    assert messages() - set(WORDS) == set()


@pytest.mark.parametrize("english", sorted(WORDS))
def test_placeholders_are_those_of_the_message(english: str) -> None:
    def names(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)|%\((\w+)\)", text))

    assert names(WORDS[english]) <= names(english)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("notices", "send"), "オプションがない"),
        (("nothing",), "そのコマンドはない：nothing"),
        (("detect", "--nothing"), "そのオプションはない：--nothing"),
        (("cases", "list", "--limit", "x"), "数"),
        (("cases", "list", "--limit", "0"), "0 は範囲"),
        (("cases", "list", "--state", "x"), "次のどれでもない"),
        (("contacts", "gone.csv"), "「gone.csv」がない"),
        (("cases", "show"), "引数がない"),
        (("cases", "show", "a", "b"), "余分な引数"),
        (("detect", "--help"), "使い方："),
    ],
)
def test_as_it_is_seen(words: tuple[str, ...], says: str) -> None:
    done = typed(words, env={**os.environ, "SEKISHO_LANG": "ja"})
    said = done.stdout + done.stderr
    assert says in said
    assert not re.search(r"Usage|Error|Try '|Options:|Show this", said)


def test_english_stays_english() -> None:
    done = typed(("notices", "send", "--lang", "en"), env={**os.environ, "SEKISHO_LANG": "ja"})
    assert "Missing option" in done.stderr
