"""The console's own certificate: made on first use, signed by an authority that only this folder knows.

A browser trusts it once ``authority.pem`` was taken into it by hand; a certificate of one's own is better where there
is one. Keys are readable by their owner only. ECDSA on P-256 with SHA-256 (RFC 5480); names stand in the
subjectAltName alone (RFC 6125).
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sekisho.errors import DescriptionError, StoreError
from sekisho.language import Text

_AUTHORITY_DAYS, _LEAF_DAYS, _RENEW_DAYS = 3650, 397, 30
_SKEW = timedelta(hours=1)


def certificate_for(folder: Path, names: Sequence[str], now: int) -> tuple[Path, Path]:
    """Return the files of a certificate chain for these names and addresses, and of its key.

    It is made when it isn't there, when a name is missing in it, and thirty days before its end; the authority stays.

    :param now: milliseconds of the epoch
    :raises StoreError: the folder can't be written, or its authority is damaged
    """
    at = datetime.fromtimestamp(now / 1000, UTC)
    chain, key = folder / "console.pem", folder / "console.key"
    wanted = tuple(dict.fromkeys(name for name in names if name))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (chain.exists() and key.exists() and _good(chain.read_bytes(), wanted, at)):
            authority, authority_key = _authority(folder, at)
            leaf, leaf_key = _leaf(authority, authority_key, wanted, at)
            _keep(key, _private(leaf_key))
            _keep(chain, _public(leaf) + _public(authority))
    except (OSError, ValueError) as error:
        raise StoreError(
            Text(ja="画面の証明書を用意できない", en="the console's certificate can't be made"),
            f"{folder}: {error}",
            Text(
                ja="壊れていればフォルダーごと消して作り直す",
                en="when it is damaged, remove the folder: it is made again",
            ),
        ) from error
    return chain, key


def read_certificate(pem: bytes) -> tuple[str, int, str]:
    """Return of the first certificate in a PEM file: its SHA-256 in hex, its end in milliseconds, whose it is.

    :raises DescriptionError: there is no certificate, or a key beside it, which belongs nowhere but with its owner
    """
    if b"PRIVATE KEY" in pem:
        raise DescriptionError(
            Text(ja="秘密鍵が入っている", en="a private key is in it"),
            todo=Text(ja="証明書だけを渡す", en="give the certificate alone"),
        )
    try:
        found = x509.load_pem_x509_certificates(pem)[0]
    except ValueError as error:
        raise DescriptionError(Text(ja="証明書（PEM）ではない", en="not a certificate in PEM")) from error
    digest = found.fingerprint(hashes.SHA256()).hex()
    return digest, int(found.not_valid_after_utc.timestamp() * 1000), found.subject.rfc4514_string()[:80]


def _good(pem: bytes, names: tuple[str, ...], at: datetime) -> bool:
    leaf = x509.load_pem_x509_certificates(pem)[0]
    held = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {*held.get_values_for_type(x509.DNSName), *map(str, held.get_values_for_type(x509.IPAddress))}
    return set(names) <= known and leaf.not_valid_after_utc - at > timedelta(days=_RENEW_DAYS)


def _authority(folder: Path, at: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    file, key_file = folder / "authority.pem", folder / "authority.key"
    if file.exists() and key_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        found = x509.load_pem_x509_certificate(file.read_bytes())
        if isinstance(key, ec.EllipticCurvePrivateKey) and found.not_valid_after_utc - at > timedelta(
            days=_LEAF_DAYS
        ):
            return found, key
    made = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sekisho console authority")])
    certificate = (
        _builder(name, name, made, at, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(made, hashes.SHA256())
    )
    _keep(key_file, _private(made))
    _keep(file, _public(certificate))
    return certificate, made


def _leaf(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...],
    at: datetime,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    made = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sekisho console")])
    certificate = (
        _builder(subject, authority.subject, made, at, _LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return certificate, made


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, at: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _SKEW)
        .not_valid_after(at + timedelta(days=days))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _keep(file: Path, content: bytes) -> None:
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 - mode 0600
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
