"""Whether a preset code must, should or can be changed.

Question:
    Is a change of the preset code urged (mode prompt, in force) or forced without a way round (mode force,
    proposed 2025)? Can the code be changed at all (mode possible)?
How:
    Mode prompt: a change was prompted or forced after signing in with the preset. Mode force: nothing could
    be done before the change, no way round was found, and the same code was not taken as the new one. Both
    need the control that the preset opens the factory state; mode force also that a good code works after.
    Mode possible: after a change the new code opens the login path and the old one does not.
Evidence:
    ``preset.*``, ``change.*`` and ``setup.*`` of first_use.
Limits:
    Mode possible: a change that did not take may have met a rule for codes that we don't know, so it is
    undecided; only an old code that still opens after the change fails. Whether the way is simple is for a person.
    No preset at all is a claim until the factory state was looked at. It is met by a set-up (our reading: the text
    reaches preset codes only) where before it nothing opened, no link that was not given, used up or run out
    served, and the code made by it opened it from then on only. That a link runs out may not have been waited for. An equivalent such as a passkey is a claim: it keeps
    a failure undecided for a person to weigh.
Source:
    端末設備等規則 34条の10 二号; 2025年報告 (促す → させる, IDとパスワードの少なくとも一方); EN 303 645 5.1-1.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Detail, Finding, Scalar, Verdict, combine
from sekisho.ports import Parameters

_PROBE = "first_use"


class CodeChange:
    """Judges each login path that has a preset code."""

    name = "code_change"
    title = Text(ja="出荷時の識別符号の変更", en="Change of the preset code")
    needs = (_PROBE,)
    reasons = {
        **ATTEMPT_REASONS,
        "changed": Text(
            ja="出荷時の識別符号の変更が求められる({count}経路)。",
            en="A change of the preset code is asked for ({count} login paths).",
        ),
        "not-changed": Text(
            ja="出荷時の識別符号を変えずに使える({count}件)。",
            en="The preset code can be kept in use ({count}).",
        ),
        "can-change": Text(
            ja="識別符号を変更できる({count}経路)。", en="The code can be changed ({count} login paths)."
        ),
        "no-real-change": Text(
            ja="変更しても元の識別符号が使える({count}件)。",
            en="A change leaves the old code in use ({count}).",
        ),
        "undecided": Text(
            ja="確かめられなかった点がある({count}件)。", en="Some points could not be settled ({count})."
        ),
        "not-run": Text(ja="初回利用の試験をしていない。", en="First use was not tested."),
        "made-by-user": Text(
            ja="出荷時の識別符号はなく、最初の利用者が作るまで何も開かない({count}経路)。",
            en="No code is preset, and nothing opens before the first user has made one ({count} login paths).",
        ),
        "set-up-unseen": Text(
            ja="出荷時の識別符号はないと申告されたが、最初の設定を試験していない。",
            en="Declared: no preset code. The set-up that should make one was not tested.",
        ),
        "open-before-set-up": Text(
            ja="最初の設定の前に開く({what})。", en="It opens before the set-up ({what})."
        ),
        "link-serves": Text(
            ja="最初の設定が、正しくないリンクでもできる({what})。",
            en="The set-up can be made by a link that should not serve ({what}).",
        ),
        "no-set-up-control": Text(
            ja="最初の設定で作った識別符号で開くことが確かめられず、拒否の証拠にならない。",
            en="The code made by the set-up was not shown to open it, so refusals prove nothing.",
        ),
        "equivalent-claimed": Text(
            ja="変更は確かめられないが、同等の手段({means})が申告されている。人が判断する。",
            en="A change was not shown, but an equivalent is claimed ({means}); a person weighs it.",
        ),
        "prompted": Text(ja="変更を促す。", en="It prompts for a change."),
        "forced": Text(
            ja="変更するまで使えず、迂回もできなかった。",
            en="Nothing can be done before the change, and no way round was found.",
        ),
        "follows": Text(
            ja="別の経路で変えた後は、出荷時の識別符号で開かない。",
            en="Once changed at the other login path, the preset no longer opens it.",
        ),
        "changeable": Text(
            ja="変更でき、変更後は新しい識別符号だけで開く。",
            en="It can be changed, and then only the new code opens it.",
        ),
        "old-still-opens": Text(
            ja="変更した後も元の識別符号で開く。", en="The old code still opens it after the change."
        ),
        "not-prompted": Text(ja="変更を促さない。", en="It does not prompt for a change."),
        "not-forced": Text(ja="変更しなくても使える。", en="It can be used without the change."),
        "bypassed": Text(ja="変更を迂回できる({way})。", en="The change can be got round ({way})."),
        "same-accepted": Text(
            ja="元と同じ識別符号への「変更」が通る。", en="The very same code is taken as the new one."
        ),
        "no-preset-control": Text(
            ja="出荷状態で出荷時の識別符号が通らず、試験が成り立たない。",
            en="The preset did not open the factory state, so the test does not hold.",
        ),
        "no-change-control": Text(
            ja="良い識別符号への変更が確かめられず、拒否の証拠にならない。",
            en="A change to a good code was not shown to work, so refusals prove nothing.",
        ),
        "unknown": Text(
            ja="変更が求められるか分からない。", en="Whether a change is asked for can't be told."
        ),
        "preset-unknown": Text(
            ja="出荷時の識別符号の有無が機器記述にない。",
            en="The description does not say whether there is a preset code.",
        ),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge in ``mode`` prompt, force or possible; another word is a fault of the catalogue."""
        mode = str(parameters.get("mode", "prompt"))
        if mode not in {"prompt", "force", "possible"}:
            raise ValueError(f"mode {mode}")
        details: list[Detail] = []
        claims: dict[str, None] = {}
        for preset in observations.of("preset.exists"):
            detail = _login(observations, preset, mode)
            means = str(preset.attributes.get("equivalents") or "")
            if means and detail.verdict > Verdict.PASS:
                claims[means] = None
                detail = Detail(
                    detail.subject,
                    Verdict.INCONCLUSIVE,
                    "equivalent-claimed",
                    {"means": means},
                    detail.because,
                )
            details.append(detail)
        del terminal
        if not details:
            return self._missing(observations)
        verdict = combine(one.verdict for one in details)
        counted = [one for one in details if one.verdict is verdict]
        possible = mode == "possible"
        reasons = {
            Verdict.FAIL: "no-real-change" if possible else "not-changed",
            Verdict.PASS: "can-change" if possible else "changed",
        }
        if all(one.reason == "made-by-user" for one in counted):
            reasons[Verdict.PASS] = "made-by-user"
        pointers = tuple(dict.fromkeys(pointer for one in counted for pointer in one.because))
        return Finding(
            self.name,
            verdict,
            reasons.get(verdict, "undecided"),
            {"count": len(counted)},
            pointers,
            claim=", ".join(claims),
            details=tuple(details),
        )

    def _missing(self, observations: Observations) -> Finding:
        attempt = observations.attempts.get(_PROBE)
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-run")
        known = attempt.reason in ATTEMPT_REASONS and attempt.reason != "complete"
        return Finding(
            self.name, Verdict.INCONCLUSIVE, attempt.reason if known else "undecided", {"count": 0}
        )


def _login(observations: Observations, preset: Observation, mode: str) -> Detail:
    subject, force = preset.subject, mode == "force"
    if mode == "possible":
        return _possible(observations, preset)
    if preset.value is False:
        return _made_by_user(observations, preset)
    if preset.value is None:
        return Detail(subject, Verdict.INCONCLUSIVE, "preset-unknown", {}, preset.because)
    works = observations.one("preset.works", subject)
    if works is None:
        covered = _covered(observations, subject, force=force)
        if covered is not None:
            return covered
        attempt = observations.attempts.get(_PROBE)
        known = attempt is not None and attempt.reason in ATTEMPT_REASONS and attempt.reason != "complete"
        reason = attempt.reason if attempt is not None and known else "unknown"
        return Detail(subject, Verdict.INCONCLUSIVE, reason, {}, preset.because)
    if works.value is not True:
        return Detail(subject, Verdict.INCONCLUSIVE, "no-preset-control", {}, works.because)
    return _forced(observations, subject) if force else _prompted(observations, subject)


def _made_by_user(observations: Observations, preset: Observation) -> Detail:
    """Nothing is preset: what opens before the set-up, or lets a stranger make it, fails; PASS needs the control."""
    subject = preset.subject
    works, shut = (observations.one(name, subject) for name in ("setup.works", "setup.shut"))
    links = [one for one in observations.of("setup.link") if one.subject.startswith(f"{subject} ")]
    facts = [one for one in (preset, works, shut, *links) if one is not None]
    if works is None or shut is None:
        return Detail(subject, Verdict.INCONCLUSIVE, "set-up-unseen", {}, because(facts))
    if shut.value is False:
        arguments: dict[str, Scalar] = {"what": shut.attributes.get("what")}
        return Detail(subject, Verdict.FAIL, "open-before-set-up", arguments, shut.because)
    for one in links:
        if one.value is False:
            return Detail(
                subject, Verdict.FAIL, "link-serves", {"what": one.attributes.get("link")}, one.because
            )
    if works.value is not True:
        return Detail(subject, Verdict.INCONCLUSIVE, "no-set-up-control", {}, because(facts))
    if shut.value is None or any(one.value is None for one in links):
        return Detail(subject, Verdict.INCONCLUSIVE, "unknown", {}, because(facts))
    return Detail(subject, Verdict.PASS, "made-by-user", {"count": 1}, because(facts))


def _possible(observations: Observations, preset: Observation) -> Detail:
    """The change itself, with both controls: the new code opens, the old one no longer does."""
    subject = preset.subject
    works = observations.one("change.works", subject)
    if works is not None and works.value is True:
        return Detail(subject, Verdict.PASS, "changeable", {}, works.because)
    if works is not None and works.attributes.get("new") and works.attributes.get("old"):
        return Detail(subject, Verdict.FAIL, "old-still-opens", {}, works.because)
    covered = _covered(observations, subject, force=False) if works is None else None
    if covered is not None:
        return covered
    pointers = works.because if works is not None else preset.because
    return Detail(subject, Verdict.INCONCLUSIVE, "no-change-control", {}, pointers)


def _covered(observations: Observations, subject: str, *, force: bool) -> Detail | None:
    """A shell with a web login's preset was tried as a way round that login.

    Where a prompt suffices, the shell only must not keep the preset after it was changed on the Web.
    """
    name = subject.removeprefix("login ")
    ways = [one for one in observations.of("change.bypass") if one.attributes.get("other") == name]
    ways = [one for one in ways if force or one.attributes.get("when") == "after"]
    if not ways:
        return None
    if any(one.value is None for one in ways):
        return Detail(subject, Verdict.INCONCLUSIVE, "unknown", {}, because(ways))
    opened = [one for one in ways if one.value is True]
    if opened:
        way = opened[0].subject.partition(" by ")[2]
        return Detail(subject, Verdict.FAIL, "bypassed", {"way": way}, because(opened))
    return Detail(subject, Verdict.PASS, "follows", {}, because(ways))


def _prompted(observations: Observations, subject: str) -> Detail:
    prompted = observations.one("change.prompted", subject)
    forced = observations.one("change.forced", subject)
    facts = [one for one in (prompted, forced) if one is not None]
    if forced is not None and forced.value is True:
        return Detail(subject, Verdict.PASS, "forced", {}, forced.because)
    if prompted is not None and prompted.value is True:
        return Detail(subject, Verdict.PASS, "prompted", {}, prompted.because)
    if prompted is None or prompted.value is None:
        return Detail(subject, Verdict.INCONCLUSIVE, "unknown", {}, because(facts))
    return Detail(subject, Verdict.FAIL, "not-prompted", {}, because(facts))


def _ways(observations: Observations, subject: str) -> Iterator[Observation]:
    for fact in observations.of("change.bypass"):
        if fact.subject.partition(" by ")[0] == subject:
            yield fact


def _forced(observations: Observations, subject: str) -> Detail:
    """A way round, or the same code taken, fails whatever else was seen; PASS needs both controls."""
    for way in _ways(observations, subject):
        if way.value is True:
            return Detail(
                subject, Verdict.FAIL, "bypassed", {"way": way.subject.partition(" by ")[2]}, way.because
            )
    forced = observations.one("change.forced", subject)
    if forced is not None and forced.value is False:
        return Detail(subject, Verdict.FAIL, "not-forced", {}, forced.because)
    same = observations.one("change.accepts", f"{subject} same")
    if same is not None and same.value is True:
        return Detail(subject, Verdict.FAIL, "same-accepted", {}, same.because)
    works = observations.one("change.works", subject)
    facts = [one for one in (forced, same, works) if one is not None]
    if works is None or works.value is not True:
        return Detail(subject, Verdict.INCONCLUSIVE, "no-change-control", {}, because(facts))
    if forced is None or forced.value is None or same is None or same.value is None:
        return Detail(subject, Verdict.INCONCLUSIVE, "unknown", {}, because(facts))
    if any(
        way.value is None and way.attributes.get("way") in {"telnet", "ssh"}
        for way in _ways(observations, subject)
    ):
        return Detail(subject, Verdict.INCONCLUSIVE, "unknown", {}, because(_ways(observations, subject)))
    return Detail(subject, Verdict.PASS, "forced", {}, because(facts))


CRITERION = CodeChange()
