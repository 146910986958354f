"""A backup and a restore of a data folder, on both engines; and from one PostgreSQL into another one."""

from pathlib import Path

import pytest

from contract.database.cluster import Cluster
from contract.database.places import opened
from contract.database.released import write
from sekisho.errors import StoreError
from sekisho.stores.database import SqlAccounts, SqlAudit, SqlCases, copying
from sekisho.wiring.backup import back_up, restore
from sekisho.wiring.settings import read_settings


def test_a_database_comes_back(address: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    server = address.startswith("postgresql:")
    folder = tmp_path / "data"
    folder.mkdir()
    settings = f'days = 7\ndatabase = "{address}"\nshards = 2\n' if server else "days = 7\n"
    (folder / "watch.toml").write_text(settings, encoding="utf-8")
    there = address if server else str(folder / "cases.db")
    database = opened(there)
    write(database)
    kept = back_up(folder, tmp_path / "b.tar", "operator")
    assert kept.database == ("postgresql" if server else "sqlite")
    assert kept.unrecorded == ""
    other = ""
    if server:
        cluster: Cluster = request.getfixturevalue("cluster")
        # The old one still lives: nothing may be poured into it, nor deleted there.
        with pytest.raises(StoreError, match="empty"):
            restore(tmp_path / "b.tar", tmp_path / "again", "operator")
        assert not (tmp_path / "again").exists()
        other = cluster.database()
    done = restore(tmp_path / "b.tar", tmp_path / "again", "operator", database=other)
    back = opened(other or str(tmp_path / "again" / "cases.db"))
    assert SqlCases(back).case("c1") == SqlCases(database).case("c1")
    assert SqlAccounts(back).accounts() == SqlAccounts(database).accounts()
    assert SqlAudit(back).verify().whole
    assert done.files == kept.files
    assert read_settings(tmp_path / "again" / "watch.toml").days == 7
    if server:
        assert read_settings(tmp_path / "again" / "watch.toml").database == other
        assert read_settings(folder / "watch.toml").database == address
        assert not (tmp_path / "again" / "database.dump").exists()
    back.close()
    database.close()


@pytest.mark.lab
def test_a_program_that_is_missing_or_refuses_is_said(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="pg_dump failed") as refused:
        copying.dump_postgres(
            cluster.address("no_such").replace("sekisho@", "sekisho:secret@"), tmp_path / "x"
        )
    assert "secret" not in refused.value.where
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="there is no pg_dump"):
        copying.dump_postgres(cluster.address("postgres"), tmp_path / "x")
