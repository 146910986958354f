"""The tables of the hub; see `model.membership` and `model.corroboration`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from sekisho.model.corroboration import Dispute, Report, Standing
from sekisho.model.membership import HubToken, Member, Network, Right
from sekisho.ports.hub import LedgerEntry
from sekisho.stores.database.tables import METADATA, _table

MEMBERS = _table("hub_members", Member, key=("id",), json=("proofs", "contacts"))
RIGHTS = _table("hub_rights", Right, key=("member", "collection"))
HUB_TOKENS = _table("hub_tokens", HubToken, key=("id",))
NETWORKS = _table("hub_networks", Network, key=("network", "member", "since"))
REPORTS = _table("hub_reports", Report, key=("key", "member"))
STANDINGS = _table("hub_standings", Standing, key=("key",))
DISPUTES = _table("hub_disputes", Dispute, key=("id",))
LEDGER = _table("hub_ledger", LedgerEntry, key=("id",))
OUTCOMES = Table(
    "hub_outcomes",
    METADATA,
    Column("member", Text(), primary_key=True),
    Column("key", Text(), primary_key=True),
    Column("at", BigInteger(), nullable=False),
    Column("good", BigInteger(), nullable=False),
)
