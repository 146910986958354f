"""The state of the terminal that must survive: settings, codes, version, ports, answering services."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sekisho.errors import PeerFailure
from sekisho.model.terminal import Login, Service, Setting, Terminal, Update
from sekisho.ports import Endpoint, Reading, Session, Wire

POLL_SECONDS = 0.5
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

    async def code(self, login: Login) -> dict[str, Any]:
        """Sign in with the code that works now; the code itself is not kept."""
        code = login.current or login.preset
        origin = "current" if login.current else "preset"
        try:
            signed, session = await self.wire.access.sign_in(login, code)
        except PeerFailure as failure:
            return {"accepted": None, "code": origin, "failure": failure.reason}
        await session.close()
        return {
            "accepted": signed.accepted,
            "code": origin,
            "user": code.user if code else "",
            "proof": signed.proof,
            "failure": signed.failure,
        }

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
            signed, session = await self.wire.access.sign_in(login, login.current or login.preset)
        except PeerFailure as failure:
            return None, failure.reason
        if signed.accepted is False or signed.failure:
            await session.close()
            return None, signed.failure or "sign-in"
        return session, ""


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
