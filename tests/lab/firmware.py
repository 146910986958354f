"""Update images for the lab's updaters: the maker's good ones, and forgeries, built with openssl and cpio.

Debian's SWUpdate takes CMS signatures only, from a certificate for e-mail protection; a bare key makes it refuse all.
"""

import hashlib
import json
import random
import subprocess
import zlib
from pathlib import Path

from .flavours import NEWER_VERSION, OLDER_VERSION

_PAYLOAD_BYTES = 1 << 20


def make_certificate(directory: Path, name: str) -> Path:
    """Make a signing key and its self-signed certificate (``name``.key, ``name``.crt); return the certificate."""
    certificate = directory / f"{name}.crt"
    _run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", f"/CN=lab {name}",
         "-addext", "extendedKeyUsage=emailProtection", "-addext", "keyUsage=digitalSignature",
         "-keyout", str(directory / f"{name}.key"), "-out", str(certificate)],
        directory,
    )  # fmt: skip
    return certificate


def make_tls_identity(target: Path, address: str) -> None:
    """Write a self-signed TLS certificate with its key to one file."""
    key, certificate = target.with_suffix(".key"), target.with_suffix(".crt")
    _run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
         "-subj", "/CN=router", "-addext", f"subjectAltName=IP:{address}",
         "-keyout", str(key), "-out", str(certificate)],
        target.parent,
    )  # fmt: skip
    target.write_bytes(key.read_bytes() + certificate.read_bytes())
    key.unlink()
    certificate.unlink()


def signed_images(directory: Path) -> dict[str, Path]:
    """Build SWUpdate images signed by ``maker`` (its key lies in the directory) and their forgeries.

    :return: by name: newer, older, other_key, unsigned, flipped (payload), cut_short
    """
    make_certificate(directory, "stranger")
    images = {
        "newer": _signed_image(directory, "newer", NEWER_VERSION, "maker"),
        "older": _signed_image(directory, "older", OLDER_VERSION, "maker"),
        "other_key": _signed_image(directory, "other_key", NEWER_VERSION, "stranger"),
        "unsigned": _signed_image(directory, "unsigned", NEWER_VERSION, ""),
    }
    good = images["newer"].read_bytes()
    images["flipped"] = _store(
        directory / "flipped.swu", good[:-5000] + bytes([good[-5000] ^ 1]) + good[-4999:]
    )
    images["cut_short"] = _store(directory / "cut_short.swu", good[: len(good) // 2])
    return images


def checked_images(directory: Path) -> dict[str, Path]:
    """Build images of the checksum-only updater: newer, older, flipped, and repaired (flipped, with its CRC put right)."""
    newer, older = _checked_image(NEWER_VERSION), _checked_image(OLDER_VERSION)
    flipped = newer[:-100] + bytes([newer[-100] ^ 1]) + newer[-99:]
    repaired = flipped[:6] + zlib.crc32(flipped[10:]).to_bytes(4, "big") + flipped[10:]
    images = {"newer": newer, "older": older, "flipped": flipped, "repaired": repaired}
    return {name: _store(directory / f"{name}.bin", content) for name, content in images.items()}


def _checked_image(version: str) -> bytes:
    body = json.dumps({"version": version}).encode() + b"\n" + _payload(version)
    return b"LABFW1" + zlib.crc32(body).to_bytes(4, "big") + body


def _signed_image(directory: Path, name: str, version: str, signer: str) -> Path:
    work = directory / f"{name}.parts"
    work.mkdir()
    parts = {"version": version.encode(), "firmware.bin": _payload(version)}
    entries = []
    for part, content in parts.items():
        (work / part).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        entries.append(f'{{ filename = "{part}"; path = "/data/state/{part}"; sha256 = "{digest}"; }}')
    # The version is written last: until then the device says, rightly, that it is the old one.
    description = f'software = {{ version = "{version}"; hardware-compatibility: ["1.0"]; files: ( {", ".join(reversed(entries))} ); }}\n'
    (work / "sw-description").write_text(description)
    names = ["sw-description", *(["sw-description.sig"] if signer else []), *reversed(parts)]
    if signer:
        _run(
            ["openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig",
             "-signer", str(directory / f"{signer}.crt"), "-inkey", str(directory / f"{signer}.key"),
             "-outform", "DER", "-nosmimecap", "-binary"],
            work,
        )  # fmt: skip
    archive = subprocess.run(
        ["cpio", "-o", "-H", "crc", "--quiet"],
        cwd=work,
        input="\n".join(names).encode(),
        capture_output=True,
        check=True,
    )
    return _store(directory / f"{name}.swu", archive.stdout)


def _payload(version: str) -> bytes:
    return random.Random(version).randbytes(_PAYLOAD_BYTES)  # the same in every run


def _store(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _run(command: list[str], directory: Path) -> None:
    subprocess.run(command, cwd=directory, capture_output=True, timeout=60, check=True)
