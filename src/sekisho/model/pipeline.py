"""Where did my flow go: what each step of the watch counted, by exporter, in one form that can be joined.

The receiver, the spool, the decoder, the privacy door and the store each count for themselves, in processes of their
own. Every figure is a `StageCount`, so that one table shows the whole way of an exporter's records, and a step that
took in more than it gave out and counted has a fault of its own (`unexplained`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from sekisho.errors import NOTHING, SekishoError
from sekisho.language import Text

# The exporter of what can't be put down to one: kernel drops are known per socket only, a refused source has no name.
NOBODY = ""


class Step(StrEnum):
    """The steps between an exporter and the record store, in the order of the way."""

    KERNEL = "kernel"
    RECEIVER = "receiver"
    SPOOL = "spool"
    DECODER = "decoder"
    DOOR = "door"
    STORE = "store"


class StageCount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One figure: ``exporter`` (address, or `NOBODY`), the step, a stable id, how often since the step began.

    Ids of the receiving steps, in datagrams unless said: kernel ``drops`` (``exporter`` is the socket, as
    ``udp 0.0.0.0:2055``) and ``backlog-drops`` (packets of the whole machine, before they have a socket); receiver ``received``, ``octets``, ``too-long``, ``not-allowed``, ``too-many-exporters``;
    spool ``spooled``, ``spool-full``, ``store-error``.
    """

    exporter: str
    step: Step
    name: str
    count: int


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a part of the watch can't do at the moment; it is tried again, and the fault goes when it succeeds.

    ``part`` is a stable id: ``spool`` and ``counts`` of the receiver; ``store``, ``lists``, ``look``, ``remember`` and
    ``tidy`` of the decoding side.
    """

    part: str
    what: Text
    where: str = ""
    todo: Text = NOTHING


def fault_of(part: str, error: SekishoError | OSError) -> Fault:
    """Return an error of ``part`` as what it shows for as long as it stands."""
    if isinstance(error, SekishoError):
        return Fault(part, error.what, error.where, error.todo)
    said = error.strerror or str(error)
    return Fault(part, Text(ja=f"システムが断った：{said}", en=f"the system refuses: {said}"), _path(error))


def _path(error: OSError) -> str:
    return "" if error.filename is None else str(error.filename)


def by_exporter(counts: Iterable[StageCount]) -> dict[str, dict[str, int]]:
    """Return ``{exporter: {"receiver received": 12, …}}``; equal figures of several processes are added up."""
    table: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in counts:
        table[one.exporter][f"{one.step.value} {one.name}"] += one.count
    return {exporter: dict(row) for exporter, row in sorted(table.items())}


def added(counts: Iterable[StageCount]) -> tuple[StageCount, ...]:
    """Return the figures with equal exporter, step and name added up, those of earlier processes among them."""
    total: dict[tuple[str, Step, str], int] = defaultdict(int)
    for one in counts:
        total[one.exporter, one.step, one.name] += one.count
    return tuple(StageCount(*key, count) for key, count in total.items())


# What a datagram that was received can have become before the decoder.
_FATES = (
    (Step.RECEIVER, "too-long"),
    (Step.RECEIVER, "not-allowed"),
    (Step.RECEIVER, "too-many-exporters"),
    (Step.SPOOL, "spooled"),
    (Step.SPOOL, "spool-full"),
    (Step.SPOOL, "store-error"),
)


def unexplained(counts: Iterable[StageCount]) -> int:
    """Return received datagrams that no later figure accounts for; anything but 0 is a fault of ours."""
    received = gone = 0
    for one in counts:
        if (one.step, one.name) == (Step.RECEIVER, "received"):
            received += one.count
        elif (one.step, one.name) in _FATES:
            gone += one.count
    return received - gone
