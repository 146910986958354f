"""What is held of a line: each dataset counted right, nobody else's rows, no contents; what can't be counted is said."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC
from html import escape
from pathlib import Path

import msgspec
import pytest

from fakes.command import typed
from fakes.installation import ADDRESS, filled
from sekisho.catalogues.handling import read_handling
from sekisho.language import Language
from sekisho.model.holding import Counted, Holding
from sekisho.model.purpose import LegalBasis, Purpose, Stage
from sekisho.reports.held import PURPOSES, page
from sekisho.stores.database import SqlAudit
from sekisho.stores.purpose_gate import DATASETS
from sekisho.wiring.held import held
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.watch import Watch, milliseconds

DAY, HOUR = 86_400_000, 3_600_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Watch, int]]:
    watch, line = filled(tmp_path / "data")
    with watch:
        yield watch, line


def by_dataset(watch: Watch, line: int) -> dict[str, Holding]:
    return {one.dataset: one for one in held(Holdings(watch), line, "関守", "sender").holdings}


def test_every_dataset_is_told_with_rows_purpose_ground_and_time(world: tuple[Watch, int]) -> None:
    watch, line = world
    found, rules, now = by_dataset(watch, line), read_handling(), milliseconds()
    assert set(found) == set(DATASETS)
    assert {name: one.rows for name, one in found.items()} == {
        "records": 2, "detections": 1, "cases": 1, "notices": 1, "audit": 2, "contacts": None, "assignments": None,
    }  # fmt: skip
    for name, one in found.items():
        rule = rules[DATASETS[name]]
        assert one.stage is DATASETS[name]
        assert set(one.purposes) == set(rule.purposes)
        assert one.basis == (LegalBasis.LEGITIMATE_BUSINESS,)
        assert abs(one.last - now - rule.milliseconds) <= HOUR + 60_000
        if one.rows is None:
            assert one.counted is Counted.BY_ACCOUNT
        else:
            assert now - 120_000 < one.begin <= one.end <= now


def test_of_another_line_only_its_own(world: tuple[Watch, int]) -> None:
    watch, line = world
    found = by_dataset(watch, line + 1)
    assert {name: one.rows for name, one in found.items() if one.rows} == {"records": 1, "audit": 1}
    assert (found["cases"].purposes, found["cases"].expires) == ((), 0)


@pytest.mark.parametrize("language", list(Language))
def test_damaged_files_are_told_with_what_they_leave_out(
    world: tuple[Watch, int], language: Language
) -> None:
    watch, line = world
    watch.store.compact("flow")
    for pattern in ("records/flow/*/*/*/*.parquet", "assignments/*/*/*.parquet"):
        for file in watch.folder.glob(pattern):
            file.write_bytes(file.read_bytes()[:100])
    found = by_dataset(watch, line)
    assert found["records"].damaged >= 1
    assert found["records"].purposes
    assert (found["assignments"].damaged, found["assignments"].counted) == (1, Counted.BY_ACCOUNT)
    assert found["detections"].damaged == 0
    said = page(held(Holdings(watch), line, "関守"), language, UTC).decode()
    assert said.count("数えていない" if language is Language.JA else "rows in them are not counted") == 2


def test_each_look_is_recorded(world: tuple[Watch, int]) -> None:
    watch, line = world
    told = held(Holdings(watch), line, "関守", "sender")
    with Holdings(watch).database() as database:
        assert database is not None
        entry = SqlAudit(database).entries(told.entry - 1, 1)[0]
    assert (entry.act, entry.who, entry.role, entry.object) == ("inventory", "関守", "sender", told.line)


def test_an_entry_is_held_as_long_as_one_before_it_holds_back(world: tuple[Watch, int]) -> None:
    watch, line = world
    rule = read_handling()[DATASETS["audit"]]
    at = by_dataset(watch, line)["audit"].begin
    with Holdings(watch).database() as database:
        assert database is not None
        SqlAudit(database).append("関守", "sender", "export", "case-1", at=at - 9 * DAY)
    found = by_dataset(watch, line)["audit"]
    assert (found.begin, found.rows) == (at - 9 * DAY, 4)
    # It was written behind younger ones (a clock was set back), and goes with them.
    assert at + rule.milliseconds <= found.expires <= found.last


def test_receipts_follow_and_what_ran_out_is_not_called_none(world: tuple[Watch, int]) -> None:
    watch, line = world
    later = Holdings(watch, lambda: milliseconds() + 31 * DAY)
    assert later.expire("関守").faults == {}
    told = held(later, line, "関守")
    assert {one.dataset for one in told.receipts} == {"flow", "detections", "contacts"}
    rows = {one.dataset: one.rows for one in told.holdings}
    assert (rows["records"], rows["detections"], rows["contacts"], rows["cases"]) == (0, 0, 0, 1)


def test_a_label_that_cant_be_read_is_not_called_none(world: tuple[Watch, int]) -> None:
    watch, line = world
    (label,) = (watch.folder / "records" / "flow").glob("*/label.json")
    label.write_bytes(label.read_bytes().replace(b"legitimate-business", b"not-communication"))
    found = by_dataset(watch, line)["records"]
    assert (found.rows, found.counted) == (None, Counted.REFUSED)


def test_an_empty_installation_holds_nothing(tmp_path: Path) -> None:
    with Watch(tmp_path) as watch:
        told = held(Holdings(watch), 5, "関守")
    assert {one.rows for one in told.holdings} == {0}
    assert (told.entry, told.receipts) == (0, ())


@pytest.mark.parametrize("language", list(Language))
def test_the_page_has_no_contents_no_script_and_nothing_from_outside(
    world: tuple[Watch, int], language: Language
) -> None:
    watch, line = world
    told = held(Holdings(watch), line, "関守")
    said = page(msgspec.structs.replace(told, line="<script>x</script>"), language, UTC).decode()
    assert "<script" not in said
    assert "://" not in said
    for secret in (ADDRESS, "acc-1", "花子", "198.51.100.9", "SECRET-BODY", "mirai"):
        assert secret not in said
        assert secret not in msgspec.json.encode(told).decode()
    for one in told.holdings:
        assert escape(one.title.say(language)) in said
    assert set(PURPOSES) == set(Purpose)


def sekisho(*words: object, code: int = 0) -> str:
    done = typed(words, env={**os.environ, "SEKISHO_LANG": "en"})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_as_its_user_types_it(world: tuple[Watch, int], tmp_path: Path) -> None:
    watch, line = world
    word, data = f"L{line:x}", watch.folder
    told = json.loads(
        sekisho("held", word, "--data", data, "--as", "見習", "--json", "--html", tmp_path / "held.html")
    )
    assert {one["dataset"]: one["rows"] for one in told["holdings"]}["records"] == 2
    assert word in (tmp_path / "held.html").read_text()
    text = sekisho("held", word, "--data", data, "--as", "関守")
    assert "re-identification" in text
    assert "legitimate business" in text
    # While the settings name people, nobody else looks; who tried is on record.
    said = sekisho("held", word, "--data", data, "--as", "知らない", code=2)
    assert "[people] in watch.toml" in said
    assert "re-identification" not in said
    entries = json.loads(sekisho("audit", "list", "--data", data, "--act", "refused", "--json"))["entries"]
    assert (entries[-1]["who"], entries[-1]["object"]) == ("知らない", word)
    for wrong in ("6440003f", "Lxyz", "L" + "f" * 16, ADDRESS):
        assert "not a pseudonym" in sekisho("held", wrong, "--data", data, code=2)
    assert "nothing is past its time" in sekisho("expire", "--dry-run", "--data", data)
    assert json.loads(sekisho("expire", "--data", data, "--json"))["expired"]["receipts"] == []
    assert Stage.RAW_FLOW in text
