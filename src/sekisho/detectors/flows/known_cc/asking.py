"""The look back: which stored rows may touch a list, as portable SQL with the list in side tables.

The answer holds every row that touches the list and perhaps others (whole /24 networks for prefixes; no port, no
validity): `Watchlist.match` decides afterwards, so that both ways of looking judge alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any

import pyarrow as pa

from sekisho.formats.flow_queries import IN_WINDOW
from sekisho.model.detection import Window
from sekisho.model.indicator import Indicator
from sekisho.model.tables import WATCHED, completed
from sekisho.ports.flows import Query, Tables

_ENDS = ((1, "destination"), (2, "source"))
_RANGES = 200  # IPv6 prefixes in one question
_BLOCK = 24
_SELECT = ", ".join(f'"{name}"' for name in WATCHED.names)


class Asking:
    """The side tables of one list, made once, and the questions with them."""

    def __init__(self, indicators: Iterable[Indicator]) -> None:
        nets = {one.net for one in indicators}
        four = sorted(net for net in nets if isinstance(net, IPv4Network))
        six = sorted(net for net in nets if isinstance(net, IPv6Network))
        single = [int(net.network_address) for net in four if net.prefixlen == net.max_prefixlen]
        self._tables: dict[str, pa.Table] = {}
        if single:
            self._tables["LIST4"] = pa.table({"address": pa.array(single, pa.uint32())})
        if blocks := sorted(
            {block for net in four if net.prefixlen < net.max_prefixlen for block in _blocks(net)}
        ):
            self._tables["BLOCKS4"] = pa.table({"block": pa.array(blocks, pa.int64())})
        if hosts := [net.network_address.packed for net in six if net.prefixlen == net.max_prefixlen]:
            self._tables["LIST6"] = pa.table({"address": pa.array(hosts, pa.binary())})
        wide = list(collapse_addresses(net for net in six if net.prefixlen < net.max_prefixlen))
        self._wide = [wide[at : at + _RANGES] for at in range(0, len(wide), _RANGES)]

    def rows(self, tables: Tables, window: Window) -> Iterator[pa.RecordBatch]:
        """Yield WATCHED batches; each row comes once."""
        for query in self._queries(window):
            for batch in tables.ask(query).to_batches(max_chunksize=1 << 18):
                yield _watched(batch)

    def _queries(self, window: Window) -> Iterator[Query]:
        times = {"begin": window.begin, "end": window.end}
        for name, column, table in (("LIST4", "address", "IPv4"), ("LIST6", "address", "IPv6")):
            if name in self._tables:
                test = f'"{{end}}{table}Address" IN (SELECT "{column}" FROM "{name}")'
                yield self._query(f"known-cc-{name.lower()}", test, times, name)
        # What a single address already brought is left out of the others: each row comes once.
        if "BLOCKS4" in self._tables:
            test = 'CAST(FLOOR("{end}IPv4Address" / 256) AS BIGINT) IN (SELECT "block" FROM "BLOCKS4")'
            test += self._not_in("IPv4", "LIST4")
            yield self._query("known-cc-blocks4", test, times, "BLOCKS4", "LIST4")
        for part in self._wide:
            bounds: dict[str, Any] = {}
            for at, net in enumerate(part):
                bounds |= {
                    f"first{at}": net.network_address.packed,
                    f"last{at}": net.broadcast_address.packed,
                }
            column = '"{end}IPv6Address"'
            test = " OR ".join(
                f"({column} >= $first{at} AND {column} <= $last{at})" for at in range(len(part))
            )
            test = f"({test})" + self._not_in("IPv6", "LIST6")
            yield self._query("known-cc-ranges6", test, times | bounds, "LIST6")

    def _not_in(self, family: str, name: str) -> str:
        column = f'"{{end}}{family}Address"'
        return f' AND NOT ({column} IN (SELECT "address" FROM "{name}"))' if name in self._tables else ""

    def _query(self, name: str, test: str, parameters: dict[str, Any], *tables: str) -> Query:
        # Two semi-joins put together are several times faster than one with OR.
        arms = [
            f'SELECT {_SELECT} FROM "FLOW" WHERE {IN_WINDOW} AND "subscriberSide" = {side} AND {test.format(end=end)}'
            for side, end in _ENDS
        ]
        return Query(
            name,
            " UNION ALL ".join(arms),
            parameters=parameters,
            tables={table: self._tables[table] for table in tables if table in self._tables},
        )


def _blocks(net: IPv4Network) -> range:
    first = int(net.network_address) >> (32 - _BLOCK)
    return range(first, first + max(1, net.num_addresses >> (32 - _BLOCK)))


def _watched(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the types of WATCHED: engines give wider ones back."""
    columns = []
    for field in WATCHED:
        column = batch.column(field.name)
        if pa.types.is_dictionary(field.type):
            column = (column if pa.types.is_dictionary(column.type) else column.dictionary_encode()).cast(
                field.type
            )
        columns.append(column if column.type == field.type else column.cast(field.type))
    return completed(pa.RecordBatch.from_arrays(columns, schema=WATCHED), WATCHED)
