"""The periodic report: quarters to 2025-03, years since; serious ones out since 2023-06-16."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from sekisho.catalogues.accidents import periodic_file
from sekisho.model.incident import Effect, Incident, Service, Standing
from sekisho.model.periodic import Periodic, period, periodic, periodic_rules

JST = timezone(timedelta(hours=9))


def report(
    day: date, hours: float | None = 1, users: int = 83_000, serious: Standing = Standing.NO, **more: object
) -> Periodic:
    begin = datetime(day.year, day.month, day.day, 9, tzinfo=JST)
    end = None if hours is None else begin + timedelta(hours=hours)
    names = set(Effect.__struct_fields__) & more.keys()
    effect = Effect(Service.VOICE, begin, end, users, users, **{name: more.pop(name) for name in names})  # type: ignore[arg-type]
    incident = Incident("t", begin, begin, end or begin, effects=(effect,), **more)  # type: ignore[arg-type]
    file = periodic_file()
    return periodic(incident, serious, periodic_rules(day, file.rules), file.tracks)


@pytest.mark.parametrize(
    ("day", "wanted"),
    [
        (date(2023, 6, 15), (date(2023, 4, 1), date(2023, 6, 30), date(2023, 8, 31))),
        (date(2024, 12, 31), (date(2024, 10, 1), date(2024, 12, 31), date(2025, 2, 28))),
        (date(2025, 3, 31), (date(2025, 1, 1), date(2025, 3, 31), date(2025, 5, 31))),
        (date(2025, 4, 1), (date(2025, 4, 1), date(2026, 3, 31), date(2026, 5, 31))),
        (date(2027, 1, 5), (date(2026, 4, 1), date(2027, 3, 31), date(2027, 5, 31))),
    ],
)
def test_periods(day: date, wanted: tuple[date, date, date]) -> None:
    assert period(day, periodic_rules(day, periodic_file().rules)) == wanted


def test_users_or_hours_suffice() -> None:
    day = date(2026, 5, 1)
    assert (report(day).standing, report(day).reason) == (Standing.YES, "users")
    assert report(day, 2, 10).reason == "hours"
    assert report(day, 1.9, 29_999).standing is Standing.NO
    assert report(day, None, 10).standing is Standing.UNDECIDED


def test_serious_ones_are_left_out_since_2023_06_16() -> None:
    for day, wanted in ((date(2023, 6, 15), Standing.YES), (date(2023, 6, 16), Standing.NO)):
        assert report(day, serious=Standing.YES).standing is wanted
    assert report(date(2026, 5, 1), serious=Standing.UNDECIDED).standing is Standing.UNDECIDED


def test_tracks() -> None:
    day = date(2026, 5, 1)
    forms = {name: report(day, facility=name).track for name in ("", "base-station", "dslam", "core")}
    assert {name: track and track.form for name, track in forms.items()} == {
        "": "様式第27",
        "base-station": "告示様式",
        "dslam": "告示様式",
        "core": "様式第27",
    }
    assert (report(day, minor=True).standing, report(day, minor=True).track) == (Standing.NO, None)


def test_other_equipment_counts_here_and_what_is_no_failure_does_not() -> None:
    day = date(2026, 5, 1)
    asked = report(day, fault=False)
    assert (asked.standing, asked.reason) == (Standing.UNDECIDED, "other-equipment-unknown")
    assert report(day, fault=False, other_equipment=False).reason == "no-failure"
    assert report(day, users=9, fault=False).reason == "below"
    assert report(day, fault=False, other_equipment=True).standing is Standing.YES
    assert report(day, fault=None).standing is Standing.UNDECIDED


def test_leaks_of_facility_information_left_with_2023_06_16() -> None:
    for day, wanted in ((date(2023, 6, 15), Standing.YES), (date(2023, 6, 16), Standing.NO)):
        assert report(day, 0.1, 1, leaks=("facility-information",)).standing is wanted


def test_one_failure_may_hit_several_services_or_come_twice() -> None:
    begin = datetime(2026, 5, 1, 9, tzinfo=JST)

    def of(*effects: Effect) -> tuple[Standing, str]:
        file, incident = (
            periodic_file(),
            Incident("t", begin, begin, begin + timedelta(days=1), effects=effects),
        )
        found = periodic(incident, Standing.NO, periodic_rules(begin.date(), file.rules), file.tracks)
        return found.standing, found.reason

    hour, most = timedelta(hours=1), 20_000
    both = [Effect(one, begin, begin + hour, most, most) for one in (Service.VOICE, Service.INTERNET)]
    assert of(*both) == (Standing.UNDECIDED, "services-together")
    assert of(both[0]) == (Standing.NO, "below")
    twice = [Effect(Service.VOICE, at, at + 1.5 * hour, 10, 10) for at in (begin, begin + 2 * hour)]
    assert of(*twice) == (Standing.UNDECIDED, "outages-apart")
