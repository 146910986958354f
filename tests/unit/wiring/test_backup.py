"""A backup taken while others write comes back whole, and nothing that expired comes with it."""

import io
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.console import browsing, first_admin
from sekisho.demo.console_day import Wanted, fill
from sekisho.errors import DescriptionError, EvidenceError, StoreError
from sekisho.model.detection import Window
from sekisho.ports.detections import DetectionFilter
from sekisho.stores.database import SqlAudit, open_sqlite
from sekisho.web.installation import office_of
from sekisho.web.serving import Listening
from sekisho.wiring import backup
from sekisho.wiring.console import Console
from sekisho.wiring.data_folder import DATASET
from sekisho.wiring.moment import milliseconds

_DAY = 86_400_000
_SMALL = Wanted(detections=200, cases=12, assessments=2, terminals=2, flows=300, audit=8)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backup") / "data"
    fill(folder, _SMALL, now=milliseconds())
    (folder / "spool").mkdir()
    (folder / "spool" / "0.seg").write_bytes(b"raw")
    (folder / "outside").symlink_to("/etc")
    return folder


@pytest.fixture
def opened(filled: Path) -> Iterator[Console]:
    with Console(filled) as console:
        yield console


def test_all_that_counts_comes_back(filled: Path, opened: Console, tmp_path: Path) -> None:
    office = office_of(opened, Listening(port=8443))
    admin = first_admin(office)
    opened.watch.catch_up()
    kept = backup.back_up(filled, tmp_path / "b.tar", "operator")
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    assert kept.left_out["spool"] == 1
    assert kept.left_out["link"] == 1
    done = backup.restore(tmp_path / "b.tar", tmp_path / "again", "operator")
    assert done.waiting == sum(opened.casework.notice_counts()[one] for one in ("approved", "sending")) > 0
    assert (done.files, done.keys, done.folder) == (kept.files, True, str(tmp_path / "again"))
    wanted = DetectionFilter()
    with Console(tmp_path / "again") as back:
        back.watch.catch_up()
        assert back.watch.counts(wanted).total == opened.watch.counts(wanted).total > 0
        assert back.casework.counts() == opened.casework.counts()
        assert len(back.terminals.assessments().assessments) == _SMALL.assessments
        span = Window(0, milliseconds() + _DAY)
        flows = [one.flows.extent() for one in (back, opened)]
        assert flows[0] is not None
        assert flows[0] == flows[1]
        assert sum(one.flows for one in back.flows.talkers(span, n=9)) > 0
        checked = back.keeping.verify_audit()
        assert checked.whole
        assert next(one.act for one in back.keeping.audit() if one.act == "restore")
        # Who was signed in isn't any more; the account is.
        again = office_of(back, Listening(port=8443))
        assert browsing(again, admin.token).get("/cases").status_code == 303
        assert again.gate.accounts.account(admin.account.id) == admin.account
        for name in ("pseudonym.key", "console.key"):
            assert (tmp_path / "again" / name).read_bytes() == (filled / name).read_bytes()
    assert not (tmp_path / "again" / "spool").exists()
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []
    assert next(one.act for one in opened.keeping.audit()) == "backup"


def test_what_expired_since_does_not_come_back(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup.back_up(filled, tmp_path / "b.tar", "operator")
    later = milliseconds() + 4_000 * _DAY
    for module in ("sekisho.wiring.backup", "sekisho.wiring.holdings"):
        monkeypatch.setattr(f"{module}.milliseconds", lambda: later)
    monkeypatch.setattr("sekisho.wiring.holdings.Holdings.__init__.__defaults__", (lambda: later,))
    done = backup.restore(tmp_path / "b.tar", tmp_path / "again", "operator")
    assert {"detections", DATASET, "cases"} <= {one.dataset for one in done.expired}
    with Console(tmp_path / "again") as back:
        assert sum(back.casework.counts().values()) == 0
        assert back.flows.extent() is None or back.flows.extent().rows == 0  # type: ignore[union-attr]
    assert not (tmp_path / "again" / "detections.jsonl").read_bytes()


def test_writers_go_on_and_every_backup_is_of_one_moment(filled: Path, tmp_path: Path) -> None:
    ended = threading.Event()
    written: list[int] = []

    def write() -> None:
        with closing(open_sqlite(filled / "cases.db")) as database:
            log = SqlAudit(database)
            while not ended.is_set():
                written.append(log.append("a", "b", "c", "d", at=milliseconds()).seq)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            backup.back_up(filled, tmp_path / f"{number}.tar", "operator")
    finally:
        ended.set()
        writer.join()
    assert len(written) > 3
    backup.restore(tmp_path / "2.tar", tmp_path / "again", "operator")
    with closing(open_sqlite(tmp_path / "again" / "cases.db")) as database:
        assert SqlAudit(database).verify().whole


def test_keys_may_be_left_out(filled: Path, tmp_path: Path) -> None:
    kept = backup.back_up(filled, tmp_path / "b.tar", "operator", keys=False)
    with tarfile.open(tmp_path / "b.tar") as tar:
        assert not [one for one in tar.getnames() if one.endswith(".key")]
    assert kept.left_out["key"] >= 1
    assert not backup.restore(tmp_path / "b.tar", tmp_path / "again", "operator").keys


def test_it_replaces_nothing(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(b"mine")
    with pytest.raises(StoreError):
        backup.back_up(filled, tmp_path / "b.tar", "operator")
    assert (tmp_path / "b.tar").read_bytes() == b"mine"
    with pytest.raises(DescriptionError):
        backup.back_up(filled, filled / "b.tar", "operator")
    backup.back_up(filled, tmp_path / "c.tar", "operator")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "x").write_bytes(b"mine")
    with pytest.raises(DescriptionError, match="empty"):
        backup.restore(tmp_path / "c.tar", tmp_path / "there", "operator")
    assert [one.name for one in (tmp_path / "there").iterdir()] == ["x"]


def test_an_altered_backup_leaves_nothing(filled: Path, tmp_path: Path) -> None:
    backup.back_up(filled, tmp_path / "b.tar", "operator")
    content = bytearray((tmp_path / "b.tar").read_bytes())
    at = content.index(b"customers")
    content[at] ^= 1
    (tmp_path / "altered.tar").write_bytes(content)
    (tmp_path / "cut.tar").write_bytes(content[: len(content) // 2])
    (tmp_path / "none.tar").write_bytes(b"")
    for name in ("altered.tar", "cut.tar", "none.tar"):
        with pytest.raises(EvidenceError):
            backup.restore(tmp_path / name, tmp_path / "again", "operator")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["altered.tar", "b.tar", "cut.tar", "none.tar"]


@pytest.mark.parametrize("name", ["data/../../evil", "/evil", "evil", "data", "data/x/../../../evil"])
def test_a_backup_reaches_nowhere_else(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(EvidenceError):
        backup.restore(tmp_path / "b.tar", tmp_path / "again", "operator")
    assert [one.name for one in tmp_path.iterdir()] == ["b.tar"]


def test_a_link_in_a_backup_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        info = tarfile.TarInfo("data/x")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(EvidenceError):
        backup.restore(tmp_path / "b.tar", tmp_path / "again", "operator")


def test_a_half_line_at_the_end_is_left_out(filled: Path, tmp_path: Path) -> None:
    log = filled / "half.jsonl"
    log.write_bytes(b'{"a":1}\n{"b":')
    backup.back_up(filled, tmp_path / "b.tar", "operator")
    log.unlink()
    backup.restore(tmp_path / "b.tar", tmp_path / "again", "operator")
    assert (tmp_path / "again" / "half.jsonl").read_bytes() == b'{"a":1}\n'


def test_a_folder_without_a_database_is_kept_too(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "watch.toml").write_text("lists = []\n", encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "data" / "contacts.db")) as raw:
        raw.execute("PRAGMA user_version = 7")
    kept = backup.back_up(tmp_path / "data", tmp_path / "b.tar", "operator")
    assert kept.database == ""
    assert kept.files == 2
