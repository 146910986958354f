"""A rule for one line, from the data folder to its text: re-identified, recorded, and stored nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from sekisho.errors import AuthorisationError
from sekisho.language import Language
from sekisho.model.assignment import Assignment
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.containment import Endpoint, Kind, Match, Scope
from sekisho.model.detection import Grade
from sekisho.model.identity import Person, Role
from sekisho.model.purpose import LegalBasis
from sekisho.stores.database import SqlAudit, SqlCases
from sekisho.wiring.contain import Containment, containment, write
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.warn import open_database
from sekisho.wiring.watch import Watch, milliseconds
from sekisho.workflows.contain import Wanted, propose, say_applied, say_undone
from sekisho.workflows.reidentify import Asked, reidentify, request

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
GROUND = LegalBasis.NOT_COMMUNICATION


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


def later(held: Containment, hours: float) -> None:
    held.parts = msgspec.structs.replace(held.parts, now=lambda: milliseconds() + int(hours * HOUR))


def over(held: Containment, state: CaseState) -> None:
    case = held.parts.cases.case("case-1")
    held.parts.cases.save(msgspec.structs.replace(case, state=state), [])


def line_rule(held: Containment, person: Person) -> str:
    return propose(Wanted("case-1", Kind.COA, Match(Scope.LINE), 2, "C&C"), person, held.parts).id


def test_nobody_is_looked_up_for_a_rule_that_can_t_be_written(data: Path) -> None:
    with containment(data) as held:
        person = held.person("関守", "tester")
        rule = line_rule(held, person)
        way = held.identifying(person.name)
        number = request(Asked("case-1", GROUND, "contain it"), person, way)
        analyst = Person("解析", Role.ANALYST)
        with pytest.raises(AuthorisationError):
            held.text("case-1", rule, analyst, basis=GROUND, reason="contain it")
        later(held, 3)
        with pytest.raises(AuthorisationError):
            held.text("case-1", rule, person, basis=GROUND, reason="contain it", request=number)
        said = [(one.act, one.details.get("why")) for one in SqlAudit(held._database).entries()]
    assert said == [
        ("propose-rule", None), ("request-re-identify", None), ("refused", "role"), ("refused", "status"),
    ]  # fmt: skip


@pytest.mark.parametrize("state", [CaseState.HEALED, CaseState.CLOSED])
@pytest.mark.parametrize("hours", [0, 3])
def test_an_applied_rule_is_taken_back_also_when_its_case_is_over(
    data: Path, state: CaseState, hours: float
) -> None:
    with containment(data) as held:
        person = held.person("関守", "tester")
        rule = line_rule(held, person)
        other = line_rule(held, person)
        say_applied("case-1", rule, person, held.parts, "loaded")
        over(held, state)
        later(held, hours)
        files = held.text("case-1", rule, person, basis=GROUND, reason="undo it")
        assert "198.51.100.5" in files[0].undo
        acts = {one.act: one for one in SqlAudit(held._database).entries()}
        assert acts["re-identify"].details["undoing"] == rule
        # Nobody is looked up for a rule that was never applied, or was taken back, or by the case alone.
        say_undone("case-1", rule, person, held.parts, "healed")
        for name in (rule, other):
            with pytest.raises(AuthorisationError):
                held.text("case-1", name, person, basis=GROUND, reason="undo it")
            with pytest.raises(AuthorisationError):
                reidentify(Asked("case-1", GROUND, "x", name), person, held.identifying(person.name))
        with pytest.raises(AuthorisationError):
            reidentify(Asked("case-1", GROUND, "x"), person, held.identifying(person.name))


def test_two_persons_take_back_a_rule_of_a_case_that_is_over(data: Path) -> None:
    (data / "watch.toml").write_text(SETTINGS.replace("[people]", "four_eyes = true\n[people]", 1), "utf-8")
    with containment(data) as held:
        first, second = Person("検問", Role.SENDER), held.person("関守", "tester")
        rule = line_rule(held, second)
        plain = request(Asked("case-1", GROUND, "x"), first, held.identifying(first.name))
        say_applied("case-1", rule, second, held.parts, "loaded")
        over(held, CaseState.HEALED)
        number = request(Asked("case-1", GROUND, "x", rule), first, held.identifying(first.name))
        for wrong in (0, plain):
            with pytest.raises(AuthorisationError):
                held.text("case-1", rule, second, basis=GROUND, reason="undo it", request=wrong)
        assert held.text("case-1", rule, second, basis=GROUND, reason="undo it", request=number)


def test_the_texts_are_for_their_owner_whatever_was_there(data: Path, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.write_text("keep me")
    with containment(data) as held:
        person = held.person("関守", "tester")
        rule = line_rule(held, person)
        files = held.text("case-1", rule, person, basis=GROUND, reason="contain it")
    first, second = (out / f"{rule}.radclient"), (out / f"{rule}.undo.radclient")
    out.mkdir()
    first.write_text("old")
    first.chmod(0o644)
    second.symlink_to(elsewhere)
    for _ in range(2):
        assert write(files, rule, out) == (first, second)
    assert elsewhere.read_text() == "keep me"
    for path, text in ((first, files[0].apply), (second, files[0].undo)):
        assert not path.is_symlink()
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text() == text
    assert {one.name for one in out.iterdir()} == {first.name, second.name}


def test_who_opted_out_is_not_contained_by_name(data: Path) -> None:
    with containment(data) as held:
        person = held.person("関守", "tester")
        rule = propose(Wanted("case-2", Kind.COA, Match(Scope.LINE), 2, "C&C"), person, held.parts).id
        with pytest.raises(AuthorisationError):
            held.text("case-2", rule, person, basis=LegalBasis.NOT_COMMUNICATION, reason="contain it")
        last = SqlAudit(held._database).entries()[-1]
    assert (last.act, last.details["why"]) == ("refused", "not-identified")


@pytest.mark.parametrize("taken_back", [False, True])
def test_a_rule_whose_time_is_over_is_only_taken_back(data: Path, tmp_path: Path, taken_back: bool) -> None:
    with containment(data) as held:
        person = held.person("関守", "tester")
        match = Match(Scope.EVERYONE, remotes=(Endpoint("203.0.113.7"),))
        rule = propose(Wanted("case-1", Kind.FLOWSPEC, match, 2, "C&C"), person, held.parts).id
        before = write(held.text("case-1", rule, person), rule, tmp_path)
        assert len(before) == 4
        say_applied("case-1", rule, person, held.parts, "loaded")
        assert all(one.apply for one in held.text("case-1", rule, person))
        if taken_back:
            say_undone("case-1", rule, person, held.parts, "over")
        else:
            later(held, 3)
        files = held.text("case-1", rule, person)
    assert all(one.undo and not one.apply for one in files)
    left = write(files, rule, tmp_path)
    assert [".undo." in one.name for one in left] == [True, True]
    assert set(tmp_path.glob(f"{rule}.*")) == set(left)  # what applies it does not stay there


def test_a_person_without_a_role_is_told_how_to_get_one(data: Path) -> None:
    with containment(data) as held:
        wanted = Wanted("case-1", Kind.FLOWSPEC, Match(Scope.EVERYONE), 2, "C&C")
        with pytest.raises(AuthorisationError) as caught:
            propose(wanted, held.person("誰か", "tester"), held.parts)
    assert "誰か (-)" in caught.value.where
    assert "watch.toml" in caught.value.todo.ja


def test_every_reason_of_a_refusal_is_in_both_languages(data: Path) -> None:
    with containment(data) as held:
        person = held.person("関守", "tester")
        match = Match(Scope.EVERYONE, remotes=(Endpoint("198.51.100.1"),))
        with pytest.raises(AuthorisationError) as caught:
            propose(Wanted("case-1", Kind.FLOWSPEC, match, 99, "C&C"), person, held.parts)
    said = caught.value.explain(Language.JA)
    assert not re.search(r"[a-z]{4,} [a-z]{4,}", said.replace(caught.value.where, ""))
    assert len(said.splitlines()) == 3
    assert caught.value.todo.en
    assert caught.value.todo.ja != caught.value.todo.en
