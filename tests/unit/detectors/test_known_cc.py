"""Known C&C: what is a hit, how far it may be used, and what is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from fakes.watched import START, MemoryTables, answered, flow, window
from sekisho.catalogues.detection import parameters
from sekisho.detectors.flows.known_cc import DETECTOR, KnownCc, Matches
from sekisho.formats.watchlist import Watchlist
from sekisho.model.detection import Grade, sampling_words
from sekisho.model.indicator import Indicator
from sekisho.model.tables import ACK, FIN, PSH, RECEIVES, RST, SENDS, SYN, WATCHED
from sekisho.ports.flows import Finds

CC, OTHER, SIX = "203.0.113.7", "203.0.113.99", "2001:db8::7"
EXACT = Indicator(f"{CC}/32", port=48101, family="mirai", source="list-a", confidence=80)
ALL = SYN | ACK | PSH | FIN
Rows = list[dict[str, Any]]


def look(rows: Rows, *entries: Indicator, **own: Any) -> Finds:
    """Look both ways: back by queries, and while the rows stream by in two batches; both must say the same."""
    unit = KnownCc(entries or (EXACT,))
    chosen = parameters("known_cc", own)
    back: Finds = unit.detect(MemoryTables(rows, window()), window(), chosen)
    matches, watchlist = Matches(int(chosen["rows_most"])), Watchlist(unit.indicators)
    inside = [row for row in rows if window().holds(row["flowStartMilliseconds"])]
    for part in (inside[::2], inside[1::2]):
        matches.feed(watchlist, pa.RecordBatch.from_pylist(part, WATCHED))
    live = unit.judge(matches, window(), chosen).finds
    assert live == back
    assert msgspec.json.decode(msgspec.json.encode(back), type=Finds) == back
    for one in back.detections:
        for text in (unit.reasons[one.reason].ja, unit.reasons[one.reason].en):
            assert "{" not in text.format_map(one.arguments)
    assert not back.coverage.note or back.coverage.note in unit.reasons
    return back


def only(rows: Rows, *entries: Indicator, **own: Any) -> tuple[str, str]:
    (one,) = look(rows, *entries, **own).detections
    return one.grade.value, one.reason


def test_a_conversation_with_the_listed_port_is_confirmed() -> None:
    finds = look(answered(4, CC, 48101) + answered(4, "198.51.100.1", 443) + answered(5, OTHER, 48101))
    (one,) = finds.detections
    assert (one.grade, one.reason, one.family, one.subscriber) == (Grade.CONFIRMED, "established", "mirai", 4)
    assert one.remotes == (f"{CC}:48101/tcp",)
    assert one.arguments["sent"] == 15_000
    assert one.arguments["received"] == 200_000
    assert (one.begin, one.end, one.rows, one.sampling) == (START, START + 3000, 2, 1)
    assert [row["sourceAddress"] for row in one.evidence].count(CC) == 1
    assert one.sources == ("list-a",)
    assert (finds.coverage.lines, finds.coverage.rows, finds.coverage.note) == (2, 6, "")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (Indicator(f"{CC}/32", source="l"), ("likely", "established-any-port")),
        (Indicator("203.0.113.0/24", port=48101), ("likely", "established-prefix")),
        (Indicator(f"{CC}/32", port=48101, confidence=20), ("likely", "established-doubted")),
        (Indicator(f"{CC}/32", port=48101), ("confirmed", "established")),
        (Indicator(f"{CC}/32", port=48101, protocol=6), ("confirmed", "established")),
    ],
)
def test_what_the_list_says_bounds_the_grade(entry: Indicator, expected: tuple[str, str]) -> None:
    assert only(answered(4, CC, 48101), entry) == expected


@pytest.mark.parametrize(
    "entry",
    [
        Indicator(f"{CC}/32", port=48102),
        Indicator(f"{CC}/32", port=48101, protocol=17),
        Indicator(f"{OTHER}/32"),
        Indicator(f"{CC}/32", valid_from=START + 10_000),
        Indicator(f"{CC}/32", valid_until=START),
        Indicator("100.64.0.0/10"),
    ],
)
def test_no_match(entry: Indicator) -> None:
    assert look(answered(4, CC, 48101), entry, Indicator("8.8.8.8/32")).detections == ()


def back(line: int, **more: Any) -> dict[str, Any]:
    return flow(line, CC, 48101, side=RECEIVES, **more)


def out(line: int, **more: Any) -> dict[str, Any]:
    return flow(line, CC, 48101, **more)


ANY = Indicator(f"{CC}/32", family="mirai")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Only SYN, repeated; refused; half-open scan of the C&C.
        ([out(1, packets=3)], ("watch", "attempt")),
        ([out(1), back(1, flags=RST | ACK, at=0.1)], ("watch", "attempt")),
        ([out(1, packets=5), back(1, flags=RST | ACK, packets=5, at=0.1)], ("watch", "attempt")),
        ([out(1, flags=SYN | RST, packets=2), back(1, flags=SYN | ACK, at=0.1)], ("watch", "attempt")),
        # Minimal handshake without payload.
        ([out(1, flags=SYN | ACK | FIN, packets=4), back(1, flags=SYN | ACK | FIN, packets=3)], ("confirmed", "established")),
        # The exporter gives no flags: three packets both ways.
        ([out(1, flags=0, packets=5), back(1, flags=0, packets=5)], ("confirmed", "established")),
        ([out(1, flags=0, packets=2), back(1, flags=0, packets=2)], ("watch", "attempt")),
        # Only one direction exported.
        ([out(1, flags=ALL, packets=9)], ("likely", "one-sided")),
        ([back(1, flags=ALL, packets=9)], ("likely", "one-sided")),
        # A long connection whose middle part alone is in the window.
        ([out(1, flags=ACK, packets=9), back(1, flags=ACK, packets=9)], ("confirmed", "established")),
        # UDP answered and not.
        ([out(1, protocol=17, flags=0), back(1, protocol=17, flags=0, at=0.1)], ("confirmed", "established")),
        ([out(1, protocol=17, flags=0)], ("watch", "attempt")),
        # Ping.
        ([out(1, protocol=1, flags=0), back(1, protocol=1, flags=0)], ("watch", "contact")),
    ],
)  # fmt: skip
def test_strength_with_the_listed_port(rows: Rows, expected: tuple[str, str]) -> None:
    assert only(rows) == expected if rows[0]["protocolIdentifier"] != 1 else only(rows, ANY) == expected


@pytest.mark.parametrize(
    "rows",
    [
        # The C&C scans the line: unanswered, refused, answered by an open port and dropped.
        [flow(1, CC, 48101, side=RECEIVES)],
        [back(1), out(1, flags=RST | ACK, at=0.1)],
        [back(1, flags=SYN | RST, packets=2), out(1, flags=SYN | ACK, at=0.1)],
        [out(1, flags=SYN | ACK, packets=3)],
        [out(1, flags=RST | ACK)],
        # It answers what this line never sent (somebody forged the line's address).
        [back(1, flags=SYN | ACK)],
        [back(1, flags=RST | ACK)],
        # Unasked UDP and ping.
        [flow(1, CC, 48101, side=RECEIVES, protocol=17, flags=0, packets=9)],
        [flow(1, CC, 0, side=RECEIVES, own_port=0, protocol=1, flags=0)],
        # No flags, one packet in.
        [back(1, flags=0)],
    ],
)
def test_a_cc_that_scans_us_is_no_hit(rows: Rows) -> None:
    finds = look(rows, EXACT, ANY)
    assert finds.detections == ()
    assert finds.coverage.rows == len(rows)


def test_opened_by_the_remote_and_answered() -> None:
    rows = [
        flow(1, CC, 51000, side=RECEIVES, own_port=23, flags=ALL, packets=9, at=0.0),
        flow(1, CC, 51000, own_port=23, flags=ALL, packets=9, at=0.1),
    ]
    assert only(rows, ANY) == ("watch", "inbound")
    # Same moment: the well-known port is the server's.
    rows[1]["flowStartMilliseconds"] = rows[0]["flowStartMilliseconds"]
    assert only(rows, ANY) == ("watch", "inbound")
    # The line was first, or its port is no well-known one.
    rows[1]["flowStartMilliseconds"] -= 0
    rows[0]["flowStartMilliseconds"] += 50
    assert only(rows, ANY) == ("likely", "established-any-port")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([out(1, sampling=1000)], ("watch", "weak")),
        ([out(1, flags=ACK, sampling=1000)], ("watch", "weak")),
        ([back(1, flags=SYN | ACK, sampling=1000)], ("watch", "weak")),
        ([out(1, flags=ACK, sampling=1000), back(1, flags=ACK, sampling=1000)], ("confirmed", "established")),
        ([out(1, flags=ACK | PSH, sampling=1000)], ("likely", "one-sided")),
        ([out(1, protocol=17, flags=0, sampling=1000)], ("watch", "weak")),
        ([out(1, sampling=0)], ("watch", "weak")),
    ],
)
def test_sampling_is_taken_into_account(rows: Rows, expected: tuple[str, str]) -> None:
    finds = look(rows)
    (one,) = finds.detections
    assert (one.grade.value, one.reason) == expected
    assert one.sampling == rows[0]["samplingPacketInterval"]
    seen = any(row["subscriberSide"] == SENDS for row in rows)
    assert finds.coverage.note == (("sampled" if one.sampling else "unstated") if seen else "inbound-only")
    assert finds.coverage.blind is not seen


def test_of_two_exporters_the_figures_are_no_hundredth() -> None:
    """One sees every packet, one a hundredth: what is added up of both is no sample's figure."""
    (one,) = look([*answered(4, CC, 48101), out(4, sampling=100)]).detections
    assert (one.sampling, one.arguments["finest"]) == (100, 1)
    words = sampling_words(one.sampling, one.arguments)
    assert "one in 100" not in words.en
    assert "Partly from every packet, partly from a 1:100 sample" in words.en
    assert "標本だけに見えた分は下限" in words.ja
    (unstated,) = look([out(1, flags=ACK, sampling=100), out(1, flags=ACK | PSH, sampling=0)]).detections
    assert "doesn't state its sampling" in sampling_words(unstated.sampling, unstated.arguments).en


def test_a_sampled_scan_by_the_cc_is_no_hit() -> None:
    assert look([back(1, sampling=1000), out(2, flags=SYN | ACK, sampling=1000)], EXACT).detections == ()


def test_ipv6_and_prefixes_and_several_lists() -> None:
    entries = (
        Indicator(f"{SIX}/128", port=443, family="mozi", source="a"),
        Indicator("2001:db8::/64", source="b"),
        Indicator("203.0.113.0/24", source="c"),
        Indicator(f"{CC}/32", port=48101, family="mirai", source="a"),
    )
    finds = look(answered(1, SIX, 443) + answered(2, "2001:db8::8", 80) + answered(3, CC, 48101), *entries)
    assert [(one.subscriber, one.grade.value, one.family, one.sources) for one in finds.detections] == [
        (1, "confirmed", "mozi", ("a", "b")),
        (2, "likely", "", ("b",)),
        (3, "confirmed", "mirai", ("a", "c")),
    ]
    assert finds.detections[0].remotes == (f"[{SIX}]:443/tcp",)
    assert finds.detections[1].arguments["family"] == "b"


def test_one_detection_for_a_line_and_family_with_bounded_evidence() -> None:
    rows = [row for at in range(60) for row in answered(1, CC, 48101, own_port=2000 + at, at=float(at))]
    rows += answered(1, OTHER, 23, at=100.0)
    (one,) = look(rows, EXACT, Indicator(f"{OTHER}/32", port=23, family="mirai", source="b")).detections
    assert (one.rows, len(one.evidence), one.remote_count) == (122, 20, 2)
    assert one.arguments["talks"] == 61
    assert one.sources == ("b", "list-a")


def test_popular_destinations_are_left_out_and_said() -> None:
    rows = [row for line in range(1, 200) for row in answered(line, CC, 48101)]
    rows += answered(500, OTHER, 23)
    finds = look(rows, EXACT, Indicator(f"{OTHER}/32", port=23))
    assert [one.subscriber for one in finds.detections] == [500]
    assert finds.coverage.note == "popular"
    # With the operator's own bound they come back.
    assert len(look(rows, EXACT, reach_least=1000).detections) == 199
    # Lines that the C&C merely scans do not make it popular.
    scanned = [back(line) for line in range(1, 200)] + answered(500, CC, 48101)
    finds = look(scanned)
    assert [one.subscriber for one in finds.detections] == [500]
    assert finds.coverage.note == ""
    unit = KnownCc((EXACT,))
    matches = Matches()
    matches.feed(Watchlist(unit.indicators), pa.RecordBatch.from_pylist(rows, WATCHED))
    judged = unit.judge(matches, window(), parameters("known_cc"))
    assert [(one.where, one.reason, one.detail) for one in judged.popular] == [
        (f"{CC}:48101/tcp", "popular", "199 / 200")
    ]


def test_a_line_that_talks_with_everything_is_not_confirmed() -> None:
    hosts = [f"203.0.113.{at}" for at in range(1, 8)]
    entries = [Indicator(f"{host}/32", port=23, family=f"f{host}") for host in hosts]
    rows = [row for host in hosts for row in answered(1, host, 23)]
    assert {(one.grade.value, one.reason) for one in look(rows, *entries).detections} == {
        ("likely", "established-crowd")
    }
    assert {one.grade for one in look(rows, *entries, families_most=7).detections} == {Grade.CONFIRMED}


@pytest.mark.parametrize(
    ("rows", "entries", "note", "blind"),
    [
        (answered(1, CC, 48101), (), "list-empty", True),
        (answered(1, CC, 48101), (Indicator(f"{CC}/32", valid_until=START - 1),), "list-expired", True),
        (answered(1, CC, 48101), (Indicator(f"{CC}/32", valid_from=window().end),), "list-expired", True),
        ([], (EXACT,), "no-flows", True),
        (answered(1, OTHER, 48101), (EXACT,), "", False),
    ],
)
def test_nothing_found_is_not_the_same_as_could_not_look(
    rows: Rows, entries: Sequence[Indicator], note: str, blind: bool
) -> None:
    unit = DETECTOR.bound(entries)
    finds = unit.detect(MemoryTables(rows, window()), window(), parameters("known_cc"))
    assert finds.detections == ()
    assert (finds.coverage.note, finds.coverage.blind) == (note, blind)
    matches = Matches()
    if rows:
        matches.feed(Watchlist(unit.indicators), pa.RecordBatch.from_pylist(rows, WATCHED))
    assert unit.judge(matches, window(), parameters("known_cc")).finds == finds


def test_looking_back_at_any_time() -> None:
    late = Indicator(f"{CC}/32", port=48101, valid_from=START + 10**9)
    tables = MemoryTables(answered(1, CC, 48101), window())
    assert (
        KnownCc().bound([late]).detect(tables, window(), parameters("known_cc")).coverage.note
        == "list-expired"
    )
    finds = KnownCc().bound([late], any_time=True).detect(tables, window(), parameters("known_cc"))
    assert len(finds.detections) == 1


def test_a_new_list_between_two_batches() -> None:
    matches, unit = Matches(), KnownCc((EXACT, ANY))
    first, second = Watchlist([Indicator(f"{OTHER}/32", port=1, family="x")]), Watchlist([EXACT])
    rows = answered(1, CC, 48101) + answered(2, OTHER, 1)
    batch = pa.RecordBatch.from_pylist(rows, WATCHED)
    assert (matches.feed(first, batch), matches.feed(second, batch)) == (2, 2)
    finds = unit.judge(matches, window(), parameters("known_cc")).finds
    assert [(one.subscriber, one.family) for one in finds.detections] == [(1, "mirai"), (2, "x")]


def test_too_many_matched_rows_are_counted() -> None:
    rows = [row for at in range(20) for row in answered(1, CC, 48101, own_port=2000 + at)]
    finds = look(rows, rows_most=10)
    assert finds.coverage.note == "overflow"
    assert finds.detections[0].rows == 10


def test_same_look_same_id() -> None:
    one, other = look(answered(1, CC, 48101)), look(answered(1, CC, 48101))
    assert one == other
    assert one.detections[0].id != look(answered(2, CC, 48101)).detections[0].id


def test_lines_are_counted_exactly() -> None:
    matches, watchlist = Matches(), Watchlist([EXACT])
    for start in (0, 3_000, 1_000):
        rows = [flow(line * 977, "198.51.100.1", 80) for line in range(start, start + 4_000)]
        matches.feed(watchlist, pa.RecordBatch.from_pylist(rows, WATCHED))
    assert matches.coverage().lines == 7_000


def test_every_line_has_its_own_evidence_however_many_there_are() -> None:
    """More detections than are fetched at a time keep their own rows."""
    rows = [row for line in range(1, 5_001) for row in answered(line, CC, 48101, octets=line)]
    matches, unit = Matches(), KnownCc((EXACT,))
    matches.feed(Watchlist(unit.indicators), pa.RecordBatch.from_pylist(rows, WATCHED))
    judged = unit.judge(matches, window(), parameters("known_cc", {"reach_least": 10_000}))
    assert len(judged.finds.detections) == 5_000
    for one in judged.finds.detections:
        assert [row["subscriber"] for row in one.evidence] == [one.subscriber] * 2
        assert one.arguments["sent"] == one.subscriber


def test_counters_that_lie_do_not_wrap() -> None:
    lie = {"octets": 2**63 - 1, "packets": 2**63 - 1}
    rows = [*answered(1, CC, 48101), *(out(1, at=n, flags=ALL, **lie) for n in range(6))]
    (one,) = look(rows).detections
    assert one.grade.value == "confirmed"
    assert one.arguments["sent"] > 2**60


def test_a_flow_that_came_twice_counts_once() -> None:
    rows = answered(1, CC, 48101)
    whole_seconds = [
        row | {"flowStartMilliseconds": row["flowStartMilliseconds"] // 1000 * 1000} for row in rows
    ]
    (once,) = look(rows, EXACT).detections
    (thrice,) = look([*rows, *rows, *whole_seconds], EXACT).detections
    assert once.arguments == thrice.arguments
