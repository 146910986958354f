"""What the dumps of released schemas hold, and how a dump is made: ``python -m tests.contract.database.released``.

A dump is made once, when its schema is released, and then kept for ever. It holds what `write` writes.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
DUMPS = HERE / "schemas"
ENGINES = ("sqlite", "postgresql")


def dump_file(engine: str, version: int) -> Path:
    """Return where a dump is."""
    return DUMPS / f"{engine}-{version}.sql"


def write(database: object) -> None:
    """Write what every dump holds: two cases with their lives, a notice in two revisions, three entries of the log.

    Since schema 2 also an admin with a session and a passkey, and three more entries.
    """
    from contract.database.people import RULES, account, act, link, passkey, session, token
    from contract.database.places import NOW, case, event, notice
    from sekisho.model.notice import NoticeState
    from sekisho.stores.database import (
        SqlAccounts,
        SqlAudit,
        SqlBrake,
        SqlCases,
        SqlNotices,
        SqlPasskeys,
        SqlTokens,
    )

    cases, notices, log = SqlCases(database), SqlNotices(database), SqlAudit(database)
    first = cases.save(
        case("c1", family="mirai", methods=("known_cc",)), [event("c1", "opened", n=1, 文="感染")]
    )
    cases.save(
        msgspec.structs.replace(first, assignee="佐藤", updated=NOW + 5), [event("c1", "assigned", to="佐藤")]
    )
    cases.save(case("c2", subscriber=-3, key="method:outbound_scan"), [])
    (draft,) = notices.add([notice("n1")])
    notices.change(msgspec.structs.replace(draft, state=NoticeState.SENT, sent_at=NOW, message_id="<1@x>"))
    for number in range(3):
        log.append(
            "佐藤", "sender", "re-identify", f"c{number}", at=NOW, basis="consent", details={"n": number}
        )
    accounts = SqlAccounts(database)
    accounts.make_link(link(), act("setup-link"))
    accounts.redeem(
        link(), account(), act("set-up"), session(), secret="$argon2id$not-one", passkey=passkey()
    )
    SqlTokens(database).add(token(), act("make-token"), most=5)
    SqlPasskeys(database).spend("00ff", NOW + 5, NOW)
    SqlBrake(database).book(["name:x"], NOW, RULES)
    SqlBrake(database).remember("a1", ["place:y"], NOW, 0)


def dumped(engine: str, address: str) -> str:
    """Return the dump of a database as SQL."""
    if engine == "sqlite":
        with closing(sqlite3.connect(address)) as raw:
            return "\n".join(raw.iterdump()) + "\n"
    from contract.database.cluster import programs

    folder = programs()
    assert folder is not None
    command = [str(folder / "pg_dump"), "--inserts", "--no-owner", "--no-privileges", "--dbname", address]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    # Comments name versions and the time; \restrict is a word to psql with a new secret each time.
    kept = [line for line in text.splitlines() if line and not line.startswith(("--", "\\"))]
    return "\n".join(kept) + "\n"


def load(engine: str, address: str, text: str) -> None:
    """Make a database from a dump."""
    if engine == "sqlite":
        with closing(sqlite3.connect(address)) as raw:
            raw.executescript(text)
        return
    import psycopg

    with psycopg.connect(address) as connection:
        connection.execute(text)


def main() -> None:
    """Write the dumps of today's schema; those that are there already are left alone."""
    sys.path.insert(0, str(HERE.parents[1]))
    from contract.database.cluster import Cluster
    from contract.database.places import opened
    from sekisho.stores.database.migrations import STEPS

    DUMPS.mkdir(exist_ok=True)
    server = Cluster()
    try:
        server.start()
        with tempfile.TemporaryDirectory() as folder:
            for engine, address in zip(ENGINES, (f"{folder}/cases.db", server.database()), strict=True):
                file = dump_file(engine, len(STEPS))
                if file.exists():
                    continue
                database = opened(address)
                write(database)
                database.close()
                file.write_text(dumped(engine, address), encoding="utf-8")
                print(file)
    finally:
        server.remove()


if __name__ == "__main__":
    main()
