"""What the DuckDB store does beyond the contract: pruning, labels in the files, bounds, who may read what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.engines import DAY, LABEL, NOW, WHOLE, Clock, batches, lines, plain
from fakes.watched import HOUR, START, flow
from sekisho.errors import PurposeError, ReadingError, StoreError
from sekisho.formats.packed_rows import base_of, packed
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.model.purpose import Label, Purpose
from sekisho.ports.flows import Query
from sekisho.stores.records_duckdb import DuckRecords, Settings
from sekisho.stores.records_duckdb.intake import GATHERED
from sekisho.stores.records_duckdb.journal import Piece

CC = Purpose.CC_DETECTION
OCTETS = Query("octets", 'SELECT CAST(SUM("octetDeltaCount") AS BIGINT) AS "octets" FROM "FLOW"')


def one_shard(root: Path, **more: int) -> DuckRecords:
    return DuckRecords(root, Clock(), Settings(shards=1, threads=1, row_group=2048, **more))


def compacted(root: Path, count: int = 8192) -> tuple[DuckRecords, Path]:
    store = one_shard(root)
    store.append("flows", iter(batches(lines(count), 1024)), LABEL)
    store.compact("flows")
    return store, next(root.rglob("*.parquet"))


def unchecked(file: Path) -> Path:
    """The file under the name of an earlier version, without a checksum: what is spoilt shows only when it is read."""
    return file.rename(file.with_name(file.name.split(".")[0] + ".parquet"))


def spoil(file: Path, *, groups: set[int], column: str | None = None) -> None:
    """Overwrite the pages of a column (or of all) in some row groups with noise."""
    facts = pq.read_metadata(file)
    content = bytearray(file.read_bytes())
    for group in groups:
        for at in range(facts.num_columns):
            chunk = facts.row_group(group).column(at)
            if column in {None, chunk.path_in_schema}:
                first = chunk.dictionary_page_offset or chunk.data_page_offset
                content[first : first + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    file.write_bytes(content)


def ask(store: DuckRecords, window: Window = WHOLE) -> int:
    return int(plain(store.tables("flows", window, CC).ask(OCTETS))[0][0])


def test_only_the_columns_of_a_question_are_read(tmp_path: Path) -> None:
    store, file = compacted(tmp_path)
    before = ask(store)
    spoil(unchecked(file), groups={0, 1, 2, 3}, column="destinationIPv4Address")
    assert ask(store) == before
    with pytest.raises(StoreError):
        store.tables("flows", WHOLE, CC).ask(Query("all", 'SELECT * FROM "FLOW"'))


def test_only_the_row_groups_of_a_window_are_read(tmp_path: Path) -> None:
    store, file = compacted(tmp_path)
    window = Window(START, START + HOUR // 5)
    before = ask(store, window)
    assert before > 0
    spoil(unchecked(file), groups={1, 2, 3})
    assert ask(store, window) == before
    with pytest.raises(StoreError):
        ask(store)


def test_only_the_hours_of_a_window_are_read(tmp_path: Path) -> None:
    store = one_shard(tmp_path)
    store.append("flows", iter(batches(lines(300, hours=3))), LABEL)
    store.compact("flows")
    window = Window(START + HOUR, START + 2 * HOUR)
    before = ask(store, window)
    first, _, last = sorted(tmp_path.rglob("*.parquet"))
    first.write_bytes(b"torn")
    last.write_bytes(b"torn")
    assert ask(store, window) == before


def test_rows_are_sorted_by_time_and_the_file_knows_its_label(tmp_path: Path) -> None:
    store, file = compacted(tmp_path)
    rows = pq.read_table(file)
    times = rows.column("flowStartMilliseconds").to_pylist()
    assert times == sorted(times)
    assert pq.read_metadata(file).num_row_groups == 4
    kept = pq.read_metadata(file).metadata[b"sekisho.label"]
    assert msgspec.json.decode(kept, type=Label) == LABEL
    assert json.loads((file.parents[2] / "label.json").read_bytes())["expires"] == LABEL.expires
    assert store.state()["datasets"]["flows"]["files"] == 1


@pytest.mark.parametrize("content", [None, b"", b"{}", "later"])
def test_a_label_that_is_missing_torn_or_altered_allows_nothing(
    tmp_path: Path, content: bytes | str | None
) -> None:
    store, file = compacted(tmp_path, 100)
    label = file.parents[2] / "label.json"
    if content is None:
        label.unlink()
    elif isinstance(content, bytes):
        label.write_bytes(content)
    else:
        later = msgspec.structs.replace(LABEL, expires=NOW + 999 * DAY)
        label.write_bytes(msgspec.json.encode(later, order="sorted"))
    with pytest.raises(PurposeError):
        store.tables("flows", WHOLE, CC)
    refusal = json.loads((tmp_path / "refusals.jsonl").read_text().splitlines()[-1])
    assert refusal["reason"] == "label-unreadable"


def test_refusals_and_receipts_are_lines_that_outlive_a_torn_one(tmp_path: Path) -> None:
    store, _ = compacted(tmp_path, 100)
    for _ in range(2):
        with pytest.raises(PurposeError):
            store.tables("flows", WHOLE, Purpose.NOTICE)
        with (tmp_path / "refusals.jsonl").open("a") as file:
            file.write('{"at": 17, "da')
    assert store.state()["refusals"] == 2
    lines_ = (tmp_path / "refusals.jsonl").read_text().splitlines()
    assert json.loads(lines_[0])["purpose"] == "notice"
    assert json.loads(lines_[0])["window"] == [WHOLE.begin, WHOLE.end]
    receipts = store.expire(LABEL.expires)
    kept = json.loads((tmp_path / "receipts.jsonl").read_text().splitlines()[0])
    assert kept["rows"] == receipts[0].rows == 100
    assert kept["octets"] == receipts[0].octets > 0


def test_a_deletion_that_was_stopped_goes_on_and_has_one_receipt(tmp_path: Path) -> None:
    store, file = compacted(tmp_path, 100)
    aside = tmp_path / "flows" / f".gone-label-{LABEL.expires}-0123456789abcdef"
    aside.mkdir()
    file.parents[2].rename(aside / "rows")
    (receipt,) = store.expire(LABEL.expires)
    assert (receipt.rows, receipt.reason) == (100, "label")
    assert not aside.exists()
    assert store.expire(LABEL.expires) == ()
    assert store.state()["receipts"] == 1


def test_any_time_that_an_exporter_claims_makes_a_bounded_number_of_folders(tmp_path: Path) -> None:
    store = one_shard(tmp_path, most_hours=5)
    rows = [flow(1, "192.0.2.1", 80, at=3600 * n, octets=1) for n in range(200)]
    store.append("flows", iter(batches(rows)), LABEL)
    assert len([path for path in (tmp_path / "flows").glob("*/*") if path.is_dir()]) <= 6
    assert ask(store) == 200
    assert ask(store, Window(START + 100 * HOUR, START + 150 * HOUR)) == 50


@pytest.mark.parametrize(
    "text",
    [
        "COPY (SELECT 1) TO '{}/out.csv'",
        "SELECT 1; SELECT 2",
        "SELECT * FROM read_parquet('{}/**/*.parquet')",
        "SELECT * FROM read_text('{}/flows/dataset.json')",
        "SET enable_external_access = true",
        "ATTACH '{}/other.db'",
        "INSTALL httpfs",
    ],
)
def test_a_question_gets_no_further_than_its_window(tmp_path: Path, text: str) -> None:
    store, _ = compacted(tmp_path, 100)
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    with pytest.raises(StoreError):
        store.tables("flows", WHOLE, CC).ask(Query("sly", text.format(tmp_path)))
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == before


@pytest.mark.parametrize("name", ["SIDE", "PART", "FLOW", "journal_0"])
def test_an_engine_that_is_used_again_has_forgotten_the_question_before(tmp_path: Path, name: str) -> None:
    store = DuckRecords(tmp_path, Clock(), Settings(shards=2))
    store.append("flows", iter(batches(lines(100))), LABEL)
    window = store.tables("flows", WHOLE, CC)
    side = {"SIDE": pa.table({"n": [1]})}
    first = Query(
        "first", 'SELECT COUNT(*) AS "n" FROM "FLOW"', 'SELECT SUM("n") AS "n" FROM "PART"', tables=side
    )
    for _ in range(2):
        assert window.ask(first).to_pylist() == [{"n": 100}]
    text = f'SELECT COUNT(*) AS "n" FROM "{name}"'
    if name == "FLOW":
        assert store.tables("flows", Window(0, 1), CC).ask(Query("other", text)).to_pylist() == [{"n": 0}]
        return
    with pytest.raises(StoreError):
        store.tables("flows", Window(0, 1), CC).ask(Query("other", text))


def test_a_dataset_keeps_its_number_of_shards(tmp_path: Path) -> None:
    store, _ = compacted(tmp_path, 100)
    before = ask(store)
    other = DuckRecords(tmp_path, Clock(), Settings(shards=7, threads=1))
    other.append("flows", iter(batches(lines(100))), LABEL)
    assert other.state()["datasets"]["flows"]["shards"] == 1
    assert ask(other) == 2 * before
    other.close()


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "x" * 65, ".hidden"])
def test_names_of_datasets_are_checked(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError):
        one_shard(tmp_path).append(name, iter([]), LABEL)


def test_a_disk_that_refuses_while_input_breaks_leaves_no_half_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = one_shard(tmp_path)
    good = batches(lines(100), 100)

    def breaks() -> Iterator[pa.RecordBatch]:
        yield from batches(lines(GATHERED + 10), 1024)
        raise ReadingError(Text(ja="壊れた入力", en="broken input"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    store.append("flows", iter(good), LABEL)
    with monkeypatch.context() as patched:
        patched.setattr("sekisho.stores.records_duckdb.journal.os.fdatasync", full)
        with pytest.raises(StoreError):
            store.append("flows", breaks(), LABEL)
    store.append("flows", iter(good), LABEL)
    count = Query("count", 'SELECT COUNT(*) AS "n" FROM "FLOW"', 'SELECT SUM("n") FROM "PART"')
    assert plain(store.tables("flows", WHOLE, CC).ask(count))[0][0] == 200
    state = store.state()["datasets"]["flows"]
    assert (state["rows"], state["damaged"], state["torn"]) == (200, [], 0)


ALL = Query("all", 'SELECT * FROM "FLOW"')
GREAT = [
    flow(7, "192.0.2.1", 443, octets=1 << 40, packets=1 << 33),
    flow(1 << 40, "2001:db8::1", 443, sampling=7, at=-40 * 86_400),
    flow(8, "192.0.2.2", 443, sampling=1000, lasts=60 * 86_400),
]


@pytest.mark.parametrize("magic", [b"SKJ2", b"SKJ1"])
def test_journals_of_earlier_versions_are_read_beside_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, magic: bytes
) -> None:
    rows = [*lines(500), *GREAT]
    anytime = Window(START - 100 * DAY, START + 100 * DAY)
    truth = one_shard(tmp_path / "truth")
    truth.append("flows", iter(batches([*rows, *rows])), LABEL)
    store = one_shard(tmp_path / "store")
    with monkeypatch.context() as then:
        at = "sekisho.stores.records_duckdb.journal"
        pack = Piece.pack
        then.setattr(f"{at}.packed", lambda batch: batch)  # as wide as WATCHED
        old = None if magic == b"SKJ1" else 0  # whether pieces have a checksum
        then.setattr(
            Piece,
            "pack",
            lambda one: pack(one._replace(magic=magic, checksum=one.checksum if old == 0 else None)),
        )
        store.append("flows", iter(batches(rows)), LABEL)
    store.close()
    head = next((tmp_path / "store").rglob("journals/*")).read_bytes()[:4]
    assert head == magic
    store.append("flows", iter(batches(rows)), LABEL)
    both = plain(store.tables("flows", anytime, CC).ask(ALL))
    assert len(both) == 2 * len(rows)
    assert both == plain(truth.tables("flows", anytime, CC).ask(ALL))
    store.compact("flows")
    assert both == plain(store.tables("flows", anytime, CC).ask(ALL))


@pytest.mark.parametrize("narrow", [True, False])
def test_batches_that_differ_only_in_base_and_constants_keep_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, narrow: bool
) -> None:
    # A base changes in the middle between two of them; no batch here has more than one base or interval.
    change = base_of(START) + 3 * (1 << 30) - START
    rows = [
        [flow(line, "192.0.2.1", 443, sampling=sampling, at=at / 1000, lasts=0) for line in (3, 4)]
        for at in (change - 1, change)
        for sampling in (1, 1000)
    ]
    # Batches so great that none is put together with another.
    monkeypatch.setattr("sekisho.stores.records_duckdb.intake.GATHERED", 1 << 16 if narrow else 1)
    made = [next(iter(batches(some))) for some in rows]
    store = one_shard(tmp_path)
    store.append("flows", iter([packed(one) for one in made] if narrow else made), LABEL)
    at = Query(
        "at",
        'SELECT "flowStartMilliseconds" AS "at", "samplingPacketInterval" AS "of", COUNT(*) AS "n" FROM "FLOW" '
        'GROUP BY "flowStartMilliseconds", "samplingPacketInterval"',
    )
    anytime = Window(START - 100 * DAY, START + 100 * DAY)
    truth = {(START + one, of, 2) for one in (change - 1, change) for of in (1, 1000)}
    assert {tuple(row) for row in plain(store.tables("flows", anytime, CC).ask(at))} == truth
    store.compact("flows")
    assert {tuple(row) for row in plain(store.tables("flows", anytime, CC).ask(at))} == truth


def test_rows_of_a_journal_take_less_than_forty_octets(tmp_path: Path) -> None:
    store = one_shard(tmp_path)
    rows = [flow(1000 + n % 37, f"192.0.2.{n % 23}", 443, at=n / 100) for n in range(20_000)]
    store.append("flows", iter(batches(rows, 20_000)), LABEL)
    size = sum(one.stat().st_size for one in tmp_path.rglob("journals/*"))
    assert size < 40 * len(rows)
