"""What machines and ticket systems say about a network, before anybody says what it means for users. Pure.

An alarm names no service and no users. Which service a device carries, and for how many, is the operator's own
knowledge: the rules of `sekisho.formats.alarm_rules` hold it, and nothing is guessed beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from sekisho.model.timeline import Fact


class Alarm(msgspec.Struct, frozen=True):
    """One alarm, log line, ticket or detection.

    :ivar begin: None where only a rule can say it (the columns of a ticket)
    :ivar end: None while it goes on, or when the source does not tell ends (syslog)
    :ivar fields: what it says, by name
    :ivar line: where it stands in its file
    :ivar key: what ties the messages of one trouble together; a rule may choose another
    """

    begin: datetime | None
    fields: Mapping[str, str]
    line: str
    end: datetime | None = None
    key: str = ""


class LeftOut(msgspec.Struct, frozen=True):
    """What was not taken: where it stands, the reason's id (``no-rule`` is no fault), and the words that it is about."""

    line: str
    reason: str
    text: str = ""

    @property
    def fault(self) -> bool:
        """Whether something is wrong with it, and not just nothing to say."""
        return self.reason not in {"no-rule", "pending"}


class Imported(msgspec.Struct, frozen=True):
    """Facts in the order of time, and what was left out."""

    facts: tuple[Fact, ...]
    left_out: tuple[LeftOut, ...]
