"""The catalogue of holidays agrees with the rules of the Act; what is computed is flagged; what is unknown stays so."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sekisho.catalogues.holidays import follow, holidays
from sekisho.errors import CatalogueError


def test_the_sources_days_are_what_article_3_says() -> None:
    held = holidays().days
    national = {day for day, one in held.items() if one.kind == "holiday"}
    assert {day for day, one in held.items() if one.kind in {"substitute", "between"}} == follow(national)
    for year in (2026, 2027):
        assert sum(day.year == year for day in national) == 16
    assert not holidays().to_check()


def test_mondays_are_mondays() -> None:
    for day, one in holidays().days.items():
        if one.name in {"成人の日", "海の日", "敬老の日", "スポーツの日"}:
            assert day.weekday() == 0


def test_an_unknown_year_is_not_free_of_holidays() -> None:
    known = holidays()
    assert known.known(date(2027, 12, 31))
    assert not known.known(date(2028, 1, 1))


def test_own_years_are_computed_and_flagged() -> None:
    # 2028-04-30 as a stand-in: a Sunday of a year that the catalogue lacks.
    made = holidays({"2028-04-30": "見本の日", "2028-05-02": "見本の日二"})
    assert made.known(date(2028, 6, 1))
    assert made.on(date(2028, 5, 1)).kind == "computed"
    assert made.to_check() == (date(2028, 5, 1),)
    # A company's own day off in a year that is known makes no others.
    assert not holidays({"2026-12-27": "年末"}).to_check()


@pytest.mark.parametrize("own", [{"2026-13-01": "x"}, {"tomorrow": "x"}])
def test_wrong_dates(own: dict[str, str]) -> None:
    with pytest.raises(CatalogueError):
        holidays(own)


def test_a_date_outside_the_years_of_validity(tmp_path: Path) -> None:
    file = tmp_path / "h.toml"
    file.write_text(
        'valid_from = 2026\nvalid_until = 2026\nconfidence = "B"\nsource = { ja = "x", en = "x" }\n'
        '[days]\n2027-01-01 = { name = "元日" }\n'
    )
    with pytest.raises(CatalogueError):
        holidays(file=file)
