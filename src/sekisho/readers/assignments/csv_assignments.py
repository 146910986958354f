"""Assignments as CSV, with any headings.

Question:
    Who had which address or prefix, from when to when, by a table that somebody exported?
How:
    The header names the roles (network, account, begin, end, port_begin, port_end, or time and event), or the options
    say which heading stands for which role; columns are parsed at once.
Evidence:
    Network, ports, begin, end, account.
Limits:
    Times without a zone are rejected unless the option ``zone`` names it, and so are times that a change of clocks
    makes twice. An empty end is "still so". A last line without a newline waits for the next run (``whole=1`` takes it).
Source:
    RFC 4180 for the table; ISO 8601 and epoch numbers for times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import pyarrow as pa

from sekisho.formats.assignment_csv import OPTIONS, csv_batches, header_roles
from sekisho.language import Text
from sekisho.ports.flows import Options, Tally


class CsvAssignments:
    """Reader of assignments as CSV."""

    name = "csv_assignments"
    title = Text(ja="割当の表（CSV、列名の対応付き）", en="assignments as CSV, with a mapping of headings")
    options: Mapping[str, Text] = OPTIONS

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content tells
        """Say whether the header has network, account and begin, and no ports."""
        _, roles = header_roles(head.split(b"\n", 1)[0].decode("ascii", "replace").strip(), {})
        return {"network", "account", "begin"} <= set(roles) and "port_begin" not in roles

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield batches of statements."""
        needed = ("network", "account|inside", "begin|time")
        yield from csv_batches(source, tally, options, self.name, needed=needed, live=True)


READER = CsvAssignments()
