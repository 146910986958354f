"""The means by which a user confirms that the newest software is installed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sekisho.errors import AuthorisationError
from sekisho.formats.http import Request
from sekisho.model.terminal import Newest, Terminal, Update
from sekisho.ports import Endpoint, Wire
from sekisho.probes.update_channel.channel import Channel, version_in

_MOST_TEXT = 256 * 1024
_EXCERPT = 500
_ADDRESS = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::(\d{1,5}))?(/.*)?")


class NewestMeans:
    """Looks at the declared means: the terminal's own, and the maker's page (saved, or within scope)."""

    def __init__(self, terminal: Terminal, update: Update, channel: Channel, wire: Wire) -> None:
        """Keep what is declared."""
        self.terminal = terminal
        self.newest = update.newest or Newest()
        self.service = update.version_service
        self.channel = channel
        self.wire = wire

    async def read(self, when: str, versions: tuple[str, ...]) -> None:
        """Read the terminal's means ``before`` and ``after`` the updates; the page only after them."""
        if self.newest.device is not None:
            await self.wire.step(f"newest/device/{when}", self._device)
        if self.newest.web and when == "after":

            async def web() -> Mapping[str, Any]:
                return await self._web(versions)

            await self.wire.step("newest/web", web)

    async def _device(self) -> Mapping[str, Any]:
        if self.newest.device is None:
            return {}
        reading = await self.channel.run(self.newest.device, self.service)
        return {
            "value": version_in(reading),
            "status": reading.status,
            "failure": reading.failure,
            "excerpt": reading.excerpt[:_EXCERPT],
        }

    async def _web(self, versions: tuple[str, ...]) -> Mapping[str, Any]:
        """Return which of the versions the page names; its text is kept as an attachment."""
        place = self.newest.web
        found = _file(place)
        status, kind, failure = 0, "file", ""
        if found is None:
            kind = "address"
            found, status, failure = await self._fetch(place)
        wanted = {*versions, self.terminal.software} - {""}
        data: dict[str, Any] = {"place": place, "kind": kind, "status": status, "failure": failure}
        if found is None:
            return data
        text = found[:_MOST_TEXT].decode("utf-8", "replace")
        names = sorted(one for one in wanted if re.search(rf"(?<![\w.]){re.escape(one)}(?!\w|\.\d)", text))
        digest = hashlib.sha256(found).hexdigest()
        kept = self.wire.attach("newest-page", found[:_MOST_TEXT])
        return {**data, "length": len(found), "sha256": digest, "attachment": kept, "names": names}

    async def _fetch(self, place: str) -> tuple[bytes | None, int, str]:
        match = _ADDRESS.fullmatch(place)
        if match is None:
            # Names are not looked up: the page of a maker is outside what the authorisation covers.
            return None, 0, "not-allowed"
        scheme, host, port, path = match.groups()
        endpoint = Endpoint(
            address=host.strip("[]"),
            port=int(port or (443 if scheme == "https" else 80)),
            tls=scheme == "https",
        )
        try:
            reply = await self.wire.net.fetch(endpoint, Request(path=path or "/"))
        except AuthorisationError:
            return None, 0, "not-allowed"
        return reply.body, reply.status, ""


def _file(place: str) -> bytes | None:
    try:
        path = Path(place)
        return path.read_bytes()[:_MOST_TEXT] if path.is_file() else None
    except (OSError, ValueError):
        return None
