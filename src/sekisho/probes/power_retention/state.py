"""The state of the terminal that must survive: settings, codes, version, ports, answering services."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sekisho.errors import PeerFailure
from sekisho.model.terminal import Code, Login, Service, Setting, Terminal, Update
from sekisho.ports import Endpoint, Reading, Session, Wire

POLL_SECONDS = 0.5
REFUSED = "sign-in"
#: Ports that must not open by themselves after a restart: management and known entry ports of malware.
LOOK = (21, 22, 23, 80, 443, 2323, 5555, 6789, 7547, 8080, 8443, 19058, 32764, 37215, 48101, 52869)
_OK = range(200, 300)
_MOST_VALUE = 500


class State:
    """Reads and writes; signs in anew each time, as a restart ends every session."""

    def __init__(self, terminal: Terminal, wire: Wire) -> None:
        """Keep the description and the wire."""
        self.terminal = terminal
        self.wire = wire
        self._codes: dict[str, list[tuple[str, Code]]] = {}
        self._proven: dict[str, tuple[str, Code]] = {}

    async def setting(self, setting: Setting) -> dict[str, Any]:
        """Return the setting's ``value`` (None when unreadable)."""
        session, failure = await self._signed_in(setting.login)
        if session is None:
            return {"value": None, "failure": failure}
        try:
            reading = await session.run(setting.read)
        finally:
            await session.close()
        return {"value": value_in(reading), "failure": reading.failure}

    async def write(self, setting: Setting, value: str) -> dict[str, Any]:
        """Write ``value`` and read it back in the same session."""
        session, failure = await self._signed_in(setting.login)
        if session is None:
            return {"wanted": value, "read": None, "failure": failure}
        try:
            written = await session.run(setting.write, {"value": value})
            saved = self.wire.clock.now().isoformat()
            reading = await session.run(setting.read)
        finally:
            await session.close()
        failure = written.failure or reading.failure
        return {
            "wanted": value,
            "read": value_in(reading),
            "status": written.status,
            "saved": saved,
            "failure": failure,
        }

    async def prove(self, login: Login) -> dict[str, Any]:
        """Find the code that works now (current, else preset): what must still work after each cut."""
        try:
            session, failure = await self._sign_in(login)
        except PeerFailure as error:
            session, failure = None, error.reason
        if session is None:
            return {"accepted": False if failure == REFUSED else None, "failure": failure}
        await session.close()
        self._proven[login.name] = self._codes[login.name][0]
        origin, code = self._proven[login.name]
        return {"accepted": True, "code": origin, "user": code.user, "failure": ""}

    async def code(self, login: Login) -> dict[str, Any]:
        """Sign in with the code that was proven before the cut; the code itself is not kept."""
        origin, code = self._proven[login.name]
        left = self._codes[login.name]
        found = {"code": origin, "user": code.user}
        if (origin, code) not in left:
            # Refused after an earlier cut: asking again would only spend the budget of wrong logins.
            return {**found, "accepted": False, "failure": "", "again": True}
        try:
            signed, session = await self.wire.access.sign_in(login, code)
        except PeerFailure as failure:
            return {**found, "accepted": None, "failure": failure.reason}
        await session.close()
        if signed.accepted is False and not signed.failure and not signed.locked:
            left.remove((origin, code))
        return {**found, "accepted": signed.accepted, "proof": signed.proof, "failure": signed.failure}

    def remember(self, login: Login, origin: str) -> None:
        """Take over from the journal of a run that died that the code ``origin`` worked before the cuts."""
        code = login.current if origin == "current" else login.preset
        if code is not None and login.name not in self._proven:
            self._proven[login.name] = (origin, code)
            self._codes[login.name] = [(origin, code)]

    def provable(self, login: Login) -> bool:
        """Tell whether a working code of ``login`` is known."""
        return login.name in self._proven

    async def software(self, update: Update) -> dict[str, Any]:
        """Return the installed ``version``."""
        session, failure = await self._session(update.login, update.version_service)
        if session is None:
            return {"version": None, "failure": failure}
        try:
            reading = await session.run(update.version)
        finally:
            await session.close()
        return {"version": value_in(reading), "failure": reading.failure}

    async def upload(self, update: Update, image: bytes) -> dict[str, Any]:
        """Send ``image`` to the updater and activate it; returns what came back."""
        kept = {"size": len(image), "sha256": hashlib.sha256(image).hexdigest()}
        if update.install:
            try:
                await self.wire.host.install(update.install, image, "image.bin")
            except PeerFailure as refused:
                return {**kept, "failure": refused.reason}
            return {**kept, "failure": ""}
        session, failure = await self._session(update.login, update.upload_service)
        if session is None:
            return {**kept, "failure": failure}
        try:
            reading = await session.upload(update.upload, image, "image.bin")
            if update.activate is not None and not reading.failure:
                await session.run(update.activate)
        finally:
            await session.close()
        return {**kept, "status": reading.status, "failure": reading.failure}

    async def ports(self, name: str, address: str, source: str) -> dict[str, Any]:
        """Look at a few ports of one interface."""
        declared = {
            one.port for one in self.terminal.services if one.interface == name and one.transport == "tcp"
        }
        looked = sorted({*LOOK, *declared})
        scan = await self.wire.net.scan(Endpoint(address, 0, source=source), looked)
        return {
            "address": address,
            "looked": looked,
            "open": list(scan.open),
            "unreachable": list(scan.unreachable),
        }

    async def answering(self, service: Service) -> bool:
        """Tell whether ``service`` takes a connection."""
        endpoint = self.endpoint(service)
        if endpoint is None:
            return False
        try:
            connection = await self.wire.net.open(endpoint)
        except PeerFailure:
            return False
        await connection.close()
        return True

    def endpoint(self, service: Service) -> Endpoint | None:
        """Return where ``service`` is, or None when its interface has no address."""
        interface = self.terminal.interface(service.interface)
        if interface is None or not interface.addresses:
            return None
        source = interface.sources[0] if interface.sources else ""
        return Endpoint(interface.addresses[0], service.port, source=source, device=interface.device)

    async def _signed_in(self, name: str) -> tuple[Session | None, str]:
        return await self._session(name, "")

    async def _session(self, name: str, service: str) -> tuple[Session | None, str]:
        login = self.terminal.login(name) if name else None
        try:
            if login is None or login.kind == "none" or (service and service != login.service):
                where = service or (login.service if login else "")
                if not where and self.terminal.services:
                    where = self.terminal.services[0].name
                if not where:
                    return None, "not-described"
                return await self.wire.access.visit(Login("reader", where, "none")), ""
            return await self._sign_in(login)
        except PeerFailure as failure:
            return None, failure.reason

    async def _sign_in(self, login: Login) -> tuple[Session | None, str]:
        """Sign in with the current code, else the preset one; a refused one is not tried again."""
        pairs = (("current", login.current), ("preset", login.preset))
        given = [(origin, code) for origin, code in pairs if code is not None]
        left = self._codes.setdefault(login.name, given)
        while left:
            signed, session = await self.wire.access.sign_in(login, left[0][1])
            if signed.accepted is not False and not signed.failure:
                return session, ""
            await session.close()
            if signed.failure or signed.locked:
                return None, signed.failure or "locked"
            left.pop(0)
        return None, REFUSED


def value_in(reading: Reading) -> str | None:
    """Return the value that ``reading`` brought; an error page has none."""
    if reading.failure or reading.value is None or (reading.status and reading.status not in _OK):
        return None
    return reading.value.strip()[:_MOST_VALUE]


def image_of(file: str) -> bytes | None:
    """Return the bytes of a declared image, or None."""
    try:
        return Path(file).read_bytes() if file else None
    except OSError:
        return None
