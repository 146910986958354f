"""Self-checks: lists of what to look at, what the operator answered with evidence, how much is covered. Pure.

No answer is no answer: it is never counted as done. "Done" without evidence is a claim, and counted apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

import msgspec

from sekisho.language import Text

#: Classes of networks of the guideline on safety and reliability; marks are given for each.
NETWORKS = {
    "circuit": Text(ja="電気通信回線設備事業用", en="carriers with circuits"),
    "specified": Text(ja="特定回線非設置事業用", en="specified carriers without circuits"),
    "other": Text(ja="その他の電気通信事業用", en="other carriers"),
    "private": Text(ja="自営", en="private networks"),
    "user": Text(ja="ユーザ", en="users’ networks"),
}


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item that the operator imported with its text; ``marks``: class of network → the sign that the text gives it."""

    list: str
    item: str
    text: str = ""
    marks: dict[str, str] = {}


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a list of which only the counts are known."""

    id: str
    items: int
    measures: int


class CheckList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One list; ``parts`` tell how much there would be where the ``items`` themselves could not be had.

    :ivar english: item → the same in English, in words of ours
    """

    id: str
    title: Text
    source: str
    confidence: str
    items: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    unverified: Text | None = None
    english: dict[str, str] = {}


class Status(StrEnum):
    """What the operator says of an item."""

    DONE = "done"
    PARTLY = "partly"
    GAP = "gap"
    NOT_APPLICABLE = "not-applicable"


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer; ``list`` and ``item`` name what it is about. ``plan``: what is to be done, by ``due``."""

    list: str
    item: str
    status: Status
    owner: str = ""
    on: date | None = None
    evidence: str = ""
    plan: str = ""
    due: date | None = None


class Coverage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a list is covered.

    :ivar items: known ones, those that the operator imported too; ``expected`` measures by the counts, 0 for not known
    :ivar claimed: done, but without evidence
    """

    list: str
    items: int
    expected: int
    done: int
    claimed: int
    partly: int
    gaps: int
    not_applicable: int
    unanswered: tuple[str, ...]


def extended(one: CheckList, items: Iterable[Item]) -> CheckList:
    """Return the list with the items that were imported for it."""
    mine = (item.item for item in items if item.list == one.id)
    return msgspec.structs.replace(one, items=tuple(dict.fromkeys((*one.items, *mine))))


def coverage(one: CheckList, answers: Iterable[Answer]) -> Coverage:
    """Return how the list is covered by the answers to it."""
    mine = {answer.item: answer for answer in answers if answer.list == one.id}
    items = tuple(dict.fromkeys((*one.items, *mine)))
    found = list(mine.values())
    done = [answer for answer in found if answer.status is Status.DONE]
    return Coverage(
        one.id,
        len(items),
        sum(part.measures for part in one.parts),
        sum(bool(answer.evidence) for answer in done),
        sum(not answer.evidence for answer in done),
        sum(answer.status is Status.PARTLY for answer in found),
        sum(answer.status is Status.GAP for answer in found),
        sum(answer.status is Status.NOT_APPLICABLE for answer in found),
        tuple(item for item in items if item not in mine),
    )


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changed between two self-checks; None for no answer."""

    list: str
    item: str
    before: Status | None
    after: Status | None


def differences(before: Iterable[Answer], after: Iterable[Answer]) -> tuple[Difference, ...]:
    """Return the items whose status changed, in the order of the newer check."""
    old, new = ({(one.list, one.item): one.status for one in side} for side in (before, after))
    every = dict.fromkeys((*new, *old))
    return tuple(
        Difference(*key, old.get(key), new.get(key)) for key in every if old.get(key) is not new.get(key)
    )
