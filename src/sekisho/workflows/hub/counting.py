"""On how many lines members see what the hub published: taken by the day, told where enough members stand behind a figure.

It has no part in the score: who sees what he was told to look for corroborates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.corroboration import rounded, shown_counts
from sekisho.model.line_count import (
    DAYS_BACK,
    LineCount,
    SeenLines,
    begin_of,
    closed_at,
    closed_days,
    day_of,
)
from sekisho.model.membership import Member, MemberRole
from sekisho.model.sharing import Lane, Rights
from sekisho.workflows.hub.books import Books

_DAY = 86_400_000
_AT_ONCE = 1_000
_MOST_LINES = 100_000_000
_ID = re.compile(r"indicator--[0-9a-f-]{36}")
#: Who tells counts; the others are refused before a body is read.
TELLERS = (MemberRole.FULL, MemberRole.RECEIVE_ONLY)


class Tally(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a member sends: an indicator, a day, on how many lines. There is no place for which lines."""

    indicator: str
    day: str
    lines: int


class Counted(msgspec.Struct, frozen=True):
    """What became of it: how many were taken; ``unknown`` are the rest.

    They are about indicators that the sender can't know, or of fewer lines than this hub takes: its ``k_lines`` may be more
    than the members', who leave out what is fewer than theirs.
    """

    taken: int
    unknown: int


def take_counts(
    books: Books, member: Member, rights: Mapping[str, Rights], tallies: Sequence[Tally]
) -> Counted:
    """Take what a member sees; until a day is closed, each replaces what it said of the same indicator and day.

    What was told of a closed day stays as it is: a figure that moves with one's own number tells the others' sum.

    :raises DescriptionError: it isn't a member that counts, or one of them can't be taken: then none is
    """
    if member.role not in TELLERS:
        raise _refused("回線の数を報告できるのは通信事業者だけ", "only carriers tell of lines", member.id)
    if not 0 < len(tallies) <= _AT_ONCE:
        raise _refused(f"一度に1～{_AT_ONCE}件", f"from 1 to {_AT_ONCE} at a time", str(len(tallies)))
    now = books.now()
    rows = [_checked(member.id, one, now) for one in tallies]
    enough = [one for one in rows if one.lines >= books.rules.k_lines]
    known = _known(books, [one.indicator for one in enough], rights)
    taken = [one for one in enough if one.indicator in known]
    fixed = {
        (one.indicator, one.day)
        for one in books.line_counts.told(min(one.day for one in rows), member=member.id)
        if closed_at(one.day) <= now
    }
    new = [one for one in taken if (one.indicator, one.day) not in fixed]
    if new:
        books.line_counts.tell(new)
    books.audit.append(
        member.id, "member", "tell-counts", "line-counts", at=now, details={"counts": len(taken)}
    )
    return Counted(len(taken), len(rows) - len(taken))


def own_counts(books: Books, member: str) -> tuple[LineCount, ...]:
    """Return what a member told, as far as it is kept."""
    return books.line_counts.told(_first_kept(books), member=member)


def seen_lines(
    books: Books, member: Member, rights: Mapping[str, Rights], indicators: Sequence[str] | None = None
) -> tuple[SeenLines, ...]:
    """Return the figures of the last closed days that may be shown to a member with these rights.

    Of each day on its own: of ``k`` groups beside the member's and 20 lines of theirs at least, none with nearly all of
    it by one group, in fives.
    """
    rows = shown_rows(books, indicators)
    known = _known(books, sorted({one.indicator for one in rows}), rights)
    return figures(books, [one for one in rows if one.indicator in known], asker=member.group)


def shown_rows(books: Books, indicators: Sequence[str] | None = None) -> tuple[LineCount, ...]:
    """Return what was told, in time, of the days that figures are about: `DAYS_BACK` days that nobody can change any more."""
    first, last = closed_days(books.now())
    rows = books.line_counts.told(first, indicators=indicators)
    return tuple(one for one in rows if one.day <= last and one.at < closed_at(one.day))


def figures(books: Books, rows: Sequence[LineCount], *, asker: str = "") -> tuple[SeenLines, ...]:
    """Return what may be shown of some counts of closed days to who is of the group ``asker``; empty for nobody's.

    Each day is a figure of its own and the days are added up: so the difference between two days' answers is a figure of
    enough groups as well. Whether it is shown hangs on the others alone and on who is active now; how large it is on
    neither, so that it tells of no member that leaves.
    """
    active = {one.id for one in books.roster().active.values()}
    groups = {one.id: one.group for one in books.members.members()}
    parts: dict[tuple[str, str], dict[str, int]] = {}
    whole: dict[tuple[str, str], int] = {}
    for one in rows:
        group = groups.get(one.member)
        if group is None:
            continue
        place = (one.indicator, one.day)
        whole[place] = whole.get(place, 0) + one.lines
        if one.member in active and group != asker:
            cell = parts.setdefault(place, {})
            cell[group] = cell.get(group, 0) + one.lines
    named = {
        "\0".join(place): cell for place, cell in parts.items() if sum(cell.values()) >= books.rules.k_devices
    }
    lines: dict[str, int] = {}
    for name in shown_counts(named, k=books.rules.k, dominance=books.rules.k_dominance):
        indicator, _, day = name.partition("\0")
        lines[indicator] = lines.get(indicator, 0) + rounded(whole[indicator, day])
    return tuple(SeenLines(name, count) for name, count in sorted(lines.items()))


def expire_counts(books: Books) -> int:
    """Delete what was told of days that are past their time; return how many."""
    return books.line_counts.forget(_first_kept(books))


def _first_kept(books: Books) -> str:
    return day_of(books.now() - books.rules.count_days * _DAY)


def _known(books: Books, ids: Sequence[str], rights: Mapping[str, Rights]) -> set[str]:
    """Return which ids name something that was published and that who has these rights may see."""
    if not ids:
        return set()
    lane = books.lane(Lane.LIST)
    mine = rights.get(lane.id, Rights()) if lane else Rights()
    if not mine.read:
        return set()
    found = books.listed(list(dict.fromkeys(ids)))
    return {one.id for one in found if one.level <= mine.ceiling}


def _checked(member: str, one: Tally, now: int) -> LineCount:
    if not _ID.fullmatch(one.indicator):
        raise _refused("指標のidではない", "not the id of an indicator", one.indicator[:60])
    try:
        begin = begin_of(one.day)
    except ValueError:
        raise _refused("日付ではない", "not a date", one.day[:20]) from None
    if not now - (DAYS_BACK + 2) * _DAY <= begin <= now - _DAY:
        raise _refused("終わった日、9日前まで", "days that are over, 9 back at most", one.day)
    if not 0 < one.lines <= _MOST_LINES:
        raise _refused("回線の数ではない", "not a number of lines", str(one.lines))
    return LineCount(member, one.indicator, one.day, one.lines, now)


def _refused(ja: str, en: str, where: str) -> DescriptionError:
    return DescriptionError(Text(ja=ja, en=en), where)
