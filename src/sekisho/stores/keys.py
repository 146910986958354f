"""Key files: made once with octets of the operating system, readable by their owner alone, never overwritten.

The file holds one line: a magic word, the key in hex and a check sum, so that a torn or edited file is told from a
key. Losing the key loses the way back from pseudonyms to lines; a new key starts a new world of pseudonyms.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from pathlib import Path

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.stores.durable import sync, write_all

KEY_BYTES = 32
_FORM = re.compile(rb"sekisho-key-1 ([0-9a-f]{64}) ([0-9a-f]{8})\n")
_LONGEST = 4096


def key_at(path: Path) -> bytes:
    """Return the key in ``path``; make one when there is no such file.

    :raises StoreError: as `read_key`, or the file can't be written
    """
    if not os.path.lexists(path):
        make_key(path)
    return read_key(path)


def make_key(path: Path) -> bool:
    """Make a new key in ``path`` (mode 0600) and return True; False when a file stands there, which is left alone.

    The file appears whole or not at all, also when the machine stops half way.

    :raises StoreError: the disk is full or refuses
    """
    key = secrets.token_bytes(KEY_BYTES)
    line = f"sekisho-key-1 {key.hex()} {_check(key)}\n".encode()
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            write_all(file, line)
            os.fsync(file)
        finally:
            os.close(file)
        try:
            path.hardlink_to(part)  # unlike a rename, this never replaces a file
        except FileExistsError:
            return False
        finally:
            part.unlink()
        sync(path.parent)
    except OSError as error:
        raise StoreError(
            Text(ja="鍵ファイルを作れない", en="the key file can't be made"), f"{path}: {error.strerror}"
        ) from error
    return True


def read_key(path: Path) -> bytes:
    """Return the 32 octets of the key in ``path``.

    :raises StoreError: it can't be read, others may read it, it belongs to somebody else, or it is torn
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            facts = os.fstat(file)
            content = os.read(file, _LONGEST)
        finally:
            os.close(file)
    except OSError as error:
        raise StoreError(
            Text(ja="鍵ファイルを読めない", en="the key file can't be read"), f"{path}: {error.strerror}"
        ) from error
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid not in {0, os.geteuid()}:
        raise StoreError(
            Text(ja="鍵ファイルの持ち主が違う", en="the key file is not a file of this user"), str(path)
        )
    if facts.st_mode & 0o077:
        raise StoreError(
            Text(ja="鍵ファイルをほかの利用者が読める", en="others may read the key file"),
            f"{path}: {stat.filemode(facts.st_mode)}",
            Text(
                ja="chmod 600 とし、鍵が漏れたかを確かめる",
                en="chmod 600, and ask whether the key has leaked",
            ),
        )
    found = _FORM.fullmatch(content)
    key = bytes.fromhex(found[1].decode()) if found else b""
    if found is None or _check(key) != found[2].decode():
        raise StoreError(
            Text(ja="鍵ファイルが壊れている", en="the key file is torn or altered"),
            str(path),
            Text(
                ja="控えから戻す。作り直すと以前の仮名に戻れない",
                en="restore it from its copy; a new key leads nowhere back",
            ),
        )
    return key


def _check(key: bytes) -> str:
    return hashlib.sha256(b"sekisho key check\0" + key).hexdigest()[:8]
