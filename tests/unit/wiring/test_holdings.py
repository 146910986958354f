"""Every dataset of an installation: each purpose asked of it, its time over, and the one way to a name through it all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.installation import ADDRESS, SETTINGS, filled
from sekisho.catalogues.handling import read_handling
from sekisho.errors import CatalogueError, PurposeError, StoreError
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.model.identity import Naming
from sekisho.model.purpose import LegalBasis, Purpose, Stage
from sekisho.stores.database import Database, SqlAudit
from sekisho.stores.purpose_gate import DATASETS
from sekisho.wiring.audit_holding import expires, until
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.live import live, receiving
from sekisho.wiring.watch import Watch, milliseconds
from sekisho.workflows.reidentify import Asked, reidentify

DAY, HOUR = 86_400_000, 3_600_000
WHOLE = Window(0, 1 << 50)
WAYS: dict[str, Callable[[Holdings, Database, Purpose], Any]] = {
    "records": lambda held, _, purpose: held.records(WHOLE, purpose),
    "detections": lambda held, _, purpose: held.detections(purpose),
    "cases": lambda held, database, purpose: held.cases(database, purpose).case("case-1"),
    "notices": lambda held, database, purpose: held.notices(database, purpose).notice("n-1"),
    "contacts": lambda held, _, purpose: held.contacts(purpose).contact("acc-1"),
    "assignments": lambda held, _, purpose: list(
        held.assignments(purpose).look_up([(ADDRESS, 0, milliseconds())])
    ),
    "audit": lambda held, database, purpose: held.audit(database, purpose).entries(),
}


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    one, _ = filled(tmp_path / "data")
    with one:
        yield one


def refusals(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for file in (folder / "refusals.jsonl", folder / "records" / "refusals.jsonl")
        if file.exists()
        for line in file.read_text().splitlines()
    ]


def test_no_dataset_is_forgotten() -> None:
    assert set(WAYS) == set(DATASETS)
    # Names of the operator's own people are no communication: nobody asks for them but by the papers that carry them.
    assert set(DATASETS.values()) >= set(Stage) - {Stage.SPOOL, Stage.CONFIRMED, Stage.STAFF}


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("dataset", list(DATASETS))
def test_every_purpose_of_every_dataset(watch: Watch, dataset: str, purpose: Purpose) -> None:
    held = Holdings(watch)
    allowed = purpose in read_handling()[DATASETS[dataset]].purposes
    with held.database() as database:
        assert database is not None
        if allowed:
            assert WAYS[dataset](held, database, purpose)
            assert refusals(watch.folder) == []
            return
        with pytest.raises(PurposeError):
            WAYS[dataset](held, database, purpose)
    (row,) = refusals(watch.folder)
    assert (row["purpose"], row["reason"]) == (purpose.value, "purpose")
    assert row["dataset"] == {"records": "flow"}.get(dataset, dataset)


def test_data_of_nobody_may_serve_a_demonstration(tmp_path: Path) -> None:
    with filled(tmp_path / "data", 'basis = "not-communication"\n' + SETTINGS)[0] as watch:
        held = Holdings(watch)
        with held.database() as database:
            assert database is not None
            for dataset in ("records", "cases", "notices", "contacts", "assignments", "audit"):
                assert WAYS[dataset](held, database, Purpose.DEMONSTRATION) is not None


@pytest.mark.parametrize("stage", list(Stage))
def test_days_of_every_stage_are_settings_below_a_hard_maximum(tmp_path: Path, stage: Stage) -> None:
    most = read_handling()[stage].most_days
    (tmp_path / "watch.toml").write_text(f'[keep]\n"{stage.value}" = {most + 0.01}\n')
    with pytest.raises(CatalogueError):
        Watch(tmp_path)
    (tmp_path / "watch.toml").write_text(f'[keep]\n"{stage.value}" = {most / 2}\n')
    with Watch(tmp_path) as watch:
        assert Holdings(watch).rules[stage].days == most / 2


def expired(watch: Watch, days: float, **more: Any) -> dict[str, int]:
    done = Holdings(watch, lambda: milliseconds() + int(days * DAY)).expire("関守", role="admin", **more)
    assert done.faults == {}
    return {one.dataset: one.rows for one in done.receipts}


def test_stages_expire_one_after_the_other_and_leave_receipts(watch: Watch) -> None:
    assert expired(watch, 0) == {}
    steps = [(7, {"flow": 3}), (30, {"detections": 1, "contacts": 1}), (90, {"assignments": 1}),
             (181, {"cases": 1, "notices": 1})]  # fmt: skip
    for days, gone in steps:
        assert expired(watch, days, dry=True) == gone
        assert expired(watch, days, dry=True) == gone, "a dry run deletes nothing"
        assert expired(watch, days) == gone
        assert expired(watch, days) == {}
    own = [json.loads(line) for line in (watch.folder / "receipts.jsonl").read_text().splitlines()]
    assert [one["dataset"] for one in own] == ["detections", "contacts", "assignments", "cases", "notices"]
    assert watch.store.state()["receipts"] == 1
    with Holdings(watch).database() as database:
        assert database is not None
        audit = SqlAudit(database)
        assert audit.verify().whole
        acts = [(one.act, one.object) for one in audit.entries()]
        # The case is gone, what was done to it is not.
        assert acts[0] == ("approve-notice", "case-1")
        assert [name for act, name in acts if act == "delete"] == ["flow", *(one["dataset"] for one in own)]


def test_the_audit_log_itself_expires(watch: Watch) -> None:
    assert expired(watch, 1800).keys() == {
        "flow",
        "detections",
        "contacts",
        "assignments",
        "cases",
        "notices",
    }
    with Holdings(watch).database() as database:
        assert database is not None
        log = SqlAudit(database)
        first = log.entries()[0].at
        rule = Holdings(watch).rules[Stage.AUDIT]
        due = (expires(rule, first) - milliseconds()) / DAY
        assert expired(watch, due - 0.001, dry=True) == {}
        assert expired(watch, due + 0.001, dry=True) == {"audit": 1}
        assert expired(watch, due + 0.001) == {"audit": 1}
        assert expired(watch, due + 0.001) == {}, "what says so is not past its time"
        acts = [one.act for one in log.entries()]
        assert (acts[-1], acts.count("delete")) == ("expire-audit", 6)
        found = log.verify()
        assert found.whole
        assert found.checkpoint is not None
        assert (found.checkpoint.last, found.checkpoint.rule) == (1, "audit, 1827 d")
    own = [json.loads(line) for line in (watch.folder / "receipts.jsonl").read_text().splitlines()]
    assert (own[-1]["dataset"], own[-1]["rows"], own[-1]["reason"]) == ("audit", 1, "retention")


def test_entries_go_never_early_and_never_beyond_the_maximum() -> None:
    rule = read_handling()[Stage.AUDIT]
    for days in (rule.days, rule.most_days, 0.5):
        own = msgspec.structs.replace(rule, days=days)
        for at in (0, 1, HOUR - 1, HOUR, 1_795_000_123_456):
            ends = expires(own, at)
            assert at + own.milliseconds <= ends <= at + min(own.milliseconds + HOUR, own.most_milliseconds)
            assert until(own, ends) >= at > until(own, ends - 1)


def test_nothing_of_an_expired_case_stays_in_the_file(watch: Watch) -> None:
    assert expired(watch, 181)["notices"] == 1
    with Holdings(watch).database() as database, database.writing() as connection:  # type: ignore[union-attr]
        assert connection.exec_driver_sql("SELECT count(*) FROM case_events").scalar_one() == 0
    stored = b"".join(path.read_bytes() for path in watch.folder.glob("cases.db"))
    assert b"SECRET-BODY" not in stored


def test_what_is_touched_again_and_again_still_ends(watch: Watch) -> None:
    most = read_handling()[Stage.CASE].most_days
    with Holdings(watch).database() as database:
        assert database is not None
        cases = Holdings(watch).cases(database, Purpose.NOTICE)
        case = cases.case("case-1")
        assert case is not None
        later = case.opened + int(most * DAY)
        cases.save(msgspec.structs.replace(case, updated=later), [])
    assert "cases" not in expired(watch, most - 1)
    assert expired(watch, most + 1)["cases"] == 1


def test_what_is_announced_stands_in_the_log_before_it_is_deleted(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def stopped(_now: int) -> Any:
        other = Holdings(watch)
        with other.database() as database:
            assert database is not None
            seen.append([one.object for one in SqlAudit(database).entries() if one.act == "delete"])
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.log, "expire", stopped)
    with pytest.raises(KeyboardInterrupt):
        Holdings(watch, lambda: milliseconds() + 31 * DAY).expire("関守")
    assert seen == [["flow", "detections"]]


def test_one_dataset_out_of_reach_stops_no_other(watch: Watch) -> None:
    watch.log.file.unlink()
    watch.log.file.mkdir()
    with pytest.raises(StoreError):
        watch.log.due(0)
    watch.log.file.rmdir()
    watch.folder.joinpath("cases.db").rename(watch.folder / "elsewhere")
    assert set(expired(watch, 91)) == {"flow", "contacts", "assignments"}


def elsewhere(watch: Watch) -> Holdings:
    """Return the holdings of an installation whose database is a server that is down."""
    gone = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=1"
    watch.settings = msgspec.structs.replace(watch.settings, database=gone)
    return Holdings(watch, lambda: milliseconds() + 91 * DAY)


def announced(watch: Watch) -> list[dict[str, Any]]:
    return [json.loads(one) for one in (watch.folder / "announced.jsonl").read_text().splitlines()]


def test_a_database_out_of_reach_is_a_fault_and_stops_no_deletion(watch: Watch) -> None:
    settings, held = watch.settings, elsewhere(watch)
    done = held.expire("関守", role="admin")
    assert {one.dataset for one in done.receipts} == {"flow", "detections", "contacts", "assignments"}
    assert set(done.faults) == {"cases"}
    with pytest.raises(StoreError):
        done.check()
    assert [one["dataset"] for one in announced(watch)] == ["flow", "detections", "contacts", "assignments"]
    # The audit log learns of it when it is there again, once.
    watch.settings = settings
    for _ in range(2):
        assert Holdings(watch).expire("検問").faults == {}
        assert announced(watch) == []
        with Holdings(watch).database() as database:
            assert database is not None
            log = SqlAudit(database)
            assert log.verify().whole
            told = [one for one in log.entries() if one.act == "delete"]
        assert [(one.who, one.object) for one in told] == [
            ("関守", name) for name in ("flow", "detections", "contacts", "assignments")
        ]
        assert all(one.details["announced"] for one in told)


def test_an_audit_log_that_refuses_in_between_stops_no_deletion(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreError(Text(ja="断る", en="refused"), "here")

    with monkeypatch.context() as patched:
        patched.setattr(SqlAudit, "append", refuse)
        done = Holdings(watch, lambda: milliseconds() + 31 * DAY).expire("関守")
    assert done.faults == {"audit": "refused: here"}
    assert {one.dataset for one in done.receipts} == {"flow", "detections", "contacts"}
    assert len(announced(watch)) == 3


def test_nothing_is_deleted_that_cant_be_announced(watch: Watch) -> None:
    held = elsewhere(watch)
    (watch.folder / "announced.jsonl").mkdir()
    done = held.expire("関守")
    assert done.receipts == ()
    assert set(done.faults) == {"records", "detections", "contacts", "assignments", "cases"}
    assert watch.log.file.stat().st_size > 0


def test_tidying_says_what_it_could_not_delete(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    assert watch.tidy() == {}
    assert capsys.readouterr().err == ""
    elsewhere(watch)
    assert set(watch.tidy()) == {"cases"}
    said = capsys.readouterr().err
    assert "can't be deleted" in said
    assert "消せない" in said
    assert set(watch.tidy()) == {"cases"}
    assert capsys.readouterr().err == "", "once is enough"


def test_the_watch_tidies_every_dataset_by_itself(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    later = milliseconds() + 31 * DAY
    monkeypatch.setattr(Holdings.__init__, "__defaults__", (lambda: later,))
    running = live(watch, receiving(watch, listen=("127.0.0.1",), ports=(9,), disk=False), ())
    running._tidy()
    own = [json.loads(line)["dataset"] for line in (watch.folder / "receipts.jsonl").read_text().splitlines()]
    assert own == ["detections", "contacts"]
    assert watch.store.state()["datasets"]["flow"]["rows"] == 0


def test_a_name_through_everything_that_is_real(watch: Watch) -> None:
    held = Holdings(watch)
    with held.database() as database:
        assert database is not None
        parts = held.identifying(database, "関守")
        asked = Asked("case-1", LegalBasis.LEGITIMATE_BUSINESS, "notice of an infection")
        found = reidentify(asked, held.person("関守"), parts)
        assert (found.outcome, found.account, found.address) == (Naming.FOUND, "acc-1", ADDRESS)
        with pytest.raises(Exception, match="role"):
            reidentify(asked, held.person("見習"), parts)
        with pytest.raises(Exception, match="role"):
            reidentify(asked, held.person("通りすがり"), parts)


def test_receipts_of_the_log_are_kept_when_its_index_refuses(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise StoreError(Text(ja="だめ", en="no"), "here")

    monkeypatch.setattr("sekisho.stores.database.SqlDetectionFilling.expire", refuse)
    done = Holdings(watch, lambda: milliseconds() + 30 * DAY).expire("関守", role="admin")
    assert done.faults == {"detections": "no: here"}
    assert ("detections", 1) in [(one.dataset, one.rows) for one in done.receipts]
    assert '"detections"' in (watch.folder / "receipts.jsonl").read_text()
