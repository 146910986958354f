"""The table of virtual patches: what it says, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekisho.catalogues.virtual_patches import holes_of, virtual_patches
from sekisho.errors import CatalogueError

GOOD = """[[hole]]
id = "abc-1"
title = { ja = "穴", en = "hole" }
protocol = 6
port = 80
sources = ["somebody"]
confidence = "B"
caution = { ja = "注意", en = "caution" }
"""


def test_the_holes_of_the_facts_are_there() -> None:
    found = {one.id: (one.protocol, one.port) for one in virtual_patches()}
    assert found["hg532-37215"] == (6, 37215)
    assert found["realtek-52869"] == (6, 52869)
    assert found["netis-53413"] == (17, 53413)
    assert found["tr064-7547"] == (6, 7547)


def test_every_row_has_both_languages_and_a_source() -> None:
    for one in virtual_patches():
        assert all((one.title.ja, one.title.en, one.caution.ja, one.caution.en, one.sources))


def test_a_model_leads_to_its_holes() -> None:
    assert [one.id for one in holes_of("Huawei HG532e")] == ["hg532-37215"]
    assert holes_of("") == ()
    assert holes_of("Camera X") == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("port = 80", "port = 0"),
        ("port = 80", "port = 70000"),
        ("protocol = 6", "protocol = 1"),
        ('id = "abc-1"', 'id = "A b"'),
        ('["somebody"]', "[]"),
        ('"B"', '"D"'),
        ('confidence = "B"', 'confidence = "B"\npaths = ["/x\\"y"]'),
        ('confidence = "B"', 'confidence = "B"\ncve = "2017-1"'),
        ('confidence = "B"', 'confidence = "B"\nunknown = 1'),
    ],
)
def test_a_wrong_row_is_refused(tmp_path: Path, old: str, new: str) -> None:
    file = tmp_path / "holes.toml"
    file.write_text(GOOD, encoding="utf-8")
    assert len(virtual_patches(file)) == 1
    other = tmp_path / "wrong.toml"
    other.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(CatalogueError):
        virtual_patches(other)
