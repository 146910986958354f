"""What the device keeps over a restart: one file per setting, written with or without care."""

import os
from pathlib import Path

STATE = Path("/data/state")
SETTINGS = STATE / "settings"
FACTORY_SETTINGS = {"ssid": "home", "dns": "192.168.77.1", "remote_admin": "off", "syslog": "off"}


def save(path, text, mode):
    """Store a text: "lazy" trusts the kernel to write it some time, "fsync" returns when it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "lazy":
        path.write_text(text)
        return
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def read_settings():
    """Return all settings: the factory's, overlaid by what was saved."""
    saved = {path.name: path.read_text() for path in SETTINGS.glob("*") if path.suffix != ".new"}
    return FACTORY_SETTINGS | saved
