"""The fast decoder and a plain one, record at a time, give the same rows: any templates, any mix, any split."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.tally import Counts
from sekisho.formats.datagrams import datagrams_of
from sekisho.formats.flow_export import Decoder
from sekisho.model.tables import FLOW

from .exports import broken, traffic
from .plain_flow_export import COLUMNS, PlainDecoder

SEEDS = st.integers(0, 2**32)


def rows_of(batches):
    found = []
    for batch in batches:
        batch.validate(full=True)
        have = {name: batch.column(name).to_pylist() for name in batch.schema.names}
        assert all(FLOW.field(name).equals(batch.schema.field(name)) for name in have)
        found += zip(*(have.get(name, [None] * batch.num_rows) for name in COLUMNS), strict=True)
    return found


def decoded(decoder, items, tally=None, width=0):
    return rows_of(decoder.decode(datagrams_of(items, width), tally or Counts()))


def split(items, seed):
    rng = random.Random(seed)
    rest = list(items)
    while rest:
        many = rng.choice([1, 2, 5, len(rest)])
        yield rest[:many]
        rest = rest[many:]


def compare(items, seed):
    plain = PlainDecoder()
    expected = Counter(plain.decode(items))
    whole, pieces = Decoder(), Decoder()
    tally = Counts()
    got = decoded(whole, items, tally)
    assert Counter(got) == expected
    assert tally.rows == len(got)
    assert tally.rejects["template-missing"] == plain.misses
    assert tally.notes["sequence-lost"] == sum(source.lost for source in plain.sources.values())
    in_pieces = [row for part in split(items, seed) for row in decoded(pieces, part, width=40_000)]
    assert Counter(in_pieces) == expected
    compiled = Counts()
    assert Counter(decoded(Decoder(fast_from=0), items, compiled)) == expected
    assert (compiled.rows, compiled.rejects, compiled.notes) == (tally.rows, tally.rejects, tally.notes)
    assert sum(one["lost"] for one in pieces.state()["sources"]) == tally.notes["sequence-lost"]


@settings(max_examples=300, deadline=None)
@given(SEEDS, st.integers(1, 40))
def test_any_exports_give_the_rows_of_the_plain_decoder(seed, messages):
    compare(traffic(seed, messages), seed)


@settings(max_examples=300, deadline=None)
@given(SEEDS, st.integers(1, 30))
def test_broken_datagrams_too(seed, messages):
    compare(broken(traffic(seed, messages), seed), seed)


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(2, 30))
def test_a_restart_with_kept_templates_changes_no_row(seed, messages):
    items = traffic(seed, messages)
    through = Decoder()
    decoded(through, items[: messages // 2])
    again = Decoder()
    again.restore(through.templates())
    rest = items[messages // 2 :]
    assert Counter(decoded(again, rest)) == Counter(decoded(through, rest))


def test_the_random_exports_hold_what_they_are_for():
    """Both families, NAT, ways back, sampling, misses, events: an oracle that sees nothing proves nothing."""
    plain, tally = PlainDecoder(), Counts()
    items = [one for seed in range(120) for one in traffic(seed, 20)]
    rows = plain.decode(items)
    Decoder().decode(datagrams_of(items), tally)
    assert {row[2] for row in rows} == {4, 6}
    assert any(row[15] is not None for row in rows)
    assert any(row[16] is not None for row in rows)
    assert len({row[13] for row in rows}) > 5
    assert plain.misses > 10
    assert tally.notes["event"] > 3
    assert {"template-changed", "template-withdrawn", "sampling-told", "option"} <= tally.notes.keys()
    assert isinstance(rows[0][0], int)
    assert pa.schema(FLOW).names == list(COLUMNS)


def test_five_seconds_of_guided_fuzzing():
    """The long run is ``fuzz_flow_export.py 600``; this one starts from the same inputs with the same seed."""
    program = Path(__file__).with_name("fuzz_flow_export.py")
    done = subprocess.run(
        [sys.executable, program, "5"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["executions"] > 50
    assert told["crashes"] == 0
    assert told["resident_kb_after_30"] < told["resident_kb_after_3"] * 1.1 + 4_096
