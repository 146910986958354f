"""Whether a user can confirm that the newest software is installed.

Question: Is there a means to confirm that the newest software is installed?
How: One means suffices: the terminal itself answers; or the maker's page names a version that was
    seen on the terminal; or a person has confirmed the means (question ``newest-software-means``).
Evidence: Facts ``update.newest`` of the probe ``update_channel``, fact ``answer`` of ``document_check``.
Limits: That a means answers is seen, not that its answer is true for ever. What the description merely
    states (``newest.manual``) is a claim: without a person who looked it decides nothing.
Source: 2025 report (JP25-3a: on the device or by Web and the like); ETSI EN 303 645 5.3-5, 5.3-11 beside it.
"""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Assurance, Detail, Finding, Scalar, Verdict, either
from sekisho.ports import Parameters

_PROBE = "update_channel"
_QUESTION = "newest-software-means"


class UpdateNewest:
    """Judges by the best of several means."""

    name = "update_newest"
    title = Text(ja="最新版であることの確認手段", en="A means to confirm the newest software")
    needs = (_PROBE, "document_check")
    reasons = {
        **ATTEMPT_REASONS,
        "device": Text(
            ja="機器自身で確認できる（「{text}」と表示）。", en="The terminal itself tells (“{text}”)."
        ),
        "web": Text(
            ja="Web等のページで確認できる（{place} に {names} の記載）。",
            en="A page on the Web or the like tells ({place} names {names}).",
        ),
        "witnessed": Text(
            ja="確認手段があることを人が確かめた（{person}、{at}）。",
            en="A person has confirmed the means ({person}, {at}).",
        ),
        "declared-only": Text(
            ja="確認手段は機器記述に書かれているだけで、確かめられていない（「{text}」）。",
            en="The means is only stated in the description and nobody has looked (“{text}”).",
        ),
        "no-means": Text(
            ja="確認手段がない（人の回答も「いいえ」）。", en="There is no means (a person says so too)."
        ),
        "device-silent": Text(
            ja="機器の確認機能が版を示さない。", en="The terminal's own means shows no version."
        ),
        "web-unseen": Text(
            ja="ページに機器の版の記載が見つからない、または読めない（{failure}）。",
            en="The page names no version of the terminal or can't be read ({failure}).",
        ),
        "answered-no": Text(ja="「いいえ」と回答された（{person}）。", en="Answered no ({person})."),
        "answered-unknown": Text(ja="「分からない」と回答された。", en="Answered that it is not known."),
        "no-declared-means": Text(
            ja="確認手段が機器記述に書かれていない。", en="The description names no means to confirm it."
        ),
        "undecided": Text(ja="確認手段を確かめられなかった。", en="No means could be confirmed."),
        "not-run": Text(ja="確認手段を試験していない。", en="No means was tested."),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge; takes no parameters."""
        del terminal, parameters
        details = [_means(one) for one in observations.of("update.newest")]
        answer = observations.one("answer", _QUESTION)
        if answer is not None:
            details.append(_answer(answer))
        if not details:
            return self._missing(observations)
        verdict = either(one.verdict for one in details)
        best = next((one for one in details if one.verdict is verdict), details[0])
        witnessed = best.subject == _QUESTION
        reason = best.reason
        if verdict is Verdict.FAIL and answer is None:
            # The terminal's own means is dead, but the law leaves Web and others open: nobody was asked.
            verdict, reason = Verdict.INCONCLUSIVE, "undecided"
        elif verdict is Verdict.FAIL:
            reason = "no-means"
        assurance = Assurance.WITNESSED if witnessed else Assurance.OBSERVED
        if best.subject == "manual":
            assurance = Assurance.DECLARED
        pointers = tuple(dict.fromkeys(pointer for one in details for pointer in one.because))
        return Finding(
            self.name, verdict, reason, dict(best.arguments), pointers, assurance, details=tuple(details)
        )

    def _missing(self, observations: Observations) -> Finding:
        attempt = observations.attempts.get(_PROBE)
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-run")
        # How the series of uploads ended doesn't matter here, only whether it got as far as looking.
        looked = attempt.status in {AttemptStatus.DONE, AttemptStatus.PARTIAL}
        known = attempt.reason in ATTEMPT_REASONS and not looked
        reason = attempt.reason if known else "no-declared-means"
        return Finding(self.name, Verdict.INCONCLUSIVE, reason, {"detail": attempt.detail})


def _means(fact: Observation) -> Detail:
    arguments: dict[str, Scalar] = dict(fact.attributes)
    if fact.subject == "device":
        verdict = {True: Verdict.PASS, False: Verdict.FAIL}.get(bool(fact.value), Verdict.INCONCLUSIVE)
        if fact.value is None:
            verdict = Verdict.INCONCLUSIVE
        reason = "device" if fact.value else "device-silent"
        return Detail(fact.subject, verdict, reason, arguments, fact.because)
    if fact.subject == "web":
        if fact.value is True:
            return Detail(fact.subject, Verdict.PASS, "web", arguments, fact.because)
        return Detail(fact.subject, Verdict.INCONCLUSIVE, "web-unseen", arguments, fact.because)
    return Detail(fact.subject, Verdict.INCONCLUSIVE, "declared-only", arguments, fact.because)


def _answer(fact: Observation) -> Detail:
    arguments: dict[str, Scalar] = {key: fact.attributes.get(key) for key in ("person", "at", "note")}
    if fact.value == "yes" and arguments["person"] and arguments["at"]:
        return Detail(_QUESTION, Verdict.PASS, "witnessed", arguments, fact.because)
    if fact.value == "no":
        return Detail(_QUESTION, Verdict.FAIL, "answered-no", arguments, fact.because)
    return Detail(_QUESTION, Verdict.INCONCLUSIVE, "answered-unknown", arguments, fact.because)


CRITERION = UpdateNewest()
