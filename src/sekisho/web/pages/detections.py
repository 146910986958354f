"""Detections: what was found on which line, filtered by the address of the page, and one of them with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from markupsafe import Markup
from starlette.responses import Response

from sekisho.errors import DescriptionError
from sekisho.formats.flow_rows import line_text
from sekisho.language import Language, Text
from sekisho.model.account import Permission
from sekisho.model.detected import HOUR, DetectionCounts, Listed
from sekisho.model.detection import Detection, Grade, Window, sampling_words
from sekisho.ports.detections import DetectionFilter
from sekisho.reports import charts
from sekisho.web import filtering
from sekisho.web.asked import Asked
from sekisho.web.interval import DAY, local
from sekisho.web.page import Page, Route
from sekisho.web.telling import GRADE_KINDS, GRADES
from sekisho.workflows.detect import sentence

if TYPE_CHECKING:
    from sekisho.wiring.console_watch import Method

_PAGE, _EXPORTED, _OTHERS = 50, 10_000, 20
# Beyond so many bars a bar stands for a day, and the hours that nobody looked at can't be shown any more.
_MOST_BARS = 24 * 10
NO_FAMILY = "-"
HEAD = (
    "id", "method", "line", "begin_ms", "end_ms", "grade", "family", "reason", "sentence", "remotes", "remote_count",
    "flow_rows", "sampling", "found_ms", "expires_ms",
)  # fmt: skip
_NONE = Text(
    ja="その番号の検出はない（期限が過ぎて消えたかもしれない）", en="no such detection: it may have expired"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A detection as it is listed: its sentence, and the case that holds it (empty: none)."""

    one: Listed
    said: str
    title: Text | str
    case: str


def _list(asked: Asked) -> Response:
    desk, who = asked.office.console.watch, _name(asked)
    wanted = wanted_of(asked)
    methods = desk.methods()
    if "format" in asked.query:
        return asked.export(
            "detections", HEAD, [_cells(one, methods, asked.language) for one in _every(asked, wanted)]
        )
    page = desk.detections(wanted, after=asked.query.get("after", ""), limit=_PAGE, who=who)
    counts = desk.counts(wanted, who=who)
    cases = desk.cases_of(page.listed) if page.listed else {}
    looks = _looks(asked, wanted, counts)
    return asked.page(
        "detections.html",
        rows=[_row(one, methods, cases, asked.language) for one in page.listed],
        next=page.next,
        counts=counts,
        narrowings=_narrowings(asked, counts, methods),
        histogram=_histogram(asked, counts, looks),
        looks=looks,
        methods=methods,
        grades=GRADES,
        grade_kinds=GRADE_KINDS,
        line=line_text,
        filtered=any(asked.query.get(one) for one in ("method", "grade", "family", "line", "remote", "since", "until", "case")),
        since=local(wanted.since, asked.zone),
        until=local(wanted.until, asked.zone),
    )  # fmt: skip


def wanted_of(asked: Asked) -> DetectionFilter:
    """Return the filter that an address asks for. :raises DescriptionError: a part of it can't be read."""
    query = asked.query
    grade = query.get("grade", "")
    if grade and grade not in {one.value for one in Grade}:
        raise DescriptionError(Text(ja="その確度はない", en="there is no such grade"), grade[:60])
    family = query.get("family", "").strip()
    method = query.get("method", "").strip()
    case = query.get("case", "").strip()
    return DetectionFilter(
        methods=(method,) if method else (),
        grades=(Grade(grade),) if grade else (),
        family="" if family == NO_FAMILY else family or None,
        subscriber=filtering.line(query.get("line", "")),
        remote=query.get("remote", "").strip(),
        since=filtering.moment(asked, "since"),
        until=filtering.moment(asked, "until", ends=True),
        ids=asked.office.console.watch.of_case(case) if case else None,
    )


def said(one: Listed, methods: Mapping[str, Method], language: Language) -> str:
    """Return what a detection says of itself, without what its sample can't say."""
    method = methods.get(one.method)
    whole = Detection(
        one.id, one.method, one.subscriber, one.begin, one.end, one.grade, one.reason, arguments=one.arguments,
        family=one.family, remotes=one.remotes, remote_count=one.remote_count, rows=one.rows, sampling=1,
    )  # fmt: skip
    return sentence(whole, method.reasons if method else {}, language)


def _row(one: Listed, methods: Mapping[str, Method], cases: Mapping[str, str], language: Language) -> Row:
    method = methods.get(one.method)
    return Row(
        one, said(one, methods, language), method.title if method else one.method, cases.get(one.id, "")
    )


def _narrowings(
    asked: Asked, counts: DetectionCounts, methods: Mapping[str, Method]
) -> list[tuple[Text, list[tuple[str, int, str, bool]]]]:
    """Return the counts by method, grade and family; each leads to itself alone, the chosen one back to all."""

    def rows(
        name: str, found: Mapping[str, int], words: Mapping[str, str]
    ) -> list[tuple[str, int, str, bool]]:
        chosen = asked.query.get(name, "")
        return [
            (
                words.get(key, key),
                count,
                asked.link(
                    **{name: None if chosen == (key or NO_FAMILY) else key or NO_FAMILY, "after": None}
                ),
                chosen == (key or NO_FAMILY),
            )
            for key, count in sorted(found.items(), key=lambda item: -item[1])[:8]
        ]

    titles = {name: one.title.say(asked.language) for name, one in methods.items()}
    grades = {grade.value: word.say(asked.language) for grade, word in GRADES.items()}
    nameless = {"": asked.t("名前が分からない", "no known name")}
    return [
        (Text(ja="方法", en="Method"), rows("method", counts.methods, titles)),
        (Text(ja="確度", en="Grade"), rows("grade", counts.grades, grades)),
        (Text(ja="種類", en="Family"), rows("family", counts.families, nameless)),
    ]


@dataclass(frozen=True, slots=True)
class Looks:
    """What the histogram spans, in which steps, and which hours of it were not wholly looked at.

    :ivar known: False when it isn't told at all which hours were looked at
    """

    window: Window
    step: int
    unknown: tuple[Window, ...]
    known: bool


def _looks(asked: Asked, wanted: DetectionFilter, counts: DetectionCounts) -> Looks | None:
    if not counts.hours and not (wanted.since and wanted.until):
        return None
    begin = (wanted.since or min(counts.hours)) // HOUR * HOUR
    end = wanted.until or max(counts.hours, default=begin) + HOUR
    # A lone bar says nothing about when: some hours around it do.
    window = Window(min(begin, end - 12 * HOUR), max(end, begin + HOUR))
    if (window.end - window.begin) / HOUR > _MOST_BARS:
        whole = Window(min(counts.days(_east(asked)), default=window.begin), window.end)
        return Looks(whole, DAY, (), known=False)
    desk = asked.office.console.watch
    looked = set(desk.looked(wanted.methods or tuple(counts.methods) or tuple(desk.methods()), window))
    if not looked:
        return Looks(window, HOUR, (), known=False)
    gaps: list[Window] = []
    for hour in range(window.begin // HOUR * HOUR, window.end, HOUR):
        if hour in looked or hour in counts.hours:
            continue
        if gaps and gaps[-1].end == hour:
            gaps[-1] = Window(gaps[-1].begin, hour + HOUR)
        else:
            gaps.append(Window(hour, hour + HOUR))
    return Looks(window, HOUR, tuple(gaps), known=True)


def _east(asked: Asked) -> int:
    """Return how many hours east of Greenwich the console's clock is now."""
    offset = datetime.fromtimestamp(asked.now / 1000, asked.zone).astimezone(asked.zone).utcoffset()
    return round(offset.total_seconds() / 3600) if offset else 0


def _histogram(asked: Asked, counts: DetectionCounts, looks: Looks | None) -> Markup:
    if looks is None:
        return Markup()
    found = counts.hours
    if looks.step == DAY:
        found = counts.days(_east(asked))
    marks = tuple(
        charts.Mark(
            at,
            count,
            asked.link(since=at, until=at + looks.step, after=None),
            f"{local(at, asked.zone).replace('T', ' ')}  " + asked.t(f"{count:,} 件", f"{count:,} found"),
        )
        for at, count in sorted(found.items())
    )
    most = max(found.values(), default=0)
    title = asked.t(
        f"検出 {counts.total:,} 件の時刻ごとの数。最大 {most:,} 件",
        f"{counts.total:,} detections over time; {most:,} at most",
    )
    unlooked = asked.t("調べていない時間", "not looked at")
    drawing = charts.Drawing(
        title, marks, looks.window, looks.step, asked.zone, looks.unknown, unlooked, kind="s2"
    )
    return Markup(charts.both(charts.columns, drawing))  # noqa: S704 - drawn by us, its texts escaped


def _every(asked: Asked, wanted: DetectionFilter) -> Iterator[Listed]:
    """Yield what the filter asks for, newest first, as many as a file may hold."""
    after, count = "", 0
    while count < _EXPORTED:
        page = asked.office.console.watch.detections(wanted, after=after, limit=1000, who=_name(asked))
        yield from page.listed
        count, after = count + len(page.listed), page.next
        if not after:
            return


def _cells(one: Listed, methods: Mapping[str, Method], language: Language) -> tuple[str | int, ...]:
    return (
        one.id, one.method, line_text(one.subscriber), one.begin, one.end, one.grade.value, one.family, one.reason,
        said(one, methods, language), " ".join(one.remotes), one.remote_count, one.rows, one.sampling, one.found,
        one.expires,
    )  # fmt: skip


def _one(asked: Asked) -> Response:
    desk, who = asked.office.console.watch, _name(asked)
    shown = desk.detection(asked.part("id"), who=who)
    if shown is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:80])
    one, methods = shown.listed, desk.methods()
    if "format" in asked.query:
        names = sorted({name for row in shown.evidence or () for name in row})
        return asked.export(
            f"detection-{one.id[:16]}",
            names,
            [[row.get(name) for name in names] for row in shown.evidence or ()],
        )
    line = desk.detections(DetectionFilter(subscriber=one.subscriber), limit=_OTHERS + 1, who=who).listed
    others = [other for other in line if other.id != one.id][:_OTHERS]
    cases = desk.cases_of([one, *others])
    return asked.page(
        "detection.html",
        one=one,
        said=said(one, methods, asked.language),
        method=methods.get(one.method),
        sample=sampling_words(one.sampling, one.arguments),
        evidence=shown.evidence,
        case=cases.get(one.id, ""),
        others=[_row(other, methods, cases, asked.language) for other in others],
        line=line_text(one.subscriber),
        flags=flags,
        grades=GRADES,
        grade_kinds=GRADE_KINDS,
    )


def flags(bits: int | None) -> str:
    """Return TCP flags by their first letters (RFC 9293), a dash where the exporter sent none.

    >>> flags(0x12), flags(None)
    ('S·A', '—')
    """
    if bits is None:
        return "—"
    names = ("F", "S", "R", "P", "A", "U", "E", "C")
    return "·".join(name for place, name in enumerate(names) if bits >> place & 1) or "0"


def _name(asked: Asked) -> str:
    return asked.who.name if asked.who else ""


PAGE = Page(
    "detections",
    Text(ja="検出", en="Detections"),
    (
        Route("GET", "/watch/detections", _list, Permission.SEE),
        Route("GET", "/watch/detections/{id}", _one, Permission.SEE),
    ),
)
