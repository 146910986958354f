"""Drivers of the power cord, of the way back to the factory state, and of commands on our side.

``command`` runs an argument list without a shell (a smart plug's or PDU's tool, a hypervisor, ``kill -9``);
``person`` asks whoever stands beside the terminal and waits for the answer. A driver that fails raises
`PeerFailure` with what the command said: the step's record keeps it, and nothing is taken as cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from sekisho.errors import PeerFailure
from sekisho.language import Text
from sekisho.model.terminal import Terminal
from sekisho.ports import Person, Power, Question

COMMAND_SECONDS = 60.0
_MOST_OUTPUT = 2000


async def run_command(arguments: Sequence[str], seconds: float = COMMAND_SECONDS) -> str:
    """Run ``arguments`` without a shell; return its output in short.

    Raises PeerFailure: ``unsupported`` when it can't be started or ends with an error, ``timed-out``
    after ``seconds`` (its whole process group is killed then).
    """
    if not arguments:
        raise PeerFailure("unsupported", "no command is described")
    # A file and no pipe: a command that leaves a child behind (a hypervisor put into the background) keeps
    # a pipe open for ever, and nobody must wait for that.
    with tempfile.TemporaryFile() as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise PeerFailure("unsupported", f"{arguments[0]}: {error}") from error
        try:
            status = await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError as error:
            raise PeerFailure("timed-out", f"{arguments[0]} took more than {seconds:g} s") from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        output.seek(0)
        text = output.read(_MOST_OUTPUT).decode("utf-8", "replace").strip()
    if status != 0:
        raise PeerFailure("unsupported", f"{arguments[0]} ended with {status}: {text}")
    return text


class CommandPower:
    """Cuts and restores by two commands."""

    def __init__(self, cut: Sequence[str], restore: Sequence[str], seconds: float = COMMAND_SECONDS) -> None:
        """Keep the argument lists; ``seconds`` bounds each."""
        self._cut = tuple(cut)
        self._restore = tuple(restore)
        self._seconds = seconds

    async def cut(self) -> None:
        """Take the power away."""
        await run_command(self._cut, self._seconds)

    async def restore(self) -> None:
        """Give it back."""
        await run_command(self._restore, self._seconds)


class CommandHost:
    """Runs declared commands on this machine, as the power cord's are run (`ports.Host`)."""

    def __init__(self, seconds: float = COMMAND_SECONDS) -> None:
        """``seconds`` bounds each command."""
        self._seconds = seconds

    async def run(self, command: Sequence[str]) -> str:
        """Run it; return what it prints."""
        return await run_command(command, self._seconds)

    async def install(self, command: Sequence[str], image: bytes, name: str) -> str:
        """Run it with the image as a file that is gone afterwards."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / Path(name).name
            file.write_bytes(image)
            return await run_command([word.replace("{file}", str(file)) for word in command], self._seconds)


class NotedPower:
    """A cord whose acts are journalled: before a cut, after a return. What is between was left switched off."""

    def __init__(self, cord: Power, note: Callable[[bool], None]) -> None:
        """Keep the cord, and whom to tell whether there is power."""
        self._cord = cord
        self._note = note

    async def cut(self) -> None:
        """Note it, then take the power away."""
        self._note(False)
        await self._cord.cut()

    async def restore(self) -> None:
        """Give the power back, then note it."""
        await self._cord.restore()
        self._note(True)


class PersonPower:
    """A person pulls the plug when told to, and puts it back."""

    def __init__(self, person: Person) -> None:
        """Keep whom to ask."""
        self._person = person

    async def cut(self) -> None:
        """Ask for the plug to be pulled."""
        await _told(self._person, _CUT)

    async def restore(self) -> None:
        """Ask for the plug to be put back."""
        await _told(self._person, _RESTORE)


def power_of(terminal: Terminal, person: Person) -> Power | None:
    """Return the declared driver, or None when the description has no power."""
    declared = terminal.power
    if declared is None:
        return None
    if declared.driver == "command":
        return CommandPower(declared.cut, declared.restore)
    return PersonPower(person) if declared.driver == "person" else None


def reset_of(terminal: Terminal, person: Person) -> Callable[[], Awaitable[None]] | None:
    """Return the declared way back to the factory state, or None."""
    declared = terminal.reset
    if declared is None:
        return None

    async def by_command() -> None:
        await run_command(declared.command, declared.ready_seconds)

    async def by_person() -> None:
        await _told(person, _RESET)

    return {"command": by_command, "person": by_person}.get(declared.driver)


async def _told(person: Person, question: Question) -> None:
    answer = await person.ask(question)
    if answer is None:
        raise PeerFailure("no-person", question.id)
    if answer.choice != "done":
        raise PeerFailure("unsupported", f"{question.id}: {answer.choice} {answer.note}".strip())


_CUT = Question(
    id="power-cut",
    text=Text(
        ja="今すぐ機器の電源を抜いてください（電源ボタンは使わない）。",
        en="Pull the terminal's power plug now (do not use a power button).",
    ),
    steps=(
        Text(ja="電源プラグまたはACアダプタを抜く。", en="Pull the plug or the AC adapter."),
        Text(ja="抜いたらすぐに done と答える。", en="Answer done at once."),
    ),
    choices=("done", "not-possible"),
)
_RESTORE = Question(
    id="power-restore",
    text=Text(ja="機器の電源を入れ直してください。", en="Put the terminal's power plug back."),
    steps=(Text(ja="電源を入れたら done と答える。", en="Answer done once it has power."),),
    choices=("done", "not-possible"),
)
_RESET = Question(
    id="factory-reset",
    text=Text(ja="機器を出荷状態に戻してください。", en="Bring the terminal back to its factory state."),
    steps=(
        Text(
            ja="取扱説明書の手順（初期化ボタンの長押しなど）に従う。",
            en="Follow its manual (for example hold the reset button).",
        ),
        Text(ja="起動し終わったら done と答える。", en="Answer done once it has started again."),
    ),
    choices=("done", "not-possible"),
)
