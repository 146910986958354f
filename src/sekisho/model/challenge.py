"""Challenges of passkeys without a table: a nonce and an end under a MAC, for one purpose.

Nothing is stored when one is handed out, so nobody can fill anything up by asking; only those that served are kept.
"""

from __future__ import annotations

import hashlib
import hmac

_NONCE, _END, _MAC = 16, 8, 32
NONCE_BYTES = _NONCE


def challenge(key: bytes, purpose: str, nonce: bytes, expires: int) -> bytes:
    """Return a challenge for ``purpose`` that ends at ``expires`` (milliseconds); ``nonce`` has `NONCE_BYTES`."""
    body = nonce + expires.to_bytes(_END, "big")
    return body + _mac(key, purpose, body)


def expiry(key: bytes, purpose: str, given: bytes, at: int) -> int | None:
    """Return when a challenge ends; None when it isn't ours, is for something else, or has ended."""
    body, mac = given[: _NONCE + _END], given[_NONCE + _END :]
    if len(given) != _NONCE + _END + _MAC or not hmac.compare_digest(mac, _mac(key, purpose, body)):
        return None
    end = int.from_bytes(body[_NONCE:], "big")
    return end if at < end else None


def _mac(key: bytes, purpose: str, body: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + body, hashlib.sha256)
