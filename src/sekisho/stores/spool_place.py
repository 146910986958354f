"""Where raw datagrams may wait: in memory, or on a disk under a key that lives in memory only.

sFlow samples carry the first octets of packets, so a spool can hold payload. It must never be found on a disk: the
spool lies in a memory file system (tmpfs or ramfs, asked of the kernel, not guessed from a name); where there is none
with room, or the operator asks for the disk, each block is encrypted (AES-256-GCM) and the key (mode 0600) lies in a
memory file system, fresh for each start of an empty spool. When the power goes, so does the key.

A tmpfs can be swapped out: where a swap is on, `Place.notes` says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.stores.spool_block import Key

# linux/magic.h
_TMPFS, _RAMFS = 0x01021994, 0x858458F6
_MEMORY_FOLDERS = ("/run", "/dev/shm")  # noqa: S108 - wherever the kernel says it is memory
_KEY_OCTETS = 48
_SWAPS = Path("/proc/swaps")


@dataclass(frozen=True, slots=True)
class Place:
    """A spool's folder, and the folder of its key when it is encrypted; ``notes`` for whoever starts it."""

    folder: Path
    keys: Path | None = None
    notes: tuple[Text, ...] = ()


def in_memory(folder: Path) -> bool:
    """Say whether ``folder`` (or the nearest above it that exists) is in a memory file system; ask the kernel."""
    while not folder.exists():
        folder = folder.parent
    if sys.platform != "linux":
        return False
    room = ctypes.create_string_buffer(512)
    if ctypes.CDLL(None, use_errno=True).statfs(os.fsencode(folder), room) != 0:
        return False
    # struct statfs begins with f_type, a machine word.
    return ctypes.c_ulong.from_buffer(room).value & 0xFFFFFFFF in {_TMPFS, _RAMFS}


def memory_folders() -> tuple[Path, ...]:
    """Return the memory file systems that this process may write to: the user's own first."""
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    names = [*([own] if own else []), *_MEMORY_FOLDERS]
    return tuple(
        path
        for name in names
        if (path := Path(name)).is_dir() and os.access(path, os.W_OK) and in_memory(path)
    )


def folder_in(memory: Path, name: str) -> Path:
    """Return the folder of the spool ``name`` in a memory file system."""
    return memory / f"sekisho-{os.getuid()}" / f"spool-{name}"


def place(name: str, octets: int, *, disk: Path | None = None, memory: Sequence[Path] | None = None) -> Place:
    """Choose where the spool ``name`` of ``octets`` lies.

    Args:
        name: of the dataset: tells spools of one machine apart.
        octets: the most it will hold.
        disk: a folder on a disk: use it, encrypted; None takes memory.
        memory: memory file systems to choose from; None asks `memory_folders`.

    Raises:
        StoreError: no memory file system at all (then there is no place for a key either), or none with room and
            no disk was given.
    """
    folders = memory_folders() if memory is None else tuple(memory)
    own = tuple(folder_in(folder, name).parent for folder in folders)
    if not folders:
        raise StoreError(
            Text(
                ja="メモリー上のファイルシステム（tmpfs）がない", en="there is no memory file system (tmpfs)"
            ),
            ", ".join(_MEMORY_FOLDERS),
            Text(
                ja="tmpfs をマウントする。生データは平文でディスクに置かない",
                en="mount a tmpfs: raw datagrams are never put on a disk in the clear",
            ),
        )
    notes = _swap_note()
    if disk is not None:
        if in_memory(disk):
            return Place(disk, None, notes)
        note = Text(
            ja="ディスク上：ブロックごとに暗号化（鍵はメモリーだけ）",
            en="on a disk: each block is encrypted, the key is in memory only",
        )
        return Place(disk, _private(own[0]), (note, *notes))
    there = [folder for folder in own if (folder / f"spool-{name}").exists()]
    for folder in there or own:
        about = os.statvfs(folder.parent)
        if there or about.f_bavail * about.f_frsize >= octets:
            return Place(_private(folder) / f"spool-{name}", None, notes)
    raise StoreError(
        Text(ja="tmpfs に受信バッファーの空きがない", en="no memory file system has room for the spool"),
        ", ".join(map(str, folders)),
        Text(
            ja="小さくするか、ディスク上の暗号化した置き場を指定する",
            en="make it smaller, or give a folder on a disk (it will be encrypted)",
        ),
    )


def _private(folder: Path) -> Path:
    """Make a folder of ours that nobody else can look into; one that somebody else laid there is refused."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise StoreError(
            Text(ja="他人が開けるフォルダー", en="a folder that others made or can open"),
            str(folder),
            Text(ja="所有者と権限（0700）を直す", en="make it yours, mode 0700"),
        )
    return folder


def _swap_note() -> tuple[Text, ...]:
    try:
        swaps = _SWAPS.read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return ()
    devices = [line.split()[0] for line in swaps if line.strip() and "zram" not in line.split()[0]]
    if not devices:
        return ()
    where = ", ".join(devices)
    return (
        Text(
            ja=f"スワップ（{where}）が有効：tmpfs の中身が書き出されうる。切るか暗号化する",
            en=f"swap is on ({where}): a tmpfs can be written out to it; turn it off or encrypt it",
        ),
    )


def key_file(keys: Path, folder: Path) -> Path:
    """Return the file of the key of the spool in ``folder``."""
    return keys / f"spool-{sha256(os.fsencode(folder.resolve())).hexdigest()[:16]}.key"


def load_key(file: Path) -> Key | None:
    """Return the key of a file; None when it isn't there (the machine was started anew) or isn't one."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    return Key(content[:16], content[16:]) if len(content) == _KEY_OCTETS else None


def make_key(file: Path) -> Key:
    """Write a fresh key, readable by its owner only; an older one is gone for good.

    Raises:
        StoreError: the folder isn't in memory.
    """
    if not in_memory(file.parent):
        raise StoreError(
            Text(ja="鍵の置き場がメモリー上にない", en="the key's folder is not in memory"), str(file.parent)
        )
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = Key.new()
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(made.name + made.octets)
    part.replace(file)
    return made
