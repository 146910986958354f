"""Exactly one reader claims each kind of file, and none claims what is no flow file."""

from __future__ import annotations

import json
import os

import pytest

from fakes import capture, nfcapd_file
from sekisho import plugins
from unit.readers import test_csv_flows as csv
from unit.readers import test_parquet_flows as columnar
from unit.readers import test_suricata_eve as eve
from unit.readers import test_zeek_conn as zeek

SEEN = [(1, capture.Seen().ethernet())]
RECORD = nfcapd_file.block([nfcapd_file.record(nfcapd_file.Flow())])
SAMPLES = {
    "nfcapd layout 2": ("nfcapd", nfcapd_file.file([RECORD])),
    "nfcapd big endian": ("nfcapd", nfcapd_file.file([], ">")),
    "nfcapd layout 1": ("nfcapd", nfcapd_file.old_file([RECORD])),
    "nfcapd of an unknown layout": ("nfcapd", nfcapd_file.file([], layout=3)),
    "pcap": ("pcap", capture.pcap(SEEN)),
    "pcap big endian, ns": ("pcap", capture.pcap(SEEN, order=">", nano=True)),
    "pcapng": ("pcap", capture.ng_section("<") + capture.ng_interface("<", 1)),
    "conn.log": ("zeek_conn", zeek.tsv(zeek.CONNECTIONS).encode()),
    "conn.log with another separator": ("zeek_conn", zeek.tsv(zeek.CONNECTIONS, separator="|").encode()),
    "conn.log as JSON": ("zeek_conn", zeek.as_json(zeek.CONNECTIONS).encode()),
    "eve.json": ("suricata_eve", eve.GOOD),
    "eve.json with spaces": ("suricata_eve", eve.lines(eve.DNS, gaps=True)),
    "nfdump csv": ("csv_flows", csv.NFDUMP.encode()),
    "nfdump long": ("csv_flows", csv.LONG.encode()),
    "nfdump 1.7.4 csv": (
        "csv_flows",
        b"firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n",
    ),
    "rwcut": ("csv_flows", csv.SILK.encode()),
    "binetflow": ("csv_flows", csv.ARGUS.encode()),
    "binetflow with a mark of byte order": ("csv_flows", b"\xef\xbb\xbf" + csv.ARGUS.encode()),
    "VPC": ("csv_flows", csv.AWS.encode()),
    "Parquet": ("parquet_flows", columnar.FORMS["parquet"]),
    "Arrow file": ("parquet_flows", columnar.FORMS["file"]),
    "Arrow stream": ("parquet_flows", columnar.FORMS["stream"]),
    "nothing": (None, b""),
    "text": (None, b"Dear all,\nplease find attached\n"),
    "JSON of something else": (None, json.dumps({"a": 1}).encode()),
    "dns.log": (None, b"#separator \\x09\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.resp_h\tquery\n"),
    "another CSV": (None, b"name,address\nx,1.2.3.4\n"),
    "zeros": (None, bytes(1000)),
    "ZIP": (None, b"PK\x03\x04" + bytes(100)),
}
# Readers of this file's samples; others (datagrams from a spool) may come beside them.
OURS = ("csv_flows", "nfcapd", "parquet_flows", "pcap", "suricata_eve", "zeek_conn")


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", ["capture.bin", "conn.log", "x.csv"])
def test_exactly_one_claims_it(sample: str, name: str) -> None:
    wanted, content = SAMPLES[sample]
    claimed = [
        key for key, reader in plugins.units("readers").items() if reader.detect(content[:65536], name)
    ]
    assert claimed == ([wanted] if wanted else [])


def test_random_octets_are_claimed_by_nobody() -> None:
    readers = plugins.units("readers")
    for _ in range(200):
        head = os.urandom(300)
        assert not [key for key in OURS if readers[key].detect(head, "x")]
