"""Acceptance: the command line against the lab's quick devices; every verdict is compared with what was built in.

The assessments mostly wait, so they run side by side, each with a device and a network of its own.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from . import machine, rootfs
from .command_line import LIMITS, Outcome, run_assess
from .description import description
from .eavesdrop import Ear, listening
from .network import LAN6, TESTER_LAN6, TESTER_WAN6, WAN6
from .talk import Web

pytestmark = pytest.mark.lab

_PAGES = ("web_login", "open_ports", "service_identity")
# What is asked of each device: only what its question needs.
_ASKED = {
    "all_weak": ("open_ports", "service_identity", "web_login", "telnet_login", "ssh_login"),
    "wan_filtered": ("open_ports",),
    "serial_delay": ("web_login", "login_throttle"),
    "lockout5": ("web_login", "login_throttle"),
    "upnp_mapping": _PAGES,
    "wan_telnet": ("open_ports", "service_identity", "telnet_login"),
    "crash_on_third": ("web_login", "login_throttle"),
    "open_page": ("web_login", "login_throttle"),
    "everything_200": _PAGES,
    "hidden_open_page": ("web_login",),
}
_SIX = (LAN6, WAN6, *TESTER_LAN6, TESTER_WAN6)


class Runs:
    """The assessments of this file by flavour, with what the test itself heard of each."""

    def __init__(self, running: dict[str, Future[tuple[Outcome, Ear]]]) -> None:
        self._running = running
        self.by_hand: dict[int, float] = {}

    def __getitem__(self, flavour: str) -> Outcome:
        return self._running[flavour].result()[0]

    def ear(self, flavour: str) -> Ear:
        """Return the packets between tester and device."""
        return self._running[flavour].result()[1]

    @staticmethod
    def count_by_hand(device: machine.Machine, connections: int) -> float:
        """Return wrong Basic logins an hour that the test itself gets answered over so many connections."""
        tries = 3 * connections
        with device.network.inside(), ThreadPoolExecutor(connections) as pool:
            begin = time.monotonic()
            statuses = list(pool.map(lambda _: Web(device.flavour).basic("wrong").status, range(tries)))
            seconds = time.monotonic() - begin
        assert statuses == [401] * tries
        return tries / seconds * 3600


@pytest.fixture(scope="module")
def runs(device_root: rootfs.RootFilesystem, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Start all assessments, four at a time, slowest first; a test waits for its own."""
    place = tmp_path_factory.mktemp("assess")

    def run(flavour: str) -> tuple[Outcome, Ear]:
        device = machine.start(flavour, device_root, own_kernel=False)
        try:
            device.ready()
            text = description(device)
            if flavour == "wan_filtered":  # one family: silence costs a scan its time-outs for each address
                for address in _SIX:
                    text = text.replace(f', "{address}"', "")
            # A scan is not listened to: a quarter of a million packets would say nothing about logins.
            if "open_ports" in _ASKED[flavour]:
                return run_assess(device, place / flavour, *_ASKED[flavour], described=text), Ear()
            with listening(device) as ear:
                outcome = run_assess(device, place / flavour, *_ASKED[flavour], described=text)
            if flavour == "serial_delay":
                for fact in outcome.facts("throttle.tries"):
                    mode, _, connections = str(fact["attributes"]["mode"]).partition(" ")
                    if mode == "parallel":
                        count = int(connections)
                        whole.by_hand[count] = Runs.count_by_hand(device, count)
            return outcome, ear
        finally:
            device.remove()

    running: dict[str, Future[tuple[Outcome, Ear]]] = {}
    whole = Runs(running)
    with ThreadPoolExecutor(4) as pool:
        running.update({flavour: pool.submit(run, flavour) for flavour in _ASKED})
        yield whole
        for future in running.values():
            future.cancel()


def _open_at(outcome: Outcome, role: str) -> set[tuple[str, int]]:
    return {
        (fact["attributes"]["transport"], fact["attributes"]["port"])
        for fact in outcome.facts("port.open", role=role)
    }


def test_all_weak_every_planted_fault_is_found_and_none_invented(runs: Runs) -> None:
    seen = runs["all_weak"]
    assert _open_at(seen, "wan") >= {("tcp", 23), ("tcp", 80)}
    assert seen.verdict("JP20-1") == "FAIL"
    assert seen.verdict("JP25-5") == "FAIL"
    changed = {fact["attributes"]["who"] for fact in seen.facts("setting.write") if fact["value"] is True}
    assert "none" in changed
    assert {
        fact["attributes"]["what"] for fact in seen.facts("service.anonymous") if fact["value"] is True
    } >= {"port-mapping"}
    anonymous = seen.subjects("service.anonymous")
    assert any("udp/161" in one for one in anonymous)
    assert any("tcp/1883" in one for one in anonymous)
    preset = {
        fact["attributes"]["login"]
        if "login" in fact["attributes"]
        else fact["subject"].removeprefix("login ")
        for fact in seen.facts("login.accepted")
        if fact["value"] is True
    }
    assert {"telnet", "ssh", "web"} <= preset
    assert True not in seen.values("login.random")
    assert not [one for one in seen.subjects("login.anonymous") if "telnet" in one or "ssh" in one]


def test_serial_delay_is_no_throttle_and_the_parallel_rate_is_the_hand_count(runs: Runs) -> None:
    seen = runs["serial_delay"]
    assert seen.verdict("JP25-2d") != "PASS"
    rates = {f["attributes"]["mode"]: float(f["value"]) for f in seen.facts("throttle.tries")}
    assert 0.8 * 3600 < rates["serial"] < 1.2 * 3600  # lighttpd holds each wrong login for a second
    mode, fastest = max(rates.items(), key=lambda one: one[1])
    assert mode.startswith("parallel")
    by_hand = runs.by_hand[int(mode.split()[1])]
    assert abs(fastest - by_hand) < 0.2 * by_hand


def test_lockout_the_default_is_found_and_the_lock_comes_last(runs: Runs) -> None:
    seen, ear = runs["lockout5"], runs.ear("lockout5")
    assert True in seen.values("login.accepted", origin="preset")
    refused = [one for one in seen.report["evidence"] if one["probe"] == "web_login"]
    assert refused
    locked = [fact["attributes"].get("locked_after") for fact in seen.facts("throttle.tries")]
    assert any(locked)
    answers = [
        one.payload[9:12] for one in ear.packets if not one.sent and one.payload.startswith(b"HTTP/1.")
    ]
    first_lock = answers.index(b"429")
    # The settings were written (and put back) by the owner before any lock.
    posts = [one.payload for one in ear.sent() if one.payload.startswith(b"POST /settings")]
    assert posts
    assert first_lock > answers.index(b"401")


@pytest.mark.parametrize("flavour", ["lockout5"])
def test_wrong_logins_stay_within_the_budget(runs: Runs, flavour: str) -> None:
    runs[flavour]
    budget = LIMITS["wrong_per_account"] * 3 + LIMITS["throttle_tries"]  # admin, root, nonsense users
    wrong = runs.ear(flavour).answers(b"HTTP/1.0 401") + runs.ear(flavour).answers(b"HTTP/1.1 401")
    assert 0 < wrong <= budget


def test_an_open_page_is_missing_access_control_and_no_default_password(runs: Runs) -> None:
    seen = runs["open_page"]
    finding = seen.finding("access_control")
    assert "changed" in [one["reason"] for one in finding["details"]]
    assert seen.verdict("JP20-1") != "PASS"
    assert True not in seen.values("login.accepted")


def test_guarded_pages_that_answer_200_are_no_holes(runs: Runs) -> None:
    seen = runs["everything_200"]
    assert seen.verdict("JP20-1") == "PASS"
    assert False not in seen.values("page.guarded", listed=True)


def test_the_one_unguarded_page_among_thirty_is_found(runs: Runs) -> None:
    seen = runs["hidden_open_page"]
    assert {fact["attributes"]["path"] for fact in seen.facts("page.guarded") if fact["value"] is False} == {
        "/setup/17.html"
    }
    assert seen.verdict("JP20-1") != "PASS"


def test_a_crash_is_no_lock(runs: Runs) -> None:
    seen = runs["crash_on_third"]
    assert seen.verdict("JP25-2d") != "PASS"
    assert seen.report["evidence"]


def test_telnet_bound_on_the_wan_is_found(runs: Runs) -> None:
    seen = runs["wan_telnet"]
    assert ("tcp", 23) in _open_at(seen, "wan")
    assert seen.verdict("JP25-5") == "FAIL"
    assert "telnet" in seen.values("service.protocol", role="wan", port=23)
    assert True in [fact["value"] for fact in seen.facts("login.accepted", role="wan", port=23)]


def test_management_that_reaches_the_wan_by_a_mapping_is_found_and_our_mapping_is_gone(runs: Runs) -> None:
    seen = runs["upnp_mapping"]
    assert _open_at(seen, "wan") == {("tcp", 8080)}
    assert "http" in seen.values("service.protocol", role="wan", port=8080)
    assert "port-mapping" in [f["attributes"]["what"] for f in seen.facts("service.anonymous") if f["value"]]
    assert seen.values("service.restored", what="port-mapping") == [True]
    assert seen.verdict("JP25-5") == "FAIL"


def test_a_filtered_wan_passes(runs: Runs) -> None:
    seen = runs["wan_filtered"]
    assert _open_at(seen, "wan") == set()
    assert {("tcp", 23), ("tcp", 80)} <= _open_at(seen, "lan")
    scans = seen.facts("port.scan", role="wan", transport="tcp")
    assert scans
    assert all(fact["value"] is True for fact in scans)
