"""Keys of a member's mail, made by gpg and by cryptography, and the programs of the system that open what was sealed to them."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)


@dataclass
class Gpg:
    """A home of gpg with secret keys; short, because its sockets lie in it."""

    home: Path

    def run(self, *words: str, given: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback",
                   "--passphrase", "", *words]  # fmt: skip
        done = subprocess.run(command, input=given, capture_output=True, timeout=60, check=False, env={**os.environ, "LC_ALL": "C"})  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def key(
        self, address: str, *, until: str = "never", kind: str = "future-default", use: str = "default"
    ) -> str:
        """Make a key; return its public part, armoured. ``until`` as gpg reads it."""
        self.run("--quick-generate-key", f"Abuse desk <{address}>", kind, use, until)
        return self.public(address)

    def public(self, address: str) -> str:
        return self.run("--armor", "--export", f"<{address}>").decode()

    def revoke(self, address: str) -> str:
        """Revoke a key; return its public part with that."""
        rows = self.run("--with-colons", "--list-keys", f"<{address}>").decode().splitlines()
        fingerprint = next(row.split(":")[9] for row in rows if row.startswith("fpr"))
        told = (self.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
        self.run("--import", given=told.replace(":-----BEGIN", "-----BEGIN").encode())
        return self.public(address)

    def opened(self, message: bytes) -> bytes:
        return self.run("--decrypt", given=message)

    def end(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False, timeout=20)
        shutil.rmtree(self.home, ignore_errors=True)


class Authority:
    """Makes certificates for mails, and a list of those it revoked."""

    def __init__(self, folder: Path, now: dt.datetime) -> None:
        self.folder, self.now = folder, now
        self.key = rsa.generate_private_key(65_537, 2048)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])

    def certificate(
        self, address: str, *, days: int = 30, since: int = -1, bits: int = 2048, usage: bool = True, curve: bool = False,
        mail: bool = True,
    ) -> str:  # fmt: skip
        """Return a certificate as PEM; its key lies beside it for `opened`."""
        key = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65_537, bits)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Abuse desk")]))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + since * DAY)
            .not_valid_after(self.now + days * DAY)
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
            .add_extension(
                x509.KeyUsage(True, False, usage, False, False, False, False, False, False), critical=True
            )
        )
        if mail:
            made = made.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            )
        one = made.sign(self.key, hashes.SHA256())
        pem = one.public_bytes(Encoding.PEM).decode()
        self.last = one
        (self.folder / "member.pem").write_text(pem)
        (self.folder / "member.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return pem

    def revoked(self, *some: x509.Certificate, days: int = 7) -> Path:
        """Write the list of revoked certificates."""
        made = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        made = made.last_update(self.now - DAY).next_update(self.now + days * DAY)
        for one in some:
            gone = x509.RevokedCertificateBuilder().serial_number(one.serial_number)
            made = made.add_revoked_certificate(gone.revocation_date(self.now - DAY).build())
        file = self.folder / "crl.pem"
        file.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))
        return file

    def opened(self, message: bytes) -> bytes:
        """Return what openssl reads in a mail that was sealed to the last certificate."""
        command = ["openssl", "cms", "-decrypt", "-recip", str(self.folder / "member.pem"),
                   "-inkey", str(self.folder / "member.key")]  # fmt: skip
        done = subprocess.run(command, input=message, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout
