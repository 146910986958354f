"""BER against bytes known from elsewhere, not only against ourselves."""

from __future__ import annotations

from sekisho.formats import snmp


def test_a_get_request_byte_by_byte():
    """What net-snmp's snmpget sent for sysDescr.0 with request id 0x264dc112."""
    sent = "302902010104067075626c6963a01c0204264dc112020100020100300e300c06082b060102010101000500"
    assert snmp.get("public", snmp.SYS_DESCR, 0x264DC112).hex() == sent


def test_an_oid_part_beyond_one_byte():
    assert bytes.fromhex("06082b06010401bf0803") in snmp.get("x", "1.3.6.1.4.1.8072.3", 1)


def test_answers_of_net_snmp():
    """What snmpd 5.9.3 answered to our sysContact.0 and to our version 3 discovery."""
    got = "303402010104067075626c6963a227020105020100020100301c301a06082b06010201010400040e6f7073406578616d706c652e6a70"
    assert snmp.read_answer(bytes.fromhex(got)) == snmp.Answer(snmp.V2C, 5, 0, b"ops@example.jp")
    report = (
        "306b020103300e020105020300ffe30401000201030421301f041180001f888010e3ee5fb527016b0000000002010102010104000400"
        "04003033041180001f888010e3ee5fb527016b000000000400a81c0201050201000201003011300f060a2b060106030f01010400410101"
    )
    assert snmp.read_answer(bytes.fromhex(report)) == snmp.Answer(snmp.V3, 5, 0, None)


def test_indefinite_and_overlong_lengths_are_refused():
    for text in ("3080020101", "3084ffffffff020101", "30", "3005020101"):
        assert snmp.read_answer(bytes.fromhex(text)) is None
