"""Acceptance: nothing is sent without a valid consent for exactly this device. The witnesses are the test's own ear and
the device's own logs of logins.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import device_log, machine, rootfs
from .command_line import LIMITS, run_assess
from .description import authorisation, description
from .eavesdrop import listening
from .machine import Machine
from .network import LAN4, LAN_MAC, WAN_MAC

pytestmark = pytest.mark.lab

_NOT_ALLOWED = 2
_DATE = "valid_until = 2099-12-31"
_ADDRESSES = f'addresses = ["{LAN4}/32"'


@pytest.fixture(scope="module")
def device(device_root: rootfs.RootFilesystem) -> Iterator[Machine]:
    """A device with SSH and a web interface, for the whole file: nothing here may reach it."""
    started = machine.start("crash_on_third", device_root, own_kernel=False)
    try:
        started.ready()
        yield started
    finally:
        started.remove()


def _consent(**more: list[str]) -> str:
    return "".join(f"{name} = {value}\n".replace("'", '"') for name, value in more.items()) + authorisation()


def _logins(device: Machine) -> tuple[object, ...]:
    """Return what the device's own logs know of logins, good and bad."""
    good = device_log.text(device, "dropbear.log").count("auth succeeded")
    return good, device_log.wrong_logins(device), device_log.attempts(device)


_CASES = {
    "no consent": "",
    "expired": authorisation().replace(_DATE, "valid_until = 2026-01-02"),
    "not yet": authorisation().replace("valid_from = 2026-01-01", "valid_from = 2098-01-01"),
    "address outside": authorisation().replace(_ADDRESSES, 'addresses = ["192.168.78.0/24"'),
    "another MAC": _consent(macs=["52:54:00:aa:bb:cc"]),
}


def test_the_ear_hears(device: Machine, tmp_path: Path) -> None:
    """The positive control of this file: with consent, packets are sent, and heard."""
    with listening(device) as ear:
        outcome = run_assess(device, tmp_path, "ssh_login", catalogues=("jp-2020",), list_seconds=0.5)
    assert outcome.judged
    assert {packet.port for packet in ear.sent()} >= {22}
    assert 0 < device_log.wrong_logins(device)["root"] <= LIMITS["wrong_per_account"]


@pytest.mark.parametrize("case", _CASES)
def test_not_one_packet_is_sent(device: Machine, tmp_path: Path, case: str) -> None:
    consent = _CASES[case]
    assert consent != authorisation()
    logins = _logins(device)
    with listening(device) as ear:
        outcome = run_assess(device, tmp_path, catalogues=("jp-2020",), consent=consent)
    # Of several addresses only the one outside is barred.
    barred = [one for one in ear.sent() if case != "address outside" or one.far == LAN4]
    assert barred == []
    assert _logins(device) == logins
    assert outcome.exit_code == _NOT_ALLOWED, outcome.said
    assert outcome.judged == []


def test_a_wrong_host_key_is_asked_for_and_nothing_else(device: Machine, tmp_path: Path) -> None:
    """The key can only be learnt by asking: that one connection is allowed, and no login on it."""
    consent = _consent(host_keys=["SHA256:" + "A" * 43])
    logins = _logins(device)
    with listening(device) as ear:
        outcome = run_assess(device, tmp_path, catalogues=("jp-2020",), consent=consent)
    assert {packet.port for packet in ear.sent()} == {22}
    assert _logins(device) == logins
    assert outcome.exit_code == _NOT_ALLOWED, outcome.said


def test_the_right_mac_is_let_through(device: Machine, tmp_path: Path) -> None:
    """Or the refusals above would prove nothing; asked at IPv4, where ARP answers without a packet of ours."""
    described = description(device)
    for address in ("fd5e:c1a5:0:1::1", "fd5e:c1a5:0:2::2"):
        described = described.replace(f', "{address}"', "")
    outcome = run_assess(
        device, tmp_path, "ssh_login", catalogues=("jp-2020",), described=described,
        consent=_consent(macs=[LAN_MAC, WAN_MAC]), list_seconds=0.5,
    )  # fmt: skip
    assert outcome.judged, outcome.said
