"""Taking back: bounces and receipts find their notice by Message-ID; what isn't understood is shown to a person."""

from __future__ import annotations

import msgspec

from sekisho.errors import ConflictError
from sekisho.formats.delivery_status import Answer, answer
from sekisho.model.notice import OUT, Notice, NoticeState
from sekisho.workflows.notify.office import Office

_NEXT = {
    "failed": NoticeState.BOUNCED,
    "delivered": NoticeState.DELIVERED,
    # A server that says "delayed" or "handed on" has taken the message: an unknown outcome is known now.
    "relayed": NoticeState.SENT,
    "delayed": NoticeState.SENT,
}
_TRIES = 5
#: It was tried and is held for not taken; an answer about it proves that it was, and so it must not go again.
_MAY_GO = frozenset({NoticeState.APPROVED, NoticeState.WITHHELD, NoticeState.FAILED})
_RANK = {NoticeState.SENDING: 0, NoticeState.SENT: 1, NoticeState.DELIVERED: 2, NoticeState.BOUNCED: 3}


class Returned(msgspec.Struct, frozen=True):
    """What one mail said.

    ``what`` is ``bounced``, ``delivered``, ``noted``, ``known`` (nothing new), ``automatic``, ``not-ours`` (no notice of
    ours is named) or ``unclear`` (a person must read it).
    """

    what: str
    answer: Answer
    notice: Notice | None = None


def take_back(octets: bytes, office: Office) -> Returned:
    """Take one answer of a mail server; the same one twice changes nothing."""
    said = answer(octets)
    if said.kind == "automatic":
        return Returned("automatic", said)
    notice = _of(said, office)
    if notice is None:
        return Returned("unclear" if said.kind == "unknown" else "not-ours", said)
    return Returned("unclear", said, notice) if said.kind == "unknown" else _noted(said, notice, office)


def _of(said: Answer, office: Office) -> Notice | None:
    for name in (*said.message_ids, *([said.envelope_id] if said.envelope_id else [])):
        if found := office.notices.notice(name) or office.notices.notice(name.lower()):
            return found
    return None


def _noted(said: Answer, notice: Notice, office: Office, tries: int = _TRIES) -> Returned:
    if notice.state not in OUT and not (notice.state in _MAY_GO and notice.attempts):
        return Returned("unclear", said, notice)
    state = max(_NEXT[said.kind], notice.state, key=lambda one: _RANK.get(one, 0))
    detail = " ".join(one for one in (said.kind, said.status, said.diagnostic) if one)[:300]
    if state is notice.state and (said.kind != "delayed" or notice.detail == detail):
        return Returned("known", said, notice)
    at = office.now()
    changed = msgspec.structs.replace(
        notice, state=state, updated=at, sent_at=notice.sent_at or at, withheld="", detail=detail
    )
    try:
        stored = office.notices.change(changed)
    except ConflictError:
        # Somebody changed it in this moment: what they wrote is read and weighed once more.
        fresh = office.notices.notice(notice.id)
        if fresh is None or tries == 1:
            return Returned("unclear", said, notice)
        return _noted(said, fresh, office, tries - 1)
    what = {NoticeState.BOUNCED: "bounced", NoticeState.DELIVERED: "delivered"}.get(state, "noted")
    return Returned(what, said, stored)
