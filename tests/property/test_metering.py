"""Metering in columns gives what metering packet by packet gives, however the capture is cut into blocks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import capture
from fakes.capture import Seen
from fakes.rows import plain, read
from sekisho.formats import capture_file
from sekisho.readers import pcap

HOSTS = [("192.0.2.1", "198.51.100.1"), ("192.0.2.2", "198.51.100.1"), ("2001:db8::1", "2001:db8::2")]
BEGIN = 1_700_000_000_000_000


@st.composite
def captures(draw: st.DrawFn) -> list[Seen]:
    time = BEGIN
    out = []
    for _ in range(draw(st.integers(1, 60))):
        time += draw(
            st.sampled_from(
                [0, 1, 1000, 400_000, 999_999, 1_000_000, 1_000_001, 3_000_000, -300_000, -9_000_000]
            )
        )
        source, destination = draw(st.sampled_from(HOSTS))
        if draw(st.booleans()):
            source, destination = destination, source
        out.append(
            Seen(
                time,
                source,
                destination,
                draw(st.sampled_from([1, 65535])),
                23,
                draw(st.sampled_from([6, 17, 1])),
                draw(st.integers(0, 255)),
                draw(st.integers(0, 20)),
                draw(st.sampled_from([0, 0, 0, 5])),
            )
        )
    return out


@settings(max_examples=200, deadline=None)
@given(captures(), st.sampled_from([1, 3, 7, 1000]), st.sampled_from([200, 1500, 1 << 20]), st.booleans())
def test_columns_agree_with_packet_by_packet(
    packets: list[Seen], turn: int, chunk: int, same_hash: bool
) -> None:
    content = capture.pcap([(one.time, one.ethernet()) for one in packets])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pcap, "_TURN", turn)
        patch.setattr(capture_file, "_READ", chunk)
        if same_hash:
            # All keys collide, so that they have to be sorted by themselves.
            patch.setattr("sekisho.formats.metering._ODD", pcap.np.uint64(0))
        batches, tally = read("pcap", content, idle=1.0, active=5.0)
    assert plain(batches) == capture.metered(packets, 1_000_000, 5_000_000)
    assert not tally.rejects
