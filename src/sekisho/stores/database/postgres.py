"""PostgreSQL behind one URL, by psycopg 3 (the extra ``postgres``)."""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.stores.database.migrations.dialect import Dialect

# The collation "C" sorts as SQLite and Python do.
DIALECT = Dialect(name="postgresql", text='TEXT COLLATE "C"', clustered="")
_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_CONNECT_S = 10


def engine(url: str, patience: float) -> tuple[Engine, str]:
    """Return the engine and the name for messages: no password, no options.

    :raises DescriptionError: not such a URL, or psycopg isn't installed
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in _SCHEMES:
        raise DescriptionError(
            Text(ja="PostgreSQL の URL ではない", en="not a URL of PostgreSQL"),
            url.partition(":")[0],
            Text(
                ja="例：postgresql:///sekisho?host=/run/postgresql",
                en="such as postgresql://user@host/sekisho",
            ),
        )
    if importlib.util.find_spec("psycopg") is None:
        raise DescriptionError(
            Text(ja="psycopg が入っていない", en="psycopg isn't installed"),
            "postgresql",
            Text(
                ja="pip install 'sekisho[postgres]' で入れる",
                en="install it: pip install 'sekisho[postgres]'",
            ),
        )
    where = parsed.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
    milliseconds = int(patience * 1000)
    asked = {
        "connect_timeout": _CONNECT_S,
        "tcp_user_timeout": milliseconds,
        "application_name": "sekisho",
        "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
    }
    made = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        connect_args={name: value for name, value in asked.items() if name not in parsed.query},
        pool_size=5, max_overflow=20, pool_timeout=patience, pool_pre_ping=True, hide_parameters=True,
    )  # fmt: skip
    event.listen(made, "connect", _insist)
    return made, where


def no_lock() -> AbstractContextManager[None]:
    """Return a lock that nobody needs: the server lets writers in by itself."""
    return nullcontext()


def _insist(connection: Any, _record: Any) -> None:
    """Acknowledged means on the disk, whatever the server's default is; stricter defaults stay."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()
