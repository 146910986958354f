"""Marries a member's side of a hub: finds the list by discovery, fetches it as every list is fetched, tells counts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from sekisho.errors import PeerFailure
from sekisho.exchange.taxii_discovery import discovered
from sekisho.model.watching import Watching
from sekisho.wiring.counting import Telling, connection, tell
from sekisho.wiring.list_fetching import Asked, Fetched, fetch_list, named, private, secret_line
from sekisho.wiring.lists import note_try
from sekisho.wiring.moment import milliseconds

_ALIAS = "list"


def join_hub(
    folder: Path, settings: Watching, url: str, token_file: Path | None, name: str, authority: Path | None = None,
    client: Path | None = None,
) -> Fetched:  # fmt: skip
    """Fetch the list of the hub at ``url`` into a data folder; what the hub does wrong is said in the answer.

    :param client: PEM file of one's own certificate with its key; with it no token is needed
    :raises DescriptionError: the token's file is no line, or others may read it or the key
    :raises ReadingError: the address is no https one (nor http to loopback)
    """
    header = _header(token_file)
    if client:
        private(client)
    try:
        offering = discovered(url, header, str(authority) if authority else "", str(client) if client else "")
        collection = offering.named(_ALIAS)
    except PeerFailure as fault:
        unnoted = note_try(folder, named(name), milliseconds(), fault.reason, fault.detail)
        return Fetched(name, "", reason=fault.reason, detail=fault.detail, unnoted=unnoted)
    asked = Asked(name, taxii=offering.root, collection=collection, authority=authority, client=client)
    if not header:
        return fetch_list(folder, settings, asked)
    # The fetcher takes the header from a file, so that it never stands in a list of processes or a settings file.
    handle, path = tempfile.mkstemp(prefix="sekisho-", text=True)  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(header + "\n")
        return fetch_list(folder, settings, msgspec.structs.replace(asked, authorisation=Path(path)))
    finally:
        Path(path).unlink()


def tell_hub(
    folder: Path, url: str, token_file: Path | None, name: str, authority: Path | None = None, client: Path | None = None
) -> Telling:  # fmt: skip
    """Tell the hub the counts of the days that are over, if that was agreed; see `wiring.counting`.

    :raises DescriptionError: the token's file is no line, or what was agreed can't be read
    """
    return tell(folder, name, url, connection(_header(token_file), authority, client), milliseconds)


def _header(token_file: Path | None) -> str:
    if token_file is None:
        return ""
    token = secret_line(token_file)
    return token if " " in token else f"Bearer {token}"
