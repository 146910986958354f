"""FLOW batches as plain tuples, for comparing with what was meant."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pyarrow as pa

from fakes.tally import Counts
from sekisho.model.tables import completed


def plain(batches: Iterable[pa.RecordBatch]) -> list[tuple[Any, ...]]:
    """Return rows as (start, end, source, destination, ports, protocol, TCP flags, packets, octets), sorted."""
    out = []
    for batch in batches:
        batch.validate(full=True)
        for row in completed(batch).to_pylist():
            four = row["ipVersion"] == 4
            family, make = ("IPv4", IPv4Address) if four else ("IPv6", IPv6Address)
            out.append(
                (
                    row["flowStartMilliseconds"], row["flowEndMilliseconds"],
                    str(make(row[f"source{family}Address"])), str(make(row[f"destination{family}Address"])),
                    row["sourceTransportPort"], row["destinationTransportPort"], row["protocolIdentifier"],
                    row["tcpControlBits"], row["packetDeltaCount"], row["octetDeltaCount"],
                )
            )  # fmt: skip
    return sorted(out)


def read(name: str, content: bytes, **options: Any) -> tuple[list[pa.RecordBatch], Counts]:
    """Read ``content`` with the reader called ``name``; the tally agrees with the batches."""
    tally = Counts()
    reader = importlib.import_module(f"sekisho.readers.{name}").READER
    assert set(options) <= set(reader.options)
    batches = list(reader.read(io.BytesIO(content), tally, options))
    assert tally.rows == sum(batch.num_rows for batch in batches)
    return batches, tally
