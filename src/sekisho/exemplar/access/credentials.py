"""Codes and how they are kept: the per-unit code of the label, and scrypt hashes.

A code is never stored, only its salted scrypt hash (RFC 7914). One check costs 16 MiB and some tens of
milliseconds, so the server runs the checks one at a time in a worker and lets few wait.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

# No 0 O 1 I L U V: people read the label with the device upside down in a cupboard.
ALPHABET: Final = "ABCDEFGHJKMNPQRSTWXYZ23456789"
LENGTH: Final = 12
_COST: Final = {"n": 2**14, "r": 8, "p": 1}


def preset_code() -> str:
    """Draw the code that is printed on one unit's label: 12 of 29 characters, about 58 bits.

    It comes from the operating system's random source and from nothing else. No serial number, MAC
    address or SSID enters, so none of them helps to guess it.
    """
    # duty: JP20-2 JP25-2b JP25-2c a code of its own for every unit, derived from nothing public
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(drawn[i : i + 4] for i in range(0, LENGTH, 4))


def normal_preset(typed: str) -> str:
    """Bring a code read off the label into one form: capitals, no hyphens, no blanks."""
    return "".join(typed.upper().replace("-", " ").split())


def digest(password: str, salt: bytes | None = None) -> dict[str, str]:
    """Hash a password with a fresh salt; the result is what is stored. Blocks for tens of milliseconds."""
    salt = salt or secrets.token_bytes(16)
    text = unicodedata.normalize("NFKC", password).encode()
    # 32 MiB is what OpenSSL wants to be allowed for a cost of 16 MiB.
    hashed = hashlib.scrypt(text, salt=salt, dklen=32, maxmem=32 * 2**20, **_COST)
    return {"scheme": "scrypt-16384-8-1", "salt": salt.hex(), "hash": hashed.hex()}


def matches(password: str, stored: dict[str, str]) -> bool:
    """Compare a password with a stored hash in constant time. Blocks for tens of milliseconds."""
    fresh = digest(password, bytes.fromhex(stored["salt"]))
    return hmac.compare_digest(fresh["hash"], stored["hash"])


# What an unknown user's password is compared with, so that the answer takes as long as for a known one.
NOBODY: Final = {"scheme": "scrypt-16384-8-1", "salt": "00" * 16, "hash": "00" * 32}
