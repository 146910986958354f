"""The parts a report is made of: flat values of strings, ready to be set by any renderer.

Nothing here is escaped for HTML or Typst (the templates do that), but `content.report` spells out
hostile characters and takes the terminal's codes out of every string before a template sees it.
"""

from __future__ import annotations

import msgspec

from sekisho.model.verdict import Verdict

MARKS = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NOT_APPLICABLE: "not-applicable",
    Verdict.NONE: "none",
}
ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NONE, Verdict.NOT_APPLICABLE, Verdict.PASS)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all parts."""


class Mark(Part, frozen=True):
    """A verdict as shown: ``id`` chooses colour and icon, ``word`` is the word."""

    id: str
    word: str


class Link(Part, frozen=True):
    """A link inside the document."""

    label: str
    anchor: str


class Line(Part, frozen=True):
    """A labelled value; ``missing`` when nobody filled it in, ``code`` when it is a machine's text."""

    label: str
    text: str
    missing: bool = False
    code: bool = False
    anchor: str = ""


class Grid(Part, frozen=True):
    """A table: heads and rows of the same length. An empty one is not shown."""

    heads: list[str]
    rows: list[list[str]]


class Notice(Part, frozen=True):
    """Something to be read before the verdicts. ``level`` is alarm, caution or note."""

    id: str
    level: str
    title: str
    text: str
    lines: list[Line] = []


class DetailPart(Part, frozen=True):
    """One line under a finding."""

    subject: str
    mark: Mark
    sentence: str
    links: list[Link] = []


class FindingPart(Part, frozen=True):
    """What one criterion said, as a sentence."""

    criterion: str
    mark: Mark
    sentence: str
    assurance_id: str
    assurance: str
    claim: str
    info: bool
    links: list[Link] = []
    details: list[DetailPart] = []


class RequirementPart(Part, frozen=True):
    """One duty and the verdict on it. ``headline`` is the sentence shown in the table."""

    anchor: str
    id: str
    clause: str
    title: str
    gist: str
    obligation: str
    condition: str
    confidence: str
    unverified: bool
    info: bool
    sources: list[str]
    crosswalk: list[str]
    remark: str
    mark: Mark
    headline: str
    note: str
    findings: list[FindingPart] = []


class Tally(Part, frozen=True):
    """How many requirements got one verdict; ``share`` is of all, 0 to 1."""

    mark: Mark
    count: int
    share: float


class Section(Part, frozen=True):
    """One catalogue with all its judgements. ``proposed`` when it is not law yet."""

    anchor: str
    id: str
    title: str
    edition: str
    status_id: str
    status: str
    proposed: bool
    unverified: bool
    validity: str
    confidence: str
    notice: str
    credit: str
    sources: list[str]
    parameters: list[Line]
    mark: Mark
    headline: str
    total: str
    tallies: list[Tally]
    scope: list[RequirementPart]
    requirements: list[RequirementPart]


class AttemptPart(Part, frozen=True):
    """How one probe ended."""

    probe: str
    title: str
    status_id: str
    status: str
    reason: str
    detail: str
    steps: int
    anchor: str


class StepPart(Part, frozen=True):
    """One journalled step: its raw data, times, failure, and links to its transcripts."""

    anchor: str
    name: str
    began: str
    seconds: str
    failure: str
    lines: list[Line]
    links: list[Link]


class ProbePart(Part, frozen=True):
    """The evidence of one probe."""

    anchor: str
    title: str
    name: str
    version: str
    status_id: str
    status: str
    steps: list[StepPart]
    more: str


class Said(Part, frozen=True):
    """One direction of a transcript for a while: ``way`` is sent or received."""

    at: str
    way: str
    text: str


class TranscriptPart(Part, frozen=True):
    """A conversation, readable; ``note`` says what was cut."""

    anchor: str
    id: str
    short: str
    peer: str
    transport: str
    opened: str
    ended: str
    size: str
    said: list[Said]
    note: str


class FigurePart(Part, frozen=True):
    """A drawing with what it says in words and the numbers behind it. ``svg`` is our own markup."""

    anchor: str
    title: str
    summary: str
    svg: str
    grid: Grid


class ChangePart(Part, frozen=True):
    """One requirement whose verdict differs from the previous judgement."""

    catalogue: str
    requirement: str
    title: str
    anchor: str
    before: Mark
    after: Mark
    why: str


class Report(Part, frozen=True):
    """The whole document."""

    language: str
    words: dict[str, str]
    name: str
    subtitle: str
    head: list[Line]
    sections: list[Section]
    notices: list[Notice]
    record: list[Line]
    instruments: Grid
    authorisation: list[Line]
    terminal: list[Line]
    units: Grid
    interfaces: Grid
    applicability: list[Line]
    figures: list[FigurePart]
    attempts: list[AttemptPart]
    failures: list[Line]
    changes: list[ChangePart]
    changed_text: str
    provenance: list[Line]
    probes: list[ProbePart]
    transcripts: list[TranscriptPart]
    verify: list[Line]
    record_number: str
    chain_head: str
