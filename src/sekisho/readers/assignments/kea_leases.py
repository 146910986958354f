"""Leases of Kea's memfile, IPv4 and IPv6, prefix delegation too.

Question:
    Which client had which address or delegated prefix?
How:
    The file is CSV that Kea only appends to; each line is what Kea knew of a lease after a change. A lease began with
    the last word of its client (expire less valid_lifetime) and is a promise until expire: the next line about the
    same address ends it. The account is client_id, hwaddr or duid (option ``account``).
Evidence:
    Address or prefix, begin, promised end, account.
Limits:
    A line with valid_lifetime 0 or state 1 or 2 says that the lease is gone, but not since when: it is counted
    (``lease-gone``) and the lease counts until its promise or the next lease. Declined addresses are nobody's.
Source:
    Kea Administrator Reference Manual, memfile lease back end; columns as a real server wrote them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.errors import ReadingError
from sekisho.formats.assignment_csv import ACCOUNT, LENGTH, NETWORK, Table
from sekisho.formats.assignment_rows import EARLIEST, LATEST, LEASED
from sekisho.formats.text_columns import whole_numbers
from sekisho.formats.text_lines import Block, Rejecting, line_blocks, table
from sekisho.formats.whole_lines import WholeLines
from sekisho.language import Text
from sekisho.ports.flows import Options, Tally

_NEEDED = ("address", "valid_lifetime", "expire", "state")
_OWNERS = ("client_id", "duid", "hwaddr")


class KeaLeases:
    """Reader of Kea's memfile."""

    name = "kea_leases"
    title = Text(ja="Kea のリースファイル（memfile CSV）", en="leases of Kea (memfile CSV)")
    options: Mapping[str, Text] = {
        "account": Text(
            ja=f"回線の識別に使う列（{'、'.join(_OWNERS)}。既定はこの順）",
            en=f"which column names the line ({', '.join(_OWNERS)}; default: the first there)",
        ),
        "server": Text(
            ja="サーバーの名前（複数台あるとき）", en="the server's name (when there are several)"
        ),
    }

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content tells
        """Say whether the first line is the header of a memfile."""
        names = head.split(b"\n", 1)[0].decode("ascii", "replace").strip().split(",")
        return set(_NEEDED) <= set(names) and bool(set(_OWNERS) & set(names))

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield batches of statements."""
        rejecting, lines = Rejecting(tally.reject), WholeLines(source)
        name, names = str(options.get("source") or self.name), list[str]()
        for block in line_blocks(cast("BinaryIO", lines), tally.reject):
            text = block
            if not names:
                names = block.text.split(b"\n", 1)[0].decode("ascii").strip().split(",")
                if missing := [one for one in _NEEDED if one not in names]:
                    raise ReadingError(
                        Text(ja="Kea のリースファイルではない", en="no lease file of Kea"), ", ".join(missing)
                    )
                text = Block(block.first + 1, block.text[block.text.index(b"\n") + 1 :])
            if text.text.strip():
                found, where = table(text, names, ",", rejecting, quoted=False, nulls=("",))
                if len(where):
                    batch = _statements(found, where, rejecting, tally, name, options)
                    tally.good(batch.num_rows)
                    yield batch
        if lines.half:
            tally.note("half-line-left-for-next-run")


def _statements(
    found: dict[str, pa.Array],
    lines: np.ndarray,
    rejecting: Rejecting,
    tally: Tally,
    name: str,
    options: Options,
) -> pa.RecordBatch:
    account = str(options.get("account") or "")
    owners = [found[one] for one in ((account,) if account else _OWNERS) if one in found]
    columns = {
        NETWORK: found["address"],
        ACCOUNT: pc.coalesce(*owners) if owners else pa.nulls(len(lines), pa.string()),
    }
    if "prefix_len" in found:
        columns[LENGTH] = found["prefix_len"]
    rows = Table(columns, lines)
    valid, good = whole_numbers(found["valid_lifetime"])
    expire, fine = whole_numbers(found["expire"])
    state, sane = whole_numbers(found["state"])
    rows.bad["time"] = ~good | ~fine | ~sane
    gone = ~rows.bad["time"] & ((valid == 0) | (state != 0))
    valid, expire = np.minimum(valid, 1 << 33), np.minimum(expire, 1 << 34)
    begin, end = (expire - valid) * 1000, expire * 1000
    rows.bad["impossible-time"] = ~gone & ((begin < EARLIEST) | (end > LATEST + (1 << 32) * 1000))
    if gone.any():
        tally.note("lease-gone", int(gone.sum()))
        keep = pa.array(np.flatnonzero(~gone))
        rows = Table({role: column.take(keep) for role, column in columns.items()}, lines[~gone])
        rows.bad = {
            "time": (~good | ~fine | ~sane)[~gone],
            "impossible-time": ((begin < EARLIEST) | (end > LATEST + (1 << 32) * 1000))[~gone],
        }
        begin, end = begin[~gone], end[~gone]
    states = np.full(len(begin), LEASED)
    return rows.batch(
        name,
        rejecting,
        states,
        (begin, end, begin),
        by_begin=True,
        scope=f"kea_leases:{options.get('server') or ''}",
    )


READER = KeaLeases()
