"""Schema 2: accounts, their passwords, links, sessions, passkeys and tokens; the brake on guessing."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

_ACCOUNTS = """
CREATE TABLE accounts (
  id {text} PRIMARY KEY,
  name {text} NOT NULL,
  folded {text} NOT NULL UNIQUE,
  language {text} NOT NULL,
  role {text} NOT NULL,
  created BIGINT NOT NULL,
  disabled BIGINT NOT NULL,
  password_changed BIGINT NOT NULL,
  must_change BIGINT NOT NULL,
  last_sign_in BIGINT NOT NULL,
  revision BIGINT NOT NULL CHECK (revision > 0)
)
"""
_SECRETS = """
CREATE TABLE account_secrets (
  account {text} PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
  secret {text} NOT NULL
)
"""
# No reference: the link of the first admin belongs to nobody yet.
_LINKS = """
CREATE TABLE setup_links (
  id {text} PRIMARY KEY,
  purpose {text} NOT NULL,
  account {text} NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  used BIGINT NOT NULL
)
"""
_SESSIONS = """
CREATE TABLE sessions (
  id {text} PRIMARY KEY,
  account {text} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  created BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  authenticated BIGINT NOT NULL,
  source {text} NOT NULL,
  browser {text} NOT NULL,
  kind {text} NOT NULL
)
"""
_PASSKEYS = """
CREATE TABLE passkeys (
  id {text} PRIMARY KEY,
  account {text} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  "key" {text} NOT NULL,
  sign_count BIGINT NOT NULL,
  name {text} NOT NULL,
  added BIGINT NOT NULL,
  last_used BIGINT NOT NULL
)
"""
_TOKENS = """
CREATE TABLE tokens (
  id {text} PRIMARY KEY,
  account {text} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  name {text} NOT NULL,
  scope {text} NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  last_used BIGINT NOT NULL
)
"""
_COUNTS = """
CREATE TABLE sign_in_counts (
  "key" {text} PRIMARY KEY,
  failures BIGINT NOT NULL,
  last BIGINT NOT NULL,
  until BIGINT NOT NULL
)
"""
_MARKS = """
CREATE TABLE known_marks (
  account {text} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  mark {text} NOT NULL,
  seen BIGINT NOT NULL,
  PRIMARY KEY (account, mark)
){clustered}
"""
_SPENT = """
CREATE TABLE spent_challenges (
  id {text} PRIMARY KEY,
  expires BIGINT NOT NULL
)
"""
_INDICES = (
    "CREATE INDEX setup_links_by_account ON setup_links (account)",
    "CREATE INDEX sessions_by_account ON sessions (account, last_seen DESC)",
    "CREATE INDEX sessions_by_last_seen ON sessions (last_seen)",
    "CREATE INDEX passkeys_by_account ON passkeys (account, added)",
    "CREATE INDEX tokens_by_account ON tokens (account, created DESC)",
    "CREATE INDEX sign_in_counts_by_last ON sign_in_counts (last)",
    "CREATE INDEX known_marks_by_seen ON known_marks (seen)",
    "CREATE INDEX spent_challenges_by_expiry ON spent_challenges (expires)",
)


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    for table in (_ACCOUNTS, _SECRETS, _LINKS, _SESSIONS, _PASSKEYS, _TOKENS, _COUNTS, _MARKS, _SPENT):
        yield table.replace("{text}", dialect.text).replace("{clustered}", dialect.clustered)
    yield from _INDICES
