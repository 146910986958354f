"""XML of devices, read loosely: leaf elements in order, without a parser that could be talked into work.

No DTD, no entity but the five of XML itself and numbers, no nesting limit to hit: tags are read one after
another, so unclosed, doubled and mis-nested ones cost nothing. Real devices send all of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

MOST_TEXT = 512 * 1024
MOST_TAGS = 20_000
MOST_VALUE = 2_000
_TAG = re.compile(r"<(/?)(?:[\w.-]+:)?([\w.-]+)[^<>]*?(/?)>")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


class Element(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A start tag (local name) and the text right behind it; ``closes`` for an end tag."""

    name: str
    text: str
    closes: bool


def read_elements(document: str) -> Iterator[Element]:
    """Yield the tags of ``document`` in order, prefixes dropped, at most 20,000."""
    document = _COMMENT.sub("", document[:MOST_TEXT]).replace("<![CDATA[", "").replace("]]>", "")
    tags = iter(_TAG.finditer(document))
    tag = next(tags, None)
    for _ in range(MOST_TAGS):
        if tag is None:
            return
        following = next(tags, None)
        end = following.start() if following else len(document)
        text = document[tag.end() : min(end, tag.end() + MOST_VALUE)].strip()
        yield Element(tag[2], _unescape(text), bool(tag[1]))
        tag = following


def first(document: str, name: str) -> str:
    """Return the text of the first element called ``name``, or an empty string."""
    found = (one.text for one in read_elements(document) if one.name == name and not one.closes)
    return next(found, "")


def escape(text: str) -> str:
    """Return ``text`` so that it can stand between tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescape(text: str) -> str:
    def put(match: re.Match[str]) -> str:
        if match[3]:
            return _NAMED[match[3]]
        number = int(match[1]) if match[1] else int(match[2], 16)
        return chr(number) if 0 < number < 0x11_0000 and not 0xD800 <= number < 0xE000 else "\ufffd"  # noqa: PLR2004

    return _ENTITY.sub(put, text)
