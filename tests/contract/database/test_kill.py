"""Killed at any moment under load: nothing acknowledged is lost, nothing is there by half."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from contract.database.cluster import Cluster
from contract.database.places import kill, opened, program
from fakes.command import Running
from sekisho.model.case import CaseState
from sekisho.ports.cases import CaseFilter
from sekisho.stores.database import Database, SqlAudit, SqlCases, SqlNotices

# Each round: a new case with its events, a change of it, three notices in one batch, one entry of the log. Said
# after each step, so that the parent knows what was acknowledged.
WRITE = """
    import itertools, msgspec
    word = sys.argv[2]
    cases, notices, log = SqlCases(database), SqlNotices(database), SqlAudit(database)
    print("go", flush=True)
    for n in itertools.count():
        name = f"{word}-{n:05}"
        first = cases.save(case(name), [event(name, "opened", n=i) for i in range(3)])
        print("new", name, flush=True)
        cases.save(msgspec.structs.replace(first, detections=7), [event(name, "detection", n=i) for i in range(2)])
        print("changed", name, flush=True)
        notices.add([notice(f"{name}-{i}", case=name) for i in range(3)])
        print("noticed", name, flush=True)
        print("logged", log.append(word, "sender", "approve-notice", name, at=n).hash, flush=True)
"""


def acknowledged(lines: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"new": set(), "changed": set(), "noticed": set(), "logged": set()}
    for line in lines:
        kind, _, name = line.partition(" ")
        if kind != "go":
            found[kind].add(name)
    return found


def once_round(running: Running) -> list[str]:
    """Wait until it has done each thing once, however busy the machine is; return what it said."""
    assert running.stdout is not None
    said = [running.stdout.readline().rstrip()]
    while not said[-1].startswith("logged"):
        assert said[-1], said
        said.append(running.stdout.readline().rstrip())
    return said


def check(database: Database, sure: dict[str, set[str]]) -> int:
    """Hold what is there against what was acknowledged; return the number of cases."""
    cases, notices, log = SqlCases(database), SqlNotices(database), SqlAudit(database)
    held, after = [], ""
    while True:
        page = cases.find(CaseFilter(states=(CaseState.NEW,)), after=after, limit=1000)
        held += page.cases
        after = page.next
        if not after:
            break
    names = {one.id for one in held}
    assert sure["new"] <= names
    assert sure["changed"] <= {one.id for one in held if one.revision == 2}
    batches: dict[str, int] = {}
    for found in notices.find([], limit=10**6):
        batches[found.case] = batches.get(found.case, 0) + 1
    assert set(batches.values()) <= {3}
    assert sure["noticed"] <= set(batches)
    lives = {life.case.id: life for life in cases.of_lines([4711])[4711]}
    assert lives.keys() == names
    for one in held:
        kinds = [entry.kind for entry in lives[one.id].events]
        assert kinds == ["opened"] * 3 + ["detection"] * 2 * (one.revision - 1), one
        assert one.detections == (7 if one.revision == 2 else 0)
    entries = log.entries(limit=10**6)
    assert sure["logged"] <= {one.hash for one in entries}
    assert log.verify().whole
    return len(held)


def test_killed_writers(address: str) -> None:
    sure: dict[str, set[str]] = {"new": set(), "changed": set(), "noticed": set(), "logged": set()}
    for life in range(6):
        runs = [program(WRITE, address, f"{life}{word}") for word in "ab"]
        begun = [once_round(running) for running in runs]
        time.sleep(random.Random(life).uniform(0.0, 0.3))
        for said, running in zip(begun, runs, strict=True):
            for kind, names in acknowledged(said + kill(running)).items():
                sure[kind] |= names
        database = opened(address)
        try:
            check(database, sure)
        finally:
            database.close()
        if not address.startswith("postgresql:"):
            with closing(sqlite3.connect(address)) as raw:
                assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    assert all(len(names) > 5 for names in sure.values()), {kind: len(names) for kind, names in sure.items()}


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    server = Cluster()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.mark.lab
def test_the_killed_server_lost_nothing_and_the_store_finds_it_again(own_cluster: Cluster) -> None:
    address = own_cluster.database()
    database = opened(address)
    sure: dict[str, set[str]] = {"new": set(), "changed": set(), "noticed": set(), "logged": set()}
    for life in range(3):
        running = program(WRITE, address, f"{life}")
        said = once_round(running)
        time.sleep(random.Random(life).uniform(0.0, 0.4))
        own_cluster.kill()
        out, err = running.communicate(timeout=60)
        assert running.returncode != 0
        assert "StoreError" in err.splitlines()[-1], err
        for kind, names in acknowledged(said + out.splitlines()).items():
            sure[kind] |= names
        own_cluster.start()
        assert check(database, sure) >= len(sure["new"]) > 0
    database.close()
