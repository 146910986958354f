"""The user's mapping of a draft onto the ministry's own form: which field goes into which cell, in whose codes.

The codes of the forms could not be obtained, so none is shipped: the user fills them in from the current form.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

import msgspec

from sekisho.errors import DescriptionError
from sekisho.formats.office_form import Target
from sekisho.language import Text
from sekisho.model.draft import Draft, Known

_PART = re.compile(r"\{([^{}]+)\}")


class FormRows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the form: each row of the draft's table goes into a row of the sheet; ``columns``: letter → text."""

    sheet: str
    first_row: int
    columns: dict[str, str]
    most: int = 0


class FormMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file.

    :ivar cells: places with texts in which ``{field}`` stands for the draft's value
    :ivar codes: field → (the operator's own word → the form's code); a field that has codes takes nothing else
    """

    cells: tuple[Target, ...] = ()
    rows: tuple[FormRows, ...] = ()
    codes: dict[str, dict[str, str]] = {}


def read_mapping(text: str) -> FormMapping:
    """Return the mapping. :raises DescriptionError: no TOML, or a wrong field."""
    try:
        return msgspec.convert(tomllib.loads(text), FormMapping)
    except (ValueError, RecursionError) as error:
        raise DescriptionError(Text(ja="対応表の誤り", en="the mapping is wrong"), str(error)) from error


def targets(draft: Draft, mapping: FormMapping) -> Iterator[Target]:
    """Yield what goes where; a field that nobody has filled yet leaves its place empty.

    :raises DescriptionError: a field that the draft lacks, a word without a code, more rows than the form has
    """
    values = {one.id: "" if one.known is Known.MISSING else one.value for one in draft.fields}
    values |= {"subject": draft.subject, "operator": draft.operator, "form": draft.form}
    for one in mapping.cells:
        text = _filled(one.text, values, mapping)
        if text:
            yield msgspec.structs.replace(one, text=text)
    for rows in mapping.rows:
        yield from _table(draft, rows, mapping)


def _table(draft: Draft, rows: FormRows, mapping: FormMapping) -> Iterator[Target]:
    sheet = next((one for one in draft.sheets if one.columns), None)
    found = sheet.rows if sheet else ()
    if rows.most and len(found) > rows.most:
        raise DescriptionError(
            Text(ja="様式の行が足りない", en="the form has too few rows"),
            f"{rows.sheet}: {len(found)} > {rows.most}",
        )
    for number, row in enumerate(found):
        values = dict(zip(sheet.columns if sheet else (), row, strict=True))
        blank = {name: "" if value == "▲" else value for name, value in values.items()}
        for column, template in rows.columns.items():
            text = _filled(template, blank, mapping)
            if text:
                yield Target(text, rows.sheet, f"{column}{rows.first_row + number}")


def _filled(template: str, values: Mapping[str, str], mapping: FormMapping) -> str:
    def value(part: re.Match[str]) -> str:
        name = part[1]
        if name not in values:
            raise DescriptionError(
                Text(ja="下書きにない項目", en="the draft has no such field"), f"{name} ({', '.join(values)})"
            )
        told, codes = values[name], mapping.codes.get(name)
        if codes is None or not told:
            return told
        if told not in codes:
            raise DescriptionError(
                Text(ja="対応表に符号がない", en="the mapping has no code for it"), f"[codes.{name}] {told}"
            )
        return codes[told]

    return _PART.sub(value, template)
