"""The words around a draft, the same in every form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from sekisho.formats.incident_words import WHATS
from sekisho.language import Text
from sekisho.model.draft import Draft, Field, Kind, Known
from sekisho.model.timeline import What

_MISSING = Text(ja="▲ 人が書く", en="▲ a person must fill this in")
_CHECK = Text(ja="要確認", en="to be checked")


class Around(msgspec.Struct, frozen=True):
    """Head and foot of a document; ``notes`` is empty where there are none to show."""

    state: str
    lines: tuple[tuple[str, str], ...]
    fields: str
    notes: str
    basis: str
    remark: str


def around(draft: Draft, zone: tzinfo) -> Around:
    """Return the words; times in ``zone``."""
    say = draft.language
    signed, public = draft.signed, draft.kind is Kind.NOTICE
    if signed:
        at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=signed.at)
        state = Text(ja="確認者 {name}（{at}）", en="signed off by {name} ({at})").say(
            say, name=signed.name, at=moment(at, zone)
        )
    else:
        state = Text(
            ja="案（未確認）。人が確かめ、署名するまで使わない",
            en="DRAFT: not to be used before a person has checked and signed it",
        ).say(say)
    lines = [
        (Text(ja="件名", en="Subject").say(say), draft.subject),
        (Text(ja="事業者", en="Operator").say(say), draft.operator or _MISSING.say(say)),
        (Text(ja="分かっていた時点", en="As known at").say(say), moment(draft.as_of, zone)),
    ]
    if draft.form:
        lines.append((Text(ja="様式", en="Form").say(say), draft.form))
    if draft.version:
        lines.append((Text(ja="版", en="Version").say(say), str(draft.version)))
    return Around(
        state,
        tuple(lines),
        Text(ja="お知らせ" if public else "報告事項", en="Notice" if public else "Contents").say(say),
        # Who is sent a document reads it without the notes of those who wrote it.
        "" if signed else Text(ja="確認する人への注意", en="Notes for who checks it").say(say),
        Text(ja="根拠：{basis}（確度{grade}）", en="Basis: {basis} (confidence {grade})").say(
            say, basis=draft.basis, grade=draft.confidence
        ),
        Text(ja="備考", en="Remark").say(say),
    )


def final(draft: Draft) -> Draft:
    """Return what is signed off as it goes out: without remarks, notes, sources of facts; a draft as it is."""
    if not draft.signed:
        return draft
    fields = tuple(
        msgspec.structs.replace(one, remark="", known=Known.TOLD if one.known is Known.CHECK else one.known)
        for one in draft.fields
    )
    note = WHATS[What.NOTE].say(draft.language)
    sheets = tuple(
        msgspec.structs.replace(
            one, head=one.head[:-1], rows=tuple(row[:-1] for row in one.rows if row[1] != note)
        )
        if one.id == "course"
        else one
        for one in draft.sheets
    )
    return msgspec.structs.replace(draft, fields=fields, sheets=sheets, remarks=())


def shown(field: Field, draft: Draft) -> str:
    """Return a field's value, or that it is missing."""
    return field.value if field.known is not Known.MISSING else _MISSING.say(draft.language)


def noted(field: Field, draft: Draft) -> str:
    """Return the remark on a field; none in what is signed off."""
    if draft.signed:
        return ""
    checked = _CHECK.say(draft.language) if field.known is Known.CHECK else ""
    return Text(ja="：", en=": ").say(draft.language).join(filter(None, (checked, field.remark)))


def moment(when: datetime, zone: tzinfo) -> str:
    """Return a moment with its zone."""
    local = when.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname() or ''}".rstrip()
