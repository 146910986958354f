"""Thresholds with a reason: the operator's floor, the line's own past, and a budget of false alarms.

A detector counts something per line and interval (targets scanned, attempts, packets a second). The past tells how
often a threshold would have been passed by lines nobody complained about; the operator says how many such alarms a
day are bearable. The threshold is then the smallest one that keeps to the budget, never below the floor and never above
the ceiling (else one infected line in the past would hide the next one).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from sekisho.language import Text

_DAY = 86_400_000


BECAUSE: Mapping[str, Text] = {
    "floor": Text(ja="しきい値は運用者の下限による。", en="The threshold is the operator's floor."),
    "budget": Text(
        ja="しきい値は、過去の全回線の動きと一日に許す誤報の数から決めた。",
        en="The threshold follows from all lines' past and the false alarms a day that are bearable.",
    ),
    "ceiling": Text(
        ja="過去の動きが多いため、しきい値は上限に達している。誤報が予算を超えることがある。",
        en="The past was so busy that the threshold is at its ceiling: false alarms may exceed the budget.",
    ),
    "no-past": Text(
        ja="過去の記録が一日に満たないため、しきい値は運用者の下限のままである。",
        en="There is less than a day of past, so the threshold is the operator's floor.",
    ),
    "own-past": Text(
        ja="しきい値はこの回線自身の過去の最大値による。",
        en="The threshold follows from this line's own past.",
    ),
}


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value to pass, and why it is that: ``floor``, ``budget``, ``ceiling`` or ``no-past``.

    ``past_days`` of the past that was looked at; ``expected`` alarms a day that the past would have given at it.
    """

    value: float
    because: str
    past_days: float
    expected: float


def threshold(
    past: Mapping[int, Sequence[float]],
    past_milliseconds: int,
    *,
    floor: float,
    ceiling: float,
    alarms_a_day: float,
) -> Threshold:
    """Return the threshold for counts whose past is ``past`` (by line, one value for each interval with any).

    A line counts once a day however often it passes: an operator looks at lines, not at intervals. With less than
    a day of past the floor holds and says so.
    """
    days = past_milliseconds / _DAY
    if days < 1:
        return Threshold(floor, "no-past", days, 0.0)
    peaks = sorted((max(values) for values in past.values() if values), reverse=True)
    allowed = int(alarms_a_day * days)
    wanted = peaks[allowed] + 1 if allowed < len(peaks) else floor
    value = min(max(wanted, floor), ceiling)
    because = "floor" if value == floor else "ceiling" if value == ceiling else "budget"
    return Threshold(value, because, days, sum(peak >= value for peak in peaks) / days)
