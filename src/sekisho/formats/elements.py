"""Information elements that become columns of FLOW, or that are needed to fill them (IANA IPFIX registry, RFC 3954).

NetFlow v9 field types 1 to 127 and IPFIX elements of the same number mean the same (RFC 7012 section 4), so one list
serves both. Everything that is not listed is skipped by its length and never copied.
"""

from __future__ import annotations

from typing import NamedTuple

#: Elements with this enterprise number describe the way back of a two-way record (RFC 5103 section 6.1).
REVERSE = 29_305
NETFLOW_9, IPFIX = 9, 10
VARIABLE = 65_535  # RFC 7011 section 7: the length stands before the value


class Role(NamedTuple):
    """What an element is used for; ``rank`` 0 is preferred when a template has several of one role.

    ``widths``: lengths in octets in which its value may stand (reduced-size encoding, RFC 7011 section 6.2).
    """

    name: str
    rank: int
    widths: frozenset[int]


def _whole(octets: int) -> frozenset[int]:
    return frozenset(range(1, octets + 1))


_EXACT = {octets: frozenset({octets}) for octets in (1, 2, 4, 8, 16)}
_ANY = _whole(8)

#: Element number (enterprise 0) -> role.
ROLES: dict[int, Role] = {
    8: Role("source4", 0, _EXACT[4]),
    12: Role("destination4", 0, _EXACT[4]),
    27: Role("source6", 0, _EXACT[16]),
    28: Role("destination6", 0, _EXACT[16]),
    7: Role("source_port", 0, _whole(2)),
    182: Role("source_port", 1, _whole(2)),
    180: Role("source_port", 2, _whole(2)),
    11: Role("destination_port", 0, _whole(2)),
    183: Role("destination_port", 1, _whole(2)),
    181: Role("destination_port", 2, _whole(2)),
    4: Role("protocol", 0, _EXACT[1]),
    6: Role("flags", 0, _whole(2)),
    60: Role("version", 0, _EXACT[1]),
    2: Role("packets", 0, _ANY),
    86: Role("packets", 1, _ANY),
    298: Role("packets", 2, _ANY),
    24: Role("packets", 3, _ANY),
    1: Role("octets", 0, _ANY),
    85: Role("octets", 1, _ANY),
    231: Role("octets", 2, _ANY),
    23: Role("octets", 3, _ANY),
    299: Role("reverse_packets", 1, _ANY),
    232: Role("reverse_octets", 1, _ANY),
    152: Role("start_ms", 0, _ANY),
    153: Role("end_ms", 0, _ANY),
    154: Role("start_us", 0, _EXACT[8]),
    155: Role("end_us", 0, _EXACT[8]),
    156: Role("start_ns", 0, _EXACT[8]),
    157: Role("end_ns", 0, _EXACT[8]),
    150: Role("start_s", 0, _whole(4)),
    151: Role("end_s", 0, _whole(4)),
    158: Role("start_delta", 0, _whole(4)),
    159: Role("end_delta", 0, _whole(4)),
    22: Role("start_uptime", 0, _EXACT[4]),
    21: Role("end_uptime", 0, _EXACT[4]),
    160: Role("boot", 0, _ANY),
    161: Role("duration", 0, _whole(4)),
    225: Role("nat_source4", 0, _EXACT[4]),
    227: Role("nat_source_port", 0, _whole(2)),
    230: Role("event", 0, _ANY),
    233: Role("event", 1, _ANY),
    302: Role("sampler", 0, _ANY),
    48: Role("sampler", 1, _whole(4)),
    10: Role("interface", 0, _whole(4)),
    145: Role("template", 0, _whole(2)),
    305: Role("interval", 0, _whole(4)),
    34: Role("interval", 1, _whole(4)),
    50: Role("interval", 2, _whole(4)),
    306: Role("space", 0, _whole(4)),
    309: Role("sampling_size", 0, _whole(4)),
    310: Role("sampling_population", 0, _whole(4)),
}
#: The same numbers below enterprise 29305: the way back.
REVERSE_ROLES: dict[int, Role] = {
    2: Role("reverse_packets", 0, _ANY),
    86: Role("reverse_packets", 2, _ANY),
    1: Role("reverse_octets", 0, _ANY),
    85: Role("reverse_octets", 2, _ANY),
    6: Role("reverse_flags", 0, _whole(2)),
}
#: NetFlow v9 only: scope field types of options templates (RFC 3954 section 6.1) that we use; 40005 is the event
#: number of security appliances' logs before it got an official one.
SCOPES_9: dict[int, Role] = {
    2: Role("interface", 0, _whole(4)),
    5: Role("template", 0, _whole(2)),
}
EVENT_9 = Role("event", 2, _ANY)
NUMBER_OF_EVENT_9 = 40_005


def role(number: int, enterprise: int, *, version: int, scope: bool = False) -> Role | None:
    """Return what an element is used for, or None when it is skipped.

    ``version`` is 9 or 10; ``scope`` is true for the scope fields of an options template.
    """
    if enterprise:
        return REVERSE_ROLES.get(number) if enterprise == REVERSE else None
    if version == NETFLOW_9:
        if scope:
            return SCOPES_9.get(number)
        if number == NUMBER_OF_EVENT_9:
            return EVENT_9
    return ROLES.get(number)
