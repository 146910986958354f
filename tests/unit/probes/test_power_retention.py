"""Power cuts of terminals that keep, lose, roll back, open up, brick, or were never really off."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.update_device import Device, DeviceAccess, DeviceNet, DevicePower, image
from fakes.wire import FakeClock, MemoryStore, fake_wire
from sekisho.criteria.retention import CRITERION
from sekisho.model.evidence import AttemptStatus, Evidence
from sekisho.model.observation import Observations
from sekisho.model.terminal import (
    Code,
    Images,
    Interface,
    Login,
    Power,
    Recipe,
    Service,
    Setting,
    Terminal,
    Update,
)
from sekisho.model.verdict import Finding, Verdict
from sekisho.probes.power_retention import PROBE

BOTH = {"kinds": ["setting", "code"]}
SOFTWARE = {"kinds": ["software"]}


def described(folder: Path, *, delays: tuple[float, ...] = (0.5, 10.0), software: str = "") -> Terminal:
    for kind, version in (("newer", "1.1.0"), ("current", "1.0.0")):
        (folder / kind).write_bytes(image(version))
    return Terminal(
        software=software,
        interfaces=(Interface("lan", addresses=("127.0.0.1",)),),
        services=(Service("web", "http", 80), Service("updater", "http", 8080)),
        logins=(Login("web", "web", "form", current=Code("admin", "secret-of-this-unit")),),
        settings=(
            Setting(
                "dns",
                "web",
                Recipe(path="/setting"),
                Recipe(method="POST", path="/setting"),
                ("192.0.2.53", "198.51.100.53"),
            ),
        ),
        update=Update(
            Recipe(path="/version"),
            Recipe(method="POST", path="/upload"),
            Images(newer=str(folder / "newer"), current=str(folder / "current")),
            login="web",
            settle_seconds=10.0,
        ),
        power=Power(driver="command", delays=delays, off_seconds=1.0, ready_seconds=30.0),
    )


def measured(
    device: Device,
    terminal: Terminal,
    *,
    store: MemoryStore | None = None,
    risks: tuple[str, ...] = ("update", "power"),
    power: Any = None,
    access: Any = None,
) -> tuple[Evidence, Observations]:
    wire = fake_wire(
        PROBE,
        access=access or DeviceAccess(device),
        net=DeviceNet(device, (80, 8080), slow={8080: 4.0}),
        clock=device.clock,
        power=power or DevicePower(device),
        store=store,
        risks=risks,
    )
    evidence = asyncio.run(PROBE.collect(terminal, wire))
    facts = tuple(PROBE.observe(evidence))
    assert {fact.name for fact in facts} <= set(PROBE.facts)
    return evidence, Observations(facts, {PROBE.name: evidence.attempt})


def judged(found: Observations, parameters: Any) -> Finding:
    finding = CRITERION.judge(found, Terminal(), parameters)
    assert {finding.reason, *(one.reason for one in finding.details)} <= set(CRITERION.reasons)
    return finding


def test_a_durable_terminal_keeps_all_and_gets_its_setting_back(tmp_path: Path) -> None:
    device = Device(FakeClock())
    evidence, found = measured(device, described(tmp_path))
    assert evidence.attempt.status is AttemptStatus.DONE
    finding = judged(found, BOTH)
    assert finding.verdict is Verdict.PASS
    assert finding.arguments["delays"] == "0.5, 10"
    assert "setting dns" in str(finding.arguments["keys"])
    assert judged(found, SOFTWARE).verdict is Verdict.PASS
    assert judged(found, {"kinds": ["ports"]}).verdict is Verdict.PASS
    restored = found.one("setting.restored", "setting dns")
    assert restored is not None
    assert (restored.value, device.setting) == (True, "192.0.2.1")
    assert device.cuts == 5, "two delays, three in the middle of an update"
    assert {fact.subject for fact in found.of("power.booted")} == {
        "cut 0.5 s",
        "cut 10 s",
        "update cut 0.05 s",
        "update cut 0.5 s",
        "update cut 2 s",
    }
    booted = found.one("power.booted", "cut 0.5 s")
    assert booted is not None
    assert float(str(booted.attributes["seconds"])) >= 7.0, "it waited for the slowest service"


def test_a_lazy_writer_loses_at_half_a_second_and_keeps_at_ten(tmp_path: Path) -> None:
    _, found = measured(Device(FakeClock(), lazy=5.0), described(tmp_path))
    finding = judged(found, BOTH)
    assert (finding.verdict, finding.reason) == (Verdict.FAIL, "lost")
    assert finding.arguments["lost"] == "setting dns after 0.5 s"
    assert finding.arguments["delays"] == "0.5, 10"
    kept = found.one("power.kept", "setting dns after 10 s")
    assert kept is not None
    assert kept.value is True
    measured_delay = found.of("power.kept", "setting dns after 0.5 s")[0].attributes["measured"]
    assert measured_delay == pytest.approx(0.5)


def test_a_lost_code_and_a_rollback_are_named(tmp_path: Path) -> None:
    _, found = measured(Device(FakeClock(), forgets_code=True), described(tmp_path))
    assert "code web after 0.5 s" in str(judged(found, BOTH).arguments["lost"])
    _, found = measured(Device(FakeClock(), rolls_back=True, downgrade=True), described(tmp_path))
    finding = judged(found, SOFTWARE)
    assert (finding.verdict, finding.reason) == (Verdict.FAIL, "lost")
    assert finding.details[0].arguments["before"] == "1.1.0"
    assert finding.details[0].arguments["after"] == "1.0.0"


def with_preset(terminal: Terminal) -> Terminal:
    login = msgspec.structs.replace(terminal.logins[0], preset=Code("admin", "admin"))
    return msgspec.structs.replace(terminal, logins=(login,))


def test_a_terminal_in_its_factory_state_is_read_with_the_preset_code(tmp_path: Path) -> None:
    device = Device(FakeClock())
    device.code = "admin"
    _, found = measured(device, with_preset(described(tmp_path)))
    assert judged(found, BOTH).verdict is Verdict.PASS
    assert device.setting == "192.0.2.1"


def test_a_lost_code_is_asked_once_and_the_setting_still_goes_back(tmp_path: Path) -> None:
    device = Device(FakeClock(), forgets_code=True)
    access = DeviceAccess(device)
    _, found = measured(device, with_preset(described(tmp_path)), access=access)
    assert judged(found, BOTH).arguments["lost"] == "code web after 0.5 s, code web after 10 s"
    assert access.wrong == 1, "refused once, never asked again"
    assert device.setting == "192.0.2.1", "put back with the preset code that came back"


def test_codes_that_are_all_refused_spend_two_tries(tmp_path: Path) -> None:
    device = Device(FakeClock())
    device.code = "something else"
    access = DeviceAccess(device)
    _, found = measured(device, with_preset(described(tmp_path)), access=access)
    assert access.wrong == 2
    assert judged(found, BOTH).verdict is Verdict.INCONCLUSIVE


def test_software_that_was_never_updated_decides_nothing(tmp_path: Path) -> None:
    device = Device(FakeClock())
    _, found = measured(device, described(tmp_path), risks=("power",))
    assert device.uploads == [], "updates were not allowed"
    assert judged(found, SOFTWARE).reason == "not-updated"
    assert judged(found, BOTH).verdict is Verdict.PASS
    _, found = measured(
        Device(FakeClock(), version="1.1.0"), described(tmp_path, software="1.0.0"), risks=("power",)
    )
    assert judged(found, SOFTWARE).verdict is Verdict.PASS, "an earlier probe has updated it"


def test_a_port_that_opens_after_the_cut_is_seen(tmp_path: Path) -> None:
    _, found = measured(Device(FakeClock(), opens=(23,)), described(tmp_path))
    finding = judged(found, {"kinds": ["ports"]})
    assert finding.verdict is Verdict.FAIL
    assert finding.details[0].arguments["opened"] == "23"


def test_an_update_cut_that_bricks_fails(tmp_path: Path) -> None:
    evidence, found = measured(Device(FakeClock(), bricks=True, downgrade=True), described(tmp_path))
    assert evidence.attempt.reason == "died"
    assert judged(found, SOFTWARE).reason == "not-booted"


def test_a_cut_that_was_none_decides_nothing(tmp_path: Path) -> None:
    """The wrong outlet: the command succeeds and the terminal never goes off."""

    class WrongOutlet:
        async def cut(self) -> None:
            return None

        async def restore(self) -> None:
            return None

    _, found = measured(Device(FakeClock()), described(tmp_path), power=WrongOutlet())
    finding = judged(found, BOTH)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "cut-not-seen")


def test_a_failing_driver_is_undecided_and_the_setting_is_restored(tmp_path: Path) -> None:
    device = Device(FakeClock())
    evidence, found = measured(device, described(tmp_path), power=DevicePower(device, "no such outlet"))
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.PARTIAL, "no-power")
    assert judged(found, BOTH).verdict is Verdict.INCONCLUSIVE
    assert device.setting == "192.0.2.1"


def test_no_power_and_nothing_declared() -> None:
    device = Device(FakeClock())
    evidence, found = measured(device, Terminal())
    assert evidence.attempt.reason == "nothing-declared"
    assert judged(found, BOTH).verdict is Verdict.INCONCLUSIVE
    assert judged(Observations(), BOTH).verdict is Verdict.NONE
    wire = fake_wire(PROBE, clock=device.clock)
    terminal = Terminal(power=Power())
    assert asyncio.run(PROBE.collect(terminal, wire)).attempt.reason == "no-power"
    assert PROBE.plan(Terminal()) == ()


def test_settings_that_cannot_be_read_back_are_no_control(tmp_path: Path) -> None:
    device = Device(FakeClock())
    device.write = lambda value: None  # type: ignore[method-assign]
    _, found = measured(device, described(tmp_path))
    finding = judged(found, {"kinds": ["setting"]})
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "no-control")


def test_killed_while_the_power_is_off(tmp_path: Path) -> None:
    """Resumed: the cut is not repeated, the power comes back, the setting is put back."""
    clock, store = FakeClock(), MemoryStore()
    device = Device(clock)
    terminal = described(tmp_path, delays=(0.5, 2.0))

    class Killed(DevicePower):
        async def restore(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(device, terminal, store=store, power=Killed(device))
    assert device.on is False
    assert any(event.kind == "undo" for event in store.events())
    evidence, found = measured(device, terminal, store=store)
    assert device.on is True
    assert device.cuts == 1 + 4, "the cut that had begun is not done again"
    assert device.setting == "192.0.2.1"
    assert evidence.attempt.reason == "interrupted"
    cut = found.one("power.kept", "setting dns after 0.5 s")
    assert cut is not None
    assert cut.value is None
    assert judged(found, BOTH).verdict is Verdict.INCONCLUSIVE
