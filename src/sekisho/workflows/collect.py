"""Collect: plan, then run the probes one after the other, gentlest first; all of it goes to the store."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from sekisho.errors import AuthorisationError, PeerFailure
from sekisho.model.assessment import Authorisation, Plan, Planned, Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence
from sekisho.model.observation import Observation
from sekisho.model.requirement import Catalogue, Rule
from sekisho.model.terminal import Setting, Terminal
from sekisho.ports import Access, Criterion, EvidenceStore, Found, Probe, Watcher, Wire

# The probes whose facts the later ones are told.
_TELLING = {"open_ports", "service_identity"}
# What can't be done without entering codes, which is a permission of its own.
_ENTERING = frozenset({Risk.FACTORY, Risk.LOGIN, Risk.WRITE, Risk.LOCKOUT})


class Desks(Protocol):
    """Gives each probe its wire."""

    def __call__(self, probe: Probe, found: tuple[Found, ...]) -> Wire:
        """Return a wire for ``probe``; ``found`` are the open ports known so far."""
        ...


def criteria_of(rule: Rule) -> set[str]:
    """Return the names of all criteria in a rule's tree."""
    own = {rule.criterion} if rule.criterion else set()
    return own.union(*(criteria_of(branch) for branch in (*rule.all, *rule.any)))


def plan(
    terminal: Terminal,
    catalogues: Sequence[Catalogue],
    criteria: Mapping[str, Criterion],
    probes: Mapping[str, Probe],
    authorisation: Authorisation | None,
    only: Iterable[str] = (),
) -> Plan:
    """Return which probes the catalogues need, in order of risk, and why any of them will not run."""
    wanted: set[str] = set()
    for catalogue in catalogues:
        names = {catalogue.applicability} - {""}
        for requirement in catalogue.requirements:
            names |= criteria_of(requirement.rule) if requirement.rule else set()
        for name in names & criteria.keys():
            wanted |= set(criteria[name].needs)
    chosen = wanted & (set(only) or wanted)
    planned = []
    for probe in sorted(
        (probes[name] for name in chosen & probes.keys()), key=lambda one: (one.risk, one.name)
    ):
        why = _why_not(probe.risk, authorisation)
        planned.append(Planned(probe.name, probe.risk, not why, why, probe.plan(terminal)))
    planned += [Planned(name, Risk.READ, False, "not-installed") for name in sorted(chosen - probes.keys())]
    targets = tuple(
        f"{interface.name} ({interface.role.value}) {address}"
        for interface in terminal.interfaces
        for address in interface.addresses
    )
    return Plan(targets, tuple(catalogue.id for catalogue in catalogues), tuple(planned))


def _why_not(risk: Risk, authorisation: Authorisation | None) -> str:
    if authorisation is None:
        return "no-authorisation"
    needed = {risk.name.lower(), *(("login",) if risk in _ENTERING else ())}
    return "" if needed <= {"read", *authorisation.risks} else "not-authorised"


async def collect(
    terminal: Terminal,
    planned: Plan,
    probes: Mapping[str, Probe],
    store: EvidenceStore,
    desks: Desks,
    watcher: Watcher,
) -> tuple[Evidence, ...]:
    """Run the plan. A probe that the store holds as ended is not run again (a resumed run)."""
    ended = {event.body["probe"] for event in store.events() if event.kind == "probe"}
    found: tuple[Found, ...] = ()
    brought: list[Evidence] = []
    for number, entry in enumerate(planned.probes, 1):
        probe = probes.get(entry.probe)
        if probe is None:
            continue
        if entry.probe in ended:
            evidence = _remembered(probe.name, store)
        else:
            watcher.probe_began(entry.probe, number, len(planned.probes))
            evidence = await _run(probe, terminal, desks(probe, found), entry)
            watcher.probe_ended(entry.probe, evidence.attempt)
            brought.append(evidence)
        if probe.name in _TELLING:
            found = _learn(found, probe.observe(evidence))
    return tuple(brought)


async def _run(probe: Probe, terminal: Terminal, wire: Wire, entry: Planned) -> Evidence:
    """Run one probe; whatever goes wrong in it becomes its attempt, and the next one has its turn."""
    if not entry.runs:
        return wire.seal(Attempt(AttemptStatus.SKIPPED, "not-allowed", entry.why))
    try:
        return await probe.collect(terminal, wire)
    except PeerFailure as failure:
        return wire.seal(Attempt(AttemptStatus.FAILED, failure.reason, failure.detail))
    except AuthorisationError as error:
        return wire.seal(Attempt(AttemptStatus.FAILED, "not-allowed", f"{error.what.en}: {error.where}"))
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, OSError) as fault:
        detail = "".join(traceback.format_exception(fault))[-2000:]
        return wire.seal(Attempt(AttemptStatus.FAILED, "tool", detail))


def _remembered(name: str, store: EvidenceStore) -> Evidence:
    rows = [e.body["record"] for e in store.events() if e.kind == "step" and e.body["probe"] == name]
    blank = {"probe": name, "version": "", "attempt": {"status": "done"}, "records": rows}
    return msgspec.convert(blank, Evidence)


def _learn(found: tuple[Found, ...], facts: Iterable[Observation]) -> tuple[Found, ...]:
    """Return the open ports with what the facts add: new ports, and the protocol that one speaks."""
    known = {(one.address, one.transport, one.port): one for one in found}
    for fact in facts:
        if fact.name not in {"port.open", "service.protocol"}:
            continue
        a = fact.attributes
        protocol = str(fact.value) if fact.name == "service.protocol" else ""
        one = Found(
            str(a.get("interface", "")),
            str(a.get("address", "")),
            str(a.get("transport", "")),
            int(a.get("port") or 0),
            protocol,
        )
        if one.port:
            known[one.address, one.transport, one.port] = one
    return tuple(known.values())


def pending(store: EvidenceStore) -> dict[str, str]:
    """Return the settings that a run changed and has not put back: name → old value."""
    open_: dict[str, str] = {}
    for event in store.events():
        if event.kind == "undo" and event.body.get("value") is not None:
            open_.setdefault(str(event.body["setting"]), str(event.body["value"]))
        elif event.kind == "restored":
            open_.pop(str(event.body["setting"]), None)
    return open_


async def put_back(terminal: Terminal, store: EvidenceStore, access: Access) -> dict[str, bool]:
    """Write every pending setting's old value, read it back, and journal whether it is there again."""
    outcome: dict[str, bool] = {}
    for name, value in pending(store).items():
        setting = next((one for one in terminal.settings if one.name == name), None)
        outcome[name] = setting is not None and await _put_back(terminal, setting, value, access)
        store.append("restored" if outcome[name] else "not-restored", {"setting": name, "by": "collect"})
    return outcome


async def _put_back(terminal: Terminal, setting: Setting, value: str, access: Access) -> bool:
    login = terminal.login(setting.login)
    if login is None:
        return False
    code = login.current or login.preset
    _, session = await access.sign_in(login, code)
    try:
        await session.run(setting.write, {"value": value})
        return (await session.run(setting.read)).value == value
    finally:
        await session.close()
