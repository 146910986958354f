"""Evidence as a person reads it: each step with its raw data, each transcript as a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from sekisho.language import Language, Text
from sekisho.model.evidence import ATTEMPT_REASONS, Evidence, Pointer, Record, Transcript
from sekisho.ports import Document
from sekisho.reports.content import words
from sekisho.reports.content.parts import AttemptPart, Line, Link, ProbePart, Said, StepPart, TranscriptPart
from sekisho.reports.content.shown import flat, limited, moment, number, readable, slug

_NEVER = Text(ja="この試験は行われていない", en="this probe was never run")
SHORT = 12


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much evidence a document prints: steps per probe, lines per step, transcripts, bytes of each.

    ``essential`` prints only the steps that a verdict rests on or that failed, and only the transcripts that
    there is room for; how many others there are is said, and the HTML report and the folder hold them.
    """

    essential: bool = False
    steps: int = 2_000
    lines: int = 80
    text: int = 600
    transcripts: int = 400
    transcript_bytes: int = 8_192
    chunk_bytes: int = 2_048


def anchors(document: Document) -> dict[Pointer, Link]:
    """Return the link of every step that was journalled."""
    found: dict[Pointer, Link] = {}
    for evidence in document.evidence:
        for index, record in enumerate(evidence.records):
            pointer = Pointer(evidence.probe, record.step)
            found.setdefault(
                pointer, Link(label=_label(evidence, record), anchor=_anchor(evidence.probe, index))
            )
    return found


def _label(evidence: Evidence, record: Record) -> str:
    return f"{evidence.probe} / {record.step}"


def _anchor(probe: str, index: int) -> str:
    return f"e-{slug(probe)}-{index + 1}"


def attempts(document: Document) -> list[AttemptPart]:
    """Return how every probe ended, those that never ran as well."""
    language = document.language
    counted = {one.probe: len(one.records) for one in document.evidence}
    parts: list[AttemptPart] = []
    for name in dict.fromkeys((*document.probes, *document.assessment.attempts, *counted)):
        attempt = document.assessment.attempts.get(name)
        reason = ATTEMPT_REASONS.get(attempt.reason) if attempt else _NEVER
        status = attempt.status.value if attempt else "none"
        parts.append(
            AttemptPart(
                probe=name,
                title=_title(document, name),
                status_id=status,
                status=words.word(words.ATTEMPT, status, language),
                reason=reason.say(language) if reason else (attempt.reason if attempt else ""),
                detail=attempt.detail if attempt else "",
                steps=counted.get(name, 0),
                anchor=f"p-{slug(name)}" if name in counted else "",
            )
        )
    return parts


def _title(document: Document, name: str) -> str:
    probe = document.probes.get(name)
    return probe.title.say(document.language) if probe else name


def failures(document: Document) -> list[Line]:
    """Return every step that got no answer, with the reason."""
    found: list[Line] = []
    for evidence in document.evidence:
        for index, record in enumerate(evidence.records):
            if record.failure:
                found.append(
                    Line(
                        label=_label(evidence, record),
                        text=_failure(record, document.language),
                        anchor=_anchor(evidence.probe, index),
                    )
                )
    return found


def _failure(record: Record, language: Language) -> str:
    if record.failure is None:
        return ""
    reason = ATTEMPT_REASONS.get(record.failure.reason)
    text = reason.say(language) if reason else record.failure.reason
    return f"{text} ({record.failure.detail})" if record.failure.detail else text


def probes(document: Document, bounds: Bounds) -> list[ProbePart]:
    """Return the evidence of every probe, step by step, within ``bounds``."""
    language = document.language
    parts: list[ProbePart] = []
    rests = _rests(document)
    for evidence in document.evidence:
        status = evidence.attempt.status.value
        chosen = [
            (index, record)
            for index, record in enumerate(evidence.records)
            if not bounds.essential or record.failure or (evidence.probe, record.step) in rests
        ][: bounds.steps]
        hidden = len(evidence.records) - len(chosen)
        parts.append(
            ProbePart(
                anchor=f"p-{slug(evidence.probe)}",
                title=_title(document, evidence.probe),
                name=evidence.probe,
                version=evidence.version,
                status_id=status,
                status=words.word(words.ATTEMPT, status, language),
                steps=[_step(evidence.probe, index, record, document, bounds) for index, record in chosen],
                more=words.WORDS["more"].say(language, count=number(hidden)) if hidden > 0 else "",
            )
        )
    return parts


def _step(probe: str, index: int, record: Record, document: Document, bounds: Bounds) -> StepPart:
    language = document.language
    leaves = list(flat(record.data))
    lines = [
        Line(label=path, text=limited(text, bounds.text), code=True) for path, text in leaves[: bounds.lines]
    ]
    if len(leaves) > bounds.lines:
        count = number(len(leaves) - bounds.lines)
        lines.append(Line(label="…", text=words.WORDS["more"].say(language, count=count)))
    return StepPart(
        anchor=_anchor(probe, index),
        name=record.step,
        began=moment(record.began),
        seconds=f"{number(round(record.seconds, 3))} s",
        failure=_failure(record, language),
        lines=lines,
        links=[
            Link(label=one[:SHORT], anchor=f"t-{slug(one)}" if one in document.transcripts else "")
            for one in record.transcripts
        ],
    )


def transcripts(document: Document, bounds: Bounds) -> list[TranscriptPart]:
    """Return every transcript: those that a finding points at in full, then others while there is room.

    A transcript beyond the room is still listed with its SHA-256 and says that it isn't printed.
    """
    wanted = dict.fromkeys((*_pointed(document), *document.transcripts))
    room = set([one for one in wanted if one in document.transcripts][: bounds.transcripts])
    return [
        _transcript(identifier, transcript, document.language, bounds, printed=identifier in room)
        for identifier, transcript in document.transcripts.items()
        if identifier in room or not bounds.essential
    ]


def _rests(document: Document) -> set[tuple[str, str]]:
    """Return the steps, by probe and name, that any finding points at."""
    return {
        (pointer.probe, pointer.step)
        for judged in document.assessment.judged
        for finding in judged.findings
        for pointer in (*finding.because, *(one for detail in finding.details for one in detail.because))
    }


def _pointed(document: Document) -> Iterable[str]:
    """Yield the transcripts behind findings, the worst verdict first."""
    steps = {
        Pointer(evidence.probe, record.step): record.transcripts
        for evidence in document.evidence
        for record in evidence.records
    }
    for judged in sorted(document.assessment.judged, key=lambda one: -one.verdict):
        for finding in judged.findings:
            for pointer in (*(p for d in finding.details for p in d.because), *finding.because):
                if pointer.transcript:
                    yield pointer.transcript
                yield from steps.get(Pointer(pointer.probe, pointer.step), ())


def _transcript(
    identifier: str, transcript: Transcript, language: Language, bounds: Bounds, *, printed: bool
) -> TranscriptPart:
    size = sum(len(chunk.data) for chunk in transcript.chunks)
    said, hidden = _conversation(transcript, bounds) if printed else ([], size)
    notes: list[str] = []
    if not printed:
        notes.append(words.WORDS["not_shown"].say(language, id=identifier))
    elif hidden:
        notes.append(words.WORDS["cut"].say(language, count=number(hidden), id=identifier))
    if transcript.dropped:
        notes.append(words.WORDS["dropped"].say(language, count=number(transcript.dropped)))
    return TranscriptPart(
        anchor=f"t-{slug(identifier)}",
        id=identifier,
        short=identifier[:SHORT],
        peer=f"{transcript.local} → {transcript.remote}",
        transport=" / ".join(one for one in (transcript.transport, transcript.tls) if one),
        opened=moment(transcript.opened),
        ended=transcript.ended,
        size=f"{number(size)} {words.WORDS['bytes'].say(language)}",
        said=said,
        note=" ".join(notes),
    )


def _conversation(transcript: Transcript, bounds: Bounds) -> tuple[list[Said], int]:
    """Return the readable chunks and how many bytes were left out."""
    said: list[Said] = []
    room, hidden = bounds.transcript_bytes, 0
    for chunk in transcript.chunks:
        take = min(len(chunk.data), bounds.chunk_bytes, max(room, 0))
        room -= take
        hidden += len(chunk.data) - take
        if take or not chunk.data:
            said.append(
                Said(
                    at=f"{chunk.at:.3f} s",
                    way="sent" if chunk.way == ">" else "received",
                    text="\n".join(readable(chunk.data[:take])),
                )
            )
    return said, hidden


def provenance(document: Document, labels: Mapping[str, Text]) -> list[Line]:
    """Return who took the evidence, where and with what; the record shows its id and instruments already."""
    return [
        Line(label=words.word(dict(labels), key, document.language), text=value)
        for key, value in document.provenance.items()
        if key not in {"id", "instruments"}
    ]
