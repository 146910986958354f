"""Accidents by fiscal year: one's own by cause, service and size, beside what the ministry published; gaps stay gaps."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.formats.incident_words import SERVICES
from sekisho.language import Text
from sekisho.model.accident_statistics import BANDS, Year
from sekisho.model.account import Permission
from sekisho.model.incident import Service
from sekisho.web.accident_files import periodic
from sekisho.web.asked import Asked
from sekisho.web.counted_accidents import statistics_of
from sekisho.web.page import Page, Route

_UNTOLD = Text(ja="原因未記入", en="no cause told")
_UNSURE = Text(ja="決まらない", en="undecided")


def _page(asked: Asked) -> Response:
    from sekisho.workflows.draft_accident import FORMATS

    found = statistics_of(asked.office.console)
    published = [one.published.serious for one in found.years if one.published and one.published.serious]
    return asked.page(
        "accident_statistics.html",
        years=found.years,
        gaps=found.published.gaps,
        broken=found.broken,
        periods=found.periods,
        forms=tuple(FORMATS),
        most=max(published, default=0),
        own={one.year: _own(asked, one) for one in found.years if one.own},
    )


def _own(asked: Asked, year: Year) -> list[tuple[str, list[tuple[str, int]]]]:
    """Return one's own accidents of a year by cause, service and size, in words."""
    return [
        (
            asked.t("原因", "Cause"),
            [(name or _UNTOLD.say(asked.language), n) for name, n in year.causes.items()],
        ),
        (
            asked.t("役務", "Service"),
            [(SERVICES[Service(name)].say(asked.language), n) for name, n in year.services.items()],
        ),
        (asked.t("規模", "Size"), [(_size(low).say(asked.language), n) for low, n in year.sizes.items()]),
    ]


def _size(low: int) -> Text:
    if low < 0:
        return _UNSURE
    above = next((one for one in BANDS if one > low), None)
    if above is None:
        return Text(ja=f"{low:,}人以上", en=f"{low:,} users or more")
    return Text(ja=f"{low:,}〜{above - 1:,}人", en=f"{low:,} to {above - 1:,} users")


PAGE = Page(
    "accident_statistics",
    Text(ja="年度ごとの件数", en="Counts by fiscal year"),
    (
        Route("GET", "/accidents/statistics", _page, Permission.SEE),
        Route("GET", "/accidents/statistics/periodic", periodic, Permission.SEE),
    ),
)
