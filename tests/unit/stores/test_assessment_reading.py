"""Folders as a registry reads them: running, stopped, complete, torn, altered; links that lead outside."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sekisho.errors import EvidenceError
from sekisho.model.assessment import Assessment, TestRecord
from sekisho.model.registry import FileRow, State
from sekisho.model.terminal import Terminal, Unit
from sekisho.model.verdict import Judged, Verdict
from sekisho.stores.assessment_reading import folders, piece, read_chain, register
from sekisho.stores.evidence_folder import CHAIN, EvidenceFolder, digest

AT = "2026-11-21T01:02:03+00:00"


def begun(root: Path, name: str = "a1") -> EvidenceFolder:
    store = EvidenceFolder(root / name, lambda: AT, create=True)
    store.append(
        "opened",
        {
            "id": name,
            "record": {"number": "N-1"},
            "person": "sato",
            "place": "lab",
            "target": "192.0.2.1",
            "tool": "t",
        },
    )
    terminal = Terminal(maker="ACME", model="R1", software="1.0", units=(Unit("a", "SN1"), Unit("b")))
    store.append("terminal", {"sha256": store.keep(msgspec.json.encode(terminal), kind="terminal")})
    return store


def judge(store: EvidenceFolder) -> None:
    judged = (
        Judged("law", "1", Verdict.PASS), Judged("law", "2", Verdict.NONE), Judged("law", "3", Verdict.FAIL, (), "information"),
    )  # fmt: skip
    made = Assessment(
        id="a1", began=AT, ended=AT, tool="t", record=TestRecord(), attempts={}, facts=(), judged=judged, catalogues=("law 1",)
    )  # fmt: skip
    store.append(
        "judged",
        {"assessment": store.keep(msgspec.json.encode(made), kind="assessment"), "catalogues": ["law"]},
    )


def test_a_run_that_goes_on_and_one_that_ended(tmp_path: Path) -> None:
    store = begun(tmp_path)
    assert register(tmp_path / "a1", "m").row.state is State.RUNNING
    store.close()
    found = register(tmp_path / "a1", "m").row
    assert (found.state, found.ended, found.verdicts) == (State.STOPPED, 0, {})
    assert (found.terminal, found.unit, found.person, found.number) == ("ACME R1", "SN1, b", "sato", "N-1")
    assert found.began == 1_795_222_923_000


def test_what_was_not_judged_is_no_pass(tmp_path: Path) -> None:
    store = begun(tmp_path)
    judge(store)
    store.close()
    found = register(tmp_path / "a1", "m")
    assert found.row.state is State.COMPLETE
    assert found.row.verdicts == {"law": Verdict.INCONCLUSIVE}
    assert found.duties == {"law": {"1": Verdict.PASS, "2": Verdict.NONE, "3": Verdict.FAIL}}
    # Gone on with, and not judged again.
    store = EvidenceFolder(tmp_path / "a1", lambda: AT)
    store.append("resumed", {"tool": "t"})
    store.close()
    assert register(tmp_path / "a1", "m").row.state is State.STOPPED


def test_a_torn_end_is_a_run_that_died_and_no_damage(tmp_path: Path) -> None:
    begun(tmp_path).close()
    with (tmp_path / "a1" / CHAIN).open("ab") as out:
        out.write(b'{"seq": 9, "half')
    assert register(tmp_path / "a1", "m").row.state is State.STOPPED


@pytest.mark.parametrize("what", ["event", "order", "terminal", "assessment", "garbage", "empty"])
def test_damage_is_said_and_nothing_judged_is_believed(tmp_path: Path, what: str) -> None:
    store = begun(tmp_path)
    judge(store)
    store.close()
    chain = tmp_path / "a1" / CHAIN
    lines = chain.read_bytes().splitlines(keepends=True)
    if what == "event":
        lines[0] = lines[0].replace(b"sato", b"gato")
    elif what == "order":
        lines[1], lines[2] = lines[2], lines[1]
    elif what == "garbage":
        lines[2] = b"\xff\xfe\n"
    elif what == "empty":
        lines = []
    else:
        blob = next(msgspec.json.decode(one)["body"] for one in lines if f'"kind":"{what}"'.encode() in one)
        (tmp_path / "a1" / "evidence" / blob["sha256"]).write_bytes(b"{}")
    chain.write_bytes(b"".join(lines))
    found = register(tmp_path / "a1", "m")
    assert found.row.state is State.DAMAGED
    assert found.row.problem
    assert found.duties == {}


def test_only_folders_with_a_chain_are_listed(tmp_path: Path) -> None:
    assert list(folders(tmp_path / "none")) == []
    begun(tmp_path).close()
    (tmp_path / "other").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "file").write_text("x")
    assert [name for name, _ in folders(tmp_path)] == ["a1"]


def test_a_chain_that_points_outside_gives_nothing(tmp_path: Path) -> None:
    """A folder of somebody else's may list any path: with a right digest, it is still not its evidence."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"key")
    store = begun(tmp_path)
    store.close()
    folder = tmp_path / "a1"
    (folder / "evidence" / "link").symlink_to(secret)
    for path in ("../secret", str(secret), "evidence/link"):
        with pytest.raises(EvidenceError):
            piece(folder, (FileRow(path, digest(b"key"), 3, "report"),), digest(b"key"))
    assert piece(folder, (), digest(b"key")) is None
    assert read_chain(folder).problem == ""
