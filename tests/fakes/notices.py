"""An operator, cases and an office for tests of notices; the stores are the real ones on SQLite."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec

from sekisho.catalogues.holidays import holidays
from sekisho.formats.references import reference
from sekisho.language import Language, Text
from sekisho.model.assignment import Answer, Outcome
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.detection import Grade
from sekisho.model.identity import Contact, Identified, Naming, Person, Role
from sekisho.model.notice import Channel
from sekisho.model.notifying import Notifying, Operator, Quiet, Security, Smtp, Throttle
from sekisho.reports.notices.mail import mail
from sekisho.stores.database import SqlAudit, SqlCases, SqlNotices, open_sqlite
from sekisho.workflows.notify import Office, Way

JST = timezone(timedelta(hours=9))
#: A Thursday morning that is no holiday.
MORNING = int(datetime(2026, 11, 19, 10, 0, tzinfo=JST).astimezone(UTC).timestamp() * 1000)
HANAKO = Person("佐藤 花子", Role.SENDER)
OPERATOR = Operator(
    name=Text(ja="見本通信株式会社", en="Mihon Telecom"),
    telephone="0120-000-0000",
    hours=Text(ja="平日9時から18時", en="weekdays 9:00 to 18:00"),
    page="https://www.isp.example/notices",
    sender="security@isp.example",
    return_address=("〒999-0000 見本県見本市1-2-3", "見本通信株式会社 お知らせ係"),
)


def settings(port: int = 25, **changes) -> Notifying:
    made = Notifying(
        operator=OPERATOR,
        quiet=Quiet(),
        throttle=Throttle(per_hour=1_000_000),
        smtp=Smtp(host="127.0.0.1", port=port, security=Security.NONE, timeout=10),
    )
    return msgspec.structs.replace(made, **changes)


def case(number: int, **changes) -> Case:
    made = Case(
        f"c{number:06}", 1000 + number, "family:mirai", CaseState.CONFIRMED, Grade.CONFIRMED,
        MORNING - 86_400_000, MORNING - 3_600_000, MORNING - 86_400_000, MORNING - 7_200_000, 3, "mirai", ("known_cc",),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


class Clock:
    def __init__(self, at: int = MORNING) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at


def office(folder: Path, clock, chosen: Notifying | None = None, *, chance=itertools.count()) -> Office:  # noqa: B008 - one count for all
    database = open_sqlite(folder / "cases.db")
    return Office(
        SqlCases(database), SqlNotices(database), SqlAudit(database), chosen or settings(), holidays(), clock,
        lambda at: reference(at, next(chance)),
    )  # fmt: skip


def with_cases(made: Office, count: int, **changes) -> list[str]:
    cases = [case(number, **changes) for number in range(count)]
    made.cases.save_all([(one, [CaseEvent(one.id, 0, one.opened, "sekisho", "opened")]) for one in cases])
    return [one.id for one in cases]


class Directory:
    """Knows every case's person; remembers who was asked for. ``special``: case → changes of the contact."""

    def __init__(
        self, special: dict[str, dict] | None = None, outcome: dict[str, Naming] | None = None
    ) -> None:
        self.asked: list[str] = []
        self.special = special or {}
        self.outcome = outcome or {}

    def __call__(self, identifier: str) -> Identified:
        self.asked.append(identifier)
        outcome = self.outcome.get(identifier, Naming.FOUND)
        if outcome is not Naming.FOUND:
            return Identified(outcome, 1, identifier)
        contact = Contact(
            f"A-{identifier}", "山田 太郎", "〒999-0001\n見本県見本市東町1-2-3", f"{identifier}@customer.example", "090-0000-0000",
        )  # fmt: skip
        contact = msgspec.structs.replace(contact, **self.special.get(identifier, {}))
        answers = (Answer(Outcome.FOUND, contact.account),)
        return Identified(
            outcome, 1, identifier, contact.account, "192.0.2.7", contact, ((40001, MORNING),), answers
        )


def by_mail(identify, carrier) -> Way:
    def render(notice, _case, found, at):
        return mail(notice, OPERATOR, found.contact.name, found.contact.email, at), found.contact.email

    return Way(Channel.EMAIL, identify, render, carrier)


__all__ = ["HANAKO", "JST", "MORNING", "OPERATOR", "Clock", "Directory", "Language", "by_mail", "case", "office", "settings", "with_cases"]  # fmt: skip
