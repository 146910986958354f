"""The tables of what is shared; see `model.sharing`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from sekisho.model.sharing import Sent
from sekisho.stores.database.tables import METADATA, _table

COLLECTIONS = Table(
    "shared_collections",
    METADATA,
    Column("id", Text(), primary_key=True),
    *(Column(name, Text(), nullable=False) for name in ("title", "description", "alias")),
    Column("last_added", BigInteger(), nullable=False),
    Column("lane", Text(), nullable=False),
    Column("unmarked", BigInteger(), nullable=False),
)
OBJECTS = Table(
    "shared_objects",
    METADATA,
    Column("collection", Text(), primary_key=True),
    Column("added", BigInteger(), primary_key=True, autoincrement=False),
    *(
        Column(name, Text(), nullable=False)
        for name in ("id", "type", "version", "version_key", "digest", "body", "owner", "audience")
    ),
    Column("tlp", BigInteger(), nullable=False),
)
SENT = _table("shared_sent", Sent, key=("id",))
