"""A person's word counts only when it is signed and dated."""

from __future__ import annotations

import pytest

from sekisho.criteria.document_answer import CRITERION
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Login, Terminal
from sekisho.model.verdict import Assurance, Verdict


def judge(facts=(), attempts=None):
    return CRITERION.judge(
        Observations(tuple(facts), attempts or {}), Terminal(), {"question": "support-period"}
    )


def answer(choice, person="Sato", at="2026-11-21T09:00:00+09:00", files=1):
    return Observation(
        "answer", "support-period", choice, {"person": person, "at": at, "attachments": files, "note": ""}
    )


@pytest.mark.parametrize(
    ("fact", "verdict", "reason"),
    [
        (answer("yes"), Verdict.PASS, "yes"),
        (answer("yes", files=0), Verdict.PASS, "yes-bare"),
        (answer("no"), Verdict.FAIL, "no"),
        (answer("unknown"), Verdict.INCONCLUSIVE, "unknown"),
        (answer("yes", person=""), Verdict.INCONCLUSIVE, "unsigned"),
        (answer("no", at=""), Verdict.INCONCLUSIVE, "unsigned"),
    ],
)
def test_choices(fact, verdict, reason):
    found = judge([fact])
    assert (found.verdict, found.reason) == (verdict, reason)
    assert found.assurance is Assurance.WITNESSED


def test_never_asked_is_none_and_not_pass():
    assert judge().verdict is Verdict.NONE


def test_another_question_answers_nothing():
    other = Observation("answer", "model-label", "yes", {"person": "Sato", "at": "2026-11-21"})
    found = judge([other], {"document_check": Attempt(AttemptStatus.DONE)})
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "unanswered")


def test_nobody_there_is_inconclusive():
    found = judge([], {"document_check": Attempt(AttemptStatus.FAILED, "no-person")})
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "no-person")


def test_the_last_answer_counts():
    assert judge([answer("no"), answer("yes")]).verdict is Verdict.PASS


CLAIMING = Terminal(
    logins=(
        Login("web", "http", "form", equivalents=("passkey",)),
        Login("app", "http", "json", equivalents=("passkey", "fido2")),
    )
)


@pytest.mark.parametrize("attempts", [{}, {"document_check": Attempt(AttemptStatus.FAILED, "no-person")}])
def test_a_claim_is_undecided_until_a_person_weighed_it(attempts):
    found = CRITERION.judge(Observations((), attempts), CLAIMING, {"question": "equivalent-measure"})
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "claim-unweighed")
    assert found.claim == found.arguments["claim"] == "passkey, fido2"


@pytest.mark.parametrize(
    ("choice", "verdict"),
    [("yes", Verdict.PASS), ("no", Verdict.FAIL), ("unknown", Verdict.INCONCLUSIVE)],
)
def test_a_weighed_claim_is_still_shown_as_a_claim(choice, verdict):
    said = Observation("answer", "equivalent-measure", choice, {"person": "Sato", "at": "2026-11-21"})
    found = CRITERION.judge(Observations((said,), {}), CLAIMING, {"question": "equivalent-measure"})
    assert (found.verdict, found.claim, found.assurance) == (verdict, "passkey, fido2", Assurance.WITNESSED)


def test_where_nothing_is_claimed_an_answer_makes_no_claim():
    said = Observation("answer", "equivalent-measure", "yes", {"person": "Sato", "at": "2026-11-21"})
    found = CRITERION.judge(Observations((said,), {}), Terminal(), {"question": "equivalent-measure"})
    assert (found.verdict, found.reason) == (Verdict.NOT_APPLICABLE, "not-claimed")
