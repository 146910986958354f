"""Releases in their folder: whole or not there, one link that changes in one step, nothing written elsewhere."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from sekisho.errors import DescriptionError
from sekisho.stores.program_slots import ProgramSlots


def wheel(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return out.getvalue()


def installed(slots: ProgramSlots, version: str, text: str = "x") -> Path:
    place = slots.unpack(version, "ab" * 32, wheel(**{"sekisho__init.py": text}))
    slots.switch(place)
    return place


def test_the_link_shows_the_last_one_and_the_one_before_stays(tmp_path: Path) -> None:
    slots = ProgramSlots(tmp_path / "program")
    assert slots.version() == ""
    places = [installed(slots, version) for version in ("0.1", "0.2", "0.3")]
    assert slots.version() == "0.3"
    assert slots.current.resolve() == places[2]
    assert {one.name for one in slots.folder.iterdir()} == {"current", places[1].name, places[2].name}


def test_the_same_version_is_unpacked_anew(tmp_path: Path) -> None:
    """What lies there may be damaged, and it may be what runs: it is not written over."""
    slots = ProgramSlots(tmp_path)
    first = installed(slots, "0.2", "first")
    (first / "sekisho/init.py").write_text("damaged")
    second = installed(slots, "0.2", "second")
    assert first != second
    assert (slots.current / "sekisho/init.py").read_text() == "second"
    assert slots.version() == "0.2"


def test_an_unpacking_that_was_cut_leaves_nothing_that_counts(tmp_path: Path) -> None:
    slots = ProgramSlots(tmp_path)
    installed(slots, "0.1")
    left = tmp_path / (".part-0.2-" + "ab" * 8)
    (left / "half").mkdir(parents=True)
    assert slots.version() == "0.1"
    place = installed(slots, "0.2")
    assert not (place / "half").exists()
    assert not left.exists()


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "a\\out"])
def test_no_name_points_elsewhere(tmp_path: Path, name: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "x")
    slots = ProgramSlots(tmp_path / "program")
    with pytest.raises(DescriptionError):
        slots.unpack("0.2", "ab" * 32, out.getvalue())
    assert not list(tmp_path.rglob("out"))


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError):
        ProgramSlots(tmp_path).unpack("0.2", "ab" * 32, b"no archive")
    assert list(tmp_path.iterdir()) == []
