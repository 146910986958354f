"""Keyed permutations of the numbers below 2**bits: what a pseudonym within a prefix is made of.

All of them take their randomness from AES used as a pseudorandom function, with a key of their own for each name
(HMAC-SHA-256 of the master key), so that what is learnt about one prefix says nothing about another:

- `shuffled`: the order of the pseudorandom numbers of all values. As good as the function itself, for any size,
  but it needs a table; used up to 2**24 values.
- `feistel`: ten rounds of a Feistel network in the manner of NIST SP 800-38G; needs no table. Used above, where its
  weakness on tiny domains does not matter.
- `preserved`: two values that share their first n bits share the first n bits of their images (the construction of
  Crypto-PAn, Xu et al. 2002). It hides less: whoever knows one pair learns the neighbourhood of it.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Numbers = npt.NDArray[np.uint64]

KEY_BYTES = 32
TABLE_BITS = 24
_ROUNDS = 10
_CHUNK = 1 << 18


class Prf:
    """A pseudorandom function of (label, number) → 64 bits: AES-256 over one block each."""

    def __init__(self, key: bytes, name: str) -> None:
        """Derive the function called ``name`` from the 32 octets of ``key``."""
        own = hmac.new(key, b"sekisho pseudonym 1\0" + name.encode(), hashlib.sha256).digest()
        # Single blocks that never repeat, used as a function: nothing is encrypted here.
        self._cipher = Cipher(algorithms.AES(own), modes.ECB())  # noqa: S305

    def __call__(self, label: int, values: Numbers) -> Numbers:
        """Return 64 pseudorandom bits for each of ``values``, other ones for another ``label``."""
        found = np.empty(len(values), np.uint64)
        encryptor = self._cipher.encryptor()
        for start in range(0, len(values), _CHUNK):
            part = values[start : start + _CHUNK]
            blocks = np.empty((len(part), 2), "<u8")
            blocks[:, 0] = label
            blocks[:, 1] = part
            out = np.frombuffer(encryptor.update(blocks.data.cast("B")), "<u8")
            found[start : start + _CHUNK] = out[::2]
        return found


def shuffled(prf: Prf, bits: int) -> Numbers:
    """Return the images of 0 … 2**bits - 1 as a table: the stable order of their pseudorandom numbers.

    The numbers are sorted with their places in the low bits, several times quicker than an order of places; where the
    bits that are left are equal (some hundred pairs of 2**24), the whole numbers decide.
    """
    places, low = np.arange(1 << bits, dtype=np.uint64), _mask(bits)
    drawn = prf(0, places)
    keys = (drawn & ~low) | places
    keys.sort()
    order = keys & low
    keys >>= np.uint64(bits)
    for begin, end in _runs(keys):
        part = order[begin:end]
        order[begin:end] = part[np.argsort(drawn[part], kind="stable")]
    return order


def _runs(keys: Numbers) -> list[tuple[int, int]]:
    """Return where equal ones of sorted keys begin and end."""
    same = np.flatnonzero(keys[1:] == keys[:-1])
    if not len(same):
        return []
    breaks = np.flatnonzero(np.diff(same) > 1) + 1
    return [(int(run[0]), int(run[-1]) + 2) for run in np.split(same, breaks)]


def preserved_table(prf: Prf, bits: int) -> Numbers:
    """Return what `preserved` gives for 0 … 2**bits - 1, with one call of the function for each node of the tree."""
    image = np.zeros(1, np.uint64)
    for level in range(bits):
        flip = prf(level, np.arange(1 << level, dtype=np.uint64)) & np.uint64(1)
        below = np.empty(2 << level, np.uint64)
        below[0::2] = (image << np.uint64(1)) | flip
        below[1::2] = (image << np.uint64(1)) | (flip ^ np.uint64(1))
        image = below
    return image


def feistel(prf: Prf, values: Numbers, bits: int, *, back: bool = False) -> Numbers:
    """Return the images of ``values`` (below 2**bits, 2 ≤ bits ≤ 64), or their origins with ``back``."""
    low = bits - bits // 2
    widths = (_mask(bits // 2), _mask(low))
    left, right = values >> np.uint64(low), values & widths[1]
    for number in reversed(range(_ROUNDS)) if back else range(_ROUNDS):
        width = widths[number % 2]
        if back:
            left, right = right ^ (prf(number, left) & width), left
        else:
            left, right = right, left ^ (prf(number, right) & width)
    return (left << np.uint64(low)) | right


def preserved(prf: Prf, values: Numbers, bits: int, *, back: bool = False) -> Numbers:
    """Return the prefix-preserving images of ``values`` (below 2**bits, bits ≤ 64), or their origins with ``back``."""
    one = np.uint64(1)
    origin, image = np.zeros_like(values), np.zeros_like(values)
    for level in range(bits):
        given = (values >> np.uint64(bits - 1 - level)) & one
        other = given ^ (prf(level, origin) & one)
        origin = (origin << one) | (other if back else given)
        image = (image << one) | (given if back else other)
    return origin if back else image


def _mask(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)
