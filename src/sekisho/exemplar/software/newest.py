"""Which version is the newest: asked by the device, and published for people on the Web.

The maker publishes one static JSON document (`publish` makes it) at an address printed in the manual:
`{"statement": "<JSON text>", "signature": "<hex>"}`. The statement has model, version, sha256 of the
image, page. A person reads it with a browser; the device reads it too and checks the signature with
the key that checks its software. Whoever controls the line can hide a new version, but cannot invent one.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sekisho.exemplar.software.image import ImageError, Version

_CONTEXT: Final = b"sekisho exemplar newest version\0"
_LIMIT: Final = 64 * 1024
_TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Newest:
    """The answer: `state` is newest, newer-exists or unknown; `reason` says why it is unknown."""

    state: str
    version: str | None = None
    reason: str | None = None


NOT_ASKED: Final = Newest("unknown", reason="not-asked")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The maker's address is fixed; whoever answers there must not send us elsewhere."""

    def redirect_request(self, *_: object) -> None:
        return None


def publish(model: str, version: str, sha256: str, page: str, key: Ed25519PrivateKey) -> bytes:
    """Make the document for the maker's Web server."""
    # duty: JP25-3a the same answer, signed, for the maker's Web page
    statement = json.dumps(
        {"model": model, "version": str(Version.parse(version)), "sha256": sha256, "page": page}
    )
    signature = key.sign(_CONTEXT + statement.encode()).hex()
    return json.dumps({"statement": statement, "signature": signature}, indent=1).encode()


def judge(document: bytes, key: Ed25519PublicKey, model: str, running: Version) -> Newest:
    """Compare a published document with the running version; never raises for a bad document."""
    try:
        outer = json.loads(document)
        statement = str(outer["statement"])
        key.verify(bytes.fromhex(str(outer["signature"])), _CONTEXT + statement.encode())
        inner = json.loads(statement)
        if inner["model"] != model:
            return Newest("unknown", reason="wrong-model")
        version = Version.parse(inner["version"])
    except (InvalidSignature, ImageError):
        return Newest("unknown", reason="bad-signature")
    except (ValueError, KeyError, TypeError):
        return Newest("unknown", reason="not-a-statement")
    return Newest("newer-exists" if version > running else "newest", str(version))


def ask(url: str | None, key: Ed25519PublicKey, model: str, running: Version) -> Newest:
    """Fetch the maker's document and judge it. Blocks for a few seconds at most; never raises."""
    # duty: JP25-3a the device itself says whether its software is the newest
    if not url or not url.startswith(("http://", "https://")):
        return Newest("unknown", reason="no-address")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)
    try:
        with opener.open(url, timeout=_TIMEOUT) as answer:
            document = answer.read(_LIMIT + 1)
    except (OSError, http.client.HTTPException, ValueError):
        return Newest("unknown", reason="unreachable")
    return judge(document[:_LIMIT], key, model, running)
