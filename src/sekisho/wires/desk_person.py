"""A person at a console, often by a phone beside the terminal: each question is a file, and so is its answer.

The question stands in ``questions`` until it is answered, its time is over or its step ends; the answer is put beside
it by the console, whole and once. Who takes the answer renames it, so that both sides know whether it came in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from sekisho.model.assess_run import ANSWERS, QUESTIONS, Answered, Asking
from sekisho.ports import Answer, Clock, Question
from sekisho.wires.told import put_whole

Attach = Callable[[str, bytes], str]
# How late an answer may be noticed: the moment at which a plug was pulled is measured by it.
_LOOK_SECONDS = 0.03
_MOST_OCTETS = 64 * 1024 * 1024
_MOST_ANSWER = 64 * 1024


class PersonAtDesk:
    """Leaves questions in a run's folder and waits for the console's answers."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        attach: Attach,
        seconds: float,
        note: Callable[[Answer], object] = lambda _: None,
    ) -> None:
        """Keep where to ask; ``attach`` keeps a file as evidence, ``note`` journals each answer."""
        self._questions, self._answers = folder / QUESTIONS, folder / ANSWERS
        self._clock = clock
        self._attach = attach
        self._seconds = seconds
        self._note = note
        for one in (self._questions, self._answers):
            one.mkdir(mode=0o700, exist_ok=True)
        # What an earlier run of the same folder still asked, nobody waits for.
        for old in self._questions.glob("*.json"):
            old.unlink()
        self._number = max(
            (int(one.name[:4]) for one in self._answers.glob("[0-9][0-9][0-9][0-9].*")), default=0
        )

    async def ask(self, question: Question) -> Answer | None:
        """Return the answer; None when nobody gave one in time, or the person left it open."""
        self._number += 1
        number = self._number
        file = self._questions / f"{number:04d}.json"
        now = int(self._clock.now().timestamp() * 1000)
        asked = Asking(
            number, question.id, question.text, question.steps, question.choices, question.attach, now,
            now + int(self._seconds * 1000),
        )  # fmt: skip
        put_whole(file, msgspec.json.encode(asked))
        end = self._clock.monotonic() + self._seconds
        taken = None
        try:
            while taken is None and self._clock.monotonic() < end:
                taken = self._take(number)
                if taken is None:
                    await self._clock.sleep(_LOOK_SECONDS)
        finally:
            file.unlink(missing_ok=True)
            taken = taken or self._take(number)
        if taken is None or taken.choice not in question.choices:
            return None
        return await self._whole(question, taken)

    async def _whole(self, question: Question, taken: Answered) -> Answer:
        kept = []
        for one in taken.files:
            file = self._answers / f"{one.sha256}.bin"
            content = await asyncio.to_thread(_read, file)
            if content is not None and hashlib.sha256(content).hexdigest() == one.sha256:
                kept.append(self._attach(one.name, content))
                file.unlink(missing_ok=True)  # it is evidence now, and nowhere else
        answer = Answer(question.id, taken.choice, taken.person, taken.at, taken.note, tuple(kept))
        self._note(answer)
        return answer

    def _take(self, number: int) -> Answered | None:
        """Take an answer by renaming it: from then on it came in time."""
        given = self._answers / f"{number:04d}.json"
        mine = self._answers / f"{number:04d}.taken"
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            given.rename(mine)
            with mine.open("rb") as file:
                return msgspec.json.decode(file.read(_MOST_ANSWER), type=Answered)
        return None


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_OCTETS + 1)
    except OSError:
        return None
    return content if len(content) <= _MOST_OCTETS else None
