"""Verdicts as a person reads them: catalogues, requirements, findings with sentences, and changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sekisho.language import Language, Text
from sekisho.model.assessment import UNBOUND
from sekisho.model.evidence import Pointer
from sekisho.model.requirement import Catalogue, Confidence, Requirement, Rule, Status
from sekisho.model.verdict import Detail, Finding, Judged, Scalar, Verdict
from sekisho.ports import Criterion, Document
from sekisho.reports.content import words
from sekisho.reports.content.parts import (
    MARKS,
    ORDER,
    ChangePart,
    DetailPart,
    FindingPart,
    Line,
    Link,
    Mark,
    RequirementPart,
    Section,
    Tally,
)
from sekisho.reports.content.shown import Figure, limited, scalar, slug
from sekisho.reports.content.subjects import argument, subject

HEADLINE = 240
_NOT_JUDGED = Text(
    ja="この要件は判定されていない（対象から外されたか、判定後に加わった）。",
    en="This requirement was not judged: it was switched off, or came after the judgement.",
)
_NO_RULE = Text(
    ja="この要件を調べる試験をこのツールは持たない。別の方法で確かめる必要がある。",
    en="This tool has no test for this requirement; it has to be checked in another way.",
)
_NOTES = {
    "no-criterion": _NO_RULE,
    "out-of-scope": Text(
        ja="この基準は適用されないため、判定の対象外である。",
        en="The standard does not apply to this terminal, so nothing is asked here.",
    ),
    "not-measured": Text(
        ja="必要な試験が行われていない。合格を意味しない。",
        en="The tests that it needs were not run. That is not a pass.",
    ),
    "information": Text(
        ja="参考として示す。判定には数えない。", en="Shown for information; it does not count."
    ),
    "guideline": Text(
        ja="省令でなくガイドラインの事項として示す。判定には数えない。",
        en="A matter of the guideline, not of the rule; it does not count.",
    ),
    "recommended": Text(
        ja="推奨事項として示す。判定には数えない。", en="A recommendation; it does not count."
    ),
}
_REASONS = {
    "not-installed": Text(ja="判定の規則が組み込まれていない。", en="The criterion is not installed."),
    "not-chosen": Text(
        ja="必要な試験の一部を行っていない（{probes}）。合格を意味しない。",
        en="Some of the tests that it needs were not run ({probes}). That is not a pass.",
    ),
    "tool": Text(ja="試験器の不具合：{detail}", en="A fault of the tester itself: {detail}"),
}
_BASIS = Text(ja="（確かさ {grade}：{sources}）{remark}", en=" (confidence {grade}: {sources}) {remark}")
_UNKNOWN = Text(ja="理由 {reason}（{arguments}）", en="reason {reason} ({arguments})")
_INCOMPLETE = Text(ja="未実施あり", en="Incomplete")


def mark(verdict: Verdict, language: Language) -> Mark:
    """Return a verdict's colour id and word."""
    return Mark(id=MARKS[verdict], word=verdict.label.say(language))


def say(criterion: Criterion | None, reason: str, arguments: Mapping[str, Scalar], language: Language) -> str:
    """Return the sentence of a reason; of an unknown one, its id and arguments, never nothing."""
    shown: dict[str, object] = {
        key: Figure(value) if isinstance(value, float) else argument(key, value, language)
        for key, value in arguments.items()
    }
    text = (criterion.reasons.get(reason) if criterion else None) or _REASONS.get(reason)
    if text is not None:
        try:
            return text.say(language, **shown)
        except (ValueError, KeyError, IndexError, AttributeError, TypeError):
            text = None  # an older record whose argument has another type: show it plainly
    plain = ", ".join(f"{key}={scalar(value)}" for key, value in arguments.items())
    return _UNKNOWN.say(language, reason=reason, arguments=plain or "—")


def sections(document: Document, anchors: Mapping[Pointer, Link]) -> list[Section]:
    """Return one section per catalogue, in the order they were given."""
    return [_section(document, catalogue, anchors) for catalogue in document.catalogues]


def _section(document: Document, catalogue: Catalogue, anchors: Mapping[Pointer, Link]) -> Section:
    language = document.language
    judged = {one.requirement: one for one in document.assessment.judged if one.catalogue == catalogue.id}
    known = {one.id for one in catalogue.requirements}
    parts = [
        _requirement(document, catalogue, requirement, judged.get(requirement.id), anchors)
        for requirement in catalogue.requirements
    ]
    scope = [
        _stray(document, catalogue, one, anchors)
        for identifier, one in judged.items()
        if identifier not in known
    ]
    counted = [one for one in catalogue.requirements if counts(judged.get(one.id))]
    tally = dict.fromkeys(ORDER, 0)
    for requirement in counted:
        tally[_verdict(judged.get(requirement.id))] += 1
    head, headline = overall(document, catalogue)
    total = max(len(counted), 1)
    return Section(
        anchor=f"catalogue-{slug(catalogue.id)}",
        id=catalogue.id,
        title=catalogue.title.say(language),
        edition=catalogue.edition.say(language),
        status_id=catalogue.status.value,
        status=words.word(words.STATUS, catalogue.status.value, language),
        proposed=catalogue.status is Status.PROPOSED,
        unverified=catalogue.confidence is Confidence.D,
        validity=validity(catalogue, language),
        confidence=words.word(words.CONFIDENCE, catalogue.confidence.value, language),
        notice=catalogue.notice.say(language) if catalogue.notice else "",
        credit=catalogue.credit,
        sources=sources(document, catalogue),
        parameters=[_parameter(document, catalogue, key) for key in catalogue.parameters],
        mark=head,
        headline=headline,
        total=words.WORDS["of"].say(language, total=len(counted)),
        tallies=[
            Tally(mark=mark(verdict, language), count=tally[verdict], share=tally[verdict] / total)
            for verdict in ORDER
        ],
        scope=scope,
        requirements=parts,
    )


def counts(judged: Judged | None) -> bool:
    """Return whether a row is a duty: rows of information are shown, not counted."""
    return judged is None or judged.note not in UNBOUND


def _verdict(judged: Judged | None) -> Verdict:
    return judged.verdict if judged else Verdict.NONE


def sources(document: Document, catalogue: Catalogue) -> list[str]:
    """Return every source that the catalogue or one of its requirements cites, each once, with its title."""
    cited = dict.fromkeys(
        (
            *catalogue.sources,
            *(tag for basis in catalogue.bases.values() for tag in basis.sources),
            *(tag for one in catalogue.requirements for tag in one.sources),
        )
    )
    found = [(tag, document.sources.get(tag)) for tag in cited]
    return [f"[{tag}] {title.say(document.language)}" if title else tag for tag, title in found]


def _parameter(document: Document, catalogue: Catalogue, key: str) -> Line:
    """Return a parameter with its basis: a reader must see which numbers are our own choice."""
    text = limited(_value(catalogue.parameters[key]), HEADLINE)
    basis = catalogue.bases.get(key)
    if basis is not None:
        remark = basis.remark.say(document.language) if basis.remark else ""
        cited = ", ".join(basis.sources)
        text += _BASIS.say(document.language, grade=basis.confidence.value, sources=cited, remark=remark)
    return Line(label=key, text=text)


def overall(document: Document, catalogue: Catalogue) -> tuple[Mark, str]:
    """Return the mark over a whole catalogue and a remark beside it.

    A catalogue of which something was not run never shows as passed: a requirement that carries no
    judgement at all (the model can't know it) turns the mark into 未実施あり.
    """
    language = document.language
    judged = {one.requirement: one for one in document.assessment.judged if one.catalogue == catalogue.id}
    missing = [
        one
        for one in catalogue.requirements
        if counts(judged.get(one.id)) and _verdict(judged.get(one.id)) is Verdict.NONE
    ]
    verdict = document.assessment.verdict(catalogue.id)
    if not missing or verdict is Verdict.NONE:
        return mark(verdict, language), ""
    remark = words.WORDS["and_not_run"].say(language, count=len(missing))
    if verdict in {Verdict.PASS, Verdict.NOT_APPLICABLE}:
        return Mark(id="none", word=_INCOMPLETE.say(language)), remark
    return mark(verdict, language), remark


def validity(catalogue: Catalogue, language: Language) -> str:
    """Return from when until when a catalogue is in force."""
    if catalogue.status is Status.PROPOSED or catalogue.effective_from is None:
        return words.WORDS["not_law"].say(language) if catalogue.status is Status.PROPOSED else "—"
    until = catalogue.effective_until
    last = until.isoformat() if until else words.WORDS["open_ended"].say(language)
    return f"{catalogue.effective_from.isoformat()} – {last}"


def _requirement(
    document: Document,
    catalogue: Catalogue,
    requirement: Requirement,
    judged: Judged | None,
    anchors: Mapping[Pointer, Link],
) -> RequirementPart:
    language = document.language
    info = {rule.criterion for rule in _leaves(requirement.rule) if rule.info}
    findings = [_finding(document, one, anchors, info) for one in judged.findings] if judged else []
    verdict = judged.verdict if judged else Verdict.NONE
    why = _why(judged, requirement, language)
    return RequirementPart(
        anchor=anchor(catalogue.id, requirement.id),
        id=requirement.id,
        clause=requirement.clause_in(language),
        title=requirement.title.say(language),
        gist=requirement.gist.say(language),
        obligation=words.word(words.OBLIGATION, requirement.obligation, language),
        condition=_condition(catalogue, requirement, language),
        confidence=words.word(words.CONFIDENCE, requirement.confidence.value, language),
        unverified=requirement.confidence is Confidence.D,
        info=not counts(judged),
        sources=list(requirement.sources),
        crosswalk=list(requirement.crosswalk),
        remark=requirement.remark.say(language) if requirement.remark else "",
        mark=mark(verdict, language),
        headline=limited(_headline(findings, verdict) or why, HEADLINE),
        note=why,
        findings=findings,
    )


def _stray(
    document: Document, catalogue: Catalogue, judged: Judged, anchors: Mapping[Pointer, Link]
) -> RequirementPart:
    """Return what was judged outside the list of duties: the applicability, or a duty since removed."""
    language = document.language
    findings = [_finding(document, one, anchors, set()) for one in judged.findings]
    return RequirementPart(
        anchor=anchor(catalogue.id, judged.requirement or "scope"),
        id=judged.requirement,
        clause="",
        title=words.WORDS["applicability"].say(language)
        if judged.requirement in _SCOPE
        else judged.requirement,
        gist="",
        obligation="",
        condition="",
        confidence="",
        unverified=False,
        info=False,
        sources=[],
        crosswalk=[],
        remark="",
        mark=mark(judged.verdict, language),
        headline=limited(_headline(findings, judged.verdict) or judged.note, HEADLINE),
        note=judged.note,
        findings=findings,
    )


_SCOPE = {"", "applicability", "scope"}


def _condition(catalogue: Catalogue, requirement: Requirement, language: Language) -> str:
    known = catalogue.conditions.get(requirement.condition)
    return known.text.say(language) if known else requirement.condition


def _why(judged: Judged | None, requirement: Requirement, language: Language) -> str:
    """Return the remark on a judgement: its note's sentence, or the note itself when it is no id of ours."""
    if judged is None:
        return _NOT_JUDGED.say(language)
    if judged.note in _NOTES:
        return _NOTES[judged.note].say(language)
    return judged.note or (_NO_RULE.say(language) if requirement.rule is None else "")


def _headline(findings: list[FindingPart], verdict: Verdict) -> str:
    """Return the sentence of the finding that decided: the first with the requirement's own verdict."""
    wanted = MARKS[verdict]
    return next(
        (one.sentence for one in findings if one.mark.id == wanted), findings[0].sentence if findings else ""
    )


def _finding(
    document: Document, finding: Finding, anchors: Mapping[Pointer, Link], info: set[str]
) -> FindingPart:
    language = document.language
    criterion = document.criteria.get(finding.criterion)
    return FindingPart(
        criterion=criterion.title.say(language) if criterion else finding.criterion,
        mark=mark(finding.verdict, language),
        sentence=say(criterion, finding.reason, finding.arguments, language),
        assurance_id=finding.assurance.value,
        assurance=words.word(words.ASSURANCE, finding.assurance.value, language),
        claim=finding.claim,
        info=finding.criterion in info,
        links=list(links(finding.because, anchors)),
        details=[_detail(criterion, one, anchors, language) for one in finding.details],
    )


def _detail(
    criterion: Criterion | None, detail: Detail, anchors: Mapping[Pointer, Link], language: Language
) -> DetailPart:
    return DetailPart(
        subject=subject(detail.subject, language),
        mark=mark(detail.verdict, language),
        sentence=say(criterion, detail.reason, detail.arguments, language),
        links=list(links(detail.because, anchors)),
    )


def links(pointers: Iterable[Pointer], anchors: Mapping[Pointer, Link]) -> Iterator[Link]:
    """Yield a link per pointer, to the step it names; one without a target stays visible as text."""
    seen: set[str] = set()
    for pointer in pointers:
        plain = Pointer(pointer.probe, pointer.step)
        found = anchors.get(plain) or Link(label=f"{pointer.probe} / {pointer.step}", anchor="")
        if found.label not in seen:
            seen.add(found.label)
            yield found


def changes(document: Document) -> tuple[list[ChangePart], int]:
    """Return the requirements whose verdict differs from ``document.previous``, and how many do not."""
    if document.previous is None:
        return [], 0
    language = document.language
    before = {(one.catalogue, one.requirement): one for one in document.previous.judged}
    after = {(one.catalogue, one.requirement): one for one in document.assessment.judged}
    titles = {
        (catalogue.id, one.id): one.title.say(language)
        for catalogue in document.catalogues
        for one in catalogue.requirements
    }
    found: list[ChangePart] = []
    for key in dict.fromkeys((*after, *before)):
        old, new = before.get(key), after.get(key)
        if old and new and old.verdict is new.verdict:
            continue
        found.append(
            ChangePart(
                catalogue=key[0],
                requirement=key[1],
                title=titles.get(key, ""),
                anchor=anchor(*key) if key in titles and new else "",
                before=mark(old.verdict, language) if old else Mark(id="absent", word="—"),
                after=mark(new.verdict, language) if new else Mark(id="absent", word="—"),
                why=limited(_sentence(document, new), HEADLINE) if new else "",
            )
        )
    return found, len(set(before) | set(after)) - len(found)


def _sentence(document: Document, judged: Judged) -> str:
    for finding in judged.findings:
        if finding.verdict is judged.verdict:
            criterion = document.criteria.get(finding.criterion)
            return say(criterion, finding.reason, finding.arguments, document.language)
    return judged.note


def _leaves(rule: Rule | None) -> Iterator[Rule]:
    if rule is None:
        return
    if rule.criterion:
        yield rule
    for branch in (*rule.all, *rule.any):
        yield from _leaves(branch)


def anchor(catalogue: str, requirement: str) -> str:
    """Return the identifier of a requirement's place in the document."""
    return f"r-{slug(catalogue)}-{slug(requirement)}"


def _value(value: Scalar | list[Scalar]) -> str:
    return ", ".join(scalar(one) for one in value) if isinstance(value, list) else scalar(value)
