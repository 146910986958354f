"""What notices are married with, and what every act on them has in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import NoReturn

import msgspec

from sekisho.catalogues.holidays import Holidays
from sekisho.errors import NOTHING, AuthorisationError, DescriptionError
from sekisho.formats.references import shown_or_same
from sekisho.language import Text
from sekisho.model.identity import ROLE_HINT, Person, Role
from sekisho.model.notice import Notice, text_digest
from sekisho.model.notifying import Notifying
from sekisho.ports.cases import AuditLog, CaseStore, NoticeStore


class Office(msgspec.Struct, frozen=True):
    """The stores, the settings, the clock (milliseconds) and ``fresh``: a new reference for a moment."""

    cases: CaseStore
    notices: NoticeStore
    audit: AuditLog
    settings: Notifying
    holidays: Holidays
    now: Callable[[], int]
    fresh: Callable[[int], str]

    def local(self, milliseconds: int) -> datetime:
        """Return the operator's local time."""
        zone = timezone(timedelta(minutes=self.settings.quiet.offset_minutes))
        return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone)

    def notice(self, identifier: str) -> Notice:
        """Return a notice. :raises DescriptionError: there is none."""
        found = self.notices.notice(identifier)
        if found is None:
            raise DescriptionError(
                Text(ja="そのお知らせはない", en="there is no such notice"), shown_or_same(identifier)
            )
        return found

    def needs(self, person: Person, roles: frozenset[Role], act: str, object_: str) -> None:
        """Refuse who is nobody or has no such role; the refusal is in the audit log.

        :raises AuthorisationError: refused
        """
        if not person.name.strip() or not person.name.isprintable():
            self.refuse(
                person,
                act,
                object_,
                "nobody",
                Text(ja="名前のない人にはできない", en="nobody is named who does it"),
            )
        if person.role not in roles:
            said = person.role.value if person.role else "-"
            self.refuse(
                person,
                act,
                object_,
                "role",
                Text(ja=f"この役割（{said}）ではできない", en=f"not in this role ({said})"),
                ROLE_HINT,
            )

    def refuse(
        self, person: Person, act: str, object_: str, why: str, what: Text, todo: Text = NOTHING
    ) -> NoReturn:
        """Record a refusal and raise it."""
        self.record(person, "refused", object_, of=act, why=why)
        raise AuthorisationError(what, f"{shown_or_same(object_)} ({person.name or '-'})", todo)

    def record(self, person: Person, act: str, object_: str, **details: str | int) -> None:
        """Write an entry of the audit log."""
        self.audit.append(
            person.name,
            person.role.value if person.role else "",
            act,
            object_,
            at=self.now(),
            details={name: value for name, value in details.items() if value != ""},
        )


SENDERS = frozenset({Role.SENDER, Role.ADMIN})
WRITERS = SENDERS | {Role.ANALYST}


def approved(notice: Notice) -> bool:
    """Say whether a named person approved exactly the text that the notice holds now."""
    digest = text_digest(notice.language, notice.subject, notice.body)
    return bool(notice.approved_by) and digest == notice.digest == notice.approved_digest
