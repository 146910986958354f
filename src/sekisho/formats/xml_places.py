"""Where the elements of an XML document stand, in octets, so that one can be changed and all others stay as they are.

Only UTF-8, and no document type definitions (nothing can refer to anything outside, nothing expands).
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.parsers import expat

import msgspec

_MOST_ELEMENTS = 2_000_000


class Element(msgspec.Struct):
    """One element: its name (``namespace name``), attributes, and octets ``begin`` to ``end``; ``inner`` is its content.

    For ``<a/>`` the content is empty and both ends of ``inner`` are ``end``.
    """

    name: str
    attributes: dict[str, str]
    begin: int
    parent: int
    inner: tuple[int, int] = (0, 0)
    end: int = 0
    text: str = ""


def elements(data: bytes) -> list[Element]:
    """Return the elements in the order of their beginnings; ``parent`` is an index, -1 for the root.

    :raises ValueError: not well-formed, another encoding, a document type definition, or too many elements
    """
    reader = _Reader(data)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return reader.found


class _Reader:
    """Notes where elements begin and end while expat reads."""

    def __init__(self, data: bytes) -> None:
        self.found: list[Element] = []
        self._open: list[int] = []
        self._data = data
        self.parser = expat.ParserCreate("utf-8", " ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._begins, self._ends
        self.parser.CharacterDataHandler, self.parser.StartDoctypeDeclHandler = self._says, self._typed
        self.parser.XmlDeclHandler = self._declares

    def _begins(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.found) >= _MOST_ELEMENTS:
            raise ValueError("too many elements")
        parent = self._open[-1] if self._open else -1
        self.found.append(Element(name, attributes, self.parser.CurrentByteIndex, parent))
        self._open.append(len(self.found) - 1)

    def _ends(self, _name: str) -> None:
        one, at = self.found[self._open.pop()], self.parser.CurrentByteIndex
        opened = _tag_end(self._data, one.begin)
        if self._data[opened - 2 : opened] == b"/>":
            one.inner, one.end = (opened, opened), opened
        else:
            one.inner, one.end = (opened, at), _tag_end(self._data, at)

    def _says(self, text: str) -> None:
        if self._open:
            self.found[self._open[-1]].text += text

    @staticmethod
    def _typed(*_: object) -> None:
        raise ValueError("a document type definition")

    @staticmethod
    def _declares(_version: str, encoding: str | None, _alone: int) -> None:
        if encoding and encoding.lower() != "utf-8":
            raise ValueError(f"encoding {encoding}")


def _tag_end(data: bytes, begin: int) -> int:
    """Return where a tag ends; a ``>`` may stand within quotes."""
    quote = 0
    for at in range(begin, len(data)):
        sign = data[at]
        if quote:
            quote = 0 if sign == quote else quote
        elif sign in b"\"'":
            quote = sign
        elif sign == ord(">"):
            return at + 1
    raise ValueError("a tag without end")


def patched(data: bytes, pieces: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Return the document with pieces (from, to, new octets) replaced; they must not overlap."""
    out, at = [], 0
    for begin, end, new in sorted(pieces, key=lambda piece: piece[:2]):
        if begin < at:
            raise ValueError("pieces overlap")
        out += [data[at:begin], new]
        at = end
    return b"".join((*out, data[at:]))
