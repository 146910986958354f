"""The settings of a data folder: whole or not there, damaged ones explained, prefixes named once and never quietly."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pyarrow as pa
import pytest

from fakes.refusing import full_at
from fakes.watched import flow
from sekisho.catalogues.handling import read_handling
from sekisho.errors import DescriptionError, StoreError
from sekisho.model.purpose import LegalBasis, Stage
from sekisho.model.tables import WATCHED
from sekisho.model.watching import PRIVATE
from sekisho.wiring.settings import hold_prefixes
from sekisho.wiring.watch import DATASET, Watch, milliseconds

MINE = "203.0.113.0/24"


def used(folder: Path, *customers: str) -> None:
    with Watch(folder, customers=customers) as watch:
        now = milliseconds()
        row = flow(watch.door().subscriber("10.0.0.1"), "198.51.100.9", 23)
        row |= {"flowStartMilliseconds": now, "flowEndMilliseconds": now}
        watch.store.append(DATASET, iter([pa.RecordBatch.from_pylist([row], WATCHED)]), watch.label("test"))


def test_prefixes_named_later_are_written_as_long_as_nobody_has_a_pseudonym(tmp_path: Path) -> None:
    with Watch(tmp_path) as watch:
        assert watch.assumed
        watch.door()
    with Watch(tmp_path, customers=[MINE]) as watch:
        assert watch.settings.customers == (MINE,)
        assert not watch.assumed
        watch.door()
    with Watch(tmp_path) as watch:
        assert watch.settings.customers == (MINE,)
    # One of the private ones alone is named, too.
    with Watch(tmp_path / "b"), Watch(tmp_path / "b", customers=["10.0.0.0/8"]) as watch:
        assert watch.settings.customers == ("10.0.0.0/8",)
        watch.door()


def test_what_a_person_wrote_stays(tmp_path: Path) -> None:
    file = tmp_path / "watch.toml"
    file.write_text('# mine\nlists = ["a.txt"]\n[people]\n"関守" = "sender"\n', encoding="utf-8")
    with Watch(tmp_path, customers=[MINE]) as watch:
        assert watch.settings.lists == ("a.txt",)
    text = file.read_text("utf-8")
    assert "# mine\n" in text
    assert tomllib.loads(text) == {"customers": [MINE], "lists": ["a.txt"], "people": {"関守": "sender"}}


def test_prefixes_that_come_too_late_are_refused_aloud(tmp_path: Path) -> None:
    used(tmp_path)
    before = (tmp_path / "watch.toml").read_bytes()
    with pytest.raises(DescriptionError, match="differ"):
        Watch(tmp_path, customers=[MINE])
    assert (tmp_path / "watch.toml").read_bytes() == before
    with Watch(tmp_path, customers=["10.0.0.0/8"]) as watch:  # the same as before, in part
        assert watch.settings.customers == PRIVATE


def test_prefixes_named_before_are_not_replaced(tmp_path: Path) -> None:
    with Watch(tmp_path, customers=[MINE]):
        pass
    with pytest.raises(DescriptionError, match="differ"):
        Watch(tmp_path, customers=["198.51.100.0/24"])


@pytest.mark.parametrize("content", [b"", b"\n  \n", b"customers = [", b"\xff\xfe", b"customers = 5\n"])
def test_damaged_settings_are_explained(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "watch.toml").write_bytes(content)
    for customers in ((), (MINE,)):
        with pytest.raises(DescriptionError) as told:
            Watch(tmp_path, customers=customers)
        assert "watch.toml" in told.value.where
    assert (tmp_path / "watch.toml").read_bytes() == content


@pytest.mark.parametrize("content", [b"", b'["10.0', b'{"a":1}', b'["not a prefix"]', b"\xff"])
def test_a_torn_list_of_prefixes_is_explained_and_no_pseudonym_is_given(
    tmp_path: Path, content: bytes
) -> None:
    with Watch(tmp_path) as watch:
        (tmp_path / "prefixes.json").write_bytes(content)
        with pytest.raises(DescriptionError) as told:
            watch.door()
    assert "prefixes.json" in told.value.where
    assert "控え" in told.value.todo.ja


def test_a_full_disk_leaves_the_old_file_or_none(tmp_path: Path) -> None:
    with full_at(50), pytest.raises(StoreError):
        Watch(tmp_path / "new", customers=[MINE])
    assert list((tmp_path / "new").iterdir()) == []
    hold_prefixes(tmp_path, [MINE])
    before = (tmp_path / "prefixes.json").read_bytes()
    with full_at(len(before) + 2), pytest.raises(StoreError):
        hold_prefixes(tmp_path, [MINE, "198.51.100.0/24"])
    assert (tmp_path / "prefixes.json").read_bytes() == before


def test_the_grounds_offered_are_those_that_flows_may_rest_on(tmp_path: Path) -> None:
    with Watch(tmp_path):
        pass
    text = (tmp_path / "watch.toml").read_text("utf-8")
    (line,) = [one for one in text.splitlines() if "legal ground" in one]
    words = set(line.partition("legal ground:")[2].replace(",", " ").split())
    assert words & {one.value for one in LegalBasis} == {
        one.value for one in read_handling()[Stage.RAW_FLOW].basis
    }
