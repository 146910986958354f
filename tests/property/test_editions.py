"""On every day since 2020-04-01 exactly one edition of 第34条の10 is in force; its last day counts."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from sekisho import catalogues
from sekisho.catalogues.reading import check_together
from sekisho.errors import CatalogueError

ARTICLE = "端末設備等規則 第34条の10"
BEGIN = date(2020, 4, 1)


@given(st.dates(min_value=BEGIN))
@example(BEGIN)
@example(date.max)
def test_exactly_one_edition_is_in_force(day):
    found = [one for one in catalogues.pick(catalogues.built_in(), day) if one.standard == ARTICLE]
    assert len(found) == 1


@given(st.dates(max_value=BEGIN - timedelta(days=1)))
def test_none_before(day):
    assert catalogues.pick(catalogues.built_in(), day) == ()


@given(
    st.dates(date(2021, 1, 1), date(2035, 1, 1)),
    st.integers(-400, 400),
    st.dates(date(2020, 4, 1), date(2036, 1, 1)),
)
def test_an_amended_edition_follows_without_gap_or_is_refused(last, gap, day):
    """What the built-in set will look like once the proposal becomes law."""
    old = msgspec.structs.replace(catalogues.jp_2020(), effective_until=last)
    new = msgspec.structs.replace(
        catalogues.jp_2020(), id="jp-next", effective_from=last + timedelta(days=gap), requirements=()
    )
    others = [one for one in catalogues.built_in() if one.id != "jp-2020"]
    try:
        check_together([old, new, *others])
    except CatalogueError:
        assert gap <= 0
        return
    assert gap > 0
    found = catalogues.pick([old, new], day)
    assert len(found) == (0 if last < day < new.effective_from else 1)
