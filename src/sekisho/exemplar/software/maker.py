"""The maker's side, never part of a unit: keys, images, the factory line, the Web page.

`keygen` makes the signing key, `sign` an image, `publish` the newest-version document, and `factory`
turns an empty directory into one unit and prints its label.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from sekisho.exemplar.access.credentials import digest, normal_preset, preset_code
from sekisho.exemplar.settings import Factory
from sekisho.exemplar.software.image import make_image, trusted_key
from sekisho.exemplar.software.newest import publish
from sekisho.exemplar.software.slots import Slots
from sekisho.exemplar.storage import PosixDisk, replace

MAKER = "Sekisho Works"
MODEL = "SK-1"


def keygen(private: Path, public: Path) -> None:
    """Make a signing key; the private file is readable by this user only and never overwritten."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(pem)
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key; raises ValueError when it is of another kind."""
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: not an Ed25519 private key")  # noqa: TRY004 - the content is wrong
    return key


def sign(key: Path, payload: Path, version: str, out: Path, model: str = MODEL) -> None:
    """Build a signed image file."""
    out.write_bytes(make_image(payload.read_bytes(), model, version, signing_key(key)))


def announce(key: Path, image: Path, version: str, page: str, out: Path, model: str = MODEL) -> None:
    """Build the newest-version document for the maker's Web server."""
    sha256 = hashlib.sha256(image.read_bytes()).hexdigest()
    out.write_bytes(publish(model, version, sha256, page, signing_key(key)))


def factory(state: Path, serial: str, trust: Path, image: Path, mac: str, ssid: str) -> dict[str, Any]:
    """Make one unit in the empty directory `state` and return what is printed on its label.

    Only the hash of the code stays in the unit; the label is the one place where the code can be read.
    Raises FileExistsError for a directory that is a unit already.
    """
    disk = PosixDisk(state)
    if disk.read("factory.json") is not None:
        raise FileExistsError(f"{state}: this unit has left the factory already")
    code = preset_code()
    mac = mac or ":".join(["02", *(f"{octet:02x}" for octet in secrets.token_bytes(5))])
    ssid = ssid or f"{MODEL}-{secrets.token_hex(2).upper()}"
    pem = trust.read_bytes()
    Slots(disk, trusted_key(pem), MODEL).provision(image.read_bytes())
    # duty: JP20-2 JP25-2b each unit gets its own code here; the record holds its hash only
    unit = Factory(MAKER, MODEL, serial, mac, ssid, digest(normal_preset(code)), pem.decode())
    record = {name: getattr(unit, name) for name in Factory.__dataclass_fields__}
    replace(disk, "factory.json", json.dumps(record).encode())
    return {
        "maker": MAKER,
        "model": MODEL,
        "serial": serial,
        "mac": mac,
        "ssid": ssid,
        "user": "admin",
        "code": code,
    }
