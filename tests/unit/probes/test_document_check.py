"""Questions reach a person, hints stay hints, and an answer outside the choices is no answer."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from fakes.wire import MemoryStore, Nobody, fake_wire
from sekisho import catalogues
from sekisho.catalogues.reading import leaves
from sekisho.model.evidence import AttemptStatus
from sekisho.model.terminal import Applicability, Code, Documents, Equivalent, Login, Terminal
from sekisho.model.verdict import Assurance
from sekisho.ports import Answer
from sekisho.probes.document_check import PROBE
from sekisho.probes.document_check.questions import QUESTIONS, WORDS

DIRECT = Terminal(applicability=Applicability(connection="direct", settings_over_line=True))
ALL = dict.fromkeys(QUESTIONS, "yes")


class Witness(Nobody):
    """Keeps what was asked."""

    def __init__(self, answers=None) -> None:
        super().__init__(answers)
        self.asked = []

    async def ask(self, question):
        self.asked.append(question)
        return await super().ask(question)


def collect(terminal, person, store=None):
    return asyncio.run(PROBE.collect(terminal, fake_wire(PROBE, person=person, store=store)))


def answers(evidence):
    return {fact.subject: fact for fact in PROBE.observe(evidence) if fact.name == "answer"}


NOT_OF_DIRECT = {
    "manual-notice",
    "settings-over-line",
    "equivalent-certificate",
    "equivalent-measure",
    "code-change-simple",
}


def test_all_answered():
    evidence = collect(DIRECT, Nobody(ALL))
    assert evidence.attempt.status is AttemptStatus.DONE
    found = answers(evidence)
    assert set(found) == set(QUESTIONS) - NOT_OF_DIRECT
    one = found["support-period"]
    assert one.assurance is Assurance.WITNESSED
    assert one.attributes["person"] == "tester"
    assert one.because[0].step == "ask/support-period"


def test_nobody_there():
    evidence = collect(DIRECT, Nobody())
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.FAILED, "no-person")
    assert answers(evidence) == {}


def test_some_answered():
    evidence = collect(DIRECT, Nobody({"model-label": "no"}))
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.PARTIAL, "no-person")
    assert answers(evidence)["model-label"].value == "no"


def test_only_the_questions_that_matter_are_asked():
    person = Witness(ALL)
    claim = Equivalent("CC", "X", date(2027, 1, 1))
    collect(Terminal(applicability=Applicability(connection="indirect", equivalent=claim)), person)
    assert {"manual-notice", "settings-over-line", "equivalent-certificate"} <= {
        one.id for one in person.asked
    }
    assert len(PROBE.plan(DIRECT)) == len(QUESTIONS) - len(NOT_OF_DIRECT)


@pytest.mark.parametrize(
    ("login", "questions"),
    [
        (Login("web", "http", "form", preset=Code("admin", "admin")), {"code-change-simple"}),
        (Login("web", "http", "form", equivalents=("passkey",)), {"equivalent-measure"}),
    ],
)
def test_questions_about_codes_need_a_code_and_those_about_claims_a_claim(login, questions):
    person = Witness(ALL)
    collect(Terminal(logins=(login,)), person)
    assert {one.id for one in person.asked} & {"code-change-simple", "equivalent-measure"} == questions


def test_a_choice_that_was_not_offered_is_no_answer():
    assert "model-label" not in answers(collect(DIRECT, Nobody({"model-label": "maybe"})))


def test_note_and_attachments_are_kept():
    class Careful(Nobody):
        async def ask(self, question):
            return Answer(question.id, "yes", "鈴木", "2026-11-21", "2029年まで", ("ab" * 32,))

    one = answers(collect(DIRECT, Careful()))["support-period"]
    assert one.attributes == {"person": "鈴木", "at": "2026-11-21", "note": "2029年まで", "attachments": 1}


def test_the_passage_of_the_manual_is_a_hint_and_no_verdict(tmp_path):
    manual = tmp_path / "manual.txt"
    manual.write_text("本製品は公衆無線LANなどに直接接続できません。ルーターを介してください。", "utf-8")
    person = Witness()
    terminal = Terminal(
        applicability=Applicability(connection="indirect"), documents=Documents(manual=str(manual))
    )
    evidence = collect(terminal, person)
    notice = next(one for one in person.asked if one.id == "manual-notice")
    assert "直接接続できません" in notice.steps[-1].ja
    hints = [fact for fact in PROBE.observe(evidence) if fact.name == "document.hint"]
    assert "manual-notice" in {fact.subject for fact in hints}
    assert answers(evidence) == {}


def test_a_manual_that_is_an_address_or_gone_changes_nothing(tmp_path):
    for manual in ("https://maker.example/manual", str(tmp_path / "gone.pdf")):
        evidence = collect(Terminal(documents=Documents(manual=manual)), Nobody(ALL))
        assert evidence.record("manual").data == {"state": "no-file"}


def test_a_resumed_run_asks_nothing_twice():
    store = MemoryStore()
    collect(DIRECT, Nobody(ALL), store)
    person = Witness({})
    again = collect(DIRECT, person, store)
    assert person.asked == []
    assert again.attempt.status is AttemptStatus.DONE


def test_every_question_of_a_catalogue_exists():
    for catalogue in catalogues.built_in():
        for one in catalogue.requirements:
            for leaf in leaves(one.rule) if one.rule else ():
                if leaf.criterion == "document_answer":
                    assert leaf.parameters["question"] in QUESTIONS
    assert set(WORDS) <= set(QUESTIONS)
