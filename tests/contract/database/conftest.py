"""Fixtures: each test of the contract runs on SQLite and on PostgreSQL; no silent skip of the latter."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.database.cluster import MEMORY, Cluster, obstacle
from contract.database.places import opened
from sekisho.stores.database import Database, SqlAudit, SqlCases, SqlNotices

_ROOM = 4 << 30


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("lab") is None:
        return
    why = obstacle()
    if why and os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"POSTGRESQL TESTS DID NOT RUN: {why}", pytrace=False)
    if why:
        pytest.skip(f"POSTGRESQL TESTS DID NOT RUN: {why}")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One server for the session. It leaves its files to the system: what dies here has servers of its own."""
    server = Cluster(_in_memory(), "fsync=off", "max_wal_size=128MB", "min_wal_size=32MB")
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _in_memory() -> Path | None:
    """Return a folder in memory, where there is room: a database for each test is hundreds of files, made and deleted."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < _ROOM:
        return None
    return Path(tempfile.mkdtemp(prefix="sekisho-pg-", dir=MEMORY))


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database of SQLite, to be copied; each copy is still opened as any other."""
    path = tmp_path_factory.mktemp("pattern") / "cases.db"
    opened(str(path)).close()
    return path


@pytest.fixture(scope="session")
def pattern_served(cluster: Cluster) -> str:
    """The name of a new database in the server, to be copied."""
    url = cluster.database()
    opened(url).close()
    return url.partition("?")[0].rpartition("/")[2]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.lab)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty database can be made (SQLite) or is (PostgreSQL); beside ``database``, where that is."""
    known = "database" in request.fixturenames
    if request.param == "sqlite":
        if known:
            shutil.copy(request.getfixturevalue("pattern"), tmp_path / "cases.db")
        yield str(tmp_path / "cases.db")
        return
    server: Cluster = request.getfixturevalue("cluster")
    url = server.database(request.getfixturevalue("pattern_served") if known else "")
    yield url
    server.drop(url)


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    one = opened(address)
    yield one
    one.close()


@pytest.fixture
def cases(database: Database) -> SqlCases:
    return SqlCases(database)


@pytest.fixture
def notices(database: Database) -> SqlNotices:
    return SqlNotices(database)


@pytest.fixture
def audit(database: Database) -> SqlAudit:
    return SqlAudit(database)
