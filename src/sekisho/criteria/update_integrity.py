"""Whether altered images are refused before they are installed.

Question: Does the terminal check the integrity of new software before it installs it?
How: Each altered image that was sent must have left the version as it was and the terminal alive; the
    genuine image must have changed the version (positive control). Parameter ``mutants`` names what must
    have been tried (flipped, truncated, other_key …); ``flipped`` also covers its copies with repaired checksums
    and in the description. With ``downgrade`` true the older genuine image must be refused as well.
Evidence: Facts ``update.refused``, ``update.live``, ``update.genuine``, ``update.downgrade``.
Limits: Any altered image that was installed, and any that silenced the terminal, fails, whether its kind was
    asked for or not. Without the positive control refusals prove nothing (a dead updater refuses everything):
    undecided. A downgrade that was not asked about is shown and not counted.
Source: 2025 report (JP25-3b); ETSI EN 303 645 5.3-2, 5.3-9, 5.3-10, TS 103 701 5.3-2-2.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Detail, Finding, Scalar, Verdict
from sekisho.ports import Parameters

_PROBE = "update_channel"
_COVERS = {"flipped": ("flipped", "flipped-description", "repaired", "repaired-description")}


class UpdateIntegrity:
    """Judges by what each altered image did to the version."""

    name = "update_integrity"
    title = Text(ja="更新前の完全性の確認", en="Integrity check before an update")
    needs = (_PROBE,)
    reasons = {
        **ATTEMPT_REASONS,
        "all-refused": Text(
            ja="改変したイメージ {count} 種をすべて入れる前に拒否し、正規のイメージは受け入れた（{before} → {after}）。",
            en="All {count} altered images were refused before installation; the genuine one was accepted "
            "({before} → {after}).",
        ),
        "accepted": Text(
            ja="改変したイメージが入った（{images}）。", en="Altered images were installed ({images})."
        ),
        "killed": Text(
            ja="改変したイメージを送ると機器が応答しなくなった（{images}）。",
            en="Altered images left the terminal silent ({images}).",
        ),
        "downgrade-accepted": Text(
            ja="正規の古いイメージが入った（{before} → {after}）。",
            en="The genuine older image was installed ({before} → {after}).",
        ),
        "no-control": Text(
            ja="正規のイメージでも版が変わらず、対照実験が成り立たない。更新機能が働かない機器は何でも「拒否」する。",
            en="The genuine image did not change the version either, so there is no positive control: an updater "
            "that doesn't work refuses everything.",
        ),
        "not-tried": Text(
            ja="求められたイメージの試験をしていない（{images}）。",
            en="Images asked for were not tried ({images}).",
        ),
        "unknown": Text(
            ja="版を読み戻せず、入ったかどうか分からないイメージがある（{images}）。",
            en="For some images it can't be told whether they were installed ({images}).",
        ),
        "not-run": Text(ja="更新の試験をしていない。", en="Updating was not tested."),
        "image-refused": Text(
            ja="拒否した（版は {after} のまま、応答コード {status}）",
            en="refused (version stays {after}, answered {status})",
        ),
        "image-accepted": Text(
            ja="入った（{before} → {after}、応答コード {status}）",
            en="installed ({before} → {after}, answered {status})",
        ),
        "image-killed": Text(ja="送った後に応答しなくなった", en="no answer after it was sent"),
        "image-unknown": Text(ja="入ったかどうか分からない（{failure}）", en="can't be told ({failure})"),
        "older-refused": Text(
            ja="古いイメージを拒否した（版は {after}）", en="older image refused (version {after})"
        ),
        "older-accepted": Text(
            ja="古いイメージが入った（{before} → {after}）", en="older image installed ({before} → {after})"
        ),
        "older-unknown": Text(
            ja="古いイメージが入ったかどうか分からない（{failure}）",
            en="older image: can't be told ({failure})",
        ),
        "older-untried": Text(ja="古いイメージを試していない", en="older image not tried"),
        "late": Text(
            ja="送ったイメージのどれかが、待つうちに入った（{after}）",
            en="one of the images was installed while waiting ({after})",
        ),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge by ``mutants`` (list of kinds) and ``downgrade`` (bool)."""
        del terminal
        asked = parameters.get("mutants", [])
        kinds = [str(one) for one in asked] if isinstance(asked, list) else [str(asked)]
        demanded = parameters.get("downgrade") is True
        tried = observations.of("update.refused")
        if not tried and observations.one("update.genuine") is None:
            return self._missing(observations)
        silenced = {one.subject for one in observations.of("update.live") if one.value is False}
        details = [_detail(one, one.subject in silenced) for one in tried]
        if "quiet" in silenced:
            # Silent only after a while: which of the images did it can't be told.
            details.append(Detail("image late", Verdict.FAIL, "image-killed"))
        details += _downgrade(observations, demanded=demanded)
        facts = [*tried, *observations.of("update.genuine"), *observations.of("update.downgrade")]
        verdict, reason, arguments = _weigh(observations, kinds, details)
        return Finding(self.name, verdict, reason, arguments, because(facts), details=tuple(details))

    def _missing(self, observations: Observations) -> Finding:
        attempt = observations.attempts.get(_PROBE)
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-run")
        known = attempt.reason in ATTEMPT_REASONS and attempt.reason != "complete"
        reason = attempt.reason if known else "no-control"
        return Finding(self.name, Verdict.INCONCLUSIVE, reason, {"detail": attempt.detail})


def _weigh(
    observations: Observations, kinds: list[str], details: list[Detail]
) -> tuple[Verdict, str, dict[str, Scalar]]:
    genuine = observations.one("update.genuine")
    versions: dict[str, Scalar] = {
        "before": genuine.attributes.get("before") if genuine else None,
        "after": genuine.attributes.get("after") if genuine else None,
    }
    for reason, marks in (("accepted", {"image-accepted", "late"}), ("killed", {"image-killed"})):
        if named := _named(details, marks):
            return Verdict.FAIL, reason, {"images": named}
    if failed := next(
        (one for one in details if one.reason == "older-accepted" and one.verdict is Verdict.FAIL), None
    ):
        return Verdict.FAIL, "downgrade-accepted", dict(failed.arguments)
    if genuine is None or genuine.value is not True:
        return Verdict.INCONCLUSIVE, "no-control", versions
    refused = {one.subject.removeprefix("image ") for one in details if one.reason == "image-refused"}
    if named := _named(details, {"image-unknown"}):
        return Verdict.INCONCLUSIVE, "unknown", {"images": named}
    missing = [kind for kind in kinds if not refused.intersection(_COVERS.get(kind, (kind,)))]
    missing += [one.subject for one in details if one.verdict is Verdict.INCONCLUSIVE]
    if missing or not refused:
        return Verdict.INCONCLUSIVE, "not-tried", {"images": ", ".join(missing)}
    return Verdict.PASS, "all-refused", {"count": len(refused), **versions}


def _named(details: list[Detail], reasons: set[str]) -> str:
    return ", ".join(one.subject.removeprefix("image ") for one in details if one.reason in reasons)


def _detail(fact: Observation, silenced: bool) -> Detail:
    arguments = {key: fact.attributes.get(key) for key in ("before", "after", "status", "failure")}
    if fact.subject == "image late":
        return Detail(fact.subject, Verdict.FAIL, "late", arguments, fact.because)
    if fact.value is False:
        return Detail(fact.subject, Verdict.FAIL, "image-accepted", arguments, fact.because)
    if silenced:
        return Detail(fact.subject, Verdict.FAIL, "image-killed", arguments, fact.because)
    if fact.value is None:
        return Detail(fact.subject, Verdict.INCONCLUSIVE, "image-unknown", arguments, fact.because)
    return Detail(fact.subject, Verdict.PASS, "image-refused", arguments, fact.because)


def _downgrade(observations: Observations, *, demanded: bool) -> Iterator[Detail]:
    fact = observations.one("update.downgrade")
    if fact is None:
        if demanded:
            yield Detail("image older", Verdict.INCONCLUSIVE, "older-untried")
        return
    arguments = {key: fact.attributes.get(key) for key in ("before", "after", "status", "failure")}
    if fact.value is True:
        yield Detail(fact.subject, Verdict.PASS, "older-refused", arguments, fact.because)
    elif fact.value is False:
        verdict = Verdict.FAIL if demanded else Verdict.NOT_APPLICABLE
        yield Detail(fact.subject, verdict, "older-accepted", arguments, fact.because)
    else:
        verdict = Verdict.INCONCLUSIVE if demanded else Verdict.NOT_APPLICABLE
        yield Detail(fact.subject, verdict, "older-unknown", arguments, fact.because)


CRITERION = UpdateIntegrity()
