"""Two slots, A and B: the new software is written beside the old one and then switched to at once.

`boot.json` names the slot to boot and the lowest version that may still be installed. An update writes
only the *other* slot, makes it durable, and then replaces `boot.json`: before that instant the old
software boots, after it the new. At boot the chosen slot is checked again, signature and all; when the
medium has damaged it, the other slot boots.

A maker who ports this adds one thing that a process cannot show: the boot loader counts the tries of
a new slot and goes back by itself when the new software never reports that it came up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sekisho.exemplar.software.image import Image, ImageError, Version, open_image
from sekisho.exemplar.storage import Disk, replace

FILE: Final = "boot.json"
_OTHER: Final = {"a": "b", "b": "a"}
_NONE: Final = Version(0, 0, 0)


def _slot(name: str) -> str:
    return f"slots/{name}.img"


@dataclass
class Slots:
    """The software of one terminal: `key` is the maker's public key, burnt in at the factory."""

    disk: Disk
    key: Ed25519PublicKey
    model: str
    running: Image | None = None
    slot: str = ""
    floor: Version = _NONE

    def boot(self) -> None:
        """Choose and check the slot to run; raises ImageError when neither slot holds valid software."""
        raw = self.disk.read(FILE)
        if raw is None:
            raise ImageError("no-software")
        record = json.loads(raw)
        self.floor = Version.parse(record["floor"])
        chosen = str(record["slot"])
        for name in (chosen, _OTHER[chosen]):
            try:
                self.running = open_image(self.disk.read(_slot(name)) or b"", self.key, self.model)
            except ImageError:
                continue
            self.slot = name
            return
        raise ImageError("no-software")

    @property
    def version(self) -> Version:
        """The version that runs now, read from the signed manifest of the slot that was booted."""
        if self.running is None:
            raise ImageError("not-booted")
        return self.running.version

    def install(self, data: bytes) -> Version:
        """Check an image and make it the one to boot next; raises ImageError and then changes nothing.

        An image that is not newer than the running and than any version installed before is refused
        (reason `not-newer`): a signature of the past must not bring the holes of the past back.
        """
        # duty: JP20-3 the software can be updated
        image = open_image(data, self.key, self.model)
        # duty: JP25-3b an authentic but older image is refused as well
        if image.version <= max(self.version, self.floor):
            raise ImageError("not-newer")
        target = _OTHER[self.slot]
        # duty: JP20-4 write the idle slot first, switch last; a cut in between boots the old software
        replace(self.disk, _slot(target), data)
        self._switch(target, image.version)
        return image.version

    def provision(self, data: bytes) -> Version:
        """Write the first software at the factory: the same image in both slots."""
        image = open_image(data, self.key, self.model)
        for name in _OTHER:
            replace(self.disk, _slot(name), data)
        self._switch("a", image.version)
        return image.version

    def _switch(self, slot: str, floor: Version) -> None:
        replace(self.disk, FILE, json.dumps({"slot": slot, "floor": str(floor)}).encode())
