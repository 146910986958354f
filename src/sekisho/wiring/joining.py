"""Marries a member's side of a hub: finds the list by discovery and fetches it as every list is fetched."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sekisho.errors import PeerFailure
from sekisho.exchange.taxii_discovery import discovered
from sekisho.model.watching import Watching
from sekisho.wiring.list_fetching import Asked, Fetched, fetch_list, secret_line

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
    try:
        offering = discovered(url, header, str(authority) if authority else "")
        collection = offering.named(_ALIAS)
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
            Asked(
                name,
                taxii=offering.root,
                collection=collection,
                authorisation=Path(path),
                authority=authority,
            ),
        )
    finally:
        Path(path).unlink()
