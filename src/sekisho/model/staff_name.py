"""Names of the operator's own people: papers that are never changed carry a random token in their place. Pure.

A name stands in one table, and is erased there when its purpose is over; the papers, their versions and digests stay as
they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from sekisho.language import Text
from sekisho.model.accident import japan_day

#: What stands in a paper for a name.
TOKEN = re.compile(r"person:[0-9a-f]{24}")
#: What is read in the place of an erased name: no name, whoever writes it again.
ERASED = re.compile(r"名前は消去済み / name erased \([^()]*\)")
_SIGN = 6
#: Kinds of papers that need a name today.
NEEDS = {
    "operator": Text(ja="人と事業場", en="people and sites"),
    "reminding": Text(ja="知らせの宛先", en="address of reminders"),
    "measure": Text(ja="済んでいない対策", en="a measure that isn’t done"),
    "drill": Text(ja="続いている訓練", en="a drill that goes on"),
}


class StaffName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name, or that it was erased. Times are milliseconds.

    :ivar name: empty once it is erased
    :ivar since: when it was written first; ``used`` when it was written last
    :ivar erased: when it was erased; 0 while it is there
    :ivar ground: why: ``expired``, or ``asked`` by a person
    """

    token: str
    name: str
    since: int
    used: int
    erased: int = 0
    ground: str = ""

    @property
    def shown(self) -> str:
        """The name, or in both languages that it was erased: it is read by programs, too.

        The end of its token tells it from others of that day, so that it is kept by the same token when it is written again.
        """
        if not self.erased:
            return self.name
        day = japan_day(datetime.fromtimestamp(self.erased / 1000, UTC))
        return f"名前は消去済み / name erased ({day}, {self.token[-_SIGN:]})"


def named(text: str, names: Mapping[str, StaffName], written: Callable[[str], str] = str) -> str:
    """Return a text with the names in the place of their tokens; ``written`` as they are written there."""
    return TOKEN.sub(lambda found: written(names[found[0]].shown) if found[0] in names else found[0], text)


def within_json(text: str) -> str:
    """Return a text as it is written within the quotes of JSON."""
    return msgspec.json.encode(text).decode()[1:-1]
