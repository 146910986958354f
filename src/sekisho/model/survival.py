"""How long until a line has healed: the Kaplan–Meier estimator, and which group heals sooner.

Kaplan and Meier 1958 (product limit), Greenwood 1926 (variance), its interval on the log(−log) scale (Kalbfleisch and
Prentice), quantiles with the interval of Brookmeyer and Crowley 1982, the log-rank test of Mantel and Cox for two and
more groups. Time runs in whole days, rounded up.

A course ends with its last detection. When healing was observed, that is the event. When not (still seen, quiet,
silent, closed by a person), all that is known is that the line was still infected then: right-censored, never healed.
A relapsed case has not healed: its course goes on. False alarms and what isn't ours are no courses at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from sekisho.model.case import Case, CaseState, CloseReason

DAY = 86_400_000
NORMAL_95 = 1.959963984540054
_NO_COURSE = frozenset({CloseReason.FALSE_ALARM.value, CloseReason.MERGED.value, CloseReason.NOT_OURS.value})


class Course(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One case as an observation: whole ``days`` until its last detection; ``healed`` says whether that was the end."""

    case: str
    days: int
    healed: bool


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One day of a curve on which something ended: how many were at risk before, healed and left on it, and what is left.

    ``infected`` is the estimated share that hasn't healed by then; ``low`` and ``high`` are its 95 % interval.
    """

    days: int
    at_risk: int
    healed: int
    censored: int
    infected: float
    low: float
    high: float


class Reached(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After how many days a share has healed, with its 95 % interval; None: not reached within what was observed."""

    days: int | None
    low: int | None
    high: int | None


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The estimate for one group. ``relapsed`` of those that had ``ever_healed``."""

    group: str
    cases: int
    healed: int
    steps: tuple[Step, ...]
    half: Reached
    four_fifths: Reached
    relapsed: int = 0
    ever_healed: int = 0


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log-rank test: do the groups differ more than chance would have it?

    ``observed`` and ``expected`` healings by group. ``p`` is None when there is nothing to compare. ``small`` names the
    groups with too few healings to rely on it.
    """

    chi_square: float
    freedom: int
    p: float | None
    observed: dict[str, int]
    expected: dict[str, float]
    small: tuple[str, ...]


def course(case: Case, *, notified: bool = False) -> Course | None:
    """Return a case as an observation; None when it is no course.

    :param notified: time runs from the first notice instead of the first detection; cases without one, and those whose
        last detection was before it, are no courses then
    """
    begin = case.notified_at if notified else case.first_seen
    end = case.last_seen
    if case.close_reason in _NO_COURSE or not begin or end < begin:
        return None
    return Course(case.id, -(-(end - begin) // DAY), case.state is CaseState.HEALED)


def curve(group: str, courses: Iterable[Course]) -> Curve:
    """Return the Kaplan–Meier estimate of the share still infected."""
    ended: dict[int, list[int]] = {}
    for one in courses:
        ended.setdefault(one.days, [0, 0])[not one.healed] += 1
    at_risk = count = sum(map(sum, ended.values()))
    steps: list[Step] = []
    infected, spread, low, high = 1.0, 0.0, 1.0, 1.0
    for days, (healed, censored) in sorted(ended.items()):
        if healed == at_risk:
            infected, low = 0.0, 0.0  # the interval's upper end isn't defined here: the last one stands
        elif healed:
            infected *= 1 - healed / at_risk
            spread += healed / (at_risk * (at_risk - healed))
            low, high = _interval(infected, spread)
        steps.append(Step(days, at_risk, healed, censored, infected, low, high))
        at_risk -= healed + censored
    return Curve(
        group, count, sum(one.healed for one in steps), tuple(steps), reached(steps, 0.5), reached(steps, 0.2)
    )


def _interval(infected: float, spread: float) -> tuple[float, float]:
    """Return the 95 % interval of a share strictly between 0 and 1; ``spread`` is Greenwood's sum."""
    width = NORMAL_95 * math.sqrt(spread) / abs(math.log(infected))
    return infected ** math.exp(width), infected ** math.exp(-width)


def reached(steps: Sequence[Step], left: float) -> Reached:
    """Return after how many days at most the share ``left`` is still infected."""

    def first(value: Callable[[Step], float]) -> int | None:
        # Shares such as 1 - 4/5 are not exact in binary; a step that is meant to reach the mark does.
        return next((one.days for one in steps if value(one) <= left + 1e-12), None)

    return Reached(first(lambda one: one.infected), first(lambda one: one.low), first(lambda one: one.high))


def curves(
    cases: Iterable[tuple[str, Case]], *, notified: bool = False
) -> tuple[tuple[Curve, ...], dict[str, tuple[Course, ...]]]:
    """Return the estimate of each group, the largest first, and the courses behind it.

    :param cases: each with the name of its group; "" is a group of its own (nothing known)
    :param notified: see `course`
    """
    courses: dict[str, list[Course]] = {}
    relapsed: dict[str, int] = {}
    ever: dict[str, int] = {}
    for name, case in cases:
        one = course(case, notified=notified)
        if one is None:
            continue
        courses.setdefault(name, []).append(one)
        relapsed[name] = relapsed.get(name, 0) + bool(case.relapses)
        ever[name] = ever.get(name, 0) + (one.healed or bool(case.relapses))
    order = sorted(courses, key=lambda name: (-len(courses[name]), name))
    every = (
        msgspec.structs.replace(curve(name, courses[name]), relapsed=relapsed[name], ever_healed=ever[name])
        for name in order
    )
    return tuple(every), {name: tuple(courses[name]) for name in order}


def log_rank(every: Sequence[Curve], small: int) -> Comparison:
    """Test whether the groups heal alike; ``small``: fewer healings than this in a group are too few."""
    tables = {one.group: _at_risk(one) for one in every}
    names = list(tables)
    observed = {one.group: one.healed for one in every}
    expected = dict.fromkeys(names, 0.0)
    count = len(names)
    spread = [[0.0] * count for _ in names]
    places = dict.fromkeys(names, 0)
    for day in sorted({step.days for one in every for step in one.steps if step.healed}):
        risks, events = [], 0
        for name in names:
            days, risk, healed = tables[name]
            place = places[name]
            while place < len(days) and days[place] < day:
                place += 1
            places[name] = place
            risks.append(risk[place] if place < len(days) else 0)
            events += healed[place] if place < len(days) and days[place] == day else 0
        _add_day(names, risks, events, expected, spread)
    kept = [n for n, name in enumerate(names) if expected[name] > 0]
    few = tuple(name for name in names if observed[name] < small)
    if len(kept) <= 1:
        return Comparison(0.0, 0, None, observed, expected, few)
    gaps = [observed[names[n]] - expected[names[n]] for n in kept[:-1]]
    solved = _solve([[spread[n][m] for m in kept[:-1]] for n in kept[:-1]], gaps)
    if solved is None:
        return Comparison(0.0, 0, None, observed, expected, few)
    square = max(0.0, sum(gap * part for gap, part in zip(gaps, solved, strict=True)))
    return Comparison(square, len(gaps), chi_square_tail(square, len(gaps)), observed, expected, few)


def _at_risk(one: Curve) -> tuple[list[int], list[int], list[int]]:
    return (
        [step.days for step in one.steps],
        [step.at_risk for step in one.steps],
        [step.healed for step in one.steps],
    )


def _add_day(
    names: Sequence[str], risks: Sequence[int], events: int, expected: dict[str, float], spread: list[list[float]]
) -> None:  # fmt: skip
    """Add one day's expected healings and their hypergeometric covariance."""
    total = sum(risks)
    rest = events * (total - events) / (total - 1) if total > 1 else 0.0
    for n, name in enumerate(names):
        share = risks[n] / total
        expected[name] += events * share
        for m in range(len(names)):
            spread[n][m] += rest * share * ((1.0 if n == m else 0.0) - risks[m] / total)


def _solve(matrix: list[list[float]], right: Sequence[float]) -> list[float] | None:
    """Solve by Gauss with pivots; None when the matrix is singular."""
    size = len(right)
    rows = [[*matrix[n], right[n]] for n in range(size)]
    largest = max((abs(value) for row in matrix for value in row), default=0.0)
    for n in range(size):
        pivot = max(range(n, size), key=lambda m: abs(rows[m][n]))
        if abs(rows[pivot][n]) <= 1e-12 * largest:
            return None
        rows[n], rows[pivot] = rows[pivot], rows[n]
        for m in range(n + 1, size):
            factor = rows[m][n] / rows[n][n]
            rows[m] = [a - factor * b for a, b in zip(rows[m], rows[n], strict=True)]
    found = [0.0] * size
    for n in reversed(range(size)):
        found[n] = (rows[n][size] - sum(rows[n][m] * found[m] for m in range(n + 1, size))) / rows[n][n]
    return found


def chi_square_tail(value: float, freedom: int) -> float:
    """Return the probability that chi-square with ``freedom`` ≥ 1 degrees exceeds ``value``.

    Q(a + 1, x) = Q(a, x) + xᵃ e⁻ˣ / Γ(a + 1), from Q(1/2, x) = erfc(√x) or Q(1, x) = e⁻ˣ (Abramowitz–Stegun 6.5.21).
    """
    x, a = value / 2, 0.5 if freedom % 2 else 1.0
    tail = math.erfc(math.sqrt(x)) if freedom % 2 else math.exp(-x)
    while x > 0 and a < freedom / 2:
        tail += math.exp(a * math.log(x) - x - math.lgamma(a + 1))
        a += 1
    return min(1.0, tail)


def relapse_rate(one: Curve) -> float | None:
    """Return the share of relapsed among the ever healed; None when none has healed."""
    return one.relapsed / one.ever_healed if one.ever_healed else None


GROUPINGS: Mapping[str, Callable[[Case], str]] = {
    "family": lambda case: case.family,
    "device_model": lambda case: case.device_model,
    "channel": lambda case: case.channel,
}
