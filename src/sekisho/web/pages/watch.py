"""The watch: how much comes in, where it goes, what stops it, who talks most; live for those who have scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from markupsafe import Markup
from starlette.responses import Response, StreamingResponse

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.detection import Window
from sekisho.reports import charts
from sekisho.web.interval import DAY, HOUR, MINUTE, interval, local, step_of
from sekisho.web.journey import Journey, journey
from sekisho.web.live import Shared, parts
from sekisho.web.page import Page, Route
from sekisho.web.rendering import render

if TYPE_CHECKING:
    from sekisho.web.asked import Asked
    from sekisho.wiring.console import Console
    from sekisho.wiring.console_flows import FlowExtent
    from sekisho.workflows.flow_questions import Point

BY = {
    "remote": Text(ja="相手", en="Other end"),
    "line": Text(ja="回線", en="Line"),
    "port": Text(ja="ポート", en="Port"),
    "exporter": Text(ja="エクスポータ", en="Exporter"),
}
_SPANS = ((HOUR, "1h"), (6 * HOUR, "6h"), (DAY, "24h"), (7 * DAY, "7d"))
_MOST_MARKS = 120
# One source for all browsers of a console; the HTML is the same for all who read one language.
_SHARED: WeakKeyDictionary[Console, Shared[str]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Traffic:
    """Stored flows of an interval: the drawing and its rows."""

    window: Window
    step: int
    points: tuple[Point, ...]
    octets: int
    flows: int
    drawing: Markup


def _watch(asked: Asked) -> Response:
    console = asked.office.console
    watched = console.watch.figures()
    if asked.query.get("format"):
        return _export(asked)
    extent = console.flows.extent()
    window = _window(asked, extent)
    by = asked.query.get("by", "remote")
    by = by if by in BY else "remote"
    return asked.page(
        "watch.html",
        watched=watched,
        live=Markup(_now(asked)[0]),  # noqa: S704 - our own template's output, escaped there
        extent=extent,
        traffic=_traffic(asked, window) if extent else None,
        talkers=console.flows.talkers(window, by=by, n=12) if extent else (),
        by=by,
        ways=BY,
        spans_of=_SPANS,
        since=local(window.begin, asked.zone),
        until=local(window.end, asked.zone),
        window=window,
    )


def _window(asked: Asked, extent: FlowExtent | None) -> Window:
    """Return the interval that is asked for; without one, at most the six hours up to the newest flow."""
    told = interval(asked)
    if told:
        return told
    if extent is None:
        return Window(asked.now - HOUR, asked.now)
    end = (extent.newest // MINUTE + 1) * MINUTE
    begin = max(extent.oldest // MINUTE * MINUTE, end - 6 * HOUR)
    return Window(min(begin, end - HOUR // 4), end)


def _traffic(asked: Asked, window: Window) -> Traffic:
    step = step_of(window, _MOST_MARKS)
    points = asked.office.console.flows.series(window, step=step)
    kept = {
        name: value
        for name, value in asked.query.items()
        if name not in ("since", "until", "after", "format")
    }
    marks = tuple(
        charts.Mark(
            one.at,
            one.octets * 8000 / step,
            f"{asked.path}?{urlencode({**kept, 'since': one.at, 'until': one.at + step})}#traffic",
            f"{local(one.at, asked.zone)[-5:]}  {charts.short(one.octets * 8000 / step)}bit/s  "
            + asked.t(f"{one.flows:,} フロー", f"{one.flows:,} flows"),
        )
        for one in points
    )
    title = asked.t(
        f"{len(points)} 区間の通信量。最大 {charts.short(max((m.value for m in marks), default=0))}bit/s",
        f"Traffic in {len(points)} intervals; the most is {charts.short(max((m.value for m in marks), default=0))}bit/s",
    )
    drawing = charts.Drawing(title, marks, window, step, asked.zone)
    return Traffic(
        window,
        step,
        points,
        sum(one.octets for one in points),
        sum(one.flows for one in points),
        Markup(charts.both(charts.area, drawing)),  # noqa: S704 - drawn by us, its texts escaped
    )


def _export(asked: Asked) -> Response:
    """Return the talkers or the time series as a file: what the page shows."""
    flows = asked.office.console.flows
    extent = flows.extent()
    window = _window(asked, extent)
    if asked.query.get("table") == "series":
        points = flows.series(window, step=step_of(window, _MOST_MARKS))
        return asked.export(
            "traffic",
            ("at_ms", "octets", "packets", "flows", "estimated_octets"),
            [(one.at, one.octets, one.packets, one.flows, one.estimated) for one in points],
        )
    by = asked.query.get("by", "remote")
    talkers = flows.talkers(window, by=by if by in BY else "remote", n=12)
    return asked.export(
        "talkers",
        ("name", "octets", "packets", "flows", "estimated_octets", "lines"),
        [(one.name, one.octets, one.packets, one.flows, one.estimated, one.lines) for one in talkers],
    )


def _now(asked: Asked) -> tuple[str, int]:
    return _shared(asked).take(asked.language, lambda: _live(asked))


def _shared(asked: Asked) -> Shared[str]:
    return _SHARED.setdefault(asked.office.console, Shared())


def _live(asked: Asked) -> str:
    """Return the part of the page that lives."""
    office = asked.office
    watched = office.console.watch.figures()
    now = office.now()
    shown: Journey | None = journey(watched) if watched else None
    return render(
        "watch_live.html",
        asked.language,
        office.zone,
        {"watched": watched, "journey": shown, "now": now, "running": bool(watched and watched.running(now))},
    )


def _stream(asked: Asked) -> Response:
    """Send the living part whenever it changes; all browsers share one question a second."""
    source = parts(_shared(asked), asked.language, lambda: _live(asked))
    return StreamingResponse(source, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


PAGE = Page(
    "watch",
    Text(ja="監視", en="Watch"),
    (
        Route("GET", "/watch", _watch, Permission.SEE),
        Route("GET", "/watch/live", _stream, Permission.SEE),
    ),
    order=4,
    sign="監",
)
