"""Build the demo's update images: for each terminal the running, a newer, an older, a foreign one.

    python -m sekisho.demo.images DIR

writes `DIR/hijackable/`, `DIR/baseline/` (current newer older `.bin`) and `DIR/exemplar/` (current newer older
other_key unsigned `.img`, `newest.json`, `trust.pub`). The exemplar's are made by its own maker's tools, in a process.
`hijackable` and `baseline` have no keys, so there is no other-key image for them; how their checksums are
repaired after a change stands in `REPAIRS`, in the words of a terminal description.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from sekisho.demo.firmware import BASELINE, HIJACKABLE, Format

VERSIONS: Final = MappingProxyType({"current": "1.0.0", "newer": "1.1.0", "older": "0.9.0"})
# Where the signature stands in an image of the exemplar (see `sekisho.exemplar.software.image`).
_SIGNATURE: Final = slice(12, 76)
PAYLOAD: Final = bytes(range(256)) * 64


def _repair(made: Format) -> Mapping[str, Any]:
    order = "little" if made.algorithm == "crc32" else "big"
    return MappingProxyType(
        {"algorithm": made.algorithm, "start": made.start, "end": 0, "at": made.at, "order": order}
    )


REPAIRS: Final = MappingProxyType({"hijackable": _repair(HIJACKABLE), "baseline": _repair(BASELINE)})


def build(directory: Path) -> None:
    """Build all images below `directory`, which may exist already."""
    for name, made in (("hijackable", HIJACKABLE), ("baseline", BASELINE)):
        room = directory / name
        room.mkdir(parents=True, exist_ok=True)
        for kind, version in VERSIONS.items():
            (room / f"{kind}.bin").write_bytes(made.build(version, PAYLOAD + version.encode()))
    _exemplar(directory / "exemplar")


def _exemplar(room: Path) -> None:
    room.mkdir(parents=True, exist_ok=True)
    for owner in ("maker", "other"):
        if not (room / f"{owner}.key").exists():
            public = room / ("trust.pub" if owner == "maker" else "other.pub")
            _tool("keygen", key=room / f"{owner}.key", public=public)
    payload = room / "payload"
    for kind, version in (*VERSIONS.items(), ("other_key", VERSIONS["newer"])):
        payload.write_bytes(PAYLOAD + version.encode())
        key = room / ("other.key" if kind == "other_key" else "maker.key")
        _tool("sign", key=key, payload=payload, version=version, out=room / f"{kind}.img")
    whole = (room / "newer.img").read_bytes()
    (room / "unsigned.img").write_bytes(whole[: _SIGNATURE.start] + bytes(64) + whole[_SIGNATURE.stop :])
    newest = {"version": VERSIONS["newer"], "image": room / "newer.img", "out": room / "newest.json"}
    _tool("publish", key=room / "maker.key", **newest)


def _tool(command: str, **options: object) -> None:
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    subprocess.run([sys.executable, "-m", "sekisho.exemplar", command, *words], check=True, timeout=60)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
