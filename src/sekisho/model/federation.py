"""Hubs elsewhere: which one is a peer, on what terms, how far it was read, and what it said.

Times are milliseconds, 0 for never. What came from a peer keeps its origins: the identities of all hubs whose members
have a part in it, over however many steps. What bears one's own identity has come round, and is dropped.
"""

from __future__ import annotations

import msgspec

from sekisho.model.corroboration import Standing
from sekisho.model.indicator import Tlp


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terms with a hub elsewhere; as a member it has the role ``partner``, and its rights say what it is given.

    :ivar member: its id as a member here
    :ivar url: where it listens; empty when nothing is taken from it
    :ivar token_file: file with the token that it gave us; ``authority`` the PEM of its own certification authority
    :ivar take: lanes that are taken: ``list``, ``failure``
    :ivar forward: peers to which what came from this one may go on; none unless it was agreed
    :ivar ceiling: the strictest marking that is taken
    :ivar identity: the STIX identity under which it writes; learned with the first object, and held to from then on
    """

    member: str
    url: str
    token_file: str
    authority: str
    take: tuple[str, ...]
    forward: tuple[str, ...]
    ceiling: Tlp
    identity: str
    created: int


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a lane of a peer was read, and how the last try ended.

    :ivar added: the peer's time of adding of the last object that was booked (TAXII ``added_after``)
    :ivar at: when it was last tried; ``good`` when it last succeeded
    :ivar reason: a reason of `PeerFailure`, or ``status-…``; empty when it went well
    """

    peer: str
    lane: str
    added: str
    at: int = 0
    good: int = 0
    reason: str = ""
    detail: str = ""


class Foreign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a peer's object says of one indicator.

    :ivar key: of the indicator; ``id`` of the peer's object
    :ivar origins: identities of the hubs behind it, the peer's own among them
    :ivar alive: 1 until the peer takes it back
    """

    peer: str
    key: str
    id: str
    version_key: str
    tlp: Tlp
    first: int
    last: int
    family: str
    origins: tuple[str, ...]
    alive: int = 1


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a peer is told of an indicator: a standing worked out without what came from that peer.

    :ivar key: of the standing; ``base`` of the indicator
    :ivar origins: the hubs behind it, our own first
    :ivar published: when last written; 0 when that is to be done, -1 when there is nothing to write
    """

    partner: str
    key: str
    base: str
    standing: Standing
    origins: tuple[str, ...]
    published: int = 0
