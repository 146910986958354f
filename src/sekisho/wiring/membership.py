"""This operator's membership of a sharing hub: ``membership.toml`` in the data folder, written by who administers the machine.

Nobody names a hub or a token in a browser: whoever uses the console sends to that hub or to none.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text

FILE = "membership.toml"
_WRONG = Text(ja="hub は https:// で始まるURL", en="hub is a URL that begins with https://")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Membership(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which hub, and how this member shows who it is.

    :ivar hub: URL of the hub
    :ivar token_file: file whose one line is the token; only its owner may read it. From the data folder
    :ivar authority: PEM file of the hub's own authority; empty for those of the system
    """

    hub: str
    token_file: str = "hub.token"  # noqa: S105 - where it is kept, not what it is
    authority: str = ""

    @property
    def name(self) -> str:
        """The hub's host, and port where one is named; never what stands before them to sign in with."""
        return urlsplit(self.hub).netloc.rpartition("@")[2][:200]


def membership(folder: Path) -> Membership | None:
    """Return the membership; None without one. :raises DescriptionError: the file is wrong."""
    from sekisho.workflows.describe import read_table

    file = folder / FILE
    if not file.is_file():
        return None
    found = read_table(file, Membership)
    if not _usable(found.hub):
        raise DescriptionError(_WRONG, FILE)
    return found


def _usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:  # half an address in brackets, a port that is none
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))


def authorisation(folder: Path, member: Membership) -> str:
    """Return the header by which the hub knows this member. :raises DescriptionError: the token can't be read."""
    from sekisho.wiring.list_fetching import secret_line

    token = secret_line(folder / member.token_file)
    return token if " " in token else f"Bearer {token}"
