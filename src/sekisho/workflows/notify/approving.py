"""Approving: a named person says yes to exactly this text; and the other things that only a person decides."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sekisho.errors import DescriptionError
from sekisho.formats.references import shown
from sekisho.language import Text
from sekisho.model.identity import Person
from sekisho.model.notice import Notice, NoticeState, text_digest
from sekisho.workflows.notify.office import SENDERS, WRITERS, Office

_PAGE = 500
_OPEN = frozenset({NoticeState.DRAFT, NoticeState.APPROVED, NoticeState.WITHHELD})


def approve(identifier: str, digest: str, person: Person, office: Office) -> Notice:
    """Approve the text whose SHA-256 is ``digest``: what the person was shown.

    :raises AuthorisationError: nobody is named, not in this role, or the text is another one by now
    :raises DescriptionError: no such notice, or it is no draft
    """
    office.needs(person, SENDERS, "approve-notice", identifier)
    notice = office.notice(identifier)
    if notice.state not in {NoticeState.DRAFT, NoticeState.WITHHELD}:
        raise _state(notice)
    if not text_digest(notice.language, notice.subject, notice.body) == notice.digest == digest:
        office.refuse(
            person,
            "approve-notice",
            notice.id,
            "other-text",
            Text(
                ja="見た文と今の文が違う：もう一度読んで承認する",
                en="the text is not the one that was shown: read it again",
            ),
        )
    at = office.now()
    office.record(person, "approve-notice", notice.id, digest=digest, case=notice.case)
    return office.notices.change(
        msgspec.structs.replace(
            notice,
            state=NoticeState.APPROVED,
            approved_by=person.name,
            approved_digest=digest,
            approved_at=at,
            updated=at,
            withheld="",
            not_before=0,
        )
    )


def alike(identifier: str, office: Office) -> Iterator[Notice]:
    """Yield the drafts that say the same as this notice, word for word but for their own reference; itself first.

    So that a person who has read one text approves a batch of it: each still has its own digest on record.
    """
    first = office.notice(identifier)
    yield first
    after = ""
    while page := office.notices.find((NoticeState.DRAFT,), after=after, limit=_PAGE):
        for one in page:
            if one.id != first.id and words_but_reference(one) == words_but_reference(first):
                yield one
        after = page[-1].id


def words_but_reference(notice: Notice) -> tuple[str, ...]:
    """Return what two notices have in common when they say the same; the reference is a sign that no text holds."""
    number = shown(notice.id)
    words = (one.replace(number, "\x00") for one in (notice.subject, notice.body))
    return (notice.channel.value, notice.language.value, *words)


def revise(identifier: str, subject: str, body: str, person: Person, office: Office) -> Notice:
    """Change the words of a notice that has not gone out; an approval of the old ones is void.

    :raises AuthorisationError: not in this role
    :raises DescriptionError: no such notice, it is out, or nothing is left of its words
    """
    office.needs(person, WRITERS, "revise-notice", identifier)
    notice = office.notice(identifier)
    if notice.state not in _OPEN:
        raise _state(notice)
    if not subject.strip() or not subject.isprintable() or not body.strip():
        raise DescriptionError(
            Text(ja="件名か本文が空か、件名に改行がある", en="subject or body is empty, or no one line"),
            identifier,
        )
    digest = text_digest(notice.language, subject, body)
    office.record(person, "revise-notice", notice.id, digest=digest, before=notice.digest)
    return office.notices.change(
        msgspec.structs.replace(
            notice,
            subject=subject,
            body=body,
            digest=digest,
            state=NoticeState.DRAFT,
            approved_by="",
            approved_digest="",
            approved_at=0,
            updated=office.now(),
        )
    )


def withdraw(identifier: str, person: Person, reason: str, office: Office) -> Notice:
    """Take back a notice that has not gone out.

    :raises AuthorisationError: not in this role
    :raises DescriptionError: no such notice, or it is out already
    """
    office.needs(person, WRITERS, "withdraw-notice", identifier)
    notice = office.notice(identifier)
    if notice.state not in _OPEN:
        raise _state(notice)
    office.record(person, "withdraw-notice", notice.id, why=reason)
    return office.notices.change(
        msgspec.structs.replace(
            notice,
            state=NoticeState.WITHDRAWN,
            updated=office.now(),
            detail=reason[:300],
            # A new draft may take its place the same day.
            once=f"{notice.once}|withdrawn {notice.id}",
        )
    )


def settle(identifier: str, person: Person, office: Office, *, sent: bool) -> Notice:
    """Say what became of a notice whose outcome is unknown: it was ``sent``, or it was not and may go.

    :raises AuthorisationError: not in this role
    :raises DescriptionError: no such notice, or its outcome is known
    """
    office.needs(person, SENDERS, "settle-notice", identifier)
    notice = office.notice(identifier)
    if notice.state is not NoticeState.SENDING:
        raise _state(notice)
    office.record(person, "settle-notice", notice.id, outcome="sent" if sent else "not-sent")
    return office.notices.change(
        msgspec.structs.replace(
            notice,
            state=NoticeState.SENT if sent else NoticeState.APPROVED,
            sent_at=notice.sent_at if sent else 0,
            updated=office.now(),
            detail=f"settled: {person.name}",
        )
    )


def _state(notice: Notice) -> DescriptionError:
    label = notice.state.label
    return DescriptionError(
        Text(
            ja=f"お知らせの状態が「{label.ja}」なのでできない",
            en=f"not possible: the notice is in state {label.en!r}",
        ),
        shown(notice.id),
    )
