"""The audit log: every act that touches a person's secrecy, in a chain that shows any change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from sekisho.model.verdict import Scalar

GENESIS = "0" * 64


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


def sealed(entry: AuditEntry) -> AuditEntry:
    """Return the entry with its hash."""
    bare = msgspec.structs.replace(entry, hash="")
    return msgspec.structs.replace(
        bare, hash=hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()
    )


def broken_at(entries: Iterable[AuditEntry]) -> int | None:
    """Return the ``seq`` of the first entry that doesn't fit the chain; None when all do."""
    prev, expected = GENESIS, 1
    for entry in entries:
        if entry.seq != expected or entry.prev != prev or sealed(entry).hash != entry.hash:
            return entry.seq
        prev, expected = entry.hash, expected + 1
    return None
