"""Who had which address when: assignments of addresses to subscribers, and the answer to "who was it?"."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account had an address or prefix (and a block of ports, behind a CGN) for a time.

    :ivar account: the operator's own identifier of the subscriber (user name, line number); personal data
    :ivar network: CIDR text
    :ivar port_begin: first port of a CGN block; 0 with ``port_end`` 65535 for all
    :ivar begin: milliseconds; ``end`` exclusive, 0 while it is still open
    :ivar source: which log said so, as ``radius:detail-20261121`` and the line
    """

    account: str
    network: str
    begin: int
    end: int = 0
    port_begin: int = 0
    port_end: int = 65_535
    source: str = ""


class Outcome(StrEnum):
    """How a look-up ended. Only `FOUND` names somebody; the other three are answers, too.

    `AMBIGUOUS`: two accounts within the clock skew; `GAP`: nobody had it then, though the log covers that time;
    `NO_DATA`: no log covers that address at that time.
    """

    FOUND = "found"
    AMBIGUOUS = "ambiguous"
    GAP = "gap"
    NO_DATA = "no-data"


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer for one address, port and moment; ``candidates`` are all assignments that could have been it."""

    outcome: Outcome
    account: str = ""
    candidates: tuple[Assignment, ...] = ()
    because: str = ""
