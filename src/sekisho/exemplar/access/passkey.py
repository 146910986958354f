"""Passkeys: the equivalent measure (これに準ずる措置, JP25-2e), by WebAuthn with ES256 or Ed25519.

Nothing that could be guessed or reused exists: the terminal keeps a public key. What is checked is the
list of W3C WebAuthn Level 2, sections 7.1 and 7.2, for attestation `none` with user verification
required. The browser hands over the public key as SubjectPublicKeyInfo (`getPublicKey()`) and the
authenticator data as bytes, so that no CBOR decoder is needed here; that the key is the one in the
authenticator data is checked by looking for its bytes there.

Challenges are not stored, so nobody can crowd them out: a challenge is a nonce and an expiry under a
MAC with a key made at boot, and only the nonces of *successful* sign-ins are remembered until they expire.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypedDict

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

LIFETIME = 120.0
_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


class PasskeyError(ValueError):
    """A registration or an assertion is not what it must be; the text names the failed check."""


class Passkey(TypedDict):
    """A registered credential as it is stored: identifier and key in base64url, signature counter."""

    id: str
    key: str
    count: int
    name: str


def encode(data: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: object) -> bytes:
    """Read base64url without padding; raises PasskeyError."""
    if not isinstance(text, str) or len(text) > 8192:
        raise PasskeyError("not base64url")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise PasskeyError("not base64url") from error


@dataclass
class Challenges:
    """Challenges without a table; `clock` gives monotonic seconds."""

    clock: Callable[[], float]
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _used: dict[bytes, float] = field(default_factory=dict)

    def _mac(self, purpose: str, body: bytes) -> bytes:
        return hmac.digest(self._secret, purpose.encode() + b"\0" + body, "sha256")

    def draw(self, purpose: str) -> str:
        """Return a fresh challenge for `purpose` (`create` or `get`), good for two minutes."""
        body = secrets.token_bytes(16) + struct.pack(">d", self.clock() + LIFETIME)
        return encode(body + self._mac(purpose, body))

    def check(self, purpose: str, challenge: bytes) -> None:
        """Raise PasskeyError unless the challenge is ours, for this purpose, fresh and unused."""
        body, mac = challenge[:24], challenge[24:]
        if len(challenge) != 56 or not hmac.compare_digest(mac, self._mac(purpose, body)):
            raise PasskeyError("challenge is not ours")
        now = self.clock()
        if struct.unpack(">d", body[16:])[0] < now:
            raise PasskeyError("challenge has expired")
        self._used = {one: end for one, end in self._used.items() if end >= now}
        if body in self._used:
            raise PasskeyError("challenge was used before")

    def spend(self, challenge: bytes) -> None:
        """Remember a challenge that has served."""
        body = challenge[:24]
        self._used[body] = struct.unpack(">d", body[16:])[0]


@dataclass
class RelyingParty:
    """What the browser must have seen: the RP ID and the origins from which pages are served."""

    identifier: str
    origins: Collection[str]
    challenges: Challenges

    def register(self, answer: dict[str, object], taken: Collection[str]) -> Passkey:
        """Check a `navigator.credentials.create()` answer and return the passkey to store.

        `answer` has id, clientDataJSON, authenticatorData, publicKey (all base64url); `taken` are the
        identifiers already registered. Raises PasskeyError.
        """
        _, challenge = self._client_data(answer, "create")
        data = decode(answer.get("authenticatorData"))
        flags = self._authenticator_data(data)
        if not flags & _ATTESTED or len(data) < 55:
            raise PasskeyError("no credential in the authenticator data")
        length = struct.unpack(">H", data[53:55])[0]
        identifier, rest = data[55 : 55 + length], data[55 + length :]
        if not 16 <= length <= 1023 or encode(identifier) != answer.get("id"):
            raise PasskeyError("credential id differs from the authenticator data")
        if encode(identifier) in taken:
            raise PasskeyError("this passkey is registered already")
        spki = decode(answer.get("publicKey"))
        if not all(part in rest for part in _key_parts(_load(spki))):
            raise PasskeyError("public key differs from the authenticator data")
        self.challenges.spend(challenge)
        count = struct.unpack(">I", data[33:37])[0]
        return Passkey(id=encode(identifier), key=encode(spki), count=count, name="")

    def verify(self, answer: dict[str, object], known: Collection[Passkey]) -> Passkey:
        """Check a `navigator.credentials.get()` answer; return the passkey with its counter moved on.

        `answer` has id, clientDataJSON, authenticatorData, signature (all base64url). Raises PasskeyError.
        """
        # duty: JP25-2e a signature over our fresh challenge by a registered key, with user verification
        passkey = next((one for one in known if one["id"] == answer.get("id")), None)
        if passkey is None:
            raise PasskeyError("unknown passkey")
        client, challenge = self._client_data(answer, "get")
        data = decode(answer.get("authenticatorData"))
        self._authenticator_data(data)
        signed = data + hashlib.sha256(client).digest()
        _verify(_load(decode(passkey["key"])), decode(answer.get("signature")), signed)
        count = struct.unpack(">I", data[33:37])[0]
        if (count or passkey["count"]) and count <= passkey["count"]:
            raise PasskeyError("signature counter went back: a copy of the authenticator exists")
        self.challenges.spend(challenge)
        return Passkey(id=passkey["id"], key=passkey["key"], count=count, name=passkey["name"])

    def _client_data(self, answer: dict[str, object], purpose: str) -> tuple[bytes, bytes]:
        raw = decode(answer.get("clientDataJSON"))
        try:
            client = json.loads(raw)
        except ValueError as error:
            raise PasskeyError("client data is not JSON") from error
        if not isinstance(client, dict) or client.get("type") != f"webauthn.{purpose}":
            raise PasskeyError("client data is of another type")
        if client.get("origin") not in self.origins or client.get("crossOrigin") is True:
            raise PasskeyError("client data comes from another origin")
        challenge = decode(client.get("challenge"))
        self.challenges.check(purpose, challenge)
        return raw, challenge

    def _authenticator_data(self, data: bytes) -> int:
        if len(data) < 37 or not hmac.compare_digest(
            data[:32], hashlib.sha256(self.identifier.encode()).digest()
        ):
            raise PasskeyError("authenticator data is for another site")
        flags = data[32]
        if not flags & _PRESENT or not flags & _VERIFIED:
            raise PasskeyError("the user was not verified")
        return flags


_Key = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


def _load(spki: bytes) -> _Key:
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PasskeyError("public key cannot be read") from error
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise PasskeyError("only ES256 and Ed25519 are accepted")


def _key_parts(key: _Key) -> tuple[bytes, ...]:
    """Return the coordinates that a COSE key holds as byte strings (RFC 9053, section 7)."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return (key.public_bytes(Encoding.Raw, PublicFormat.Raw),)
    numbers = key.public_numbers()
    return numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")


def _verify(key: _Key, signature: bytes, signed: bytes) -> None:
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        else:
            key.verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise PasskeyError("signature is wrong") from error
