"""Schema 7: the hub: who sent an object and who may see it; members, rights, tokens, networks; reports; the ledger."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

_COLUMNS = (
    "ALTER TABLE shared_collections ADD COLUMN lane {text} NOT NULL DEFAULT 'open'",
    "ALTER TABLE shared_collections ADD COLUMN unmarked BIGINT NOT NULL DEFAULT 4",
    "ALTER TABLE shared_objects ADD COLUMN owner {text} NOT NULL DEFAULT ''",
    "ALTER TABLE shared_objects ADD COLUMN audience {text} NOT NULL DEFAULT ''",
    "ALTER TABLE shared_objects ADD COLUMN tlp BIGINT NOT NULL DEFAULT 4",
)
_WHAT = "key:t id:t use:t kind:t value:t port:b protocol:b family:t"
# Columns: name → t (text) or b (bigint).
_TABLES = {
    "hub_members": (
        "id:t name_ja:t name_en:t role:t state:t group:t joined:b lineage:t listed:b proofs:t contacts:t revision:b",
        "id",
    ),
    "hub_rights": ("member:t collection:t read:b write:b ceiling:b", "member, collection"),
    "hub_tokens": ("id:t member:t name:t created:b expires:b last_used:b", "id"),
    "hub_networks": ("network:t member:t since:b until:b", "network, member, since"),
    "hub_reports": (
        "key:t member:t use:t kind:t value:t port:b protocol:b family:t evidence:t feed:t first:b last:b sightings:b tlp:b",
        "key, member",
    ),
    "hub_standings": (
        f"{_WHAT} state:t grade:t score:b voices:b level:b since:b created:b first:b last:b published:b reason:t verified:b",
        "key",
    ),
    "hub_outcomes": ("member:t key:t at:b good:b", "member, key"),
    "hub_disputes": ("id:t key:t member:t at:b reason:t decided:b decided_by:t upheld:b", "id"),
    "hub_ledger": (
        "id:t supplier:t received:b log_items:t carrier:t notified:b receipt:b expires:b",
        "id",
    ),
}
_KINDS = {"t": "{text}", "b": "BIGINT"}
_INDICES = (
    "CREATE INDEX hub_tokens_by_member ON hub_tokens (member)",
    "CREATE INDEX hub_reports_by_member ON hub_reports (member)",
    "CREATE UNIQUE INDEX hub_standings_by_id ON hub_standings (id)",
    "CREATE INDEX hub_disputes_by_key ON hub_disputes (key)",
    "CREATE INDEX hub_ledger_by_expiry ON hub_ledger (expires)",
)


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    for column in _COLUMNS:
        yield column.replace("{text}", dialect.text)
    for name, (columns, key) in _TABLES.items():
        rows = [
            f'"{column}" {_KINDS[kind]} NOT NULL'
            for column, _, kind in (one.partition(":") for one in columns.split())
        ]
        yield f"CREATE TABLE {name} ({', '.join(rows)}, PRIMARY KEY ({key}))".replace("{text}", dialect.text)
    yield from _INDICES
