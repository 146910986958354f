"""Fixtures: each test of the contract runs on SQLite and on PostgreSQL; no silent skip of the latter."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.database.cluster import Cluster, obstacle
from contract.database.places import opened
from sekisho.stores.database import Database, SqlAudit, SqlCases, SqlNotices


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
    """One server for the session."""
    server = Cluster()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.lab)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty database can be made (SQLite) or is (PostgreSQL)."""
    if request.param == "sqlite":
        yield str(tmp_path / "cases.db")
        return
    server: Cluster = request.getfixturevalue("cluster")
    url = server.database()
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
