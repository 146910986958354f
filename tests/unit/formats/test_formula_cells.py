"""A cell that a spreadsheet would calculate is made harmless, and comes back as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sekisho.formats.formula_cells import harmless, meant


@given(st.text(st.sampled_from("'=+-@＝ a\t"), max_size=6) | st.text())
def test_what_went_out_comes_back(text: str) -> None:
    cell = harmless(text)
    assert meant(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "＝", "\t", "\r"))


def test_other_texts_stay_as_they_are() -> None:
    assert [harmless(one) for one in ("'a", "", "1=1", "=1", "'=1")] == ["'a", "", "1=1", "'=1", "''=1"]
