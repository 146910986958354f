"""The audit log: every act that touches a person's secrecy, in a chain that shows any change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from sekisho.model.verdict import Scalar

GENESIS = "0" * 64
EXPIRE_AUDIT = "expire-audit"


class AuditEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One act: who did what to what, on which legal basis, for which reason.

    ``act`` is a stable id: ``re-identify``, ``refused``, ``approve-notice``, ``export``, ``delete``, ``apply-rule`` …
    ``hash`` covers everything else including ``prev``, the hash of the entry before.
    """

    seq: int
    at: int
    who: str
    role: str
    act: str
    object: str
    basis: str = ""
    reason: str = ""
    details: dict[str, Scalar] = {}
    prev: str = GENESIS
    hash: str = ""


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be recorded together with a change, in the change's own transaction; fields as of `AuditEntry`."""

    who: str
    role: str
    act: str
    object: str
    at: int
    basis: str = ""
    reason: str = ""
    details: dict[str, Scalar] = {}


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Says that the oldest entries were deleted at their time. The chain goes on behind it; nobody is named in it.

    :ivar last: number of the last entry that was deleted; ``hash`` its hash, to which the first one kept is linked
    :ivar count: how many were deleted with it; ``at`` when, in milliseconds
    :ivar until: entries up to this moment were past their time, by the ``rule``
    :ivar broken: number of the first deleted entry that didn't fit the chain; 0 when all did
    :ivar prev: seal of the checkpoint before; ``seal`` covers everything else, and stands in the entry `EXPIRE_AUDIT`
    """

    last: int
    hash: str
    count: int
    at: int
    until: int
    rule: str
    broken: int = 0
    prev: str = GENESIS
    seal: str = ""


def sealed(entry: AuditEntry) -> AuditEntry:
    """Return the entry with its hash."""
    bare = msgspec.structs.replace(entry, hash="")
    return msgspec.structs.replace(bare, hash=_digest(bare))


def stamped(checkpoint: Checkpoint) -> Checkpoint:
    """Return the checkpoint with its seal."""
    bare = msgspec.structs.replace(checkpoint, seal="")
    return msgspec.structs.replace(bare, seal=_digest(bare))


def broken_at(entries: Iterable[AuditEntry], behind: Checkpoint | None = None) -> int | None:
    """Return the ``seq`` of the first entry that doesn't fit the chain; None when all do.

    ``behind`` is the checkpoint of what was deleted before them.
    """
    prev, expected = (behind.hash, behind.last + 1) if behind else (GENESIS, 1)
    for entry in entries:
        if entry.seq != expected or entry.prev != prev or sealed(entry).hash != entry.hash:
            return entry.seq
        prev, expected = entry.hash, expected + 1
    return None


def checkpoints_fit(checkpoints: Sequence[Checkpoint], named: Sequence[str]) -> bool:
    """Say whether checkpoints are linked, and the entries that are still there name the newest of them.

    :param named: the seals that the entries `EXPIRE_AUDIT` name, in order; the newest is never deleted before its time
    """
    prev, last = GENESIS, 0
    for one in checkpoints:
        if one.prev != prev or one.last <= last or stamped(one).seal != one.seal:
            return False
        prev, last = one.seal, one.last
    if not checkpoints or not named:
        return not checkpoints and not named
    return list(named) == [one.seal for one in checkpoints[-len(named) :]]


def _digest(bare: msgspec.Struct) -> str:
    return hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()
