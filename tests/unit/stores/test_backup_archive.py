"""An archive that says less than it holds writes nothing."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import msgspec
import pytest

from sekisho.errors import EvidenceError
from sekisho.stores.backup_archive import MANIFEST, Manifest, Member, unpack

_LARGE = 8 << 20


def _archive(file: Path, content: bytes, wanted: Member, headers: dict[str, str], times: int = 1) -> Path:
    """Write an archive with one file, ``times`` over, whose manifest says ``wanted``."""
    manifest = msgspec.json.encode(Manifest(1, "0", "", keys=False, files=(wanted,)))
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, octets, more in (*[("data/x", content, headers)] * times, (MANIFEST, manifest, {})):
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(octets), more
            tar.addfile(info, io.BytesIO(octets))
    return file


def _member(content: bytes) -> Member:
    return Member("x", len(content), hashlib.sha256(content).hexdigest())


def test_what_the_manifest_says_is_written(tmp_path: Path) -> None:
    unpack(_archive(tmp_path / "b.tar", b"four", _member(b"four"), {}), tmp_path / "to")
    assert (tmp_path / "to" / "x").read_bytes() == b"four"


def test_a_file_with_holes_is_refused(tmp_path: Path) -> None:
    """A few octets can stand for any number of zeros; a backup of ours never has such."""
    wanted = _member(b"four" + bytes(_LARGE - 4))
    holes = {"GNU.sparse.map": "0,4", "GNU.sparse.size": str(_LARGE), "GNU.sparse.numblocks": "1"}
    archive = _archive(tmp_path / "b.tar", b"four", wanted, holes)
    assert archive.stat().st_size < _LARGE // 100
    with pytest.raises(EvidenceError):
        unpack(archive, tmp_path / "to")
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("octets", [3, 5])
def test_a_file_of_another_size_is_refused_before_anything_is_written(tmp_path: Path, octets: int) -> None:
    wanted = msgspec.structs.replace(_member(b"four"), octets=octets)
    with pytest.raises(EvidenceError):
        unpack(_archive(tmp_path / "b.tar", b"four", wanted, {}), tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_a_file_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError):
        unpack(_archive(tmp_path / "b.tar", b"four", _member(b"four"), {}, times=2), tmp_path / "to")
    assert not (tmp_path / "to").exists()
