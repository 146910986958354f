"""Texts as cells of a CSV that a spreadsheet opens: what it would take for a formula gets an apostrophe, and back."""

from __future__ import annotations

# A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def harmless(text: str) -> str:
    """Return the text as a cell that calculates nothing; `meant` gives it back."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def meant(cell: str) -> str:
    """Return the text that a cell of such a file stands for."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell
