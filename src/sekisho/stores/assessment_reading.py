"""Reading evidence folders as a registry needs them: without a lock on them, and believing only what the chain proves."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from sekisho.errors import DescriptionError, EvidenceError
from sekisho.language import Text
from sekisho.model.assessment import Assessment
from sekisho.model.registry import AssessmentRow, FileRow, Piece, Registered, State, StepRow, terminal_key
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Verdict
from sekisho.ports import Event
from sekisho.stores.evidence_folder import CHAIN, GENESIS, digest, seal

# What file systems take, less what is put around a name while a file is written.
_LONGEST_NAME = 200
_PROGRESS = frozenset({"opened", "resumed", "judged"})


class Chain(msgspec.Struct, frozen=True):
    """The events of a folder as far as they prove themselves, and what is wrong behind them."""

    events: tuple[Event, ...]
    problem: str = ""

    def body(self, kind: str) -> dict[str, Any]:
        """Return the first event of a kind; empty when there is none."""
        return next((dict(one.body) for one in self.events if one.kind == kind), {})

    def last(self, kind: str) -> Event | None:
        """Return the last event of a kind."""
        return next((one for one in reversed(self.events) if one.kind == kind), None)


def folders(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each evidence folder below ``root`` and the mark of its chain: size and time."""
    try:
        with os.scandir(root) as entries:
            names = sorted(one.name for one in entries if not one.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        try:
            found = (root / name / CHAIN).stat()
        except OSError:
            continue
        yield name, f"{found.st_size}.{found.st_mtime_ns}"


def running(folder: Path) -> bool:
    """Say whether a run holds the folder now."""
    try:
        file = os.open(folder / CHAIN, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def is_name(identifier: str) -> bool:
    """Say whether a text can be the name of one folder: no path, nothing hidden, nothing that a disk doesn't take."""
    return (
        bool(identifier)
        and Path(identifier).name == identifier
        and not identifier.startswith(".")
        and "\0" not in identifier
        and len(identifier.encode("utf-8", "surrogatepass")) <= _LONGEST_NAME
    )


def folder_of(root: Path, identifier: str) -> Path:
    """Return the folder of an assessment. :raises DescriptionError: there is none of that name."""
    if not is_name(identifier) or not (root / identifier / CHAIN).is_file():
        raise DescriptionError(Text(ja="その評価はない", en="there is no such assessment"), identifier[:100])
    return root / identifier


def read_chain(folder: Path) -> Chain:
    """Return the events up to the first that doesn't prove itself; a torn last line is a run's that died, and no fault."""
    try:
        content = (folder / CHAIN).read_bytes()
    except OSError as error:
        return Chain((), f"{CHAIN}: {error.strerror}")
    events: list[Event] = []
    before = GENESIS
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        if not line.endswith(b"\n"):
            break
        try:
            event = msgspec.json.decode(line, type=Event)
        except msgspec.MsgspecError:
            return Chain(tuple(events), f"{CHAIN}:{number}")
        if event.prev != before or event.seq != number - 1 or seal(event) != event.hash:
            return Chain(tuple(events), f"{CHAIN}:{number}")
        events.append(event)
        before = event.hash
    return Chain(tuple(events), "" if events else CHAIN)


def register(folder: Path, mark: str) -> Registered:
    """Return what the registry keeps of a folder; whatever is wrong with it, it is in the list."""
    chain = read_chain(folder)
    problem = chain.problem
    terminal = assessment = None
    try:
        terminal, assessment = terminal_of(folder, chain), assessment_of(folder, chain)
    except EvidenceError as error:
        problem = problem or error.where
    opened = chain.events[0] if chain.events else None
    judged = chain.last("judged")
    body = chain.body("opened")
    record = body.get("record", {})
    named = terminal or Terminal()
    target = str(body.get("target", ""))
    duties = _duties(assessment) if assessment and not problem else {}
    verdicts = {one: assessment.verdict(one) for one in duties} if assessment else {}
    row = AssessmentRow(
        id=folder.name,
        terminal=terminal_key(named.maker, named.model, target or folder.name),
        maker=named.maker, model=named.model, kind=named.kind, hardware=named.hardware, software=named.software,
        unit=", ".join(one.serial or one.id for one in named.units),
        target=target,
        began=milliseconds(opened.at) if opened else 0,
        ended=milliseconds(judged.at) if judged else 0,
        person=str(body.get("person", "")), place=str(body.get("place", "")),
        number=str(record.get("number", "")) if isinstance(record, dict) else "",
        tool=str(body.get("tool", "")),
        state=state_of(folder, chain, problem),
        head=chain.events[-1].hash if chain.events else "",
        events=len(chain.events), problem=problem, verdicts=verdicts, mark=mark,
    )  # fmt: skip
    return Registered(row, duties)


def state_of(folder: Path, chain: Chain, problem: str) -> State:
    """Return where an assessment stands."""
    if problem:
        return State.DAMAGED
    if running(folder):
        return State.RUNNING
    last = next((one.kind for one in reversed(chain.events) if one.kind in _PROGRESS), "")
    return State.COMPLETE if last == "judged" else State.STOPPED


def terminal_of(folder: Path, chain: Chain) -> Terminal | None:
    """Return the description as the evidence holds it, without secrets. :raises EvidenceError: it was altered."""
    event = chain.last("terminal")
    return None if event is None else _decoded(folder, str(event.body.get("sha256", "")), Terminal)


def assessment_of(folder: Path, chain: Chain) -> Assessment | None:
    """Return the last judgement, None before there was one. :raises EvidenceError: it was altered."""
    event = chain.last("judged")
    return None if event is None else _decoded(folder, str(event.body.get("assessment", "")), Assessment)


def judgements(folder: Path, chain: Chain, most: int = 2) -> tuple[Assessment, ...]:
    """Return the last judgements in their order. :raises EvidenceError: one of them was altered."""
    found = [event for event in chain.events if event.kind == "judged"][-most:]
    return tuple(_decoded(folder, str(one.body.get("assessment", "")), Assessment) for one in found)


def files(chain: Chain) -> tuple[FileRow, ...]:
    """Return the files that the chain lists, in its order; one that is listed twice stands where it was last."""
    found: dict[str, FileRow] = {}
    for event in chain.events:
        name = str(event.body.get("sha256", ""))
        path = f"evidence/{name}" if event.kind == "blob" else str(event.body.get("path", ""))
        if not path or not name:
            continue
        kind = str(event.body.get("kind", event.kind)) if event.kind == "blob" else event.kind
        size = event.body.get("size", 0)
        found.pop(path, None)
        found[path] = FileRow(
            path, name, size if isinstance(size, int) else 0, kind, str(event.body.get("name", "")), event.at
        )
    return tuple(found.values())


def steps(chain: Chain) -> tuple[StepRow, ...]:
    """Return the journalled steps in order."""
    found = []
    for event in chain.events:
        record = event.body.get("record")
        if event.kind != "step" or not isinstance(record, dict):
            continue
        failure = record.get("failure") or {}
        fields = {
            name: record[name]
            for name in ("step", "began", "ended", "seconds", "transcripts", "data")
            if name in record
        }
        fields |= {"failure": failure.get("reason", ""), "detail": failure.get("detail", "")}
        try:
            found.append(msgspec.convert({"probe": event.body.get("probe", ""), **fields}, StepRow))
        except msgspec.ValidationError:
            continue  # of another version: it is in the chain all the same
    return tuple(found)


def piece(folder: Path, listed: Sequence[FileRow], sha256: str) -> Piece | None:
    """Return a piece of evidence by its digest, checked now; None when the chain doesn't list it.

    :raises EvidenceError: it is missing, or isn't what was listed
    """
    row = next((one for one in listed if one.sha256 == sha256), None)
    return None if row is None else Piece(row, _checked(folder, row.path, sha256))


def milliseconds(moment: str) -> int:
    """Return an ISO 8601 time in milliseconds; 0 when it is none."""
    try:
        return int(datetime.fromisoformat(moment).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def _duties(assessment: Assessment) -> dict[str, dict[str, Verdict]]:
    found: dict[str, dict[str, Verdict]] = {}
    for one in assessment.judged:
        found.setdefault(one.catalogue, {})[one.requirement] = one.verdict
    return found


def _decoded(folder: Path, sha256: str, kind: type[Any]) -> Any:
    content = _checked(folder, f"evidence/{sha256}", sha256)
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise EvidenceError(
            Text(
                ja="証跡が読めない（別の版のもの）",
                en="a piece of evidence can't be read (another version's)",
            ),
            f"evidence/{sha256}: {error}"[:300],
        ) from error


def _checked(folder: Path, relative: str, sha256: str) -> bytes:
    target = (folder / relative).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise EvidenceError(
            Text(ja="フォルダーの外を指す", en="it points outside the folder"), relative[:200]
        )
    try:
        content = target.read_bytes()
    except OSError as error:
        raise EvidenceError(Text(ja="証跡ファイルがない", en="a piece of evidence is missing"), relative[:200]) from error  # fmt: skip
    if digest(content) != sha256:
        raise EvidenceError(
            Text(ja="証跡ファイルが改変されている", en="a piece of evidence was altered"), relative[:200]
        )
    return content
