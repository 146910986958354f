"""Papers of duties: versions follow each other, none is changed, all of a batch or none is kept."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from sekisho.errors import ConflictError, StoreError
from sekisho.model.paper import Paper
from sekisho.stores.database import Database, SqlPapers


@pytest.fixture
def papers(database: Database) -> SqlPapers:
    return SqlPapers(database)


def paper(name: str = "a", version: int = 1, kind: str = "done", body: str = "{}") -> Paper:
    return Paper(kind, name, version, 5, "佐藤", body)


def test_versions_follow_each_other_and_the_newest_is_read(papers: SqlPapers) -> None:
    papers.add([paper(), paper("b"), paper("a", 2, body="2")])
    for wrong in (1, 2, 4):
        with pytest.raises(ConflictError):
            papers.add([paper("a", wrong)])
    papers.add([paper("a", 3, body=""), paper("c%", 1, "check-2026")])
    assert papers.paper("done", "a") == paper("a", 3, body="")
    assert [(one.name, one.version) for one in papers.newest("done")] == [("a", 3), ("b", 1)]
    assert [one.name for one in papers.newest("done", "check-2026", "x\0")] == ["c%", "a", "b"]
    assert [one.version for one in papers.versions("done", "a")] == [3, 2, 1]
    assert papers.kinds("check-") == ("check-2026",)
    assert papers.extent() == (5, 5)
    assert papers.kinds("%") == papers.kinds("\0") == papers.versions("done", "\0") == ()
    assert [papers.paper("done", one) for one in ("x", "\0", "\ud800")] == [None] * 3


def test_all_of_a_batch_or_none(papers: SqlPapers) -> None:
    with pytest.raises(ConflictError):
        papers.add([paper(), paper("b", 2)])
    papers.add([])
    assert papers.extent() == (0, 0)
    assert papers.newest("done") == ()


@pytest.mark.parametrize("act", ["UPDATE duty_papers SET body = 'x'", "DELETE FROM duty_papers"])
def test_nobody_changes_or_deletes_what_was_written(papers: SqlPapers, database: Database, act: str) -> None:
    papers.add([paper()])
    with pytest.raises(StoreError), database.writing() as connection:
        connection.execute(text(act))
    assert papers.versions("done", "a") == (paper(),)
