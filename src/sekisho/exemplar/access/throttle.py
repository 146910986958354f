"""The brake on guessing: a delay that doubles, then a lock, which cannot lock the owner out.

Three kinds of bucket count the wrong passwords.

* **source**: one per address (IPv4 /32, IPv6 /64). The first three wrong ones are free, then each
  doubles the wait (1, 2, 4 … s), and from the tenth on the source is locked for `lock` seconds.
* **strangers**: one for all sources together: 20 tokens, one more each minute. Many addresses, whether
  real or made up, therefore buy an attacker 1,440 tries a day and not one more.
* **known**: one per browser that the owner has signed in with before. Such a browser holds a random
  token in a cookie; with it, an attempt touches neither of the two buckets above. So an attacker
  anywhere can exhaust the strangers' tokens for ever and the owner still signs in. A stolen token opens
  nothing: it has a doubling delay and a lock of its own.

Passkeys do not pass through here at all: there is nothing to guess. And whoever stands before the
device has the reset button. What remains: an attacker already in the LAN can make the owner's *first*
sign-in from a new browser wait; unplugging everything else ends that.

Why it holds where brakes usually fail:

* *in parallel*: an attempt is booked as wrong **before** the password is looked at and given back
  afterwards when it was right, so twenty simultaneous requests are twenty entries, not one.
* *over a reboot*: the counts are durable before the password is looked at. The terminal has no clock
  that it could trust after a power cut, so at boot every pending wait begins anew in full.
* *as a weapon*: a refused request is not counted, so it does not lengthen anybody's wait. A locked
  source no longer spends the strangers' tokens.
* *memory*: at most 256 sources are remembered; the one with the fewest failures makes room.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from sekisho.exemplar.storage import Disk, erase, replace

FILE = "throttle.json"
FREE = 3
LOCK_AT = 10
TOKENS = 20
REFILL = 60.0
SOURCES = 256


@dataclass
class Bucket:
    """Wrong attempts in a row, and the instant (monotonic seconds) before which none is looked at."""

    wrong: int = 0
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to have one password looked at; hand it back to `Throttle.succeeded` if it was right."""

    key: str
    stranger: bool


@dataclass
class Throttle:
    """All buckets of one terminal. `clock` gives monotonic seconds; `lock` and `refill` are seconds too."""

    disk: Disk
    clock: Callable[[], float]
    lock: float = 900.0
    refill: float = REFILL
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _spent: int = 0
    _refilled: float = 0.0

    def boot(self) -> None:
        """Read the counts back and start every wait anew; unreadable counts mean the longest wait."""
        now = self.clock()
        self._buckets.clear()
        try:
            raw = self.disk.read(FILE)
            kept = json.loads(b'{"spent": 0, "wrong": {}}' if raw is None else raw)
            self._spent = int(kept["spent"])
            for key, wrong in kept["wrong"].items():
                self._buckets[key] = Bucket(int(wrong), now + self._delay(int(wrong)))
        except (ValueError, KeyError, TypeError, AttributeError):
            self._spent = TOKENS
        self._refilled = now

    def wait(self, source: str, known: str | None) -> float:
        """Return how many seconds this caller must wait before an attempt is looked at; 0 means now."""
        now = self.clock()
        self._refill(now)
        key, stranger = self._key(source, known)
        bucket = self._buckets.get(key)
        waits = [bucket.until - now if bucket else 0.0]
        if stranger and self._spent >= TOKENS:
            waits.append(self._refilled + self.refill - now)
        return max(0.0, *waits)

    def begin(self, source: str, known: str | None) -> Ticket | None:
        """Book one wrong attempt, durably, and return the ticket; None when the caller must wait."""
        # duty: JP25-2d booked before the password is looked at: neither parallel tries nor a power cut help
        if self.wait(source, known) > 0:
            return None
        key, stranger = self._key(source, known)
        bucket = self._buckets.setdefault(key, Bucket())
        bucket.wrong += 1
        bucket.until = self.clock() + self._delay(bucket.wrong)
        if stranger:
            self._spent += 1
        self._make_room(key)
        self._save()
        return Ticket(key, stranger)

    def succeeded(self, ticket: Ticket) -> None:
        """Give the booking back and forgive this caller's bucket; other callers gain nothing."""
        self._buckets.pop(ticket.key, None)
        if ticket.stranger:
            self._spent = max(0, self._spent - 1)
        self._save()

    def forget(self) -> None:
        """Forget all counts, durably: the reset button was pressed on the device."""
        erase(self.disk, FILE)
        self.boot()

    @staticmethod
    def _key(source: str, known: str | None) -> tuple[str, bool]:
        if known:
            return f"known {known}", False
        address = ipaddress.ip_address(source.partition("%")[0])
        prefix = 32 if address.version == 4 else 64
        return f"from {ipaddress.ip_network((address, prefix), strict=False)}", True

    def _delay(self, wrong: int) -> float:
        if wrong <= FREE:
            return 0.0
        return self.lock if wrong >= LOCK_AT else min(self.lock, 2.0 ** (wrong - FREE - 1))

    def _refill(self, now: float) -> None:
        steps = int((now - self._refilled) // self.refill)
        if steps > 0:
            self._spent = max(0, self._spent - steps)
            self._refilled += steps * self.refill
        # A bucket whose wait ended an hour ago belongs to somebody who gave up.
        for key in [key for key, one in self._buckets.items() if now - one.until > 3600]:
            del self._buckets[key]

    def _make_room(self, keep: str) -> None:
        while len(self._buckets) > SOURCES:
            others = (key for key in self._buckets if key != keep)
            del self._buckets[min(others, key=lambda key: self._buckets[key].wrong)]

    def _save(self) -> None:
        wrong = {key: bucket.wrong for key, bucket in self._buckets.items()}
        replace(self.disk, FILE, json.dumps({"spent": self._spent, "wrong": wrong}).encode())
