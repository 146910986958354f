"""nfcapd and sfcapd get the same datagrams as our decoder, over loopback, and count the same flows, packets, octets."""

from __future__ import annotations

import pytest
from bench import _collectors, flows

from fakes.tally import Counts
from sekisho.formats.flow_export import Decoder

FLOWS = 60_000
FORMS = {
    "v5": flows.v5,
    "v9": flows.v9,
    "v9 mixed": lambda cols: flows.v9(cols, mixed=True),
    "ipfix": flows.ipfix,
    "ipfix mixed": lambda cols: flows.ipfix(cols, mixed=True),
}


def ours(datagrams):
    tally = Counts()
    batches = Decoder().decode(datagrams, tally)
    assert not tally.rejects
    sums = [
        sum(int(batch.column(name).to_numpy().sum()) for batch in batches)
        for name in ("packetDeltaCount", "octetDeltaCount")
    ]
    return tally.rows, *sums


@pytest.mark.lab
@pytest.mark.parametrize("form", FORMS)
def test_nfcapd_counts_the_same(form):
    datagrams = FORMS[form](flows.columns(FLOWS))
    peer = _collectors.collect(datagrams)
    assert (peer.flows, peer.packets, peer.octets) == ours(datagrams)
    assert peer.flows == FLOWS


@pytest.mark.lab
def test_sfcapd_counts_the_same_samples():
    """sfcapd scales by the sampling rate, and its octets are the frame's: FLOW keeps what was exported."""
    datagrams = flows.sflow(flows.columns(FLOWS))
    peer = _collectors.collect(datagrams, "sfcapd")
    rows, packets, octets = ours(datagrams)
    assert (peer.flows, peer.packets, peer.octets) == (
        rows,
        packets * flows.INTERVAL,
        octets * flows.INTERVAL,
    )
