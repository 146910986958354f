"""The result as OSCAL assessment-results 1.2.1 (NIST), for compliance systems.

Facts become observations, judged requirements become findings, one result per catalogue. OSCAL knows
only satisfied and not-satisfied; the five verdicts stand in the property ``verdict`` of our namespace,
and INCONCLUSIVE and NONE are not-satisfied with the reason ``other``: absence is never a pass. What does
not apply has the implementation status not-applicable. Identifiers are UUIDs of version 5, so the same assessment
gives the same document.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from sekisho.language import Language
from sekisho.model.evidence import Pointer
from sekisho.model.observation import Observation
from sekisho.model.requirement import Catalogue
from sekisho.model.verdict import Assurance, Finding, Judged, Verdict
from sekisho.ports import Document
from sekisho.reports.content.redaction import Redaction
from sekisho.reports.content.shown import scalar, visible, walk
from sekisho.reports.content.verdicts import overall, say

VERSION = "1.2.1"
NAMESPACE = "https://sekisho.invalid/ns/oscal"
_ROOT = uuid.UUID("5ec15400-0000-5000-8000-000000000001")
_STATES = {
    Verdict.PASS: ("satisfied", "pass"),
    Verdict.FAIL: ("not-satisfied", "fail"),
    Verdict.INCONCLUSIVE: ("not-satisfied", "other"),
    Verdict.NONE: ("not-satisfied", "other"),
}
_METHODS = {Assurance.OBSERVED: "TEST", Assurance.DECLARED: "EXAMINE", Assurance.WITNESSED: "INTERVIEW"}
Json = dict[str, Any]


class OscalResult:
    """Writes OSCAL JSON; titles and sentences are in English."""

    name = "oscal"
    suffix = ".oscal.json"
    by_language = False

    def render(self, document: Document) -> bytes:
        """Return the file."""
        redact = Redaction(document.terminal)
        plain = walk(_Writer(document).document(), lambda text: redact(visible(text)))
        return msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n"


class _Writer:
    """Builds the document of one assessment; holds only what every part needs."""

    def __init__(self, document: Document) -> None:
        self.source = document
        self.seed = f"{document.assessment.id}/{document.chain_head}"
        self.facts = document.assessment.facts

    def id(self, *parts: object) -> str:
        """Return the UUID of a part, the same for the same assessment."""
        return str(uuid.uuid5(_ROOT, "/".join((self.seed, *map(str, parts)))))

    def document(self) -> Json:
        """Return the whole document."""
        return {
            "assessment-results": {
                "uuid": self.id("document", self.source.made_at),
                "metadata": self.metadata(),
                "import-ap": {"href": f"#{self.id('plan')}"},
                "results": [self.result(one) for one in self.source.catalogues],
                "back-matter": {"resources": self.resources()},
            }
        }

    def metadata(self) -> Json:
        """Return title, times, and the people behind the test."""
        kept = self.source.assessment.record
        parties = [
            {"uuid": self.id("tool"), "type": "organization", "name": _line(self.source.assessment.tool)}
        ]
        if kept.person:
            parties.append({"uuid": self.id("person"), "type": "person", "name": _line(kept.person)})
        found: Json = {
            "title": _line(f"Terminal security test of {self.terminal()}"),
            "last-modified": _time(self.source.made_at),
            "version": _line(kept.number or self.source.assessment.id),
            "oscal-version": VERSION,
            "props": self.props(("chain-head", self.source.chain_head), ("record-number", kept.number)),
            "roles": [{"id": "assessor", "title": "Assessor"}],
            "parties": parties,
            "responsible-parties": [{"role-id": "assessor", "party-uuids": [parties[-1]["uuid"]]}],
            "remarks": "A record of test results; not a certification (認定).",
        }
        return {key: value for key, value in found.items() if value}

    def terminal(self) -> str:
        """Return the terminal's name."""
        return f"{self.source.terminal.maker} {self.source.terminal.model}".strip() or "an unnamed terminal"

    def props(self, *pairs: tuple[str, object]) -> list[Json]:
        """Return properties of our namespace; empty values are left out."""
        return [
            {"name": _token(name), "ns": NAMESPACE, "value": _line(scalar(value))}
            for name, value in pairs
            if value not in {None, ""}
        ]

    def result(self, catalogue: Catalogue) -> Json:
        """Return the result of one catalogue."""
        assessment = self.source.assessment
        mark, _ = overall(self.source, catalogue)
        judged = {one.requirement: one for one in assessment.judged if one.catalogue == catalogue.id}
        controls = [{"control-id": _token(one.id)} for one in catalogue.requirements]
        selection: Json = {"include-controls": controls} if controls else {"include-all": {}}
        found: Json = {
            "uuid": self.id("result", catalogue.id),
            "title": _line(f"{catalogue.title.en} ({catalogue.edition.en})"),
            "description": f"{catalogue.title.en}; status: {catalogue.status.value}.",
            "start": _time(assessment.began),
            "end": _time(assessment.ended),
            "props": self.props(
                ("catalogue", catalogue.id), ("status", catalogue.status.value), ("overall", mark.id)
            ),
            "local-definitions": {"components": [self.component()]},
            "reviewed-controls": {"control-selections": [selection]},
            "observations": [self.observation(catalogue, n, one) for n, one in enumerate(self.facts)],
            "findings": [
                self.finding(catalogue, one.id, one.title.en, judged.get(one.id))
                for one in catalogue.requirements
            ],
        }
        return {key: value for key, value in found.items() if value}

    def component(self) -> Json:
        """Return the terminal as a component."""
        terminal = self.source.terminal
        found: Json = {
            "uuid": self.id("terminal"),
            "type": "hardware",
            "title": _line(self.terminal()),
            "description": terminal.kind or "terminal equipment",
            "props": self.props(("hardware", terminal.hardware), ("software", terminal.software)),
            "status": {"state": "operational"},
        }
        return {key: value for key, value in found.items() if value}

    def observation(self, catalogue: Catalogue, index: int, fact: Observation) -> Json:
        """Return one fact."""
        found: Json = {
            "uuid": self.id("fact", catalogue.id, index),
            "title": _line(f"{fact.name} of {fact.subject}"),
            "description": f"{fact.name} of {fact.subject} is {scalar(fact.value)}",
            "props": self.props(("name", fact.name), *fact.attributes.items()),
            "methods": [_METHODS[fact.assurance]],
            "subjects": [{"subject-uuid": self.id("terminal"), "type": "component"}],
            "relevant-evidence": [self.evidence(one) for one in fact.because],
            "collected": _time(self.source.assessment.began),
        }
        return {key: value for key, value in found.items() if value}

    def evidence(self, pointer: Pointer) -> Json:
        """Return a link to the transcript of a step, or the step's name when it has none."""
        found: Json = {"description": f"{pointer.probe} / {pointer.step}"}
        if pointer.transcript in self.source.transcripts:
            found["href"] = f"#{self.id('transcript', pointer.transcript)}"
        return found

    def finding(self, catalogue: Catalogue, requirement: str, title: str, judged: Judged | None) -> Json:
        """Return the verdict on one requirement."""
        verdict = judged.verdict if judged else Verdict.NONE
        target: Json = {"type": "objective-id", "target-id": _token(requirement), "title": _line(title)}
        if verdict in _STATES:
            state, reason = _STATES[verdict]
            target["status"] = {"state": state, "reason": reason, "remarks": f"verdict {verdict.name}"}
        else:
            target["status"] = {"state": "not-satisfied", "reason": "other", "remarks": "not applicable"}
            target["implementation-status"] = {"state": "not-applicable"}
        sentences = [self.sentence(one) for one in judged.findings] if judged else []
        if judged and judged.note:
            sentences.append(judged.note)
        because = {p for one in (judged.findings if judged else ()) for p in _pointers(one)}
        related = [
            {"observation-uuid": self.id("fact", catalogue.id, index)}
            for index, fact in enumerate(self.facts)
            if because.intersection(fact.because)
        ]
        found: Json = {
            "uuid": self.id("finding", catalogue.id, requirement),
            "title": _line(f"{requirement} {title}"),
            "description": "\n".join(sentences) or "Not tested; this is not a pass.",
            "props": self.props(("verdict", verdict.name)),
            "target": target,
            "related-observations": related,
        }
        return {key: value for key, value in found.items() if value}

    def sentence(self, finding: Finding) -> str:
        """Return what a criterion said, and its claim as a claim."""
        text = say(
            self.source.criteria.get(finding.criterion), finding.reason, finding.arguments, Language.EN
        )
        return f"{text} [claim: {finding.claim}]" if finding.claim else text

    def resources(self) -> list[Json]:
        """Return the plan and every transcript with its SHA-256."""
        plan = {
            "uuid": self.id("plan"),
            "title": "Plan of the assessment",
            "description": "Kept with the evidence.",
        }
        return [
            plan,
            *(
                {
                    "uuid": self.id("transcript", one),
                    "title": _line(f"Transcript {one[:12]}"),
                    "rlinks": [
                        {"href": f"evidence/{one}", "hashes": [{"algorithm": "SHA-256", "value": one}]}
                    ],
                }
                for one in self.source.transcripts
            ),
        ]


def _pointers(finding: Finding) -> list[Pointer]:
    return [*finding.because, *(one for detail in finding.details for one in detail.because)]


def _line(text: str) -> str:
    """Return a text as OSCAL's one-line string: no line ends, no white space at its ends."""
    return re.sub(r"\s+", " ", visible(text)).strip() or "-"


def _token(text: str) -> str:
    """Return a text as an OSCAL token (an XML name without colon)."""
    token = re.sub(r"[^A-Za-z0-9._-]", "-", text)
    return token if token[:1].isalpha() or token[:1] == "_" else f"_{token}"


def _time(text: str) -> str:
    """Return a time with a zone; one that can't be read is the epoch, which nobody takes for a real time."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.fromtimestamp(0, UTC)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


RENDERER = OscalResult()
