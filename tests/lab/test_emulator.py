"""The emulator under the devices: its known death is mended, another one is told from a device's silence."""

import dataclasses
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import machine, rootfs
from .truth import session

pytestmark = pytest.mark.lab

_LAB = Path(__file__).parent


def _compile(source: str, target: Path, *options: str) -> Path:
    subprocess.run(["tcc", *options, "-o", str(target), str(_LAB / source)], check=True, timeout=60)
    return target


def test_state_is_set_whatever_a_signal_leaves_in_errno(
    device_root: rootfs.RootFilesystem, tmp_path: Path
) -> None:
    """A preload that tries first and then looks for EFAULT in errno fails here, one call in about 7,000."""
    trial = _compile("uml_xstate_trial.c", tmp_path / "trial")
    done = subprocess.run(
        [trial, "300000"], env={"LD_PRELOAD": str(device_root.preload)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    calls, signals, failures, _ = map(int, done.stdout.split())
    assert (done.returncode, calls, failures) == (0, 300_000, 0), done
    assert signals > 100, "the signal came often enough to show it"


@pytest.fixture
def dying_device(
    device_root: rootfs.RootFilesystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[machine.Machine]:
    """A device that is starting, and whose emulator dies once for each ``fault-*`` in its directory.

    Its deaths are noted apart: those that were wanted are no warning to the people who run the tests.
    """
    monkeypatch.setattr(machine, "emulator_log", lambda: tmp_path / "emulator.log")
    deadly = _compile("uml_death.c", tmp_path / "death.so", "-shared")
    both = dataclasses.replace(device_root, preload=Path(f"{deadly}:{device_root.preload}"))
    device = machine.start("fsync_writer", both, own_kernel=True)
    try:
        yield device
    finally:
        device.remove()


def _let_it_die(device: machine.Machine, times: int) -> None:
    for number in range(1, times + 1):
        (device.directory / f"fault-{number}").touch()


def _deaths(device: machine.Machine) -> int:
    log = machine.emulator_log()  # the one that the fixture put there
    return sum(device.name in line for line in log.read_text().splitlines()) if log.exists() else 0


def test_an_emulator_that_dies_in_a_start_is_started_again_and_the_cut_still_shows(
    dying_device: machine.Machine,
) -> None:
    dying_device.ready()
    assert _deaths(dying_device) == 0
    with dying_device.network.inside():
        session(dying_device).post("/settings", ssid="after-the-cut")
        dying_device.cut()
        _let_it_die(dying_device, 2)
        dying_device.restore()
        dying_device.ready()
        assert session(dying_device).setting("ssid") == "after-the-cut"
    assert _deaths(dying_device) == 2
    assert dying_device.console().count("lab: the emulator died by itself") == 2


def test_an_emulator_that_always_dies_is_trouble(dying_device: machine.Machine) -> None:
    dying_device.cut()
    _let_it_die(dying_device, 9)
    dying_device.restore()
    with pytest.raises(machine.MachineTrouble, match="the emulator died 4 times"):
        dying_device.ready()
    assert _deaths(dying_device) == 3


def test_a_device_that_lives_and_is_silent_is_not_started_again(dying_device: machine.Machine) -> None:
    more_is_wanted = dataclasses.replace(
        dying_device, flavour_name="swupdate_signed"
    )  # tcp/8080 has no service
    before = dying_device._pid()
    with pytest.raises(machine.MachineTrouble, match="is silent"):
        more_is_wanted.ready(timeout_s=8)
    assert dying_device.running()
    assert dying_device._pid() == before
    assert _deaths(dying_device) == 0
