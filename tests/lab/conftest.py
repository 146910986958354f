"""Fixtures of the lab: the root file system once a session, devices on demand, and no silent skip.

Without root, or without its packages, lab tests are skipped with one loud line. Under ``CI=true`` that is a failure:
a suite that quietly leaves out its real devices proves nothing.
"""

import os
from collections.abc import Callable, Iterator

import pytest

from . import install, machine, rootfs, side_by_side

StartDevice = Callable[[str], machine.Machine]
_OLD_DEATHS: list[str] = []


def obstacle() -> str:
    """Return why lab tests cannot run here and how to get them; empty when they can."""
    if os.geteuid() != 0:
        return "the lab makes network namespaces and mounts: run ./run test as root (sudo ./run test)"
    try:
        lacking = install.missing(install.wanted())
    except install.CannotInstall as error:
        return str(error)
    return f"missing packages {' '.join(lacking)}: run python3 tests/lab/install.py" if lacking else ""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "assesses(*flavours): waits for whole assessments of these lab devices"
    )


def _emulator_deaths() -> list[str]:
    log = machine.emulator_log()
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def pytest_sessionstart() -> None:
    """Remember which deaths of an emulator are old."""
    _OLD_DEATHS.extend(_emulator_deaths())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud when an emulator was started again: that is never silent, though it is no device's behaviour."""
    for words in _emulator_deaths()[len(_OLD_DEATHS) :]:
        terminalreporter.write_line(
            f"LAB: an emulator died by itself and was started again: {words}", red=True
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("lab") is None:
        return
    why = obstacle()
    if why and os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"LAB TESTS DID NOT RUN: {why}", pytrace=False)
    if why:
        pytest.skip(f"LAB TESTS DID NOT RUN: {why}")


@pytest.fixture(scope="session")
def device_root() -> rootfs.RootFilesystem:
    """The devices' root file system, built once per recipe; left-overs of killed sessions are cleared first."""
    machine.sweep()
    return rootfs.build()


@pytest.fixture
def chroot_device(device_root: rootfs.RootFilesystem) -> Iterator[StartDevice]:
    """Start devices in network namespaces: fast, for all that is not about power. Removed after the test."""
    yield from _devices(device_root, own_kernel=False)


@pytest.fixture
def uml_device(device_root: rootfs.RootFilesystem) -> Iterator[StartDevice]:
    """Start devices with a kernel of their own, whose power can be cut. Removed after the test."""
    yield from _devices(device_root, own_kernel=True)


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest,
    device_root: rootfs.RootFilesystem,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[side_by_side.Outcomes]:
    """The assessments that the chosen tests name with the marker ``assesses``; the first test starts them all."""
    markers = (marker for item in request.session.items for marker in item.iter_markers("assesses"))
    flavours = {str(flavour) for marker in markers for flavour in marker.args}
    with side_by_side.assessments(flavours, device_root, tmp_path_factory.mktemp("uml")) as whole:
        yield whole


def _devices(root: rootfs.RootFilesystem, *, own_kernel: bool) -> Iterator[StartDevice]:
    started: list[machine.Machine] = []

    def start(flavour: str) -> machine.Machine:
        device = machine.start(flavour, root, own_kernel=own_kernel)
        started.append(device)
        device.ready()
        return device

    try:
        yield start
    finally:
        for device in started:
            device.remove()
