"""The way to the updater: read the version, send an image, watch what the version does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sekisho.errors import PeerFailure
from sekisho.model.terminal import Code, Login, Recipe, Terminal, Update
from sekisho.ports import Reading, Session, Wire

POLL_SECONDS = 0.5
REFUSED = "sign-in"
LARGEST_IMAGE = 512 * 1024 * 1024
_OK = range(200, 300)
_MOST_VERSION = 200


class Channel:
    """Reads and sends; a session is kept while it works and made anew when it doesn't (after a restart)."""

    def __init__(self, terminal: Terminal, update: Update, wire: Wire) -> None:
        """Keep the description and the wire."""
        self.terminal = terminal
        self.update = update
        self.wire = wire
        self._kept: dict[str, Session] = {}
        self._codes: list[Code] | None = None

    async def close(self) -> None:
        """End the sessions that are still open."""
        while self._kept:
            _, session = self._kept.popitem()
            await session.close()

    async def read_version(self) -> dict[str, Any]:
        """Return ``version`` (None when it can't be read), ``status`` and ``failure``."""
        reading = await self.run(self.update.version, self.update.version_service)
        return {"version": version_in(reading), "status": reading.status, "failure": reading.failure}

    async def run(self, recipe: Recipe, service: str = "") -> Reading:
        """Run ``recipe`` at ``service`` (or where the update's login is)."""
        kept = self._kept.pop(service, None)
        if kept is not None:
            reading = await kept.run(recipe)
            if version_in(reading) is not None:
                self._kept[service] = kept
                return reading
            await kept.close()
        session, failure = await self._session(service)
        if session is None:
            return Reading(None, failure=failure)
        reading = await session.run(recipe)
        if version_in(reading) is not None:
            self._kept[service] = session
        else:
            await session.close()
        return reading

    async def send(self, image: bytes, name: str) -> dict[str, Any]:
        """Upload ``image`` and activate it when the description says how; say what came back."""
        sent: dict[str, Any] = describe(image, name)
        if self.update.install:
            return {**sent, **await self._install(image, name)}
        session, failure = await self._session(self.update.upload_service)
        if session is None:
            return {**sent, "sent": False, "failure": failure}
        try:
            reading = await session.upload(self.update.upload, image, name)
            sent.update(status=reading.status, excerpt=reading.excerpt[:500], failure=reading.failure)
            # A connection that was never made carried no image; a reset in the middle may be the refusal.
            sent["sent"] = reading.failure not in {"refused", "unreachable", "tls", "unsupported", "budget"}
            if self.update.activate is not None and sent["sent"]:
                activated = await session.run(self.update.activate)
                sent.update(activated=activated.status, activate_failure=activated.failure)
        finally:
            await session.close()
            await self.close()
        return sent

    async def _install(self, image: bytes, name: str) -> dict[str, Any]:
        """Hand the image to the installer on the host; what it says is kept and decides nothing."""
        await self.close()
        try:
            said = await self.wire.host.install(self.update.install, image, name)
        except PeerFailure as failure:
            # It ran and ended with an error: that may be the refusal. One that never ran brought no image.
            ran = failure.reason == "unsupported" and " ended with " in failure.detail
            return {"sent": ran, "failure": "" if ran else failure.reason, "excerpt": failure.detail[-500:]}
        return {"sent": True, "failure": "", "excerpt": said[-500:]}

    async def watch(self, before: str | None, seconds: float) -> dict[str, Any]:
        """Read the version until it differs from ``before``, or for ``seconds`` while it stays the same.

        As long as it can't be read (a restart), wait up to the declared ``settle_seconds``. Returns
        ``version``, ``changed``, ``seconds``, ``reads`` and ``unread``.
        """
        clock = self.wire.clock
        began = clock.monotonic()
        reads = unread = 0
        while True:
            read = await self.read_version()
            reads += 1
            passed = clock.monotonic() - began
            found = {
                "version": read["version"],
                "seconds": round(passed, 3),
                "reads": reads,
                "unread": unread,
            }
            if read["version"] is None:
                unread += 1
                # Refused codes stay refused: asking again would only spend the budget of wrong logins.
                if read["failure"] == REFUSED or passed >= max(self.update.settle_seconds, seconds):
                    return {**found, "unread": unread, "changed": None, "failure": read["failure"]}
            elif read["version"] != before:
                return {**found, "changed": True}
            elif passed >= seconds:
                return {**found, "changed": False}
            await clock.sleep(POLL_SECONDS)

    async def _session(self, service: str) -> tuple[Session | None, str]:
        login = self.terminal.login(self.update.login) if self.update.login else None
        try:
            if login is None or login.kind == "none" or (service and service != login.service):
                where = service or (login.service if login else "")
                if not where and self.terminal.services:
                    where = self.terminal.services[0].name
                if not where:
                    return None, "not-described"
                return await self.wire.access.visit(Login("update", where, "none")), ""
            return await self._sign_in(login)
        except PeerFailure as failure:
            return None, failure.reason

    async def _sign_in(self, login: Login) -> tuple[Session | None, str]:
        """Sign in with the code that works: the current one, or still the preset one; each refused once."""
        if self._codes is None:
            self._codes = [code for code in (login.current, login.preset) if code is not None]
        while self._codes:
            signed, session = await self.wire.access.sign_in(login, self._codes[0])
            if signed.accepted is not False and not signed.failure:
                return session, ""
            await session.close()
            if signed.failure or signed.locked:
                return None, signed.failure or "locked"
            self._codes.pop(0)
        return None, REFUSED


def version_in(reading: Reading) -> str | None:
    """Return the version that ``reading`` brought; an error page is none."""
    if reading.failure or reading.value is None or (reading.status and reading.status not in _OK):
        return None
    return reading.value.strip()[:_MOST_VERSION] or None


def describe(image: bytes, name: str) -> dict[str, Any]:
    """Return what is kept of an image: never the image itself."""
    return {"name": name, "size": len(image), "sha256": hashlib.sha256(image).hexdigest()}


def read_images(files: Mapping[str, str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Read the declared image files; returns the images by kind, and why others could not be read."""
    images: dict[str, bytes] = {}
    failures: dict[str, str] = {}
    for kind, file in files.items():
        if not file:
            continue
        path = Path(file)
        try:
            if path.stat().st_size > LARGEST_IMAGE:
                failures[kind] = "too-large"
            else:
                images[kind] = path.read_bytes()
        except OSError as error:
            failures[kind] = f"{path.name}: {error.strerror}"
    return images, failures
