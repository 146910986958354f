"""Drawings as SVG: verdict icons, the verdict strip, login tries over time, the map of ports.

The same markup goes into the HTML page (colours are CSS variables, so it follows light and dark) and
into the PDF (colours are literal). Every text in it is escaped here; shapes differ as well as colours,
so that nothing depends on seeing colour.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from html import escape

import msgspec

from sekisho.reports.content.parts import Tally
from sekisho.reports.content.shown import number, visible

Palette = Mapping[str, str]

SCREEN: Palette = {
    name: f"var(--{name})"
    for name in (
        "pass",
        "fail",
        "inconclusive",
        "not-applicable",
        "none",
        "ink",
        "faint",
        "rule",
        "paper",
        "accent",
    )
}
PAPER: Palette = {
    "pass": "#17663a",
    "fail": "#b3201c",
    "inconclusive": "#8a5300",
    "not-applicable": "#59636e",
    "none": "#5d3fa0",
    "ink": "#1a1d21",
    "faint": "#59636e",
    "rule": "#c9cfd6",
    "paper": "#ffffff",
    "accent": "#1c4f9c",
}
WIDTH = 440
_LINES = (("accent", ""), ("fail", "7 4"), ("pass", "2 4"), ("none", "10 3 2 3"), ("inconclusive", "4 2"))
_FONT = "font-family:inherit"
_ICONS = {
    "pass": '<circle cx="8" cy="8" r="7.2" style="fill:{c}"/><path d="M4.4 8.3l2.5 2.5 4.8-5.2" {s}/>',
    "fail": '<rect x="1" y="1" width="14" height="14" rx="2.5" style="fill:{c}"/><path d="M5 5l6 6M11 5l-6 6" {s}/>',
    "inconclusive": (
        # Not a diamond: with a question mark in it that is how a broken character looks.
        '<rect x=".8" y=".8" width="14.4" height="14.4" rx="7.2" style="fill:{c}"/>'
        '<path d="M5.9 6.2a2.1 2.1 0 1 1 3 2c-.7.3-.9.7-.9 1.3" {s}/><circle cx="8" cy="12" r="1" style="fill:{p}"/>'
    ),
    "not-applicable": '<circle cx="8" cy="8" r="7.2" style="fill:{c}"/><path d="M4.5 8h7" {s}/>',
    "none": '<circle cx="8" cy="8" r="6.4" style="fill:none;stroke:{c};stroke-width:1.8;stroke-dasharray:3 2"/>',
}


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Login tries of one mode: points of (seconds, tries), and a mark where the terminal locked."""

    label: str
    points: tuple[tuple[float, float], ...]
    lock: tuple[float, float] | None = None


class Tile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One port: ``state`` is declared, undeclared, missing or excluded."""

    port: str
    service: str
    state: str


def icon(mark: str, palette: Palette, size: int = 16) -> str:
    """Return the sign of a verdict (or an empty drawing for an unknown one)."""
    stroke = f'style="fill:none;stroke:{palette["paper"]};stroke-width:2;stroke-linecap:round;stroke-linejoin:round"'
    body = _ICONS.get(mark, "").format(c=palette.get(mark, palette["faint"]), p=palette["paper"], s=stroke)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="{size}" height="{size}" '
        f'aria-hidden="true" focusable="false">{body}</svg>'
    )


def strip(tallies: Iterable[Tally], palette: Palette) -> str:
    """Return a bar whose lengths are the shares of the verdicts."""
    parts: list[str] = []
    start = 0.0
    for tally in tallies:
        if not tally.count:
            continue
        width = tally.share * WIDTH
        pattern = f"fill:{palette[tally.mark.id]}"
        if tally.mark.id == "none":
            pattern = (
                f"fill:{palette['paper']};stroke:{palette['none']};stroke-width:1.5;stroke-dasharray:4 3"
            )
        inset = 0.75 if tally.mark.id == "none" else 0.0
        parts.append(
            f'<rect x="{start + inset:.2f}" y="{inset}" width="{max(width - 2 - 2 * inset, 0.8):.2f}" '
            f'height="{14 - 2 * inset}" rx="2" style="{pattern}"/>'
        )
        start += width
    return _svg(WIDTH, 14, parts, "strip")


def tries(curves: list[Curve], labels: tuple[str, str], palette: Palette) -> str:
    """Return login tries over time; ``labels`` name the axes (time, tries)."""
    left, top, wide, high = 46, 30, WIDTH - 62, 176
    most_x = max((point[0] for curve in curves for point in curve.points), default=1.0) or 1.0
    most_y = max((point[1] for curve in curves for point in curve.points), default=1.0) or 1.0
    step_x, step_y = _step(most_x), _step(most_y)
    end_x, end_y = math.ceil(most_x / step_x) * step_x, math.ceil(most_y / step_y) * step_y

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return left + point[0] / end_x * wide, top + high - point[1] / end_y * high

    parts: list[str] = []
    for index in range(round(end_y / step_y) + 1):
        _, y = at((0, index * step_y))
        parts.append(_line(left, y, left + wide, y, palette["rule"]))
        parts.append(_text(left - 6, y + 4, number(index * step_y), palette["faint"], "end"))
    for index in range(round(end_x / step_x) + 1):
        x, _ = at((index * step_x, 0))
        parts.append(_line(x, top + high, x, top + high + 4, palette["faint"]))
        parts.append(_text(x, top + high + 17, number(index * step_x), palette["faint"], "middle"))
    parts.append(_text(left + wide, top + high + 32, labels[0], palette["faint"], "end"))
    parts.append(_text(4, 13, labels[1], palette["faint"], "start"))
    below = top + high + 36
    for index, curve in enumerate(curves):
        colour, dash = _LINES[index % len(_LINES)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, curve.points))
        line = f"fill:none;stroke:{palette[colour]};stroke-width:2.4;stroke-dasharray:{dash or 'none'}"
        parts.append(f'<polyline points="{path}" style="{line}"/>')
        if curve.lock:
            x, y = at(curve.lock)
            parts.append(
                f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" style="fill:{palette[colour]}"/>'
            )
        below += 17
        parts.append(f'<line x1="{left}" x2="{left + 30}" y1="{below - 4}" y2="{below - 4}" style="{line}"/>')
        parts.append(_text(left + 38, below, _short(curve.label, 52), palette["ink"], "start"))
    return _svg(WIDTH, below + 8, parts, "tries")


def ports(groups: list[tuple[str, list[Tile]]], palette: Palette) -> str:
    """Return tiles of ports, one group per interface."""
    across, wide, high, gap = 4, 104, 40, 8
    parts: list[str] = []
    top = 0
    for title, tiles in groups:
        top += 16
        parts.append(_text(0, top, title, palette["ink"], "start", bold=True))
        top += 9
        for index, tile in enumerate(tiles):
            x = (index % across) * (wide + gap)
            y = top + (index // across) * (high + gap)
            parts.extend(_tile(x, y, wide, high, tile, palette))
        top += math.ceil(len(tiles) / across) * (high + gap) + 6
    return _svg(WIDTH, top + 2, parts, "ports")


_STATES = {
    "declared": "accent",
    "undeclared": "fail",
    "missing": "inconclusive",
    "excluded": "not-applicable",
}
_SIGNS = {
    "declared": "M0 5.2l3.2 3.2L9.4 1",
    "undeclared": "M1 1l8 8M9 1l-8 8",
    "missing": "M1 5h2.2M5 5h2.2M9 5h.6",
    "excluded": "M1 5h8",
}


def _tile(x: float, y: float, wide: float, high: float, tile: Tile, palette: Palette) -> list[str]:
    colour = palette[_STATES.get(tile.state, "faint")]
    dash = "3 3" if tile.state in {"missing", "excluded"} else "none"
    thick = 2 if tile.state == "undeclared" else 1.2
    box = f"fill:{palette['paper']};stroke:{colour};stroke-width:{thick};stroke-dasharray:{dash}"
    sign = f"fill:none;stroke:{colour};stroke-width:2;stroke-linecap:round;stroke-linejoin:round"
    return [
        f'<rect x="{x + 1}" y="{y + 1}" width="{wide - 2}" height="{high - 2}" rx="5" style="{box}"/>',
        f'<path transform="translate({x + wide - 17} {y + 8})" d="{_SIGNS.get(tile.state, "")}" style="{sign}"/>',
        _text(x + 9, y + 17, tile.port, palette["ink"], "start", bold=True),
        _text(x + 9, y + 32, _short(tile.service or "—", 13), palette["faint"], "start"),
    ]


_STRETCH = {"strip": 'preserveAspectRatio="none" '}


def _svg(width: float, height: float, parts: list[str], kind: str) -> str:
    # The figure's own caption and table tell what it shows, so a screen reader may pass over it.
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" {_STRETCH.get(kind, "")}viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" aria-hidden="true" focusable="false">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, colour: str, anchor: str, *, bold: bool = False) -> str:
    style = f"{_FONT};font-size:12px;fill:{colour};font-weight:{700 if bold else 400}"
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="{style}">{escape(visible(text))}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" style="stroke:{colour};stroke-width:1"/>'


def _short(text: str, most: int) -> str:
    """Return ``text`` within ``most`` half-width places; a full-width character takes two."""
    room = most
    for index, sign in enumerate(text):
        room -= 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if room < 0:
            return f"{text[: max(index - 1, 0)]}…"
    return text


def _step(most: float) -> float:
    """Return a round step that divides an axis up to ``most`` into about five."""
    raw = most / 5
    power: float = 10.0 ** math.floor(math.log10(raw))
    return next(one * power for one in (1, 2, 5, 10) if one * power >= raw)
