"""Port blocks of a carrier-grade NAT as CSV: intervals, or events of allocation and release.

Question:
    Which line (or inside address) had which ports of which outside address?
How:
    Roles: network (the outside address), port_begin, port_end, account or inside, and either begin and end, or time
    and event (``allocated`` and ``released``; the options of these names say what your log calls them). An inside
    address is looked up once more among the assignments.
Evidence:
    Outside address, ports, inside address or account, times.
Limits:
    Makers' logs differ, and none is built in: map the headings of yours. A release without an allocation names nobody.
    Ports beyond 65,535 are rejected. A last line without a newline waits for the next run.
Source:
    RFC 6888 section 4 (what a CGN should log); RFC 4180 for the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import pyarrow as pa

from sekisho.formats.assignment_csv import OPTIONS, csv_batches, header_roles
from sekisho.language import Text
from sekisho.ports.flows import Options, Tally


class CgnBlocks:
    """Reader of port blocks as CSV."""

    name = "cgn_blocks"
    title = Text(ja="CGN のポートブロックの記録（CSV）", en="port blocks of a CGN (CSV)")
    options: Mapping[str, Text] = OPTIONS

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content tells
        """Say whether the header has a network and ports."""
        _, roles = header_roles(head.split(b"\n", 1)[0].decode("ascii", "replace").strip(), {})
        return {"network", "port_begin", "port_end"} <= set(roles)

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield batches of statements."""
        needed = ("network", "port_begin", "port_end", "account|inside", "begin|time")
        yield from csv_batches(source, tally, options, self.name, needed=needed, live=True)


READER = CgnBlocks()
