"""A person at a console: questions as files, answers whole and once, and what happens when nobody comes."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from sekisho.errors import ConflictError
from sekisho.language import Text
from sekisho.model.assess_run import ORDER, Answered
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.ports import Answer, Question
from sekisho.stores.run_papers import RunPapers, sent
from sekisho.wires.clock import SystemClock
from sekisho.wires.desk_person import PersonAtDesk
from sekisho.wires.told import Told
from sekisho.wiring.moment import milliseconds

ASKED = Question("label", Text(ja="札の写真", en="a photo of the label"), choices=("yes", "no"), attach=True)
PHOTO = b"\x89PNG\r\n\x1a\n" + bytes(1000)


class Desk:
    """A run's folder, both sides of it."""

    def __init__(self, root: Path, seconds: float = 5.0) -> None:
        self.papers = RunPapers(root / "runs", root / "assessments")
        self.folder = root / "runs" / "one"
        self.folder.mkdir(parents=True)
        (self.folder / ORDER).write_bytes(b"{}")
        self.kept: dict[str, bytes] = {}
        self.noted: list[Answer] = []
        self._held = self.papers.hold("one")
        self.person = PersonAtDesk(self.folder, SystemClock(), self._attach, seconds, self.noted.append)

    def _attach(self, name: str, content: bytes) -> str:
        self.kept[name] = content
        return hashlib.sha256(content).hexdigest()

    async def asked(self) -> int:
        while not (found := self.papers.asking("one")):
            await asyncio.sleep(0.005)
        return found[0].number

    def give(self, number: int, choice: str = "yes", *files: tuple[str, bytes]) -> None:
        told = Answered(
            number,
            "label",
            choice,
            "関守",
            "2026-11-21T01:02:03+00:00",
            "裏面",
            tuple(sent(*one) for one in files),
        )
        self.papers.answer("one", told, [content for _, content in files])


def test_an_answer_arrives_with_its_person_time_note_and_files(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def both() -> Answer | None:
        waiting = asyncio.create_task(desk.person.ask(ASKED))
        desk.give(await desk.asked(), "yes", ("../../etc/pass\nwd.png", PHOTO))
        return await waiting

    answer = asyncio.run(both())
    assert answer is not None
    assert (answer.choice, answer.person, answer.at, answer.note) == (
        "yes",
        "関守",
        "2026-11-21T01:02:03+00:00",
        "裏面",
    )
    assert desk.kept == {"passwd.png": PHOTO}
    assert desk.noted == [answer]
    assert list((desk.folder / "answers").glob("*.bin")) == [], (
        "a photo lies in the evidence and nowhere else"
    )
    assert desk.papers.asking("one") == ()


def test_nobody_answers_in_time_and_then_it_is_too_late(tmp_path: Path) -> None:
    desk = Desk(tmp_path, seconds=0.05)
    assert asyncio.run(desk.person.ask(ASKED)) is None
    with pytest.raises(ConflictError):
        desk.give(1)
    assert desk.noted == []


def test_a_question_left_open_is_no_answer(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def both() -> Answer | None:
        waiting = asyncio.create_task(desk.person.ask(ASKED))
        desk.give(await desk.asked(), "")
        return await waiting

    assert asyncio.run(both()) is None


def test_the_first_answer_stands(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def both() -> Answer | None:
        waiting = asyncio.create_task(desk.person.ask(ASKED))
        number = await desk.asked()
        desk.give(number, "no")
        with pytest.raises(ConflictError):
            desk.give(number, "yes")
        return await waiting

    answer = asyncio.run(both())
    assert answer is not None
    assert answer.choice == "no"


def test_a_step_that_ends_takes_its_question_away(tmp_path: Path) -> None:
    desk = Desk(tmp_path, seconds=60)

    async def cut() -> None:
        async with asyncio.timeout(0.1):
            await desk.person.ask(ASKED)

    with pytest.raises(TimeoutError):
        asyncio.run(cut())
    assert desk.papers.asking("one") == ()


def test_a_file_that_was_changed_on_the_way_is_no_evidence(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def both() -> Answer | None:
        waiting = asyncio.create_task(desk.person.ask(ASKED))
        number = await desk.asked()
        told = Answered(number, "label", "yes", "x", "t", "", (sent("a.png", PHOTO),))
        (desk.folder / "answers" / f"{told.files[0].sha256}.bin").mkdir()  # the disk holds something else
        with pytest.raises(Exception, match="disk"):
            desk.papers.answer("one", told, [PHOTO])
        desk.give(number)
        return await waiting

    answer = asyncio.run(both())
    assert answer is not None
    assert answer.attachments == ()


def test_progress_is_one_whole_file_and_the_first_end_counts(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    told = Told(desk.folder, milliseconds)
    told.planned(["open_ports", "web_login"])
    told.probe_began("open_ports", 1, 2)
    told.step_began("open_ports", "scan")
    told.scanned("192.0.2.1", 100, 65_535)
    told.probe_ended("open_ports", Attempt(AttemptStatus.DONE))
    told.ended(3)
    told.ended(1)
    import msgspec

    from sekisho.model.assess_run import Progress

    seen = msgspec.json.decode((desk.folder / "progress.json").read_bytes(), type=Progress)
    assert [(one.name, one.status) for one in seen.probes] == [("open_ports", "done"), ("web_login", "")]
    assert seen.ended is not None
    assert seen.ended.code == 3
    assert [one.name for one in desk.folder.glob(".*")] == [], "no half file is left"
