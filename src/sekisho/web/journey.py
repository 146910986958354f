"""Where did my flow go: the figures of a watch as the stations of one way, and as one row per exporter.

Datagrams become flow records at the decoder, and from there the unit changes; each station says which it counts. What
a station took in and did not give on is a loss with a reason, and losses are never summed with what is not one:
flows of nobody's line (``elsewhere``) were looked at and left out on purpose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sekisho.language import Text
from sekisho.model.pipeline import Fault, StageCount, Step, unexplained

if TYPE_CHECKING:
    from sekisho.wiring.figures import Watched

_LOSSES: dict[tuple[Step, str], Text] = {
    (Step.KERNEL, "drops"): Text(ja="カーネルの受信待ちがあふれた", en="the kernel's socket buffer was full"),
    (Step.KERNEL, "backlog-drops"): Text(
        ja="機械の受信待ちがあふれた（パケット、全ソケット）",
        en="the machine's backlog was full (packets, all sockets)",
    ),
    (Step.RECEIVER, "too-long"): Text(ja="長すぎるデータグラム", en="datagram too long"),
    (Step.RECEIVER, "not-allowed"): Text(ja="許可していない送り主", en="from a sender that is not allowed"),
    (Step.RECEIVER, "too-many-exporters"): Text(ja="エクスポータが多すぎる", en="too many exporters"),
    (Step.SPOOL, "spool-full"): Text(ja="受信の置き場が満杯", en="the spool was full"),
    (Step.SPOOL, "store-error"): Text(ja="受信の置き場に書けない", en="the spool could not be written"),
    (Step.SPOOL, "torn"): Text(ja="受信の置き場が損傷", en="damaged in the spool"),
}
_GAPS = Text(ja="途中で失われた（送り主の通し番号の飛び）", en="lost on the way (gaps in sequence numbers)")
_REJECTED = Text(ja="形式が正しくない", en="malformed")
_TEMPLATES = Text(ja="テンプレートがまだ届いていない", en="its template has not come yet")
_ELSEWHERE = Text(ja="自網の回線のものではない（損失ではない）", en="of none of our lines (not a loss)")


@dataclass(frozen=True, slots=True)
class Loss:
    """What a station did not give on: why, how many, in which step and under which id it is counted."""

    why: Text
    count: int
    id: str
    harmless: bool = False


@dataclass(slots=True)
class Station:
    """One station of the way.

    :ivar count: how many came this far; None where nobody counted
    :ivar unit: what is counted
    """

    name: Text
    count: int | None
    unit: Text
    losses: list[Loss] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """How many were lost here."""
        return sum(one.count for one in self.losses if not one.harmless)


@dataclass(slots=True)
class Exporter:
    """One exporter's row: datagrams received, flows, of lines, and what was lost by reason."""

    name: str
    rate: float | None = None
    datagrams: int = 0
    records: int = 0
    watched: int = 0
    dropped: int = 0
    gaps: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Journey:
    """The whole way: stations in their order, exporters, what waits, what can't be done or is told, what none explains."""

    stations: tuple[Station, ...]
    exporters: tuple[Exporter, ...]
    waiting: int
    faults: tuple[Fault, ...]
    notes: tuple[Text, ...]
    unexplained: int
    rate: float | None


_DATAGRAMS = Text(ja="データグラム", en="datagrams")
_FLOWS = Text(ja="フロー", en="flows")


def journey(watched: Watched) -> Journey:
    """Return the way of a watch's figures."""
    figures, told = watched.figures, watched.told
    total: Counter[tuple[Step, str]] = Counter()
    for one in watched.counts():
        total[one.step, one.name] += one.count
    gaps, rejected, missed = _sources(figures.sources)
    heard = told is not None
    spooled = total[Step.SPOOL, "spooled"]
    stations = (
        Station(
            Text(ja="受信", en="Received"),
            total[Step.RECEIVER, "received"] if heard else None,
            _DATAGRAMS,
            [*_losses(total, Step.KERNEL), *_losses(total, Step.RECEIVER), *_loss(_GAPS, gaps, "gaps")],
        ),
        Station(
            Text(ja="置き場", en="Spooled"),
            spooled if heard else None,
            _DATAGRAMS,
            _losses(total, Step.SPOOL),
        ),
        Station(
            Text(ja="復号", en="Decoded"),
            total[Step.DECODER, "records"],
            _FLOWS,
            [*_loss(_REJECTED, rejected, "rejected"), *_loss(_TEMPLATES, missed, "template-misses")],
        ),
        Station(
            Text(ja="秘匿の門", en="Privacy door"),
            total[Step.DOOR, "watched"],
            _FLOWS,
            _loss(_ELSEWHERE, total[Step.DOOR, "elsewhere"], "elsewhere", harmless=True),
        ),
        Station(Text(ja="保管", en="Stored"), total[Step.STORE, "kept"], _FLOWS),
        Station(Text(ja="検出", en="Found"), figures.found, Text(ja="件", en="detections")),
    )
    return Journey(
        stations,
        _exporters(watched),
        max(0, spooled - figures.read_to),
        (*figures.faults, *(told.faults if told else ())),
        told.notes if told else (),
        unexplained(watched.counts()),
        sum(watched.rates.values()) if watched.rates else None,
    )


def _losses(total: Counter[tuple[Step, str]], step: Step) -> list[Loss]:
    return [
        Loss(why, total[where], f"{step.value} {where[1]}")
        for where, why in _LOSSES.items()
        if where[0] is step and total[where]
    ]


def _loss(why: Text, count: int, name: str, *, harmless: bool = False) -> list[Loss]:
    return [Loss(why, count, name, harmless)] if count else []


def _sources(sources: Iterable[dict[str, object]]) -> tuple[int, int, int]:
    """Return what the decoder's sources tell: records lost on the way, rejected datagrams, missing templates."""
    gaps = rejected = missed = 0
    for one in sources:
        gaps += _whole(one.get("lost"))
        missed += _whole(one.get("template_misses"))
        told = one.get("rejected")
        rejected += sum(map(_whole, told.values())) if isinstance(told, dict) else 0
    return gaps, rejected, missed


def _exporters(watched: Watched) -> tuple[Exporter, ...]:
    rows: dict[str, Exporter] = {}

    def row(name: str) -> Exporter:
        bare = name.partition("#")[0]
        return rows.setdefault(bare, Exporter(bare))

    for one in watched.counts():
        if one.count and one.exporter:
            _add(row(one.exporter), one)
    for source in watched.figures.sources:
        mine = row(str(source.get("exporter", "")))
        gaps, rejected, missed = _sources([source])
        mine.gaps += gaps
        mine.rejected += rejected + missed
    for name, rate in watched.rates.items():
        mine = row(name)
        mine.rate = (mine.rate or 0.0) + rate
    return tuple(
        sorted((one for one in rows.values() if one.name), key=lambda one: (-one.datagrams, one.name))
    )


def _add(mine: Exporter, one: StageCount) -> None:
    where = (one.step, one.name)
    if where == (Step.RECEIVER, "received"):
        mine.datagrams += one.count
    elif where == (Step.DECODER, "records"):
        mine.records += one.count
    elif where == (Step.DOOR, "watched"):
        mine.watched += one.count
    elif where == (Step.RECEIVER, "not-allowed") or one.step is Step.DECODER:  # what it could not take
        mine.rejected += one.count
    elif where in _LOSSES:
        mine.dropped += one.count


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
