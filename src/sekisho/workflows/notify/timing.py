"""When a notice may go: night hours, weekends, holidays, and how many an hour and to one line."""

from __future__ import annotations

from collections import deque
from datetime import datetime, time, timedelta

import msgspec

from sekisho.formats.references import reference
from sekisho.model.case import Case
from sekisho.model.notice import Channel
from sekisho.workflows.notify.office import Office

HOUR, DAY = 3_600_000, 86_400_000
_LOOK_BACK = 90 * DAY
_SATURDAY = 5
_MOST_DAYS = 40


class Wait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why nothing may go now (``night``, ``weekend``, ``holiday``, ``holidays-unknown``, ``throttled``) and until when.

    ``until`` in milliseconds; 0 when it can't be told.
    """

    why: str
    until: int


def quiet(office: Office, channel: Channel, at: int) -> Wait | None:
    """Return why a notice over ``channel`` stays at home at that moment; None when it may go."""
    if channel not in office.settings.quiet.channels:
        return None
    why = _why(office, office.local(at))
    if not why:
        return None
    moment = office.local(at)
    for _ in range(_MOST_DAYS):
        begins = _hour(office.settings.quiet.end)
        moment = moment.replace(hour=begins.hour, minute=begins.minute, second=0, microsecond=0) + (
            timedelta(days=0 if moment.time() < begins else 1)
        )
        if not _why(office, moment):
            return Wait(why, int(moment.timestamp() * 1000))
    return Wait(why, 0)


def _why(office: Office, moment: datetime) -> str:
    settings = office.settings.quiet
    if settings.weekends and moment.weekday() >= _SATURDAY:
        return "weekend"
    if settings.holidays:
        if not office.holidays.known(moment.date()):
            return "holidays-unknown"
        if office.holidays.on(moment.date()):
            return "holiday"
    begin, end, now = _hour(settings.begin), _hour(settings.end), moment.time()
    night = begin <= now < end if begin <= end else (now >= begin or now < end)
    return "night" if night else ""


def _hour(text: str) -> time:
    return time.fromisoformat(text)


class Hourly:
    """Counts what went out over a channel in the last hour; begins with what the store knows."""

    def __init__(self, office: Office, channel: Channel, at: int) -> None:
        self._most = office.settings.throttle.per_hour
        self._times: deque[int] = deque(office.notices.left(at - HOUR, channel=channel, after=earliest(at)))

    def wait(self, at: int) -> Wait | None:
        """Return how long to wait; None when one more may go."""
        while self._times and self._times[0] <= at - HOUR:
            self._times.popleft()
        return Wait("throttled", self._times[0] + HOUR) if len(self._times) >= self._most else None

    def count(self, at: int) -> None:
        """Take note of one."""
        self._times.append(at)


def earliest(at: int) -> str:
    """Return the reference behind which notices that went out lately are looked for: drafted 90 days ago at most."""
    return reference(max(0, at - _LOOK_BACK), 0)


def line_wait(office: Office, case: Case, at: int) -> Wait | None:
    """Return how long this line is left in peace; notices of all its cases count."""
    settings = office.settings.throttle
    times = office.notices.left(at - settings.days * DAY, subscriber=case.subscriber)
    if len(times) < settings.per_subscriber:
        return None
    return Wait("throttled", times[-settings.per_subscriber] + settings.days * DAY)
