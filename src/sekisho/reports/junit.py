"""The verdicts as JUnit XML, so that a maker's CI shows them.

One test case per requirement, one suite per catalogue. Most CI systems count a skipped test as good, so
``skipped`` is used for NOT_APPLICABLE only: FAIL is a failure, INCONCLUSIVE and NONE (not run) are
errors. Nothing but PASS and NOT_APPLICABLE lets a build go green.
"""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree as ET  # only written here, never parsed

from sekisho.language import Language
from sekisho.model.requirement import Catalogue
from sekisho.model.verdict import Judged, Verdict
from sekisho.ports import Document
from sekisho.reports.content.redaction import Redaction
from sekisho.reports.content.shown import spelled, visible
from sekisho.reports.content.verdicts import counts, say

_ELEMENTS = {
    Verdict.FAIL: "failure",
    Verdict.INCONCLUSIVE: "error",
    Verdict.NONE: "error",
    Verdict.NOT_APPLICABLE: "skipped",
}
_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


class JunitResult:
    """Writes JUnit XML; the sentences are in English, as CI logs are."""

    name = "junit"
    suffix = ".junit.xml"
    by_language = False

    def render(self, document: Document) -> bytes:
        """Return the file."""
        clean = _Clean(document)
        root = ET.Element("testsuites", name=clean(document.assessment.id))
        for catalogue in document.catalogues:
            root.append(_suite(document, catalogue, clean))
        _total(root, list(root))
        ET.indent(root)
        text = ET.tostring(root, encoding="unicode")
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


class _Clean:
    """Makes a text fit for XML 1.0 and free of codes."""

    def __init__(self, document: Document) -> None:
        self._redact = Redaction(document.terminal)

    def __call__(self, text: str) -> str:
        shown = self._redact(visible(text))
        return "".join(spelled(one) if one in "\ufffe\uffff" else one for one in shown)


def _suite(document: Document, catalogue: Catalogue, clean: _Clean) -> ET.Element:
    judged = {one.requirement: one for one in document.assessment.judged if one.catalogue == catalogue.id}
    suite = ET.Element("testsuite", name=clean(catalogue.id), timestamp=_timestamp(document.assessment.began))
    properties = ET.SubElement(suite, "properties")
    facts = {
        "edition": catalogue.edition.en,
        "status": catalogue.status.value,
        "terminal": f"{document.terminal.maker} {document.terminal.model}".strip(),
        "tool": document.assessment.tool,
        "chain-head": document.chain_head,
    }
    for key, value in facts.items():
        ET.SubElement(properties, "property", name=key, value=clean(value))
    for requirement in catalogue.requirements:
        name = f"{requirement.id} {requirement.title.en}"
        case = ET.SubElement(suite, "testcase", name=clean(name), classname=clean(catalogue.id))
        one = judged.get(requirement.id)
        verdict = one.verdict if one else Verdict.NONE
        if not counts(one):
            ET.SubElement(case, "skipped", type="information", message="shown for information; no duty")
        elif verdict is not Verdict.PASS:
            lines = [clean(line) for line in _lines(document, one)] or ["not tested: this is not a pass"]
            element = ET.SubElement(case, _ELEMENTS[verdict], type=verdict.name, message=lines[0])
            element.text = "\n".join(lines)
    _total(suite, list(suite.iter("testcase")))
    return suite


def _lines(document: Document, judged: Judged | None) -> list[str]:
    """Return the sentences of what decided, each with the evidence that it points at."""
    if judged is None:
        return []
    lines = [judged.note] if judged.note else []
    for finding in judged.findings:
        criterion = document.criteria.get(finding.criterion)
        lines.append(say(criterion, finding.reason, finding.arguments, Language.EN))
        lines.extend(
            f"  {one.subject}: {one.verdict.name}: {say(criterion, one.reason, one.arguments, Language.EN)}"
            for one in finding.details
        )
        lines.extend(f"  evidence: {one.probe} / {one.step}" for one in finding.because)
    return lines


def _total(element: ET.Element, parts: list[ET.Element]) -> None:
    """Set the counts of a suite from its cases, or of the root from its suites."""
    cases = [case for part in parts for case in part.iter("testcase")]
    element.set("tests", str(len(cases)))
    for tag, attribute in _COUNTED.items():
        element.set(attribute, str(sum(case.find(tag) is not None for case in cases)))


def _timestamp(text: str) -> str:
    """Return a time as JUnit's schema has it: without fractions."""
    try:
        return datetime.fromisoformat(text).replace(microsecond=0).isoformat()
    except ValueError:
        return "1970-01-01T00:00:00"


RENDERER = JunitResult()
