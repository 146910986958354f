"""HTTP authentication: challenges (RFC 9110 §11), Basic (RFC 7617), Digest (RFC 7616 and its elder RFC 2617)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

import msgspec

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - the grammar's word for a name, no secret
_PART = re.compile(rf'\s*,?\s*(?:({_TOKEN})\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)|({_TOKEN})(?=\s|,|$))')
MOST_HEADER = 8192
_HASHES = {"MD5": "md5", "MD5-SESS": "md5", "SHA-256": "sha256", "SHA-256-SESS": "sha256"}


class Challenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One challenge of WWW-Authenticate: scheme in lower case, parameters with lower-case names."""

    scheme: str
    parameters: dict[str, str] = {}

    @property
    def realm(self) -> str:
        """The protection space's name."""
        return self.parameters.get("realm", "")


def read_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Read all WWW-Authenticate headers; several challenges in one header are told apart."""
    found: list[Challenge] = []
    for header in headers:
        rest, at = header[:MOST_HEADER], 0
        while match := _PART.match(rest, at):
            at = match.end()
            if match[3]:
                found.append(Challenge(match[3].lower()))
            elif found:
                value = re.sub(r"\\(.)", r"\1", match[2][1:-1]) if match[2].startswith('"') else match[2]
                found[-1].parameters.setdefault(match[1].lower(), value)
    return tuple(found)


def basic(user: str, password: str) -> str:
    """Return the Authorization value of Basic, in UTF-8 (RFC 7617 §2.1)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def digest(
    challenge: Challenge, user: str, password: str, *, method: str, uri: str, cnonce: str, count: int = 1
) -> str | None:
    """Return the Authorization value of Digest, or None for an algorithm or qop that is not supported.

    ``count`` is the nonce count (nc) of this nonce, from 1. Without qop the reply is RFC 2069's.
    """
    given = challenge.parameters
    algorithm = given.get("algorithm", "MD5")
    name = _HASHES.get(algorithm.upper())
    offered = [one.strip().lower() for one in given.get("qop", "").split(",") if one.strip()]
    if name is None or "nonce" not in given or (offered and "auth" not in offered):
        return None

    def digested(text: str) -> str:
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

    secret = digested(f"{user}:{challenge.realm}:{password}")
    if algorithm.upper().endswith("-SESS"):
        secret = digested(f"{secret}:{given['nonce']}:{cnonce}")
    wanted = digested(f"{method}:{uri}")
    middle = f"{count:08x}:{cnonce}:auth:" if offered else ""
    response = digested(f"{secret}:{given['nonce']}:{middle}{wanted}")
    parts = [
        f'username="{_quoted(user)}"',
        f'realm="{_quoted(challenge.realm)}"',
        f'nonce="{_quoted(given["nonce"])}"',
        f'uri="{_quoted(uri)}"',
        f'response="{response}"',
    ]
    if "algorithm" in given:
        parts.append(f"algorithm={algorithm}")
    if "opaque" in given:
        parts.append(f'opaque="{_quoted(given["opaque"])}"')
    if offered:
        parts += ["qop=auth", f"nc={count:08x}", f'cnonce="{cnonce}"']
    return "Digest " + ", ".join(parts)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
