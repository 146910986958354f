"""Questions to the record store, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question in the portable subset of SQL that every engine answers alike.

    ``text`` runs on each shard over the table ``"FLOW"`` (columns of WATCHED, of the window asked for); all rows of
    one line lie in one shard, so counts of distinct lines add up. ``merge``, when given, runs once over ``"PART"``: the
    shards' results together. ``tables`` are small side tables by name (a list, the candidates). Allowed: semi-joins
    (``IN (SELECT …)``, ``EXISTS``), quoted names, ``CAST(… AS BIGINT)`` at the edges, ``CASE`` with ``ELSE``,
    ``$name`` parameters. ``whole_lines`` False says that the question only adds up rows, so that the rows of one line may
    be answered in several parts: an engine needn't divide what lies undivided. Not allowed: outer joins with ``IS NULL``, engine-specific functions, ``by`` as a name.
    """

    name: str
    text: str
    merge: str = ""
    parameters: Mapping[str, Any] = {}
    tables: Mapping[str, Any] = {}
    whole_lines: bool = True
