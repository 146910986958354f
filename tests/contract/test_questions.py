"""The portable subset: every engine answers alike, before and after compaction, and as plain Python does."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Any

import pyarrow as pa
import pytest

from contract.engines import ENGINES, LABEL, SIX, WHOLE, Clock, batches, lines, plain
from fakes.records import PlainRecords
from fakes.watched import HOUR, START, flow
from sekisho.errors import StoreError
from sekisho.model.detection import Window
from sekisho.model.purpose import Purpose
from sekisho.model.tables import WATCHED, batch_of
from sekisho.ports.flows import Query, RecordStore

ROWS = lines(600, hours=3)
CC = Purpose.CC_DETECTION
LISTED = pa.table({"address": pa.array([192 << 24 | 2 << 8 | n for n in (3, 5, 7)], pa.int64())})

QUESTIONS = [
    Query("rows", 'SELECT COUNT(*) AS "n" FROM "FLOW"', 'SELECT CAST(SUM("n") AS BIGINT) AS "n" FROM "PART"'),
    Query(
        "distinct-lines",
        'SELECT COUNT(DISTINCT "subscriber") AS "n" FROM "FLOW"',
        'SELECT CAST(SUM("n") AS BIGINT) AS "n" FROM "PART"',
    ),
    Query(
        "top",
        'SELECT CAST("destinationIPv4Address" AS BIGINT) AS "to", CAST(SUM("octetDeltaCount") AS BIGINT) AS "octets" '
        'FROM "FLOW" WHERE "ipVersion" = 4 GROUP BY "destinationIPv4Address"',
        'SELECT "to", CAST(SUM("octets") AS BIGINT) AS "octets" FROM "PART" GROUP BY "to" '
        'ORDER BY "octets" DESC, "to" LIMIT 10',
    ),
    Query(
        "top-of-undivided-rows",
        'SELECT CAST("destinationIPv4Address" AS BIGINT) AS "to", CAST(SUM("octetDeltaCount") AS BIGINT) AS "octets" '
        'FROM "FLOW" WHERE "ipVersion" = 4 GROUP BY "destinationIPv4Address"',
        'SELECT "to", CAST(SUM("octets") AS BIGINT) AS "octets" FROM "PART" GROUP BY "to" '
        'ORDER BY "octets" DESC, "to" LIMIT 10',
        whole_lines=False,
    ),
    Query(
        "semi-join",
        'SELECT "subscriber", COUNT(*) AS "n" FROM "FLOW" WHERE CAST("destinationIPv4Address" AS BIGINT) IN '
        '(SELECT "address" FROM "LISTED") GROUP BY "subscriber"',
        tables={"LISTED": LISTED},
    ),
    Query(
        "exists",
        'SELECT DISTINCT "f"."subscriber" AS "line" FROM "FLOW" AS "f" WHERE EXISTS (SELECT 1 FROM "LISTED" AS "l" '
        'WHERE "l"."address" = CAST("f"."destinationIPv4Address" AS BIGINT))',
        tables={"LISTED": LISTED},
    ),
    Query(
        "parameters",
        'SELECT "subscriber", CAST(SUM("packetDeltaCount") AS BIGINT) AS "packets" FROM "FLOW" '
        'WHERE "flowStartMilliseconds" >= $begin AND "destinationTransportPort" = $port GROUP BY "subscriber"',
        'SELECT * FROM "PART" WHERE "packets" >= $least',
        parameters={"begin": START + HOUR, "port": 444, "least": 1},
    ),
    Query(
        "case",
        'SELECT CASE WHEN "ipVersion" = 6 THEN 1 ELSE 0 END AS "six", COUNT(*) AS "n" FROM "FLOW" '
        'GROUP BY CASE WHEN "ipVersion" = 6 THEN 1 ELSE 0 END',
        'SELECT CAST("six" AS BIGINT) AS "six", CAST(SUM("n") AS BIGINT) AS "n" FROM "PART" GROUP BY "six"',
    ),
    Query(
        "binary",
        'SELECT "destinationIPv6Address" AS "to", COUNT(*) AS "n" FROM "FLOW" WHERE "destinationIPv6Address" = $to '
        'OR "destinationIPv6Address" IN (SELECT "address" FROM "SIX") GROUP BY "destinationIPv6Address"',
        'SELECT "to", CAST(SUM("n") AS BIGINT) AS "n" FROM "PART" GROUP BY "to"',
        parameters={"to": IPv6Address("2001:db8::7").packed},
        tables={"SIX": pa.table({"address": pa.array([IPv6Address("2001:db8::f").packed], pa.binary(16))})},
    ),
    Query(
        "series",
        'SELECT "flowStartMilliseconds" - MOD("flowStartMilliseconds", 300000) AS "at", '
        'CAST(SUM("octetDeltaCount") AS BIGINT) AS "octets" FROM "FLOW" '
        'GROUP BY "flowStartMilliseconds" - MOD("flowStartMilliseconds", 300000)',
        'SELECT CAST("at" AS BIGINT) AS "at", CAST(SUM("octets") AS BIGINT) AS "octets" FROM "PART" GROUP BY "at"',
    ),
    Query(
        "rank",
        'SELECT "subscriber", "flowStartMilliseconds" AS "at" FROM (SELECT *, ROW_NUMBER() OVER '
        '(PARTITION BY "subscriber" ORDER BY "flowStartMilliseconds") AS "rank" FROM "FLOW") AS "ranked" '
        'WHERE "rank" <= 2',
    ),
    Query("everything", 'SELECT * FROM "FLOW"'),
]


WINDOWS = (WHOLE, Window(START + HOUR, START + 2 * HOUR), Window(START + 100_000, START + 5_000_000))


@pytest.fixture(scope="module")
def oracle() -> PlainRecords:
    made = PlainRecords(Clock())
    made.append("flows", iter(batches(ROWS)), LABEL)
    return made


@pytest.fixture(scope="module", params=["journals", "compacted", "both"])
def state(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=ENGINES)
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, state: str
) -> Iterator[RecordStore]:
    """An engine in one of its states; that questions leave it as it is, the next question would tell."""
    store = ENGINES[request.param](tmp_path_factory.mktemp("filled") / "store", Clock(), {})
    store.append("flows", iter(batches(ROWS[:400])), LABEL)
    if state == "both":
        store.compact("flows")
    store.append("flows", iter(batches(ROWS[400:])), LABEL)
    if state == "compacted":
        store.compact("flows")
    yield store
    if hasattr(store, "close"):
        store.close()


@pytest.mark.parametrize("query", QUESTIONS, ids=lambda query: query.name)
def test_every_engine_answers_as_the_oracle(filled: RecordStore, oracle: PlainRecords, query: Query) -> None:
    for window in WINDOWS:
        got = filled.tables("flows", window, CC).ask(query)
        want = oracle.tables("flows", window, CC).ask(query)
        assert got.column_names == want.column_names
        assert plain(got) == plain(want)
        assert plain(want)  # an oracle that says nothing proves nothing


def test_the_answer_is_what_plain_python_counts(store: RecordStore) -> None:
    """One look that does not lean on the oracle."""
    store.append("flows", iter(batches(ROWS)), LABEL)
    octets: dict[int, int] = defaultdict(int)
    for row in ROWS:
        if row["ipVersion"] == 4:
            octets[row["destinationIPv4Address"]] += row["octetDeltaCount"]
    want = sorted(octets.items(), key=lambda one: (-one[1], one[0]))[:10]
    top = next(query for query in QUESTIONS if query.name == "top")
    answer = store.tables("flows", WHOLE, CC).ask(top).to_pylist()
    assert [(row["to"], row["octets"]) for row in answer] == want


def test_rows_come_back_as_they_went_in(store: RecordStore) -> None:
    edge = {
        "flowEndMilliseconds": (1 << 62),
        "octetDeltaCount": (1 << 63) - 1,
        "packetDeltaCount": 0,
        "destinationIPv4Address": (1 << 32) - 1,
        "sourceTransportPort": 65_535,
        "samplingPacketInterval": (1 << 32) - 1,
        "postNATSourceIPv4Address": 0xCB007105,
        "postNAPTSourceTransportPort": 1024,
        "subscriber": (1 << 63) - 1,
        "exporter": "2001:db8::1#4294967295",
    }
    rows = [flow(7, "192.0.2.1", 80), flow(7, "192.0.2.1", 80) | edge, flow(SIX, "2001:db8::", 80)]
    rows[2]["sourceIPv6Address"] = b"\x20\x01" + bytes(14)
    store.append("flows", iter(batches(rows)), LABEL)
    whole = Query("all", 'SELECT * FROM "FLOW"')
    for _ in range(2):
        got = store.tables("flows", WHOLE, CC).ask(whole)
        assert got.column_names == WATCHED.names
        assert sorted(map(repr, got.to_pylist())) == sorted(map(repr, rows))
        store.compact("flows")


def test_all_rows_of_a_line_lie_in_one_shard(store: RecordStore) -> None:
    store.append("flows", iter(batches(ROWS)), LABEL)
    answer = store.tables("flows", WHOLE, CC).ask(
        Query("lines", 'SELECT "subscriber", COUNT(*) AS "n" FROM "FLOW" GROUP BY "subscriber"')
    )
    got = [(row["subscriber"], row["n"]) for row in answer.to_pylist()]
    assert sorted(got) == sorted(Counter(row["subscriber"] for row in ROWS).items())


def test_optional_columns_may_be_left_out(store: RecordStore) -> None:
    rows = [row for row in lines(50) if row["ipVersion"] == 4]
    full = batches(rows)[0]
    optional = [field.name for field in WATCHED if field.nullable and "IPv4" not in field.name]
    lean = full.select([name for name in full.schema.names if name not in optional])
    store.append("flows", iter([lean, full]), LABEL)
    answer = store.tables("flows", WHOLE, CC).ask(Query("all", 'SELECT * FROM "FLOW"'))
    assert sorted(map(repr, answer.to_pylist())) == sorted(map(repr, rows * 2))


def test_exporters_change_from_batch_to_batch(store: RecordStore) -> None:
    """Each batch has a dictionary of its own."""
    rows = [dict(row, exporter=f"192.0.2.{n % 9}#0") for n, row in enumerate(lines(90))]
    store.append("flows", iter(batches(rows, 7)), LABEL)
    store.append("flows", iter(batches([dict(row, exporter="late") for row in rows[:5]])), LABEL)
    query = Query(
        "exporters",
        'SELECT "exporter", COUNT(*) AS "n" FROM "FLOW" GROUP BY "exporter"',
        'SELECT "exporter", CAST(SUM("n") AS BIGINT) AS "n" FROM "PART" GROUP BY "exporter"',
    )
    for _ in range(2):
        answer = store.tables("flows", WHOLE, CC).ask(query)
        assert plain(answer) == [*[(f"192.0.2.{n}#0", 10) for n in range(9)], ("late", 5)]
        store.compact("flows")


def test_an_empty_window_has_columns_and_no_rows(store: RecordStore) -> None:
    store.append("flows", iter(batches(ROWS)), LABEL)
    tables = store.tables("flows", Window(START - 9 * HOUR, START - 8 * HOUR), CC)
    assert tables.window == Window(START - 9 * HOUR, START - 8 * HOUR)
    answer = tables.ask(Query("all", 'SELECT * FROM "FLOW"'))
    assert answer.num_rows == 0
    assert answer.column_names == WATCHED.names
    counted = tables.ask(QUESTIONS[0])
    assert plain(counted) == [(0,)]


def test_windows_are_half_open(store: RecordStore) -> None:
    rows = [flow(5, "192.0.2.1", 80, at=at) for at in (0, 1, 2, 3600)]
    store.append("flows", iter(batches(rows)), LABEL)
    for window, want in (((0, 1), 1), ((0, 2), 2), ((1, 3600), 2), ((1, 3601), 3), ((2, 2), 0)):
        asked = Window(START + window[0] * 1000, START + window[1] * 1000)
        assert plain(store.tables("flows", asked, CC).ask(QUESTIONS[0])) == [(want,)], window


def test_late_rows_go_to_their_own_hour(store: RecordStore) -> None:
    store.append("flows", iter(batches(lines(80, start=5))), LABEL)
    store.compact("flows")
    late = [*lines(30, start=0), *lines(7, start=-24 * 40), *lines(3, start=24 * 300)]
    store.append("flows", iter(batches(late)), LABEL)
    for _ in range(2):
        for first, last, want in ((0, 1, 30), (5, 6, 80), (-960, -959, 7), (7200, 7201, 3), (0, 6, 110)):
            window = Window(START + first * HOUR, START + last * HOUR)
            assert plain(store.tables("flows", window, CC).ask(QUESTIONS[0])) == [(want,)]
        store.compact("flows")


def test_times_outside_every_calendar_are_kept(store: RecordStore) -> None:
    rows = [dict(flow(5, "192.0.2.1", 80), flowStartMilliseconds=at) for at in (-5, 0, 1 << 61, 1 << 45)]
    assert store.append("flows", iter(batches(rows)), LABEL) == 4
    window = Window(-(1 << 62), 1 << 62)
    assert plain(store.tables("flows", window, CC).ask(QUESTIONS[0])) == [(4,)]
    assert plain(store.tables("flows", Window(0, 1), CC).ask(QUESTIONS[0])) == [(1,)]


@pytest.mark.parametrize(
    "text", ["SELEC 1", 'SELECT "FLOW"."none" FROM "FLOW"', 'SELECT * FROM "NOWHERE"', ""]
)
def test_a_bad_question_is_said(store: RecordStore, text: str) -> None:
    store.append("flows", iter(batches(ROWS[:9])), LABEL)
    with pytest.raises((StoreError, TypeError)):
        store.tables("flows", WHOLE, CC).ask(Query("bad", text))


def strange(name: str) -> pa.RecordBatch:
    rows: dict[str, Any] = {"dnsName": ["a.example"]} if name == "dnsName" else {}
    good = batches(ROWS[:1])[0]
    if name == "dnsName":
        return good.append_column("dnsName", pa.array(rows["dnsName"]))
    if name == "missing":
        return good.drop_columns(["octetDeltaCount"])
    if name == "no line":
        return batches([dict(ROWS[0], subscriber=0)])[0]
    return batch_of({one: good.column(one) for one in good.schema.names if not one.startswith("subscriber")})


@pytest.mark.parametrize("name", ["dnsName", "missing", "no line", "raw"])
def test_only_watched_rows_reach_a_disk(store: RecordStore, name: str) -> None:
    store.append("flows", iter(batches(ROWS[:5])), LABEL)
    with pytest.raises(StoreError):
        store.append("flows", iter([strange(name)]), LABEL)
    assert store.state()["datasets"]["flows"]["rows"] == 5
