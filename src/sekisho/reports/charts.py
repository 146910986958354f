"""Charts over time as SVG that needs no script: bars and lines whose every mark is a link to what it counts.

A drawing never stands alone: its title says in words what it shows, and the page puts the table beneath. An interval
that nobody looked at is hatched, so that it can't be read as nought. Colours come from the page's sheet by class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from html import escape

import msgspec

from sekisho.model.detection import Window

MOST_MARKS = 500
_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_STEPS = (
    _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR,
    _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY, 90 * _DAY, 365 * _DAY,
)  # fmt: skip
_THOUSANDS = ("", "k", "M", "G", "T", "P")
#: Below this there is nothing to draw: its logarithm, and a step of a fourth of it, are no numbers any more.
_NOTHING = 1e-300


class Mark(msgspec.Struct, frozen=True):
    """One bar or point: the beginning of its interval (milliseconds), its value, where it leads, what it says."""

    at: int
    value: float
    href: str = ""
    label: str = ""


class Size(msgspec.Struct, frozen=True):
    """A drawing's size in its own units, the size of its letters, and how many times may stand beneath."""

    name: str
    width: int
    height: int
    letters: float
    ticks: int


WIDE = Size("wide", 1080, 230, 13, 9)
NARROW = Size("narrow", 360, 220, 12, 4)


class Drawing(msgspec.Struct, frozen=True):
    """What is drawn.

    :ivar title: what it shows, in words, for who can't see it
    :ivar window: what the axis spans; ``step`` how long one mark lasts, milliseconds
    :ivar unknown: intervals that were not looked at
    :ivar unlooked: the words for them
    :ivar written: how a value is written on the axis
    """

    title: str
    marks: tuple[Mark, ...]
    window: Window
    step: int
    zone: tzinfo | None = None
    unknown: tuple[Window, ...] = ()
    unlooked: str = ""
    written: Callable[[float], str] | None = None
    kind: str = "s1"


def short(value: float) -> str:
    """Return a number with a decimal prefix (k, M, G): three figures at most.

    >>> short(0), short(999), short(12_340), short(2_500_000)
    ('0', '999', '12.3k', '2.5M')
    """
    size = 0
    while abs(value) >= 999.5 and size < len(_THOUSANDS) - 1:  # noqa: PLR2004 - what would be written as 1000
        value, size = value / 1000, size + 1
    return f"{value:.3g}{_THOUSANDS[size]}"


def both(draw: Callable[[Drawing, Size], str], drawing: Drawing) -> str:
    """Return a drawing for wide and for narrow screens; the sheet shows one of them."""
    return draw(drawing, WIDE) + draw(drawing, NARROW)


def columns(drawing: Drawing, size: Size) -> str:
    """Draw bars, one per mark; a bar of nought is not drawn, one above nought is never thinner than a hair."""
    paper = _Paper(drawing, size)
    bars = []
    for mark in drawing.marks[:MOST_MARKS]:
        if mark.value <= 0:
            continue
        left, right = paper.x(mark.at), paper.x(mark.at + drawing.step)
        top = min(paper.y(mark.value), paper.bottom - 2)
        wide = max(right - left - min(2.0, (right - left) / 5), 1.0)
        bar = f'<rect class="col {drawing.kind}" x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{paper.bottom - top:.1f}" rx="1.5"/>'
        bars.append(_linked(mark, bar, paper.veil(left, right)))
    return paper.framed(bars)


def area(drawing: Drawing, size: Size) -> str:
    """Draw a line with the area beneath; each interval above and below it is a link."""
    paper = _Paper(drawing, size)
    marks = drawing.marks[: MOST_MARKS * 4]
    parts = []
    for run in _runs(marks, drawing.step):
        points = [(paper.x(one.at + drawing.step / 2), paper.y(one.value)) for one in run]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        if len(points) == 1:
            parts.append(
                f'<circle class="dot {drawing.kind}" cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="3"/>'
            )
            continue
        parts.append(
            f'<polygon class="under {drawing.kind}" points="{points[0][0]:.1f},{paper.bottom} {line} {points[-1][0]:.1f},{paper.bottom}"/>'
        )
        parts.append(f'<polyline class="line {drawing.kind}" points="{line}"/>')
    parts += [
        _linked(one, "", paper.veil(paper.x(one.at), paper.x(one.at + drawing.step)))
        for one in marks[:MOST_MARKS]
        if one.href
    ]
    return paper.framed(parts)


def _runs(marks: Sequence[Mark], step: int) -> Iterator[list[Mark]]:
    """Yield marks that follow each other without a gap: a line across a gap would claim what nobody saw."""
    run: list[Mark] = []
    for one in marks:
        if run and one.at > run[-1].at + step:
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _linked(mark: Mark, shape: str, veil: str) -> str:
    told = f"<title>{escape(mark.label)}</title>"
    if not mark.href:
        return f"<g>{told}{veil}{shape}</g>"
    return f'<a href="{escape(mark.href)}" aria-label="{escape(mark.label)}">{told}{veil}{shape}</a>'


class _Paper:
    """Where a moment and a value lie."""

    def __init__(self, drawing: Drawing, size: Size) -> None:
        self.drawing, self.size = drawing, size
        self.written = drawing.written or short
        self.levels = _levels(max((one.value for one in drawing.marks), default=0))
        longest = max(len(self.written(one)) for one in self.levels)
        self.left = size.letters * (0.62 * longest + 0.9)
        self.right = size.width - size.letters * 0.9
        self.top, self.bottom = size.letters * 0.9, size.height - size.letters * 1.9
        self.span = max(drawing.window.end - drawing.window.begin, 1)

    def x(self, moment: float) -> float:
        share = (moment - self.drawing.window.begin) / self.span
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * value / self.levels[-1]

    def veil(self, left: float, right: float) -> str:
        """Return the whole height of an interval, so that a short bar can be hit."""
        return f'<rect class="veil" x="{left:.1f}" y="{self.top:.1f}" width="{max(right - left, 1):.1f}" height="{self.bottom - self.top:.1f}"/>'

    def framed(self, parts: Sequence[str]) -> str:
        size = self.size
        head = (
            f'<svg class="chart {size.name}" viewBox="0 0 {size.width} {size.height}" role="group" '
            f'aria-label="{escape(self.drawing.title)}" font-size="{size.letters}" '
            f'data-left="{self.left:.1f}" data-right="{self.right:.1f}" data-top="{self.top:.1f}" data-bottom="{self.bottom:.1f}">'
        )
        return "".join((head, *self._unknown(), *self._levels(), *self._times(), *parts, "</svg>"))

    def _unknown(self) -> Iterator[str]:
        for one in self.drawing.unknown:
            left, right = self.x(one.begin), self.x(one.end)
            yield (
                f'<rect class="unlooked" x="{left:.1f}" y="{self.top:.1f}" width="{max(right - left, 1):.1f}" '
                f'height="{self.bottom - self.top:.1f}"><title>{escape(self.drawing.unlooked)}</title></rect>'
            )

    def _levels(self) -> Iterator[str]:
        for value in self.levels:
            y = self.y(value)
            yield f'<line class="rule" x1="{self.left:.1f}" x2="{self.right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield (
                f'<text class="tick" x="{self.left - 6:.1f}" y="{y + self.size.letters * 0.35:.1f}" '
                f'text-anchor="end">{escape(self.written(value))}</text>'
            )

    def _times(self) -> Iterator[str]:
        room = self.size.letters * 1.4
        for moment, word in ticks(self.drawing.window, self.size.ticks, self.drawing.zone):
            x = self.x(moment)
            if not self.left - 1 <= x <= self.right - room:
                continue
            yield f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{self.bottom:.1f}" y2="{self.bottom + 4:.1f}"/>'
            yield f'<text class="tick" x="{x:.1f}" y="{self.bottom + self.size.letters * 1.4:.1f}" text-anchor="middle">{word}</text>'


def ticks(window: Window, most: int, zone: tzinfo | None) -> Iterator[tuple[int, str]]:
    """Yield round local times of a window, at most ``most``: hours as ``06:00``, midnights as ``11/21``."""
    span = window.end - window.begin
    step = next((one for one in _STEPS if span / one <= most), _STEPS[-1])
    try:
        offset = datetime.fromtimestamp(window.begin / 1000, zone).astimezone().utcoffset() if zone is None else (
            datetime.fromtimestamp(window.begin / 1000, zone).utcoffset()
        )  # fmt: skip
    except (ValueError, OverflowError, OSError):
        return
    east = int(offset.total_seconds() * 1000) if offset else 0
    moment = -(-(window.begin + east) // step) * step - east
    while moment < window.end:
        when = datetime.fromtimestamp(moment / 1000, zone)
        midnight = when.hour == when.minute == 0
        yield moment, f"{when.month}/{when.day}" if midnight or step >= _DAY else f"{when:%H:%M}"
        moment += step


def _levels(most: float) -> list[float]:
    """Return round values from nought to at least ``most``: four or five of them, whole numbers where few."""
    if most <= _NOTHING:
        return [0.0, 1.0]
    rough = most / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= rough)
    step = max(step, 1.0) if most >= 1 else step
    return [step * n for n in range(math.ceil(most / step) + 1)]
