"""People who answer: at a keyboard, in a file, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import time
from pathlib import Path

import pytest

from fakes.wire import FakeClock
from sekisho.errors import DescriptionError
from sekisho.language import Language, Text
from sekisho.ports import Answer, Question
from sekisho.wires.person import NobodyHere, PersonAtKeyboard, PersonByFile

QUESTION = Question(
    id="manual-notice",
    text=Text(ja="取扱説明書に注意書きがあるか。", en="Does the manual carry the notice?"),
    steps=(Text(ja="目次を見る。", en="Look at the contents."),),
    attach=True,
)


class Kept:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def __call__(self, name: str, content: bytes) -> str:
        self.files[name] = content
        return hashlib.sha256(content).hexdigest()


def typed(
    text: str, question: Question = QUESTION, language: Language = Language.JA
) -> tuple[Answer | None, str, Kept]:
    shown, kept = io.StringIO(), Kept()
    person = PersonAtKeyboard("試験 花子", language, FakeClock(), kept, io.StringIO(text), shown)
    return asyncio.run(person.ask(question)), shown.getvalue(), kept


def test_choice_note_and_photo(tmp_path: Path) -> None:
    photo = tmp_path / "page.png"
    photo.write_bytes(b"\x89PNG photo")
    answer, shown, kept = typed(f"maybe\n1\n12ページ\n{tmp_path}/none.png\n{photo}\n\n")
    assert answer == Answer(
        "manual-notice",
        "yes",
        "試験 花子",
        "2026-11-21T00:00:00+00:00",
        "12ページ",
        (hashlib.sha256(b"\x89PNG photo").hexdigest(),),
    )
    assert kept.files == {"page.png": b"\x89PNG photo"}
    assert "取扱説明書に注意書きがあるか" in shown
    assert "1. 目次を見る" in shown
    assert "選択肢にない" in shown
    assert "none.png" in shown


@pytest.mark.parametrize(
    ("word", "choice"), [("no", "no"), ("いいえ", "no"), ("3", "unknown"), ("YES", "yes")]
)
def test_words_of_both_languages_are_understood(word: str, choice: str) -> None:
    answer, shown, _ = typed(f"{word}\n\n\n", language=Language.EN)
    assert answer is not None
    assert answer.choice == choice
    assert "Does the manual carry the notice?" in shown


@pytest.mark.parametrize("text", ["", "\n"])
def test_no_answer_is_no_answer(text: str) -> None:
    assert typed(text)[0] is None


def test_who_pulls_a_plug_is_not_asked_for_a_note() -> None:
    cut = Question("power-cut", QUESTION.text, choices=("done", "not-possible"))
    answer, shown, _ = typed("1\n", cut)
    assert answer is not None
    assert answer.choice == "done"
    assert "所見" not in shown


def test_a_person_who_thinks_does_not_hold_up_the_end() -> None:
    read, write = os.pipe()

    async def impatient() -> None:
        with open(read, encoding="utf-8") as source:
            person = PersonAtKeyboard("x", Language.JA, FakeClock(), Kept(), source, io.StringIO())
            try:
                async with asyncio.timeout(0.2):
                    await person.ask(QUESTION)
            except TimeoutError:
                os.close(write)
                await asyncio.sleep(0.1)

    began = time.monotonic()
    asyncio.run(impatient())
    assert time.monotonic() - began < 2


def by_file(tmp_path: Path, text: str) -> tuple[PersonByFile, Kept]:
    path = tmp_path / "answers.toml"
    path.write_text(text, encoding="utf-8")
    kept = Kept()
    return PersonByFile(path, FakeClock(), kept, NobodyHere()), kept


def test_answers_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "p12.png").write_bytes(b"page")
    person, kept = by_file(
        tmp_path,
        'person = "試験 花子"\n[manual-notice]\nchoice = "yes"\nnote = "p. 12"\nattachments = ["p12.png"]\n'
        '[model-label]\nchoice = "no"\nperson = "別 太郎"\nat = "2026-11-20T09:00:00+09:00"\n',
    )
    answer = asyncio.run(person.ask(QUESTION))
    assert answer is not None
    assert (answer.choice, answer.person, answer.note) == ("yes", "試験 花子", "p. 12")
    assert kept.files == {"p12.png": b"page"}
    other = asyncio.run(person.ask(Question("model-label", QUESTION.text)))
    assert other == Answer("model-label", "no", "別 太郎", "2026-11-20T09:00:00+09:00")
    assert asyncio.run(person.ask(Question("support-period", QUESTION.text))) is None


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        '[manual-notice]\nchoice = "yes"\n',
        'person = "x"\n[manual-notice]\nnote = "no choice"\n',
        'person = "x"\n[manual-notice]\nchoice = "yes"\nchoyce = "no"\n',
    ],
)
def test_a_wrong_answers_file_is_refused_before_anything_is_sent(tmp_path: Path, text: str) -> None:
    with pytest.raises(DescriptionError):
        by_file(tmp_path, text)


def test_an_answer_that_was_not_offered_or_a_missing_photo_is_an_error(tmp_path: Path) -> None:
    person, _ = by_file(tmp_path, 'person = "x"\n[manual-notice]\nchoice = "surely"\n')
    with pytest.raises(DescriptionError):
        asyncio.run(person.ask(QUESTION))
    person, _ = by_file(
        tmp_path, 'person = "x"\n[manual-notice]\nchoice = "yes"\nattachments = ["gone.png"]\n'
    )
    with pytest.raises(DescriptionError):
        asyncio.run(person.ask(QUESTION))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError):
        PersonByFile(tmp_path / "none.toml", FakeClock(), Kept(), NobodyHere())
    assert asyncio.run(NobodyHere().ask(QUESTION)) is None
