"""The budget of wrong logins: no account is locked by an assessment that only wanted to look.

Accounts are counted by user name over the whole terminal, because web, telnet and SSH mostly share one
account database, and a lock of one is a lock of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sekisho.model.assessment import Limits
from sekisho.model.terminal import LockRule

Counts = Mapping[str, tuple[int, int, int]]
SAFE_DISTANCE = 2
# Wrong logins that the controls of one login path may need: nonsense, a preset that was changed, a write with a
# wrong code, and one to spare. Lists that are tried earlier at another path of the same account leave them.
CONTROLS = 4


class Budget:
    """Counts the tries per account: wrong in a row, wrong in all, and those of the throttle measurement.

    ``counts`` restores a run that was broken off; ``keep`` is told the new counts *before* each try is
    sent, so that a run killed in the middle never forgets one. A code that is known to be right is kept only
    when it was refused: else a run that dies some times in the middle of right logins would shut itself out.
    """

    def __init__(
        self,
        limits: Limits,
        counts: Counts | None = None,
        keep: Callable[[dict[str, tuple[int, int, int]]], None] | None = None,
    ) -> None:
        self._limits = limits
        self._counts: dict[str, list[int]] = {user: list(three) for user, three in (counts or {}).items()}
        self._keep = keep

    @property
    def counts(self) -> dict[str, tuple[int, int, int]]:
        """User name → (wrong in a row, wrong in all, tries of the throttle measurement)."""
        return {user: (row, total, measured) for user, (row, total, measured) in self._counts.items()}

    def in_a_row(self, lock: LockRule | None) -> int:
        """Return how many wrong logins in a row are allowed; a declared lock rule lowers it."""
        most = self._limits.wrong_in_a_row
        return min(most, max(1, lock.tries - SAFE_DISTANCE)) if lock else most

    def reserve(
        self, user: str, lock: LockRule | None, *, measuring: bool, known: bool = False, share: int = 0
    ) -> bool:
        """Count a try as wrong before it is sent; False when nothing may be sent any more.

        ``share`` is what a try of a list must leave of the account's total.

        A code that is ``known`` to be right ends the row, so one more than the row is left for it. Without
        that, a used-up row could never be ended, and every positive control after it would be missing.
        """
        row, total, measured = self._counts.get(user, [0, 0, 0])
        if measuring:
            if measured >= self._limits.throttle_tries:
                return False
            measured += 1
        else:
            most = self._limits.wrong_per_account - share + known
            if row >= self.in_a_row(lock) + known or total >= most:
                return False
            row, total = row + 1, total + 1
        self._store(user, row, total, measured, keep=not known or measuring)
        return True

    def wrong(self) -> None:
        """The reserved try was refused, or its end is not known: it counts."""
        if self._keep is not None:
            self._keep(self.counts)

    def right(self, user: str, *, measuring: bool) -> None:
        """The reserved try was accepted: it was not wrong, and the row starts anew."""
        _, total, measured = self._counts.get(user, [0, 0, 0])
        self._store(user, 0, total - (not measuring), measured - measuring)

    def unsent(self, user: str, *, measuring: bool) -> None:
        """The reserved try never reached the terminal."""
        row, total, measured = self._counts.get(user, [0, 0, 0])
        self._store(user, row - (not measuring), total - (not measuring), measured - measuring)

    def _store(self, user: str, row: int, total: int, measured: int, *, keep: bool = True) -> None:
        self._counts[user] = [max(0, row), max(0, total), max(0, measured)]
        if keep and self._keep is not None:
            self._keep(self.counts)
