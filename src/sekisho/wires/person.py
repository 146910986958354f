"""People: one at the terminal's keyboard, one who left the answers in a file, and nobody.

A person's answer is evidence: it carries the name, the time and the attached files.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Language, Text
from sekisho.ports import Answer, Clock, Person, Question

Attach = Callable[[str, bytes], str]

LARGEST_ATTACHMENT = 64 * 1024 * 1024

CHOICES = {
    "yes": Text(ja="はい", en="yes"),
    "no": Text(ja="いいえ", en="no"),
    "unknown": Text(ja="分からない", en="don't know"),
    "done": Text(ja="した", en="done"),
    "not-possible": Text(ja="できない", en="not possible"),
    "not-applicable": Text(ja="該当しない", en="not applicable"),
}

_PROMPT = Text(ja="番号か語で答える（空行は答えない）", en="Answer by number or word (empty: no answer)")
_NOTE = Text(ja="所見（なければ空行）", en="Note (empty: none)")
_FILE = Text(
    ja="写真などのファイル（複数なら1行に1つ、空行で終わり）",
    en="File such as a photo (one a line, empty line ends)",
)
_AGAIN = Text(ja="選択肢にない", en="not one of the choices")
_NO_FILE = Text(ja="ファイルが読めない、または大きすぎる", en="the file can't be read or is too large")


class NobodyHere:
    """Nobody is beside the terminal: every question stays unanswered, and its duty undecided."""

    async def ask(self, question: Question) -> Answer | None:  # noqa: ARG002  # the port's signature
        """Return None."""
        return None


class PersonAtKeyboard:
    """Asks on a text stream (stderr, so that results on stdout stay clean) and reads the answers.

    ``name`` goes into each answer; ``attach`` keeps a file's bytes as evidence and returns its id. The
    end of input means that nobody is there any more.
    """

    def __init__(
        self,
        name: str,
        language: Language,
        clock: Clock,
        attach: Attach,
        source: TextIO | None = None,
        shown: TextIO | None = None,
        still: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        """Keep where to ask; by default stdin and stderr. ``still`` holds other drawing there while it is asked."""
        self._still = still
        self._name = name
        self._language = language
        self._clock = clock
        self._attach = attach
        self._source = source or sys.stdin
        self._given = shown
        self._turn = asyncio.Lock()

    @property
    def _shown(self) -> TextIO:
        """Where to write now: what draws progress stands before stderr until it is still."""
        return self._given or sys.stderr

    async def ask(self, question: Question) -> Answer | None:
        """Show the question with its steps; return the answer, or None for an empty line or no input."""
        async with self._turn:
            with self._still():
                return await self._asked(question)

    async def _asked(self, question: Question) -> Answer | None:
        self._show(question)
        choice = await self._choose(question.choices)
        if choice is None:
            return None
        # Who pulls a plug has no time for notes, and the moment of the answer is the measurement.
        if question.choices and question.choices[0] == "done" and choice == "done":
            return Answer(question.id, choice, self._name, self._clock.now().isoformat())
        note = await self._line(_NOTE.say(self._language)) or ""
        files = await self._files() if question.attach else ()
        return Answer(question.id, choice, self._name, self._clock.now().isoformat(), note, files)

    def _show(self, question: Question) -> None:
        lines = ["", f"■ {question.text.say(self._language)}  [{question.id}]"]
        lines += [f"   {number}. {step.say(self._language)}" for number, step in enumerate(question.steps, 1)]
        shown = [
            f"{number}={choice}" + (f" ({CHOICES[choice].say(self._language)})" if choice in CHOICES else "")
            for number, choice in enumerate(question.choices, 1)
        ]
        lines.append("   " + "  ".join(shown))
        self._shown.write("\n".join(lines) + "\n")

    async def _choose(self, choices: tuple[str, ...]) -> str | None:
        while True:
            said = await self._line(_PROMPT.say(self._language))
            if not said:
                return None
            if said.isascii() and said.isdigit() and 1 <= int(said) <= len(choices):
                return choices[int(said) - 1]
            for choice in choices:
                words = {choice, *((CHOICES[choice].ja, CHOICES[choice].en) if choice in CHOICES else ())}
                if said.lower() in words:
                    return choice
            self._shown.write(f"   {_AGAIN.say(self._language)}\n")

    async def _files(self) -> tuple[str, ...]:
        kept: list[str] = []
        while name := await self._line(_FILE.say(self._language)):
            content = await asyncio.to_thread(_read, Path(name))
            if content is None:
                self._shown.write(f"   {_NO_FILE.say(self._language)}: {name}\n")
                continue
            kept.append(self._attach(Path(name).name, content))
        return tuple(kept)

    async def _line(self, prompt: str) -> str | None:
        self._shown.write(f"   {prompt}> ")
        self._shown.flush()
        line = await _in_background(self._source.readline)
        return line.strip() if line else None


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer of an answers file; ``at`` is when it was given, ``attachments`` are relative paths."""

    choice: str
    person: str = ""
    note: str = ""
    at: str = ""
    attachments: tuple[str, ...] = ()


class PersonByFile:
    """Answers given beforehand in a TOML file, one table for each question id (for CI and paper records).

        person = "試験 花子"
        [manual-notice]
        choice = "yes"
        note = "12ページ"
        attachments = ["manual-p12.png"]

    A question that the file doesn't answer goes to ``otherwise``. A choice that the question doesn't offer
    is a DescriptionError: an answer is never bent into another.
    """

    def __init__(self, path: Path, clock: Clock, attach: Attach, otherwise: Person) -> None:
        """Read the file; raises DescriptionError."""
        self._path = path
        self._clock = clock
        self._attach = attach
        self._otherwise = otherwise
        self._person, self._answers = read_answers(path)

    async def ask(self, question: Question) -> Answer | None:
        """Return the written answer with its files attached."""
        written = self._answers.get(question.id)
        if written is None:
            return await self._otherwise.ask(question)
        where = f"{self._path}: {question.id}"
        if written.choice not in question.choices:
            raise DescriptionError(
                Text(ja="選択肢にない回答である", en="the answer is not one of the choices"),
                f"{where}: {written.choice!r} ({', '.join(question.choices)})",
            )
        files = []
        for name in written.attachments:
            content = await asyncio.to_thread(_read, self._path.parent / name)
            if content is None:
                raise DescriptionError(_NO_FILE, f"{where}: {name}")
            files.append(self._attach(Path(name).name, content))
        person = written.person or self._person
        at = written.at or self._clock.now().isoformat()
        return Answer(question.id, written.choice, person, at, written.note, tuple(files))


def read_answers(path: Path) -> tuple[str, dict[str, Written]]:
    """Return the common person and the answers by question id; raises DescriptionError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        person = msgspec.convert(table.pop("person", ""), str)
        answers = msgspec.convert(table, dict[str, Written])
    except OSError as error:
        raise DescriptionError(
            Text(ja="回答ファイルが読めない", en="the answers file can't be read"),
            f"{path}: {error.strerror}",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise DescriptionError(
            Text(ja="回答ファイルの書き方が正しくない", en="the answers file is not right"),
            f"{path}: {error}",
            Text(
                ja="[質問id] の表に choice、person、note、attachments を書く",
                en="a table [question-id] with choice, person, note, attachments",
            ),
        ) from error
    nameless = [one for one, written in answers.items() if not (written.person or person)]
    if nameless:
        raise DescriptionError(
            Text(ja="誰の回答か書かれていない", en="it isn't said whose answer it is"),
            f"{path}: {', '.join(nameless)}",
            Text(ja='先頭に person = "氏名" を書く', en='write person = "name" at the top'),
        )
    return person, answers


async def _in_background(read: Callable[[], str]) -> str:
    """Wait for ``read`` in a daemon thread: unlike a pool's thread it doesn't hold up the end of the run."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[str] = loop.create_future()

    def settle(line: str) -> None:
        if not waiting.done():
            waiting.set_result(line)

    def work() -> None:
        try:
            line = read()
        except (OSError, ValueError):
            line = ""
        # The run may have ended while the person was thinking.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, line)

    threading.Thread(target=work, daemon=True).start()
    return await waiting


def _read(path: Path) -> bytes | None:
    try:
        path = path.expanduser()
        if not path.is_file() or path.stat().st_size > LARGEST_ATTACHMENT:
            return None
        return path.read_bytes()
    except (OSError, RuntimeError):
        return None
