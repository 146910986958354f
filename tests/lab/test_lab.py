"""Tests of the lab itself: every device comes up, every planted flaw is really there, and a power cut is one."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from . import machine
from .conftest import StartDevice
from .description import authorisation, description
from .flavours import FIRST_VERSION, FLAVOURS, NEWER_VERSION
from .truth import CHECKS, session

pytestmark = pytest.mark.lab

_LAB = Path(__file__).parent


def _untrue(device: machine.Machine) -> list[str]:
    """Return what is planted in the device and cannot be seen on it."""
    with device.network.inside():
        return [
            name for name, check in CHECKS.items() if name in device.flavour.planted and not check(device)
        ]


def test_every_plant_has_a_check() -> None:
    planted = set().union(*(flavour.planted for flavour in FLAVOURS.values()))
    assert planted == set(CHECKS)


@pytest.mark.parametrize("name", [name for name, flavour in FLAVOURS.items() if not flavour.own_kernel])
def test_chroot_device_is_what_it_says(
    name: str, chroot_device: StartDevice, record_property: Callable[..., None]
) -> None:
    begin = time.monotonic()
    device = chroot_device(name)
    record_property("ready_seconds", round(time.monotonic() - begin, 2))
    assert _untrue(device) == []


@pytest.mark.parametrize(
    "name", ["all_weak", "hardened", *(name for name, one in FLAVOURS.items() if one.own_kernel)]
)
def test_uml_device_is_what_it_says(
    name: str, uml_device: StartDevice, record_property: Callable[..., None]
) -> None:
    begin = time.monotonic()
    device = uml_device(name)
    record_property("ready_seconds", round(time.monotonic() - begin, 2))
    assert _untrue(device) == []


@pytest.mark.parametrize(
    ("name", "delay_s", "kept"),
    [
        ("lazy_writer", 0.5, False),
        ("lazy_writer", 8.0, True),
        ("fsync_writer", 0.0, True),
        ("fsync_writer", 0.5, True),
    ],
)
def test_power_cut_loses_just_what_was_not_synced(
    name: str, delay_s: float, kept: bool, uml_device: StartDevice
) -> None:
    device = uml_device(name)
    with device.network.inside():
        session(device).post("/settings", ssid="after-the-cut")
        assert session(device).setting("ssid") == "after-the-cut"
        time.sleep(delay_s)
        device.cut()
        assert not device.running()
        device.restore()
        device.ready()
        assert session(device).setting("ssid") == ("after-the-cut" if kept else "home")


@pytest.mark.parametrize("delay_s", [0.0, 0.3, 3.0])
def test_power_cut_in_an_update_leaves_a_whole_version(delay_s: float, uml_device: StartDevice) -> None:
    device = uml_device("swupdate_signed")
    with device.network.inside():
        session(device).upload(device.images["newer"].read_bytes())
        time.sleep(delay_s)
        device.cut()
        device.restore()
        device.ready()
        assert session(device).version() in (FIRST_VERSION, NEWER_VERSION)


def test_command_line_cuts_and_restores_from_inside_the_lab(uml_device: StartDevice) -> None:
    """As a description's power driver does: another process, in the tester's namespace."""
    device = uml_device("fsync_writer")
    before = device._pid()
    cut = device.run([sys.executable, str(_LAB), "cut", device.name])
    assert (cut.returncode, device.running()) == (0, False), cut.stderr
    restore = device.run([sys.executable, str(_LAB), "restore", device.name])
    assert (restore.returncode, device.running()) == (0, True), restore.stderr
    assert device._pid() != before


def test_labs_stand_side_by_side_and_leave_nothing_behind(
    device_root: object, chroot_device: StartDevice
) -> None:
    first, second = chroot_device("lockout5"), chroot_device("lockout5")
    for device, value in ((first, "first"), (second, "second")):
        with device.network.inside():
            session(device).post("/settings", ssid=value)
    with first.network.inside():
        assert session(first).setting("ssid") == "first"
    pids = [device._pid() for device in (first, second)]
    for device in (first, second):
        device.remove()
    namespaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    mounts = Path("/proc/mounts").read_text()
    for device in (first, second):
        assert device.name not in namespaces
        assert device.name not in mounts
        assert not device.directory.exists()
    assert not any(machine._group_alive(pid) for pid in pids)


def test_devices_of_a_killed_session_are_swept(chroot_device: StartDevice) -> None:
    device = chroot_device("open_page")
    gone = subprocess.Popen(["true"])
    gone.wait()
    record = device.directory / "machine.json"
    record.write_text(record.read_text().replace(f'"owner": {device.owner}', f'"owner": {gone.pid}'))
    assert device.name in machine.sweep()
    assert not device.running()


@pytest.mark.parametrize("name", list(FLAVOURS))
def test_description_is_one_that_the_product_reads(name: str, tmp_path: Path, device_root: object) -> None:
    from sekisho.workflows.describe import read_authorisation, read_terminal

    from .disk import write_disk

    device = machine.Machine(f"sk-{tmp_path.name}"[:20], name, True, "", "", 1)
    device.directory.mkdir(parents=True)
    try:
        write_disk(device.flavour, device.directory, as_image=False)
        (tmp_path / "device.toml").write_text(description(device))
        (tmp_path / "authorisation.toml").write_text(authorisation())
        terminal = read_terminal(tmp_path / "device.toml")
        assert terminal.model == name
        assert (terminal.update is not None) == bool(device.flavour.update)
        assert read_authorisation(tmp_path / "authorisation.toml").addresses
    finally:
        device.remove()
