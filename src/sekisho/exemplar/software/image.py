"""The firmware image: a small container that is signed before anything in it is believed.

    offset  size  content
    0       8     magic `SKIMAGE1`
    8       4     M, length of the manifest, big-endian, at most 4096
    12      64    Ed25519 signature over the magic, M and the manifest
    76      M     manifest, JSON: model, version "1.2.3", size and sha256 of the payload
    76+M    size  payload; the image ends exactly here

The signature covers the manifest and the manifest's SHA-256 covers the payload, so one changed byte
anywhere is found, and no byte stands outside of both. There is no unsigned checksum that an attacker
could repair.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

MAGIC: Final = b"SKIMAGE1"
HEAD: Final = struct.Struct(">8sI64s")
LARGEST: Final = 8 * 2**20
_MANIFEST_LIMIT: Final = 4096


class ImageError(ValueError):
    """The image is refused; the text is the identifier of the reason."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Three numbers, compared from left to right."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: object) -> Version:
        """Read "1.2.3"; raises ImageError."""
        found = (
            re.fullmatch(r"(\d{1,5})\.(\d{1,5})\.(\d{1,5})", text, re.ASCII)
            if isinstance(text, str)
            else None
        )
        if found is None:
            raise ImageError("bad-version")
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        """Write "1.2.3"."""
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True)
class Image:
    """A checked image: only `open_image` makes one."""

    model: str
    version: Version
    payload: bytes


def trusted_key(pem: bytes) -> Ed25519PublicKey:
    """Read the maker's public key; raises ValueError when it is of another kind."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 public key")  # noqa: TRY004 - the content is wrong, not the type
    return key


def open_image(data: bytes, key: Ed25519PublicKey, model: str) -> Image:
    """Check everything and return the image, or raise ImageError with the reason.

    Reasons: truncated, not-an-image, bad-signature, bad-manifest, bad-version, wrong-size, wrong-hash,
    wrong-model. Nothing of the manifest is parsed before its signature holds.
    """
    # duty: JP25-3b the whole image is checked, signature first, before one byte of it is installed
    if len(data) < HEAD.size:
        raise ImageError("truncated")
    magic, length, signature = HEAD.unpack_from(data)
    if magic != MAGIC or length > _MANIFEST_LIMIT:
        raise ImageError("not-an-image")
    text, payload = data[HEAD.size : HEAD.size + length], data[HEAD.size + length :]
    try:
        key.verify(signature, MAGIC + struct.pack(">I", length) + text)
    except InvalidSignature as error:
        raise ImageError("bad-signature") from error
    try:
        manifest = json.loads(text)
        size, digest, made_for = manifest["size"], str(manifest["sha256"]), manifest["model"]
        version = Version.parse(manifest["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise error if isinstance(error, ImageError) else ImageError("bad-manifest") from error
    if size != len(payload):
        raise ImageError("wrong-size")
    if not hmac.compare_digest(hashlib.sha256(payload).hexdigest(), digest):
        raise ImageError("wrong-hash")
    if made_for != model:
        raise ImageError("wrong-model")
    return Image(model, version, payload)


def make_image(payload: bytes, model: str, version: str, key: Ed25519PrivateKey) -> bytes:
    """Build and sign an image: the maker's side."""
    manifest = json.dumps(
        {
            "model": model,
            "version": str(Version.parse(version)),
            "size": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
    ).encode()
    signature = key.sign(MAGIC + struct.pack(">I", len(manifest)) + manifest)
    return HEAD.pack(MAGIC, len(manifest), signature) + manifest + payload
