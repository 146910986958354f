"""The page that leads from each duty to the lines is fresh, and no duty is without a line."""

import pytest
from tests.unit.exemplar import duties

from sekisho import exemplar


def test_the_page_is_fresh():
    page = duties.PAGE.read_text(encoding="utf-8")
    assert page == duties.render(), "run: python -m tests.unit.exemplar.duties"


@pytest.mark.parametrize("duty", duties.DUTIES)
def test_every_duty_has_lines(duty):
    assert any(duty in place.duties and place.code.strip() for place in duties.places())


def test_no_marker_names_an_unknown_duty_and_every_sentence_is_in_japanese():
    for place in duties.places():
        assert set(place.duties) <= set(duties.DUTIES)
    assert {place.says for place in duties.places()} == set(duties.JAPANESE)


def test_the_exemplar_claims_no_flaw():
    assert exemplar.FLAWS == ()
    assert exemplar.VIRTUES["change_forced_at_first_use"]
    assert not exemplar.VIRTUES["wan_listener"]


def test_files_stay_small():
    for path in duties.SOURCE.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 320, path
