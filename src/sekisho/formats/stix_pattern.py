"""The grammar of STIX 2.1 patterns (STIX 2.1, part 9): whether a text is one. What it means is told elsewhere.

Simple patterns, nearly all there are, are known by one look; the others are read token by token.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, NoReturn

DEEPEST = 64
LONGEST = 32_768
_KEPT = "AND|OR|NOT|FOLLOWEDBY|LIKE|MATCHES|ISSUPERSET|ISSUBSET|EXISTS|LAST|IN|START|STOP|SECONDS|true|false|WITHIN|REPEATS|TIMES"
_TEXT = r"'(?:[^'\\]|\\['\\])*'"
_NAME = rf"(?!(?:{_KEPT})(?![A-Za-z0-9_]))[A-Za-z_][A-Za-z0-9_]*"
_KIND = rf"(?!(?:{_KEPT})(?![A-Za-z0-9_-]))[A-Za-z_][A-Za-z0-9_-]*"
_STEP = rf"\s*\.\s*(?:{_NAME}|{_TEXT})|\s*\[\s*(?:\*|\+?(?:0|[1-9][0-9]*))\s*\]"
_PATH = rf"{_KIND}\s*:\s*(?:{_NAME}|{_TEXT})(?:{_STEP})*"
_TEST = rf"{_PATH}\s*=\s*(?:{_TEXT}|0|[1-9][0-9]*)"
_SIMPLE = re.compile(rf"\s*\[\s*{_TEST}(?:\s+(?:AND|OR)\s+{_TEST})*\s*\]\s*", re.ASCII)
_TOKEN = re.compile(
    rf"""(?P<gap>(?:\s|/\*(?:[^*]|\*(?!/))*\*/|//[^\r\n]*)+)
    |(?P<time>t'\d{{4}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?Z')
    |(?P<hex>h'(?:[0-9A-Fa-f]{{2}})*')|(?P<binary>b'[A-Za-z0-9+/]*={{0,2}}')
    |(?P<text>{_TEXT})
    |(?P<path>{_PATH})
    |(?P<fraction>[+-]?[0-9]*\.[0-9]+)|(?P<whole>[+-]?(?:0|[1-9][0-9]*)(?![0-9.]))
    |(?P<word>[A-Za-z]+)
    |(?P<mark><=|>=|<>|!=|==|[=<>()\[\],])""",
    re.ASCII | re.VERBOSE,
)
_ORDERED = frozenset({"text", "time", "hex", "binary", "fraction", "whole"})
_SAME = frozenset({"=", "==", "!=", "<>"})
_ORDER = frozenset({"<", ">", "<=", ">="})
_LIKE = frozenset({"LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"})
_QUALIFIERS = frozenset({"START", "WITHIN", "REPEATS"})
_END = "end"


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _FaultError(Exception):
    pass


def fault_of(pattern: str) -> str:
    """Return what is wrong with a pattern, and where (signs from its beginning); empty when it is one."""
    if len(pattern) > LONGEST:
        return f"longer than {LONGEST} signs"
    if _SIMPLE.fullmatch(pattern):
        return ""
    try:
        _Reader(_tokens(pattern)).whole()
    except _FaultError as fault:
        return str(fault)
    return ""


def _tokens(pattern: str) -> Iterator[_Token]:
    at = 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            raise _FaultError(f"at {at}: {pattern[at : at + 20]!r} is no part of a pattern")
        kind = str(match.lastgroup)
        if kind == "binary" and not _is_base64(match[0][2:-1]):
            raise _FaultError(f"at {at}: no base64")
        if kind != "gap":
            yield _Token(kind, match[0], at)
        at = match.end()
    yield _Token(_END, "", at)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True


class _Reader:
    """Reads tokens by the grammar; what is wrong ends it."""

    def __init__(self, tokens: Iterator[_Token]) -> None:
        self._tokens = tokens
        self._now = next(tokens)
        self._depth = 0

    def whole(self) -> None:
        """Read all of it."""
        self._observations()
        if self._now.kind != _END:
            self._refuse("the end")

    def _on(self) -> None:
        if self._now.kind != _END:
            self._now = next(self._tokens)

    def _refuse(self, wanted: str) -> NoReturn:
        raise _FaultError(f"at {self._now.at}: {self._now.text[:20]!r} instead of {wanted}")

    def _take(self, *texts: str) -> bool:
        """Pass over a word or sign when it is the next one; texts of the pattern are never words."""
        found = self._now.kind in {"word", "mark"} and self._now.text in texts
        if found:
            self._on()
        return found

    def _must(self, text: str) -> None:
        if not self._take(text):
            self._refuse(text)

    def _one_of(self, kinds: frozenset[str], wanted: str) -> None:
        if self._now.kind not in kinds:
            self._refuse(wanted)
        self._on()

    def _inside(self, part: Callable[[], None], end: str) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _FaultError(f"at {self._now.at}: nested too deeply")
        part()
        self._must(end)
        self._depth -= 1

    def _observations(self) -> None:
        """Observations joined by FOLLOWEDBY, OR and AND: which binds first makes no difference to whether it is one."""
        self._observation()
        while self._take("FOLLOWEDBY", "OR", "AND"):
            self._observation()

    def _observation(self) -> None:
        if self._take("("):
            self._inside(self._observations, ")")
        else:
            self._must("[")
            self._inside(self._comparisons, "]")
        told: set[str] = set()
        while (word := self._now.text) in _QUALIFIERS:
            if word in told:
                self._refuse("each kind of qualifier once")
            told.add(word)
            self._qualifier()

    def _qualifier(self) -> None:
        if self._take("START"):
            self._one_of(frozenset({"time"}), "a time such as t'2026-11-21T00:00:00Z'")
            self._must("STOP")
            self._one_of(frozenset({"time"}), "a time such as t'2026-11-21T00:00:00Z'")
        elif self._take("WITHIN"):
            self._positive(frozenset({"whole", "fraction"}))
            self._must("SECONDS")
        else:
            self._must("REPEATS")
            self._positive(frozenset({"whole"}))
            self._must("TIMES")

    def _positive(self, kinds: frozenset[str]) -> None:
        if self._now.text.startswith("-"):
            self._refuse("a number that isn't negative")
        self._one_of(kinds, "a number")

    def _comparisons(self) -> None:
        self._comparison()
        while self._take("AND", "OR"):
            self._comparison()

    def _comparison(self) -> None:
        if self._take("("):
            self._inside(self._comparisons, ")")
            return
        denied = self._take("NOT")
        if self._take("EXISTS"):
            self._one_of(frozenset({"path"}), "a property such as ipv4-addr:value")
            return
        if denied:
            self._refuse("EXISTS")
        self._one_of(frozenset({"path"}), "a property such as ipv4-addr:value")
        self._take("NOT")
        if self._take(*_SAME):
            self._literal()
        elif self._take(*_ORDER):
            self._one_of(_ORDERED, "a value that has an order")
        elif self._take(*_LIKE):
            self._one_of(frozenset({"text"}), "a text")
        elif self._take("IN"):
            self._must("(")
            if not self._take(")"):
                self._inside(self._set, ")")
        else:
            self._refuse("a comparison")

    def _set(self) -> None:
        self._literal()
        while self._take(","):
            self._literal()

    def _literal(self) -> None:
        if not self._take("true", "false"):
            self._one_of(_ORDERED, "a value")
