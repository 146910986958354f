"""Behaviours of hijacked lines: what is found, what is not, and what can't be said."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.watched import HOUR, MemoryTables, answered, flow, window
from sekisho.catalogues.detection import parameters
from sekisho.detectors.flows.brute_force import DETECTOR as BRUTE
from sekisho.detectors.flows.ddos_participation import DETECTOR as DDOS
from sekisho.detectors.flows.outbound_scan import DETECTOR as SCAN
from sekisho.model.detection import Detection, Grade, Window, sampling_words
from sekisho.model.tables import ACK, PSH, RECEIVES, SYN
from sekisho.ports.flows import Finds

DETECTORS = [SCAN, BRUTE, DDOS]
Rows = list[dict[str, Any]]


def look(detector: Any, rows: Rows, *, past_hours: float = 0, **own: Any) -> Finds:
    judged = window()
    tables = MemoryTables(rows, Window(judged.begin - int(past_hours * HOUR), judged.end))
    finds: Finds = detector.detect(tables, judged, parameters(detector.name, own))
    assert {one.reason for one in finds.detections} <= set(detector.reasons)
    assert not finds.coverage.note or finds.coverage.note in detector.reasons
    for one in finds.detections:
        for text in (detector.reasons[one.reason].ja, detector.reasons[one.reason].en):
            assert "{" not in text.format_map(one.arguments)
        assert one.evidence
        assert len(one.evidence) <= 20
    return finds


def only(finds: Finds) -> Detection:
    (one,) = finds.detections
    return one


def browsing(line: int, count: int = 50) -> Rows:
    return [row for n in range(count) for row in answered(line, f"198.51.{n % 4}.{n + 1}", 443, at=n)]


def probes(line: int, count: int, port: int = 23, *, at: float = 0.0, **more: Any) -> Rows:
    return [flow(line, f"203.0.{n // 250}.{n % 250 + 1}", port, at=at + n / 10, **more) for n in range(count)]


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda one: one.name)
def test_no_flows_is_said_and_is_not_nothing_found(detector: Any) -> None:
    empty = look(detector, [])
    assert not empty.detections
    assert empty.coverage.note == "no-flows"
    quiet = look(detector, browsing(7))
    assert not quiet.detections
    assert quiet.coverage.note == ""
    assert (quiet.coverage.lines, quiet.coverage.rows) == (1, 100)


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda one: one.name)
def test_of_flows_towards_the_lines_only_nothing_is_said(detector: Any) -> None:
    """An export of one direction: what a line sends, and so whatever it is looked at for, would not have shown."""
    inbound = [row for row in browsing(7) + probes(8, 60) + flood(9) if row["subscriberSide"] == RECEIVES]
    blind = look(detector, inbound)
    assert not blind.detections
    assert (blind.coverage.note, blind.coverage.blind) == ("inbound-only", True)
    assert blind.coverage.rows == len(inbound)


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda one: one.name)
def test_the_same_look_gives_the_same_ids(detector: Any) -> None:
    rows = probes(7, 200) + guesses(8, 60) + flood(9) + browsing(10)
    first, second = (look(detector, order) for order in (rows, rows[::-1]))
    assert [one.id for one in first.detections] == [one.id for one in second.detections]
    assert first.detections


def test_scan_of_telnet_is_named_as_what_iot_malware_does() -> None:
    one = only(look(SCAN, probes(7, 100) + browsing(8)))
    assert (one.subscriber, one.reason, one.grade) == (7, "horizontal-iot", Grade.LIKELY)
    assert one.arguments["targets"] == 100
    assert one.arguments["port"] == 23
    assert one.arguments["share"] == 100
    assert one.rows == 100


def test_scan_needs_many_targets_and_silence() -> None:
    assert not look(SCAN, probes(7, 29)).detections
    assert look(SCAN, probes(7, 30)).detections
    peers = [row for n in range(40) for row in answered(7, f"203.0.113.{n + 1}", 6881)] + probes(7, 35, 6881)
    assert not look(SCAN, peers).detections, "a client of peers is answered often enough"


def test_retrying_one_target_is_no_scan() -> None:
    assert not look(SCAN, [flow(7, "203.0.113.1", 23, at=n) for n in range(500)]).detections


def test_vertical_scan() -> None:
    one = only(look(SCAN, [flow(7, "2001:db8::1", port, at=port / 100) for port in range(1, 150)]))
    assert one.reason == "vertical"
    assert one.arguments["ports"] == 149
    assert one.arguments["remote"] == "2001:db8::1"


def test_vertical_scans_of_one_line_are_one_detection() -> None:
    rows = [
        flow(7, f"203.0.113.{n}", port, at=port / 100) for n in range(1, 31) for port in range(1, 121 + n)
    ]
    one = only(look(SCAN, rows, targets=1000))
    assert one.reason == "vertical-many"
    assert (one.arguments["remotes"], one.arguments["remote"], one.arguments["ports"]) == (
        30,
        "203.0.113.30",
        150,
    )
    assert one.remotes[0] == "203.0.113.30:*/tcp"
    assert one.remote_count == 30


def test_being_scanned_is_not_scanning() -> None:
    assert not look(SCAN, probes(7, 500, side=RECEIVES)).detections


def test_without_tcp_flags_a_scan_cannot_be_judged() -> None:
    finds = look(SCAN, probes(7, 500, flags=0))
    assert not finds.detections
    assert finds.coverage.note == "no-flags"


def test_a_sample_lowers_what_is_needed_and_says_so() -> None:
    finds = look(SCAN, probes(7, 6, sampling=1000))
    assert only(finds).grade is Grade.WATCH, "six probes seen are an extrapolation"
    assert only(finds).sampling == 1000
    assert finds.coverage.note == "sampled"
    assert not look(SCAN, probes(7, 4, sampling=1000)).detections


def test_the_past_raises_the_threshold_until_the_budget_holds() -> None:
    past = [row for line in range(20, 40) for row in probes(line, 60, at=-30 * 3600)]
    rows = past + probes(7, 100) + probes(8, 50)
    few = look(SCAN, rows, past_hours=48, alarms_a_day=1.0)
    assert [one.subscriber for one in few.detections] == [7]
    assert only(few).arguments["because"] == "budget"
    many = look(SCAN, rows, past_hours=48, alarms_a_day=100.0)
    assert [one.subscriber for one in many.detections] == [7, 8]
    assert many.detections[0].arguments["because"] == "floor"


def test_a_past_that_was_not_recorded_is_no_past() -> None:
    one = only(look(SCAN, probes(7, 100), past_hours=48))
    assert one.arguments["because"] == "no-past"


def test_one_loud_line_in_the_past_cannot_hide_the_next() -> None:
    finds = look(SCAN, probes(20, 5000, at=-30 * 3600) + probes(7, 400), past_hours=48, alarms_a_day=0.0)
    assert only(finds).arguments["because"] == "ceiling"


def test_the_sampling_of_one_exporter_does_not_lower_the_threshold_of_all() -> None:
    other = flow(9, "198.51.100.1", 443, sampling=1000, exporter="192.0.2.2#0")
    assert not look(SCAN, [*probes(7, 6), other]).detections
    ports = [flow(7, "203.0.113.1", port) for port in range(1, 8)]
    assert not look(SCAN, [*ports, other]).detections
    assert not look(BRUTE, [*guesses(7, 6), other]).detections
    one = only(look(SCAN, [*probes(7, 6, sampling=1000), *browsing(8)]))
    assert (one.subscriber, one.grade) == (7, Grade.WATCH)


def test_the_sentence_says_what_its_figures_are() -> None:
    """A scan's are what the sample held, a flood's are multiplied already; of exporters that differ both are said."""

    def said(finds: Finds) -> tuple[str, str]:
        one = only(finds)
        words = sampling_words(one.sampling, one.arguments)
        return words.ja, words.en

    scanned = said(look(SCAN, probes(7, 6, sampling=1000)))
    assert "標本に見えたままの下限" in scanned[0]
    assert "about one in 1000" in scanned[1]
    rows = flood(7, sampling=1000) + browsing(8)
    plain = only(look(DDOS, flood(7) + browsing(8))).arguments["rate"]
    assert only(look(DDOS, rows)).arguments["rate"] == pytest.approx(1000 * plain, rel=0.001)
    for words, scaled in zip(said(look(DDOS, rows)), ("掛けた見積り", "already multiplied"), strict=True):
        assert scaled in words
        assert "下限" not in words
        assert "lower bound" not in words
    two = probes(7, 400) + probes(7, 6, sampling=1000, exporter="192.0.2.2#0")
    assert "一部は全パケット、一部は1:1000の標本" in said(look(SCAN, two))[0]
    assert "Partly from every packet, partly from a 1:1000 sample" in said(look(SCAN, two))[1]
    ports = [flow(7, "203.0.113.1", n, sampling=10 * (1 + n % 2)) for n in range(1, 400)]
    assert "From samples of 1:10 to 1:20" in said(look(SCAN, ports))[1]
    assert only(look(SCAN, probes(7, 400))).arguments.keys().isdisjoint({"finest", "scaled"})


def test_one_exporter_without_flags_beside_an_ordinary_one_is_said() -> None:
    rows = probes(7, 400, flags=0, exporter="192.0.2.2#0") + browsing(8)
    for detector in (SCAN, BRUTE):
        finds = look(detector, rows)
        assert not finds.detections
        assert (finds.coverage.note, finds.coverage.blind) == ("some-flags", True)
    assert look(DDOS, rows).coverage.blind is False
    # A row without flags among others of its exporter is no sign of that.
    assert not look(SCAN, probes(7, 1, flags=0) + browsing(8)).coverage.blind
    assert look(SCAN, rows + probes(9, 100)).detections


def test_the_evidence_of_vertical_scans_is_asked_for_what_was_found() -> None:
    rows = [flow(7, "203.0.113.1", port, at=port / 100) for port in range(1, 121)]
    other = [flow(8, "2001:db8::1", port, at=port / 100) for port in range(1, 121)]
    # Both lines also meet the other's target, and many more: that is no evidence.
    noise = [*probes(7, 20, 80), flow(7, "2001:db8::1", 80), flow(8, "203.0.113.1", 80)]
    judged = window()
    tables = MemoryTables(rows + other + noise, judged)
    finds = SCAN.detect(tables, judged, parameters("outbound_scan", {}))
    assert [(one.subscriber, one.reason, len(one.evidence)) for one in finds.detections] == [
        (7, "vertical", 20), (8, "vertical", 20)]  # fmt: skip
    assert {row["destinationAddress"] for row in finds.detections[0].evidence} == {"203.0.113.1"}
    assert tables.answers["scan-evidence"] == 40


def guesses(line: int, count: int, port: int = 22, targets: int = 1, **more: Any) -> Rows:
    size = {"flags": SYN | ACK | PSH, "packets": 12, "octets": 2_400, "lasts": 2.0}
    return [flow(line, f"203.0.113.{n % targets + 1}", port, at=n, **(size | more)) for n in range(count)]


def test_brute_force_on_one_and_on_many() -> None:
    one = only(look(BRUTE, guesses(7, 60)))
    assert (one.reason, one.arguments["attempts"], one.arguments["port"]) == ("one-target", 60, 22)
    assert only(look(BRUTE, guesses(7, 60, targets=20))).reason == "many-targets"


def test_working_sessions_are_no_attempts() -> None:
    assert not look(BRUTE, guesses(7, 60, octets=50_000)).detections
    assert not look(BRUTE, guesses(7, 60, lasts=600.0)).detections
    assert not look(BRUTE, guesses(7, 60, port=443)).detections
    assert not look(BRUTE, guesses(7, 29)).detections
    assert not look(BRUTE, probes(7, 60, 22)).detections, "unanswered probes are a scan"


def flood(
    line: int, *, back: int = 0, packets: int = 200_000, network: str = "203.0.113", **more: Any
) -> Rows:
    size = {"protocol": 17, "flags": 0, "packets": packets // 10, "octets": packets * 50, "lasts": 6.0}
    rows = [flow(line, f"{network}.{n + 1}", 80, at=6 * n, **(size | more)) for n in range(10)]
    answer = {**size, "packets": max(back // 10, 1)} | more
    # Something always comes back for somebody, else the export is one-way and nothing can be judged.
    return [
        *rows,
        *(flow(line, f"{network}.{n + 1}", 80, at=6 * n, side=RECEIVES, **answer) for n in range(10) if back),
    ]


def test_flood_spread_over_a_network_adds_up() -> None:
    one = only(look(DDOS, flood(7) + browsing(8)))
    assert (one.subscriber, one.reason) == (7, "flood")
    assert one.arguments["rate"] == 3333
    assert one.arguments["remote"] == "203.0.113.0/24"


def test_other_lines_in_the_same_flood_are_counted_across_shards() -> None:
    finds = look(DDOS, flood(7) + flood(8) + flood(9) + browsing(10))
    assert [one.arguments["others"] for one in finds.detections] == [2, 2, 2]


def test_an_upload_is_answered_and_is_no_flood() -> None:
    assert not look(DDOS, flood(7, back=10_000, protocol=6, flags=SYN | ACK)).detections


def test_one_way_export_cannot_show_a_flood() -> None:
    finds = look(DDOS, flood(7))
    assert not finds.detections
    assert finds.coverage.note == "one-way"


def between(one: int, other: int, packets: int, **more: Any) -> Rows:
    """What one line sends another, as the door stores it: under the sender, the pseudonym of the other in place."""
    size = {"protocol": 17, "flags": 0, "packets": packets // 10, "octets": packets * 50, "lasts": 6.0}
    return [flow(one, f"0.0.0.{other}", 80, at=6 * n, **(size | more)) for n in range(10)]


def test_traffic_between_two_lines_is_answered_by_what_the_other_sent() -> None:
    rows = between(7, 8, 200_000) + between(8, 7, 150_000) + browsing(10)
    assert not look(DDOS, rows).detections
    one = only(look(DDOS, between(7, 8, 200_000) + between(8, 7, 100) + browsing(10)))
    assert (one.subscriber, one.arguments["answered"]) == (7, 0.05)
    six = [dict(row) for row in rows]
    for row in six[:20]:
        ends = {
            name: (1 << 120 | row.pop(f"{name}IPv4Address")).to_bytes(16)
            for name in ("source", "destination")
        }
        row |= {"ipVersion": 6, **{f"{name}IPv6Address": value for name, value in ends.items()}}
        row |= {f"{name}IPv4Address": None for name in ends}
    assert not look(DDOS, six).detections
    assert len(look(DDOS, six[:10] + browsing(10)).detections) == 1


def test_an_exporter_of_one_direction_beside_an_ordinary_one_cannot_show_a_flood() -> None:
    outward = flood(7, exporter="192.0.2.2#0")
    finds = look(DDOS, outward + browsing(8))
    assert not finds.detections
    assert (finds.coverage.note, finds.coverage.blind) == ("one-way-lines", True)
    # The other exporter shows that line's reverse direction.
    assert look(DDOS, outward + browsing(7)).detections


def test_counters_that_lie_end_nothing() -> None:
    most = 2**63 - 1
    rows = flood(7, packets=10 * most, octets=most, sampling=2) + browsing(8)
    one = only(look(DDOS, rows))
    assert one.subscriber == 7
    assert look(DDOS, [*rows, *({**row, "subscriber": 9} for row in rows)], past_hours=3).detections
    asked = flow(7, "203.0.113.9", 4444, own_port=1900, side=RECEIVES, protocol=17, flags=0, packets=50)
    lie = flow(7, "203.0.113.9", 4444, own_port=1900, protocol=17, packets=most, octets=most, sampling=9)
    assert only(look(DDOS, [asked, lie, lie])).reason == "reflector"


def test_a_line_that_always_sends_much_needs_more() -> None:
    earlier = [{**row, "flowStartMilliseconds": row["flowStartMilliseconds"] - 2 * HOUR} for row in flood(7)]
    earlier = [{**row, "flowEndMilliseconds": row["flowEndMilliseconds"] - 2 * HOUR} for row in earlier]
    assert not look(DDOS, earlier + flood(7) + browsing(8), past_hours=3).detections
    loud = only(look(DDOS, earlier + flood(7, packets=2_000_000) + browsing(8), past_hours=3))
    assert loud.arguments["because"] == "own-past"


def test_reflector_answers_with_more_than_it_was_asked() -> None:
    asked = [
        flow(
            7,
            "203.0.113.9",
            4444,
            own_port=1900,
            side=RECEIVES,
            protocol=17,
            flags=0,
            packets=5000,
            octets=500_000,
        ),
        flow(7, "203.0.113.9", 4444, own_port=1900, protocol=17, flags=0, packets=30_000, octets=15_000_000),
    ]
    one = only(look(DDOS, asked))
    assert one.reason == "reflector"
    assert one.arguments["factor"] == 30.0
    assert not look(DDOS, [asked[0], {**asked[1], "octetDeltaCount": 2_000_000}]).detections


def test_a_wrong_setting_of_the_operator_is_refused() -> None:
    with pytest.raises(Exception, match="setting"):
        parameters("outbound_scan", {"nonsense": 1})
