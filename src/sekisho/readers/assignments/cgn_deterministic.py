"""A deterministic carrier-grade NAT: blocks that are computed, so that there is no log to read.

Question:
    Which inside address has which ports of which outside address?
How:
    A TOML file states each pool: inside prefix, outside prefix, first and last port, ports per line, order, and since
    when (``begin``, ``end``). Blocks are computed from it. ``order = "address-first"`` fills the blocks of one outside
    address before it goes on to the next; ``"block-first"`` gives the first block of every outside address before the
    second of any.
Evidence:
    Outside address, ports, inside address.
Limits:
    These two orders only; other algorithms (random by a key, makers' own) are rejected. An inside prefix with more
    addresses than the outside has blocks is rejected: nobody can say what such a NAT does.
Source:
    RFC 7422 (deterministic mapping, in place of logs). The parameters are this file's own: state what your NAT does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from ipaddress import IPv4Network, ip_network
from typing import Any, BinaryIO, Literal

import msgspec
import numpy as np
import pyarrow as pa

from sekisho.errors import ReadingError
from sekisho.formats.assignment_rows import CLOSED, FIXED, INSIDE, batch_of_columns, mixed, name_number
from sekisho.language import Text
from sekisho.ports.flows import Options, Tally

_MOST = 1 << 20
_MOST_LINES = 1 << 22  # as many as 100.64.0.0/10 has (RFC 6598)


class _Pool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    inside: str
    outside: str
    ports_per_line: int
    order: Literal["address-first", "block-first"]
    begin: datetime
    end: datetime | None = None
    first_port: int = 1024
    last_port: int = 65_535


class CgnDeterministic:
    """Reader of the parameters of a deterministic CGN."""

    name = "cgn_deterministic"
    title = Text(
        ja="決定的 CGN の設定（記録なしで計算）", en="parameters of a deterministic CGN (computed, no log)"
    )
    options: Mapping[str, Text] = {}

    def detect(self, head: bytes, name: str) -> bool:
        """Say whether it is TOML with pools."""
        return name.endswith(".toml") and b"[[pool]]" in head and b"ports_per_line" in head

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield batches of statements."""
        name = str(options.get("source") or self.name)
        try:
            content = tomllib.loads(source.read(_MOST).decode("utf-8"))
            pools = msgspec.convert(content.get("pool"), list[_Pool])
            for number, pool in enumerate(pools, 1):
                batch = _blocks(pool, name, number)
                tally.good(batch.num_rows)
                yield batch
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError, ValueError) as error:
            raise ReadingError(
                Text(ja="決定的 CGN の設定に誤りがある", en="the parameters of the CGN are wrong"),
                f"{name}: {error}",
            ) from error


def _blocks(pool: _Pool, name: str, number: int) -> pa.RecordBatch:
    inside, outside = ip_network(pool.inside), ip_network(pool.outside)
    if not isinstance(inside, IPv4Network) or not isinstance(outside, IPv4Network):
        raise ValueError("IPv4 only")  # noqa: TRY004 - told as a fault of the file
    if not 0 < pool.first_port <= pool.last_port <= 65_535 or pool.ports_per_line < 1:  # noqa: PLR2004 - ports
        raise ValueError(f"ports {pool.first_port}-{pool.last_port} / {pool.ports_per_line}")
    if pool.begin.tzinfo is None or (
        pool.end is not None and (pool.end.tzinfo is None or pool.end <= pool.begin)
    ):
        raise ValueError("begin and end need an offset from UTC, and the end comes after the begin")
    per_address = (pool.last_port - pool.first_port + 1) // pool.ports_per_line
    lines = inside.num_addresses
    if lines > _MOST_LINES:
        raise ValueError(f"{lines} inside addresses, at most {_MOST_LINES} in a pool")
    if lines > per_address * outside.num_addresses:
        raise ValueError(f"{lines} inside addresses, {per_address} x {outside.num_addresses} blocks")
    rows = np.arange(lines)
    if pool.order == "address-first":
        address, block = rows // per_address, rows % per_address
    else:
        address, block = rows % outside.num_addresses, rows // outside.num_addresses
    first = pool.first_port + block * pool.ports_per_line
    octets = np.zeros((lines, 16), np.uint8)
    octets[:, 10:12] = 255
    octets[:, 12:] = (int(outside.network_address) + address).astype(">u4").view(np.uint8).reshape(-1, 4)
    begin = int(pool.begin.timestamp() * 1000)
    end = int(pool.end.timestamp() * 1000) if pool.end else 0
    scope = name_number("cgn_deterministic", pool.outside)
    columns: dict[str, Any] = {
        "network": octets, "length": np.full(lines, 128, np.uint8), "portBegin": first.astype(np.uint16),
        "portEnd": (first + pool.ports_per_line - 1).astype(np.uint16), "begin": np.full(lines, begin),
        "end": np.full(lines, end), "seen": np.full(lines, end or begin),
        "state": np.full(lines, CLOSED if end else FIXED, np.uint8), "account": [f"{INSIDE}{one}" for one in inside],
        "session": mixed(address, first, rows, np.full(lines, scope), np.full(lines, begin)),
        "scope": np.full(lines, scope), "source": [name] * lines, "line": np.full(lines, number),
    }  # fmt: skip
    return batch_of_columns(columns)


READER = CgnDeterministic()
