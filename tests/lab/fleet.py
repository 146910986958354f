"""Assessments of the quick devices, side by side: each with a device and a network of its own.

They mostly wait, so their number costs little. What the test itself saw of each (packets, the device's own logs, its
port mappings) is kept beside what the product reported.
"""

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from . import device_log, machine, rootfs, truth
from .command_line import LIMITS, Outcome, run_assess
from .description import description
from .eavesdrop import Ear, listening
from .flavours import FLAVOURS
from .network import LAN6, TESTER_LAN6, TESTER_WAN6, WAN4, WAN6

AT_ONCE = 6
_SIX = (LAN6, WAN6, *TESTER_LAN6, TESTER_WAN6)
_NOT_THERE = """
[[services]]
name = "not there"
protocol = "https"
transport = "tcp"
port = 8443
interface = "lan"
tls = true
manages = true
"""
_TORN_AT = f"scan/wan/{WAN4}/3"


@dataclass(frozen=True, slots=True)
class Run:
    """One assessment: of which device, by which probes, and what is done to it meanwhile.

    :ivar four_only: describe its IPv4 addresses only
    :ivar more: text after its description
    :ivar limits: besides those of ``command_line``
    :ivar unplug: take the WAN cord out when this step is done
    """

    flavour: str
    probes: tuple[str, ...]
    four_only: bool = False
    more: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    unplug: str = ""


_PAGES = ("web_login", "open_ports", "service_identity")
# A pass of access control needs every way in to have been looked at.
_ALL_WAYS = (*_PAGES, "telnet_login", "ssh_login", "first_use")
# What is asked of each device: only what its question needs. Slowest first.
RUNS = {
    # Codes that open it come first, so less of the lists changes no verdict.
    "all_weak": Run(
        "all_weak", ("open_ports", "service_identity", "web_login", "telnet_login", "ssh_login"),
        limits={"list_seconds": 8.0, "wrong_per_account": 40},
    ),
    "wan_filtered": Run("wan_filtered", _ALL_WAYS),
    "crash_on_third": Run("crash_on_third", ("web_login",)),
    "crash in a series": Run("crash_on_third", ("login_throttle",)),
    "upnp_mapping": Run("upnp_mapping", _PAGES, four_only=True),
    "scan torn": Run(
        "lockout5", ("open_ports", "web_login"), four_only=True, unplug=_TORN_AT,
        limits={"connections_per_second": 12_000.0},
    ),
    "everything_200": Run("everything_200", _ALL_WAYS, four_only=True),
    "wan_telnet": Run("wan_telnet", ("open_ports", "service_identity", "telnet_login")),
    # Too few tries for a look after a power cut: with it the device's log in memory would go, which is the witness.
    "lockout5": Run("lockout5", ("web_login", "login_throttle"), limits={"throttle_tries": 30}),
    "serial_delay": Run("serial_delay", ("web_login", "login_throttle")),
    "hidden_open_page": Run("hidden_open_page", ("web_login",), limits={"wrong_per_account": 12}),
    "open_page": Run("open_page", ("web_login", "login_throttle")),
    "port missing": Run("lockout5", ("open_ports",), four_only=True, more=_NOT_THERE),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a run, and what the test saw for itself.

    :ivar ear: the packets, where no scan was among the probes
    :ivar wrong: wrong logins by account, by the device's own logs
    :ivar attempts: the logins at the lab's own web interface, by its log
    :ivar mappings: the device's port mappings before and after
    :ivar mapper: the log of its port mapper
    :ivar folder: the evidence
    """

    outcome: Outcome
    ear: Ear
    wrong: Counter[str]
    attempts: list[device_log.Attempt]
    mappings: tuple[list[tuple[str, str, str, str]], list[tuple[str, str, str, str]]]
    mapper: str
    folder: Path

    def heard(self, step: str) -> float:
        """Return how many logins an hour the device refused during a step, by the packets that the test heard."""
        record = next(
            entry["body"]["record"]
            for entry in chain(self.folder)
            if entry["kind"] == "step" and entry["body"]["record"]["step"] == step
        )
        began, ended = (datetime.fromisoformat(record[name]).timestamp() for name in ("began", "ended"))
        return self.ear.pace(b"GET ", b"HTTP/1.1 401", began, ended)

    def began(self, probe: str) -> float:
        """Return when a probe's first step began, as Unix time on the device's clock."""
        return min(
            datetime.fromisoformat(entry["body"]["record"]["began"]).timestamp()
            for entry in chain(self.folder)
            if entry["kind"] == "step" and entry["body"]["probe"] == probe
        )


class Fleet:
    """The runs by name; asking for one waits for it."""

    def __init__(self, running: dict[str, Future[Seen]]) -> None:
        self._running = running

    def __getitem__(self, name: str) -> Outcome:
        return self.seen(name).outcome

    def seen(self, name: str) -> Seen:
        """Return all that was seen of a run."""
        return self._running[name].result()


@contextmanager
def fleet(root: rootfs.RootFilesystem, place: Path) -> Iterator[Fleet]:
    """Start all runs, a few at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {
            name: pool.submit(_go, one, root, place / name.replace(" ", "_")) for name, one in RUNS.items()
        }
        yield Fleet(running)
        for future in running.values():
            future.cancel()


def chain(folder: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a folder's chain; none when it is not there yet."""
    path = folder / "chain.jsonl"
    content = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]


def _go(run: Run, root: rootfs.RootFilesystem, place: Path) -> Seen:
    device = machine.start(run.flavour, root, own_kernel=False)
    try:
        device.ready()
        text = description(device)
        if run.four_only:
            for address in _SIX:
                text = text.replace(f', "{address}"', "")
        folder = place / "evidence"
        before = _mappings(device)
        with _unplugging(device, run.unplug, folder):
            # A scan is not listened to: a quarter of a million packets would say nothing about logins.
            if "open_ports" in run.probes:
                ear = Ear()
                outcome = run_assess(device, place, *run.probes, described=text + run.more, **run.limits)
            else:
                with listening(device) as ear:
                    outcome = run_assess(device, place, *run.probes, described=text + run.more, **run.limits)
        wrong, attempts = device_log.wrong_logins(device), device_log.attempts(device)
        mappings, mapper = (before, _mappings(device)), device_log.text(device, "miniupnpd.log")
        return Seen(outcome, ear, wrong, attempts, mappings, mapper, folder)
    finally:
        device.remove()


def _mappings(device: machine.Machine) -> list[tuple[str, str, str, str]]:
    if not any(service.name == "upnp" for service in device.flavour.services):
        return []
    with device.network.inside():
        if "web-on-wan-by-mapping" in device.flavour.planted:
            # Its own mapping comes a little after its start.
            assert truth.CHECKS["web-on-wan-by-mapping"](device)
        return truth.mappings(device)


@contextmanager
def _unplugging(device: machine.Machine, step: str, folder: Path) -> Iterator[None]:
    """Take the device's WAN cord out as soon as the evidence holds that step."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            if any(one["kind"] == "step" and one["body"]["record"]["step"] == step for one in chain(folder)):
                cord = ["ip", "-n", device.network.device, "link", "set", "wan", "down"]
                subprocess.run(cord, check=True, timeout=10)
                return

    thread = threading.Thread(target=watch)
    if step:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if step:
            thread.join()


def budget(run: Run) -> Callable[[str], float]:
    """Return the wrong logins that a run's limits allow for an account; only the device's own are measured."""
    limits = {**LIMITS, **run.limits}
    measured = limits["throttle_tries"] if "login_throttle" in run.probes else 0.0
    own = {FLAVOURS[run.flavour].user, "root"}
    return lambda account: limits["wrong_per_account"] + (measured if account in own else 0.0)
