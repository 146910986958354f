"""Reminders of duties: how they are sent, and that one went out. Pure."""

from __future__ import annotations

import msgspec

from sekisho.language import Language

_WEEK = 7
#: How many days before its day a duty is told of, unless others are asked for.
LEADS = (30, _WEEK)


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
    """Return which reminder is due so many days before: ``near``, ``week``, ``late``, or days such as ``14d``."""
    if left < 0:
        return "late"
    lead = min((days for days in leads if left <= days), default=max(leads))
    return "week" if lead == _WEEK else "near" if lead == max(leads) else f"{lead}d"


def parts(name: str) -> tuple[str, str, str]:
    """Return recipient, duty and stage out of the name of a reminder."""
    recipient, _, rest = name.partition(" ")
    duty, _, last = rest.rpartition(" ")
    return recipient, duty, last
