"""Schema 11: hubs elsewhere, how far they were read, what they said, what they are told; models, makers, advisories."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

# Columns: name → t (text) or b (bigint).
_TABLES = {
    "hub_peers": (
        "member:t url:t token_file:t authority:t take:t forward:t ceiling:b identity:t created:b",
        "member",
    ),
    "hub_positions": ("peer:t lane:t added:t at:b good:b reason:t detail:t", "peer, lane"),
    "hub_foreign": (
        "peer:t key:t id:t version_key:t tlp:b first:b last:b family:t origins:t alive:b",
        "peer, key, id",
    ),
    "hub_offers": ("partner:t key:t base:t standing:t origins:t published:b", "partner, key"),
    "hub_products": ("vendor:t model:t maker:t", "vendor, model"),
    "hub_model_reports": (
        "member:t vendor:t model:t firmware:t finding:t devices:b first:b last:b ports:t cves:t",
        "member, vendor, model, firmware, finding",
    ),
    "hub_advisories": (
        "id:t maker:t name:t version:t title:t category:t status:t released:t tlp:b finding:t received:b digest:t body:t",
        "id",
    ),
    "hub_advisory_models": (
        "advisory:t vendor:t model:t version:t issue:t status:t",
        "advisory, vendor, model, version, issue, status",
    ),
    "hub_findings": (
        "id:t maker:t vendor:t model:t title:t created:b embargo:b state:t decided:b decided_by:t reason:t revision:b",
        "id",
    ),
    "hub_finding_steps": ("finding:t seq:b at:b kind:t whom:t who:t text:t", "finding, seq"),
}
_KINDS = {"t": "{text}", "b": "BIGINT"}
_INDICES = (
    "CREATE INDEX hub_foreign_by_key ON hub_foreign (key)",
    "CREATE INDEX hub_foreign_by_id ON hub_foreign (peer, id)",
    "CREATE INDEX hub_offers_by_base ON hub_offers (base)",
    "CREATE INDEX hub_offers_due ON hub_offers (partner, key) WHERE published = 0",
    "CREATE INDEX hub_model_reports_by_model ON hub_model_reports (vendor, model)",
    "CREATE UNIQUE INDEX hub_advisories_by_name ON hub_advisories (maker, name, version)",
    "CREATE INDEX hub_advisory_models_by_model ON hub_advisory_models (vendor, model)",
)


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    for name, (columns, key) in _TABLES.items():
        rows = [
            f'"{column}" {_KINDS[kind]} NOT NULL'
            for column, _, kind in (one.partition(":") for one in columns.split())
        ]
        yield f"CREATE TABLE {name} ({', '.join(rows)}, PRIMARY KEY ({key}))".replace("{text}", dialect.text)
    yield from _INDICES
