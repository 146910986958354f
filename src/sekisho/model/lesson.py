"""A lesson of an accident as it is shared: what failed and what helps, and nothing that tells whose accident it was. Pure.

Sizes and times go in coarse steps; texts that people write are searched for addresses, telephone numbers and the names
that the operator has on record, and one that holds any is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import timedelta

import msgspec

from sekisho.language import Language, Text
from sekisho.model.accident import japan_day
from sekisho.model.affected import affected
from sekisho.model.incident import Incident, Service

_USERS = (30_000, 100_000, 1_000_000)
_HOURS = (1, 2, 4, 12)
_SHORTEST_NAME = 2
_APRIL = 4
# A space or a hyphen within a number is what people put there.
_TRACES = (
    ("mail", re.compile(r"[^\s@]+@[^\s@]+")),
    ("address", re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9])")),
    (
        "address",
        re.compile(r"(?<![0-9a-f:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![0-9a-f:])", re.IGNORECASE),
    ),
    ("name", re.compile(r"\b(?:[a-z0-9-]{1,63}\.)+[a-z]{2,24}\b", re.IGNORECASE)),
    (
        "telephone",
        re.compile(r"(?<![0-9])(?:\+?81[- ]?|0)[0-9]{1,4}[- (]?[0-9]{1,4}[- )]?[0-9]{3,4}(?![0-9])"),
    ),
    ("number", re.compile(r"\bAS ?[0-9]{3,10}\b", re.IGNORECASE)),
)
_FORMS = re.compile(r"株式会社|有限会社|合同会社|\(株\)|co\.,? ?ltd\.?|inc\.?|corporation", re.IGNORECASE)


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person writes for others: what happened, what was learnt; ``tlp`` how far it may go."""

    happened: str
    learned: str
    tlp: str = "green"


class Trace(msgspec.Struct, frozen=True):
    """Something in a text that could tell whose accident it was: which kind, and the words."""

    kind: str
    words: str


def traces(texts: Iterable[str], names: Iterable[str]) -> tuple[Trace, ...]:
    """Return what in the texts would name somebody: addresses, numbers, and any of ``names``."""
    folded = [_folded(one) for one in texts]
    found = [
        Trace(kind, match[0][:60])
        for kind, pattern in _TRACES
        for one in folded
        for match in pattern.finditer(one)
    ]
    found += [Trace("known", name[:60]) for name in _names(names) if any(name in one for one in folded)]
    return tuple(dict.fromkeys(found))


def _names(names: Iterable[str]) -> Iterator[str]:
    """Yield names as they are searched for, also without the form of a company and in pieces."""
    for one in dict.fromkeys(map(_folded, names)):
        bare = _FORMS.sub(" ", one).strip()
        for piece in dict.fromkeys((one, bare)):
            if len(piece) >= _SHORTEST_NAME:
                yield piece


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def users_step(least: int, most: int | None) -> Text:
    """Return how many users were hit, in steps so wide that nobody can be found by them."""
    if most is None or _step(least, _USERS) != _step(most, _USERS):
        return Text(ja="利用者数は段階を定められない", en="users: no single step")
    at = _step(least, _USERS)
    if at == 0:
        return Text(ja=f"{_USERS[0]:,}人未満", en=f"fewer than {_USERS[0]:,} users")
    if at == len(_USERS):
        return Text(ja=f"{_USERS[-1]:,}人以上", en=f"{_USERS[-1]:,} users or more")
    return Text(
        ja=f"{_USERS[at - 1]:,}人以上{_USERS[at]:,}人未満", en=f"{_USERS[at - 1]:,} to {_USERS[at]:,} users"
    )


def hours_step(duration: timedelta) -> Text:
    """Return how long it took, in steps."""
    at = _step(duration / timedelta(hours=1), _HOURS)
    if at == 0:
        return Text(ja=f"{_HOURS[0]}時間未満", en=f"less than {_HOURS[0]} h")
    if at == len(_HOURS):
        return Text(ja=f"{_HOURS[-1]}時間以上", en=f"{_HOURS[-1]} h or more")
    return Text(ja=f"{_HOURS[at - 1]}時間以上{_HOURS[at]}時間未満", en=f"{_HOURS[at - 1]} to {_HOURS[at]} h")


def _step(value: float, bounds: tuple[int, ...]) -> int:
    return sum(value >= one for one in bounds)


def size_of(incident: Incident) -> tuple[Text, Text, tuple[Service, ...]]:
    """Return users and duration in steps, and the services that were hit."""
    services = tuple(dict.fromkeys(one.service for one in incident.effects))
    least, longest = 0, timedelta()
    most: int | None = 0
    for service in services:
        mine = [one for one in incident.effects if one.service is service]
        found = affected(mine, incident.as_of, apart=False)
        least = max(least, found.users[0])
        most = None if most is None or found.users[1] is None else most + found.users[1]
        longest = max(longest, *(run.end - run.begin for run in found.runs))
    return users_step(least, most), hours_step(longest), services


def fiscal_year(incident: Incident) -> int:
    """Return the fiscal year in which it happened: the only time that is shared."""
    day = japan_day(incident.occurred)
    return day.year if day.month >= _APRIL else day.year - 1


def spoken(text: Text) -> str:
    """Return a text in both languages: whoever reads it may read either."""
    return f"{text.say(Language.JA)} / {text.say(Language.EN)}"
