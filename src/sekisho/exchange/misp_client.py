"""Fetches a MISP feed, from a server or from a folder, in bounded time and size.

A feed is a ``manifest.json`` and one JSON file for each event that it names. An event that isn't there is counted; a feed
that breaks off is no feed: half of it would look like a list from which the rest was taken out.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sekisho.errors import PeerFailure
from sekisho.exchange.bounded_http import BoundedHttp, HttpBounds
from sekisho.exchange.lists.entries import Limits, Reading
from sekisho.exchange.lists.misp import read_feed

_MANIFEST = "manifest.json"
_MISSING = frozenset({404, 410})


class FeedBounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a feed may take: see `HttpBounds`, and the most events."""

    http: HttpBounds = HttpBounds()
    events: int = 20_000


class Feed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a feed is: an https address (http to loopback), and what is sent as ``Authorization`` when it isn't empty.

    :ivar authority: PEM file of a certification authority of one's own; empty for the system's
    """

    address: str
    authorisation: str = ""
    authority: str = ""


def fetch_feed(where: Feed, name: str, limits: Limits, bounds: FeedBounds = FeedBounds()) -> Reading:  # noqa: B008 - frozen
    """Return the indicators of the feed at an address.

    :raises ReadingError: the address is no https one (nor http to loopback)
    :raises PeerFailure: it did not come as a whole
    """
    headers = {"Accept": "application/json"}
    if where.authorisation:
        headers["Authorization"] = where.authorisation
    wire = BoundedHttp(where.address, bounds.http, headers, where.authority)
    root = urlsplit(where.address).path.removesuffix(_MANIFEST).rstrip("/")
    counted = _Counted(bounds.events)

    def fetch(file: str) -> bytes | None:
        if file != _MANIFEST:
            counted.one()
        response, body = wire.get(f"{root}/{file}")
        if response.status in _MISSING and file != _MANIFEST:
            return None
        if response.status != 200:  # noqa: PLR2004 - OK
            raise PeerFailure(f"status-{response.status}", f"{file}: {response.reason}"[:100])
        return body

    try:
        return read_feed(fetch(_MANIFEST) or b"", fetch, name, limits)
    finally:
        wire.close()


def folder_feed(folder: Path, name: str, limits: Limits, bounds: FeedBounds = FeedBounds()) -> Reading:  # noqa: B008 - frozen
    """Return the indicators of a feed that was copied into a folder.

    :raises PeerFailure: there is no such folder, it has no manifest, or is too large
    """
    counted = _Counted(bounds.events)
    room = bounds.http.octets

    def fetch(file: str) -> bytes | None:
        nonlocal room
        counted.one()
        try:
            with (folder / file).open("rb") as source:
                content = source.read(min(bounds.http.page_octets, room) + 1)
        except OSError:
            return None
        room -= len(content)
        if len(content) > bounds.http.page_octets or room < 0:
            raise PeerFailure(
                "too-large", f"{file}: more than {bounds.http.page_octets} octets, or too many in all"
            )
        return content

    if not folder.is_dir():
        raise PeerFailure("no-feed", str(folder))
    manifest = fetch(_MANIFEST)
    if manifest is None:
        raise PeerFailure("no-manifest", str(folder / _MANIFEST))
    return read_feed(manifest, fetch, name, limits)


class _Counted:
    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def one(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise PeerFailure("budget", f"more than {self._most} events")
