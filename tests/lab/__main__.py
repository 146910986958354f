"""The lab's command line: ``python tests/lab start FLAVOUR | cut NAME | restore NAME | reset NAME | describe NAME | remove NAME | list``.

``cut`` and ``restore`` are what a terminal description's power driver calls, ``reset`` is its reset button; the rest is for people who want to look
at a device by hand. ``start`` leaves the device running until ``remove``.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

if not __package__:  # started as a directory: make the package importable under its own name
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import machine, rootfs
from lab.description import authorisation, description
from lab.flavours import FLAVOURS


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("command", choices=("start", "cut", "restore", "reset", "describe", "remove", "list"))
    parser.add_argument(
        "name", nargs="?", default="", help="a flavour (start) or a device's name (the others)"
    )
    parser.add_argument("--own-kernel", action="store_true", help="start: under user-mode-linux")
    options = parser.parse_args()
    if options.command == "list":
        for flavour in FLAVOURS.values():
            print(f"{flavour.name:20} {flavour.purpose}")
        for path in sorted(machine.runtime_directory().glob("sk*")):
            print(f"running: {path.name} {machine.find(path.name).flavour_name}")
    elif options.command == "start":
        _start(options.name, own_kernel=options.own_kernel)
    else:
        _act(options.command, machine.find(options.name))


def _start(flavour: str, *, own_kernel: bool) -> None:
    if flavour not in FLAVOURS:
        sys.exit(f"lab: no flavour is called {flavour!r}: {', '.join(FLAVOURS)}")
    started = machine.start(flavour, rootfs.build(), own_kernel=own_kernel or FLAVOURS[flavour].own_kernel)
    kept = dataclasses.replace(started, owner=1)  # no session owns it: sweeping leaves it alone
    (kept.directory / "machine.json").write_text(json.dumps(dataclasses.asdict(kept)))
    seconds = kept.ready()
    _write_description(kept)
    print(
        f"{kept.name} ready after {seconds:.1f} s\n{' '.join(kept.network.command(['bash']))}\n{kept.directory}/device.toml"
    )


def _act(command: str, device: machine.Machine) -> None:
    if command == "cut":
        device.cut()
    elif command == "restore":
        device.restore()
        device.ready()
    elif command == "reset":
        device.reset()
        device.ready()
    elif command == "remove":
        device.remove()
    else:
        print(_write_description(device).read_text())


def _write_description(device: machine.Machine) -> Path:
    path = device.directory / "device.toml"
    path.write_text(description(device), encoding="utf-8")
    (device.directory / "authorisation.toml").write_text(authorisation(), encoding="utf-8")
    return path


if __name__ == "__main__":
    try:
        main()
    except (machine.MachineTrouble, rootfs.CannotBuild) as error:
        sys.exit(f"lab: {error}")
