"""A spool that was left behind: it goes when its time is over, and never while somebody is at it."""

from __future__ import annotations

import os
from pathlib import Path

from sekisho.formats.datagrams import datagrams_of
from sekisho.stores.spool import Spool
from sekisho.stores.spool_expiry import PerishableSpool
from sekisho.stores.spool_place import Place
from sekisho.stores.spool_writer import SpoolWriter

HOUR = 3_600_000
NOW = 1_795_212_000_000


def left(folder: Path) -> PerishableSpool:
    with SpoolWriter(Place(folder)) as writer:
        writer.append(datagrams_of([(b"payload", "192.0.2.1", 1)] * 5))
    with Spool(Place(folder)) as reader:
        reader.read()
    age(folder)
    return PerishableSpool((folder, folder.parent / "elsewhere"), HOUR)


def age(folder: Path) -> None:
    for file in folder.iterdir():
        os.utime(file, (NOW / 1000, NOW / 1000))


def test_what_was_left_is_deleted_an_hour_after_the_last_write(tmp_path: Path) -> None:
    spool = left(tmp_path / "spool")
    assert spool.due(NOW + HOUR - 1) == ()
    due = spool.due(NOW + HOUR)
    assert [(one.dataset, one.rows, one.reason) for one in due] == [("spool", 5, "retention")]
    assert due[0].octets > 0
    assert list(spool.expire(NOW + HOUR - 1)) == []
    assert (tmp_path / "spool").exists()
    assert tuple(spool.expire(NOW + HOUR)) == due
    assert not (tmp_path / "spool").exists()
    assert spool.due(NOW + 2 * HOUR) == ()


def test_who_is_at_it_keeps_it(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = left(folder)
    with SpoolWriter(Place(folder)):
        age(folder)
        assert list(spool.expire(NOW + 2 * HOUR)) == []
    with Spool(Place(folder)):
        age(folder)
        assert list(spool.expire(NOW + 2 * HOUR)) == []
    age(folder)
    assert [one.rows for one in spool.expire(NOW + 2 * HOUR)] == [5]
