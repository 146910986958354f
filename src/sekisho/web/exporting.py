"""Tables as files: exactly what a page shows, with its filter and time inside."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sekisho.formats.formula_cells import harmless

PLAIN = "csv"


def _csv(head: Sequence[str], rows: list[Sequence[Any]], told: Mapping[str, str]) -> tuple[bytes, str]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    writer.writerow([])
    writer.writerows([f"# {name}", _harmless(value)] for name, value in told.items())
    return out.getvalue().encode("utf-8-sig"), "text/csv"


def _harmless(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) else value


def _json(head: Sequence[str], rows: list[Sequence[Any]], told: Mapping[str, str]) -> tuple[bytes, str]:
    listed = [dict(zip(head, row, strict=True)) for row in rows]
    return msgspec.json.encode({"filter": dict(told), "rows": listed}), "application/json"


def _xlsx(head: Sequence[str], rows: list[Sequence[Any]], told: Mapping[str, str]) -> tuple[bytes, str]:
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, head, bold)
        for place, row in enumerate(rows, 1):
            sheet.write_row(
                place, 0, [value if isinstance(value, int | float | str) else "" for value in row]
            )
        sheet.freeze_panes(1, 0)
        sheet.autofit()
        filtered = book.add_worksheet("filter")
        for place, (name, value) in enumerate(told.items()):
            filtered.write_row(place, 0, [name, value])
    return out.getvalue(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _parquet(head: Sequence[str], rows: list[Sequence[Any]], told: Mapping[str, str]) -> tuple[bytes, str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = list(zip(*rows, strict=True)) if rows else [() for _ in head]
    table = pa.table({name: pa.array(list(column)) for name, column in zip(head, columns, strict=True)})
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(dict(told)), out)
    return out.getvalue(), "application/vnd.apache.parquet"


Maker = Callable[[Sequence[str], list[Sequence[Any]], Mapping[str, str]], tuple[bytes, str]]
FORMATS: Mapping[str, Maker] = {"csv": _csv, "json": _json, "xlsx": _xlsx, "parquet": _parquet}
