"""Schema 1: cases with their events, notices, the audit log."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

_CASES = """
CREATE TABLE cases (
  id {text} PRIMARY KEY,
  subscriber BIGINT NOT NULL,
  "key" {text} NOT NULL,
  state {text} NOT NULL,
  grade {text} NOT NULL,
  opened BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  first_seen BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  detections BIGINT NOT NULL,
  family {text} NOT NULL,
  methods {text} NOT NULL,
  assignee {text} NOT NULL,
  device_model {text} NOT NULL,
  channel {text} NOT NULL,
  notified_at BIGINT NOT NULL,
  healed_at BIGINT NOT NULL,
  relapses BIGINT NOT NULL,
  close_reason {text} NOT NULL,
  merged_into {text} NOT NULL,
  revision BIGINT NOT NULL CHECK (revision > 0)
)
"""
_EVENTS = """
CREATE TABLE case_events (
  "case" {text} NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
  seq BIGINT NOT NULL CHECK (seq > 0),
  at BIGINT NOT NULL,
  who {text} NOT NULL,
  kind {text} NOT NULL,
  body {text} NOT NULL,
  PRIMARY KEY ("case", seq)
){clustered}
"""
_NOTICES = """
CREATE TABLE notices (
  id {text} PRIMARY KEY,
  "case" {text} NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
  channel {text} NOT NULL,
  language {text} NOT NULL,
  template {text} NOT NULL,
  subject {text} NOT NULL,
  body {text} NOT NULL,
  digest {text} NOT NULL,
  once {text} NOT NULL UNIQUE,
  state {text} NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  approved_by {text} NOT NULL,
  approved_digest {text} NOT NULL,
  approved_at BIGINT NOT NULL,
  message_id {text} NOT NULL,
  sent_at BIGINT NOT NULL,
  withheld {text} NOT NULL,
  not_before BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  detail {text} NOT NULL,
  revision BIGINT NOT NULL CHECK (revision > 0)
)
"""
_AUDIT = """
CREATE TABLE audit (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  who {text} NOT NULL,
  role {text} NOT NULL,
  act {text} NOT NULL,
  object {text} NOT NULL,
  basis {text} NOT NULL,
  reason {text} NOT NULL,
  details {text} NOT NULL,
  prev {text} NOT NULL UNIQUE,
  hash {text} NOT NULL UNIQUE
)
"""
# Each index ends in the order of paging, so that a page is read from it without sorting.
_INDICES = (
    "CREATE INDEX cases_by_state ON cases (state, updated DESC, id)",
    "CREATE INDEX cases_by_subscriber ON cases (subscriber, state, updated DESC, id)",
    'CREATE INDEX cases_by_key ON cases ("key", state, updated DESC, id)',
    "CREATE INDEX cases_by_family ON cases (family, state, updated DESC, id)",
    "CREATE INDEX cases_by_model ON cases (device_model, state, updated DESC, id)",
    "CREATE INDEX cases_by_assignee ON cases (assignee, state, updated DESC, id)",
    "CREATE INDEX notices_by_state ON notices (state, id)",
    'CREATE INDEX notices_by_case ON notices ("case", id)',
    "CREATE INDEX notices_by_message ON notices (message_id, id)",
)
# RAISE(ABORT) undoes the statement; the driver then rolls the transaction back. The insertion is checked as well,
# because "INSERT OR REPLACE" deletes without calling the trigger of deletions.
_SQLITE_TRIGGERS = (
    (
        "CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    ),
    (
        "CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    ),
    (
        "CREATE TRIGGER audit_is_continued BEFORE INSERT ON audit "
        "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit) "
        "OR NEW.prev IS NOT coalesce((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), '{genesis}') "
        "BEGIN SELECT RAISE(ABORT, 'not the next entry of the audit log'); END"
    ),
    (
        "CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON case_events "
        "BEGIN SELECT RAISE(ABORT, 'events of a case are not changed'); END"
    ),
    (
        "CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON case_events "
        'WHEN EXISTS (SELECT 1 FROM case_events WHERE "case" = NEW."case" AND seq = NEW.seq) '
        "BEGIN SELECT RAISE(ABORT, 'events of a case are not changed'); END"
    ),
    (
        "CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON case_events "
        'WHEN EXISTS (SELECT 1 FROM cases WHERE id = OLD."case") '
        "BEGIN SELECT RAISE(ABORT, 'events are kept as long as their case'); END"
    ),
)
_POSTGRES_TRIGGERS = (
    (
        "CREATE FUNCTION sekisho_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION USING MESSAGE = 'rows of ' || TG_TABLE_NAME || ' are not changed or deleted'; END $$"
    ),
    (
        "CREATE FUNCTION sekisho_audit_continued() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.seq IS DISTINCT FROM (SELECT coalesce(max(seq), 0) + 1 FROM audit) OR NEW.prev IS DISTINCT FROM "
        "coalesce((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), '{genesis}') THEN "
        "RAISE EXCEPTION 'not the next entry of the audit log'; END IF; RETURN NEW; END $$"
    ),
    (
        "CREATE FUNCTION sekisho_event_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        'IF EXISTS (SELECT 1 FROM cases WHERE id = OLD."case") THEN '
        "RAISE EXCEPTION 'events are kept as long as their case'; END IF; RETURN OLD; END $$"
    ),
    (
        "CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION sekisho_refuse()"
    ),
    (
        "CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION sekisho_refuse()"
    ),
    (
        "CREATE TRIGGER audit_is_continued BEFORE INSERT ON audit "
        "FOR EACH ROW EXECUTE FUNCTION sekisho_audit_continued()"
    ),
    (
        "CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON case_events "
        "FOR EACH ROW EXECUTE FUNCTION sekisho_refuse()"
    ),
    (
        "CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON case_events "
        "FOR EACH ROW EXECUTE FUNCTION sekisho_event_kept()"
    ),
)


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    for table in (_CASES, _EVENTS, _NOTICES, _AUDIT):
        yield table.replace("{text}", dialect.text).replace("{clustered}", dialect.clustered)
    yield from _INDICES
    for trigger in _SQLITE_TRIGGERS if dialect.name == "sqlite" else _POSTGRES_TRIGGERS:
        yield trigger.replace("{genesis}", "0" * 64)
