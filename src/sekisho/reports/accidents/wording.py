"""The words around a draft, the same in every form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from sekisho.language import Text
from sekisho.model.draft import Draft, Field, Kind, Known

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
        # Who is told of a trouble reads the notice, not the notes of those who wrote it.
        "" if public and signed else Text(ja="確認する人への注意", en="Notes for who checks it").say(say),
        Text(ja="根拠：{basis}（確度{grade}）", en="Basis: {basis} (confidence {grade})").say(
            say, basis=draft.basis, grade=draft.confidence
        ),
        Text(ja="備考", en="Remark").say(say),
    )


def shown(field: Field, draft: Draft) -> str:
    """Return a field's value, or that it is missing."""
    return field.value if field.known is not Known.MISSING else _MISSING.say(draft.language)


def noted(field: Field, draft: Draft) -> str:
    """Return the remark on a field; none in a notice that is signed off."""
    if draft.signed and draft.kind is Kind.NOTICE:
        return ""
    checked = _CHECK.say(draft.language) if field.known is Known.CHECK else ""
    return Text(ja="：", en=": ").say(draft.language).join(filter(None, (checked, field.remark)))


def moment(when: datetime, zone: tzinfo) -> str:
    """Return a moment with its zone."""
    local = when.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname() or ''}".rstrip()
