"""Whatever stands in a log, a reader of assignments counts it or refuses the file; and cutting a log loses nothing."""

from __future__ import annotations

import importlib
import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.errors import ReadingError
from sekisho.formats.assignment_rows import ASSIGNMENT
from sekisho.formats.assignment_settling import settle
from sekisho.model.tallies import Counting

RADIUS = (
    'Tue Nov 14 22:13:20 2023\n\tAcct-Status-Type = Start\n\tAcct-Session-Id = "a1"\n\tUser-Name = "li\\"ne"\n'
    "\tNAS-IP-Address = 192.0.2.250\n\tFramed-IP-Address = 198.51.100.7\n\tDelegated-IPv6-Prefix = 2001:db8::/56\n"
    '\tEvent-Timestamp = "Nov 14 2023 22:13:20 UTC"\n\n'
    'Tue Nov 14 22:13:20 2023\n\tAcct-Status-Type = Stop\n\tAcct-Session-Id = "a1"\n\tUser-Name = "line"\n'
    "\tFramed-IP-Address = 198.51.100.7\n\tAcct-Session-Time = 60\n\tAcct-Delay-Time = 1\n\tTimestamp = 1700000000\n\n"
)  # fmt: skip
DHCPD = (
    "lease 192.0.2.10 {\n  starts 2 2023/11/14 22:13:20;\n  ends 2 2023/11/14 23:13:20;\n  binding state active;\n"
    '  hardware ethernet 02:00:00:00:00:01;\n  uid "\\001\\002^";\n}\n'
    'ia-pd "\\001\\000\\000\\000\\000\\003\\000\\001" {\n  cltt 2 2023/11/14 22:13:20;\n  iaprefix 2001:db8:0:100::/56 {\n'
    "    binding state active;\n    ends 2 2023/11/14 23:13:20;\n  }\n}\n"
)  # fmt: skip
KEA = "address,duid,valid_lifetime,expire,subnet_id,lease_type,prefix_len,state\n2001:db8::,00:01,60,1700000060,1,2,56,0\n2001:db9::1,00:02,60,1700000060,1,0,128,0\n"
CSV = (
    "network,account,begin,end\n192.0.2.1,a,2023-11-14T22:13:20Z,1700000100\n2001:db8::/56,b,1700000000000,\n"
)
BLOCKS = "network,port_begin,port_end,inside,time,event\n192.0.2.1,1024,2047,100.64.0.1,1700000000,allocated\n192.0.2.1,1024,2047,100.64.0.1,1700000009,released\n"
POOL = '[[pool]]\ninside = "100.64.0.0/29"\noutside = "198.51.100.0/31"\nports_per_line = 16128\norder = "block-first"\nbegin = 2023-11-14T22:13:20Z\n'
SAMPLES = {
    "radius_detail": RADIUS, "dhcpd_leases": DHCPD, "kea_leases": KEA, "csv_assignments": CSV, "cgn_blocks": BLOCKS,
    "static_prefixes": CSV, "cgn_deterministic": POOL,
}  # fmt: skip


def read(name: str, content: bytes) -> tuple[pa.Table, Counting]:
    unit = importlib.import_module(f"sekisho.readers.assignments.{name}").READER
    unit.detect(content, "log")
    tally = Counting()
    batches = list(unit.read(io.BytesIO(content), tally, {}))
    table = pa.Table.from_batches(batches, ASSIGNMENT)
    table.validate(full=True)
    return table, tally


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_nothing_in_a_log_is_fatal(name: str, data: Any) -> None:
    content = bytearray(SAMPLES[name].encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 4))
        content[at : at + cut] = data.draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from([b"9" * 30, b"\n", b"\n\n", b"-1", b"0", b"/", b":", b'"', b"\xff"]),
            )
        )
    try:
        table, _ = read(name, bytes(content))
    except ReadingError:
        return
    intervals, _ = settle(table, longest_open=60_000)
    assert (intervals.end >= intervals.begin).all()
    assert (intervals.last >= intervals.first).all()


@pytest.mark.parametrize(
    "name", ["radius_detail", "dhcpd_leases", "kea_leases", "csv_assignments", "cgn_blocks"]
)
def test_wherever_a_log_is_cut_nothing_is_rejected_and_nothing_invented(name: str) -> None:
    content = SAMPLES[name].encode()
    whole = read(name, content)[0].drop_columns(["line"]).to_pylist()
    head = content.index(b"\n") + 1 if b"," in content[:40] else 0
    for cut in range(head, len(content)):
        table, tally = read(name, content[:cut])
        found = table.drop_columns(["line"]).to_pylist()
        assert found == whole[: len(found)], cut
        assert not tally.counted().rejected, cut
