"""What is shared: collections, and the objects in them.

Times of adding are *microseconds* of the epoch, and no two objects of a collection have the same: the time of adding is
the order of paging, so that whoever goes on from the last time that he saw misses nothing and gets nothing twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec


class Collection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A collection of objects. ``alias`` is a readable name that can stand for the id; empty for none."""

    id: str
    title: str
    description: str = ""
    alias: str = ""


class Offered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object that was checked and shall be stored.

    :ivar version: as the object writes it; empty when its version is the time of adding
    :ivar version_key: the version in the form that sorts as text; empty with ``version``
    :ivar digest: of its value
    :ivar body: its JSON as it came
    """

    id: str
    type: str
    version: str
    version_key: str
    digest: str
    body: str


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of an object in a collection; ``body`` is empty where only the list was asked for."""

    added: int
    id: str
    type: str
    version: str
    version_key: str
    body: str = ""


class Outcome(StrEnum):
    """What became of an object offered: stored, there already with the same content, or refused for another content."""

    STORED = "stored"
    SAME = "same"
    OTHER = "other"


class Put(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of an object, and its version in the collection as written."""

    outcome: Outcome
    version: str


class Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The record of one request to add: its id, who sent it, when (microseconds), and what is told about it (JSON)."""

    id: str
    owner: str
    at: int
    told: str


class Rights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody may do with a collection."""

    read: bool = False
    write: bool = False


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(microseconds: int) -> str:
    """Return a time of adding as TAXII writes it: UTC, always with six digits behind the second."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").zfill(26) + "Z"
