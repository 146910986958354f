"""The evidence folder: what a crash, a full disk, a curious hand can and can't do to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.errors import EvidenceError, StoreError
from sekisho.stores.evidence_folder import CHAIN, EvidenceFolder, digest, verify


def now() -> str:
    return "2026-11-21T00:00:00+00:00"


def filled(path: Path) -> EvidenceFolder:
    store = EvidenceFolder(path, now, create=True)
    store.append("opened", {"id": "x", "person": "関"})
    store.keep(b"hello", kind="transcript", name="a")
    (path / "reports/r.html").write_bytes(b"<html>")
    store.enlist("reports/r.html", "report")
    store.append("probe", {"probe": "p", "attempt": {"status": "done"}})
    return store


def test_round_trip(tmp_path: Path) -> None:
    store = filled(tmp_path / "a")
    head, kinds = store.head, [event.kind for event in store.events()]
    store.close()
    again = EvidenceFolder(tmp_path / "a", now)
    assert (again.head, [event.kind for event in again.events()]) == (head, kinds)
    assert again.read(next(e.body["sha256"] for e in again.events() if e.kind == "blob")) == b"hello"
    again.close()
    assert verify(tmp_path / "a", head)[1] == []


def test_second_writer_is_refused(tmp_path: Path) -> None:
    store = filled(tmp_path / "a")
    with pytest.raises(EvidenceError, match="another run"):
        EvidenceFolder(tmp_path / "a", now)
    store.close()


def test_every_altered_byte_is_found(tmp_path: Path) -> None:
    filled(tmp_path / "a").close()
    files = [path for path in sorted((tmp_path / "a").rglob("*")) if path.is_file()]
    assert len(files) == 3
    for file in files:
        good = file.read_bytes()
        for place in range(len(good)):
            file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
            assert verify(tmp_path / "a")[1], f"{file} byte {place}"
        file.write_bytes(good)
    assert verify(tmp_path / "a")[1] == []


def test_missing_unlisted_and_wrong_head_are_found(tmp_path: Path) -> None:
    filled(tmp_path / "a").close()
    (tmp_path / "a/evidence/stranger").write_bytes(b"?")
    assert [one.kind for one in verify(tmp_path / "a")[1]] == ["unlisted"]
    (tmp_path / "a/evidence/stranger").unlink()
    assert [one.kind for one in verify(tmp_path / "a", "0" * 64)[1]] == ["head"]
    (tmp_path / "a/reports/r.html").unlink()
    assert [one.kind for one in verify(tmp_path / "a")[1]] == ["missing"]
    assert verify(tmp_path / "nowhere")[1]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(min_value=1, max_value=400))
def test_a_torn_tail_loses_only_itself(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("torn") / "a"
    store = filled(path)
    before = len(list(store.events()))
    store.close()
    chain = path / CHAIN
    content = chain.read_bytes()
    cut = min(cut, len(content) - 1)
    chain.write_bytes(content[:-cut])
    whole = content[:-cut].count(b"\n")
    again = EvidenceFolder(path, now)
    kept = [event for event in again.events() if event.kind != "torn"]
    again.append("resumed", {})
    again.close()
    assert len(kept) == whole <= before
    assert not {one.kind for one in verify(path)[1]} & {"altered", "chain", "torn"}


def test_a_full_disk_loses_nothing_that_was_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(tmp_path / "a")
    count, real = len(list(store.events())), os.write

    def full(handle: int, data: bytes) -> int:
        return real(handle, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError) as caught:
        store.append("step", {"x": 1})
    assert "--resume" in caught.value.todo.en
    monkeypatch.undo()
    store.append("step", {"x": 2})
    assert len(list(store.events())) == count + 1
    store.close()
    assert verify(tmp_path / "a")[1] == []


def test_not_a_folder_of_ours(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="not an assessment folder"):
        EvidenceFolder(tmp_path, now)
    filled(tmp_path / "a").close()
    with pytest.raises(EvidenceError, match="exists already"):
        EvidenceFolder(tmp_path / "a", now, create=True)


def test_what_a_dead_run_left_is_taken_in_and_half_files_go(tmp_path: Path) -> None:
    filled(tmp_path / "a").close()
    whole_blob, evidence = b"kept, not listed", tmp_path / "a/evidence"
    (evidence / digest(whole_blob)).write_bytes(whole_blob)
    (evidence / f"{digest(b'half')}.part").write_bytes(b"ha")
    (evidence / digest(b"renamed but never on the disk")).write_bytes(b"")
    (tmp_path / "a/reports/0001").mkdir()
    (tmp_path / "a/reports/0001/report.json").write_bytes(b"{")
    assert {one.kind for one in verify(tmp_path / "a")[1]} == {"unlisted"}
    store = EvidenceFolder(tmp_path / "a", now)
    store.take_in()
    kinds = [event.kind for event in store.events()]
    store.take_in()
    assert [event.kind for event in store.events()] == kinds, "once is enough"
    store.close()
    assert kinds.count("left-over") == 2
    assert kinds.count("dropped") == 2
    assert verify(tmp_path / "a")[1] == []
    (evidence / digest(whole_blob)).write_bytes(b"altered afterwards")
    assert [one.kind for one in verify(tmp_path / "a")[1]] == ["altered"]
