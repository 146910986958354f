"""A rule for one line, from the data folder to its text: re-identified, recorded, and stored nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekisho.errors import AuthorisationError
from sekisho.model.assignment import Assignment
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.containment import Endpoint, Kind, Match, Scope
from sekisho.model.detection import Grade
from sekisho.model.purpose import LegalBasis
from sekisho.stores.database import SqlAudit, SqlCases
from sekisho.wiring.contain import containment, write
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.warn import open_database
from sekisho.wiring.watch import Watch, milliseconds
from sekisho.workflows.contain import Wanted, propose

SETTINGS = """
customers = ["198.51.100.0/24"]
basis = "not-communication"
[people]
"関守" = "sender"
[containment]
ground = "正当業務行為"
[containment.garden]
clause = "約款第31条"
filter = "garden"
normal = "normal"
"""
CSV = """account,name,postal_address,email,telephone,language,do_not_contact,opted_out
user@isp.example,関 花子,東京都,h@example.jp,,ja,0,0
out@isp.example,断る 太郎,東京都,o@example.jp,,ja,0,1
"""
HOUR = 3_600_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "watch.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "contacts.csv").write_text(CSV, encoding="utf-8")
    now = milliseconds()
    with Watch(folder, create=False) as watch:
        door = watch.door()
        holdings = Holdings(watch)
        holdings.take_contacts(tmp_path / "contacts.csv")
        holdings.logs.add(
            [
                Assignment("user@isp.example", "198.51.100.5/32", now - 9 * HOUR),
                Assignment("out@isp.example", "198.51.100.6/32", now - 9 * HOUR),
            ]
        )
        database = open_database(folder)
        for name, address in (("case-1", "198.51.100.5"), ("case-2", "198.51.100.6")):
            case = Case(
                name, door.subscriber(address), "family:mirai", CaseState.CONFIRMED, Grade.CONFIRMED, now, now, now - HOUR, now - HOUR
            )  # fmt: skip
            SqlCases(database).save(case, [CaseEvent(name, 1, now, "watch", "opened", {})])
        database.close()
    return folder


@pytest.mark.parametrize("kind", [Kind.NFTABLES, Kind.COA])
def test_a_line_s_text_comes_through_re_identification(data: Path, tmp_path: Path, kind: Kind) -> None:
    with containment(data) as held:
        person = held.person("関守", "tester")
        match = Match(Scope.LINE, remotes=() if kind is Kind.COA else (Endpoint("203.0.113.7"),))
        rule = propose(Wanted("case-1", kind, match, 2, "C&C"), person, held.parts).id
        with pytest.raises(AuthorisationError):
            held.text("case-1", rule, person, reason="x")
        files = held.text("case-1", rule, person, basis=LegalBasis.NOT_COMMUNICATION, reason="contain it")
        acts = [one.act for one in SqlAudit(held._database).entries()]
    assert acts == ["propose-rule", "refused", "re-identify", "re-identified", "write-rule"]
    assert "198.51.100.5" in files[0].apply
    assert ("user@isp.example" in files[0].apply) is (kind is Kind.COA)
    paths = write(files, rule, tmp_path / "out")
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
    kept = b"".join(path.read_bytes() for path in data.glob("cases.db*"))
    assert b"198.51.100.5" not in kept
    assert b"user@isp.example" not in kept


def test_who_opted_out_is_not_contained_by_name(data: Path) -> None:
    with containment(data) as held:
        person = held.person("関守", "tester")
        rule = propose(Wanted("case-2", Kind.COA, Match(Scope.LINE), 2, "C&C"), person, held.parts).id
        with pytest.raises(AuthorisationError):
            held.text("case-2", rule, person, basis=LegalBasis.NOT_COMMUNICATION, reason="contain it")
        last = SqlAudit(held._database).entries()[-1]
    assert (last.act, last.details["why"]) == ("refused", "not-identified")
