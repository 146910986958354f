"""Accidents of a network: what failed, for whom, how long, as far as it is known now.

Numbers of users and times are intervals: what is known at least, and what is possible at most. A verdict that would
change within the interval is undecided, and says what would decide it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Service(StrEnum):
    """Kinds of service as 施行規則58条2項1号 tells them apart; a class excludes the earlier ones."""

    VOICE_EMERGENCY = "voice-emergency"
    VOICE = "voice"
    LPWA_CELLULAR = "lpwa-cellular"
    LPWA_UNLICENSED = "lpwa-unlicensed"
    FREE_MAIL = "free-mail"
    FREE_MESSAGING = "free-messaging"
    FREE_OTHER = "free-other"
    INTERNET = "internet"
    DATA = "data"
    OTHER = "other"


class Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One service hit by the accident.

    :ivar begin: when users lost it; ``end`` None while it goes on
    :ivar users_least: known to be hit; ``users_most`` possibly hit, None when nobody knows
    :ivar monthly_users: previous year's mean of monthly users, which class 4 asks for; None when not known
    :ivar fault: False when the cause is not a failure of 電気通信設備 (then 58条2項1号 does not count it)
    """

    service: Service
    begin: datetime
    end: datetime | None = None
    users_least: int = 0
    users_most: int | None = None
    area: str = ""
    degraded_only: bool = False
    monthly_users: int | None = None
    fault: bool = True


class Equipment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """衛星、海底ケーブル又はこれに準ずる重要な設備 that failed; ``all_traffic`` None when it is not known."""

    kind: str
    begin: datetime
    end: datetime | None = None
    all_traffic: bool | None = None


class Incident(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An accident as it is known at ``as_of``.

    :ivar occurred: when it happened; ``known`` when the operator learnt of it
    :ivar leaks: ids of leaks: ``secrecy`` (通信の秘密), ``user-information`` (特定利用者情報)
    :ivar stopped_business: a part of the business was stopped (業務の一部停止, 法8条2項)
    :ivar wholesale_cause: caused by the wholesale supplier's own 重大な事故
    :ivar threats: events of 58条の2 (おそれ), by their ids in the rule set
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
    threats: tuple[str, ...] = ()


class Standing(StrEnum):
    """Whether a rule applies. `UNDECIDED` is not "no"."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"
