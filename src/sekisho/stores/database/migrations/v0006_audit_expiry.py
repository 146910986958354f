"""Schema 6: the oldest entries of the audit log go at their time, with a checkpoint, and in no other way.

Storing a checkpoint deletes the entries: there is no moment at which one is there without the other. It is refused
unless it continues the checkpoint before, tells of the very entries that are there, all of them past its moment, and
the newest entry of the log names it. One in the future was written by a wrong clock, and holds nothing back.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

_CHECKPOINTS = """
CREATE TABLE audit_checkpoints (
  last BIGINT PRIMARY KEY,
  hash {text} NOT NULL,
  "count" BIGINT NOT NULL,
  at BIGINT NOT NULL,
  until BIGINT NOT NULL,
  rule {text} NOT NULL,
  broken BIGINT NOT NULL,
  prev {text} NOT NULL,
  seal {text} NOT NULL
)
"""
_NEWEST = "FROM audit_checkpoints ORDER BY last DESC LIMIT 1"
# What must not be so when a checkpoint is stored. The first line is also what forbids to replace one.
_WRONG = f"""
NEW.last <= coalesce((SELECT last {_NEWEST}), 0)
OR NEW.prev <> coalesce((SELECT seal {_NEWEST}), '{{genesis}}')
OR EXISTS (SELECT 1 FROM audit_checkpoints WHERE seal = NEW.seal)
OR NEW.until > NEW.at
OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.last AND hash = NEW.hash AND at <= NEW.until)
OR EXISTS (SELECT 1 FROM audit WHERE seq <= NEW.last AND at > NEW.until AND at <= NEW.at)
OR NEW."count" <> (SELECT count(*) FROM audit WHERE seq <= NEW.last)
OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = (SELECT max(seq) FROM audit) AND seq > NEW.last
  AND act = 'expire-audit' AND at = NEW.at AND replace(details, '"last":' || NEW.last || ',', '') <> details
  AND replace(details, '"checkpoint":"' || NEW.seal || '"', '') <> details)
""".strip()  # noqa: S608 - our own words
_REFUSED = "'not a checkpoint of what is past its time'"
_KEPT = "'entries of the audit log go at their time only'"
_GONE = "coalesce((SELECT max(last) FROM audit_checkpoints), 0)"
# "INSERT OR REPLACE" with the hash of an older entry would delete that one without calling any trigger.
_SQLITE_TRIGGERS = (
    "DROP TRIGGER audit_is_not_deleted",
    (
        f"CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit WHEN OLD.seq > {_GONE} "
        f"BEGIN SELECT RAISE(ABORT, {_KEPT}); END"
    ),
    (
        "CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit "
        "WHEN EXISTS (SELECT 1 FROM audit WHERE hash = NEW.hash) "
        "BEGIN SELECT RAISE(ABORT, 'not the next entry of the audit log'); END"
    ),
    (
        "CREATE TRIGGER checkpoints_are_not_changed BEFORE UPDATE ON audit_checkpoints "
        "BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END"
    ),
    (
        "CREATE TRIGGER checkpoints_are_not_deleted BEFORE DELETE ON audit_checkpoints "
        "BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END"
    ),
    (
        f"CREATE TRIGGER checkpoints_are_true BEFORE INSERT ON audit_checkpoints WHEN {_WRONG} "
        f"BEGIN SELECT RAISE(ABORT, {_REFUSED}); END"
    ),
    (
        "CREATE TRIGGER checkpoints_delete AFTER INSERT ON audit_checkpoints "
        "BEGIN DELETE FROM audit WHERE seq <= NEW.last; END"
    ),
)
_POSTGRES_TRIGGERS = (
    (
        "CREATE FUNCTION sekisho_audit_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF OLD.seq > {_GONE} THEN RAISE EXCEPTION {_KEPT}; END IF; RETURN OLD; END $$"
    ),
    (
        "CREATE FUNCTION sekisho_checkpoint_true() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_WRONG} THEN RAISE EXCEPTION {_REFUSED}; END IF; RETURN NEW; END $$"
    ),
    (
        "CREATE FUNCTION sekisho_checkpoint_deletes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "DELETE FROM audit WHERE seq <= NEW.last; RETURN NULL; END $$"
    ),
    "DROP TRIGGER audit_is_not_changed ON audit",
    (
        "CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION sekisho_refuse()"
    ),
    (
        "CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION sekisho_audit_kept()"
    ),
    (
        "CREATE TRIGGER checkpoints_are_not_changed BEFORE UPDATE OR DELETE ON audit_checkpoints "
        "FOR EACH ROW EXECUTE FUNCTION sekisho_refuse()"
    ),
    (
        "CREATE TRIGGER checkpoints_are_not_emptied BEFORE TRUNCATE ON audit_checkpoints "
        "FOR EACH STATEMENT EXECUTE FUNCTION sekisho_refuse()"
    ),
    (
        "CREATE TRIGGER checkpoints_are_true BEFORE INSERT ON audit_checkpoints "
        "FOR EACH ROW EXECUTE FUNCTION sekisho_checkpoint_true()"
    ),
    (
        "CREATE TRIGGER checkpoints_delete AFTER INSERT ON audit_checkpoints "
        "FOR EACH ROW EXECUTE FUNCTION sekisho_checkpoint_deletes()"
    ),
)


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    yield _CHECKPOINTS.replace("{text}", dialect.text)
    for trigger in _SQLITE_TRIGGERS if dialect.name == "sqlite" else _POSTGRES_TRIGGERS:
        yield trigger.replace("{genesis}", "0" * 64)
