"""Judging: trees of criteria, applicability first, absence never a pass, faults contained."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from fakes.wire import MemoryStore
from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.requirement import Catalogue, Confidence, Requirement, Rule, Status
from sekisho.model.terminal import Interface, Terminal
from sekisho.model.verdict import Finding, Verdict
from sekisho.workflows.judge import changes, fill, judge, judge_catalogue

TERMINAL = Terminal(interfaces=(Interface(name="lan", addresses=("127.0.0.1",)),))
TWO = Text(ja="題", en="title")


class Fixed:
    """A criterion that says what it is told to, or breaks."""

    title, needs, reasons = TWO, ("p",), {"why": TWO}

    def __init__(self, name: str, verdict: Verdict | Exception) -> None:
        self.name, self.verdict = name, verdict

    def judge(self, _o: Observations, _t: Terminal, parameters: Mapping[str, Any]) -> Finding:
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return Finding(self.name, self.verdict, "why", dict(parameters))


CRITERIA = {
    "pass": Fixed("pass", Verdict.PASS),
    "fail": Fixed("fail", Verdict.FAIL),
    "maybe": Fixed("maybe", Verdict.INCONCLUSIVE),
    "none": Fixed("none", Verdict.NONE),
    "na": Fixed("na", Verdict.NOT_APPLICABLE),
    "broken": Fixed("broken", ValueError("torn")),
}


def leaf(name: str, *, info: bool = False) -> Rule:
    return Rule(criterion=name, info=info)


def verdict_of(rule: Rule | None, applicability: str = "") -> tuple[Verdict, str]:
    requirement = Requirement("R", "c", TWO, TWO, Confidence.A, ("S",), rule=rule)
    catalogue = Catalogue(
        "c", TWO, TWO, Status.IN_FORCE, Confidence.A, ("S",), (requirement,), applicability=applicability
    )
    seen = Observations(attempts={"p": Attempt(AttemptStatus.DONE)})
    (judged,) = judge_catalogue(catalogue, seen, TERMINAL, CRITERIA)
    return judged.verdict, judged.note


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (None, Verdict.NONE),
        (leaf("pass"), Verdict.PASS),
        (leaf("none"), Verdict.NONE),
        (leaf("unknown"), Verdict.INCONCLUSIVE),
        (leaf("broken"), Verdict.INCONCLUSIVE),
        (Rule(all=(leaf("pass"), leaf("fail"))), Verdict.FAIL),
        (Rule(all=(leaf("pass"), leaf("none"))), Verdict.INCONCLUSIVE),
        (Rule(all=(leaf("pass"), leaf("na"))), Verdict.PASS),
        (Rule(any=(leaf("fail"), leaf("pass"))), Verdict.PASS),
        (Rule(any=(leaf("fail"), leaf("maybe"))), Verdict.INCONCLUSIVE),
        (Rule(any=(leaf("fail"), leaf("none"))), Verdict.INCONCLUSIVE),
        (Rule(any=(leaf("fail"), leaf("na"))), Verdict.FAIL),
        (Rule(all=(leaf("pass"), leaf("fail", info=True))), Verdict.PASS),
    ],
)
def test_trees(rule: Rule | None, expected: Verdict) -> None:
    assert verdict_of(rule)[0] is expected


def test_applicability_comes_first() -> None:
    assert verdict_of(leaf("fail"), "na") == (Verdict.NOT_APPLICABLE, "out-of-scope")
    assert verdict_of(leaf("pass"), "maybe")[0] is Verdict.INCONCLUSIVE
    assert verdict_of(leaf("fail"), "maybe")[0] is Verdict.FAIL
    assert verdict_of(leaf("pass"), "pass")[0] is Verdict.PASS
    assert verdict_of(None, "na")[1] == "no-criterion"


def test_information_is_shown_and_not_counted() -> None:
    assert verdict_of(leaf("fail", info=True)) == (Verdict.FAIL, "information")
    rule = Requirement("R", "c", TWO, TWO, Confidence.A, ("S",), rule=leaf("fail", info=True))
    duty = Requirement("D", "c", TWO, TWO, Confidence.A, ("S",), rule=leaf("pass"))
    hint = Requirement("H", "c", TWO, TWO, Confidence.A, ("S",), rule=leaf("fail"), obligation="guideline")
    catalogue = Catalogue("c", TWO, TWO, Status.IN_FORCE, Confidence.A, ("S",), (rule, duty, hint))
    now = datetime(2026, 11, 21, tzinfo=UTC)
    outcome = judge(stored({"x": 1}), TERMINAL, [catalogue], {}, CRITERIA, tool="t", now=now)
    assert outcome.verdict("c") is Verdict.PASS


def test_parameters_are_filled() -> None:
    assert fill({"a": "$x", "b": "y", "c": 3}, {"x": [1, 2]}) == {"a": [1, 2], "b": "y", "c": 3}
    with pytest.raises(KeyError):
        fill({"a": "$nowhere"}, {})


class Asker:
    name, version, risk, title, facts = "p", "1", Risk.READ, TWO, {"f": TWO}

    def observe(self, evidence: Any) -> list[Observation]:
        return [Observation("f", record.step, record.data["x"]) for record in evidence.records]


def stored(data: dict[str, Any]) -> MemoryStore:
    store = MemoryStore()
    record = {"step": "s", "began": "", "ended": "", "seconds": 0.0, "data": data}
    store.append("step", {"probe": "p", "record": record})
    store.append(
        "probe", {"probe": "p", "version": "1", "attempt": msgspec.to_builtins(Attempt(AttemptStatus.DONE))}
    )
    return store


def test_judging_is_journalled_and_broken_evidence_is_contained() -> None:
    store = stored({"x": 1})
    requirement = Requirement("R", "c", TWO, TWO, Confidence.A, ("S",), rule=leaf("pass"))
    catalogue = Catalogue("c", TWO, TWO, Status.IN_FORCE, Confidence.A, ("S",), (requirement,))
    now = datetime(2026, 11, 21, tzinfo=UTC)
    first = judge(store, TERMINAL, [catalogue], {"p": Asker()}, CRITERIA, tool="t", now=now)  # type: ignore[dict-item]
    assert first.facts[0].value == 1
    assert first.verdict("c") is Verdict.PASS
    assert list(store.events())[-1].kind == "judged"
    torn = judge(stored({}), TERMINAL, [catalogue], {"p": Asker()}, CRITERIA, tool="t", now=now)  # type: ignore[dict-item]
    assert torn.attempts["p"].status is AttemptStatus.FAILED
    assert changes(first, torn) == []


def test_a_catalogue_with_an_unjudged_duty_does_not_pass() -> None:
    rows = tuple(
        Requirement(name, "c", TWO, TWO, Confidence.A, ("S",), rule=rule)
        for name, rule in (("A", leaf("pass")), ("B", None))
    )
    catalogue = Catalogue("c", TWO, TWO, Status.IN_FORCE, Confidence.A, ("S",), rows)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    outcome = judge(stored({"x": 1}), TERMINAL, [catalogue], {}, CRITERIA, tool="t", now=now)
    assert outcome.verdict("c") is Verdict.INCONCLUSIVE
    assert outcome.verdict("elsewhere") is Verdict.NONE


@pytest.mark.parametrize(
    ("attempts", "rule", "applies", "expected"),
    [
        ((), "pass", "", Verdict.INCONCLUSIVE),
        ((), "na", "", Verdict.INCONCLUSIVE),
        ((), "fail", "", Verdict.FAIL),
        (("p",), "pass", "", Verdict.PASS),
        ((), "pass", "na", Verdict.NOT_APPLICABLE),
    ],
)
def test_a_probe_that_was_not_chosen_keeps_what_needs_it_undecided(
    attempts: tuple[str, ...], rule: str, applies: str, expected: Verdict
) -> None:
    requirement = Requirement("R", "c", TWO, TWO, Confidence.A, ("S",), rule=leaf(rule))
    catalogue = Catalogue(
        "c", TWO, TWO, Status.IN_FORCE, Confidence.A, ("S",), (requirement,), applicability=applies
    )
    seen = Observations(attempts=dict.fromkeys(attempts, Attempt(AttemptStatus.DONE)))
    (judged,) = judge_catalogue(catalogue, seen, TERMINAL, CRITERIA)
    assert judged.verdict is expected
    if expected is Verdict.INCONCLUSIVE:
        assert judged.findings[-1].reason == "not-chosen"
