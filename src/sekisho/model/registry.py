"""Assessments as a list: which terminal, when, by whom, judged how, and where each terminal stands on each duty."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from sekisho.language import Text
from sekisho.model.assessment import Assessment
from sekisho.model.evidence import Attempt
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Verdict


class State(StrEnum):
    """Where an assessment stands. `DAMAGED`: its chain of evidence is not what was written."""

    RUNNING = "running"
    STOPPED = "stopped"
    COMPLETE = "complete"
    DAMAGED = "damaged"

    @property
    def label(self) -> Text:
        """The word shown to people."""
        return _STATES[self]


_STATES = {
    State.RUNNING: Text(ja="実施中", en="running"),
    State.STOPPED: Text(ja="中断", en="stopped"),
    State.COMPLETE: Text(ja="完了", en="complete"),
    State.DAMAGED: Text(ja="証跡が損傷", en="evidence damaged"),
}


class AssessmentRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One assessment in the list.

    :ivar id: name of its folder; ``terminal`` the key of what was assessed (see `terminal_key`)
    :ivar unit: serial numbers of the specimens; ``target`` what was named on the command line
    :ivar began: milliseconds; ``ended`` when it was judged last, 0 before
    :ivar head: hash of the last event of its chain; ``events`` how many there are
    :ivar problem: what is wrong with its chain, empty when nothing is
    :ivar verdicts: over the duties of each catalogue that it was judged by
    :ivar mark: size and time of the chain when it was read
    """

    id: str
    terminal: str
    maker: str = ""
    model: str = ""
    kind: str = ""
    unit: str = ""
    hardware: str = ""
    software: str = ""
    target: str = ""
    began: int = 0
    ended: int = 0
    person: str = ""
    place: str = ""
    number: str = ""
    tool: str = ""
    state: State = State.STOPPED
    head: str = ""
    events: int = 0
    problem: str = ""
    verdicts: dict[str, Verdict] = {}
    mark: str = ""


class Registered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An assessment's row, and its verdict on each requirement by catalogue."""

    row: AssessmentRow
    duties: dict[str, dict[str, Verdict]] = {}


class StepRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One journalled step: what was measured, how long it took, why there was no answer, and its transcripts."""

    probe: str
    step: str
    began: str
    ended: str
    seconds: float
    failure: str = ""
    detail: str = ""
    transcripts: tuple[str, ...] = ()
    data: dict[str, Any] = {}


class FileRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the evidence: where it lies in the folder, its SHA-256, its size in octets, and since when it's listed."""

    path: str
    sha256: str
    size: int
    kind: str
    name: str = ""
    at: str = ""


class AssessmentDetail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One assessment with what it was made of; ``assessment`` is None before it was judged."""

    row: AssessmentRow
    assessment: Assessment | None
    terminal: Terminal | None
    attempts: dict[str, Attempt]
    steps: tuple[StepRow, ...]
    files: tuple[FileRow, ...]
    authorisation: dict[str, Any]
    provenance: dict[str, Any]


class Piece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One piece of evidence whose content was just checked against its SHA-256."""

    file: FileRow
    content: bytes


class MatrixRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One terminal: the newest assessment by catalogue, and its verdicts by ``catalogue/requirement``.

    A duty that is not among ``verdicts`` was never judged.
    """

    terminal: str
    maker: str
    model: str
    assessments: dict[str, str]
    verdicts: dict[str, Verdict]
    whole: dict[str, Verdict]


class TerminalCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One terminal, described in a file or seen in assessments.

    :ivar described: name of the description, empty when there is none; ``problem`` what is wrong with it
    :ivar latest: id of the newest assessment, empty when there is none
    """

    terminal: str
    maker: str = ""
    model: str = ""
    kind: str = ""
    software: str = ""
    units: tuple[str, ...] = ()
    described: str = ""
    problem: str = ""
    assessments: int = 0
    latest: str = ""
    state: State | None = None
    began: int = 0
    verdicts: dict[str, Verdict] = {}


def terminal_key(maker: str, model: str, target: str = "") -> str:
    """Return what tells terminals apart: maker and model; what was named when neither is known."""
    return " ".join(one for one in (maker.strip(), model.strip()) if one) or target
