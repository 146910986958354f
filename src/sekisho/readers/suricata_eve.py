"""Suricata's EVE log: the flow and netflow events of eve.json.

Question:
    Which flows did a Suricata sensor log?
How:
    The lines of the two kinds of events are chosen by a pattern and read by Arrow's reader of JSON; other events are
    counted. A flow event gives two rows, one per direction with packets; a netflow event is one direction already.
Evidence:
    Start, end, addresses, ports, protocol, packets, octets, TCP flags of each direction.
Limits:
    Suricata counts octets with the link layer's header, so they are above the other readers' by some 14 a packet.
    Both directions carry the flow's start and end. Sampling is unknown.
Source:
    Suricata's documentation "Eve JSON Format" (event types flow and netflow).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.errors import ReadingError
from sekisho.formats.json_lines import NUMBER, TEXT, Wanted, json_columns
from sekisho.formats.local_time import moments
from sekisho.formats.text_columns import hexadecimal, mapped, protocols, whole_numbers
from sekisho.formats.text_lines import Block, Rejecting, line_blocks, matching
from sekisho.formats.two_way import TwoWay
from sekisho.language import Text
from sekisho.model.tables import batch_of
from sekisho.ports.flows import Options, Tally

Array = npt.NDArray[Any]
_COMMON: Wanted = {
    "event": (("event_type",), TEXT),
    "source": (("src_ip",), TEXT),
    "destination": (("dest_ip",), TEXT),
    "sport": (("src_port",), NUMBER),
    "dport": (("dest_port",), NUMBER),
    "proto": (("proto",), TEXT),
}
_FLOW: Wanted = {
    **_COMMON,
    "start": (("flow", "start"), TEXT),
    "end": (("flow", "end"), TEXT),
    "packets": (("flow", "pkts_toserver"), NUMBER),
    "octets": (("flow", "bytes_toserver"), NUMBER),
    "flags": (("tcp", "tcp_flags_ts"), TEXT),
    "back_packets": (("flow", "pkts_toclient"), NUMBER),
    "back_octets": (("flow", "bytes_toclient"), NUMBER),
    "back_flags": (("tcp", "tcp_flags_tc"), TEXT),
}
_NETFLOW: Wanted = {
    **_COMMON,
    "start": (("netflow", "start"), TEXT),
    "end": (("netflow", "end"), TEXT),
    "packets": (("netflow", "pkts"), NUMBER),
    "octets": (("netflow", "bytes"), NUMBER),
    "flags": (("tcp", "tcp_flags"), TEXT),
}
_KINDS = {"flow": _FLOW, "netflow": _NETFLOW}


class SuricataEve:
    """Reader of eve.json."""

    name = "suricata_eve"
    title = Text(ja="Suricata の EVE（flow、netflow）", en="Suricata's EVE log (flow, netflow)")
    options: Mapping[str, Text] = {
        "exporter": Text(
            ja="exporter 列の値：どのルーターのものか（既定は読み手の名）",
            en="what stands in the column exporter: whose flows they are (default: the reader's name)",
        )
    }

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content tells
        """Say whether the first line of ``head`` is an object of JSON with an event type."""
        first = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
        return first.startswith(b"{") and b'"event_type"' in first and b'"timestamp"' in first

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield FLOW batches, each of one address family."""
        rejecting = Rejecting(tally.reject)
        exporter = str(options.get("exporter") or self.name)
        objects = 0
        for block in line_blocks(source, tally.reject):
            whole = len(matching(block, r"^\s*\{.*\}\s*$")[1])
            objects += whole
            rejecting.rows("line", matching(block, r"^\s*([^\s{]|\{.*[^\s}]\s*$)")[1])
            for records in _records(block, rejecting):
                whole -= len(records.lines)
                for columns in records.rows(rejecting):
                    batch = batch_of(columns, exporter)
                    tally.good(batch.num_rows)
                    yield batch
            if whole > 0:
                tally.note("other-events", whole)
        if not objects:
            raise ReadingError(
                Text(ja="EVE の JSON が一行もない", en="not one line of EVE's JSON"),
                "line 1",
                Text(ja="Suricata の eve.json を渡す", en="give Suricata's eve.json"),
            )


def _records(block: Block, rejecting: Rejecting) -> Iterator[TwoWay]:
    for kind, wanted in _KINDS.items():
        pattern = rf'^\s*\{{.*"event_type"\s*:\s*"{kind}".*\}}\s*$'
        columns, lines = json_columns(block, pattern, wanted, rejecting)
        if not len(lines):
            continue
        # The pattern may have met a text inside another event.
        right = pc.fill_null(pc.equal(columns["event"], kind), False)
        if not pc.all(right).as_py():
            columns = {name: column.filter(right) for name, column in columns.items()}
            lines = lines[np.asarray(right)]
        if len(lines):
            yield _two_way(columns, lines)


def _two_way(columns: dict[str, pa.Array], lines: Array) -> TwoWay:
    bad: dict[str, Array] = {}

    def number(name: str) -> Array:
        values, good = whole_numbers(columns[name])
        bad[name] = ~good
        return values

    start, good, untold = moments(columns["start"], "")
    bad["start"] = ~good
    end, good, untold_end = moments(columns["end"], "")
    bad["end"] = ~good & np.asarray(columns["end"].is_valid())
    bad["no-time-zone"] = untold | untold_end
    protocol, good = protocols(columns["proto"])
    bad["proto"] = ~good
    backward = None
    if "back_packets" in columns:
        back_flags = mapped(columns["back_flags"], hexadecimal).astype(np.uint8)
        backward = number("back_packets"), number("back_octets"), back_flags
    return TwoWay(
        lines, start, end, columns["source"], columns["destination"], (number("sport"), number("dport")), protocol,
        number("packets"), number("octets"), mapped(columns["flags"], hexadecimal).astype(np.uint8), backward, bad=bad,
    )  # fmt: skip


READER = SuricataEve()
