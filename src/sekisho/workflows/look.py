"""Look: open ports, what speaks on them, and the login paths that their first pages show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from sekisho.errors import PeerFailure
from sekisho.formats.http import Request
from sekisho.model.observation import Observation
from sekisho.model.terminal import Login, Service, Terminal
from sekisho.ports import Access, Endpoint, Found, Net, Probe, Watcher, Wire

_PAGES = ("/", "/login", "/index.html")


class Desks(Protocol):
    """Gives each probe its wire."""

    def __call__(self, probe: Probe, found: tuple[Found, ...]) -> Wire:
        """Return a wire for ``probe``."""
        ...


async def look(
    terminal: Terminal,
    probes: Mapping[str, Probe],
    desks: Desks,
    ways: tuple[Net, Access],
    watcher: Watcher,
) -> tuple[tuple[Service, ...], tuple[Login, ...]]:
    """Return the services and login paths that a first description can start from."""
    facts = await _ask(probes["open_ports"], 1, terminal, desks, (), watcher)
    found = tuple(
        Found(
            str(fact.attributes["interface"]),
            str(fact.attributes["address"]),
            str(fact.attributes["transport"]),
            int(fact.attributes["port"] or 0),
        )
        for fact in facts
        if fact.name == "port.open"
    )
    spoken = await _ask(probes["service_identity"], 2, terminal, desks, found, watcher)
    protocols = {fact.subject: fact for fact in spoken if fact.name == "service.protocol"}
    services: list[Service] = []
    logins: list[Login] = []
    for one in found:
        fact = protocols.get(f"{one.interface} {one.transport}/{one.port}")
        protocol = str(fact.value) if fact else "unknown"
        service = Service(
            name=f"{protocol}-{one.interface}-{one.port}",
            protocol=protocol,
            port=one.port,
            interface=one.interface,
            transport=one.transport,
            tls=protocol == "https",
        )
        services.append(service)
        logins += await _logins(service, one, ways)
    return tuple(services), tuple(logins)


async def _ask(
    probe: Probe,
    number: int,
    terminal: Terminal,
    desks: Desks,
    found: tuple[Found, ...],
    watcher: Watcher,
) -> list[Observation]:
    watcher.probe_began(probe.name, number, 2)
    evidence = await probe.collect(terminal, desks(probe, found))
    watcher.probe_ended(probe.name, evidence.attempt)
    return list(probe.observe(evidence))


async def _logins(service: Service, one: Found, ways: tuple[Net, Access]) -> Iterable[Login]:
    if service.protocol in {"telnet", "ssh"}:
        return [Login(name=service.name, service=service.name, kind=service.protocol)]
    if service.protocol not in {"http", "https"}:
        return []
    net, access = ways
    endpoint = Endpoint(one.address, one.port, tls=service.tls)
    pages = []
    for path in _PAGES:
        try:
            pages.append(await net.fetch(endpoint, Request(path=path)))
        except PeerFailure:
            continue
    shown = access.discovered(endpoint, pages)
    return [
        msgspec.structs.replace(login, name=f"{service.name}-{number}", service=service.name)
        for number, login in enumerate(shown, 1)
    ]
