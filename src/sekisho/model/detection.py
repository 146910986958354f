"""Detections: what was seen on which line, by which method, how sure, and the flow rows that show it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
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


def mixed(finest: int, coarsest: int) -> dict[str, Scalar]:
    """Return the argument of a detection whose rows are of several sampling intervals (0: not stated): ``finest``."""
    return {"finest": finest} if finest < coarsest and coarsest > 1 else {}


def sampling_words(sampling: int, arguments: Mapping[str, Scalar] = MappingProxyType({})) -> Text:
    """Return what the sample lets the figures of a detection say.

    :param sampling: the largest interval among its rows; 1 for every packet, 0 for not stated
    :param arguments: those of the detection: ``finest`` is the smallest interval where that is another one, ``scaled`` is
        true where packets and octets are multiplied by the interval already (others are what the sample held)
    """
    if sampling == 1:
        return Text(ja="", en="")
    if not sampling:
        return Text(
            ja="エクスポータは標本化率を言っていない。件数は下限である。",
            en="The exporter doesn't state its sampling: counts are lower bounds.",
        )
    finest = int(arguments.get("finest", sampling) or 0)
    of, figures = _sampled_of(finest, sampling), _sampled_figures(sampling, finest, arguments.get("scaled"))
    return Text(
        ja=f"{of.ja}{figures.ja}標本に見えないことは無いことを意味しない。",
        en=f"{of.en}: {figures.en}; what was not seen may still have been there.",
    )


def _sampled_of(finest: int, coarsest: int) -> Text:
    if finest == coarsest:
        return Text(ja=f"1:{coarsest}の標本による。", en=f"From a 1:{coarsest} sample")
    if not finest:
        return Text(
            ja=f"1:{coarsest}の標本と、標本化率を言わないエクスポータによる。",
            en=f"From a 1:{coarsest} sample and an exporter that doesn't state its sampling",
        )
    if finest == 1:
        return Text(
            ja=f"一部は全パケット、一部は1:{coarsest}の標本による。",
            en=f"Partly from every packet, partly from a 1:{coarsest} sample",
        )
    return Text(
        ja=f"1:{finest}から1:{coarsest}の標本による。", en=f"From samples of 1:{finest} to 1:{coarsest}"
    )


def _sampled_figures(sampling: int, finest: int, scaled: Scalar) -> Text:
    if scaled:
        return Text(
            ja="パケット数とオクテット数は、標本で見えた数に標本化率を掛けた見積りである。",
            en="packets and octets are estimates, what was seen already multiplied by the interval",
        )
    if finest == sampling:
        return Text(
            ja=f"数は標本に見えたままの下限である（パケットとオクテットは実際のおよそ{sampling}分の1）。",
            en=f"the figures are what it held, a lower bound (of packets and octets about one in {sampling})",
        )
    return Text(
        ja="数は見えたままの合計で、標本だけに見えた分は下限である。",
        en="the figures add up what was seen, a lower bound for what only a sample saw",
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
