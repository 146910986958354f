"""The table from clauses of TAXII to tests names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "40-share" / "taxii.md"


def test_each_clause_has_its_tests() -> None:
    text = PAGE.read_text(encoding="utf-8")
    files = {letter: ROOT / path for path, letter in re.findall(r"`(tests/[\w/.]+)` \((\w)\b", text)}
    assert set(files) == {"U", "S", "P", "C", "R", "H", "K", "T", "I", "N"}
    rows = [
        line
        for line in text.partition("## Clause and test")[2].partition("\n## ")[0].splitlines()
        if line.startswith("|")
    ][2:]
    assert len(rows) > 15
    for row in rows:
        named = re.findall(r"\b([USPCRHKTIN]) ((?:`test_\w+`(?:, )?)+|all)", row)
        assert named, row
        for letter, names in named:
            for name in re.findall(r"test_\w+", names):
                assert f"def {name}(" in files[letter].read_text(encoding="utf-8"), (letter, name)
