"""The folders of runs that a console started: what was ordered, how far each is, its questions and their answers.

A run's process holds a lock on its folder as long as it lives, whoever started it and whatever became of that one; so
a console that was started anew finds it again, and the number of a dead process is never taken for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from sekisho.errors import ConflictError, DescriptionError, StoreError
from sekisho.language import Text
from sekisho.model.assess_run import (
    ANSWERS,
    LOCK,
    LOG,
    ORDER,
    PROCESS,
    PROGRESS,
    QUESTIONS,
    STOP,
    Answered,
    Asking,
    Order,
    Process,
    Progress,
    Run,
    RunState,
    SentFile,
    state_of,
)
from sekisho.stores.assessment_reading import is_name
from sekisho.stores.durable import replace, sync
from sekisho.stores.evidence_folder import CHAIN

T = TypeVar("T")
_MOST_OCTETS = 1 << 20
_LAST_WORDS = 2000
_TOO_LATE = Text(ja="この質問はもう待っていない", en="this question no longer waits for an answer")
_TAKEN = Text(ja="もう答えがある", en="it was answered already")


class StopAsked(msgspec.Struct, frozen=True):
    """Who asked a run to stop, and when."""

    who: str
    at: int


class RunPapers:
    """The runs below ``root``; their evidence lies below ``evidence`` under the same names."""

    def __init__(self, root: Path, evidence: Path) -> None:
        self.root = root
        self.evidence = evidence

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Hold the door: who starts a run looks first which ones go, and nobody else starts one meanwhile."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self.root / ".starting", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def folder(self, identifier: str) -> Path | None:
        """Return a run's folder, None when there is no such run."""
        folder = self.root / identifier
        return folder if is_name(identifier) and (folder / ORDER).is_file() else None

    def new(self, wanted: str) -> str:
        """Make a new folder and return its name: ``wanted``, or with a number where that is taken."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1, 1000):
            name = wanted if number == 1 else f"{wanted}-{number}"
            if (self.evidence / name).exists():
                continue
            with suppress(FileExistsError):
                (self.root / name).mkdir(mode=0o700)
                return name
        raise StoreError(Text(ja="新しいフォルダーが作れない", en="no new folder can be made"), wanted)

    def put(self, identifier: str, name: str, octets: bytes) -> Path:
        """Write one paper whole. :raises StoreError: the disk takes no more."""
        target = self.root / identifier / name
        try:
            replace(target, octets)
        except OSError as error:
            raise _full(error, target) from error
        return target

    def drop(self, identifier: str, name: str) -> None:
        """Take one paper away, if it is there."""
        (self.root / identifier / name).unlink(missing_ok=True)

    def hold(self, identifier: str) -> int:
        """Return the descriptor of a run's lock, held, for its process. :raises ConflictError: it runs already."""
        file = os.open(self.root / identifier / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise ConflictError(
                Text(ja="もう実施中である", en="it is running already"), identifier
            ) from error
        return file

    def alive(self, folder: Path) -> bool:
        """Say whether a run's process lives."""
        try:
            file = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        return False

    def names(self) -> list[str]:
        """Return the runs, newest first."""
        with suppress(FileNotFoundError):
            found = [one.name for one in os.scandir(self.root) if not one.name.startswith(".")]
            return sorted(found, reverse=True)
        return []

    def run(self, identifier: str) -> Run | None:
        """Return a run as it stands now, None when there is no such run."""
        folder = self.folder(identifier)
        order = _read(folder / ORDER, Order) if folder else None
        if folder is None or order is None:
            return None
        alive = self.alive(folder)
        progress = _read(folder / PROGRESS, Progress)
        stop = _read(folder / STOP, StopAsked)
        # Looked at once more: it may have ended between the two, and then its last words are the newer ones.
        if alive and not self.alive(folder):
            alive, progress = False, _read(folder / PROGRESS, Progress)
        state = state_of(alive=alive, progress=progress, stopped=stop is not None)
        return Run(
            order,
            state,
            progress,
            tuple(self._asking(folder)) if state.alive else (),
            not state.alive
            and state is not RunState.COMPLETE
            and (self.evidence / identifier / CHAIN).is_file(),
            stop.who if stop else "",
            _last_words(folder / LOG) if state in (RunState.FAILED, RunState.DIED) else "",
            _free(folder),
        )

    def process(self, identifier: str) -> Process | None:
        """Return the process of a run, None when it doesn't live."""
        folder = self.folder(identifier)
        return _read(folder / PROCESS, Process) if folder and self.alive(folder) else None

    def asking(self, identifier: str) -> tuple[Asking, ...]:
        """Return the questions of a run that wait for an answer."""
        folder = self.folder(identifier)
        return tuple(self._asking(folder)) if folder and self.alive(folder) else ()

    def answer(self, identifier: str, given: Answered, contents: Sequence[bytes]) -> None:
        """Put an answer beside its question, whole and once; ``contents`` are its files.

        :raises ConflictError: it was answered already, or nobody waits for it any more
        """
        folder = self.folder(identifier)
        if folder is None:
            raise DescriptionError(Text(ja="その実施はない", en="there is no such run"), identifier[:80])
        name = f"{given.number:04d}"
        question, place = folder / QUESTIONS / f"{name}.json", folder / ANSWERS / f"{name}.json"
        if not question.is_file():
            raise ConflictError(_TOO_LATE, f"{identifier} {given.number}")
        if place.exists() or place.with_suffix(".taken").exists():
            raise ConflictError(_TAKEN, f"{identifier} {given.number}")
        part = place.with_name(f".{name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            for one, content in zip(given.files, contents, strict=True):
                replace(place.with_name(f"{one.sha256}.bin"), content)
            replace(part, msgspec.json.encode(given))
            place.hardlink_to(part)  # a link never replaces: the first answer stands
            sync(place.parent)
        except FileExistsError as error:
            raise ConflictError(_TAKEN, f"{identifier} {given.number}") from error
        except OSError as error:
            raise _full(error, place) from error
        finally:
            part.unlink(missing_ok=True)
        if not question.exists():
            with suppress(FileNotFoundError):
                place.unlink()  # still there: nobody took it, and nobody will
                raise ConflictError(_TOO_LATE, f"{identifier} {given.number}")

    @staticmethod
    def _asking(folder: Path) -> Iterator[Asking]:
        for file in sorted((folder / QUESTIONS).glob("[0-9]*.json")):
            answer = folder / ANSWERS / file.name
            if answer.exists() or answer.with_suffix(".taken").exists():
                continue
            one = _read(file, Asking)
            if one is not None:
                yield one


def sent(name: str, content: bytes) -> SentFile:
    """Return what an answer says of one of its files; of the name only what shows is kept."""
    plain = "".join(one for one in Path(name.replace("\\", "/")).name if one.isprintable())[:120]
    return SentFile(plain or "file", hashlib.sha256(content).hexdigest(), len(content))


def _read(path: Path, kind: type[T]) -> T | None:
    """Read a small paper; None when it isn't there or can't be read (it is replaced whole, so never half)."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_OCTETS), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None


def _last_words(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _LAST_WORDS))
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _full(error: OSError, path: Path) -> StoreError:
    return StoreError(
        Text(ja="ディスクに書けない", en="can't write to the disk"),
        f"{path.name}: {error.strerror}",
        Text(ja="空きを作ってやり直す", en="make room and try again"),
    )
