"""Rules by which a code may follow from public values or from another unit's code; pure.

The thresholds keep chance out: six equal characters in a row between a random code and one of the about
hundred forms of a value happen in less than one of ten thousand codes even when only digits are used.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

#: A shared run this long shows a derivation whatever the rest of the code is.
LONG_RUN = 6
#: A shorter run shows one when it makes up this share of the code.
SHORT_RUN = 4
SHARE = 0.75
#: A piece of a digest: at its start or end from this length, anywhere from the other.
DIGEST_END = 6
DIGEST_PART = 8
#: Neighbouring units whose codes differ by no more than this count.
NEAR = 16
_HEX_MAC = 12
_COMMON_SHARE = 0.5


def derivation(code: str, public: Mapping[str, str]) -> str:
    """Return the rule by which ``code`` follows from one of the ``public`` values, or an empty string."""
    plain = _plain(code)
    if not plain:
        return ""
    for name, value in public.items():
        for how, form in _forms(name, value):
            if plain == form:
                return f"{name} {how}"
            run = _longest_run(plain, form)
            if run >= LONG_RUN or (run >= SHORT_RUN and run >= SHARE * len(plain)):
                return f"{name} {how}, {run} characters"
        for how, digest in _digests(name, value):
            if _piece(code, digest):
                return f"{how} of {name}"
    return ""


def pattern(codes: Sequence[str], serials: Sequence[str]) -> str:
    """Return the rule that connects different units' codes, or an empty string."""
    different = list(dict.fromkeys(codes))
    if len(different) < 2:  # noqa: PLR2004  # equal codes are another fact
        return ""
    for base, sign in ((10, r"[0-9]+"), (16, r"[0-9a-fA-F]+"), (36, r"[0-9a-zA-Z]+")):
        if all(re.fullmatch(sign, code) for code in different):
            numbers = [int(code, base) for code in different]
            if any(abs(after - before) <= NEAR for before, after in pairwise(sorted(numbers))):
                return f"counter (base {base})"
            if _moves_with(codes, serials, base):
                return f"serial number plus a constant (base {base})"
    for one, other in pairwise(different):
        shared = _shared_ends(one, other)
        if shared >= SHORT_RUN and shared >= _COMMON_SHARE * max(len(one), len(other)):
            return f"{shared} characters in common"
    return ""


def _plain(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.lower())


def _forms(name: str, value: str) -> Iterator[tuple[str, str]]:
    """Yield each form of a public value that a code is compared with."""
    plain = _plain(value)
    if not plain:
        return
    yield "itself", plain
    yield "reversed", plain[::-1]
    if name == "mac":
        octets = [plain[at : at + 2] for at in range(0, len(plain), 2)]
        yield "octets reversed", "".join(reversed(octets))
    if re.fullmatch(r"[0-9a-f]+", plain) and (name == "mac" or not plain.isdigit()):
        yield from _numbers("hexadecimal", plain, 16)
    digits = re.sub(r"\D", "", value)
    if name != "mac" and digits:
        yield from _numbers("decimal", digits, 10)
    for step in (1, -1) if name == "mac" and len(plain) == _HEX_MAC else ():
        number = (int(plain, 16) + step) % (1 << 48) if re.fullmatch(r"[0-9a-f]+", plain) else 0
        yield f"{step:+d}", f"{number:012x}"


def _numbers(kind: str, digits: str, base: int) -> Iterator[tuple[str, str]]:
    """Yield the value and its ends as numbers in the other base, also one more and one less."""
    for length in dict.fromkeys((len(digits), 8, 6)):
        if length > len(digits):
            continue
        number = int(digits[-length:], base)
        for step in (0, 1, -1):
            if number + step < 0:
                continue
            other = f"{number + step:d}" if base == 16 else f"{number + step:x}"  # noqa: PLR2004  # the base
            if len(other) >= SHORT_RUN:
                yield f"{kind} converted{f' {step:+d}' if step else ''}", other
            if base == 10 and step:  # noqa: PLR2004  # the base
                yield f"{step:+d}", str(number + step).zfill(length)


def _digests(name: str, value: str) -> Iterator[tuple[str, str]]:
    plain = re.sub(r"[^0-9A-Za-z]", "", value)
    sources: dict[str, bytes] = {}
    for text in (value, value.lower(), value.upper(), plain, plain.lower(), plain.upper()):
        sources.setdefault(text, text.encode())
    if name == "mac" and re.fullmatch(r"[0-9A-Fa-f]{12}", plain):
        sources["bytes"] = bytes.fromhex(plain)
        pairs = [plain[at : at + 2] for at in range(0, _HEX_MAC, 2)]
        for mark in (":", "-"):
            for text in (mark.join(pairs).lower(), mark.join(pairs).upper()):
                sources.setdefault(text, text.encode())
    for source in sources.values():
        for kind in ("md5", "sha1", "sha256"):
            digest = hashlib.new(kind, source, usedforsecurity=False).digest()
            yield f"{kind} in hexadecimal", digest.hex()
            yield f"{kind} in base64", base64.b64encode(digest).decode().rstrip("=")
            yield f"{kind} in base64", base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _piece(code: str, digest: str) -> bool:
    """Tell whether ``code`` is a piece of ``digest``; a hexadecimal one in any case of letters."""
    if re.fullmatch(r"[0-9a-f]+", digest):
        code = code.lower()
    if len(code) >= DIGEST_PART:
        return code in digest
    return len(code) >= DIGEST_END and (digest.startswith(code) or digest.endswith(code))


def _longest_run(one: str, other: str) -> int:
    """Return the length of the longest run of characters that both have."""
    best = 0
    for start in range(len(one)):
        while one[start : start + best + 1] in other and start + best < len(one):
            best += 1
    return best


def _moves_with(codes: Sequence[str], serials: Sequence[str], base: int) -> bool:
    tails = [re.search(r"([0-9]+)\D*$", serial) for serial in serials]
    numbers = [int(tail[1]) for tail in tails if tail]
    if len(numbers) != len(codes):
        return False
    distances = {int(code, base) - number for code, number in zip(codes, numbers, strict=True)}
    return len(distances) == 1


def _shared_ends(one: str, other: str) -> int:
    return _same(one, other) + _same(one[::-1], other[::-1])


def _same(one: Iterable[str], other: Iterable[str]) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
