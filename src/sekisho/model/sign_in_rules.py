"""The rules of signing in, as pure functions of values and times: how long a session lives, how long a guess waits.

The numbers are data (``catalogues/sign_in.toml``). What the brake on guessing guarantees:

* *Strangers wait.* A try from a browser and a place that never signed in to this account well is counted twice: for
  the name (all strangers together, whether there is such an account or not) and for the place (whatever names it
  tries). After ``free_failures`` each further wrong one doubles the wait up to ``longest_delay_minutes``. So strangers
  from any number of places have at most four tries an hour at one name, in the long run (at 15 minutes).
* *Friends don't wait for strangers.* A browser that signed in to this account well (it holds a random mark), or a
  place that did, has a count of its own for this account. Nothing that happens elsewhere lengthens its wait.
* *What is not promised.* Somebody at the same place as the owner shares the place's count; then the mark of the
  browser still holds. An owner with a new browser at a new place may have to wait while strangers try, for as long as
  they do; passkeys never wait, since there is nothing to guess, and a browser known is enough.
* *Never for ever.* No wait is longer than ``longest_delay_minutes`` at any time, also when the clock was set back. A
  refused try is not looked at and not counted, so it lengthens nothing.
* *In parallel.* A try is booked as wrong before it is looked at, and given back when it was right.
"""

from __future__ import annotations

import ipaddress
from enum import StrEnum

import msgspec

from sekisho.model.account import Session

_SECOND = 1000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_LONGEST_SOURCE = 64
_NETWORK6 = 64


class SignInRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers, named with their units; see ``catalogues/sign_in.toml`` for why each is what it is."""

    idle_minutes: int
    absolute_hours: int
    touch_seconds: int
    confirm_minutes: int
    most_sessions: int
    free_failures: int
    first_delay_seconds: int
    longest_delay_minutes: int
    forget_hours: int
    known_days: int
    setup_minutes: int
    start_hours: int
    challenge_seconds: int
    password_least: int
    password_longest: int
    password_rest: int
    hash_wait_seconds: int
    token_most_days: int
    most_kept: int

    @property
    def absolute(self) -> int:
        """How long a session lives at most, in milliseconds."""
        return self.absolute_hours * _HOUR

    @property
    def longest(self) -> int:
        """The longest wait, in milliseconds."""
        return self.longest_delay_minutes * _MINUTE

    @property
    def setup(self) -> int:
        """How long the link for the first admin serves, in milliseconds."""
        return self.setup_minutes * _MINUTE

    @property
    def start(self) -> int:
        """How long the starting link of an account serves, in milliseconds."""
        return self.start_hours * _HOUR

    @property
    def known(self) -> int:
        """How long a browser or place counts as known after it signed in, in milliseconds."""
        return self.known_days * _DAY

    @property
    def token(self) -> int:
        """How long a token for programs lives at most, in milliseconds."""
        return self.token_most_days * _DAY

    @property
    def forget(self) -> int:
        """How long failures count after the last one, in milliseconds."""
        return self.forget_hours * _HOUR


class SessionState(StrEnum):
    """Where a session stands."""

    LIVE = "live"
    IDLE = "idle"
    EXPIRED = "expired"


def session_state(session: Session, at: int, rules: SignInRules) -> SessionState:
    """Say whether a session can still be used at ``at``; one of the future (a clock set back) can't."""
    if at >= session.expires or at >= session.created + rules.absolute or at < session.created:
        return SessionState.EXPIRED
    if at >= session.last_seen + rules.idle_minutes * _MINUTE:
        return SessionState.IDLE
    return SessionState.LIVE


def oldest_live(at: int, rules: SignInRules) -> int:
    """Return the ``last_seen`` up to which sessions are idle at ``at``."""
    return at - rules.idle_minutes * _MINUTE


def needs_touch(session: Session, at: int, rules: SignInRules) -> bool:
    """Say whether ``last_seen`` is to be written: not for every request, because each writing waits for the disk."""
    return at - session.last_seen >= rules.touch_seconds * _SECOND


def recently_authenticated(session: Session, at: int, rules: SignInRules) -> bool:
    """Say whether the person proved who they are lately enough for users, keys and sending."""
    return session.authenticated <= at < session.authenticated + rules.confirm_minutes * _MINUTE


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the brake remembers under one key: failures in a row, the last one, and until when nothing is looked at."""

    key: str
    failures: int
    last: int
    until: int


def delay(failures: int, rules: SignInRules) -> int:
    """Return the wait after so many failures in a row, in milliseconds."""
    over = failures - rules.free_failures
    if over <= 0:
        return 0
    # 2**40 seconds are longer than any longest delay; the bound keeps the number small.
    return min(rules.first_delay_seconds * _SECOND << min(over - 1, 40), rules.longest)


def waiting(count: Count, at: int, rules: SignInRules) -> int:
    """Return how long the next try must wait at ``at``; never longer than the longest delay."""
    return max(0, min(count.until - at, rules.longest))


def settled(count: Count, at: int, rules: SignInRules) -> Count:
    """Return the count as it stands at ``at``: forgotten after a long quiet, no wait beyond the longest.

    A ``last`` in the future means that the clock was set back: the failures stay, the wait begins now at the latest.
    """
    if at - count.last >= rules.forget:
        return Count(count.key, 0, at, 0)
    return Count(count.key, count.failures, min(count.last, at), min(count.until, at + rules.longest))


def booked(count: Count, at: int, rules: SignInRules) -> Count:
    """Return the count with one more failure."""
    failures = count.failures + 1
    return Count(count.key, failures, at, at + delay(failures, rules))


def given_back(count: Count, at: int, rules: SignInRules) -> Count:
    """Return the count without the failure that was booked for a try that was right."""
    failures = max(0, count.failures - 1)
    return Count(count.key, failures, count.last, at + delay(failures, rules))


def place(source: str) -> str:
    """Return what counts as one place: an IPv4 address, a /64 of IPv6, or the text itself (a socket's path)."""
    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return source[:_LONGEST_SOURCE]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), _NETWORK6), strict=False))
    return str(address)
