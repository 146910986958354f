"""Reminders of duties: how they are sent, and that one went out. Pure."""

from __future__ import annotations

import msgspec

from sekisho.language import Language

#: How many days before its day a duty is told of, unless others are asked for.
LEADS = (30, 7)
#: How the stages of those days were named before stages were named by their days.
BEFORE = {"30d": "near", "7d": "week"}


class Reminding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is decided about reminders.

    :ivar on: whether they are sent by themselves
    :ivar days: how many days before its day a duty is told of; what is late is told of besides
    """

    on: bool = False
    to: tuple[str, ...] = ()
    days: tuple[int, ...] = LEADS
    language: Language = Language.JA


class Reminded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reminder that went out: recipient, duty and stage in one ``name``."""

    name: str


def stage(left: int, leads: tuple[int, ...]) -> str:
    """Return which reminder is due so many days before: ``late``, or the days of the lead time such as ``14d``."""
    if left < 0:
        return "late"
    return f"{min((days for days in leads if left <= days), default=max(leads))}d"


def parts(name: str) -> tuple[str, str, str]:
    """Return recipient, duty and stage out of the name of a reminder."""
    recipient, _, rest = name.partition(" ")
    duty, _, last = rest.rpartition(" ")
    return recipient, duty, last
