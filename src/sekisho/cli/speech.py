"""How the command line speaks: one language per run, tables for people, JSON for programs."""

from __future__ import annotations

import os
import re
import shutil
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


# Narrower columns are harder to read than a list.
_NARROWEST = 14


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


def screen() -> int:
    """Return how many columns the screen has on which stdout is shown; 0 (no bound) where it goes into a file or pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = (), most: int | None = None) -> str:
    """Return rows in columns, aligned by what is seen (wide signs count twice).

    At most ``most`` columns wide (0: no bound; None: the screen's): wide cells go on in the next line; where even that
    leaves no room, each row becomes a list of its own.
    """
    every = [tuple(map(plain, row)) for row in ([head, *rows] if head else rows)]
    if not every:
        return ""
    widths = [
        max(width(row[column]) for row in every if column < len(row))
        for column in range(max(map(len, every)))
    ]
    bound = screen() if most is None else most
    if bound and not _shrink(widths, bound):
        return _listed(every[1:], every[0], bound) if head else _listed(every, (), bound)
    lines = [line for row in every for line in _lines(row, widths)]
    if head:
        lines.insert(len(_lines(every[0], widths)), "  ".join("─" * one for one in widths))
    return "\n".join(lines)


def _shrink(widths: list[int], bound: int) -> bool:
    """Narrow the widest columns until all fit; False when one would become too narrow to read."""
    while sum(widths) + 2 * (len(widths) - 1) > bound:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            return False
        widths[widest] -= 1
    return True


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [wrapped(cell, widths[column]) for column, cell in enumerate(row)]
    return [
        "  ".join(
            one + " " * (widths[column] - width(one))
            for column, cell in enumerate(cells)
            for one in [cell[number] if number < len(cell) else ""]
        ).rstrip()
        for number in range(max(map(len, cells), default=0))
    ]


def _listed(rows: Iterable[Sequence[str]], head: Sequence[str], bound: int) -> str:
    """Return each row as lines of its own, a column's name before its value, empty cells left out."""
    blocks = []
    for row in rows:
        named = [
            (head[column] if column < len(head) else "", cell) for column, cell in enumerate(row) if cell
        ]
        texts = [f"{name}: {cell}" if name else cell for name, cell in named]
        lines = [line for text in texts for line in wrapped(text, bound - 2)]
        blocks.append("\n".join(line if not number else f"  {line}" for number, line in enumerate(lines)))
    return "\n\n".join(blocks)


def wrapped(text: str, most: int) -> list[str]:
    """Return ``text`` in lines of at most ``most`` columns, broken at blanks or, where there are none, between signs."""
    if width(text) <= most or "\x1b" in text:
        return [text]
    lines, line = [], ""
    for word in re.findall(r" +|[!-~]+|[^ -~]", text):
        piece = word
        while width(line + piece) > most and (line.strip() or width(piece) > most):
            if line.strip():
                lines.append(line.rstrip())
                line, piece = "", piece.lstrip()
            else:
                lines.append(piece[:most])
                line, piece = "", piece[most:]
        line += piece if line or piece.strip() else ""
    return [*lines, line.rstrip()] if line.strip() else lines
