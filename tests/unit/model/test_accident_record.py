"""Accidents as they are kept: silence of before is silence now."""

from __future__ import annotations

import json

import msgspec
import pytest

from sekisho.model.accident_record import AccidentRecord, Told
from sekisho.model.incident import Threat
from sekisho.model.timeline import About


def kept(edition: int, threat: Threat | None) -> AccidentRecord:
    body = json.loads(Told(About(leaks=(), stopped_business=False, threat=threat), ()).encoded())
    return AccidentRecord("A1", "", 0, 0, "", 0, 0, "", json.dumps(body | {"edition": edition}))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (None, None),
        (Threat(events=()), None),
        (Threat(events=(), carrier_users=50_000), Threat(events=None, carrier_users=50_000)),
        (Threat(events=("no-stop",)), Threat(events=("no-stop",))),
    ],
)
def test_no_event_of_a_threat_was_no_answer_before(said: Threat | None, read: Threat | None) -> None:
    assert kept(0, said).told().about.threat == read
    assert kept(1, said).told().about.threat == said


def test_what_was_kept_before_is_kept_as_silence_from_then_on() -> None:
    old = kept(0, Threat(events=(), carrier_users=1))
    again = msgspec.structs.replace(old, body=old.told().encoded())
    assert again.told() == old.told()
    assert (again.told().about.leaks, again.told().about.stopped_business) == (None, None)
