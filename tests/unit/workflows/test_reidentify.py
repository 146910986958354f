"""The one way from a pseudonym to a subscriber: each thing it needs, taken away; what is recorded before what is told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.assigned import PlainAssignments
from sekisho.catalogues.handling import read_handling
from sekisho.errors import AuthorisationError, PurposeError, StoreError
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.model.assignment import Assignment
from sekisho.model.audit import AuditEntry
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.case_life import sighting
from sekisho.model.detection import Detection, Grade
from sekisho.model.identity import Identified, Naming, Person, Role
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.stores.contacts import ContactTable
from sekisho.stores.database import Database, SqlAudit, SqlCases, open_sqlite
from sekisho.stores.keys import key_at, read_key
from sekisho.workflows.reidentify import REFUSALS, Asked, Parts, Refused, offered, reidentify, request

NOW = 1_795_212_000_000
HOUR = 3_600_000
CUSTOMERS = [ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")]
CSV = (
    "account,name,postal_address,email,telephone,language,do_not_contact,opted_out\n"
    "acc-1,関 花子,東京都千代田区1-1,hanako@example.jp,03-0000-0000,ja,0,0\n"
    "acc-2,Out Opted,somewhere,out@example.jp,,en,0,1\n"
    "acc-3,Quiet Person,somewhere,q@example.jp,,en,1,0\n"
)
ASKED = Asked("case-1", LegalBasis.CONSENT_BY_TERMS, "notice of a Mirai infection")
SENDER, SECOND = Person("関守", Role.SENDER), Person("検問", Role.ADMIN)


class World:
    """A data folder with everything in it; attributes are changed by tests before `parts` is called."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.cases, self.audit = SqlCases(database), SqlAudit(database)
        self.now = NOW
        self.key = folder / "pseudonym.key"
        self.pseudonyms = Pseudonyms(key_at(self.key), CUSTOMERS)
        self.table = ContactTable(folder / "contacts.db")
        (folder / "in.csv").write_text(CSV, encoding="utf-8")
        rules = read_handling()
        self.label = Label((Purpose.NOTICE,), LegalBasis.CONSENT_BY_TERMS, Stage.CONTACT, NOW + 24 * HOUR)
        self.table.take(folder / "in.csv", self.label)
        self.assignments = PlainAssignments(Assignment("acc-1", "203.0.113.7/32", NOW - 9 * HOUR))
        self.parts = Parts(
            cases=self.cases,
            audit=self.audit,
            door=lambda: Pseudonyms(read_key(self.key), CUSTOMERS),
            assignments=lambda: self.assignments,
            contacts=lambda: self.table.bound(Purpose.NOTICE, self.now),
            rules=rules,
            now=lambda: self.now,
        )

    def open(self, address: str = "203.0.113.7", state: CaseState = CaseState.CONFIRMED, **body: Any) -> None:
        line = self.pseudonyms.subscriber(address)
        case = Case(
            "case-1", line, "family:mirai", state, Grade.CONFIRMED, NOW, NOW, NOW - 2 * HOUR, NOW - HOUR
        )
        adds = [{"id": "d-1", "begin": NOW - 2 * HOUR, "end": NOW - HOUR} | body]
        adds.append({"id": "d-2", "begin": NOW - 80 * HOUR, "end": NOW - 80 * HOUR})
        more = [CaseEvent("case-1", 2, NOW, "watch", "split", {"drops": ["d-2"]})]
        self.cases.save(case, [CaseEvent("case-1", 1, NOW, "watch", "opened", {"adds": adds}), *more])

    def entries(self) -> tuple[AuditEntry, ...]:
        return self.audit.entries()

    def acts(self) -> list[tuple[str, str, object]]:
        return [
            (one.act, one.who, one.details.get("why", one.details.get("outcome"))) for one in self.entries()
        ]

    def refused(self, why: str, asked: Asked = ASKED, person: Person = SENDER, **more: Any) -> None:
        before = len(self.entries())
        with pytest.raises(AuthorisationError) as error:
            reidentify(asked, person, msgspec.structs.replace(self.parts, **more.pop("parts", {})), **more)
        assert error.value.what == REFUSALS[why]
        entry = self.entries()[-1]
        assert (entry.act, entry.object, entry.who) == ("refused", asked.case, person.name)
        assert (entry.details["of"], entry.details["why"]) == ("re-identify", why)
        assert "acc-1" not in repr(self.entries()[before:])
        assert "203.0.113" not in repr(self.entries()[before:])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = open_sqlite(tmp_path / "cases.db")
    yield World(tmp_path, database)
    database.close()


def test_a_subscriber_is_named_and_the_log_says_who_asked_and_why(world: World) -> None:
    world.open()
    found = reidentify(ASKED, SENDER, world.parts)
    assert (found.outcome, found.account, found.address) == (Naming.FOUND, "acc-1", "203.0.113.7")
    assert found.contact is not None
    assert found.contact.email == "hanako@example.jp"
    assert world.assignments.asked == [("203.0.113.7", 0, NOW - 2 * HOUR), ("203.0.113.7", 0, NOW - HOUR)]
    first, second = world.entries()
    assert (first.act, first.who, first.role, first.object) == ("re-identify", "関守", "sender", "case-1")
    assert (first.basis, first.reason) == ("consent-by-terms", "notice of a Mirai infection")
    assert (second.act, second.details["outcome"], second.details["entry"]) == ("re-identified", "found", 1)
    assert found.entry == first.seq
    assert world.audit.verify().whole


def test_neither_log_nor_case_learns_the_name(world: World) -> None:
    world.open()
    assert reidentify(ASKED, SENDER, world.parts).outcome is Naming.FOUND
    kept = b"".join(path.read_bytes() for path in world.folder.glob("cases.db*"))
    for secret in ("acc-1", "花子", "hanako", "203.0.113.7"):
        assert secret.encode() not in kept


def test_the_entry_is_on_the_disk_before_anything_is_looked_up(world: World) -> None:
    world.open()
    seen: list[list[str]] = []

    class Watching(PlainAssignments):
        def look_up(self, asked: Any) -> Any:
            # Another connection, as another process would look.
            other = open_sqlite(world.folder / "cases.db")
            seen.append([one.act for one in SqlAudit(other).entries()])
            other.close()
            return super().look_up(asked)

    world.assignments = Watching(*world.assignments.held)
    reidentify(ASKED, SENDER, world.parts)
    assert seen == [["re-identify"]]


@pytest.mark.parametrize("failing", [1, 2])
def test_no_name_without_the_log(world: World, failing: int) -> None:
    world.open()
    count = 0

    class Full:
        entries = world.audit.entries

        def append(self, *words: Any, **more: Any) -> AuditEntry:
            nonlocal count
            count += 1
            if count == failing:
                raise StoreError(REFUSALS["reason"], "disk full")
            return world.audit.append(*words, **more)

    with pytest.raises(StoreError):
        reidentify(ASKED, SENDER, msgspec.structs.replace(world.parts, audit=Full()))
    assert (not world.assignments.asked) is (failing == 1)


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.ANALYST])
def test_only_sender_and_admin_may(world: World, role: Role | None) -> None:
    world.open()
    world.refused("role", person=Person("誰か", role))
    with pytest.raises(AuthorisationError):
        request(ASKED, Person("誰か", role), world.parts)


def test_what_is_missing_is_refused(world: World) -> None:
    world.open()
    world.refused("nobody", person=Person(" ", Role.ADMIN))
    for reason in ("", "  ", "two\nlines", "x" * 501):
        world.refused("reason", msgspec.structs.replace(ASKED, reason=reason))
    world.refused("no-case", msgspec.structs.replace(ASKED, case="case-2"))
    assert world.assignments.asked == []


@pytest.mark.parametrize("basis", list(LegalBasis))
def test_the_ground_must_be_in_the_catalogue_for_every_stage(world: World, basis: LegalBasis) -> None:
    world.open()
    asked = msgspec.structs.replace(ASKED, basis=basis)
    allowed = {"consent-by-terms", "legitimate-business", "consent", "not-communication"}
    if basis.value in allowed:
        assert reidentify(asked, SENDER, world.parts).outcome is Naming.FOUND
    else:
        world.refused("basis", asked)


@pytest.mark.parametrize("state", list(CaseState))
def test_only_open_cases(world: World, state: CaseState) -> None:
    world.open(state=state)
    if state.open:
        assert reidentify(ASKED, SENDER, world.parts).account == "acc-1"
    else:
        world.refused("closed")


def test_a_moment_in_the_future_names_nobody(world: World) -> None:
    world.open(begin=NOW + 9 * HOUR, end=NOW + 10 * HOUR)
    world.refused("future")
    assert not world.assignments.asked


def test_a_case_past_its_time_names_nobody_even_before_it_is_deleted(world: World) -> None:
    world.open()
    world.now = NOW + world.parts.rules[Stage.CASE].milliseconds - 1
    world.table.take(world.folder / "in.csv", msgspec.structs.replace(world.label, expires=1 << 50))
    assert reidentify(ASKED, SENDER, world.parts).account == "acc-1"
    world.now += 1
    world.refused("past")


def test_a_case_that_is_changed_again_and_again_has_an_end_all_the_same(world: World) -> None:
    world.open()
    world.table.take(world.folder / "in.csv", msgspec.structs.replace(world.label, expires=1 << 50))
    end = NOW + world.parts.rules[Stage.CASE].most_milliseconds
    held = world.cases.case("case-1")
    world.cases.save(msgspec.structs.replace(held, updated=end - 2), [])
    world.now = end - 1
    assert reidentify(ASKED, SENDER, world.parts).account == "acc-1"
    world.now = end
    world.refused("past")


def test_only_requests_that_this_person_may_release_are_offered(world: World) -> None:
    world.open()
    third, same = Person("三人目", Role.SENDER, "c"), Person("検問", Role.ADMIN, "b")
    number = request(ASKED, Person("関守", Role.SENDER, "a"), world.parts)
    assert offered(ASKED.basis, same, world.parts) == {"case-1": number}
    assert offered(LegalBasis.CONSENT, same, world.parts) == {}
    # A later request of one's own, or typed at one's own user account, hides nothing that somebody else asked for.
    request(ASKED, Person(" 検問", Role.ADMIN, "d"), world.parts)
    request(ASKED, Person("関守", Role.SENDER, "b"), world.parts)
    assert offered(ASKED.basis, same, world.parts) == {"case-1": number}
    newest = request(ASKED, third, world.parts)
    assert offered(ASKED.basis, same, world.parts) == {"case-1": newest}
    reidentify(ASKED, same, world.parts, released=newest)
    assert offered(ASKED.basis, same, world.parts) == {"case-1": number}
    world.now += world.parts.request_milliseconds
    assert offered(ASKED.basis, same, world.parts) == {}
    with pytest.raises(Refused) as caught:
        reidentify(ASKED, same, world.parts, released=number)
    assert caught.value.why == "expired"


def test_four_eyes(world: World) -> None:
    world.open()
    world.parts = msgspec.structs.replace(world.parts, four_eyes=True)
    world.refused("four-eyes")
    number = request(ASKED, SENDER, world.parts)
    world.refused("same-person", released=number)
    world.refused("same-person", person=Person(" 関守", Role.ADMIN), released=number)
    world.refused("no-request", person=SECOND, released=number + 1)
    world.refused("no-request", person=SECOND, released=999)
    other = msgspec.structs.replace(ASKED, basis=LegalBasis.CONSENT)
    world.refused("other-request", other, SECOND, released=number)
    assert world.assignments.asked == []
    assert reidentify(ASKED, SECOND, world.parts, released=number).account == "acc-1"
    world.refused("spent", person=SECOND, released=number)


def test_two_names_typed_by_one_user_account_are_one_person(world: World) -> None:
    world.open()
    number = request(ASKED, Person("関守", Role.SENDER, "tanaka"), world.parts)
    world.refused("same-person", person=Person("検問", Role.ADMIN, "tanaka"), released=number)
    assert reidentify(ASKED, Person("検問", Role.ADMIN, "suzuki"), world.parts, released=number).account


def test_requests_expire(world: World) -> None:
    world.open()
    number = request(ASKED, SENDER, world.parts)
    world.now += world.parts.request_milliseconds
    world.refused("expired", person=SECOND, released=number)
    world.now = NOW - 1
    world.refused("expired", person=SECOND, released=number)


def test_of_two_releases_at_once_one_is_refused(world: World) -> None:
    world.open()
    number = request(ASKED, SENDER, world.parts)
    inner: list[Identified] = []

    def meanwhile() -> Any:  # between the check and the entry of the outer one
        if not inner:
            inner.append(reidentify(ASKED, SECOND, world.parts, released=number))
        return world.table.bound(Purpose.NOTICE, world.now)

    outer = msgspec.structs.replace(world.parts, contacts=meanwhile)
    with pytest.raises(AuthorisationError) as error:
        reidentify(ASKED, SECOND, outer, released=number)
    assert error.value.what == REFUSALS["spent"]
    assert inner[0].account == "acc-1"


def test_without_the_key_nobody_is_named(world: World) -> None:
    world.open()
    world.key.chmod(0o640)
    world.refused("key")
    world.key.unlink()
    world.refused("key")
    assert not world.key.exists(), "looking must not make a key"


def test_a_key_of_another_user(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.open()
    if os.geteuid() == 0:
        os.chown(world.key, 65534, 65534)
    else:
        mine = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    world.refused("key")


def test_a_table_of_contacts_that_has_run_out_or_is_for_something_else(world: World) -> None:
    world.open()
    world.now = world.label.expires
    with pytest.raises(PurposeError):
        reidentify(ASKED, SENDER, world.parts)
    assert world.acts()[-1] == ("refused", "関守", "purpose")
    assert b'"expired"' in (world.folder / "refusals.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("account", "outcome"),
    [("acc-2", Naming.OPTED_OUT), ("acc-9", Naming.NO_CONTACT), ("acc-3", Naming.FOUND)],
)
def test_opting_out_is_honoured_and_unknown_means_no(world: World, account: str, outcome: Naming) -> None:
    world.open()
    world.assignments.held = [Assignment(account, "203.0.113.0/28", NOW - 9 * HOUR)]
    found = reidentify(ASKED, SENDER, world.parts)
    assert found.outcome is outcome
    assert (found.account == account) is (outcome is Naming.FOUND)
    if outcome is Naming.FOUND:
        assert found.contact is not None
        assert found.contact.do_not_contact
    else:
        assert account not in repr(found)
        assert found.contact is None
    assert (("refused", "関守", "opted-out") in world.acts()) is (outcome is Naming.OPTED_OUT)


HELD = {
    Naming.GAP: [Assignment("acc-1", "203.0.113.7/32", NOW - 9 * HOUR, NOW - 8 * HOUR)],
    Naming.NO_DATA: [Assignment("acc-1", "203.0.113.8/32", NOW - 9 * HOUR)],
    Naming.AMBIGUOUS: [
        Assignment("acc-1", "203.0.113.7/32", NOW - 9 * HOUR, NOW - 90 * 60_000),
        Assignment("acc-3", "203.0.113.7/32", NOW - 90 * 60_000),
    ],
}


@pytest.mark.parametrize("outcome", list(HELD))
def test_cant_tell_is_an_answer_without_names(world: World, outcome: Naming) -> None:
    world.open()
    world.assignments.held = HELD[outcome]
    found = reidentify(ASKED, SENDER, world.parts)
    assert found.outcome is outcome
    assert found.outcome.label.ja
    assert "acc-" not in repr(found)
    assert world.acts()[-1] == ("re-identified", "関守", outcome.value)


def test_doubt_at_one_moment_leaves_the_account_only_when_it_could_have_been_it(world: World) -> None:
    world.open(moments=[[1030, NOW - 3 * HOUR], [0, NOW - HOUR]])
    blocks = [
        Assignment("acc-1", "203.0.113.7/32", NOW - 9 * HOUR, 0, 1024, 2047),
        Assignment("acc-3", "203.0.113.7/32", NOW - 9 * HOUR, 0, 2048, 4095),
    ]
    world.assignments.held = blocks
    assert reidentify(ASKED, SENDER, world.parts).account == "acc-1"
    world.assignments.held = [
        msgspec.structs.replace(blocks[0], end=NOW - 2 * HOUR),
        blocks[1],
        msgspec.structs.replace(blocks[1], account="acc-4"),
    ]
    assert reidentify(ASKED, SENDER, world.parts).outcome is Naming.AMBIGUOUS


def test_moments_of_the_detections_with_their_ports_are_asked(world: World) -> None:
    world.open(moments=[[5001, NOW - 3 * HOUR], [5002, NOW - 4 * HOUR], [5001, NOW - 3 * HOUR]])
    world.assignments.held = [Assignment("acc-1", "203.0.113.7/32", NOW - 9 * HOUR, 0, 5000, 5999)]
    assert reidentify(ASKED, SENDER, world.parts).account == "acc-1"
    assert world.assignments.asked == [
        ("203.0.113.7", 5002, NOW - 4 * HOUR),
        ("203.0.113.7", 5001, NOW - 3 * HOUR),
    ]


def test_a_line_of_ipv6_is_a_delegated_prefix(world: World) -> None:
    world.open("2001:db8:1:200::1")
    world.assignments.held = [Assignment("acc-1", "2001:db8:1:200::/56", NOW - 9 * HOUR)]
    found = reidentify(ASKED, SENDER, world.parts)
    assert (found.account, found.address) == ("acc-1", "2001:db8:1:200::/56")


def test_a_pseudonym_of_no_line(world: World) -> None:
    world.open()
    case = world.cases.case("case-1")
    assert case is not None
    world.cases.save(msgspec.structs.replace(case, subscriber=5), [])
    assert reidentify(ASKED, SENDER, world.parts).outcome is Naming.NO_LINE


def test_the_ground_is_that_of_the_data(world: World) -> None:
    """No ground of another sort, however good by itself, leads from data that are held on this one to a name."""
    world.open()
    held = msgspec.structs.replace(world.parts, ground=LegalBasis.LEGITIMATE_BUSINESS)
    for other in (LegalBasis.NOT_COMMUNICATION, LegalBasis.CONSENT):
        world.refused(
            "other-basis",
            msgspec.structs.replace(ASKED, basis=other),
            parts={"ground": LegalBasis.LEGITIMATE_BUSINESS},
        )
    assert world.assignments.asked == []
    for good in (LegalBasis.LEGITIMATE_BUSINESS, LegalBasis.CONSENT_BY_TERMS):
        asked = msgspec.structs.replace(ASKED, basis=good)
        assert reidentify(asked, SENDER, held).outcome is Naming.FOUND


def test_every_moment_that_is_kept_is_asked_for_and_the_flows_are_counted(world: World) -> None:
    moments = [[40_000 + number, NOW - 2 * HOUR + number] for number in range(20)]
    world.open(moments=moments, rows=120)
    found = reidentify(ASKED, SENDER, world.parts)
    assert len(found.moments) == len(world.assignments.asked) == 20
    assert found.flows == 120


def test_a_case_keeps_the_moments_of_all_evidence_that_a_detection_keeps() -> None:
    rows = tuple(
        {"flowStartMilliseconds": NOW + number, "sourceTransportPort": 40_000 + number}
        for number in range(20)
    )
    found = Detection("d", "known_cc", 1, NOW, NOW, Grade.CONFIRMED, "x", evidence=rows, rows=120)
    assert len(sighting(found).moments) == 20
