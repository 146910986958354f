"""A backup as one file: a tar of the data folder with a manifest of every file's size and SHA-256 at its end.

The archive is whole or not there: it is written under another name, forced to the disk, and then named. What is read
back is believed only when every file is in the manifest and every entry of the manifest was read.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from sekisho.errors import EvidenceError, StoreError
from sekisho.language import Text
from sekisho.stores.durable import sync

MANIFEST = "manifest.json"
DUMP = "database.dump"
_DATA = "data"
_VERSION = 1
_PIECE = 1 << 20
# Up to this many octets are taken in one read, so that a file which is cut meanwhile can't be torn.
_AT_ONCE = 32 << 20
_LONGEST_MANIFEST = 1 << 30


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its path below the data folder, its size, and its SHA-256."""

    path: str
    octets: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in a backup, and what was left out and why.

    :ivar made: when it was begun, milliseconds
    :ivar database: ``sqlite``, ``postgresql`` (the dump is in the archive) or empty
    :ivar keys: whether key files are in it
    """

    made: int
    sekisho: str
    database: str
    keys: bool
    files: tuple[Member, ...]
    left_out: dict[str, str] = {}
    version: int = _VERSION


class Writing:
    """An archive that is being written.

    :ivar beside: where a copy may lie for a moment; on the archive's disk, since the data's own may be full
    """

    def __init__(self, tar: tarfile.TarFile, made: int, beside: Path) -> None:
        self._tar, self._made = tar, made
        self.beside = beside
        self.files: dict[str, Member] = {}

    def add(self, source: Path, path: str, *, lines: bool = False) -> None:
        """Add a file as ``path``; of a list of ``lines`` the whole ones.

        A file of up to 32 MiB is taken as it is at one moment; of a larger one what was there at the beginning.

        :raises FileNotFoundError: it is gone
        :raises StoreError: it was cut while it was read
        """
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= _AT_ONCE:
                content = file.read(size)
                size = content.rfind(b"\n") + 1 if lines else len(content)
                self._write(path, io.BytesIO(content[:size]), size)
                return
            self._write(path, file, _whole(file, size) if lines else size)

    def _write(self, path: str, file: IO[bytes], size: int) -> None:
        info = tarfile.TarInfo(path if path == DUMP else f"{_DATA}/{path}")
        info.size, info.mode, info.mtime = size, 0o600, self._made // 1000
        hashed = _Hashed(file, size)
        try:
            self._tar.addfile(info, hashed)  # type: ignore[arg-type]
        except OSError as error:
            if error.errno is not None:
                raise
            raise StoreError(
                Text(ja="写している間にファイルが短くなった", en="a file was cut while it was copied"),
                path,
                Text(ja="もう一度行う", en="do it again"),
            ) from error
        self.files[path] = Member(path, size, hashed.digest)

    def end(self, manifest: Manifest) -> None:
        """Add the manifest."""
        content = msgspec.json.encode(manifest)
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode, info.mtime = len(content), 0o600, self._made // 1000
        self._tar.addfile(info, io.BytesIO(content))


class _Hashed:
    """A file of which so many octets are read and hashed."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left, self._hash = file, size, hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def read(self, size: int) -> bytes:
        content = self._file.read(min(size, self._left))
        self._left -= len(content)
        self._hash.update(content)
        return content


def _whole(file: IO[bytes], size: int) -> int:
    """Return where the last whole line ends."""
    end = size
    while end:
        begin = max(0, end - _PIECE)
        file.seek(begin)
        at = file.read(end - begin).rfind(b"\n")
        if at >= 0:
            file.seek(0)
            return begin + at + 1
        end = begin
    file.seek(0)
    return 0


@contextmanager
def writing(target: Path, made: int) -> Iterator[Writing]:
    """Give an archive to write to; ``target`` is there when the block has ended well, and nothing is otherwise.

    :raises StoreError: there is such a file already, or the disk refuses
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.exists():
            raise FileExistsError(17, os.strerror(17), str(target))
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writing(tar, made, part.with_suffix(".copy"))
            file.flush()
            os.fsync(file.fileno())
        target.hardlink_to(part)  # unlike a rename this never replaces a file
        sync(target.parent)
    except OSError as error:
        raise StoreError(
            Text(ja="バックアップを書けない", en="the backup can't be written"),
            f"{error.filename or target}: {error.strerror or error}",
            Text(
                ja="空きと権限を確かめ、別の名前で行う",
                en="look at the room and the rights, or name another file",
            ),
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
            part.with_suffix(".copy").unlink(missing_ok=True)


def unpack(archive: Path, folder: Path, told: Callable[[str], object] = lambda _: None) -> Manifest:
    """Write what is in an archive into an empty ``folder`` and check all of it; the dump lies there as `DUMP`.

    The manifest is read before anything is written, so nothing grows beyond what it says.

    :raises EvidenceError: it isn't a backup, it is cut or altered, or it names a place outside the folder
    :raises StoreError: it can't be read, or the disk refuses
    """
    try:
        with tarfile.open(archive, mode="r:") as tar:
            manifest, found = _contents(archive, tar)
            wanted = {one.path: one for one in manifest.files}
            for path, info in found:
                told(path)
                file = tar.extractfile(info)
                if file is None or _extract(file, folder / path, path) != wanted[path]:
                    raise _altered(archive, path)
    except (tarfile.TarError, EOFError, msgspec.MsgspecError) as error:
        raise _altered(archive, str(error)) from error
    except OSError as error:
        raise StoreError(
            Text(ja="バックアップから戻せない", en="the backup can't be unpacked"),
            f"{error.filename or archive}: {error.strerror or error}",
        ) from error
    return manifest


def _contents(archive: Path, tar: tarfile.TarFile) -> tuple[Manifest, list[tuple[str, tarfile.TarInfo]]]:
    """Return the manifest and the files, which have the very paths and sizes that it says."""
    found: list[tuple[str, tarfile.TarInfo]] = []
    manifest: Manifest | None = None
    for info in tar:
        # Of a file with holes a few octets stand for any number; a backup never has one.
        file = tar.extractfile(info) if info.isreg() and not info.issparse() else None
        if manifest is not None or file is None:
            raise _altered(archive, info.name)
        if info.name == MANIFEST and info.size <= _LONGEST_MANIFEST:
            manifest = msgspec.json.decode(file.read(), type=Manifest)
        else:
            found.append((_path(archive, info.name), info))
    if manifest is None:
        raise _altered(archive, "manifest.json")
    if manifest.version != _VERSION:
        raise EvidenceError(
            Text(ja="この版では読めないバックアップ", en="a backup that this version can't read"),
            f"{archive}: {manifest.version}",
        )
    said = sorted((one.path, one.octets) for one in manifest.files)
    there = sorted((path, info.size) for path, info in found)
    if said != there or len(dict(there)) != len(there):
        wrong = set(said) ^ set(there) or set(there)
        raise _altered(archive, min(wrong)[0])
    return manifest, found


def _path(archive: Path, name: str) -> str:
    """Return the path below the data folder that a member stands for."""
    if name == DUMP:
        return name
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or len(path.parts) < 2 or path.parts[0] != _DATA:  # noqa: PLR2004
        raise _altered(archive, name)
    return str(PurePosixPath(*path.parts[1:]))


def _extract(file: IO[bytes], target: Path, path: str) -> Member:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    hashed, octets = hashlib.sha256(), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while piece := file.read(_PIECE):
            out.write(piece)
            hashed.update(piece)
            octets += len(piece)
        out.flush()
        os.fsync(out.fileno())
    return Member(path, octets, hashed.hexdigest())


def _altered(archive: Path, where: str) -> EvidenceError:
    return EvidenceError(
        Text(ja="バックアップが壊れているか、改変されている", en="the backup is damaged or altered"),
        f"{archive}: {where[:200]}",
        Text(ja="別のバックアップを使う", en="use another backup"),
    )
