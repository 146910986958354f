"""S/MIME: a certificate that may be encrypted to, and the encrypted content. RSA alone: nothing else can be sealed to here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sekisho.model.sealing import KeyState

_LEAST_BITS = 2048
_KIND = "smime"


def state(text: str, address: str, now: int, revoked: Sequence[Path]) -> KeyState:
    """Return whether a certificate (PEM) may be used for an address at a moment (milliseconds)."""
    if "PRIVATE KEY" in text:
        return KeyState(_KIND, reason="secret-key")
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError as fault:
        return KeyState(_KIND, reason="not-a-key", detail=str(fault)[:200])
    if len(found) != 1:
        return KeyState(_KIND, reason="several-keys")
    one = found[0]
    name = hashlib.sha256(one.public_bytes(Encoding.DER)).hexdigest()
    ends = int(one.not_valid_after_utc.timestamp() * 1000)
    reason, detail = _fault(one, address, datetime.fromtimestamp(now / 1000, UTC), revoked)
    return KeyState(_KIND, name, ends, reason, detail)


def encrypted(inside: bytes, text: str) -> bytes:
    """Return the content with its MIME head, encrypted (AES-256) to a certificate that `state` has found good."""
    (one,) = x509.load_pem_x509_certificates(text.encode())
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(inside).add_recipient(one)
    made = builder.set_content_encryption_algorithm(AES256).encrypt(
        Encoding.SMIME, [pkcs7.PKCS7Options.Binary]
    )
    return made.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _fault(one: x509.Certificate, address: str, now: datetime, revoked: Sequence[Path]) -> tuple[str, str]:
    """Return why it isn't used, with a detail; two empty texts when it is."""
    if now >= one.not_valid_after_utc:
        return "expired", f"{one.not_valid_after_utc:%Y-%m-%d}"
    if now < one.not_valid_before_utc:
        return "not-yet", f"{one.not_valid_before_utc:%Y-%m-%d}"
    try:
        key, names = one.public_key(), _addresses(one)
        usable = _usable(one)
    except ValueError as fault:
        return "not-a-key", str(fault)[:200]
    if not isinstance(key, RSAPublicKey) or not usable:
        return "cannot-encrypt", "" if usable else "keyUsage"
    if key.key_size < _LEAST_BITS:
        return "too-weak", f"RSA {key.key_size}"
    if names and address.lower() not in names:
        return "wrong-address", ", ".join(sorted(names))[:200]
    return _listed(one, now, revoked)


def _usable(one: x509.Certificate) -> bool:
    """Say whether its extensions allow to encrypt a mail's key to it (RFC 8550, 4.4.2 and 4.4.4); none forbid nothing."""
    for extension in one.extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage) and not value.key_encipherment:
            return False
        if isinstance(value, x509.ExtendedKeyUsage) and not (
            {ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(value)
        ):
            return False
    return True


def _addresses(one: x509.Certificate) -> set[str]:
    found = {str(some.value).lower() for some in one.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)}
    for extension in one.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            found |= {some.lower() for some in extension.value.get_values_for_type(x509.RFC822Name)}
    return found


def _listed(one: x509.Certificate, now: datetime, revoked: Sequence[Path]) -> tuple[str, str]:
    """Look into the lists of its authority; one that can't be read, or is out of date, tells nothing: no mail then."""
    for file in revoked:
        try:
            octets = file.read_bytes()
            load = x509.load_pem_x509_crl if octets.lstrip().startswith(b"-----") else x509.load_der_x509_crl
            crl = load(octets)
        except (OSError, ValueError) as fault:
            return "crl-unreadable", f"{file.name}: {fault}"[:200]
        if crl.issuer != one.issuer:
            continue
        if crl.get_revoked_certificate_by_serial_number(one.serial_number) is not None:
            return "revoked", file.name
        if crl.next_update_utc is not None and now >= crl.next_update_utc:
            return "crl-stale", f"{file.name}: {crl.next_update_utc:%Y-%m-%d}"
    return "", ""
