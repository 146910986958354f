"""Accidents and their documents: nothing is overwritten, nothing that was signed changes."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import text

from sekisho.errors import ConflictError, DescriptionError, StoreError
from sekisho.model.accident_record import AccidentRecord, DocumentVersion, SignOff
from sekisho.stores.database import Database, SqlAccidents


@pytest.fixture
def accidents(database: Database) -> SqlAccidents:
    return SqlAccidents(database)


def record(identifier: str = "a1", occurred: int = 1_000) -> AccidentRecord:
    return AccidentRecord(identifier, "東京の故障", occurred, 0, "undecided", 1, 1, "佐藤", "{}")


def document(version: int = 1, kind: str = "first", digest: str = "d") -> DocumentVersion:
    return DocumentVersion("a1", kind, version, 5, "佐藤", digest, '{"a": 1}')


def test_what_is_stored_is_read_and_an_older_revision_is_refused(accidents: SqlAccidents) -> None:
    first = accidents.save(record())
    assert accidents.accident("a1") == first
    assert first.revision == 1
    second = accidents.save(msgspec.structs.replace(first, title="別", ended=9))
    assert (second.revision, accidents.accident("a1")) == (2, second)
    for stale in (first, record()):
        with pytest.raises(ConflictError):
            accidents.save(stale)
    assert [accidents.accident(one) for one in ("", "x", "a\0", "\ud800")] == [None] * 4


def test_paging_newest_first(accidents: SqlAccidents) -> None:
    for number in range(5):
        accidents.save(record(f"a{number}", 1_000 + number // 2))
    first = accidents.find(limit=2)
    second = accidents.find(after=first[-1].place, limit=9)
    assert [one.id for one in (*first, *second)] == ["a4", "a3", "a2", "a1", "a0"]
    with pytest.raises(DescriptionError):
        accidents.find(after="nobody")


def test_versions_follow_each_other(accidents: SqlAccidents) -> None:
    accidents.save(record())
    accidents.add(document())
    for wrong in (1, 3):
        with pytest.raises(ConflictError):
            accidents.add(document(wrong))
    accidents.add(document(2))
    accidents.add(document(1, "notice"))
    assert [(one.kind, one.version) for one in accidents.documents("a1")] == [
        ("first", 2),
        ("first", 1),
        ("notice", 1),
    ]
    assert [one.version for one in accidents.documents("a1", "notice")] == [1]
    assert accidents.documents("a\0") == ()
    with pytest.raises(StoreError):
        accidents.add(msgspec.structs.replace(document(), accident="nobody"))


def test_a_version_is_signed_once_by_its_digest(accidents: SqlAccidents) -> None:
    accidents.save(record())
    accidents.add(document())
    signature = SignOff("a1", "first", 1, "鈴木", 7, "d")
    for wrong in ({"digest": "e"}, {"version": 2}, {"kind": "notice"}):
        with pytest.raises(ConflictError):
            accidents.sign(msgspec.structs.replace(signature, **wrong))
    accidents.sign(signature)
    with pytest.raises(ConflictError):
        accidents.sign(msgspec.structs.replace(signature, name="高橋"))
    assert accidents.signatures("a1") == (signature,)


@pytest.mark.parametrize("table", ["accident_documents", "accident_signatures"])
@pytest.mark.parametrize("act", ["UPDATE {} SET version = 2", "DELETE FROM {}"])
def test_nobody_changes_or_deletes_what_was_kept(
    accidents: SqlAccidents, database: Database, table: str, act: str
) -> None:
    accidents.save(record())
    accidents.add(document())
    accidents.sign(SignOff("a1", "first", 1, "鈴木", 7, "d"))
    with pytest.raises(StoreError), database.writing() as connection:
        connection.execute(text(act.format(table)))
    assert len(accidents.documents("a1")) == len(accidents.signatures("a1")) == 1


def test_unsettled_are_those_that_go_on_and_those_lately_over_that_may_be_serious(
    accidents: SqlAccidents,
) -> None:
    for identifier, ended, serious in (
        ("runs", 0, "no"), ("over", 900, "no"), ("serious", 900, "yes"), ("open", 901, "undecided"), ("old", 99, "yes"),
    ):  # fmt: skip
        accidents.save(msgspec.structs.replace(record(identifier), ended=ended, serious=serious))
    assert [one.id for one in accidents.unsettled(900)] == ["runs", "serious", "open"]
    assert [one.id for one in accidents.unsettled(0, 2)] == ["runs", "serious"]


def test_signed_names_accident_and_kind(accidents: SqlAccidents) -> None:
    accidents.save(record())
    accidents.add(document())
    assert accidents.signed(["a1"]) == frozenset()
    accidents.sign(SignOff("a1", "first", 1, "鈴木", 7, "d"))
    assert accidents.signed(["a1", "a2"]) == {("a1", "first")}
    assert accidents.signed([]) == accidents.signed(["a2"]) == frozenset()
