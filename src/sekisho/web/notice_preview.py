"""What a notice will look like when it goes out, made by the same code that sends it; whom it goes to is not looked up.

Only sending re-identifies a subscriber, with a recorded reason. So the receiver's place holds words here.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.policy import default

from sekisho.errors import DescriptionError, SekishoError
from sekisho.formats.references import shown
from sekisho.language import Language, Text
from sekisho.model.case import Case
from sekisho.model.identity import Contact
from sekisho.model.notice import Channel, Notice
from sekisho.model.notifying import Notifying
from sekisho.reports.notices import webhook
from sekisho.reports.notices.mail import mail
from sekisho.reports.notices.paragraphs import Block, blocks
from sekisho.reports.notices.wording import wording

_NOBODY = "receiver@recipient.invalid"
_AT_SENDING = Text(ja="（送るときの時刻）", en="(the moment of sending)")
_LOOKED_UP = Text(ja="（送るときに、記録を残して調べる）", en="(looked up when it is sent, on record)")
_WANTING = Text(
    ja="見出しを作れない：notices.toml に事業者の言葉が足りない",
    en="its headers can't be made: notices.toml lacks words of the operator",
)
_AROUND = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a comparison: ``same``, ``added`` or ``removed``; ``gap`` stands for lines left out."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What goes out.

    :ivar headers: names and values in their order; empty where the channel has none
    :ivar paragraphs: the words as they are set
    :ivar payload: the exact text that a system receives, for channels of systems
    :ivar trouble: why the envelope can't be shown; the words are shown all the same
    """

    headers: tuple[tuple[str, str], ...]
    paragraphs: tuple[Block, ...]
    payload: str = ""
    trouble: SekishoError | None = None


def preview(notice: Notice, case: Case | None, settings: Notifying, at: int, language: Language) -> Preview:
    """Return what goes out; ``language`` is the reader's, for what is not known yet."""
    paragraphs = blocks(notice.body)
    if wanting := settings.operator.wanting(notice.channel):
        return Preview((), paragraphs, trouble=DescriptionError(_WANTING, f"operator: {', '.join(wanting)}"))
    if notice.channel is Channel.EMAIL:
        return Preview(_headers(notice, settings, at, language), paragraphs)
    if notice.channel is Channel.WEBHOOK and case is not None:
        sent = webhook.body(notice, case, Contact(_LOOKED_UP.say(language)))
        made = {**webhook.headers(sent, notice.id, b"", 0), webhook.SIGNATURE: _AT_SENDING.say(language)}
        return Preview(tuple(made.items()), paragraphs, sent.decode())
    return Preview((), paragraphs)


def _headers(notice: Notice, settings: Notifying, at: int, language: Language) -> tuple[tuple[str, str], ...]:
    zone = timezone(timedelta(minutes=settings.quiet.offset_minutes))
    when = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
    message = message_from_bytes(mail(notice, settings.operator, "", _NOBODY, when), policy=default)
    later = {"to": _LOOKED_UP.say(language), "date": _AT_SENDING.say(language)}
    return tuple((name, later.get(name.lower(), str(value))) for name, value in message.items())


def standard_words(notice: Notice, case: Case, settings: Notifying) -> tuple[str, str] | None:
    """Return subject and body as the template writes them now; None when it can't."""
    zone = timezone(timedelta(minutes=settings.quiet.offset_minutes))
    seen = datetime.fromtimestamp(case.last_seen / 1000, UTC).astimezone(zone)
    day = (
        f"{seen.year}年{seen.month}月{seen.day}日"
        if notice.language is Language.JA
        else f"{seen.day} {seen:%B} {seen.year}"
    )
    try:
        made = wording(
            case, settings.operator, notice.language, shown(notice.id), day, channel=notice.channel,
            model=settings.models.get(case.device_model),
        )  # fmt: skip
    except SekishoError:
        return None
    return made.subject, made.body


def compared(before: tuple[str, str], after: tuple[str, str]) -> tuple[Line, ...]:
    """Return the lines that differ, with a few around them; empty when nothing does."""
    one, two = (f"{subject}\n\n{body}".rstrip("\n").split("\n") for subject, body in (before, after))
    if one == two:
        return ()
    found: list[Line] = []
    for group in difflib.SequenceMatcher(None, one, two, autojunk=False).get_grouped_opcodes(_AROUND):
        found += [Line("gap", "")] if found else []
        for kind, a, b, c, d in group:
            if kind == "equal":
                found += _lines("same", one[a:b])
            else:
                found += [*_lines("removed", one[a:b]), *_lines("added", two[c:d])]
    return tuple(found)


def _lines(kind: str, texts: Sequence[str]) -> list[Line]:
    return [Line(kind, text) for text in texts]
