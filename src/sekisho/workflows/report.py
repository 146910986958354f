"""Report: an assessment and its evidence into documents, listed in the evidence chain."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from sekisho.catalogues import sources
from sekisho.errors import RenderError
from sekisho.language import Language, Text
from sekisho.model.assessment import Assessment
from sekisho.model.evidence import Evidence, Transcript
from sekisho.model.requirement import Catalogue
from sekisho.model.terminal import Code, Terminal
from sekisho.ports import Criterion, Document, Event, EvidenceStore, Probe, Renderer


def document(
    store: EvidenceStore,
    assessment: Assessment,
    terminal: Terminal,
    catalogues: Sequence[Catalogue],
    evidence: tuple[Evidence, ...],
    units: tuple[Mapping[str, Criterion], Mapping[str, Probe]],
    *,
    made_at: datetime,
    previous: Assessment | None = None,
) -> Document:
    """Look up all that a renderer needs; secrets of the description are left out."""
    events = tuple(store.events())
    wanted = {name for one in evidence for record in one.records for name in record.transcripts}
    return Document(
        assessment=assessment,
        terminal=without_secrets(terminal),
        catalogues=tuple(catalogues),
        criteria=units[0],
        probes=units[1],
        evidence=evidence,
        transcripts={
            name: msgspec.msgpack.decode(store.read(name), type=Transcript) for name in sorted(wanted)
        },
        provenance={
            key: str(value) for key, value in _body(events, "opened").items() if not isinstance(value, dict)
        },
        authorisation=_body(events, "authorisation"),
        chain_head=store.head,
        made_at=made_at.isoformat(timespec="seconds"),
        language=Language.JA,
        previous=previous,
        sources=sources(),
    )


def without_secrets(terminal: Terminal) -> Terminal:
    """Return the description with every code's password and label code replaced by a mark."""

    def hide(code: Code | None) -> Code | None:
        return code and Code(code.user, "«secret»" if code.password else "")

    return msgspec.structs.replace(
        terminal,
        units=tuple(
            msgspec.structs.replace(unit, code="«secret»" if unit.code else "") for unit in terminal.units
        ),
        logins=tuple(
            msgspec.structs.replace(
                login, preset=hide(login.preset), current=hide(login.current), low=hide(login.low)
            )
            for login in terminal.logins
        ),
    )


def report(
    shown: Document,
    renderers: Iterable[Renderer],
    languages: Sequence[Language],
    folder: Path,
) -> tuple[Path, ...]:
    """Render into ``folder`` (new for each judgement, so that no report is ever painted over)."""
    folder.mkdir(parents=True, exist_ok=False, mode=0o700)
    written = []
    for renderer in renderers:
        for language in languages if renderer.by_language else languages[:1]:
            middle = f".{language.value}" if renderer.by_language else ""
            target = folder / f"report{middle}{renderer.suffix}"
            try:
                content = renderer.render(msgspec.structs.replace(shown, language=language))
                part = target.with_name(target.name + ".part")
                with part.open("wb") as file:
                    file.write(content)
                    os.fsync(file.fileno())
                part.rename(target)
            except OSError as error:
                raise RenderError(
                    Text(ja="報告書が書けない", en="the report can't be written"),
                    f"{target}: {error.strerror}",
                ) from error
            written.append(target)
    return tuple(written)


def latest(store: EvidenceStore) -> Assessment | None:
    """Return the last judgement of a folder, or None."""
    judged = [event for event in store.events() if event.kind == "judged"]
    if not judged:
        return None
    return msgspec.json.decode(store.read(str(judged[-1].body["assessment"])), type=Assessment)


def _body(events: Iterable[Event], kind: str) -> dict[str, object]:
    return next((dict(event.body) for event in events if event.kind == kind), {})
