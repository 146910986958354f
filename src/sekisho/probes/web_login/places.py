"""Where web management answers, on which side, and by which login paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from sekisho.errors import PeerFailure
from sekisho.formats.http import Reply, Request
from sekisho.formats.pages import read_page, resolve
from sekisho.model.evidence import Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.terminal import Interface, Login, Terminal
from sekisho.ports import Endpoint, Wire

WEB_KINDS = frozenset({"form", "basic", "digest", "json", "none"})
WEB_PROTOCOLS = frozenset({"http", "https"})
MANAGEMENT_PORTS = (80, 81, 82, 83, 85, 443, 8080, 8443)
TLS_PORTS = frozenset({443, 8443})
MOST_HOPS = 4
SILENT = frozenset({"timed-out", "refused", "reset", "closed", "unreachable"})


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A port where HTTP is spoken: which interface and side, TLS or not; ``source`` is our own address."""

    interface: str
    role: str
    address: str
    port: int
    tls: bool = False
    source: str = ""
    device: str = ""

    @property
    def endpoint(self) -> Endpoint:
        """The place as the net port wants it."""
        return Endpoint(self.address, self.port, tls=self.tls, source=self.source, device=self.device)

    @property
    def service(self) -> str:
        """The name of a service that nobody declared, as the access port reads it."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    @property
    def subject(self) -> str:
        """Such as ``lan tcp/80``."""
        return f"{self.interface} tcp/{self.port}"


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A login path at a place. ``name`` tells the same login on another side apart: ``web at wan``."""

    name: str
    login: Login
    place: Place
    declared: bool
    home: bool

    @property
    def attributes(self) -> dict[str, Any]:
        """What every record of this target says about it."""
        return {
            "login": self.login.name,
            "kind": self.login.kind,
            "service": self.login.service,
            "interface": self.place.interface,
            "role": self.place.role,
            "address": self.place.address,
            "port": self.place.port,
            "declared": self.declared,
            "home": self.home,
        }


def web_logins(terminal: Terminal) -> tuple[Login, ...]:
    """Return the declared logins that are done over HTTP."""
    return tuple(login for login in terminal.logins if login.kind in WEB_KINDS)


# What a found port may speak and still be worth a question in HTTP: not said, not known, or a web dialect.
MAYBE_WEB = {"", "unknown", "http", "https", "upnp", "onvif", "tr069"}


def candidates(terminal: Terminal, interface: Interface, address: str, wire: Wire) -> dict[int, bool]:
    """Return the ports to ask for HTTP at ``address`` (port → TLS first), declared and found ones included, excluded ones not."""
    ports = {port: port in TLS_PORTS for port in MANAGEMENT_PORTS}
    for service in terminal.services:
        if service.transport == "tcp" and service.protocol in WEB_PROTOCOLS:
            ports[service.port] = service.tls or service.protocol == "https"
    for found in wire.found:
        here = found.transport == "tcp" and found.interface == interface.name and found.address == address
        if here and found.protocol in MAYBE_WEB:
            ports.setdefault(found.port, found.port in TLS_PORTS)
    return {port: tls for port, tls in ports.items() if not terminal.excludes("tcp", port)}


async def find_places(terminal: Terminal, wire: Wire) -> tuple[Target, ...]:
    """Look for web services at every address and return the login paths there, the declared home first."""
    targets: list[Target] = []
    for interface in terminal.interfaces:
        for address in interface.addresses:
            source = next((one for one in interface.sources if (":" in one) == (":" in address)), "")
            ports = candidates(terminal, interface, address, wire)
            first = Place(interface.name, interface.role.value, address, 0, False, source, interface.device)

            async def reach(first: Place = first, ports: dict[int, bool] = ports) -> dict[str, Any]:
                return await _reach(terminal, wire, first, ports)

            record = await wire.step(f"web/reach/{interface.name} {address}", reach)
            targets += _targets(terminal, record, first, targets)
    return tuple(sorted(targets, key=lambda one: not one.home))


async def _reach(terminal: Terminal, wire: Wire, first: Place, ports: dict[int, bool]) -> dict[str, Any]:
    scan = await wire.net.scan(first.endpoint, sorted(ports))
    answers = []
    for port in scan.open:
        for tls in (ports[port], not ports[port]):
            place = msgspec.structs.replace(first, port=port, tls=tls)
            try:
                pages = await _front(wire, place)
            except PeerFailure as failure:
                answers.append({"port": port, "tls": tls, "failure": failure.reason})
                continue
            known = _declared(terminal, place)
            found = () if known else wire.access.discovered(place.endpoint, pages)
            answers.append(
                {
                    "port": port,
                    "tls": tls,
                    "status": pages[0].status,
                    "server": pages[0].header("server")[:100],
                    "title": read_page(pages[-1].text, "/").title,
                    "logins": [msgspec.to_builtins(one) for one in found if one.kind in WEB_KINDS],
                }
            )
            break
    own = {"interface": first.interface, "role": first.role, "address": first.address}
    return {**own, "asked": sorted(ports), "silent": list(scan.silent), "answers": answers}


async def _front(wire: Wire, place: Place) -> list[Reply]:
    """Fetch the first page, following a few redirects on the same host."""
    path, pages = "/", [await wire.net.fetch(place.endpoint, Request())]
    for _ in range(MOST_HOPS):
        onward = resolve(pages[-1].header("location"), path, place.address)
        if not onward or onward == path:
            break
        path = onward
        pages.append(await wire.net.fetch(place.endpoint, Request(path=path)))
    return pages


def _declared(terminal: Terminal, place: Place) -> list[Login]:
    """Return the declared logins whose service has this port, on whichever interface."""
    known = []
    for login in web_logins(terminal):
        service = terminal.service(login.service)
        if service is not None and service.port == place.port and service.transport == "tcp":
            known.append(login)
    return known


def _targets(terminal: Terminal, record: Record, first: Place, before: list[Target]) -> Iterator[Target]:
    for answer in record.data.get("answers", []):
        if "failure" in answer:
            continue
        place = msgspec.structs.replace(first, port=answer["port"], tls=answer["tls"])
        taken = {(one.login.name, one.place.interface, one.place.port) for one in before}
        for login in _declared(terminal, place):
            if (login.name, place.interface, place.port) in taken:
                continue
            service = terminal.service(login.service)
            home = service is not None and service.interface == place.interface
            there = login if home else msgspec.structs.replace(login, service=place.service)
            name = login.name if home else f"{login.name} at {place.interface}"
            yield Target(name, there, place, declared=True, home=home)
        for one in answer["logins"]:
            login = msgspec.convert(one, Login)
            if (login.name, place.interface, place.port) not in taken:
                yield Target(f"{login.name} at {place.interface}", login, place, declared=False, home=False)


def missing(terminal: Terminal, targets: Iterable[Target]) -> tuple[Login, ...]:
    """Return the declared logins that answered nowhere at home."""
    there = {one.login.name for one in targets if one.home}
    return tuple(login for login in web_logins(terminal) if login.name not in there)


async def look_alive(target: Target, wire: Wire, when: str) -> Record:
    """Ask for the first page; any answer at all means that the service lives."""

    async def fetch() -> dict[str, Any]:
        try:
            reply = await wire.net.fetch(target.place.endpoint, Request())
        except PeerFailure as failure:
            return {**target.attributes, "when": when, "answered": False, "failure": failure.reason}
        return {**target.attributes, "when": when, "answered": True, "status": reply.status}

    return await wire.step(f"web/{target.name}/live {when}", fetch)


def observe_places(evidence: Evidence) -> Iterator[Observation]:
    """Derive ``login.reach`` and ``login.live``."""
    for record in evidence.under("web/reach/"):
        data, pointer = record.data, (evidence.point(record),)
        if record.failure is not None:
            continue
        answers = {one["port"]: one for one in data["answers"] if "failure" not in one}
        silent = set(data["silent"])
        for port in data["asked"]:
            own = {key: data[key] for key in ("interface", "role", "address")} | {"port": port}
            value = True if port in answers else None if port in silent and data["role"] != "wan" else False
            if value is not None:
                yield Observation("login.reach", f"{data['interface']} tcp/{port}", value, own, pointer)
    for record in evidence.under("web/"):
        if "/live " not in record.step or record.failure is not None:
            continue
        keep = {key: record.data[key] for key in ("when", "interface", "role", "login")}
        subject = f"login {record.step.removeprefix('web/').partition('/live ')[0]}"
        alive = bool(record.data["answered"])
        yield Observation("login.live", subject, alive, keep, (evidence.point(record),))
