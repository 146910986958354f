"""Operations on reminders of duties: how they are sent, what would go now, what went."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from sekisho.language import Language, Text
from sekisho.model.account import Permission
from sekisho.model.compliance import Entry
from sekisho.model.reminding import Reminding
from sekisho.web.acting import actor
from sekisho.web.api.duties import Revision, refusing
from sekisho.web.asked import Asked
from sekisho.web.operations import Operation
from sekisho.wiring.console_reminders import Last, Went


class RemindingIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How duties are told of by mail; ``revision`` is the one that was seen, 0 for none."""

    revision: Revision
    on: bool
    to: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=254)], ...], msgspec.Meta(max_length=10)] = ()
    days: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=1, le=400)], ...], msgspec.Meta(min_length=1, max_length=4)
    ] = (30, 7)
    language: Language = Language.JA


class FreshOut(msgspec.Struct, frozen=True):
    """What one address would be told of now."""

    recipient: str
    duties: tuple[Entry, ...]


class RemindersOut(msgspec.Struct, frozen=True):
    """How they are sent (``server`` is empty where none is set), what would go now, how the last went, what went before."""

    revision: int
    reminding: Reminding
    server: str
    fresh: tuple[FreshOut, ...]
    last: Last | None
    went: tuple[Went, ...]


def _reminders(asked: Asked, _query: Any, _body: None) -> RemindersOut:
    desk = asked.office.console.reminders
    reminding, seen = desk.settings()
    listed = asked.office.console.duties.listed().entries
    fresh = tuple(FreshOut(recipient, found) for recipient, found in desk.fresh(reminding, listed))
    return RemindersOut(seen, reminding, refusing(desk.server), fresh, desk.last(), desk.went())


def _say(asked: Asked, _query: Any, body: RemindingIn) -> RemindersOut:
    wanted = Reminding(body.on, body.to, body.days, body.language)
    refusing(lambda: asked.office.console.reminders.say(wanted, body.revision, actor(asked)))
    return _reminders(asked, None, None)


def _send(asked: Asked, _query: Any, _body: None) -> Last:
    return refusing(lambda: asked.office.console.reminders.send(actor(asked)))


OPERATIONS = (
    Operation(
        "GET", "/api/v1/duties/reminders", "getReminders", Text(ja="義務の知らせ", en="Reminders of duties"), Permission.WORK, _reminders,
        RemindersOut, others=(409,),
    ),
    Operation(
        "POST", "/api/v1/duties/reminders", "setReminders", Text(ja="義務の知らせ方を決める", en="Decide about reminders of duties"),
        Permission.SEND, _say, RemindersOut, body=RemindingIn, others=(409,),
    ),
    Operation(
        "POST", "/api/v1/duties/reminders/send", "sendReminders", Text(ja="いま知らせる", en="Send reminders now"), Permission.SEND,
        _send, Last, others=(409,),
    ),
)  # fmt: skip
