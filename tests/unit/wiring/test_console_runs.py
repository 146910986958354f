"""Runs as the console drives them: a real ``sekisho assess`` against a listener on loopback."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from sekisho.errors import AuthorisationError, ConflictError, DescriptionError, StoreError
from sekisho.language import Language
from sekisho.model.assess_run import Process, Run, RunState
from sekisho.model.case_life import Actor
from sekisho.stores.assessment_reading import read_chain
from sekisho.stores.run_papers import RunPapers
from sekisho.wiring.console import Console
from sekisho.wiring.console_runs import RunDesk, Wanted

WHO = Actor("関守", "analyst")
HOST = "127.0.78.1"
DESCRIBED = """maker = "A"
model = "R 1"
[[interfaces]]
name = "lan"
addresses = ["{host}"]
[[services]]
name = "web"
protocol = "http"
port = {port}
"""
OWN = 'own = ["127.0.0.0/8"]\n'
WANTED = Wanted(
    described="r1.toml", catalogues=("jp-2025-report",), only=("document_check",), allowed_by="持ち主", agreed=True,
    risks=("login",),
)  # fmt: skip


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with socket.create_server((HOST, 0)) as door, Console(tmp_path / "data", create=True) as console:
        folder = tmp_path / "data" / "terminals"
        folder.mkdir(parents=True)
        (tmp_path / "data" / "assess.toml").write_text(OWN, encoding="utf-8")
        (folder / "r1.toml").write_text(
            DESCRIBED.format(host=HOST, port=door.getsockname()[1]), encoding="utf-8"
        )
        yield console
        for run in console.runs.alive():
            console.runs.stop(run.order.id, WHO)
            _until(lambda one=run: not console.runs.run(one.order.id).state.alive)


@pytest.fixture
def desk(console: Console) -> RunDesk:
    return console.runs


def _until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def _run(desk: RunDesk, name: str) -> Run:
    found = desk.run(name)
    assert found is not None
    return found


def test_start_ask_stop_resume_to_the_end(desk: RunDesk, console: Console) -> None:
    name = desk.start(WANTED, WHO, Language.JA)
    assert _run(desk, name).state.alive
    with pytest.raises(ConflictError):
        desk.start(WANTED, WHO, Language.JA)  # the same terminal
    with pytest.raises(ConflictError):
        desk.resume(name, WHO, Language.JA)
    _until(lambda: desk.asking(name))
    first = desk.asking(name)[0]
    with pytest.raises(DescriptionError):
        desk.answer(name, first.number, "perhaps", WHO, 1)
    desk.answer(name, first.number, "yes", WHO, 1_795_000_000_000, "12頁", [("photo.png", b"\x89PNG" * 9)])
    _until(lambda: desk.asking(name) and desk.asking(name)[0].number > first.number)
    began = time.monotonic()
    desk.stop(name, WHO)
    _until(lambda: not _run(desk, name).state.alive)
    assert time.monotonic() - began < 3
    stopped = _run(desk, name)
    assert (stopped.state, stopped.stopped_by, stopped.resumable) == (RunState.STOPPED, "関守", True)

    desk.resume(name, WHO, Language.JA)
    while _run(desk, name).state.alive:
        for one in desk.asking(name):
            assert one.id != first.id, "what was answered is not asked again"
            desk.answer(name, one.number, "", WHO, 1)
        time.sleep(0.01)
    assert _run(desk, name).state is RunState.COMPLETE, _run(desk, name).log
    detail = console.terminals.detail(name)
    assert detail is not None
    assert detail.row.person == "関守"
    assert detail.authorisation["allowed_by"] == "持ち主"
    assert [one.kind for one in detail.files].count("attachment") == 1
    answered = [
        one.body for one in read_chain(console.folder / "assessments" / name).events if one.kind == "answered"
    ]
    assert [(one["person"], one["note"], one["at"][:10]) for one in answered] == [
        ("関守", "12頁", "2026-11-18")
    ]
    assert console.terminals.verify(name).problems == ()
    acts = {one.act for one in console.keeping.audit(who="x")}
    assert {"start-assessment", "stop-assessment", "resume-assessment", "answer-question"} <= acts


def test_a_killed_run_is_told_and_goes_on_and_a_new_console_finds_it(
    console: Console, tmp_path: Path
) -> None:
    name = console.runs.start(WANTED, WHO, Language.EN)
    _until(lambda: console.runs.asking(name))
    with Console(tmp_path / "data") as other:
        assert _run(other.runs, name).state is RunState.RUNNING
        paper = (tmp_path / "data" / "runs" / name / "process.json").read_bytes()
        os.kill(msgspec.json.decode(paper, type=Process).pid, signal.SIGKILL)
        _until(lambda: not _run(other.runs, name).state.alive)
        seen = _run(other.runs, name)
        assert (seen.state, seen.resumable, seen.asking) == (RunState.DIED, True, ())
        other.runs.resume(name, WHO, Language.EN)
        _until(lambda: other.runs.asking(name))
        other.runs.stop(name, WHO)
        _until(lambda: not _run(other.runs, name).state.alive)


def test_a_stop_while_the_power_is_cut_gives_it_back(desk: RunDesk, tmp_path: Path) -> None:
    file = tmp_path / "data" / "terminals" / "r1.toml"
    cord = '[power]\ndriver = "command"\ncut = ["touch", "{0}/cut"]\nrestore = ["touch", "{0}/back"]\n'
    more = "delays = [0.1]\noff_seconds = 60\n"
    file.write_text(file.read_text(encoding="utf-8") + cord.format(tmp_path) + more, encoding="utf-8")
    power = msgspec.structs.replace(WANTED, only=("power_retention",), risks=("power",), ask=False, quiet=0.1)
    name = desk.start(power, WHO, Language.EN)
    _until((tmp_path / "cut").exists)
    time.sleep(0.1)
    assert not (tmp_path / "back").exists()
    desk.stop(name, WHO)
    _until(lambda: not _run(desk, name).state.alive)
    assert (tmp_path / "back").exists()
    assert _run(desk, name).state is RunState.STOPPED


def test_a_stop_at_the_very_beginning_is_a_stop(desk: RunDesk) -> None:
    for pause in (0.0, 0.15, 0.4):
        name = desk.start(WANTED, WHO, Language.EN)
        time.sleep(pause)
        desk.stop(name, WHO)
        _until(lambda one=name: not _run(desk, one).state.alive)
        assert _run(desk, name).state is RunState.STOPPED, _run(desk, name)
        desk.resume(name, WHO, Language.EN)  # whether or not it had begun to keep evidence
        _until(lambda one=name: desk.asking(one))
        desk.stop(name, WHO)
        _until(lambda one=name: not _run(desk, one).state.alive)


def test_a_faulty_description_is_named_without_where_it_lies(desk: RunDesk, tmp_path: Path) -> None:
    (tmp_path / "data" / "terminals" / "r2.toml").write_text("maker = 1\n", encoding="utf-8")
    with pytest.raises(DescriptionError) as refused:
        desk.start(msgspec.structs.replace(WANTED, described="r2.toml"), WHO, Language.EN)
    assert refused.value.where.startswith("r2.toml: ")


def test_as_many_as_may_and_no_more(desk: RunDesk, tmp_path: Path) -> None:
    (tmp_path / "data" / "assess.toml").write_text(OWN + "at_once = 0\n", encoding="utf-8")
    with pytest.raises(ConflictError) as refused:
        desk.start(WANTED, WHO, Language.EN)
    assert "0" in refused.value.what.en
    assert desk.runs() == ()


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"described": "../r1.toml"}, DescriptionError),
        ({"described": "", "address": "router.example"}, DescriptionError),
        ({"described": "", "address": "8.8.8.8"}, AuthorisationError),
        ({"described": "", "address": "224.0.0.1"}, AuthorisationError),
        ({"described": "", "address": "--help"}, DescriptionError),
        ({"allowed_by": " "}, AuthorisationError),
        ({"agreed": False}, AuthorisationError),
        ({"addresses": ("192.168.0.0/24",)}, AuthorisationError),
        ({"addresses": ("all",)}, AuthorisationError),
        ({"addresses": ("0.0.0.0/0",)}, AuthorisationError),
        ({"days": -1}, AuthorisationError),
        ({"days": 91}, AuthorisationError),
        ({"addresses": (HOST, "8.8.8.0/24"), "public": True}, AuthorisationError),
        ({"described": "", "address": "8.8.8.8", "public": True}, AuthorisationError),
        ({"described": "", "address": "169.254.169.254"}, AuthorisationError),
        ({"described": "", "address": "fe80::1%lo"}, AuthorisationError),
        ({"described": "", "address": "::1"}, AuthorisationError),
    ],
)
def test_what_the_command_line_refuses_is_refused_here_and_nothing_starts(
    desk: RunDesk, changed: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        desk.start(msgspec.structs.replace(WANTED, **changed), WHO, Language.JA)
    assert desk.runs() == ()


def test_a_run_that_ends_in_a_fault_says_which(desk: RunDesk, tmp_path: Path) -> None:
    (tmp_path / "data" / "assessments").write_bytes(b"in the way")
    name = desk.start(WANTED, WHO, Language.EN)
    _until(lambda: not _run(desk, name).state.alive)
    seen = _run(desk, name)
    assert (seen.state, seen.resumable) == (RunState.FAILED, False)
    assert seen.progress is not None
    assert seen.progress.ended is not None
    assert seen.progress.ended.what.en == "can't write to the disk"


@pytest.mark.parametrize("address", [HOST, f"::ffff:{HOST}", "127.0.0.1", "::1", "0.0.0.0"])
def test_this_machine_is_no_terminal_unless_its_owner_says_so(
    desk: RunDesk, tmp_path: Path, address: str
) -> None:
    (tmp_path / "data" / "assess.toml").write_text('prefixes = ["0.0.0.0/0", "::/0"]\n', encoding="utf-8")
    with pytest.raises(AuthorisationError):
        desk.start(msgspec.structs.replace(WANTED, described="", address=address), WHO, Language.EN)
    assert desk.runs() == ()


def test_what_may_be_assessed_is_what_the_machine_says(desk: RunDesk, tmp_path: Path) -> None:
    at = msgspec.structs.replace(WANTED, described="", address="198.51.100.7", public=True)
    with pytest.raises(AuthorisationError) as refused:
        desk.ready(at, Language.EN)
    assert "assess.toml" in refused.value.todo.en
    rules = tmp_path / "data" / "assess.toml"
    rules.write_text('public = ["198.51.100.0/24"]\nprefixes = ["169.254.7.0/24"]\n', encoding="utf-8")
    assert desk.ready(at, Language.EN).addresses == ("198.51.100.7",)
    for changed in (
        {"public": False},  # the file alone isn't enough, nor is the tick
        {"addresses": ("198.51.0.0/16",)},
        {"address": "192.168.0.1"},
    ):
        with pytest.raises(AuthorisationError):
            desk.ready(msgspec.structs.replace(at, **changed), Language.EN)
    named = msgspec.structs.replace(at, address="169.254.7.1", public=False)
    assert desk.ready(named, Language.EN).addresses == ("169.254.7.1",)
    rules.write_text('prefixes = ["all"]\n', encoding="utf-8")
    with pytest.raises(DescriptionError):
        desk.ready(named, Language.EN)


def test_a_terminal_is_the_same_by_another_spelling(desk: RunDesk) -> None:
    name = desk.start(WANTED, WHO, Language.EN)
    other = msgspec.structs.replace(WANTED, described="", address=f"::ffff:{HOST}", addresses=(HOST,))
    with pytest.raises(ConflictError) as refused:
        desk.start(other, WHO, Language.EN)
    assert refused.value.where == name


def test_the_consoles_own_port_is_told_to_the_capture(desk: RunDesk, console: Console) -> None:
    desk.ports = (8443,)
    name = desk.start(msgspec.structs.replace(WANTED, ask=False), WHO, Language.EN)
    _until(lambda: not _run(desk, name).state.alive)
    events = read_chain(console.folder / "assessments" / name).events
    began = next(one.body for one in events if one.kind == "capture-began")
    assert not began["captured"] or began["without_tcp_ports"] == [8443]


def test_a_run_keeps_to_the_description_that_was_checked(
    desk: RunDesk, console: Console, tmp_path: Path
) -> None:
    name = desk.start(WANTED, WHO, Language.EN)
    described = tmp_path / "data" / "terminals" / "r1.toml"
    described.write_text(described.read_text(encoding="utf-8").replace("R 1", "R 2"), encoding="utf-8")
    _until(lambda: desk.asking(name))
    desk.stop(name, WHO)
    _until(lambda: not _run(desk, name).state.alive)
    described.unlink()
    moved = tmp_path / "moved"  # as after a restore on another machine
    (tmp_path / "data").rename(moved)
    with Console(moved) as other:
        other.runs.resume(name, WHO, Language.EN)
        _until(lambda: other.runs.asking(name))
        other.runs.stop(name, WHO)
        _until(lambda: not _run(other.runs, name).state.alive)
        events = read_chain(moved / "assessments" / name).events
        assert [one.kind for one in events].count("resumed") == 1
        assert next(one.body["target"] for one in events if one.kind == "opened") == "terminals/r1.toml"
        detail = other.terminals.detail(name)
        assert detail is not None
        assert detail.row.model == "R 1"


def test_two_terminals_never_mix_in_one_assessment(desk: RunDesk, tmp_path: Path) -> None:
    name = desk.start(WANTED, WHO, Language.EN)
    _until(lambda: desk.asking(name))
    desk.stop(name, WHO)
    _until(lambda: not _run(desk, name).state.alive)
    copy = tmp_path / "data" / "runs" / name / "terminal.toml"
    assert copy.stat().st_mode & 0o077 == 0
    copy.write_text(copy.read_text(encoding="utf-8").replace("R 1", "R 2"), encoding="utf-8")
    desk.resume(name, WHO, Language.EN)
    _until(lambda: not _run(desk, name).state.alive)
    seen = _run(desk, name)
    assert seen.state is RunState.FAILED
    assert seen.progress is not None
    assert seen.progress.ended is not None
    assert "began with" in seen.progress.ended.what.en
    kinds = [one.kind for one in read_chain(tmp_path / "data" / "assessments" / name).events]
    assert "resumed" not in kinds


def test_a_run_whose_process_nobody_knows_finds_the_request_to_stop(desk: RunDesk, tmp_path: Path) -> None:
    name = desk.start(WANTED, WHO, Language.EN)
    _until(lambda: desk.asking(name))
    (tmp_path / "data" / "runs" / name / "process.json").unlink()
    assert not desk.stop(name, WHO).interrupted
    _until(lambda: not _run(desk, name).state.alive, 8)
    assert _run(desk, name).state is RunState.STOPPED


def test_no_run_lives_whose_process_cannot_be_written_down(
    desk: RunDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = RunPapers.put

    def full(papers: RunPapers, identifier: str, name: str, octets: bytes) -> Path:
        if name == "process.json":
            (tmp_path / "data" / "runs" / identifier / name / "in the way").mkdir(parents=True)
        return put(papers, identifier, name, octets)

    monkeypatch.setattr(RunPapers, "put", full)
    with pytest.raises(StoreError):
        desk.start(WANTED, WHO, Language.EN)
    assert desk.alive() == ()
    assert [one.state for one in desk.runs()] == [RunState.DIED]
