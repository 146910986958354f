"""What is kept of passwords: Argon2id hashes (RFC 9106), by argon2-cffi with its default profile (64 MiB, 3 passes, 4 lanes).

Hashing costs some tenths of a second and 64 MiB, on purpose; as many run at once as there are cores, in the threads
of the callers, and who finds no turn in time is told so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sekisho.ports.accounts import Busy

_NOBODIES: dict[tuple[int, int, int, int, int], str] = {}


def _nobody(hasher: PasswordHasher) -> str:
    """Return what unknown names are compared with: of today's settings, so that the answer takes as long.

    It is nobody's password, so a process makes it once.
    """
    settings = (hasher.time_cost, hasher.memory_cost, hasher.parallelism, hasher.hash_len, hasher.salt_len)
    if settings not in _NOBODIES:
        _NOBODIES[settings] = hasher.hash("nobody")
    return _NOBODIES[settings]


class Argon2Passwords:
    """A `PasswordHashing`; threads share one."""

    def __init__(self, parallel: int, patience: float, hasher: PasswordHasher | None = None) -> None:
        """Let ``parallel`` hashes run at once; a caller waits ``patience`` seconds for its turn."""
        self._hasher = hasher or PasswordHasher()
        self._turns = BoundedSemaphore(max(1, parallel))
        self._patience = patience
        self._nobody = _nobody(self._hasher)

    def hash(self, password: str) -> str:
        """Return what is kept. :raises Busy: no turn came in time."""
        with self._turn():
            return self._hasher.hash(_octets(password))

    def verify(self, secret: str, password: str) -> bool:
        """Say whether it is the password; an empty or unreadable ``secret`` is never right. :raises Busy: as `hash`."""
        with self._turn():
            try:
                self._hasher.verify(secret or self._nobody, _octets(password))
            except (InvalidHashError, VerificationError):
                return False
        return bool(secret)

    def stale(self, secret: str) -> bool:
        """Say whether it was made with other settings than today's."""
        try:
            return self._hasher.check_needs_rehash(secret)
        except InvalidHashError:
            return True

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._patience):
            raise Busy
        try:
            yield
        finally:
            self._turns.release()


def _octets(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
