"""Draft the documents of an accident in every form, and fill the ministry's own form by the user's mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from pathlib import Path

from sekisho.catalogues.accidents import document_rules
from sekisho.errors import DescriptionError, ReadingError
from sekisho.formats.form_mapping import read_mapping, targets
from sekisho.formats.office_form import fill
from sekisho.language import Language, Text
from sekisho.model.draft import Draft, Kind
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import About
from sekisho.reports.accidents.case import Case
from sekisho.reports.accidents.compose import compose_all, compose_periodic
from sekisho.reports.accidents.docx import docx
from sekisho.reports.accidents.json import json
from sekisho.reports.accidents.pdf import pdf
from sekisho.reports.accidents.xlsx import xlsx

_LARGEST = 64_000_000
#: The forms, with their media types.
FORMATS: Mapping[str, tuple[Callable[[Draft, tzinfo], bytes], str]] = {
    "docx": (docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "xlsx": (xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pdf": (pdf, "application/pdf"),
    "json": (lambda draft, _zone: json(draft), "application/json"),
}


def draft(
    kind: Kind, about: About, ruling: Ruling, language: Language, zone: tzinfo, duty: str = ""
) -> Draft:
    """Return one draft of an accident; of the detailed report that of the duty ``duty``, or the first.

    :raises DescriptionError: the accident has no such duty
    """
    made = drafts(kind, about, ruling, language, zone)
    found = next((one for one in made if duty in ("", one.duty)), None)
    if found is None:
        raise DescriptionError(
            Text(ja="その義務はない", en="there is no such duty"),
            f"{duty} ({', '.join(one.duty for one in made)})",
        )
    return found


def drafts(kind: Kind, about: About, ruling: Ruling, language: Language, zone: tzinfo) -> tuple[Draft, ...]:
    """Return the drafts of one accident: of the detailed report one for each duty."""
    return compose_all(kind, Case(about, ruling, document_rules(), language, zone))


def draft_periodic(every: list[tuple[About, Ruling]], language: Language, zone: tzinfo) -> Draft:
    """Return the table of the periodic report.

    :raises DescriptionError: the accidents belong in reports of different periods
    """
    periods = {(ruling.periodic.first, ruling.periodic.last) for _, ruling in every}
    if len(periods) != 1:
        raise DescriptionError(
            Text(ja="対象期間の違う事故がある", en="the accidents are of different periods"),
            ", ".join(f"{first}–{last}" for first, last in sorted(periods)),
        )
    rules = document_rules()
    return compose_periodic([Case(about, ruling, rules, language, zone) for about, ruling in every])


def render(draft: Draft, form: str, zone: tzinfo) -> bytes:
    """Return the draft as ``docx``, ``xlsx``, ``pdf`` or ``json``."""
    return FORMATS[form][0](draft, zone)


def fill_form(draft: Draft, form: Path, mapping: Path) -> bytes:
    """Return the ministry's form with the draft's fields in it; nothing else of it changes.

    :raises DescriptionError: the mapping or the form is wrong
    """
    with form.open("rb") as open_:
        data = open_.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ReadingError(
            Text(ja="ファイルが大きすぎる（64 MBまで）", en="too large (64 MB at most)"), str(form)
        )
    return filled(draft, data, mapping.read_bytes(), str(mapping))


def filled(draft: Draft, form: bytes, mapping: bytes, where: str = "") -> bytes:
    """Return the octets of a form filled by the octets of a mapping; ``where`` is the mapping's name for messages.

    :raises ReadingError: the mapping isn't in UTF-8
    :raises DescriptionError: the mapping or the form is wrong
    """
    try:
        known = read_mapping(mapping.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ReadingError(
            Text(ja="文字コードが読めない", en="not in a known encoding"), f"{where}: {error.reason}"
        ) from error
    return fill(form, targets(draft, known))
