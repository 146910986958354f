"""Fixed prefixes as CSV: lines that hold an address or prefix for long.

Question:
    Which line holds which fixed prefix?
How:
    As `csv_assignments`; begin and end may be missing: held until another table says otherwise.
Evidence:
    Network, account, begin and end where they are given.
Limits:
    A prefix without a begin counts for all time, also before the line was opened: give ``begin`` when you have it.
    Prefixes with bits set beyond their length are rejected (``host-bits``), since nobody can say which of two was meant.
Source:
    RFC 4180 for the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import pyarrow as pa

from sekisho.formats.assignment_csv import OPTIONS, csv_batches, header_roles
from sekisho.language import Text
from sekisho.ports.flows import Options, Tally


class StaticPrefixes:
    """Reader of tables of fixed prefixes."""

    name = "static_prefixes"
    title = Text(ja="固定アドレスの表（CSV）", en="fixed prefixes (CSV)")
    options: Mapping[str, Text] = OPTIONS

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content tells
        """Say whether the header has network and account and neither ports nor times."""
        _, roles = header_roles(head.split(b"\n", 1)[0].decode("ascii", "replace").strip(), {})
        return {"network", "account"} <= set(roles) and not {"begin", "port_begin", "time"} & set(roles)

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield batches of statements."""
        yield from csv_batches(source, tally, options, self.name, needed=("network", "account"), live=False)


READER = StaticPrefixes()
