"""The compiled list against a plain loop over rows and entries."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.formats import watchlist
from sekisho.formats.watchlist import Watchlist
from sekisho.model.indicator import Indicator
from sekisho.model.tables import WATCHED, completed

# Few bits vary, so that rows and entries meet often: below, at and beside each prefix.
FOURS = st.integers(0, 0x3FF).map(lambda low: 0xCB007000 + low)
SIXES = st.integers(0, 0xFF).map(lambda low: (0x20010DB8 << 96) + ((low & 0xF) << 64) + (low >> 4))
PORTS = st.sampled_from([0, 23, 443, 65535])
TIMES = st.integers(0, 30)


@st.composite
def indicators(draw: st.DrawFn) -> Indicator:
    if draw(st.booleans()):
        length = draw(st.sampled_from([32, 32, 31, 28, 24, 23, 22, 16, 8, 0]))
        text = f"{IPv4Address(draw(FOURS))}/{length}"
    else:
        length = draw(st.sampled_from([128, 128, 127, 68, 64, 63, 48, 0]))
        text = f"{IPv6Address(draw(SIXES))}/{length}"
    begin = draw(st.sampled_from([0, 0, 10, 20]))
    return Indicator(
        str(ip_network(text, strict=False)),
        port=draw(PORTS),
        protocol=draw(st.sampled_from([0, 6, 17])),
        valid_from=begin,
        valid_until=draw(st.sampled_from([0, 0, begin + 5])),
    )


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Any]:
    four = draw(st.booleans())
    address = FOURS if four else SIXES
    begin = draw(TIMES)
    return {
        "four": four,
        "source": draw(address),
        "destination": draw(address),
        "sport": draw(PORTS),
        "dport": draw(PORTS),
        "protocol": draw(st.sampled_from([6, 17])),
        "begin": begin,
        "end": begin + draw(st.integers(-3, 12)),
        "side": draw(st.sampled_from([1, 2])),
    }


def batch_of(rows: list[dict[str, Any]], *, sided: bool) -> pa.RecordBatch:
    def four(name: str) -> list[int | None]:
        return [row[name] if row["four"] else None for row in rows]

    def six(name: str) -> list[bytes | None]:
        return [None if row["four"] else row[name].to_bytes(16, "big") for row in rows]

    values: dict[str, list[Any]] = {
        "flowStartMilliseconds": [row["begin"] for row in rows],
        "flowEndMilliseconds": [row["end"] for row in rows],
        "ipVersion": [4 if row["four"] else 6 for row in rows],
        "sourceIPv4Address": four("source"),
        "destinationIPv4Address": four("destination"),
        "sourceIPv6Address": six("source"),
        "destinationIPv6Address": six("destination"),
        "sourceTransportPort": [row["sport"] for row in rows],
        "destinationTransportPort": [row["dport"] for row in rows],
        "protocolIdentifier": [row["protocol"] for row in rows],
        "subscriberSide": [row["side"] for row in rows],
    }
    filler = {"samplingPacketInterval": 1, "exporter": "x"}
    arrays = [
        pa.array(values.get(field.name, [filler.get(field.name, 0)] * len(rows)), field.type)
        if field.name != "exporter"
        else pa.array(["x"] * len(rows)).dictionary_encode().cast(field.type)
        for field in WATCHED
    ]
    batch = pa.RecordBatch.from_arrays(arrays, schema=WATCHED)
    return batch if sided else batch.drop_columns(["subscriber", "subscriberSide"])


def oracle(rows: list[dict[str, Any]], entries: list[Indicator], *, sided: bool) -> list[tuple[int, int]]:
    found = set()
    for number, row in enumerate(rows):
        ends = [("destination", "dport", 1), ("source", "sport", 2)]
        for end, port, side in ends:
            if sided and row["side"] != side:
                continue
            kind = IPv4Address if row["four"] else IPv6Address
            address = ip_address(kind(row[end]))
            for place, entry in enumerate(entries):
                moments = range(row["begin"], max(row["begin"], row["end"]) + 1)
                if (
                    address in entry.net
                    and entry.port in {0, row[port]}
                    and entry.protocol in {0, row["protocol"]}
                    and any(entry.valid_at(moment) for moment in moments)
                ):
                    found.add((number, place))
    return sorted(found)


@given(st.lists(flows(), max_size=40), st.lists(indicators(), max_size=25), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_same_pairs_as_a_plain_loop(
    rows: list[dict[str, Any]], entries: list[Indicator], sided: bool, sliced: bool
) -> None:
    batch = batch_of(rows, sided=sided)
    if sliced and rows:  # columns that begin in the middle of a buffer
        batch, rows = batch.slice(1), rows[1:]
    wanted = oracle(rows, entries, sided=sided)
    for fast in (False, True):
        at, which = Watchlist(entries, fast=fast).match(batch)
        assert list(zip(at.tolist(), which.tolist(), strict=True)) == wanted


@given(st.lists(flows(), min_size=1, max_size=30), st.lists(indicators(), max_size=10))
@settings(max_examples=40, deadline=None)
def test_columns_left_out_mean_null(rows: list[dict[str, Any]], entries: list[Indicator]) -> None:
    rows = [row for row in rows if row["four"]]
    batch = batch_of(rows, sided=True)
    small = batch.drop_columns(["sourceIPv6Address", "destinationIPv6Address", "postNATSourceIPv4Address"])
    one, other = Watchlist(entries).match(batch), Watchlist(entries).match(small)
    assert one[0].tolist() == other[0].tolist()
    assert one[1].tolist() == other[1].tolist()
    assert completed(small, WATCHED).num_columns == len(WATCHED)


@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_rows_beyond_one_block(seed: int, extra: int) -> None:
    """Hits at block edges keep their row numbers."""
    random = np.random.default_rng(seed)
    count = 2 * watchlist.BLOCK + extra
    address = random.integers(0, 2**32, count, dtype=np.uint64).astype(np.uint32)
    planted = [0, watchlist.BLOCK - 1, watchlist.BLOCK, 2 * watchlist.BLOCK - 1, count - 1]
    address[planted] = 0xCB007105
    template = completed(batch_of([], sided=False), batch_of([], sided=False).schema)
    zeros = {field.name: pa.nulls(count, field.type) for field in template.schema}
    for field in template.schema:
        if not field.nullable and field.name != "exporter":
            zeros[field.name] = pa.array(np.zeros(count), field.type)
    zeros["exporter"] = pa.array(["x"] * count).dictionary_encode().cast(zeros["exporter"].type)
    zeros["ipVersion"] = pa.array(np.full(count, 4, np.uint8))
    zeros["sourceIPv4Address"] = pa.array(address)
    zeros["destinationIPv4Address"] = pa.array(np.zeros(count, np.uint32))
    batch = pa.RecordBatch.from_arrays(list(zeros.values()), schema=template.schema)
    wanted = np.flatnonzero(address == 0xCB007105).tolist()
    assert set(planted) <= set(wanted)
    for fast in (False, True):
        rows, entries = Watchlist([Indicator("203.0.113.5/32")], fast=fast).match(batch)
        assert rows.tolist() == wanted
        assert not entries.any()
