"""Assessments in words for the pages: catalogues, criteria and probes by name, findings as sentences with their evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sekisho import plugins
from sekisho.errors import SekishoError
from sekisho.language import Language, Text
from sekisho.model.assessment import UNBOUND, Assessment
from sekisho.model.evidence import ATTEMPT_REASONS, Attempt, AttemptStatus, Pointer
from sekisho.model.registry import State, StepRow
from sekisho.model.requirement import Catalogue, Requirement
from sekisho.model.verdict import Verdict
from sekisho.reports.content.shown import slug
from sekisho.reports.content.subjects import subject
from sekisho.reports.content.verdicts import say

#: The class of the sheet and the sign of each verdict; the word always stands beside or in the title.
SIGNS: dict[Verdict, tuple[str, str]] = {
    Verdict.PASS: ("pass", "○"),
    Verdict.FAIL: ("fail", "×"),
    Verdict.INCONCLUSIVE: ("inconclusive", "?"),
    Verdict.NOT_APPLICABLE: ("not-applicable", "／"),
    Verdict.NONE: ("none", "–"),
}
STATE_KINDS: dict[State, str] = {
    State.RUNNING: "told",
    State.STOPPED: "inconclusive",
    State.COMPLETE: "pass",
    State.DAMAGED: "fail",
}
ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NONE, Verdict.PASS, Verdict.NOT_APPLICABLE)
_ATTEMPT_KINDS: dict[AttemptStatus, str] = {
    AttemptStatus.DONE: "pass",
    AttemptStatus.PARTIAL: "inconclusive",
    AttemptStatus.FAILED: "inconclusive",
    AttemptStatus.SKIPPED: "not-applicable",
    AttemptStatus.STOPPED: "inconclusive",
}
_NOTES: dict[str, Text] = {
    "information": Text(ja="参考。判定には数えない", en="for information, not counted"),
    "guideline": Text(ja="ガイドラインの事項。判定には数えない", en="of the guideline, not counted"),
    "recommended": Text(ja="推奨事項。判定には数えない", en="a recommendation, not counted"),
    "no-criterion": Text(ja="この要件を調べる試験がない", en="there is no test for this"),
    "out-of-scope": Text(ja="この基準は適用されない", en="the standard does not apply"),
    "not-measured": Text(ja="必要な試験をしていない。合格ではない", en="its tests were not run: not a pass"),
}


@cache
def catalogue(name: str) -> Catalogue | None:
    """Return an installed catalogue; None when it isn't installed any more."""
    try:
        found: Catalogue = plugins.unit("catalogues", name)()
    except SekishoError:
        return None
    return found


@cache
def unit(kind: str, name: str) -> Any:
    """Return a unit; None when it isn't installed any more."""
    try:
        return plugins.unit(kind, name)
    except SekishoError:
        return None


def anchor(catalogue_name: str, requirement: str) -> str:
    """Return the name of a duty on the page of an assessment."""
    return f"d-{slug(catalogue_name)}-{slug(requirement)}"


def probe_title(name: str) -> Text | str:
    """Return what a probe is called; its name when it isn't installed any more."""
    found = unit("probes", name)
    title: Text | str = found.title if found else name
    return title


@dataclass(frozen=True, slots=True)
class Because:
    """Where a sentence comes from: the probe, its step, and where that is shown."""

    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Said:
    """One finding or a line of it."""

    verdict: Verdict
    words: str
    because: tuple[Because, ...]
    subject: str = ""
    claim: str = ""
    lines: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class DutyPart:
    """One duty with its verdict; ``counted`` is False for what binds nobody."""

    id: str
    clause: str
    title: Text
    gist: Text | None
    verdict: Verdict
    findings: tuple[Said, ...]
    note: Text | None
    counted: bool


@dataclass(frozen=True, slots=True)
class CataloguePart:
    """One catalogue that an assessment was judged by."""

    id: str
    title: Text
    edition: Text | None
    verdict: Verdict
    duties: tuple[DutyPart, ...]

    @property
    def tally(self) -> list[tuple[Verdict, int]]:
        """How many counted duties have each verdict, the worst first."""
        counted = [one.verdict for one in self.duties if one.counted]
        return [(verdict, counted.count(verdict)) for verdict in ORDER]


def judged(identifier: str, assessment: Assessment, language: Language) -> Iterator[CataloguePart]:
    """Yield the catalogues of an assessment with every duty, those that were never judged as well."""
    for name in dict.fromkeys(one.catalogue for one in assessment.judged):
        known = catalogue(name)
        rows = {one.requirement: one for one in assessment.judged if one.catalogue == name}
        wanted = {one.id: one for one in known.requirements} if known else {}
        parts = []
        for one in dict.fromkeys((*wanted, *rows)):
            row, requirement = rows.get(one), wanted.get(one)
            findings = tuple(_said(identifier, finding, language) for finding in row.findings) if row else ()
            parts.append(
                DutyPart(
                    one,
                    requirement.clause_in(language) if requirement else "",
                    requirement.title if requirement else Text(ja=one, en=one),
                    _gist(requirement),
                    row.verdict if row else Verdict.NONE,
                    findings,
                    _NOTES.get(row.note) if row else _NOTES["not-measured"],
                    counted=not row or row.note not in UNBOUND,
                )
            )
        yield CataloguePart(
            name,
            known.title if known else Text(ja=name, en=name),
            known.edition if known else None,
            assessment.verdict(name),
            tuple(parts),
        )


def _gist(requirement: Requirement | None) -> Text | None:
    return requirement.gist if requirement else None


def _said(identifier: str, finding: Any, language: Language) -> Said:
    criterion = unit("criteria", finding.criterion)

    def words(one: Any) -> str:
        return say(criterion, one.reason, one.arguments, language)

    lines = tuple(
        Said(
            one.verdict,
            words(one),
            because(identifier, one.because, language),
            subject(one.subject, language),
        )
        for one in finding.details
    )
    return Said(
        finding.verdict,
        words(finding),
        because(identifier, finding.because, language),
        criterion.title.say(language) if criterion else finding.criterion,
        finding.claim,
        lines,
    )


def because(identifier: str, pointers: Sequence[Pointer], language: Language) -> tuple[Because, ...]:
    """Return where pointers lead, each place once."""
    found: dict[str, Because] = {}
    for one in pointers:
        title = probe_title(one.probe)
        words = title.say(language) if isinstance(title, Text) else title
        href = f"/assess/{identifier}/probes/{one.probe}#{slug(one.step)}"
        found.setdefault(href, Because(f"{words} › {one.step}" if one.step else words, href))
    return tuple(found.values())


def attempt_kind(attempt: Attempt) -> str:
    """Return the mark of an attempt; what was done without anything to measure is no pass."""
    return (
        "not-applicable"
        if attempt.status is AttemptStatus.DONE and attempt.reason != "complete"
        else _ATTEMPT_KINDS[attempt.status]
    )


def attempt_words(attempt: Attempt) -> Text:
    """Return how a probe's attempt ended, in words."""
    found = ATTEMPT_REASONS.get(attempt.reason)
    return found or Text(ja=attempt.reason, en=attempt.reason)


def by_probe(steps: Sequence[StepRow]) -> dict[str, list[StepRow]]:
    """Return the steps of each probe, in the order in which the probes ran."""
    found: dict[str, list[StepRow]] = {}
    for one in steps:
        found.setdefault(one.probe, []).append(one)
    return found
