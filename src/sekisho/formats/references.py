"""Reference numbers of notices: 16 signs of Crockford's base 32, in the order of time, easy to say on the telephone.

Ten signs are milliseconds of the epoch (48 bits), six are chance (30 bits). No I, L, O or U: nobody mistakes a sign.
"""

from __future__ import annotations

import re

_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME, _CHANCE, _GROUP = 10, 6, 4
_FORM = re.compile(f"[{_SIGNS}]{{{_TIME + _CHANCE}}}")
_MISREAD = str.maketrans("ILO", "110")
CHANCE_BITS = 5 * _CHANCE


def reference(milliseconds: int, chance: int) -> str:
    """Return the reference of that moment; ``chance`` gives `CHANCE_BITS` bits."""
    return _signs(milliseconds, _TIME) + _signs(chance, _CHANCE)


def shown(identifier: str) -> str:
    """Return a reference in groups of four, as people read it."""
    return "-".join(identifier[at : at + _GROUP] for at in range(0, len(identifier), _GROUP))


def typed(text: str) -> str:
    """Return the reference that somebody typed (small letters, hyphens, O for 0 …); other text as it stands."""
    plain = re.sub(r"[\s-]", "", text).upper().translate(_MISREAD)
    return plain if _FORM.fullmatch(plain) else text


def shown_or_same(text: str) -> str:
    """Return a reference in groups of four, and any other text as it stands."""
    return shown(text) if _FORM.fullmatch(text) else text


def _signs(number: int, count: int) -> str:
    return "".join(_SIGNS[(number >> (5 * place)) & 31] for place in reversed(range(count)))
