"""Updaters that are right, cheap, careless, dead, brittle and late, and what can be said of each."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fakes.update_device import STRANGER, Device, DeviceAccess, DeviceNet, image
from fakes.wire import FakeClock, MemoryStore, fake_wire
from sekisho.criteria.software_update import CRITERION as SOFTWARE
from sekisho.criteria.update_integrity import CRITERION as INTEGRITY
from sekisho.criteria.update_newest import CRITERION as NEWEST
from sekisho.errors import PeerFailure
from sekisho.model.evidence import AttemptStatus, Evidence
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import (
    Code,
    Images,
    Login,
    Newest,
    Recipe,
    Repair,
    Service,
    Terminal,
    Update,
)
from sekisho.model.verdict import Finding, Verdict
from sekisho.probes.update_channel import PROBE

CRC = (Repair("crc32", start=8, at=4),)
MUTANTS = ["flipped", "truncated", "other_key"]


def described(folder: Path, *, without: tuple[str, ...] = (), **more: Any) -> Terminal:
    files = {
        "current": image("1.0.0"),
        "newer": image("1.1.0"),
        "older": image("0.9.0"),
        "other_key": image("6.6.6", STRANGER),
        "unsigned": image("6.6.7", None),
    }
    for kind, content in files.items():
        (folder / kind).write_bytes(content)
    images = Images(**{kind: str(folder / kind) for kind in files if kind not in without})
    update = Update(
        version=Recipe(path="/version"),
        upload=Recipe(method="POST", path="/upload", encoding="multipart", fields={"f": "{file}"}),
        images=images,
        login="web",
        settle_seconds=20.0,
        repair=more.pop("repair", CRC),
        **more,
    )
    return Terminal(
        services=(Service("web", "http", 80),),
        logins=(Login("web", "web", "form", current=Code("admin", "secret-of-this-unit")),),
        update=update,
    )


def measured(
    device: Device, terminal: Terminal, store: MemoryStore | None = None
) -> tuple[Evidence, Observations]:
    wire = fake_wire(
        PROBE, access=DeviceAccess(device), net=DeviceNet(device), clock=device.clock, store=store
    )
    evidence = asyncio.run(PROBE.collect(terminal, wire))
    facts = tuple(PROBE.observe(evidence))
    assert {fact.name for fact in facts} <= set(PROBE.facts)
    return evidence, Observations(facts, {PROBE.name: evidence.attempt})


def integrity(found: Observations, *, downgrade: bool = False) -> Finding:
    finding = INTEGRITY.judge(found, Terminal(), {"mutants": MUTANTS, "downgrade": downgrade})
    assert {finding.reason, *(one.reason for one in finding.details)} <= set(INTEGRITY.reasons)
    return finding


def value(found: Observations, name: str, subject: str) -> Any:
    fact = found.one(name, subject)
    assert fact is not None, f"{name} {subject} is missing"
    return fact.value


def test_a_signed_updater_refuses_all_and_takes_the_genuine_one(tmp_path: Path) -> None:
    device = Device(FakeClock())
    evidence, found = measured(device, described(tmp_path))
    assert evidence.attempt.status is AttemptStatus.DONE
    for name in ("flipped", "truncated", "other_key", "unsigned", "repaired"):
        fact = found.one("update.refused", f"image {name}")
        assert fact is not None
        assert fact.value is True
        assert fact.attributes["status"] == 200, "the reply says yes; it decides nothing"
    assert value(found, "update.genuine", "image newer") is True
    assert value(found, "update.downgrade", "image older") is True
    assert value(found, "update.transport", "upload") == "http"
    assert integrity(found, downgrade=True).verdict is Verdict.PASS
    software = SOFTWARE.judge(found, Terminal(), {})
    assert (software.verdict, software.arguments["before"], software.arguments["after"]) == (
        Verdict.PASS,
        "1.0.0",
        "1.1.0",
    )
    assert value(found, "update.returned", "software") is False, "a device without downgrade stays new"
    assert device.uploads.index("newer.bin") == 5, "the control comes after all that must be refused"


def test_a_checksum_alone_is_found_out_by_the_repaired_copy(tmp_path: Path) -> None:
    device = Device(FakeClock(), check="crc", downgrade=True)
    _, found = measured(device, described(tmp_path, without=("other_key", "unsigned")))
    assert value(found, "update.refused", "image flipped") is True
    assert value(found, "update.refused", "image repaired") is False
    assert value(found, "update.genuine", "image newer") is True, "put back in between, then really updated"
    assert value(found, "update.downgrade", "image older") is False
    assert value(found, "update.returned", "software") is True
    finding = integrity(found)
    assert (finding.verdict, finding.reason, finding.arguments) == (
        Verdict.FAIL,
        "accepted",
        {"images": "repaired"},
    )
    assert SOFTWARE.judge(found, Terminal(), {}).verdict is Verdict.PASS


def test_a_terminal_is_not_left_on_the_older_version(tmp_path: Path) -> None:
    device = Device(FakeClock(), downgrade=True)
    _, found = measured(device, described(tmp_path, without=("current",)))
    assert value(found, "update.returned", "software") is False
    assert device.up()
    assert device.version == "1.1.0"


def test_an_updater_without_any_check(tmp_path: Path) -> None:
    _, found = measured(Device(FakeClock(), check="none", downgrade=True), described(tmp_path))
    finding = integrity(found)
    assert finding.verdict is Verdict.FAIL
    assert "other_key" in str(finding.arguments["images"])


def test_an_altered_image_that_stays_spoils_the_control_but_not_the_verdict(tmp_path: Path) -> None:
    terminal = described(tmp_path, without=("current", "older", "other_key", "unsigned"))
    device = Device(FakeClock(), check="none")
    evidence, found = measured(device, terminal)
    assert device.uploads[-1] == "newer.bin", "altered software does not stay"
    assert evidence.attempt.reason == "no-control"
    assert integrity(found).verdict is Verdict.FAIL
    software = SOFTWARE.judge(found, Terminal(), {})
    assert (software.verdict, software.reason) == (Verdict.INCONCLUSIVE, "altered-installed")


def test_a_dead_updater_never_passes(tmp_path: Path) -> None:
    evidence, found = measured(Device(FakeClock(), check="dead"), described(tmp_path))
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.PARTIAL, "no-control")
    assert value(found, "update.refused", "image flipped") is True
    assert integrity(found).reason == "no-control"
    assert integrity(found).verdict is Verdict.INCONCLUSIVE
    software = SOFTWARE.judge(found, Terminal(), {})
    assert (software.verdict, software.reason) == (Verdict.INCONCLUSIVE, "no-working-update")


def test_a_device_that_dies_of_a_bad_image_fails_and_is_left_alone(tmp_path: Path) -> None:
    device = Device(FakeClock(), check="brittle")
    evidence, found = measured(device, described(tmp_path))
    assert evidence.attempt.reason == "died"
    assert device.uploads == ["flipped.bin"]
    finding = integrity(found)
    assert (finding.verdict, finding.reason) == (Verdict.FAIL, "killed")


def test_an_installation_that_comes_late_is_not_a_refusal(tmp_path: Path) -> None:
    terminal = described(tmp_path, without=("other_key", "unsigned"), repair=())
    _, found = measured(Device(FakeClock(), check="late", downgrade=True), terminal)
    finding = integrity(found)
    assert finding.verdict is Verdict.FAIL


def test_downgrade_is_shown_and_counts_only_when_asked(tmp_path: Path) -> None:
    _, found = measured(Device(FakeClock(), downgrade=True), described(tmp_path))
    assert integrity(found).verdict is Verdict.PASS
    (shown,) = [one for one in integrity(found).details if one.subject == "image older"]
    assert (shown.reason, shown.verdict) == ("older-accepted", Verdict.NOT_APPLICABLE)
    asked = integrity(found, downgrade=True)
    assert (asked.verdict, asked.reason) == (Verdict.FAIL, "downgrade-accepted")


def test_what_was_not_tried_is_not_refused(tmp_path: Path) -> None:
    _, found = measured(Device(FakeClock()), described(tmp_path, without=("other_key", "older")))
    finding = integrity(found)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "not-tried")
    assert finding.arguments["images"] == "other_key"
    assert integrity(found, downgrade=True).verdict is Verdict.INCONCLUSIVE


def test_without_a_newer_image_nothing_is_claimed(tmp_path: Path) -> None:
    evidence, found = measured(Device(FakeClock()), described(tmp_path, without=("newer",)))
    assert evidence.attempt.reason == "not-described"
    assert integrity(found).verdict is Verdict.INCONCLUSIVE
    assert SOFTWARE.judge(found, Terminal(), {}).verdict is Verdict.INCONCLUSIVE


def test_a_version_that_cannot_be_read_sends_nothing(tmp_path: Path) -> None:
    device = Device(FakeClock())
    device.dead = True
    evidence, found = measured(device, described(tmp_path))
    assert evidence.attempt.status is AttemptStatus.FAILED
    assert device.uploads == []
    assert integrity(found).verdict is Verdict.INCONCLUSIVE


def test_nothing_declared_is_skipped_and_undecided() -> None:
    evidence, found = measured(Device(FakeClock()), Terminal())
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.SKIPPED, "nothing-declared")
    assert PROBE.plan(Terminal()) == ()
    for criterion in (SOFTWARE, INTEGRITY, NEWEST):
        assert criterion.judge(found, Terminal(), {}).verdict is Verdict.INCONCLUSIVE
        assert criterion.judge(Observations(), Terminal(), {}).verdict is Verdict.NONE


def test_a_refused_code_is_asked_once(tmp_path: Path) -> None:
    device = Device(FakeClock())
    device.code = "something else"
    access = DeviceAccess(device)
    wire = fake_wire(PROBE, access=access, net=DeviceNet(device), clock=device.clock)
    evidence = asyncio.run(PROBE.collect(described(tmp_path), wire))
    assert evidence.attempt.status is AttemptStatus.FAILED
    assert access.wrong == 1
    assert device.clock.seconds == 0, "and nobody waited for it to become right"


def test_no_upload_is_repeated_when_a_run_goes_on(tmp_path: Path) -> None:
    """Killed in the middle of an upload: that one is never sent again, and the rest goes on."""
    clock, store = FakeClock(), MemoryStore()
    device = Device(clock)
    terminal = described(tmp_path)
    real = device.install

    def killed(data: bytes, name: str) -> int:
        if name == "other_key.bin":
            raise KeyboardInterrupt
        return real(data, name)

    device.install = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        measured(device, terminal, store)
    device.install = real  # type: ignore[method-assign]
    evidence, found = measured(device, terminal, store)
    assert device.uploads.count("flipped.bin") == 1
    assert device.uploads.count("other_key.bin") == 0
    assert value(found, "update.refused", "image other_key") is None, "how much of it arrived is not known"
    assert value(found, "update.genuine", "image newer") is True
    record = evidence.record("mutant/other_key/upload")
    assert record is not None
    assert record.failure is not None
    assert record.failure.reason == "interrupted"
    assert integrity(found).verdict is Verdict.INCONCLUSIVE


def test_the_evidence_names_images_by_digest_and_holds_no_code(tmp_path: Path) -> None:
    store = MemoryStore()
    evidence, _ = measured(Device(FakeClock()), described(tmp_path), store)
    images = evidence.record("images")
    assert images is not None
    assert set(images.data["images"]["newer"]) == {"name", "size", "sha256"}
    assert "secret-of-this-unit" not in str(evidence)
    assert store.blobs == {}


def test_without_declared_means_it_is_undecided(tmp_path: Path) -> None:
    _, found = measured(Device(FakeClock()), described(tmp_path))
    finding = NEWEST.judge(found, Terminal(), {})
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "no-declared-means")


def newest(tmp_path: Path, means: Newest, *answers: Observation) -> Finding:
    terminal = described(tmp_path, newest=means)
    _, found = measured(Device(FakeClock()), terminal)
    return NEWEST.judge(Observations((*found.facts, *answers), found.attempts), Terminal(), {})


def test_the_newest_version_on_the_device_or_on_a_page(tmp_path: Path) -> None:
    device = newest(tmp_path, Newest(device=Recipe(path="/newest")))
    assert (device.verdict, device.reason) == (Verdict.PASS, "device")
    assert device.arguments["moved"] is True, "it followed the update"
    page = tmp_path / "page.html"
    page.write_text("<p>The newest software is 1.1.0.</p>")
    assert newest(tmp_path, Newest(web=str(page))).reason == "web"
    page.write_text("<p>The newest software is 11.1.0 or 1.1.0.2.</p>")
    assert newest(tmp_path, Newest(web=str(page))).verdict is Verdict.INCONCLUSIVE


def test_a_name_on_the_internet_is_not_looked_up(tmp_path: Path) -> None:
    finding = newest(tmp_path, Newest(web="https://maker.example/newest"))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.details[0].arguments["failure"] == "not-allowed"


def test_a_mere_statement_needs_a_person(tmp_path: Path) -> None:
    means = Newest(manual="See page 20.")
    assert newest(tmp_path, means).reason == "declared-only"
    yes = Observation("answer", "newest-software-means", "yes", {"person": "試験 花子", "at": "2026-11-21"})
    finding = newest(tmp_path, means, yes)
    assert (finding.verdict, finding.assurance.value) == (Verdict.PASS, "witnessed")
    no = Observation("answer", "newest-software-means", "no", {"person": "試験 花子", "at": "2026-11-21"})
    assert newest(tmp_path, Newest(device=Recipe(path="/nothing")), no).verdict is Verdict.FAIL
    assert newest(tmp_path, Newest(device=Recipe(path="/nothing"))).verdict is Verdict.INCONCLUSIVE


class Installer:
    """The installer on the host of a program: what it says tells nothing, how it ends neither."""

    def __init__(self, device: Device) -> None:
        self.device, self.commands = device, []  # type: ignore[var-annotated]

    async def run(self, command: Any) -> str:
        raise AssertionError(command)

    async def install(self, command: Any, content: bytes, name: str) -> str:
        self.commands.append(tuple(command))
        before = len(self.device.installs)
        self.device.install(content, name)
        if len(self.device.installs) == before:
            raise PeerFailure("unsupported", "install ended with 1: refused")
        return "ok"


def by_installer(folder: Path, host: Installer | None, device: Device) -> tuple[Evidence, Observations]:
    terminal = described(folder, install=("install", "{file}"))
    wire = fake_wire(PROBE, access=DeviceAccess(device), net=DeviceNet(device), clock=device.clock, host=host)
    evidence = asyncio.run(PROBE.collect(terminal, wire))
    return evidence, Observations(tuple(PROBE.observe(evidence)), {PROBE.name: evidence.attempt})


def test_a_program_is_updated_by_its_hosts_installer(tmp_path: Path) -> None:
    device = Device(FakeClock())
    host = Installer(device)
    _, found = by_installer(tmp_path, host, device)
    assert SOFTWARE.judge(found, Terminal(), {}).verdict is Verdict.PASS
    assert integrity(found).verdict is Verdict.PASS
    assert {one.value for one in found.of("update.transport")} == {"host"}
    assert set(host.commands) == {("install", "{file}")}


def test_an_installer_that_takes_anything_fails(tmp_path: Path) -> None:
    device = Device(FakeClock(), check="none", downgrade=True)
    assert integrity(by_installer(tmp_path, Installer(device), device)[1]).verdict is Verdict.FAIL


def test_an_installer_that_never_ran_refused_nothing(tmp_path: Path) -> None:
    class Missing(Installer):
        async def install(self, command: Any, content: bytes, name: str) -> str:
            raise PeerFailure("unsupported", "install: No such file or directory")

    device = Device(FakeClock())
    _, found = by_installer(tmp_path, Missing(device), device)
    assert integrity(found).verdict is Verdict.INCONCLUSIVE
    assert {one.value for one in found.of("update.refused")} <= {None}
