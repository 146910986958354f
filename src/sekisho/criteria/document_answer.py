"""A person's answer to a question about documents.

Question: Did a person who looked at the manual, the label or the Web page find what the duty asks?
How: The last answer to the question named by the parameter ``question`` decides: yes is PASS, no is FAIL,
    anything else leaves it open. An answer without a name or a date decides nothing. The question
    ``equivalent-measure`` is about a claim of the description (passkeys and the like): without a claim it does
    not apply, and a claim that nobody weighed is undecided.
Evidence: Facts ``answer`` of the probe ``document_check``: choice, person, date, note, attached files.
Limits: It is a person's word (witnessed), not a measurement; whether a file was attached is shown beside it.
Source: 認定規則 21条 and 41条 (who, when); the requirement's own source says what is asked.
"""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Assurance, Finding, Scalar, Verdict
from sekisho.ports import Parameters

_PROBE = "document_check"
EQUIVALENT = "equivalent-measure"


class DocumentAnswer:
    """Judges by what a person answered, and by nothing else."""

    name = "document_answer"
    title = Text(ja="文書についての人の回答", en="A person's answer about documents")
    needs = (_PROBE,)
    reasons = {
        "yes": Text(
            ja="「はい」と回答された（{person}、{at}、添付{files}件）。",
            en="Answered yes ({person}, {at}, {files} file(s) attached).",
        ),
        "yes-bare": Text(
            ja="「はい」と回答された（{person}、{at}）。裏付けの添付はない。",
            en="Answered yes ({person}, {at}); nothing was attached to show it.",
        ),
        "no": Text(ja="「いいえ」と回答された（{person}、{at}）。", en="Answered no ({person}, {at})."),
        "unknown": Text(
            ja="「分からない」と回答された（{person}、{at}）。",
            en="Answered that it is not known ({person}, {at}).",
        ),
        "unsigned": Text(
            ja="回答に名前または日付がないため使えない。",
            en="The answer has no name or no date and can't be used.",
        ),
        "unanswered": Text(ja="回答がない。", en="Nobody has answered."),
        "not-asked": Text(ja="質問していない。", en="The question was not asked."),
        "not-claimed": Text(ja="同等の措置は申告されていない。", en="No like measure is claimed."),
        "claim-unweighed": Text(
            ja="同等の措置（{claim}）が申告されている。人がまだ評価していない。",
            en="A like measure is claimed ({claim}); nobody has weighed it yet.",
        ),
        **ATTEMPT_REASONS,
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge the question ``question`` (an id of document_check)."""
        question = str(parameters["question"])
        answer = observations.one("answer", question)
        claim = ", ".join(_claims(terminal)) if question == EQUIVALENT else ""
        if question == EQUIVALENT and not claim:
            return Finding(self.name, Verdict.NOT_APPLICABLE, "not-claimed", {"question": question})
        if answer is None and claim:
            known: dict[str, Scalar] = {"question": question, "claim": claim}
            return Finding(self.name, Verdict.INCONCLUSIVE, "claim-unweighed", known, claim=claim)
        if answer is None:
            return self._missing(observations, question)
        arguments: dict[str, Scalar] = {
            "question": question,
            "choice": answer.value,
            "person": answer.attributes.get("person", ""),
            "at": answer.attributes.get("at", ""),
            "files": answer.attributes.get("attachments", 0),
            "note": answer.attributes.get("note", ""),
        }
        verdict, reason = _weigh(answer, arguments)
        return Finding(
            self.name, verdict, reason, arguments, answer.because, assurance=Assurance.WITNESSED, claim=claim
        )

    def _missing(self, observations: Observations, question: str) -> Finding:
        arguments: dict[str, Scalar] = {"question": question}
        attempt = observations.attempts.get(_PROBE)
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-asked", arguments)
        reason = attempt.reason if attempt.reason in ATTEMPT_REASONS else "unanswered"
        if reason == "complete":
            reason = "unanswered"
        return Finding(self.name, Verdict.INCONCLUSIVE, reason, arguments)


def _claims(terminal: Terminal) -> tuple[str, ...]:
    """Return the like measures that the description claims for any login path, each once."""
    return tuple(dict.fromkeys(means for login in terminal.logins for means in login.equivalents))


def _weigh(answer: Observation, arguments: dict[str, Scalar]) -> tuple[Verdict, str]:
    if not arguments["person"] or not arguments["at"]:
        return Verdict.INCONCLUSIVE, "unsigned"
    if answer.value == "yes":
        return Verdict.PASS, "yes" if arguments["files"] else "yes-bare"
    if answer.value == "no":
        return Verdict.FAIL, "no"
    return Verdict.INCONCLUSIVE, "unknown"


CRITERION = DocumentAnswer()
