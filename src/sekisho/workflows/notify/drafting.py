"""Drafting: the words for a confirmed case. Nobody is re-identified for it; the text names no person."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sekisho.formats.references import shown
from sekisho.language import Language
from sekisho.model.case import Case, CaseState
from sekisho.model.detection import Grade
from sekisho.model.identity import Person
from sekisho.model.notice import Channel, Notice, NoticeState, text_digest
from sekisho.reports.notices.mail import message_id
from sekisho.reports.notices.wording import wording
from sekisho.workflows.notify.office import WRITERS, Office

#: A case in one of these states may lead to a notice; a new one was not looked at by a person yet.
READY = frozenset({CaseState.CONFIRMED, CaseState.RELAPSED, CaseState.NOTIFIED})


class Drafted(msgspec.Struct, frozen=True):
    """What came of it: the stored drafts, and why the other cases got none (``no-case``, ``not-confirmed``, ``too-weak``, ``there``)."""

    notices: tuple[Notice, ...]
    refused: dict[str, str]


def draft(
    cases: Sequence[str],
    person: Person,
    office: Office,
    *,
    channel: Channel,
    language: Language = Language.JA,
    device: str = "",
) -> Drafted:
    """Draft a notice for each case; one of the same case, kind, day and channel that is there already stays alone.

    :raises DescriptionError: words that only the operator knows are missing
    :raises AuthorisationError: not in this role
    """
    office.needs(person, WRITERS, "draft-notice", ", ".join(cases[:3]))
    refused: dict[str, str] = {}
    made: dict[str, Notice] = {}
    for identifier in dict.fromkeys(cases):
        case = office.cases.case(identifier)
        if case is None:
            refused[identifier] = "no-case"
        elif case.state not in READY:
            refused[identifier] = "not-confirmed"
        elif case.grade is Grade.WATCH:
            # Attempts without an answer: whoever forges a sender can make them look like any line's.
            refused[identifier] = "too-weak"
        else:
            made[identifier] = _drafted(case, office, channel, language, device)
    stored = office.notices.add(tuple(made.values()))
    kept = {one.id for one in stored}
    refused |= {case: "there" for case, one in made.items() if one.id not in kept}
    return Drafted(stored, refused)


def day_words(office: Office, milliseconds: int, language: Language) -> str:
    """Return the local day of a moment, as a reader says it."""
    day = office.local(milliseconds)
    if language is Language.JA:
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {day:%B} {day.year}"


def _drafted(case: Case, office: Office, channel: Channel, language: Language, device: str) -> Notice:
    at = office.now()
    identifier = office.fresh(at)
    operator = office.settings.operator
    words = wording(
        case,
        operator,
        language,
        shown(identifier),
        day_words(office, case.last_seen, language),
        channel=channel,
        model=office.settings.models.get(case.device_model),
        device=device,
    )
    return Notice(
        id=identifier,
        case=case.id,
        channel=channel,
        language=language,
        template=words.template,
        subject=words.subject,
        body=words.body,
        digest=text_digest(language, words.subject, words.body),
        once=f"{case.id}|{case.key}|{office.local(at):%Y-%m-%d}|{channel.value}",
        state=NoticeState.DRAFT,
        created=at,
        updated=at,
        message_id=message_id(identifier, operator.domain) if operator.domain else "",
    )
