"""Names of staff: where one stands within a text is where it is hidden."""

from __future__ import annotations

import pytest

from sekisho.wiring.staff_names import Hidden

TOKEN = "person:" + "0" * 24


@pytest.mark.parametrize("name", ["o", "course", "-", "2027", "甲 乙", "course-o-2027-01-01"])
def test_a_name_that_is_a_part_of_its_ids_own_words_is_hidden_where_it_stands(name: str) -> None:
    hidden = Hidden({name: TOKEN, "a@b.example": "person:" + "1" * 24})
    duty = f"course-{name}-2027-04-30"
    assert hidden.duty(duty) == f"course-{TOKEN}-2027-04-30"
    assert hidden.reminder(f"a@b.example {duty} near").split(" ")[1] == f"course-{TOKEN}-2027-04-30"
    assert hidden.duty("periodic-accidents-2026-04") == "periodic-accidents-2026-04"
