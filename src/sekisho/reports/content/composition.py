"""From a `Document` to a `Report`: everything looked up, put into words, and made harmless."""

from __future__ import annotations

from typing import Any

import msgspec

from sekisho.language import Language, Text
from sekisho.ports import Document
from sekisho.reports.content import evidence, figures, notices, records, verdicts, words
from sekisho.reports.content.drawings import Palette
from sekisho.reports.content.evidence import Bounds
from sekisho.reports.content.parts import Line, Report
from sekisho.reports.content.redaction import Redaction
from sekisho.reports.content.shown import day, moment, visible, walk

_CHANGED = Text(
    ja="前回（{tool}、{when}）から {count} 件の判定が変わり、{same} 件は同じ。",
    en="Since the previous judgement ({tool}, {when}) {count} verdicts changed and {same} stayed.",
)
_HEAD = Text(
    ja="記録の連鎖（各手順の記録が前の記録のSHA-256を含む）の先頭値。1バイトでも変われば一致しない。",
    en="Head of the chain of records: each holds the SHA-256 of the one before, so one altered byte breaks it.",
)
_COMMAND = Text(
    ja="証拠のフォルダを受け取り、次を実行する。表示される先頭値がこの報告書と同じで、異常が報告されなければよい。",
    en="Get the evidence folder and run this. The head it prints must be the one printed here, with nothing reported.",
)
_REJUDGE = Text(
    ja="同じ証拠を新しい基準で判定し直す（機器にもネットワークにも触れない）。",
    en="Judge the same evidence again by newer catalogues, touching neither the terminal nor a network.",
)
_FOLDER = Text(ja="証拠のフォルダ", en="EVIDENCE-FOLDER")
_UNNAMED = Text(ja="名称未記入の端末", en="Unnamed terminal")


def compose(document: Document, bounds: Bounds, palette: Palette) -> Report:
    """Return the report of ``document``: the same one for the same document."""
    language = document.language
    attempts = evidence.attempts(document)
    sections = verdicts.sections(document, evidence.anchors(document))
    changes, same = verdicts.changes(document)
    kept = records.record(document)
    return Report(
        language=language.value,
        words=words.words(language),
        name=" ".join(one for one in (document.terminal.maker, document.terminal.model) if one)
        or _UNNAMED.say(language),
        subtitle=document.terminal.kind,
        head=_head(document),
        sections=sections,
        notices=notices.notices(document, sections, attempts, kept),
        record=kept,
        instruments=records.instruments(document),
        authorisation=records.authorisation(document),
        terminal=records.terminal(document),
        units=records.units(document.terminal, language),
        interfaces=records.interfaces(document.terminal, language),
        applicability=[
            *records.applicability(document.terminal.applicability, language),
            *records.equivalent(document.terminal.applicability, language),
        ],
        figures=figures.figures(document, palette),
        attempts=attempts,
        failures=evidence.failures(document),
        changes=changes,
        changed_text=_changed(document, len(changes), same),
        provenance=evidence.provenance(document, records.PROVENANCE),
        probes=evidence.probes(document, bounds),
        transcripts=evidence.transcripts(document, bounds),
        verify=_verify(document),
        record_number=document.assessment.record.number or words.WORDS["not_filled"].say(language),
        chain_head=document.chain_head,
    )


def harmless(report: Report, document: Document) -> dict[str, Any]:
    """Return the report as plain JSON-like data in which no string hides anything or holds a code."""
    redact = Redaction(document.terminal)
    plain = msgspec.to_builtins(report)
    _unlink(plain, _defined(report))
    return {
        key: value if key in {"words", "language"} else walk(value, lambda text: redact(visible(text)))
        for key, value in plain.items()
    }


def _defined(report: Report) -> set[str]:
    """Return the anchors that stand somewhere in the report."""
    return {
        *(one.anchor for section in report.sections for one in (*section.scope, *section.requirements)),
        *(one.anchor for one in report.sections),
        *(one.anchor for one in report.figures),
        *(one.anchor for one in report.probes),
        *(step.anchor for one in report.probes for step in one.steps),
        *(one.anchor for one in report.transcripts),
    }


def _unlink(value: Any, defined: set[str]) -> None:
    """Empty every anchor that leads to nothing: a step beyond the bounds is named, not linked."""
    if isinstance(value, dict):
        if value.get("anchor") and value["anchor"] not in defined:
            value["anchor"] = ""
        for one in value.values():
            _unlink(one, defined)
    elif isinstance(value, list):
        for one in value:
            _unlink(one, defined)


def _head(document: Document) -> list[Line]:
    language, kept = document.language, document.assessment.record
    missing = words.WORDS["not_filled"].say(language)
    date = day(kept.date, japanese=language is Language.JA)
    return [
        Line(
            label=words.WORDS["record_number"].say(language),
            text=kept.number or missing,
            missing=not kept.number,
        ),
        Line(label=words.WORDS["record_date"].say(language), text=date or missing, missing=not date),
        Line(label=words.WORDS["tool"].say(language), text=document.assessment.tool),
        Line(label=words.WORDS["made_at"].say(language), text=moment(document.made_at)),
    ]


def _changed(document: Document, count: int, same: int) -> str:
    if document.previous is None:
        return ""
    previous = document.previous
    return _CHANGED.say(
        document.language, tool=previous.tool, when=moment(previous.ended), count=count, same=same
    )


def _verify(document: Document) -> list[Line]:
    language = document.language
    folder = _FOLDER.say(language)
    return [
        Line(label=_HEAD.say(language), text=document.chain_head or "—", code=True),
        Line(label=_COMMAND.say(language), text=f"sekisho verify {folder}", code=True),
        Line(label=_REJUDGE.say(language), text=f"sekisho rejudge {folder}", code=True),
    ]
