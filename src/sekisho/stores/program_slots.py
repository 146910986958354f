"""Where installed releases of this program lie: a folder each, and the link ``current`` to the one that runs.

A release is unpacked beside the others, forced to the disk, and only then does the link change, in one step: whenever
the power goes, the link shows a whole one. The service runs with the link in its ``PYTHONPATH``.
"""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path, PurePosixPath

from sekisho.errors import DescriptionError
from sekisho.language import Text

CURRENT = "current"
_MOST_FILES = 20_000
_MOST_OCTETS = 1 << 30
_PART = ".part"


class ProgramSlots:
    """The installed releases in one folder, which only its owner may write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def current(self) -> Path:
        """Where the release that runs is reached: a link."""
        return self.folder / CURRENT

    def version(self) -> str:
        """Return the version of the release that the link shows; empty before the first."""
        try:
            return self.current.readlink().name.partition("-")[0]
        except OSError:
            return ""

    def unpack(self, version: str, digest: str, wheel: bytes) -> Path:
        """Unpack a wheel into a folder of its own, whole and on the disk; nothing runs from it yet.

        :raises DescriptionError: the wheel is no archive, or would write elsewhere, or is beyond all bounds
        """
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        # Always anew: what lies there of this version may be damaged, and it may be what runs.
        names = (f"{version}-{digest[:16]}{end}" for end in ("", *(f".{one}" for one in range(1, 100))))
        place = next(one for one in map(self.folder.joinpath, names) if not one.exists())
        part = self.folder / f"{_PART}-{place.name}"
        shutil.rmtree(part, ignore_errors=True)
        try:
            with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
                for name, content in _files(archive):
                    _write(part / name, content)
        except (zipfile.BadZipFile, RuntimeError) as error:  # RuntimeError: packed in an unknown way
            shutil.rmtree(part, ignore_errors=True)
            raise DescriptionError(
                Text(ja="中身を取り出せない", en="its content can't be unpacked"), str(error)
            ) from error
        for folder, _, _ in os.walk(part):
            _force(Path(folder))
        part.rename(place)
        _force(self.folder)
        return place

    def switch(self, place: Path) -> None:
        """Let the link show ``place``, in one step; what ran before stays, older ones go."""
        before = self.current.resolve() if self.current.is_symlink() else None
        link = self.folder / f"{_PART}-{CURRENT}"
        link.unlink(missing_ok=True)
        link.symlink_to(place.name)
        link.replace(self.current)
        _force(self.folder)
        kept = {place.name, before.name if before else ""}
        for one in self.folder.iterdir():
            if not one.is_symlink() and one.is_dir() and one.name not in kept:
                shutil.rmtree(one, ignore_errors=True)


def _files(archive: zipfile.ZipFile) -> list[tuple[str, bytes]]:
    entries = [one for one in archive.infolist() if not one.is_dir()]
    if len(entries) > _MOST_FILES or sum(one.file_size for one in entries) > _MOST_OCTETS:
        raise DescriptionError(Text(ja="大きすぎる", en="too large"), str(len(entries)))
    for one in entries:
        name = PurePosixPath(one.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in one.filename:
            raise DescriptionError(
                Text(ja="よそに書こうとする名前がある", en="a name in it points elsewhere"), one.filename
            )
    return [(one.filename, archive.read(one)) for one in entries]


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _force(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
