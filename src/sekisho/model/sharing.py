"""What is shared: collections, and the objects in them.

Times of adding are *microseconds* of the epoch, and no two objects of a collection have the same: the time of adding is
the order of paging, so that whoever goes on from the last time that he saw misses nothing and gets nothing twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from sekisho.model.indicator import Tlp


class Lane(StrEnum):
    """What a collection is for. Lanes never mix: each has its own schema, and one of them is named once.

    ``open`` is a collection as TAXII knows it. Into ``list-in`` members report, and from ``list`` they read what the
    hub made of it. What goes into ``evidence-in`` is delivered to one member, who reads it in ``evidence``. ``failure``
    tells what is down. A ``part`` is the hub's own: one member's share of a collection.
    """

    OPEN = "open"
    LIST_IN = "list-in"
    LIST = "list"
    EVIDENCE_IN = "evidence-in"
    EVIDENCE = "evidence"
    FAILURE = "failure"
    PART = "part"


class Collection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A collection of objects. ``alias`` is a readable name that can stand for the id; empty for none.

    :ivar unmarked: how an object is treated that comes without a marking
    """

    id: str
    title: str
    description: str = ""
    alias: str = ""
    lane: Lane = Lane.OPEN
    unmarked: Tlp = Tlp.RED


class Offered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object that was checked and shall be stored.

    :ivar version: as the object writes it; empty when its version is the time of adding
    :ivar version_key: the version in the form that sorts as text; empty with ``version``
    :ivar digest: of its value
    :ivar body: its JSON as it came
    :ivar owner: the member who sent it; empty where nobody is told apart
    :ivar audience: the one member besides the owner who may see it; empty for all whom its marking allows
    :ivar tlp: the strictest marking on it
    """

    id: str
    type: str
    version: str
    version_key: str
    digest: str
    body: str
    owner: str = ""
    audience: str = ""
    tlp: Tlp = Tlp.CLEAR


class Sight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who looks, and the strictest marking that is shown to him. His own he always sees, and what is addressed to him.

    What is marked red or addressed to another is seen by its owner and its audience alone, whatever the ceiling is.
    What the owners ``without`` sent isn't shown at all: a hub elsewhere gets nothing back, and nothing of others' by us.
    """

    who: str
    ceiling: Tlp = Tlp.GREEN
    without: tuple[str, ...] = ()


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
    """What became of an object, and its version in the collection as written.

    :ivar why: it was refused for this reason; empty where the outcome says it all
    :ivar known: whether its sender had sent any version of it before
    """

    outcome: Outcome
    version: str
    why: str = ""
    known: bool = False


class Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The record of one request to add: its id, who sent it, when (microseconds), and what is told about it (JSON)."""

    id: str
    owner: str
    at: int
    told: str


class Rights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody may do with a collection; ``ceiling`` is the strictest marking that he is shown there."""

    read: bool = False
    write: bool = False
    ceiling: Tlp = Tlp.GREEN


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(microseconds: int) -> str:
    """Return a time of adding as TAXII writes it: UTC, always with six digits behind the second."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").zfill(26) + "Z"
