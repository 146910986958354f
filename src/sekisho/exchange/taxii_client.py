"""Polls a TAXII 2.1 collection (OASIS TAXII 2.1, sections 3.4, 4.2, 5.4) in bounded time and size.

Only https is spoken, except to a loopback address; redirects are not followed. What the server does wrong is data:
a poll that broke off keeps the pages that were good, says why, and can be gone on with (``added_last``).
"""

from __future__ import annotations

import http.client
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from sekisho.errors import PeerFailure
from sekisho.exchange.bounded_http import BoundedHttp, HttpBounds
from sekisho.exchange.lists.entries import Entries, Limits, Reading
from sekisho.exchange.lists.stix import read_objects

MEDIA_TYPE = "application/taxii+json;version=2.1"
_TRANSIENT = {429, 503}


class Collection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to poll. ``authorisation`` is sent as it is; else ``token`` makes it Bearer, ``user`` and ``password`` Basic.

    :ivar api_root: address of the API root, ``https://…/api1/``
    :ivar authority: PEM file of a certification authority of one's own; empty for the system's
    :ivar client: PEM file of one's own certificate with its key; empty for none
    """

    api_root: str
    collection: str
    user: str = ""
    password: str = ""
    token: str = ""
    authority: str = ""
    authorisation: str = ""
    client: str = ""


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a poll may take: seconds without a word and in all, octets a page and in all, objects, pages, objects a page."""

    quiet_seconds: float = 20.0
    seconds: float = 600.0
    page_octets: int = 64 << 20
    octets: int = 256 << 20
    objects: int = 1_000_000
    pages: int = 10_000
    page_objects: int = 5_000


class Poll(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came: STIX objects as they are, and how it ended.

    :ivar added_last: when the server added the last object: ``added_after`` of the next poll; empty when unknown
    :ivar complete: all pages came; otherwise ``reason`` (`PeerFailure` reasons, ``status-404`` and such) says why not
    :ivar retry_after: seconds the server asks to wait; 0 when it did not say
    """

    objects: tuple[dict[str, Any], ...] = ()
    added_last: str = ""
    pages: int = 0
    complete: bool = False
    reason: str = ""
    detail: str = ""
    retry_after: int = 0


class Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One page: STIX objects as they are, and when the server added the last of them (empty: it didn't say)."""

    objects: tuple[dict[str, Any], ...]
    added_last: str = ""


def poll(where: Collection, *, added_after: str = "", bounds: Bounds | None = None) -> Poll:
    """Fetch the objects that were added after a moment (RFC 3339; empty for all).

    :raises ReadingError: when ``api_root`` is no https address (nor http to loopback)
    """
    wire = _Wire(where, bounds or Bounds())
    objects: list[dict[str, Any]] = []
    added_last, pages = added_after, 0
    try:
        for leaf in _leaves(wire, added_after):
            objects += leaf.objects
            pages += 1
            added_last = leaf.added_last or added_last
        return Poll(tuple(objects), added_last, pages, complete=True)
    except PeerFailure as fault:
        return Poll(tuple(objects), added_last, pages, False, fault.reason, fault.detail, wire.retry_after)
    finally:
        wire.close()


def walk(where: Collection, *, added_after: str = "", bounds: Bounds | None = None) -> Iterator[Leaf]:
    """Yield the pages of the objects that were added after a moment, one at a time: none is held longer than its turn.

    :raises ReadingError: as `poll`
    :raises PeerFailure: the server did something wrong; the pages before were good
    """
    wire = _Wire(where, bounds or Bounds())
    try:
        yield from _leaves(wire, added_after)
    finally:
        wire.close()


def _leaves(wire: _Wire, added_after: str) -> Iterator[Leaf]:
    following, count = "", 0
    seen: set[str] = set()
    while True:
        page, last = wire.page(added_after, following)
        count += len(page.objects)
        _fit(count, wire.bounds.objects)
        yield Leaf(tuple(page.objects), last)
        if not page.more:
            return
        # A server may leave `next` out; then the last date goes on (section 3.4).
        following, added_after = page.next, added_after if page.next else last
        _go_on(following or last, seen, wire.bounds.pages)


def read_poll(found: Poll, name: str, limits: Limits | None = None) -> Reading:
    """Return the indicators among the objects of a poll."""
    entries = Entries(name, limits or Limits())
    read_objects(found.objects, entries)
    return entries.done("taxii")


def _fit(objects: int, most: int) -> None:
    if objects > most:
        raise PeerFailure("budget", f"more than {most} objects")


def _go_on(mark: str, seen: set[str], most: int) -> None:
    """Note where the next page begins.

    :raises PeerFailure: when that is no new place, or there are too many
    """
    if not mark or mark in seen:
        raise PeerFailure("loop", "more pages are promised, but no new place to go on from")
    seen.add(mark)
    if len(seen) >= most:
        raise PeerFailure("budget", f"more than {most} pages")


class _Page(msgspec.Struct):
    more: bool = False
    next: str = ""
    objects: list[dict[str, Any]] = []


class _Wire:
    """The pages of one collection."""

    def __init__(self, where: Collection, bounds: Bounds) -> None:
        self.bounds = bounds
        self.retry_after = 0
        within = HttpBounds(
            **{name: getattr(bounds, name) for name in ("quiet_seconds", "seconds", "page_octets", "octets")}
        )
        headers = {"Accept": MEDIA_TYPE} | _authorisation(where)
        self._http = BoundedHttp(where.api_root, within, headers, where.authority, where.client)
        root = urlsplit(where.api_root).path.rstrip("/")
        self._path = f"{root}/collections/{quote(where.collection, safe='')}/objects/"

    def close(self) -> None:
        self._http.close()

    def page(self, added_after: str, following: str) -> tuple[_Page, str]:
        """Return one page and the server's date of its last object.

        :raises PeerFailure: for everything that is not a good page
        """
        asked = {"limit": str(self.bounds.page_objects), "added_after": added_after, "next": following}
        response, body = self._http.get(
            f"{self._path}?{urlencode({name: value for name, value in asked.items() if value})}"
        )
        return self._checked(response, body), response.headers.get("X-TAXII-Date-Added-Last", "")

    def _checked(self, response: http.client.HTTPResponse, body: bytes) -> _Page:
        if response.status in _TRANSIENT:
            said = response.headers.get("Retry-After", "")
            self.retry_after = int(said[:6]) if said.isascii() and said.isdigit() else 0
        if response.status != http.HTTPStatus.OK:
            raise PeerFailure(f"status-{response.status}", response.reason[:100])
        kind = response.headers.get_content_type()
        if kind != "application/taxii+json":
            raise PeerFailure("unsupported", f"content type {kind}"[:100])
        try:
            return msgspec.json.decode(body or b"{}", type=_Page)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise PeerFailure("malformed", str(fault)[:200]) from fault


def _authorisation(where: Collection) -> dict[str, str]:
    if where.authorisation:
        return {"Authorization": where.authorisation}
    if where.token:
        return {"Authorization": f"Bearer {where.token}"}
    if where.user:
        pair = b64encode(f"{where.user}:{where.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {}
