"""The tables of the hub; see `model.membership` and `model.corroboration`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from sekisho.model.corroboration import Dispute, Report, Standing
from sekisho.model.device_model import (
    Advisory,
    Affected,
    DisclosedFinding,
    DisclosureStep,
    ModelReport,
    Product,
    ShownPart,
)
from sekisho.model.federation import Foreign, Offer, Peer, Position
from sekisho.model.line_count import LineCount
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
PEERS = _table("hub_peers", Peer, key=("member",), json=("take", "forward"))
POSITIONS = _table("hub_positions", Position, key=("peer", "lane"))
FOREIGN = _table("hub_foreign", Foreign, key=("peer", "key", "id"), json=("origins",))
OFFERS = _table("hub_offers", Offer, key=("partner", "key"), json=("standing", "origins"))
PRODUCTS = _table("hub_products", Product, key=("vendor", "model"))
MODEL_REPORTS = _table(
    "hub_model_reports",
    ModelReport,
    key=("member", "vendor", "model", "firmware", "finding"),
    json=("ports", "cves"),
)
SHOWN_MODELS = _table(
    "hub_shown_models",
    ShownPart,
    key=("vendor", "model", "firmware", "finding", "side"),
    json=("ports", "cves"),
)
ADVISORIES = _table("hub_advisories", Advisory, key=("id",))
AFFECTED = _table(
    "hub_advisory_models", Affected, key=("advisory", "vendor", "model", "version", "issue", "status")
)
FINDINGS = _table("hub_findings", DisclosedFinding, key=("id",))
LINE_COUNTS = _table("hub_line_counts", LineCount, key=("member", "indicator", "day"))
STEPS = _table("hub_finding_steps", DisclosureStep, key=("finding", "seq"))
OUTCOMES = Table(
    "hub_outcomes",
    METADATA,
    Column("member", Text(), primary_key=True),
    Column("key", Text(), primary_key=True),
    Column("at", BigInteger(), nullable=False),
    Column("good", BigInteger(), nullable=False),
)
