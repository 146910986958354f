"""Changed copies: one byte where it matters, checksums that hold again, archives that real cpio accepts."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.formats import mutants
from sekisho.model.terminal import Repair


def archive(folder: Path, description: bytes = b'software = { version = "2.0.0"; };\n') -> bytes:
    """Pack as SWUpdate wants it, with the real cpio."""
    (folder / "sw-description").write_bytes(description)
    (folder / "sw-description.sig").write_bytes(b"\x30\x82" + bytes(range(200)))
    (folder / "rootfs").write_bytes(b"payload of the second version\n" * 40)
    names = b"sw-description\nsw-description.sig\nrootfs\n"
    return subprocess.run(
        [shutil.which("cpio") or "cpio", "-o", "-H", "crc", "--quiet"],
        input=names,
        cwd=folder,
        capture_output=True,
        check=True,
    ).stdout


def unpack(image: bytes, folder: Path) -> subprocess.CompletedProcess[bytes]:
    folder.mkdir()
    return subprocess.run(
        ["cpio", "-i", "--quiet"], input=image, cwd=folder, capture_output=True, check=False
    )


def differing(one: bytes, other: bytes) -> list[int]:
    return [place for place, (left, right) in enumerate(zip(one, other, strict=True)) if left != right]


def test_members_of_a_real_archive(tmp_path: Path) -> None:
    image = archive(tmp_path)
    found = mutants.members(image)
    assert [member.name for member in found] == ["sw-description", "sw-description.sig", "rootfs"]
    assert image[found[0].start : found[0].end].startswith(b"software")
    assert image[found[2].start : found[2].end].startswith(b"payload of the second")


def test_a_flip_changes_one_byte_of_the_payload_and_real_cpio_sees_it(tmp_path: Path) -> None:
    image = archive(tmp_path)
    copies = mutants.make(image, (Repair("cpio-crc"),))
    rootfs, description = mutants.members(image)[2], mutants.members(image)[0]
    (place,) = differing(image, copies["flipped"])
    assert rootfs.start <= place < rootfs.end
    (place,) = differing(image, copies["flipped-description"])
    assert description.start <= place < description.end
    assert unpack(image, tmp_path / "good").stderr == b""
    assert b"checksum error" in unpack(copies["flipped"], tmp_path / "flipped").stderr
    for name in ("repaired", "repaired-description"):
        assert unpack(copies[name], tmp_path / name).stderr == b"", "repaired: cpio has nothing to object"
    changed = (tmp_path / "repaired" / "rootfs").read_bytes()
    assert len(differing(changed, (tmp_path / "rootfs").read_bytes())) == 1


def test_repairing_what_is_whole_changes_nothing(tmp_path: Path) -> None:
    image = archive(tmp_path)
    assert mutants.repair(image, (Repair("cpio-crc"),)) == image


def test_truncated_ends_inside_the_payload(tmp_path: Path) -> None:
    image = archive(tmp_path)
    rootfs = mutants.members(image)[2]
    assert rootfs.start < len(mutants.make(image)["truncated"]) < rootfs.end


def test_padding_is_never_what_is_changed() -> None:
    image = b"HEAD" + bytes(range(1, 200)) + b"\xff" * 5000
    assert mutants.payload_place(image) < 203
    assert len(mutants.truncate(image)) < 203


@pytest.mark.parametrize("order", ["big", "little"])
def test_crc32_in_a_header(order: str) -> None:
    body = b'{"version": "1.1"}\n' + b"code" * 100
    field = zlib.crc32(body).to_bytes(4, order)  # type: ignore[arg-type]
    image = b"LABFW1" + field + body
    made = mutants.make(image, (Repair("crc32", start=10, at=6, order=order),))
    assert made["flipped"][6:10] == field, "the plain one keeps the old checksum"
    repaired = made["repaired"]
    assert repaired[6:10] == zlib.crc32(repaired[10:]).to_bytes(4, order)  # type: ignore[arg-type]
    assert repaired[10:] == made["flipped"][10:]


def test_crc32_over_a_header_that_holds_it_counts_the_field_as_zeros() -> None:
    """As U-Boot's legacy header does."""
    head = bytearray(b"\x27\x05\x19\x56" + bytes(4) + b"rest of the header" + b"data" * 30)
    head[4:8] = zlib.crc32(bytes(head)).to_bytes(4, "big")
    assert mutants.repair(bytes(head), (Repair("crc32", at=4, order="big"),)) == bytes(head)


def test_digests_at_the_end_in_raw_and_hex() -> None:
    body = b"firmware " * 50
    raw = body + hashlib.sha256(body).digest()
    assert mutants.repair(raw, (Repair("sha256", end=-32, at=-32),)) == raw
    text = body + hashlib.md5(body).hexdigest().encode()
    assert mutants.repair(text, (Repair("md5", end=-32, at=-32, order="hex"),)) == text
    summed = body + (sum(body) & 0xFFFFFFFF).to_bytes(4, "little")
    assert mutants.repair(summed, (Repair("sum32", end=-4, at=-4),)) == summed


@pytest.mark.parametrize(
    "one",
    [Repair("crc32", start=0, end=10, at=99), Repair("crc32", start=50), Repair("magic"), Repair("cpio-crc")],
)
def test_a_repair_that_does_not_fit_says_so(one: Repair) -> None:
    with pytest.raises(mutants.MutantError):
        mutants.repair(b"a small image, not cpio", (one,))


@pytest.mark.parametrize("image", [b"", b"x", b"\0" * 4096])
def test_an_image_without_content_is_refused(image: bytes) -> None:
    with pytest.raises(mutants.MutantError):
        mutants.make(image)


@given(st.binary(max_size=600), st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_hostile_archives_never_raise(rest: bytes, size: int, length: int) -> None:
    head = b"070702" + b"0" * 48 + f"{size:08x}".encode() + b"0" * 32 + f"{length:08x}".encode() + b"0" * 8
    for member in mutants.members(head + rest):
        assert 0 <= member.start <= member.end <= len(head) + len(rest)


@given(st.binary(min_size=16, max_size=2000))
def test_every_copy_differs_from_the_image(image: bytes) -> None:
    try:
        copies = mutants.make(image)
    except mutants.MutantError:
        return
    assert all(copy != image for copy in copies.values())
    assert len(differing(image, copies["flipped"])) == 1
