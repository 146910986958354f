"""When rows below a label were taken in, kept beside the label: the days may be set otherwise by the time that they go."""

from __future__ import annotations

from pathlib import Path

from sekisho.model.purpose import Label
from sekisho.stores.records_duckdb.layout import LABEL, replace

_TAKEN = "taken"


def note_taken(folder: Path, moment: int) -> None:
    """Note that rows were taken in below a label's folder; the newest moment counts. OSError when the disk refuses.

    Labels of one folder are alike, also when they were put on under other days: more than one moment may come.
    """
    before = _read(folder)
    if before is None or before < moment:
        replace(folder / _TAKEN, b"%d" % moment)


def taken_in(folder: Path, label: Label, kept: int) -> int:
    """Return when the newest rows below a label were taken in, in milliseconds.

    Where an earlier version did not note it, it is told from ``kept``, the time that they are kept by the settings of now,
    and is not later than the label's file.
    """
    noted = _read(folder)
    if noted is not None:
        return noted
    told = label.expires - kept
    try:
        return min(told, int((folder / LABEL).stat().st_mtime * 1000))
    except OSError:  # it is being deleted
        return told


def _read(folder: Path) -> int | None:
    try:
        return int((folder / _TAKEN).read_bytes())
    except (OSError, ValueError):
        return None
