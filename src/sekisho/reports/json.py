"""The result as JSON, for machines: stable, in both languages, without the terminal's codes.

The shape is `Result`; its ``schema`` member changes when a reader would have to. Fields may be added.
Sentences stand in Japanese and English side by side, so one file serves both.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sekisho.language import Language, Text
from sekisho.model.assessment import TestRecord
from sekisho.model.evidence import Attempt
from sekisho.model.observation import Observation
from sekisho.model.terminal import Applicability, Exclusion
from sekisho.model.verdict import Finding, Verdict
from sekisho.ports import Document
from sekisho.reports.content.redaction import Redaction
from sekisho.reports.content.shown import visible, walk
from sekisho.reports.content.verdicts import counts as counts_as_duty
from sekisho.reports.content.verdicts import overall, say

SCHEMA = "sekisho-result/1"


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the parts of the result."""


class Place(Shape, frozen=True):
    """Where a statement comes from: a probe's step and, perhaps, a transcript (SHA-256)."""

    probe: str
    step: str
    transcript: str = ""


class Line(Shape, frozen=True):
    """A finding's detail on one subject."""

    subject: str
    verdict: str
    reason: str
    arguments: dict[str, Any]
    sentence: Text
    because: list[Place]


class Statement(Shape, frozen=True):
    """A finding: what one criterion said."""

    criterion: str
    verdict: str
    reason: str
    arguments: dict[str, Any]
    sentence: Text
    assurance: str
    claim: str
    because: list[Place]
    details: list[Line]


class Outcome(Shape, frozen=True):
    """The verdict on one requirement. ``requirement`` is empty for the catalogue's applicability."""

    requirement: str
    clause: str
    title: Text
    obligation: str
    confidence: str
    verdict: str
    counted: bool
    note: str
    findings: list[Statement]


class Standard(Shape, frozen=True):
    """One catalogue: its force, its verdict, whether everything in it was run, its requirements.

    ``verdict`` is the maximum over the requirements; read it together with ``complete``.
    """

    id: str
    title: Text
    edition: Text
    status: str
    effective_from: str | None
    effective_until: str | None
    confidence: str
    verdict: str
    complete: bool
    counts: dict[str, int]
    outcomes: list[Outcome]


class Subject(Shape, frozen=True):
    """The terminal: only what may be published of its description."""

    maker: str
    model: str
    kind: str
    hardware: str
    software: str
    units: list[dict[str, str]]
    interfaces: list[dict[str, Any]]
    applicability: Applicability
    exclusions: list[Exclusion]


class Proof(Shape, frozen=True):
    """The evidence that the result rests on: one row per step, and the ids of its transcripts."""

    probe: str
    step: str
    began: str
    seconds: float
    failure: str
    transcripts: list[str]


class Result(Shape, frozen=True):
    """The whole result; verdicts are PASS, FAIL, INCONCLUSIVE, NOT_APPLICABLE and NONE (not run)."""

    schema: str
    notice: Text
    assessment: str
    tool: str
    began: str
    ended: str
    made_at: str
    chain_head: str
    record: TestRecord
    authorisation: dict[str, Any]
    provenance: dict[str, str]
    terminal: Subject
    attempts: dict[str, Attempt]
    standards: list[Standard]
    observations: list[Observation]
    evidence: list[Proof]


_NOTICE = Text(
    ja="試験結果の記録であり、認定ではない。NONEとINCONCLUSIVEは合格ではない。",
    en="A record of test results, not a certification (認定). NONE and INCONCLUSIVE are not passes.",
)


def result(document: Document) -> dict[str, Any]:
    """Return the result as plain data, cleansed like every other document of ours."""
    redact = Redaction(document.terminal)
    plain = msgspec.to_builtins(_result(document), str_keys=True)
    cleansed: dict[str, Any] = walk(plain, lambda text: redact(visible(text)))
    return cleansed


def _result(document: Document) -> Result:
    assessment, terminal = document.assessment, document.terminal
    return Result(
        schema=SCHEMA,
        notice=_NOTICE,
        assessment=assessment.id,
        tool=assessment.tool,
        began=assessment.began,
        ended=assessment.ended,
        made_at=document.made_at,
        chain_head=document.chain_head,
        record=assessment.record,
        authorisation=dict(document.authorisation),
        provenance=dict(document.provenance),
        terminal=Subject(
            maker=terminal.maker,
            model=terminal.model,
            kind=terminal.kind,
            hardware=terminal.hardware,
            software=terminal.software,
            units=[{"id": one.id, "serial": one.serial, "mac": one.mac} for one in terminal.units],
            interfaces=[
                {"name": one.name, "role": one.role.value, "addresses": list(one.addresses), "mac": one.mac}
                for one in terminal.interfaces
            ],
            applicability=terminal.applicability,
            exclusions=list(terminal.exclusions),
        ),
        attempts=dict(sorted(assessment.attempts.items())),
        standards=_standards(document),
        observations=list(assessment.facts),
        evidence=[
            Proof(
                probe=evidence.probe,
                step=record.step,
                began=record.began,
                seconds=record.seconds,
                failure=record.failure.reason if record.failure else "",
                transcripts=list(record.transcripts),
            )
            for evidence in document.evidence
            for record in evidence.records
        ],
    )


def _standards(document: Document) -> list[Standard]:
    found: list[Standard] = []
    for catalogue in document.catalogues:
        outcomes = _outcomes(document, catalogue.id)
        counts = dict.fromkeys((one.name for one in Verdict), 0)
        for one in outcomes:
            if one.requirement and one.counted:
                counts[one.verdict] += 1
        mark, _ = overall(document, catalogue)
        found.append(
            Standard(
                id=catalogue.id,
                title=catalogue.title,
                edition=catalogue.edition,
                status=catalogue.status.value,
                effective_from=catalogue.effective_from.isoformat() if catalogue.effective_from else None,
                effective_until=catalogue.effective_until.isoformat() if catalogue.effective_until else None,
                confidence=catalogue.confidence.value,
                verdict=document.assessment.verdict(catalogue.id).name,
                complete=mark.id != "none" and counts[Verdict.NONE.name] == 0,
                counts=counts,
                outcomes=outcomes,
            )
        )
    return found


def _outcomes(document: Document, catalogue: str) -> list[Outcome]:
    """Return an outcome for every requirement, judged or not, and for whatever else was judged."""
    whole = next(one for one in document.catalogues if one.id == catalogue)
    judged = {one.requirement: one for one in document.assessment.judged if one.catalogue == catalogue}
    known = {one.id: one for one in whole.requirements}
    outcomes: list[Outcome] = []
    for identifier in dict.fromkeys((*judged, *known)):
        requirement, one = known.get(identifier), judged.get(identifier)
        outcomes.append(
            Outcome(
                requirement=identifier,
                clause=requirement.clause if requirement else "",
                title=requirement.title if requirement else Text(ja=identifier, en=identifier),
                obligation=requirement.obligation if requirement else "",
                confidence=requirement.confidence.value if requirement else "",
                verdict=(one.verdict if one else Verdict.NONE).name,
                counted=counts_as_duty(one),
                note=one.note if one else "not-judged",
                findings=[_statement(document, finding) for finding in one.findings] if one else [],
            )
        )
    return outcomes


def _statement(document: Document, finding: Finding) -> Statement:
    return Statement(
        criterion=finding.criterion,
        verdict=finding.verdict.name,
        reason=finding.reason,
        arguments=finding.arguments,
        sentence=_sentence(document, finding.criterion, finding.reason, finding.arguments),
        assurance=finding.assurance.value,
        claim=finding.claim,
        because=[Place(probe=one.probe, step=one.step, transcript=one.transcript) for one in finding.because],
        details=[
            Line(
                subject=one.subject,
                verdict=one.verdict.name,
                reason=one.reason,
                arguments=one.arguments,
                sentence=_sentence(document, finding.criterion, one.reason, one.arguments),
                because=[Place(probe=p.probe, step=p.step, transcript=p.transcript) for p in one.because],
            )
            for one in finding.details
        ],
    )


def _sentence(document: Document, name: str, reason: str, arguments: dict[str, Any]) -> Text:
    criterion = document.criteria.get(name)
    return Text(
        ja=say(criterion, reason, arguments, Language.JA), en=say(criterion, reason, arguments, Language.EN)
    )


class JsonResult:
    """Writes `Result` as indented UTF-8 JSON with sorted members."""

    name = "json"
    suffix = ".json"
    by_language = False

    def render(self, document: Document) -> bytes:
        """Return the file."""
        return msgspec.json.format(msgspec.json.encode(result(document), order="sorted"), indent=2) + b"\n"


RENDERER = JsonResult()
