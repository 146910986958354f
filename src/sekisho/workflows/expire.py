"""The verb expire: every dataset gives up what is past its time, and says so.

What is going to be deleted is announced before; the receipt is on the disk after. A dataset that can't be reached now
is a fault of this run and stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from sekisho.errors import SekishoError, StoreError
from sekisho.language import Text
from sekisho.model.purpose import Receipt

DELETE = "delete"


class Perishable(Protocol):
    """A dataset that knows what is past its time."""

    def due(self, now: int) -> tuple[Receipt, ...]:
        """Return what would be deleted."""
        ...

    def expire(self, now: int) -> Iterable[Receipt]:
        """Delete it and give the receipts; it may delete while they are taken, one after the other."""
        ...


class Expired(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one run did (or, when ``dry``, would do); ``faults`` by dataset, in English as in a log."""

    at: int
    dry: bool
    receipts: tuple[Receipt, ...]
    faults: dict[str, str] = {}

    def check(self) -> None:
        """Do nothing, unless something could not be deleted. :raises StoreError: it couldn't, and why."""
        if self.faults:
            raise StoreError(
                Text(ja="期限の過ぎたデータを消せない", en="what is past its time can't be deleted"),
                "; ".join(f"{name}: {fault}" for name, fault in self.faults.items()),
                Text(ja="sekisho expire でもう一度試す", en="try again with sekisho expire"),
            )


def expire(
    datasets: Mapping[str, Perishable],
    now: int,
    *,
    announce: Callable[[Sequence[Receipt]], None],
    keep: Callable[[Receipt], None],
    dry: bool = False,
) -> Expired:
    """Expire all ``datasets``; ``announce`` writes down what is due, ``keep`` a receipt. Nothing goes without both."""
    receipts: list[Receipt] = []
    faults: dict[str, str] = {}
    for name, dataset in datasets.items():
        try:
            due = dataset.due(now)
            if dry:
                receipts += due
                continue
            if due:
                announce(due)
            for receipt in dataset.expire(now):
                keep(receipt)
                receipts.append(receipt)
        except SekishoError as error:
            faults[name] = f"{error.what.en}: {error.where}"
        except OSError as error:
            faults[name] = f"{error.filename or name}: {error.strerror or error}"
    return Expired(now, dry, tuple(receipts), faults)
