"""Healing as observed from flows: every engine sees the same lines at work, on the same days."""

from __future__ import annotations

from contract.engines import LABEL, Clock, batches
from fakes.cases import PlainCases
from fakes.watched import HOUR, START, flow
from sekisho.model.case import Case, CaseState, Healing
from sekisho.model.detection import Grade
from sekisho.model.purpose import Purpose
from sekisho.model.tables import RECEIVES
from sekisho.ports.flows import RecordStore
from sekisho.workflows.cases import heal


def test_lines_at_work_are_told_from_silent_ones(store: RecordStore, clock: Clock) -> None:
    rows = [
        flow(line, "192.0.2.9", 443, at=hour * 3600 + 60) for line in (1, 2, 3) for hour in range(0, 60, 5)
    ]
    rows += [flow(4, "192.0.2.9", 443, at=hour * 3600, side=RECEIVES) for hour in range(60)]
    rows += [flow(5, "192.0.2.9", 443, at=3600), flow(9, "192.0.2.9", 443, at=3600)]
    store.append("flow", batches(rows), LABEL)
    cases = PlainCases()
    for name, line, last in (("a", 1, 0), ("b", 1, 30), ("c", 2, 0), ("d", 3, 59), ("e", 4, 0), ("f", 5, 0)):
        seen = START + last * HOUR
        cases.save(
            Case(
                name,
                line,
                "family:x",
                CaseState.NOTIFIED,
                Grade.LIKELY,
                seen,
                seen,
                seen,
                seen,
                methods=("m",),
            ),
            (),
        )
    found = heal(
        cases,
        lambda window: store.tables("flow", window, Purpose.CC_DETECTION),
        lambda _, window: [START + h * HOUR for h in range(60) if window.holds(START + h * HOUR)],
        now=START + 60 * HOUR, days=2, silent_hours=48,
    )  # fmt: skip
    told = {one.case: (one.healing, one.active_days) for one in found}
    assert told == {
        "a": (Healing.HEALED, 2),
        "b": (Healing.QUIET, 1),  # of the same line, but seen later
        "c": (Healing.HEALED, 2),
        "d": (Healing.ACTIVE, 0),
        "e": (Healing.UNKNOWN, 0),  # what others send to a line is no work of its own
        "f": (Healing.UNKNOWN, 1),
    }
