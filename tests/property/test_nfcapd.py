"""nfcapd files by compiled code and by NumPy: the same rows and the same counts, whatever the records and their lies."""

from __future__ import annotations

import io
import random
import struct
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import nfcapd_file as made
from fakes.nfcapd_file import Flow
from fakes.tally import Counts
from sekisho.model.tables import FLOW, completed
from sekisho.readers.nfcapd import Nfcapd

SEEDS = st.integers(0, 2**32)


def flow(rng: random.Random) -> Flow:
    """A flow of any kind; sometimes with a time, a counter or a sampling rate that can't be."""
    one = Flow(
        source=f"192.0.2.{rng.randrange(256)}",
        sport=rng.choice([11, 10, rng.randrange(65536)]),
        dport=rng.choice([104, 84, rng.randrange(65536)]),
        packets=rng.choice([0, 5, 3000, 1 << 47]),
        octets=rng.choice([420, 180_000, 1 << 40]),
        sysid=rng.randrange(4),
        sampled=rng.random() < 0.3,
        extra=rng.randbytes(rng.choice([0, 0, 4, 12, 3])),
        last=rng.choice([1_700_000_001_456, 1_600_000_000_000]),
    )
    if rng.random() < 0.4:
        one = replace(one, source=f"2001:db8::{rng.randrange(65536):x}", destination="2001:db8:1::9")
    if rng.random() < 0.3:
        one = replace(one, nat=("203.0.113.5", rng.randrange(65536)))
    lie = rng.random()
    if lie < 0.05:
        return replace(one, first=1 << rng.choice([42, 63]))
    return replace(one, octets=1 << 63) if lie < 0.1 else one


def elements(rng: random.Random) -> bytes:
    """A record with elements as they come: too short, doubled, missing, or more in number than there are."""
    parts = []
    for _ in range(rng.randrange(6)):
        kind = rng.choice([1, 2, 3, 20, 22, 29])
        length = {1: 48, 2: 8, 3: 32, 20: 8, 22: 4}.get(kind, 4)
        body = rng.randbytes(length if rng.random() < 0.8 else rng.randrange(length))
        if kind == 1 and len(body) == length and rng.random() < 0.8:
            body = struct.pack("<QQQQQ", 5, 6, 7, 8, 9) + body[40:]
        parts.append(made.element("<", kind, body))
    if parts and rng.random() < 0.2:
        parts[-1] = struct.pack("<HH", rng.randrange(30), rng.choice([0, 3, 200])) + parts[-1][4:]
    body, count = b"".join(parts), max(0, len(parts) + rng.choice([0, 0, 0, 1, -1]))
    return struct.pack("<HHHBBHBB", 11, 12 + len(body), count, 0, 0, rng.randrange(4), 0, 9) + body


def record(rng: random.Random) -> bytes:
    """A record of any type."""
    chance = rng.random()
    if chance < 0.7:
        return made.record(flow(rng))
    if chance < 0.85:
        return elements(rng)
    if chance < 0.88:
        return made.exporter(rng.randrange(4), f"198.51.100.{rng.randrange(3)}", rng.randrange(2))
    if chance < 0.91:
        return made.sampler(rng.randrange(4), rng.choice([1, 10, 1000]))
    if chance < 0.94:
        return made.old_record(replace(flow(rng), first=77_000, last=78_000, packets=3, octets=4))
    if chance < 0.97:
        return struct.pack("<HH", rng.choice([8, 11, 40]), 4 + rng.choice([0, 4])) + bytes(4)
    return struct.pack("<HH", rng.choice([7, 10, 11]), rng.randrange(70)) + rng.randbytes(rng.randrange(70))


def file(seed: int, blocks: int) -> bytes:
    """A file; in a third of them some octets lie."""
    rng = random.Random(seed)
    found = []
    for _ in range(blocks):
        shape = [record(rng) for _ in range(rng.randrange(1, 5))] if rng.random() < 0.2 else None
        many = [rng.choice(shape) if shape else record(rng) for _ in range(rng.randrange(30))]
        found.append(bytearray(made.block(many)))
        if rng.random() < 0.2:  # a number of records that lies
            struct.pack_into("<I", found[-1], 0, rng.choice([0, len(many) + 1, 1 << 31]))
    content = bytearray(made.file([bytes(one) for one in found]))
    for _ in range(rng.choice([0, 0, 3]) if found else 0):
        at = rng.randrange(40, len(content))
        content[at : at + 2] = rng.randbytes(2)
    return bytes(content[: rng.choice([len(content), len(content), rng.randrange(40, len(content) + 1)])])


def read(fast_from: int, content: bytes) -> tuple[Counter, Counts]:
    tally = Counts()
    rows: Counter = Counter()
    for batch in Nfcapd(fast_from).read(io.BytesIO(content), tally, {}):
        batch.validate(full=True)
        whole = completed(batch, FLOW).to_pydict()
        rows.update(zip(*whole.values(), strict=True))
    return rows, tally


@settings(max_examples=300, deadline=None)
@given(SEEDS, st.integers(0, 4))
def test_both_ways_give_the_same_rows_and_counts(seed: int, blocks: int) -> None:
    content = file(seed, blocks)
    plain, counts = read(1 << 60, content)
    compiled, others = read(0, content)
    assert compiled == plain
    assert (others.rows, others.rejects, others.notes) == (counts.rows, counts.rejects, counts.notes)


def test_going_over_within_a_file_loses_nothing() -> None:
    rng = random.Random(1)
    content = made.file([made.block([made.record(flow(rng)) for _ in range(50)]) for _ in range(6)])
    plain, _ = read(1 << 60, content)
    assert plain == read(120, content)[0]
    assert sum(plain.values()) > 200
