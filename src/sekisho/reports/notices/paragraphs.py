"""The approved text taken apart for setting: paragraphs and numbered steps, with not a word added or lost."""

from __future__ import annotations

import re

import msgspec

_STEP = re.compile(r"[0-9]{1,2}\. ")


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A paragraph: its lines of text, and the numbered steps that follow them (without their numbers)."""

    lines: tuple[str, ...]
    steps: tuple[str, ...] = ()


def blocks(body: str) -> tuple[Block, ...]:
    """Return the paragraphs of a notice's body; empty lines part them."""
    found = []
    for part in re.split(r"\n[ \t]*\n", body.strip("\n")):
        lines = [line for line in part.split("\n") if line.strip()]
        last = len(lines)
        while last and _STEP.match(lines[last - 1]):
            last -= 1
        steps = tuple(_STEP.sub("", line, count=1) for line in lines[last:])
        numbers = [int(line.split(".", 1)[0]) for line in lines[last:]]
        # Steps numbered otherwise than 1, 2, 3 … are left as they stand: a list would renumber them.
        if numbers != list(range(1, len(numbers) + 1)):
            last, steps = len(lines), ()
        if lines:
            found.append(Block(tuple(lines[:last]), steps))
    return tuple(found)
