"""The plot of healing: one step curve per group with its confidence band, as SVG that needs no script.

Groups differ by dash pattern as well as by colour (Okabe and Ito's, which colour-blind readers can tell apart). Each
step on which something healed is a link to the row that names its cases. Texts are escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import msgspec

from sekisho.language import Language, Text
from sekisho.model.survival import Curve, Step

MOST_CURVES = 6
DASHES = ("", "9 4", "2.5 3.5", "11 3 2.5 3", "5 2.5", "16 5")
_STILL = Text(ja="まだ感染している割合", en="share still infected")
_DAYS = Text(ja="日数", en="days")
_HALF, _FIFTH = 0.5, 0.2


class Size(msgspec.Struct, frozen=True):
    """A drawing's size in its own units, and the size of its letters."""

    width: int
    height: int
    letters: float
    name: str


WIDE = Size(960, 460, 14, "wide")
NARROW = Size(360, 340, 12, "narrow")


def anchor(group: int, days: int) -> str:
    """Return the name of the row of a step, to which its point on the curve leads."""
    return f"s{group}-{days}"


def plot(curves: Sequence[Curve], size: Size, language: Language, title: str) -> str:
    """Return the drawing; ``title`` says in words what it shows."""
    frame = _Frame(size, max((one.steps[-1].days for one in curves if one.steps), default=0))
    drawn = curves[:MOST_CURVES]
    parts = [
        (
            f'<svg class="plot {size.name}" viewBox="0 0 {size.width} {size.height}" role="group" '
            f'aria-label="{escape(title)}" font-size="{size.letters}">'
        ),
        *frame.grid(language),
        *(_band(one, n, frame) for n, one in enumerate(drawn)),
        *(_line(one, n, frame) for n, one in enumerate(drawn)),
        *(mark for n, one in enumerate(drawn) for mark in _marks(one, n, frame, language)),
        "</svg>",
    ]
    return "".join(parts)


class _Frame:
    """Where a day and a share lie on the paper."""

    def __init__(self, size: Size, last: int) -> None:
        self.size = size
        self.ticks = _ticks(last, 8 if size.width > NARROW.width else 4)
        self.left, self.right = size.letters * 3.4, size.width - size.letters * 1.2
        self.top, self.bottom = size.letters * 1.9, size.height - size.letters * 3.2

    def x(self, days: float) -> float:
        return self.left + (self.right - self.left) * days / self.ticks[-1]

    def y(self, share: float) -> float:
        return self.bottom - (self.bottom - self.top) * share

    def grid(self, language: Language) -> list[str]:
        """Draw axes, ticks and the two marks that the question is about: half and a fifth left."""
        left, right, letters = self.left, self.right, self.size.letters
        parts = []
        for tenth in (0, 2, 4, 5, 6, 8, 10):
            share, y = tenth / 10, self.y(tenth / 10)
            kind = "mark" if share in (_HALF, _FIFTH) else "rule"
            if share in (0.4, 0.6) and letters < WIDE.letters:
                continue  # no room for their numbers beside 50 %
            parts.append(f'<line class="{kind}" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(
                f'<text class="tick" x="{left - 8:.1f}" y="{y + letters * 0.35:.1f}" text-anchor="end">{tenth * 10}%</text>'
            )
        for share, said in ((_HALF, "−50 %"), (_FIFTH, "−80 %")):
            y = self.y(share) - letters * 0.35
            parts.append(f'<text class="goal" x="{right:.1f}" y="{y:.1f}" text-anchor="end">{said}</text>')
        for days in self.ticks:
            x = self.x(days)
            parts.append(
                f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{self.bottom:.1f}" y2="{self.bottom + 5:.1f}"/>'
            )
            parts.append(
                f'<text class="tick" x="{x:.1f}" y="{self.bottom + letters * 1.5:.1f}" text-anchor="middle">{days:,}</text>'
            )
        middle = (left + right) / 2
        parts.append(
            f'<text class="axis" x="{middle:.1f}" y="{self.size.height - 3}" text-anchor="middle">{_DAYS.say(language)}</text>'
        )
        parts.append(f'<text class="axis" x="0" y="{letters:.1f}">{_STILL.say(language)}</text>')
        return parts  # fmt: skip


def _ticks(last: int, most: int) -> list[int]:
    """Return round numbers of days from 0 to at least ``last``."""
    last = max(last, 4)
    rough = last / most
    power = 10 ** math.floor(math.log10(rough)) if rough > 1 else 1
    step = max(1, next(int(power * factor) for factor in (1, 2, 5, 10) if power * factor >= rough))
    return list(range(0, last + step, step))


def _points(one: Curve, frame: _Frame, name: str) -> list[tuple[float, float]]:
    """Return the corners of a step function: level until a day, then down."""
    level, found = 1.0, [(frame.x(0), frame.y(1.0))]
    for step in one.steps:
        x, value = frame.x(step.days), float(getattr(step, name))
        found.append((x, frame.y(level)))
        if value != level:
            found.append((x, frame.y(value)))
            level = value
    return found


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _band(one: Curve, number: int, frame: _Frame) -> str:
    both = [*_points(one, frame, "high"), *reversed(_points(one, frame, "low"))]
    return f'<path class="band g{number}" d="{_path(both)}Z"/>'


def _line(one: Curve, number: int, frame: _Frame) -> str:
    dash = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
    return f'<path class="line g{number}"{dash} d="{_path(_points(one, frame, "infected"))}"/>'


def _marks(one: Curve, number: int, frame: _Frame, language: Language) -> list[str]:
    """A point for each day with healings, that leads to its cases; a tick where cases were lost from sight."""
    radius = frame.size.letters * 0.24
    found, last = [], (-math.inf, -math.inf)
    for step in one.steps:
        x, y = frame.x(step.days), frame.y(step.infected)
        if step.censored:
            found.append(f'<path class="lost g{number}" d="M{x:.1f} {y - 4:.1f}v8"/>')
        if step.healed:
            # Dots side by side would hide the dash pattern; the place that can be pointed at is always there.
            apart = math.hypot(x - last[0], y - last[1]) >= radius * 5
            dot = (
                f'<circle class="dot g{number}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>' if apart else ""
            )
            last = (x, y) if apart else last
            found.append(
                f'<a href="#{anchor(number, step.days)}"><title>{escape(_said(one, step, language))}</title>'
                f'<circle class="reach" cx="{x:.1f}" cy="{y:.1f}" r="{radius * 2.4:.1f}"/>{dot}</a>'
            )
    return found


def _said(one: Curve, step: Step, language: Language) -> str:
    return Text(
        ja=f"{one.group} {step.days}日目：{step.healed}件治癒、残り{step.infected:.0%}",
        en=f"{one.group}, day {step.days}: {step.healed} healed, {step.infected:.0%} left",
    ).say(language)
