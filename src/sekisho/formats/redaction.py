"""Keeps the terminal's own codes out of what is stored, while equal codes stay recognisable.

A known secret is looked for as it stands, percent-encoded, as a JSON and an HTML string, in hexadecimal,
in base64 (all three alignments) and in a Basic header, and replaced by a keyed digest. Codes of public
word lists are no secret and are not given to this class.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sekisho.formats.recipe import quote

SHORT = 4
_HTML = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"))


class Redactor:
    """Replaces secrets by ``«secret:<8 hex digits of HMAC-SHA-256>»``.

    ``key`` is one per assessment. A secret shorter than four characters is an ordinary word of every page,
    so it is only replaced where a value is handed over (after ``=``, ``:``, in quotes, alone on a line).
    """

    def __init__(self, key: bytes, secrets: Iterable[tuple[str, str]]) -> None:
        """Prepare one expression for all ``secrets``, pairs of user name and password."""
        self._key = key
        self._marks: dict[bytes, bytes] = {}
        patterns: dict[bytes, bytes] = {}
        for user, secret in secrets:
            if not secret:
                continue
            mark = self.mark(secret).encode()
            for form in _forms(user, secret):
                self._marks.setdefault(form, mark)
                patterns.setdefault(form, _pattern(form, secret))
        ordered = sorted(patterns, key=len, reverse=True)
        self._search = re.compile(b"|".join(patterns[form] for form in ordered)) if ordered else None

    def mark(self, secret: str) -> str:
        """Return what stands in place of ``secret``."""
        return f"«secret:{hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()[:8]}»"

    def raw(self, data: bytes) -> bytes:
        """Return ``data`` without the secrets."""
        if self._search is None:
            return data
        return self._search.sub(lambda match: self._marks[match[0]], data)

    def text(self, text: str) -> str:
        """Return ``text`` without the secrets."""
        if self._search is None:
            return text
        return self.raw(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def data(self, value: Any) -> Any:
        """Return JSON-able ``value`` with every string in it cleaned (keys as well)."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.data(key): self.data(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(one) for one in value]
        return value

    def portions(self, portions: Sequence[bytes]) -> list[bytes]:
        """Clean consecutive portions of one direction: a secret torn over several is found too.

        The digest stands where the secret began; the number of portions stays the same.
        """
        if self._search is None or not portions:
            return list(portions)
        whole = b"".join(portions)
        bounds, at = [], 0
        for portion in portions:
            at += len(portion)
            bounds.append(at)
        cleaned = [bytearray() for _ in portions]
        done = 0
        for match in self._search.finditer(whole):
            _spread(whole, done, match.start(), bounds, cleaned)
            cleaned[_index(bounds, match.start())] += self._marks[match[0]]
            done = match.end()
        _spread(whole, done, len(whole), bounds, cleaned)
        return [bytes(one) for one in cleaned]


def _spread(whole: bytes, start: int, end: int, bounds: list[int], cleaned: list[bytearray]) -> None:
    while start < end:
        index = _index(bounds, start)
        stop = min(end, bounds[index])
        cleaned[index] += whole[start:stop]
        start = stop


def _index(bounds: list[int], offset: int) -> int:
    return next(index for index, bound in enumerate(bounds) if offset < bound)


def _forms(user: str, secret: str) -> Iterable[bytes]:
    raw = secret.encode()
    yield from _basic(user, secret)
    yield raw
    yield quote(secret).encode()
    yield quote(secret).lower().encode() if "%" in quote(secret) and secret.islower() else raw
    yield quote(secret, plus=True).encode()
    yield json.dumps(secret)[1:-1].encode()
    yield json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    shown = secret
    for sign, entity in _HTML:
        shown = shown.replace(sign, entity)
    yield shown.encode()
    for charset in ("cp932", "euc_jp", "utf-16-le"):
        try:
            yield secret.encode(charset)
        except UnicodeEncodeError:
            continue
    if len(raw) >= SHORT:
        yield raw.hex().encode()
        yield raw.hex().upper().encode()
        yield from _within_base64(raw)


def _basic(user: str, secret: str) -> Iterable[bytes]:
    for charset in ("utf-8", "latin-1"):
        try:
            yield base64.b64encode(f"{user}:{secret}".encode(charset))
        except UnicodeEncodeError:
            continue


def _within_base64(raw: bytes) -> Iterable[bytes]:
    """Yield the part of the base64 text that ``raw`` alone decides, for each alignment."""
    for lead in range(3):
        coded = base64.b64encode(b"\0" * lead + raw).rstrip(b"=")
        start = (lead * 8 + 5) // 6
        certain = coded[start : (lead + len(raw)) * 8 // 6]
        if len(certain) >= SHORT:
            yield certain


def _pattern(form: bytes, secret: str) -> bytes:
    found = re.escape(form)
    if len(secret) >= SHORT or len(form) > SHORT * 2:
        return found
    return rb"(?<![^=:\"'>\s])" + found + rb"(?=[&\"'<\s,;}]|$)"
