"""The console's desks over one data folder: empty, filled, watched by several threads, and refused for other purposes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from sekisho.demo.console_day import Wanted, fill
from sekisho.errors import DescriptionError, EvidenceError, PurposeError
from sekisho.model.case import CaseState
from sekisho.model.detection import Grade, Window
from sekisho.model.registry import State
from sekisho.model.verdict import Verdict
from sekisho.ports.cases import CaseFilter
from sekisho.ports.detections import DetectionFilter
from sekisho.ports.registry import AssessmentFilter
from sekisho.wiring.console import Console
from sekisho.wiring.settings_desk import SettingsDesk

NOW = 1_795_212_000_000
HOUR, DAY = 3_600_000, 86_400_000
SMALL = Wanted(detections=400, cases=60, assessments=24, terminals=9, flows=2_000, audit=20)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("console") / "data"
    fill(folder, SMALL, now=NOW)
    return folder


@pytest.fixture
def console(filled: Path) -> Iterator[Console]:
    with Console(filled, now=lambda: NOW) as one:
        one.watch.catch_up()
        one.terminals.catch_up()
        yield one


def test_naming_a_folder_opens_nothing_and_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sekisho.wiring.console import Console; "
        f"Console(Path({str(tmp_path / 'none')!r})); "
        "print([name for name in ('duckdb', 'sqlalchemy', 'pyarrow', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
    assert not (tmp_path / "none").exists()


def test_an_empty_folder_answers_with_nothing(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError):
        Console(tmp_path).casework.counts()
    with Console(tmp_path / "new", create=True) as console:
        assert console.watch.detections().listed == ()
        assert console.watch.counts().total == 0
        assert console.watch.figures() is None
        assert console.watch.looked(("known_cc",), Window(0, NOW)) == ()
        assert console.flows.extent() is None
        assert console.flows.talkers(Window(0, NOW)) == ()
        assert console.flows.series(Window(0, NOW)) == ()
        assert console.casework.cases().cases == ()
        assert console.casework.healing().curves == ()
        assert console.terminals.assessments().assessments == ()
        assert console.terminals.matrix().rows == ()
        assert console.terminals.terminals() == ()
        assert console.keeping.audit() == ()


def test_detections_come_from_the_index_and_their_rows_from_the_log(console: Console) -> None:
    counts = console.watch.counts()
    assert counts.total == SMALL.detections == sum(counts.days().values())
    assert len(counts.methods) > 2
    page = console.watch.detections(DetectionFilter(grades=(Grade.CONFIRMED,)), limit=10)
    assert page.next
    shown = console.watch.detection(page.listed[0].id)
    assert shown is not None
    assert shown.listed == page.listed[0]
    assert shown.evidence
    for listed in console.watch.detections(limit=500).listed:
        for sentence in msgspec.structs.astuple(
            console.watch.methods()[listed.method].reasons[listed.reason]
        ):
            assert "{" not in sentence.format(**listed.arguments)
    assert console.watch.detection("none") is None
    assert console.watch.behind() == 0
    assert console.watch.looked((shown.listed.method,), Window(NOW - DAY, NOW))


def test_detections_lead_to_their_cases_and_back(console: Console) -> None:
    page = console.watch.detections(limit=400)
    held = console.watch.cases_of(page.listed)
    assert held
    detection, case = next(iter(held.items()))
    ids = console.watch.of_case(case)
    assert detection in ids
    found = console.watch.detections(DetectionFilter(ids=ids))
    assert {one.id for one in found.listed} <= set(ids)
    life = console.casework.life(case)
    assert life is not None
    assert life.case.id == case


def test_data_for_another_purpose_are_refused(console: Console, filled: Path) -> None:
    from sekisho.model.purpose import Purpose
    from sekisho.stores.database import SqlDetections

    index = SqlDetections(console.database, filled / "refusals.jsonl", lambda: NOW)
    with pytest.raises(PurposeError):
        index.find(DetectionFilter(), Purpose.SHARING, who="sato")
    assert console.keeping.refusals()[0]["who"] == "sato"


def test_cases_notices_and_healing(console: Console) -> None:
    counts = console.casework.counts()
    assert sum(counts.values()) >= SMALL.cases
    assert all(counts[state.value] for state in CaseState)
    assert console.casework.cases(CaseFilter(states=(CaseState.NEW,)), limit=3).cases
    notices = console.casework.notices(limit=1000)
    assert sum(console.casework.notice_counts().values()) == len(notices) > 5
    assert console.casework.notice(notices[0].id) == notices[0]
    healing = console.casework.healing("family")
    assert healing.curves
    assert console.casework.healing("family") is healing
    with pytest.raises(DescriptionError):
        console.casework.healing("shoe-size")


def test_flows_are_summed(console: Console) -> None:
    extent = console.flows.extent()
    assert extent is not None
    assert extent.rows == SMALL.flows
    window = Window(NOW - 2 * DAY, NOW)
    points = console.flows.series(window, step=HOUR)
    assert sum(one.flows for one in points) == SMALL.flows
    assert [one.at % HOUR for one in points] == [0] * len(points)
    for by in ("remote", "line", "port", "exporter"):
        found = console.flows.talkers(window, by=by, n=3)
        assert 0 < len(found) <= 3
        assert [one.octets for one in found] == sorted((one.octets for one in found), reverse=True)
        assert all(one.name and one.lines for one in found)
    with pytest.raises(DescriptionError):
        console.flows.talkers(window, by="shoe size")


def test_assessments_are_listed_and_their_evidence_is_checked(console: Console) -> None:
    page = console.terminals.assessments(limit=10)
    assert len(page.assessments) == 10
    assert page.next
    states = {one.state for one in console.terminals.assessments(limit=100).assessments}
    assert {State.COMPLETE, State.STOPPED, State.DAMAGED} <= states
    failed = console.terminals.assessments(AssessmentFilter(catalogue="jp-2020", verdict=Verdict.FAIL))
    assert all(one.verdicts["jp-2020"] is Verdict.FAIL for one in failed.assessments)
    row = next(one for one in page.assessments if one.state is State.COMPLETE)
    detail = console.terminals.detail(row.id)
    assert detail is not None
    assert detail.assessment is not None
    assert detail.steps
    assert detail.row.verdicts == row.verdicts
    transcript = next(one for one in detail.files if one.kind == "transcript")
    found = console.terminals.evidence(row.id, transcript.sha256)
    assert found is not None
    assert len(found.content) == transcript.size
    talk = console.terminals.transcript(row.id, transcript.sha256)
    assert talk is not None
    assert talk.chunks
    assert console.terminals.evidence(row.id, "0" * 64) is None
    assert console.terminals.verify(row.id).problems == ()


def test_altered_evidence_is_not_given(console: Console, filled: Path) -> None:
    row = next(
        one for one in console.terminals.assessments(limit=100).assessments if one.state is State.COMPLETE
    )
    detail = console.terminals.detail(row.id)
    assert detail is not None
    listed = next(one for one in detail.files if one.kind == "transcript")
    file = filled / "assessments" / row.id / listed.path
    before = file.read_bytes()
    file.write_bytes(before[:-1] + b"!")
    try:
        with pytest.raises(EvidenceError):
            console.terminals.evidence(row.id, listed.sha256)
        assert [one.kind for one in console.terminals.verify(row.id).problems] == ["altered"]
    finally:
        file.write_bytes(before)


@pytest.mark.parametrize("name", ["../assessments", "..", "", ".", "a/b", "none", "/etc"])
def test_names_that_are_none_lead_nowhere(console: Console, name: str) -> None:
    assert console.terminals.detail(name) is None
    assert console.terminals.evidence(name, "0" * 64) is None
    with pytest.raises(DescriptionError):
        console.terminals.verify(name)


def test_the_matrix_has_a_row_for_each_terminal(console: Console) -> None:
    matrix = console.terminals.matrix("jp-2020", limit=4)
    assert matrix.next
    rest = console.terminals.matrix("jp-2020", after=matrix.next, limit=100)
    names = [one.terminal for one in (*matrix.rows, *rest.rows)]
    assert names == sorted(set(names))
    assert all(one.title is not None for one in matrix.duties)
    for row in matrix.rows:
        newest = console.terminals.assessment(row.assessments["jp-2020"])
        assert newest is not None
        assert newest.verdicts["jp-2020"] is row.whole["jp-2020"]
    cards = console.terminals.terminals()
    assert {one.terminal for one in cards} >= set(names)
    assert sum(one.assessments for one in cards) == SMALL.assessments
    assert any(one.described for one in cards)
    assert console.terminals.history(cards[0].terminal)


def test_the_audit_log_is_read_newest_first_and_verified(console: Console) -> None:
    entry = console.keeping.record("sato", "admin", "look", "cases")
    first, *_ = console.keeping.audit(limit=5)
    assert first == entry
    assert console.keeping.verify_audit(entry.hash).whole
    line = console.watch.detections(limit=1).listed[0].subscriber
    told = console.keeping.held(line, "sato", "admin")
    assert {one.dataset for one in told.holdings} >= {"detections", "cases", "records"}
    assert console.keeping.audit(limit=1)[0].object == f"L{line:x}"
    assert console.keeping.receipts() == tuple(sorted(console.keeping.receipts(), key=lambda one: -one.at))


def test_threads_share_it(console: Console) -> None:
    def ask(number: int) -> tuple[int, ...]:
        return (
            len(console.watch.detections(limit=20).listed),
            console.watch.counts().total,
            len(console.casework.cases(limit=5).cases),
            len(console.flows.talkers(Window(NOW - DAY, NOW), n=3)),
            len(console.terminals.assessments(limit=3).assessments),
        )

    with ThreadPoolExecutor(6) as hands:
        assert len(set(hands.map(ask, range(24)))) == 1


def test_what_expires_leaves_log_and_index_together(tmp_path: Path) -> None:
    from sekisho.wiring.holdings import Holdings
    from sekisho.wiring.watch import Watch

    folder = tmp_path / "data"
    fill(folder, Wanted(detections=30, cases=2, assessments=0, terminals=0, flows=0, audit=0), now=NOW)
    later = NOW + 31 * DAY
    with Console(folder, now=lambda: NOW) as console:
        console.watch.catch_up()
        assert console.watch.counts().total == 30
        with Watch(folder, create=False) as watch:
            done = Holdings(watch, lambda: later).expire("sekisho")
        assert [one.rows for one in done.receipts if one.dataset == "detections"] == [30]
        # Not looked at again by the console: deleted where they were expired.
        assert console.watch.counts().total == 0
        assert (folder / "detections.jsonl").read_bytes() == b""
        assert console.keeping.receipts()[0].dataset in {"detections", "cases", "notices"}


def test_threads_may_ask_before_anything_is_loaded(filled: Path) -> None:
    """Imports of a package and of a module of it, at the same time, must not meet half of it."""
    code = f"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sekisho.wiring.console import Console
console = Console(Path({str(filled)!r}), now=lambda: {NOW})
asks = [console.watch.detections, console.casework.counts, console.keeping.audit, console.terminals.assessments,
        console.watch.figures, console.casework.healing, console.flows.extent, console.watch.counts]
with ThreadPoolExecutor(8) as hands:
    print(all(one is not None for one in hands.map(lambda ask: ask(), asks)))
console.close()
"""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stdout.strip() == "True", done.stderr[-2000:]


def test_a_setting_changed_elsewhere_holds_here_at_once(tmp_path: Path) -> None:
    """Each worker of the console has the folder open for itself; so has the person with the editor."""
    file = tmp_path / "watch.toml"
    with Console(tmp_path, create=True) as one, Console(tmp_path, create=True) as other:
        assert not one.settings.four_eyes
        before = one.keeping.rules()
        desk = SettingsDesk(other)
        for name, typed in (("four_eyes", "true"), ("days", "5")):
            desk.change(name, typed, desk.propose(name, typed).revision, "関守", "admin")
        assert one.settings.four_eyes
        assert one._folder.holdings.identifying(one.database, "x").four_eyes
        assert one.keeping.rules() != before
        file.write_text("four_eyes = maybe\n", encoding="utf-8")
        with pytest.raises(DescriptionError):
            _ = one.settings
        file.unlink()
        assert not one.settings.four_eyes
        assert one.keeping.rules() == before
