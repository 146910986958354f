"""The course of an accident as SVG that needs no script: a bar for each service and area, notices, the moment it turns serious.

Stops and degradations differ by their pattern as well as their colour. Texts are escaped here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from html import escape

from sekisho.formats.incident_words import SERVICES, WHATS
from sekisho.model.incident import Effect
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import EVERYWHERE, What
from sekisho.reports.accidents.words import Say, told, users_words
from sekisho.reports.healing_plot import Size

Across = Callable[[datetime], float]
_MOST_LANES = 12
_STEPS = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 10_080, 43_200, 525_600)
_MARKED = {What.KNOWN: "◇", What.TOLD: "▲", What.REPORTED: "■"}
_LANE, _TOP, _FOOT, _LEFT = 48, 34, 46, 8
WIDE, NARROW = Size(960, 0, 14, "wide"), Size(360, 0, 12, "narrow")


def plot(ruling: Ruling, size: Size, zone: tzinfo, say: Say) -> str:
    """Return the drawing, empty when nothing was hit; of more lanes than fit the rest is counted in it."""
    every = _lanes(ruling, say)
    if not every:
        return ""
    shown, begin, end = dict(list(every.items())[:_MOST_LANES]), ruling.incident.occurred, _end(ruling)
    scale = (size.width - 2 * _LEFT) / (end - begin).total_seconds()

    def across(moment: datetime) -> float:
        return _LEFT + (moment - begin).total_seconds() * scale

    height = _TOP + len(shown) * _LANE + _FOOT
    floor = height - _FOOT
    title = say("事故の経過", "Course of the accident")
    parts = [
        f'<svg class="plot course {size.name}" viewBox="0 0 {size.width} {height}" role="img" aria-label="{title}" '
        f'font-size="{size.letters}">'
        '<defs><pattern id="slow-' + size.name + '" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="4" height="7" class="inconclusive"/></pattern></defs>',
        *_hours(begin, end, across, floor, size, zone),
    ]  # fmt: skip
    for number, (name, effects) in enumerate(shown.items()):
        top = _TOP + number * _LANE
        parts.append(f'<text x="{_LEFT}" y="{top + 11}" class="name">{escape(name)}</text>')
        for one in effects:
            until = max(ruling.incident.as_of, one.begin) if one.end is None else one.end
            parts += _bar(one, top + 17, across, until, size, say)
    if len(every) > len(shown):
        parts.append(
            f'<text x="{size.width - _LEFT}" y="{floor - 2}" text-anchor="end">+{len(every) - len(shown)}</text>'
        )
    parts += _marks(ruling, across, floor, size, say)
    return "".join((*parts, "</svg>"))


def _lanes(ruling: Ruling, say: Say) -> dict[str, list[Effect]]:
    lanes: dict[str, list[Effect]] = {}
    for one in ruling.incident.effects:
        area = "" if one.area == EVERYWHERE else f" {one.area}"
        lanes.setdefault(told(SERVICES[one.service], say) + area, []).append(one)
    return lanes


def _end(ruling: Ruling) -> datetime:
    begin = ruling.incident.occurred
    ends = [one.end or begin for one in ruling.incident.effects]
    now = ruling.incident.as_of if ruling.running else begin
    return max(*ends, now, ruling.becomes or begin, begin + timedelta(minutes=30))


def _marks(ruling: Ruling, across: Across, floor: float, size: Size, say: Say) -> Iterator[str]:
    for fact in ruling.facts:
        if fact.what in _MARKED and ruling.incident.occurred <= fact.time <= _end(ruling):
            what = escape(told(WHATS[fact.what], say))
            yield (
                f'<text x="{across(fact.time):.1f}" y="{floor + 14}" text-anchor="middle" class="told">'
                f"<title>{what}</title>{_MARKED[fact.what]}</text>"
            )
    if ruling.becomes:
        yield _line(across(ruling.becomes), floor, say("重大", "serious"), "becomes", size)
    if ruling.running:
        yield _line(across(ruling.incident.as_of), floor, say("今", "now"), "now", size)


def _bar(one: Effect, top: float, across: Across, end: datetime, size: Size, say: Say) -> Iterator[str]:
    x, far = across(one.begin), across(end)
    kind = f'fill="url(#slow-{size.name})" class="degraded"' if one.degraded_only else 'class="fail"'
    going = ' stroke-dasharray="4 3"' if one.end is None else ""
    how = say("品質低下", "degraded") if one.degraded_only else say("停止", "down")
    users = (
        users_words(one.users_least, one.users_most) if one.users_least or one.users_most is not None else "?"
    )
    yield (
        f'<rect x="{x:.1f}" y="{top}" width="{max(2.0, far - x):.1f}" height="16" rx="3" {kind}{going}>'
        f"<title>{escape(how)} {escape(users)}</title></rect>"
    )


def _line(x: float, floor: float, word: str, name: str, size: Size) -> str:
    anchor = "end" if x > size.width * 0.8 else "start" if x < size.width * 0.2 else "middle"
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="18" y2="{floor}" class="{name}"/>'
        f'<text x="{x:.1f}" y="13" text-anchor="{anchor}" class="{name}">{escape(word)}</text>'
    )


def _hours(
    begin: datetime, end: datetime, across: Across, floor: float, size: Size, zone: tzinfo
) -> Iterator[str]:
    minutes = (end - begin).total_seconds() / 60
    room = 9 if size.name == "wide" else 4
    step = next((one for one in _STEPS if minutes / one <= room), _STEPS[-1])
    local = begin.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    first = int((local - midnight).total_seconds() // 60 // step + 1) * step
    moment = midnight + timedelta(minutes=first)
    while moment <= end:
        x = across(moment)
        word = f"{moment:%H:%M}" if step < 1_440 else f"{moment:%m-%d}"  # noqa: PLR2004 - a day
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{floor}" class="grid"/>'
        yield f'<text x="{x:.1f}" y="{floor + 34}" text-anchor="middle" class="tick">{word}</text>'
        moment += timedelta(minutes=step)
