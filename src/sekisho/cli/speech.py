"""How the command line speaks: one language per run, tables for people, JSON for programs."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec

from sekisho.language import Language, Text
from sekisho.model.verdict import Verdict

# Not colour alone: each verdict has a sign and a word too.
SIGNS = {
    Verdict.NONE: ("-", "white"),
    Verdict.NOT_APPLICABLE: ("/", "white"),
    Verdict.PASS: ("o", "green"),
    Verdict.INCONCLUSIVE: ("?", "yellow"),
    Verdict.FAIL: ("x", "red"),
}
EXITS = {
    Verdict.PASS: 0,
    Verdict.NOT_APPLICABLE: 0,
    Verdict.FAIL: 1,
    Verdict.INCONCLUSIVE: 3,
    Verdict.NONE: 3,
}


def detect(arguments: Sequence[str], environment: Mapping[str, str]) -> Language:
    """Return the language: ``--lang``, SEKISHO_LANG, an English LANG; Japanese otherwise."""
    for number, word in enumerate(arguments):
        if word.startswith("--lang="):
            return _language(word.removeprefix("--lang="))
        if word == "--lang" and number + 1 < len(arguments):
            return _language(arguments[number + 1])
    if chosen := environment.get("SEKISHO_LANG"):
        return _language(chosen)
    local = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    return Language.EN if local.lower().startswith("en") else Language.JA


def _language(word: str) -> Language:
    return Language.EN if word.lower().startswith("en") else Language.JA


LANGUAGE = detect(sys.argv[1:], os.environ)


def t(ja: str, en: str) -> str:
    """Return the sentence in the language of this run."""
    return Text(ja=ja, en=en).say(LANGUAGE)


def lang_option(command: Any) -> Any:
    """Add ``--lang`` (read before the command is built) and ``--json``."""
    command = click.option(
        "--lang",
        type=click.Choice(["ja", "en"]),
        expose_value=False,
        help=t("表示の言語", "language of the output"),
    )(command)
    return click.option(
        "--json", "as_json", is_flag=True, help=t("結果をJSONで出す", "print the result as JSON")
    )(command)


def put_json(value: Any) -> None:
    """Print ``value`` as one indented JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())


def verdict_word(verdict: Verdict) -> str:
    """Return sign and word of a verdict, coloured on a terminal."""
    sign, colour = SIGNS[verdict]
    return click.style(f"{sign} {verdict.label.say(LANGUAGE)}", fg=colour, bold=verdict is Verdict.FAIL)


def width(text: str) -> int:
    """Return how many columns ``text`` takes; East Asian wide signs take two."""
    plain = click.unstyle(text)
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in plain)


# What members, terminals and files write can hold signs that move a terminal's cursor or turn its text round; the colours
# of our own words (SGR) are the only ones that stay.
_UNSEEN = re.compile(r"(\x1b\[[0-9;]*m)|[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def plain(cell: str) -> str:
    """Return text that a terminal shows as it is: signs that steer it become the replacement character."""
    return _UNSEEN.sub(lambda found: found[1] or ("\ufffd" if found[0] not in "\n\r\t" else " "), cell)


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> str:
    """Return rows in columns, aligned by what is seen (wide signs count twice)."""
    every = [tuple(map(plain, row)) for row in ([head, *rows] if head else rows)]
    if not every:
        return ""
    widths = [
        max(width(row[column]) for row in every if column < len(row))
        for column in range(max(map(len, every)))
    ]
    lines = [
        "  ".join(cell + " " * (widths[column] - width(cell)) for column, cell in enumerate(row)).rstrip()
        for row in every
    ]
    if head:
        lines.insert(1, "  ".join("─" * one for one in widths))
    return "\n".join(lines)
