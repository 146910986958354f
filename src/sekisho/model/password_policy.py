"""Which passwords are taken: long enough and not to be guessed from what everybody knows. No rules of composition.

Known words, names of this account and this host, runs (1234, qwer, aaaa), years and repetitions are struck out; what is
left must still hold some different characters. So "Sekisho2026Admin" fails and a sentence passes.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from sekisho.language import Text

_LEET = str.maketrans("013457@$!|", "oleastasii")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_RUN = 4
_SHORTEST_NAME = 3


class Fault(StrEnum):
    """Why a password is not taken."""

    SHORT = "short"
    LONG = "long"
    KNOWN = "known"
    NAMES = "names"
    SAME = "same"

    @property
    def text(self) -> Text:
        """What is said to the person; ``{least}`` and ``{longest}`` are the policy's."""
        return _TEXTS[self]


_TEXTS = {
    Fault.SHORT: Text(ja="{least}文字以上にする", en="use at least {least} characters"),
    Fault.LONG: Text(ja="{longest}文字以下にする", en="use at most {longest} characters"),
    Fault.KNOWN: Text(
        ja="よく使われる言葉、連番、繰り返しがほとんどなので、推測されやすい",
        en="it is made of well-known words, runs or repetitions, and easy to guess",
    ),
    Fault.NAMES: Text(
        ja="利用者名やこの機器の名前がほとんどなので、推測されやすい",
        en="it is made of your name or this host's name, and easy to guess",
    ),
    Fault.SAME: Text(ja="前と同じパスワードである", en="it is the password you have now"),
}


class PasswordPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lengths, the known words (folded, at least four characters each) and the rows of keyboards.

    :ivar rest: how many different characters must be left when all that is known is struck out
    """

    least: int
    longest: int
    rest: int
    words: tuple[str, ...]
    rows: tuple[str, ...]


def normal(password: str) -> str:
    """Return the form that is hashed: the same on every keyboard that types the same characters."""
    return unicodedata.normalize("NFKC", password)


def faults(password: str, names: Iterable[str], policy: PasswordPolicy) -> tuple[Fault, ...]:
    """Return why a password is not taken; nothing when it is. ``names`` are the account's, the host's and the like."""
    text = normal(password)
    if len(text) < policy.least:
        return (Fault.SHORT,)
    if len(text) > policy.longest:
        return (Fault.LONG,)
    folded = _unit(text.casefold())
    known = _struck(folded, policy.words) | _runs(folded, policy.rows)
    if _left(folded, known) < policy.rest:
        return (Fault.KNOWN,)
    parts = {part for name in names for part in (_plain(name), *map(_plain, re.split(r"[\W_]+", name)))}
    own = _struck(folded, tuple(one for one in parts if len(one) >= _SHORTEST_NAME))
    return (Fault.NAMES,) if _left(folded, known | own) < policy.rest else ()


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _unit(text: str) -> str:
    """Return what a repetition repeats: "abcabcab" is "abc"; anything else is itself."""
    for period in range(1, len(text) // 2 + 1):
        if text[period:] == text[:-period]:
            return text[:period]
    return text


def _struck(text: str, words: Iterable[str]) -> set[int]:
    """Return the places in ``text`` that belong to one of ``words``, also written with digits for letters."""
    found: set[int] = set()
    for written in {text, text.translate(_LEET)}:
        for word in words:
            at = written.find(word)
            while at >= 0:
                found.update(range(at, at + len(word)))
                at = written.find(word, at + 1)
    return found


def _runs(text: str, rows: Iterable[str]) -> set[int]:
    found = {place for match in _YEAR.finditer(text) for place in range(*match.span())}
    lines = [line for row in rows for line in (row, row[::-1])]
    for at in range(len(text) - _RUN + 1):
        piece = text[at : at + _RUN]
        steps = {ord(two) - ord(one) for one, two in itertools.pairwise(piece)}
        if steps in ({0}, {1}, {-1}) or any(piece in line for line in lines):
            found.update(range(at, at + _RUN))
    return found


def _left(text: str, struck: set[int]) -> int:
    return len({sign for at, sign in enumerate(text) if at not in struck and not sign.isspace()})
