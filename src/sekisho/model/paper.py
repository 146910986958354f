"""What an operator writes of its duties, kept as papers: each change is a further version, and none is ever changed. Pure."""

from __future__ import annotations

import msgspec


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of one thing that was written.

    :ivar kind: what it is: ``operator``, ``done``, ``check-2026``, ``drill``, ``measure``, ``lesson``, ``reminded``
    :ivar name: which one of its kind
    :ivar version: counts from 1; 0 for one that isn't stored yet
    :ivar made: when, milliseconds
    :ivar body: the noun as JSON; empty when it was taken back
    """

    kind: str
    name: str
    version: int
    made: int
    made_by: str
    body: str
