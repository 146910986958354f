"""Compressed inputs as plain streams: gzip, xz, bzip2, Zstandard and LZ4 frames, told by their first octets.

Nothing is unpacked ahead of what is asked for, so a bomb costs time and never memory. A stream that breaks off
gives all that came before the break; then ``fault`` is called once, or the read raises when there is none.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import pyarrow as pa

from sekisho.errors import ReadingError
from sekisho.language import Text

Fault = Callable[[str, str], None]
# First octets: RFC 1952; xz 1.0.4 section 2.1.1.1; bzip2 "BZh"; RFC 8878 section 3.1.1; LZ4 frame format 1.6.
_MAGIC: dict[bytes, str] = {
    b"\x1f\x8b\x08": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_LONGEST_MAGIC = 6
_WINDOW = 1 << 20
# Presets of xz need up to 65 MiB to unpack; a header may ask for 4 GiB.
_XZ_MEMORY = 256 << 20
_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowException, MemoryError)


def compression_of(head: bytes) -> str:
    """Return ``gzip``, ``xz``, ``bzip2``, ``zstd``, ``lz4``, or an empty text when ``head`` begins none of them."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")


def unpacked(source: BinaryIO, fault: Fault | None = None) -> BinaryIO:
    """Return a stream of what ``source`` holds, unpacked when it is compressed.

    ``source`` need not be seekable; one that is seekable and not compressed is given back as it is. ``fault`` is called with a reason id (``compressed-stream-torn``) and the place
    when the compressed stream is torn or damaged; the stream then ends there.

    :raises ReadingError: by reading, when the stream is damaged and there is no ``fault``
    """
    head = b""
    while len(head) < _LONGEST_MAGIC and (more := source.read(_LONGEST_MAGIC - len(head))):
        head += more
    whole = _Prefixed(head, source)
    kind = compression_of(head)
    if not kind and source.seekable():
        source.seek(-len(head), io.SEEK_CUR)
        return source
    raw: io.RawIOBase = _Guarded(_opened(kind, whole), kind, fault) if kind else whole
    return cast("BinaryIO", io.BufferedReader(raw, _WINDOW))


def _opened(kind: str, source: _Prefixed) -> Any:
    packed = io.BufferedReader(source, _WINDOW)
    if kind == "gzip":
        return gzip.GzipFile(fileobj=packed)
    if kind == "bzip2":
        return bz2.BZ2File(packed)
    if kind == "xz":
        return _Xz(packed)
    return pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), kind)


class _Prefixed(io.RawIOBase):
    """A stream with the octets back in front that were read to look at them."""

    def __init__(self, head: bytes, source: BinaryIO) -> None:
        self._head = head
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._head:
            taken = self._head[: len(buffer)]
            self._head = self._head[len(taken) :]
        else:
            taken = self._source.read(len(buffer))
        buffer[: len(taken)] = taken
        return len(taken)


class _Xz:
    """An xz reader with a limit on the dictionary; `lzma.LZMAFile` has none."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._machine = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def read(self, size: int) -> bytes:
        while True:
            if self._machine.eof:
                rest = (self._machine.unused_data or self._source.read(_WINDOW)).lstrip(b"\0")
                if not rest:
                    return b""
                self._machine = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
            elif self._machine.needs_input:
                rest = self._source.read(_WINDOW)
                if not rest:
                    raise EOFError("the stream ends before its end mark")
            else:
                rest = b""
            if out := self._machine.decompress(rest, size):
                return out


class _Guarded(io.RawIOBase):
    """Turns a decompressor's errors into one counted fault and the end of the stream."""

    def __init__(self, inner: Any, kind: str, fault: Fault | None) -> None:
        self._inner = inner
        self._kind = kind
        self._fault = fault
        self._at = 0
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._ended:
            return 0
        try:
            taken = self._inner.read(len(buffer))
        except _BROKEN as error:
            self._ended = True
            where = f"{self._kind}: octet {self._at} (unpacked)"
            if self._fault is None:
                raise ReadingError(
                    Text(ja="圧縮データが壊れている", en=f"the compressed data are damaged: {error}"),
                    where,
                    Text(ja="元のファイルを写し直す", en="copy the file again from its origin"),
                ) from None
            self._fault("compressed-stream-torn", where)
            return 0
        buffer[: len(taken)] = taken
        self._at += len(taken)
        return len(taken)
