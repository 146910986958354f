"""Detections: what was seen on which line, by which method, how sure, and the flow rows that show it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from sekisho.language import Text
from sekisho.model.verdict import Scalar


class Grade(StrEnum):
    """How far a detection may be used. Only `CONFIRMED` may lead to a notice without a person's look.

    There is no grade for "clean": a line without a detection was only not detected.
    """

    WATCH = "watch"
    LIKELY = "likely"
    CONFIRMED = "confirmed"


#: How far ahead of ours (ms) the clock of who recorded a flow may be: what is later is a wrong clock's, or a wrong zone's.
CLOCK_SKEW = 600_000


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A half-open interval of time, in milliseconds of the Unix epoch."""

    begin: int
    end: int

    def holds(self, milliseconds: int) -> bool:
        """Say whether a moment lies inside."""
        return self.begin <= milliseconds < self.end


class Coverage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a detector was given to look at, so that "nothing found" can be told from "could not look".

    ``lines`` with at least one flow; ``rows`` looked at; ``sampling`` the largest interval seen (1: every packet,
    0: unknown); ``note`` a reason id of the detector for what it could not see; ``blind`` when that means that it
    could not judge at all.
    """

    lines: int = 0
    rows: int = 0
    sampling: int = 1
    note: str = ""
    blind: bool = False


def sampling_words(sampling: int) -> Text:
    """Return what a sample of that interval can and can't say about the counts of a detection."""
    if sampling == 1:
        return Text(ja="", en="")
    if not sampling:
        return Text(
            ja="エクスポータは標本化率を言っていない。件数は下限である。",
            en="The exporter doesn't state its sampling: counts are lower bounds.",
        )
    return Text(
        ja=f"1:{sampling}の標本による。見えた件数は下限で、実際はおよそ{sampling}倍と見積もれる。見えないことは無いことを意味しない。",
        en=f"From a 1:{sampling} sample: what was seen is a lower bound, about one in {sampling}; "
        "what was not seen may still have been there.",
    )


class Detection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One finding about one line; the same look twice gives the same ``id`` (digest of method, line, remote, window).

    ``subscriber`` is the pseudonym of the line (`WATCHED.subscriber`). ``remotes`` are the other ends as
    ``address:port/protocol`` (bounded; ``remote_count`` counts all). ``reason`` is an id among the detector's
    ``reasons``; its sentence takes ``arguments``. ``evidence`` are the flow rows themselves (bounded; ``rows``
    counts all), as JSON-able dicts of WATCHED columns, addresses as text. ``begin`` and ``end`` are the first and last moment
    of those flows in milliseconds. ``sampling`` is the largest interval among them.
    """

    id: str
    method: str
    subscriber: int
    begin: int
    end: int
    grade: Grade
    reason: str
    arguments: dict[str, Scalar] = {}
    family: str = ""
    remotes: tuple[str, ...] = ()
    remote_count: int = 0
    evidence: tuple[dict[str, Any], ...] = ()
    rows: int = 0
    sampling: int = 1
    sources: tuple[str, ...] = ()


def same(one: Detection, other: Detection) -> bool:
    """Say whether two detections are of the same doing, seen through two windows."""
    return (
        (one.method, one.subscriber) == (other.method, other.subscriber)
        and one.begin <= other.end
        and other.begin <= one.end
        and bool(set(one.remotes) & set(other.remotes))
    )
