"""Finds what a TAXII 2.1 server offers: its first API root, and the collections that may be read, by their aliases."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from sekisho.errors import PeerFailure
from sekisho.exchange.bounded_http import BoundedHttp, HttpBounds
from sekisho.exchange.taxii_client import MEDIA_TYPE

_BOUNDS = HttpBounds(quiet_seconds=20.0, seconds=60.0, page_octets=4 << 20, octets=16 << 20)


class Offering(msgspec.Struct, frozen=True):
    """The address of an API root, and the ids of its collections that may be read, by alias."""

    root: str
    collections: dict[str, str]

    def named(self, alias: str) -> str:
        """Return the id of a collection. :raises PeerFailure: there is none of this alias that may be read."""
        if alias not in self.collections:
            raise PeerFailure("unsupported", f"no collection with the alias {alias} that may be read")
        return self.collections[alias]


def discovered(url: str, authorisation: str, authority: str = "", client: str = "") -> Offering:
    """Return what the server at ``url`` offers to who shows this authorisation, or the certificate in the file ``client``.

    :raises ReadingError: the address is no https one (nor http to loopback)
    :raises PeerFailure: there is no good answer
    """
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}/"
    shown = {"Authorization": authorisation} if authorisation else {}
    http = BoundedHttp(base, _BOUNDS, {"Accept": MEDIA_TYPE, **shown}, authority, client)
    try:
        roots = _asked(http, "/taxii2/").get("api_roots")
        if not isinstance(roots, list) or not roots or not isinstance(roots[0], str):
            raise PeerFailure("malformed", "no API root")
        path = urlsplit(roots[0]).path.rstrip("/")
        rows = _asked(http, f"{path}/collections/").get("collections")
    finally:
        http.close()
    found = {
        str(row.get("alias")): str(row.get("id"))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and row.get("can_read") is True
    }
    return Offering(f"{base.rstrip('/')}{path}/", found)


def _asked(http: BoundedHttp, path: str) -> dict[str, Any]:
    response, body = http.get(path)
    if response.status != 200:  # noqa: PLR2004 - OK
        raise PeerFailure(f"status-{response.status}", response.reason[:100])
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise PeerFailure("malformed", str(fault)[:200]) from fault
