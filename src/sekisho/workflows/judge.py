"""Judge: evidence and catalogues in, verdicts out; no device, no network, as often as one likes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from sekisho.model.assessment import Assessment, TestRecord
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence
from sekisho.model.observation import Observation, Observations
from sekisho.model.requirement import Catalogue, Requirement, Rule
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Finding, Judged, Scalar, Verdict, combine, either, whole
from sekisho.ports import Criterion, EvidenceStore, Parameters, Probe

_MET = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
FAULTS = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)


def gather(store: EvidenceStore) -> tuple[Evidence, ...]:
    """Return each probe's evidence as the store's chain holds it, ended or not."""
    records: dict[str, list[object]] = {}
    ends: dict[str, tuple[str, Attempt]] = {}
    for event in store.events():
        if event.kind == "step":
            records.setdefault(event.body["probe"], []).append(event.body["record"])
        elif event.kind == "probe":
            attempt = msgspec.convert(event.body["attempt"], Attempt)
            ends[event.body["probe"]] = (event.body["version"], attempt)
            records.setdefault(event.body["probe"], [])
    stopped = ("", Attempt(AttemptStatus.STOPPED, "interrupted"))
    return tuple(
        msgspec.convert(
            {
                "probe": probe,
                "version": ends.get(probe, stopped)[0],
                "attempt": msgspec.to_builtins(ends.get(probe, stopped)[1]),
                "records": rows,
            },
            Evidence,
        )
        for probe, rows in records.items()
    )


def observe(evidence: Iterable[Evidence], probes: Mapping[str, Probe]) -> Observations:
    """Derive all facts. Evidence of a probe that is not installed gives none, and says so."""
    facts: list[Observation] = []
    attempts: dict[str, Attempt] = {}
    for one in evidence:
        attempts[one.probe] = one.attempt
        probe = probes.get(one.probe)
        if probe is None:
            attempts[one.probe] = Attempt(AttemptStatus.FAILED, "tool", f"probe {one.probe} is not installed")
            continue
        try:
            facts.extend(probe.observe(one))
        except FAULTS as fault:
            # Records of a hostile device or an older version must not stop the other probes' facts.
            attempts[one.probe] = Attempt(AttemptStatus.FAILED, "tool", f"observe: {fault!r}")
    return Observations(tuple(facts), attempts)


def judge_catalogue(
    catalogue: Catalogue,
    observations: Observations,
    terminal: Terminal,
    criteria: Mapping[str, Criterion],
) -> tuple[Judged, ...]:
    """Judge every requirement of one catalogue; applicability first."""
    scope = None
    if catalogue.applicability:
        scope = _leaf(Rule(criterion=catalogue.applicability), catalogue, observations, terminal, criteria)
    return tuple(
        _requirement(requirement, catalogue, observations, terminal, criteria, scope)
        for requirement in catalogue.requirements
    )


def _requirement(
    requirement: Requirement,
    catalogue: Catalogue,
    observations: Observations,
    terminal: Terminal,
    criteria: Mapping[str, Criterion],
    scope: Finding | None,
) -> Judged:
    if requirement.rule is None:
        return Judged(catalogue.id, requirement.id, Verdict.NONE, (), _weight(requirement) or "no-criterion")
    if scope is not None and scope.verdict is Verdict.NOT_APPLICABLE:
        return Judged(catalogue.id, requirement.id, Verdict.NOT_APPLICABLE, (scope,), "out-of-scope")
    findings: list[Finding] = []
    verdict = _walk(requirement.rule, catalogue, observations, terminal, criteria, findings)
    if scope is not None and scope.verdict is not Verdict.PASS:
        # Whether the article applies at all is open: no duty can be called met.
        findings.insert(0, scope)
        verdict = combine([verdict, Verdict.INCONCLUSIVE])
    if not any(finding.verdict > Verdict.NONE for finding in findings):
        return Judged(catalogue.id, requirement.id, Verdict.NONE, tuple(findings), "not-measured")
    note = _weight(requirement)
    if _only_information(requirement.rule):
        # Shown with what was found, counted nowhere.
        note, verdict = "information", whole(finding.verdict for finding in findings)
    return Judged(catalogue.id, requirement.id, verdict, tuple(findings), note)


def _weight(requirement: Requirement) -> str:
    """Return the note of a row that is shown but binds nobody: information, recommendation, guideline."""
    return {"info": "information", "recommended": "recommended", "guideline": "guideline"}.get(
        requirement.obligation, ""
    )


def _walk(
    rule: Rule,
    catalogue: Catalogue,
    observations: Observations,
    terminal: Terminal,
    criteria: Mapping[str, Criterion],
    findings: list[Finding],
) -> Verdict:
    """Judge a rule's tree, adding its leaves' findings; ``info`` leaves are shown, not counted."""
    if rule.criterion:
        finding = _leaf(rule, catalogue, observations, terminal, criteria)
        findings.append(finding)
        return Verdict.NONE if rule.info else finding.verdict
    branches = rule.all or rule.any
    verdicts = [
        _walk(branch, catalogue, observations, terminal, criteria, findings)
        for branch in branches
        if not branch.info or not branch.criterion
    ]
    findings.extend(
        _leaf(branch, catalogue, observations, terminal, criteria)
        for branch in branches
        if branch.info and branch.criterion
    )
    return either(verdicts) if rule.any else whole(verdicts)


def _leaf(
    rule: Rule,
    catalogue: Catalogue,
    observations: Observations,
    terminal: Terminal,
    criteria: Mapping[str, Criterion],
) -> Finding:
    criterion = criteria.get(rule.criterion)
    if criterion is None:
        return Finding(rule.criterion, Verdict.INCONCLUSIVE, "not-installed")
    try:
        finding = criterion.judge(observations, terminal, fill(rule.parameters, catalogue.parameters))
    except FAULTS as fault:
        return Finding(rule.criterion, Verdict.INCONCLUSIVE, "tool", {"detail": repr(fault)[:500]})
    # Applicability is declared first and refuted by what is seen: that criterion says itself what it must have seen.
    open_ = finding.verdict in _MET and rule.criterion != catalogue.applicability
    return _chosen(finding, criterion, observations) if open_ else finding


def _chosen(finding: Finding, criterion: Criterion, observations: Observations) -> Finding:
    """Return ``finding``, undecided when a probe that the criterion needs was left out (``--only``): nothing was asked."""
    missing = [name for name in criterion.needs if name not in observations.attempts]
    if not missing:
        return finding
    return msgspec.structs.replace(
        finding, verdict=Verdict.INCONCLUSIVE, reason="not-chosen", arguments={"probes": ", ".join(missing)}
    )


def fill(parameters: Parameters, values: Parameters) -> dict[str, Scalar | list[Scalar]]:
    """Replace ``$name`` by the catalogue's own parameter of that name."""
    return {
        key: values[value[1:]] if isinstance(value, str) and value.startswith("$") else value
        for key, value in parameters.items()
    }


def _only_information(rule: Rule) -> bool:
    if rule.criterion:
        return rule.info
    return all(_only_information(branch) for branch in rule.all or rule.any)


def judge(
    store: EvidenceStore,
    terminal: Terminal,
    catalogues: Iterable[Catalogue],
    probes: Mapping[str, Probe],
    criteria: Mapping[str, Criterion],
    *,
    tool: str,
    now: datetime,
) -> Assessment:
    """Judge what ``store`` holds and journal the outcome; ``now`` is when it is judged."""
    opened = next((event for event in store.events() if event.kind == "opened"), None)
    observations = observe(gather(store), probes)
    chosen = tuple(catalogues)
    judged = tuple(
        one for catalogue in chosen for one in judge_catalogue(catalogue, observations, terminal, criteria)
    )
    body = opened.body if opened else {}
    assessment = Assessment(
        id=str(body.get("id", "")),
        began=opened.at if opened else "",
        ended=now.isoformat(),
        tool=tool,
        record=msgspec.convert(body.get("record", {}), TestRecord),
        attempts=observations.attempts,
        facts=observations.facts,
        judged=judged,
        catalogues=tuple(f"{one.id} {one.edition.ja}".strip() for one in chosen),
    )
    identifier = store.keep(msgspec.json.encode(assessment), kind="assessment", name="assessment.json")
    store.append("judged", {"assessment": identifier, "catalogues": [one.id for one in chosen]})
    return assessment


def changes(before: Assessment, after: Assessment) -> list[tuple[str, str, Verdict | None, Verdict | None]]:
    """Return (catalogue, requirement, old, new) wherever two judgements differ."""
    old = {(one.catalogue, one.requirement): one.verdict for one in before.judged}
    new = {(one.catalogue, one.requirement): one.verdict for one in after.judged}
    return [
        (catalogue, requirement, old.get(key), new.get(key))
        for key in dict.fromkeys([*old, *new])
        for catalogue, requirement in [key]
        if old.get(key) != new.get(key)
    ]
