"""Raw datagrams that nobody came back for: a spool that was left behind is deleted when its time is over.

A receiver that runs renews its spool's figures each second, and a decoder gives back what it has dealt with, so only
what a killed watch left, or one that was ended with its store out of reach, grows old.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.purpose import Receipt
from sekisho.stores.spool_segments import last_done, last_ordinal, locked

SPOOL = "spool"


class PerishableSpool:
    """The spools at ``folders``, whether they are there or not; ``keep`` is in milliseconds since the last write."""

    def __init__(self, folders: Sequence[Path], keep: int) -> None:
        self._folders = folders
        self._keep = keep

    def due(self, now: int) -> tuple[Receipt, ...]:
        """Return what `expire` would delete. OSError: a folder can't be read."""
        return tuple(_receipt(folder, now) for folder in self._folders if self._is_old(folder, now))

    def expire(self, now: int) -> Iterator[Receipt]:
        """Delete the spools whose time is over, unless somebody is at them; yield a receipt for each.

        :raises StoreError: the folder refuses
        """
        for folder in self._folders:
            if not self._is_old(folder, now):
                continue
            with ExitStack() as held:
                try:
                    for name in ("writer.lock", "reader.lock"):
                        held.callback(os.close, locked(folder, name))
                except StoreError:  # somebody has begun to use it
                    continue
                receipt = _receipt(folder, now)
                try:
                    shutil.rmtree(folder)
                except OSError as error:
                    raise StoreError(
                        Text(ja="受信の置き場を消せない", en="the spool can't be deleted"),
                        f"{error.filename or folder}: {error.strerror}",
                    ) from error
            yield receipt

    def _is_old(self, folder: Path, now: int) -> bool:
        newest = max((file.stat().st_mtime for file in _files(folder)), default=None)
        return newest is not None and newest * 1000 + self._keep <= now


def _files(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if one.suffix != ".lock"] if folder.is_dir() else []


def _receipt(folder: Path, now: int) -> Receipt:
    waiting = 0
    with suppress(OSError):
        done = last_done(folder)
        waiting = max(0, last_ordinal(folder) - (done.ordinal if done else 0))
    return Receipt(SPOOL, waiting, sum(file.stat().st_size for file in _files(folder)), "retention", now)
