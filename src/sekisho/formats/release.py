"""A release of this program as one file: a description, its maker's signature over it, and the wheel that it names.

The first line says what it is, the second is the description (JSON), the third the Ed25519 signature (RFC 8032) of
the two before it in Base64; what follows is the wheel. The first three lines alone are a notice of the newest release.
Nothing of the wheel is believed before the signature and its SHA-256 hold.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

MAGIC = b"SEKISHO-RELEASE 1"
MOST_HEAD = 64 * 1024
MOST_OCTETS = 256 * 1024 * 1024
_VERSION = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6}){0,3}")


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the maker signs: the program, its ``version`` (numbers and dots), and the wheel's size and SHA-256."""

    name: str
    version: str
    size: int
    sha256: str


class ReleaseError(ValueError):
    """Why a file is no release that may be installed: its only argument is a stable reason id."""


def compose(name: str, version: str, wheel: bytes, private: bytes) -> bytes:
    """Return a signed release. :raises ReleaseError: ``version`` or ``key``: they are not of the right form."""
    order(version)
    try:
        key = load_pem_private_key(private, None)
    except ValueError as error:
        raise ReleaseError("key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ReleaseError("key")
    told = Release(name, version, len(wheel), hashlib.sha256(wheel).hexdigest())
    signed = MAGIC + b"\n" + msgspec.json.encode(told) + b"\n"
    return signed + b64encode(key.sign(signed)) + b"\n" + wheel


def read_head(content: bytes, keys: Iterable[bytes]) -> tuple[Release, int]:
    """Return the description, its signature proven by one of ``keys`` (PEM), and where the wheel begins.

    :raises ReleaseError: ``not-a-release``, ``key`` (a key is none), ``signature`` (by none of the keys)
    """
    lines = content[:MOST_HEAD].split(b"\n", 3)
    if len(lines) != 4 or lines[0] != MAGIC:  # noqa: PLR2004 - three lines and the rest
        raise ReleaseError("not-a-release")
    signed = lines[0] + b"\n" + lines[1] + b"\n"
    try:
        signature = b64decode(lines[2], validate=True)
    except binascii.Error as error:
        raise ReleaseError("not-a-release") from error
    if not any(_signed_by(_public(one), signature, signed) for one in keys):
        raise ReleaseError("signature")
    try:
        told = msgspec.json.decode(lines[1], type=Release)
    except msgspec.MsgspecError as error:
        raise ReleaseError("not-a-release") from error
    order(told.version)
    return told, len(signed) + len(lines[2]) + 1


def read_release(content: bytes, keys: Iterable[bytes]) -> tuple[Release, bytes]:
    """Return the description and the wheel, both proven.

    :raises ReleaseError: as `read_head`; ``incomplete``, ``altered``: the wheel is not the one that was signed
    """
    told, begin = read_head(content, keys)
    wheel = content[begin:]
    if len(wheel) < told.size:
        raise ReleaseError("incomplete")
    if len(wheel) != told.size or hashlib.sha256(wheel).hexdigest() != told.sha256:
        raise ReleaseError("altered")
    return told, wheel


def order(version: str) -> tuple[int, ...]:
    """Return what versions are compared by. :raises ReleaseError: ``version``: not numbers and dots."""
    if not _VERSION.fullmatch(version):
        raise ReleaseError("version")
    parts = [int(one) for one in version.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise ReleaseError("key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ReleaseError("key")
    return key


def _signed_by(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
