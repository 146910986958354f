"""Every form of list, with good entries, bad ones and what is left out."""

from __future__ import annotations

import json

import pytest

from sekisho.errors import ReadingError
from sekisho.exchange.lists import FORMS, Limits, Reading, read_list
from sekisho.exchange.lists.entries import address_range, milliseconds
from sekisho.exchange.lists.misp import read_feed
from sekisho.exchange.lists.stix_pattern import Target, targets
from sekisho.model.indicator import Tlp

DOCS = Limits(allow=frozenset({"documentation"}))


def read(text: str, name: str = "list", **options: str) -> Reading:
    return read_list(text.encode(), name, limits=DOCS, options=options)


def places(reading: Reading) -> list[str]:
    return [f"{one.network} {one.port} {one.protocol}" for one in reading.indicators]


def faults(reading: Reading) -> list[tuple[str, str]]:
    return [(one.where, one.reason) for one in reading.rejected]


def test_plain() -> None:
    reading = read(
        "# comment\n203.0.113.7\n203.0.113.8:8080 # why\n[2001:db8::1]:443\n2001:db8::2\n198.51.100.0/24 ; block\n"
        "203.0.113.9:23/tcp\n203.0.113.8:79548\n203.0.113.1/24\n010.1.1.1\nexample.com\n203.0.113.5:\n203.0.113.7\n"
        "10.1.2.3\n224.0.0.1\n0.0.0.0/0\n203.0.113.10:0080x\n"
    )
    assert reading.form == "plain"
    assert places(reading) == [
        "203.0.113.7/32 0 0",
        "203.0.113.8/32 8080 0",
        "2001:db8::1/128 443 0",
        "2001:db8::2/128 0 0",
        "198.51.100.0/24 0 0",
        "203.0.113.9/32 23 6",
    ]
    assert faults(reading) == [
        ("list:8", "bad-port"),
        ("list:9", "host-bits"),
        ("list:10", "bad-address"),
        ("list:11", "bad-address"),
        ("list:12", "bad-port"),
        ("list:14", "private"),
        ("list:15", "multicast"),
        ("list:16", "reserved"),
        ("list:17", "bad-port"),
    ]
    assert reading.folded == 1
    assert {one.source for one in reading.indicators} == {"list"}
    assert reading.indicators[1].reference == "3"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0.1.2.3", "this-network"), ("100.64.0.1", "shared"), ("127.0.0.1", "loopback"), ("169.254.1.1", "link-local"),
        ("172.31.0.1", "private"), ("192.0.0.5", "protocol-assignment"), ("192.0.2.1", "documentation"),
        ("198.19.0.1", "benchmarking"), ("255.255.255.255", "reserved"), ("239.1.1.1", "multicast"),
        ("::1", "loopback"), ("::", "this-network"), ("::ffff:8.8.8.8", "mapped"), ("fe80::1", "link-local"),
        ("fd00::1", "private"), ("ff02::1", "multicast"), ("2001:db8::1", "documentation"), ("4000::1", "reserved"),
        ("64:ff9b::808:808", "translation"), ("2000::/2", "host-bits"), ("::/0", "multicast"), ("fe80::1%eth0", "bad-address"),
        ("1.2.3", "bad-address"), ("1.2.3.4.5", "bad-address"), ("1.2.3.4/33", "bad-address"), ("", "bad-address"),
        ("8.0.0.0/5", "private"), ("１.2.3.4", "bad-address"),
    ],
)  # fmt: skip
def test_addresses_that_nobody_has_are_rejected_by_name(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        address_range(text)


def test_good_addresses() -> None:
    for text in (
        "8.8.8.8",
        "192.0.1.1",
        "192.0.3.1",
        "100.63.255.255",
        "100.128.0.0",
        "2a00::1",
        "[2a00::1]",
        "126.0.0.0/8",
    ):
        assert str(address_range(text)).startswith(text.strip("[]").split("/")[0])


def test_feodo_tracker_shape() -> None:
    text = (
        "################\n# Feodo Tracker (CSV)\n################\n#\n"
        '"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"\n'
        '"2022-06-04 21:24:53","203.0.113.246","8080","offline","2026-03-07","Emotet"\n'
        '"2025-12-30 13:56:31","203.0.113.211","x443","online","2026-03-12","QakBot"\n'
        '"2025-12-30 13:56:31","203.0.113.212","443"\n# END 3 entries\n'
    )
    reading = read(text, "feodo")
    (one,) = reading.indicators
    assert reading.form == "csv"
    assert (one.network, one.port, one.family) == ("203.0.113.246/32", 8080, "Emotet")
    # A first sight is no statement of validity unless the operator says how long before it an entry holds.
    assert (one.valid_from, one.valid_until) == (0, 0)
    assert faults(reading) == [("feodo:7", "bad-port"), ("feodo:8", "bad-row")]
    strict = Limits(allow=frozenset({"documentation"}), decay_days=30, lead_days=1)
    (one,) = read_list(text.encode(), "feodo", limits=strict).indicators
    assert one.valid_from == milliseconds("2022-06-03 21:24:53")
    assert one.valid_until == milliseconds("2026-04-06")


def test_threatfox_shape() -> None:
    reading = read(
        '# ThreatFox IOCs\n# "first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","fk_malware","malware_alias",'
        '"malware_printable","last_seen_utc","confidence_level","is_compromised","reference","tags","anonymous","reporter"\n'
        '"2026-07-04 22:19:04", "1", "evil.example", "domain", "cc", "js.x", "None", "X", "", "75", "False", "None", "a,b", "0", "r"\n'
        '"2026-07-04 22:19:04", "2", "203.0.113.23:9443", "ip:port", "botnet_cc", "elf.mirai", "None", "Mirai", "", "75", "False", "None", "a", "0", "r"\n'
    )
    (one,) = reading.indicators
    assert (one.network, one.port, one.family, one.confidence) == ("203.0.113.23/32", 9443, "Mirai", 75)
    assert one.reference == "2"
    assert (reading.others, reading.rejected) == (1, ())


def test_urlhaus_shape_keeps_no_url() -> None:
    reading = read(
        "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n"
        '"1","2026-05-01","http://203.0.113.9:8081/secret.sh","online","","malware_download","mirai","x","r"\n'
        '"2","2026-05-01","https://evil.example/secret","online","","malware_download","","x","r"\n'
        '"3","2026-05-01","http://192.168.0.1/secret","online","","malware_download","","x","r"\n'
        '"4","2026-05-01","http://203.0.113.9:99999/secret","online","","malware_download","","x","r"\n'
        '"5","2026-05-01","https://[2001:db8::5]/secret","online","","malware_download","","x","r"\n'
    )
    assert places(reading) == ["203.0.113.9/32 8081 6", "2001:db8::5/128 443 6"]
    assert faults(reading) == [("list:4", "private"), ("list:5", "bad-url")]
    assert reading.others == 1
    assert "secret" not in repr(reading)


def test_table_with_mapping() -> None:
    text = "when;host\nkind,where,number,until\nx,203.0.113.4,23,2026-01-02T03:04:05Z\n"
    reading = read_list(
        text.partition("\n")[2].encode(),
        "own",
        form="csv",
        limits=DOCS,
        options={"address": "where", "port": "number", "valid_until": "until", "family": "kind"},
    )
    (one,) = reading.indicators
    assert (one.network, one.port, one.family) == ("203.0.113.4/32", 23, "x")
    assert one.valid_until == 1767323045000
    nothing = read_list(b"a,b\n1,2\n", "own", form="csv")
    assert [(one.reason) for one in nothing.rejected] == ["no-header"]


def test_maltrail() -> None:
    reading = read(
        "# Copyright (c) Maltrail developers (x/maltrail/)\n# Aliases: a\n/izuku.sh\nevil.example\n203.0.113.7:48101\n"
        "203.0.113.8\n203.0.113.9:79548\n203.0.113.7/bins/x\n[2001:db8::7]:23\n2001:db8::8\n1.2.3.400:80\n",
        "trails/static/malware/elf_mirai.txt",
        source="maltrail",
    )
    assert places(reading) == [
        "203.0.113.7/32 48101 0",
        "203.0.113.8/32 0 0",
        "2001:db8::7/128 23 0",
        "2001:db8::8/128 0 0",
    ]
    assert {one.family for one in reading.indicators} == {"elf_mirai"}
    assert faults(reading) == [("maltrail:7", "bad-port"), ("maltrail:11", "bad-address")]
    assert reading.others == 3


def test_zeek_intel() -> None:
    reading = read(
        "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\n203.0.113.7\tIntel::ADDR\tABUSE\tx\n"
        "198.51.100.0/24\tIntel::SUBNET\tABUSE\tx\nevil.example\tIntel::DOMAIN\tABUSE\tx\n10.0.0.1\tIntel::ADDR\tABUSE\tx\nonly\n"
    )
    assert reading.form == "zeek-intel"
    assert places(reading) == ["203.0.113.7/32 0 0", "198.51.100.0/24 0 0"]
    assert faults(reading) == [("list:5", "private"), ("list:6", "no-fields")]
    assert reading.others == 1


@pytest.mark.parametrize("form", ["misp", "stix", "sekisho"])
def test_octets_that_are_no_text_are_a_fault_of_the_list(form: str) -> None:
    reading = read_list(b'{"objects": "\xff"}', "list", form=form, limits=DOCS)
    assert [one.reason for one in reading.rejected] == ["bad-json"]
    assert reading.indicators == ()


def test_netblocks() -> None:
    drop = read("; Spamhaus DROP List\n198.51.100.0/24 ; SBL1\n203.0.113.1/24 ; SBL2\n")
    assert (drop.form, places(drop), faults(drop)) == (
        "netblocks", ["198.51.100.0/24 0 0"], [("list:3", "host-bits")],
    )  # fmt: skip
    lines = read(
        '{"cidr":"198.51.100.0/24","sblid":"SBL1","rir":"apnic"}\n{"cidr":"2001:db8::/32","sblid":"SBL2"}\n{"sblid":\n'
        '{"type":"metadata","size":2}\n'
    )
    assert places(lines) == ["198.51.100.0/24 0 0", "2001:db8::/32 0 0"]
    assert faults(lines) == [("list:3", "bad-json")]
    assert lines.indicators[0].reference == "1 SBL1"
    shield = read(
        "# DShield\nStart\tEnd\tNetmask\tAttacks\tName\n203.0.113.0\t203.0.113.255\t24\t2345\tX\n"
        "198.51.100.0\t198.51.100.127\t24\t9\tX\n"
    )
    assert (shield.form, places(shield)) == ("netblocks", ["203.0.113.0/24 0 0"])
    assert faults(shield) == [("list:4", "range-mismatch")]
    ipsum = read("# IPsum\n203.0.113.7\t10\n203.0.113.8\t1\n", least="2")
    assert (ipsum.form, places(ipsum), ipsum.others) == ("netblocks", ["203.0.113.7/32 0 0"], 1)


def test_misp_event_and_feed() -> None:
    event = {
        "Event": {
            "Tag": [{"name": "tlp:amber"}, {"name": 'misp-galaxy:malpedia="Mirai (ELF)"'}],
            "Attribute": [
                {"uuid": "u1", "type": "ip-dst|port", "value": "203.0.113.7|48101", "to_ids": True},
                {"uuid": "u2", "type": "ip-dst", "value": "203.0.113.8", "to_ids": False},
                {"uuid": "u3", "type": "ip-src", "value": "203.0.113.9", "to_ids": True},
                {
                    "uuid": "u4",
                    "type": "ip-dst",
                    "value": "203.0.113.10",
                    "to_ids": True,
                    "Tag": [{"name": "tlp:red"}],
                },
                {"uuid": "u5", "type": "ip-dst", "value": "203.0.113.11", "to_ids": True, "deleted": True},
            ],
            "Object": [
                {
                    "name": "ip-port",
                    "Attribute": [
                        {"uuid": "u6", "type": "ip-dst", "value": "203.0.113.12", "to_ids": True},
                        {"uuid": "u7", "type": "port", "object_relation": "dst-port", "value": "2323"},
                    ],
                }
            ],
        }
    }
    reading = read(json.dumps(event))
    assert reading.form == "misp"
    assert places(reading) == ["203.0.113.7/32 48101 0", "203.0.113.10/32 0 0", "203.0.113.12/32 2323 0"]
    assert [one.tlp for one in reading.indicators] == [Tlp.AMBER, Tlp.RED, Tlp.AMBER]
    assert reading.indicators[0].family == "Mirai (ELF)"
    assert faults(reading) == [("list:u2", "not-for-detection")]
    uuid = "5f0c9a3e-1111-4222-8333-123456789abc"
    asked: list[str] = []

    def fetch(name: str) -> bytes | None:
        asked.append(name)
        return json.dumps(event).encode() if uuid in name else None

    manifest = json.dumps({uuid: {}, "../../etc/passwd": {}, uuid.replace("5f", "6f"): {}}).encode()
    feed = read_feed(manifest, fetch, "feed", DOCS)
    assert len(feed.indicators) == 3
    assert feed.reasons == {"bad-uuid": 1, "missing-event": 1, "not-for-detection": 1}
    assert all("etc" not in name for name in asked)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ipv4-addr:value = '203.0.113.7']", [Target("203.0.113.7")]),
        ("[ipv4-addr:value ISSUBSET '203.0.113.0/24']", [Target("203.0.113.0/24")]),
        (
            "[ipv4-addr:value IN ('203.0.113.7', '203.0.113.8')]",
            [Target("203.0.113.7"), Target("203.0.113.8")],
        ),
        ("[ipv4-addr:value = 'a'] OR [ipv6-addr:value = 'b']", [Target("a"), Target("b")]),
        (
            (
                "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = 'a' AND "
                "network-traffic:dst_port = 443 AND network-traffic:protocols[*] = 'tcp']"
            ),
            [Target("a", "443", 6)],
        ),
        (
            "[(ipv4-addr:value = 'a' OR ipv4-addr:value = 'b') AND network-traffic:dst_port IN (1, 2)]",
            [Target("a", "1"), Target("a", "2"), Target("b", "1"), Target("b", "2")],
        ),
        # AND binds closer than OR.
        (
            "[ipv4-addr:value = 'a' OR ipv4-addr:value = 'b' AND network-traffic:dst_port = 1]",
            [Target("a"), Target("b", "1")],
        ),
        ("[ipv4-addr:value = 'a' OR url:value = 'x']", [Target("a"), Target(fault="no-address")]),
        ("[ipv4-addr:value = 'a' AND url:value = 'x']", [Target(fault="unsupported-comparison")]),
        ("[ipv4-addr:value = 'a' AND ipv4-addr:value = 'b']", [Target(fault="several-at-once")]),
        ("[ipv4-addr:value != 'a']", [Target(fault="negation")]),
        ("[NOT ipv4-addr:value = 'a']", [Target(fault="negation")]),
        ("[ipv4-addr:value NOT = 'a']", [Target(fault="negation")]),
        ("[ipv4-addr:value LIKE '203.%']", [Target(fault="unsupported-comparison")]),
        (
            "[ipv4-addr:value = 'a'] FOLLOWEDBY [ipv4-addr:value = 'b']",
            [Target(fault="several-observations")],
        ),
        ("[ipv4-addr:value = 'a'] REPEATS 5 TIMES WITHIN 600 SECONDS", [Target(fault="qualifier")]),
        (
            "[ipv4-addr:value = 'a'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z'",
            [Target(fault="qualifier")],
        ),
        ("[network-traffic:dst_port = 443]", [Target(fault="no-address")]),
        ("[file:hashes.'SHA-256' = 'x']", [Target(fault="no-address")]),
        ("[ipv4-addr:value = 'a'", [Target(fault="bad-pattern")]),
        ("ipv4-addr:value = 'a'", [Target(fault="bad-pattern")]),
        ("[ipv4-addr:value = 'a'] x", [Target(fault="bad-pattern")]),
        ("", [Target(fault="bad-pattern")]),
        ("[" + "(" * 100 + "ipv4-addr:value = 'a'", [Target(fault="too-complex")]),
        (
            "["
            + " AND ".join(
                f"ipv4-addr:value IN ({','.join(repr(str(n)) for n in range(20))})" for _ in range(5)
            )
            + "]",
            [Target(fault="too-complex")],
        ),
    ],
)
def test_stix_patterns(pattern: str, expected: list[Target]) -> None:
    assert list(targets(pattern)) == expected


def test_stix_bundle() -> None:
    base = {"type": "indicator", "pattern_type": "stix", "pattern": "[ipv4-addr:value = '203.0.113.7']"}
    bundle = {
        "type": "bundle",
        "objects": [
            base
            | {
                "id": "indicator--1",
                "valid_from": "2026-01-01T00:00:00.5Z",
                "valid_until": "2026-02-01T00:00:00+09:00",
                "confidence": 80,
                "object_marking_refs": ["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"],
            },
            base | {"id": "indicator--2", "revoked": True},
            base | {"id": "indicator--3", "pattern_type": "snort"},
            base | {"id": "indicator--4", "pattern": "[ipv4-addr:value = '10.0.0.1' OR url:value = 'x']"},
            base | {"id": "indicator--5", "valid_from": "soon"},
            base
            | {
                "id": "indicator--6",
                "pattern": "[ipv4-addr:value = '203.0.113.8']",
                "labels": ["botnet"],
                "object_marking_refs": ["marking-definition--unknown"],
            },
            base
            | {"id": "indicator--7", "pattern": "[ipv4-addr:value = '203.0.113.9']", "valid_from": "2026-01-02", "valid_until": "2026-01-01"},
            {"type": "malware", "id": "malware--1", "name": "Mirai"},
            {"type": "relationship", "relationship_type": "indicates", "source_ref": "indicator--1", "target_ref": "malware--1"},
            "not an object",
        ],
    }  # fmt: skip
    reading = read(json.dumps(bundle))
    one, other = reading.indicators
    assert reading.form == "stix"
    assert (one.family, one.confidence, one.tlp) == ("Mirai", 80, Tlp.AMBER)
    assert (one.valid_from, one.valid_until) == (1767225600500, 1769871600000)
    assert one.valid_at(1767225600500)
    assert not one.valid_at(1769871600000)
    assert (other.family, other.tlp) == ("botnet", Tlp.RED)
    assert faults(reading) == [
        ("list:indicator--2", "revoked"),
        ("list:indicator--3", "other-pattern-type"),
        ("list:indicator--4", "private"),
        ("list:indicator--4", "no-address"),
        ("list:indicator--5", "bad-time"),
        ("list:indicator--7", "never-valid"),
    ]


def test_folding_widens_and_keeps_the_stricter_marking() -> None:
    rows = "ip,port,valid_until,confidence\n203.0.113.7,1,2026-01-01,30\n203.0.113.7,1,2026-02-01,60\n203.0.113.7,2,,\n"
    reading = read(rows)
    assert reading.folded == 1
    assert [(one.port, one.valid_until, one.confidence) for one in reading.indicators] == [
        (1, milliseconds("2026-02-01"), 60),
        (2, 0, -1),
    ]


def test_bounds() -> None:
    with pytest.raises(ReadingError):
        read_list(b"x" * 100, "big", limits=Limits(octets=99))
    with pytest.raises(ReadingError):
        read_list(b"", "x", form="none")
    text = "\n".join(f"8.8.{n}.1" for n in range(50)).encode()
    reading = read_list(text, "many", limits=Limits(entries=10, shown=3))
    assert (len(reading.indicators), len(reading.rejected), reading.reasons) == (10, 3, {"too-many": 40})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("octets", [b"", b"\x00\xff\xfe", b"{", b"[[[[", b'{"objects": 5}', b"#fields\t\n\t", b',,,\n"', b"[1]", b"[" * 300_000, b'{"objects":[{"type":"indicator","id":1,"pattern":"[x:y=1]","labels":7}]}'])  # fmt: skip
def test_no_form_fails_on_rubbish(form: str, octets: bytes) -> None:
    reading = read_list(octets, "x", form=form)
    assert reading.indicators == ()


@pytest.mark.parametrize(
    "text",
    [
        "ip,port,protocol\n203.0.113.7,80,²\n203.0.113.8,81,tcp\n",
        "ip,valid_until\n203.0.113.7,9999-12-31T23:59:59-01:00\n203.0.113.8,0001-01-01T00:00:00+01:00\n",
        "ip,last_seen\n203.0.113.7,²\n203.0.113.8," + "9" * 5_000 + "\n",
        "ip,confidence\n203.0.113.7,²\n203.0.113.8," + "9" * 5_000 + "\n",
    ],
)
def test_one_odd_number_or_time_does_not_cost_the_list(text: str) -> None:
    assert [place.split("/")[0] for place in places(read(text))] == ["203.0.113.7", "203.0.113.8"]


def test_for_ever_written_west_of_greenwich_is_for_ever() -> None:
    assert milliseconds("9999-12-31T23:59:59-01:00") == 253_402_300_799_999
    assert milliseconds("0001-01-01T00:00:00+01:00") == 0
    for text in ("²", "9" * 15, "9" * 5_000):
        assert milliseconds(text) == 0


def test_a_count_of_lists_that_is_no_number_is_a_bad_line() -> None:
    text = "1.2.3.4\t7\n1.2.3.5\t²\n1.2.3.6\t" + "9" * 5_000 + "\n1.2.3.0\t1.2.3.255\t" + "9" * 5_000 + "\n"
    reading = read(text, form="netblocks")
    assert len(reading.indicators) == 1
    assert sum(reading.reasons.values()) == 3


def misp_event(attributes: list[dict[str, object]], **more: object) -> str:
    usual = {"type": "ip-dst", "to_ids": True, "uuid": "u"}
    return json.dumps({"Event": {"Attribute": [usual | one for one in attributes], **more}})


def test_an_attribute_that_nobody_thought_of_costs_itself_only() -> None:
    odd: list[object] = [[], {}, None, 1.5]
    text = misp_event([*({"value": "203.0.113.7", "to_ids": one} for one in odd), {"value": "203.0.113.8"}])
    reading = read(text)
    assert places(reading) == ["203.0.113.8/32 0 0"]
    assert reading.reasons == {"not-for-detection": 4}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, Tlp.CLEAR),
        ({"Tag": [{"name": "tlp:green"}]}, Tlp.GREEN),
        ({"Tag": [{"name": "tlp:white"}]}, Tlp.CLEAR),
        ({"Tag": [{"name": "tlp:unheard-of"}]}, Tlp.RED),
        ({"distribution": "0"}, Tlp.AMBER_STRICT),
        ({"distribution": 0, "Tag": [{"name": "tlp:green"}]}, Tlp.AMBER_STRICT),
        ({"distribution": "3"}, Tlp.CLEAR),
    ],
)
def test_sharing_of_misp_is_never_read_as_wider(more: dict[str, object], expected: Tlp) -> None:
    assert read(misp_event([{"value": "203.0.113.7"}], **more)).indicators[0].tlp is expected
    inside = read(misp_event([{"value": "203.0.113.7", **more}]))
    assert inside.indicators[0].tlp is expected


def test_a_pattern_of_thousands_of_tests_ends_soon() -> None:
    many = "[" + " AND ".join(["network-traffic:dst_port = 80"] * 20_000) + "]"
    assert list(targets(many)) == [Target(fault="too-complex")]
    assert list(targets("[" + " " * (1 << 20) + "ipv4-addr:value = '203.0.113.7']")) == [
        Target(fault="too-complex")
    ]
    listed = ", ".join(f"'203.0.{n // 250}.{n % 250}'" for n in range(5_000))
    assert len(list(targets(f"[ipv4-addr:value IN ({listed})]"))) == 5_000


def test_rejects_repeat_no_url() -> None:
    url = "http://user:secret@203.0.113.7/a?token=secret"
    for text, form in (
        (f'id,url,url_status\n1,"{url}\n2,{url},online,x\n', "csv"),
        (f"{url}\n", "plain"),
        (f"{url}\n", "zeek-intel"),
        (json.dumps({"type": "bundle", "objects": [
            {"type": "indicator", "id": "i", "pattern": f"[url:value = '{url}' AND ipv4-addr:value != '1.2.3.4']"}]}), "stix"),
    ):  # fmt: skip
        reading = read_list(text.encode(), "list", form=form if form in FORMS else "", limits=DOCS)
        assert reading.rejected or reading.others
        assert not any("secret" in one.detail for one in reading.rejected), form
