"""The device's updaters: one that trusts a checksum, one that trusts a signature (SWUpdate), one that is broken."""

import json
import os
import subprocess
import tempfile
import zlib
from pathlib import Path

VERSION = Path("/data/state/version")
MAGIC = b"LABFW1"
# An updater that doesn't end is ended, before whoever sent the image gives up.
_LONGEST = 20


def install_image(config, image):
    """Install an image if the updater likes it, and return what it tells the user (the version says the truth)."""
    if config["update"] == "signed":
        return install_signed(config, image)
    if config["update"] == "crc":
        return install_checked(image)
    return "update failed"


def install_checked(image):
    """Accept whatever carries its own right CRC-32: magic, CRC (4 bytes, big-endian), a JSON line, payload."""
    body = image[len(MAGIC) + 4 :]
    if (
        not image.startswith(MAGIC)
        or zlib.crc32(body).to_bytes(4, "big") != image[len(MAGIC) : len(MAGIC) + 4]
    ):
        return "update failed: checksum"
    version = json.loads(body.partition(b"\n")[0])["version"]
    with VERSION.open("w") as stream:
        stream.write(version)
        stream.flush()
        os.fsync(stream.fileno())
    return "update done"


def install_signed(config, image):
    """Hand the image to SWUpdate, with the maker's certificate."""
    with tempfile.NamedTemporaryFile(suffix=".swu") as stored:
        stored.write(image)
        stored.flush()
        command = ["swupdate", "-k", "/data/etc/update.crt", "-i", stored.name]
        if config["no_downgrade"]:
            command += ["-N", VERSION.read_text().strip()]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_LONGEST, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            # Seen once, with half an image: it is killed then, and nothing is installed.
            done = False
    os.sync()
    return "update done" if done else "update failed"
