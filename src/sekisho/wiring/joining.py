"""Marries a member's side of a hub: finds the list by discovery and fetches it as every list is fetched."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sekisho.errors import PeerFailure
from sekisho.exchange.bounded_http import BoundedHttp, HttpBounds
from sekisho.exchange.taxii_client import MEDIA_TYPE
from sekisho.model.watching import Watching
from sekisho.wiring.list_fetching import Asked, Fetched, fetch_list, secret_line

_BOUNDS = HttpBounds(quiet_seconds=20.0, seconds=60.0)
_ALIAS = "list"


def join_hub(
    folder: Path, settings: Watching, url: str, token_file: Path, name: str, authority: Path | None = None
) -> Fetched:
    """Fetch the list of the hub at ``url`` into a data folder; what the hub does wrong is said in the answer.

    :raises DescriptionError: the token's file is no line, or others may read it
    :raises ReadingError: the address is no https one (nor http to loopback)
    :raises StoreError: the list can't be written
    """
    token = secret_line(token_file)
    header = token if " " in token else f"Bearer {token}"
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}/"
    try:
        root, collection = _found(base, header, str(authority) if authority else "")
    except PeerFailure as fault:
        return Fetched(name, "", reason=fault.reason, detail=fault.detail)
    # The fetcher takes the header from a file, so that it never stands in a list of processes or a settings file.
    handle, path = tempfile.mkstemp(prefix="sekisho-", text=True)  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(header + "\n")
        return fetch_list(
            folder,
            settings,
            Asked(name, taxii=root, collection=collection, authorisation=Path(path), authority=authority),
        )
    finally:
        Path(path).unlink()


def _found(base: str, header: str, authority: str) -> tuple[str, str]:
    """Return the API root and the id of the collection whose alias is ``list``.

    :raises PeerFailure: there is none, or no good answer
    """
    http = BoundedHttp(base, _BOUNDS, {"Accept": MEDIA_TYPE, "Authorization": header}, authority)
    try:
        roots = _asked(http, "/taxii2/").get("api_roots")
        if not isinstance(roots, list) or not roots or not isinstance(roots[0], str):
            raise PeerFailure("malformed", "no API root")
        path = urlsplit(roots[0]).path.rstrip("/")
        rows = _asked(http, f"{path}/collections/").get("collections")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and row.get("alias") == _ALIAS and row.get("can_read") is True:
                return f"{base.rstrip('/')}{path}/", str(row.get("id"))
    finally:
        http.close()
    raise PeerFailure("unsupported", "no collection with the alias list that may be read")


def _asked(http: BoundedHttp, path: str) -> dict[str, Any]:
    response, body = http.get(path)
    if response.status != 200:  # noqa: PLR2004 - OK
        raise PeerFailure(f"status-{response.status}", response.reason[:100])
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as fault:
        raise PeerFailure("malformed", str(fault)[:200]) from fault
