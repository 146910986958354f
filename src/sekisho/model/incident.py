"""Accidents of a network: what failed, for whom, how long, as far as it is known now.

Numbers of users and times are intervals: what is known at least, and what is possible at most. A verdict that would
change within the interval is undecided, and says what would decide it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Service(StrEnum):
    """Kinds of service as 施行規則58条2項1号 tells them apart; a class excludes the earlier ones.

    ``access`` carries traffic to the Internet connection point, ``private-data`` elsewhere; ``data`` says neither.
    """

    VOICE_EMERGENCY = "voice-emergency"
    VOICE = "voice"
    LPWA_CELLULAR = "lpwa-cellular"
    LPWA_UNLICENSED = "lpwa-unlicensed"
    FREE_MAIL = "free-mail"
    FREE_MESSAGING = "free-messaging"
    FREE_OTHER = "free-other"
    INTERNET = "internet"
    ACCESS = "access"
    PRIVATE_DATA = "private-data"
    DATA = "data"
    OTHER = "other"


class Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One service hit by the accident, in one area, for one span of time.

    :ivar begin: when users lost it; ``end`` None while it goes on
    :ivar users_least: known to be hit; ``users_most`` possibly hit, None when nobody knows
    :ivar degraded_only: 品質低下, no stop; ``unusable`` is a person's word on whether that counts, None for not weighed
    :ivar monthly_users: previous year's mean of monthly users, which class 4 asks for; None when not known
    :ivar fault: False when the cause is no failure of 電気通信設備, one's own or another carrier's (then 58条2項1号
        does not count it); None when that is not known
    :ivar other_equipment: a failure of equipment other than 電気通信設備 hindered the service (periodic report); None when
        that is not known
    :ivar additional: only an additional function (付加的な機能) was hit, which 58条2項1号 does not count
    :ivar subscribers: all users of the service, for rules that ask for a share
    :ivar continues: the same outage of the area as the effect before, with another number of users
    """

    service: Service
    begin: datetime
    end: datetime | None = None
    users_least: int = 0
    users_most: int | None = None
    area: str = ""
    degraded_only: bool = False
    monthly_users: int | None = None
    fault: bool | None = True
    unusable: bool | None = None
    other_equipment: bool | None = None
    additional: bool = False
    subscribers: int | None = None
    continues: bool = False


class Equipment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """衛星、海底ケーブル又はこれに準ずる重要な設備 that failed; ``all_traffic`` None when it is not known."""

    kind: str
    begin: datetime
    end: datetime | None = None
    all_traffic: bool | None = None


class Threat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What 58条の2 asks about おそれがある事態; None is "not known" and never "no".

    :ivar events: ids of events in the rule set (``no-stop``, ``no-switchover`` …); () when somebody says that there was none
    :ivar carrier_users: users of the carrier's 事業用電気通信設備 at the end of the previous fiscal year
    :ivar prefectures: how many prefectures the service spans
    :ivar terminal_side: 端末設備 or 端末系伝送路設備
    :ivar has_function: transmission, switching, control, operation or subscriber management
    :ivar expected: planned, or within what the design foresees
    :ivar not_noticed: the failure was not noticed quickly (asked to 2026-03-31 by one event)
    """

    events: tuple[str, ...] | None = None
    carrier_users: int | None = None
    prefectures: int | None = None
    terminal_side: bool | None = None
    has_function: bool | None = None
    expected: bool | None = None
    natural_disaster: bool | None = None
    not_noticed: bool | None = None


#: What the law asks beside the users of an outage; no fact of a timeline answers it.
QUESTIONS = ("leaks", "stopped-business", "threat")


class Incident(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An accident as it is known at ``as_of``.

    :ivar occurred: when it happened; ``known`` when the operator learnt of it
    :ivar leaks: ids of leaks: ``secrecy`` (通信の秘密), ``user-information`` (特定利用者情報),
        ``facility-information`` (facility information, periodic report to 2023-06-15)
    :ivar stopped_business: a part of the business was stopped (業務の一部停止, 法8条2項)
    :ivar wholesale_cause: caused by the wholesale supplier's own 重大な事故
    :ivar unhurt: it is a fact that nobody lost a service (a leak, a threat)
    :ivar areas_apart: named areas hold different users, so that their known users add up
    :ivar designated: the carrier is designated for 特定利用者情報; ``leaked_users`` in the data; ``handed_abroad`` to a
        foreign government under its law
    :ivar known_assumed: nobody has told when it was known; ``occurred_assumed``: nor when it occurred, by any fact
    :ivar unasked: of `QUESTIONS`, those that nobody has answered, neither with yes nor with no
    :ivar facility: what failed, by the ids of the periodic tracks (``base-station`` …); ``minor`` is a person's word
    """

    id: str
    occurred: datetime
    known: datetime
    as_of: datetime
    title: str = ""
    effects: tuple[Effect, ...] = ()
    equipment: tuple[Equipment, ...] = ()
    leaks: tuple[str, ...] = ()
    stopped_business: bool = False
    wholesale_cause: bool = False
    threat: Threat | None = None
    unhurt: bool = False
    areas_apart: bool = False
    designated: bool | None = None
    leaked_users: int | None = None
    handed_abroad: bool | None = None
    facility: str = ""
    minor: bool = False
    known_assumed: bool = False
    occurred_assumed: bool = False
    unasked: tuple[str, ...] = ()


class Standing(StrEnum):
    """Whether a rule applies. `UNDECIDED` is not "no"."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"
