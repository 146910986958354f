"""Write a device's own disk: a directory for a chroot device, an ext4 image for user-mode-linux."""

import subprocess
from pathlib import Path

from . import firmware
from .flavours import FIRST_VERSION, Flavour
from .network import LAN4

_DISK_SIZE = "24M"


def write_disk(flavour: Flavour, directory: Path, *, as_image: bool) -> None:
    """Write ``data`` (and ``data.img``) and, for a device with an updater, ``images`` into the directory."""
    data = directory / "data"
    files = {
        "start": "\n".join(service.start for service in flavour.services) + "\n",
        "state/version": FIRST_VERSION + "\n",
        "state/settings/dns": LAN4,
        "rootfs/hwrevision": "lab 1.0\n",
        **{path: content for service in flavour.services for path, content in service.files.items()},
    }
    for path, content in files.items():
        target = data / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
        if "/cgi-bin/" in path:
            target.chmod(0o755)
    (data / "etc").mkdir(exist_ok=True)
    if flavour.tls:
        firmware.make_tls_identity(data / "etc/tls.pem", LAN4)
    if flavour.update:
        _add_images(flavour, directory, data)
    if as_image:
        write_image(directory)


def write_image(directory: Path) -> None:
    """Make the disk image of a device with a kernel of its own, in the factory state, over what there was."""
    subprocess.run(
        ["mkfs.ext4", "-q", "-F", "-d", str(directory / "data"), str(directory / "data.img"), _DISK_SIZE],
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip


def _add_images(flavour: Flavour, directory: Path, data: Path) -> None:
    images = directory / "images"
    images.mkdir()
    if flavour.update == "crc":
        firmware.checked_images(images)
        return
    certificate = firmware.make_certificate(images, "maker")
    (data / "etc/update.crt").write_bytes(certificate.read_bytes())
    firmware.signed_images(images)
