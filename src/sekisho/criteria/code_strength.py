"""Whether codes are hard to guess: what a change takes as a new code, and the preset codes themselves.

Question:
    Does the terminal take a new code that is short, one repeated character, a run, or known from attacks; and
    is the preset code such a one?
How:
    Each class that the parameters forbid must have been offered and refused, while a good code was taken
    (control). A refused code of length n shows that n and shorter are refused.
Evidence:
    ``change.accepts``, ``change.works``, ``setup.accepts``, ``setup.works``, ``preset.exists`` of first_use; ``code.shape`` of unit_uniqueness.
Limits:
    One code for each class is offered; a policy that refuses only that one is not found out. A weak preset
    whose change is forced opens nothing but the change, and passes.
Source:
    令和6年総務省令第11号 3条; 2025年報告; parameters from the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Detail, Finding, Scalar, Verdict, combine
from sekisho.ports import Parameters

_KINDS = ("single", "sequential", "attacked")


class CodeStrength:
    """Judges by the policy seen at a change and by the shape of preset codes."""

    name = "code_strength"
    title = Text(ja="識別符号の強さ", en="Strength of codes")
    needs = ("first_use", "unit_uniqueness")
    reasons = {
        **ATTEMPT_REASONS,
        "strong": Text(
            ja="弱い識別符号は受け付けず、弱い出荷時の識別符号もない({count}件)。",
            en="Weak codes are refused and no preset is weak ({count}).",
        ),
        "weak": Text(ja="弱い識別符号が使える({count}件)。", en="Weak codes can be used ({count})."),
        "undecided": Text(
            ja="確かめられなかった点がある({count}件)。", en="Some points could not be settled ({count})."
        ),
        "not-run": Text(ja="識別符号の強さの試験をしていない。", en="The strength of codes was not tested."),
        "accepted": Text(
            ja="弱い識別符号({offer}、{length}文字)への変更が通る。",
            en="A weak code is taken as the new one ({offer}, {length} characters).",
        ),
        "refused": Text(
            ja="弱い識別符号({offer}、{length}文字)を拒む。",
            en="A weak code is refused ({offer}, {length} characters).",
        ),
        "no-offer": Text(
            ja="弱い識別符号への変更は試していない（初回利用の試験ができていない）。",
            en="No change to a weak code was tried (the first-use test could not be done).",
        ),
        "offer-unknown": Text(
            ja="弱い識別符号({offer})を拒むか分からない。",
            en="Whether a weak code is refused can't be told ({offer}).",
        ),
        "no-change-control": Text(
            ja="良い識別符号への変更が確かめられず、拒否の証拠にならない。",
            en="A change to a good code was not shown to work, so refusals prove nothing.",
        ),
        "preset-weak": Text(
            ja="出荷時の識別符号が弱い({offer}、{length}文字)。",
            en="The preset code is weak ({offer}, {length} characters).",
        ),
        "preset-strong": Text(
            ja="出荷時の識別符号は弱くない({length}文字)。",
            en="The preset code is not weak ({length} characters).",
        ),
        "preset-undecided": Text(
            ja="出荷時の識別符号は弱い({offer})が、変更が強制されるか分からない。",
            en="The preset code is weak ({offer}), and whether its change is forced can't be told.",
        ),
        "preset-only-changes": Text(
            ja="出荷時の識別符号は弱いが、強制される変更のほかは何も開かない。",
            en="The preset code is weak but opens nothing except the forced change.",
        ),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge by ``min_length`` and the flags ``single``, ``sequential``, ``attacked``."""
        del terminal
        shortest = parameters.get("min_length", 0)
        length = int(shortest) if isinstance(shortest, (int, float)) else 0
        kinds = [kind for kind in _KINDS if parameters.get(kind)]
        details = [*_presets(observations, length, kinds)]
        offered = [
            one
            for fact in observations.of("preset.works")
            for one in _policy(observations, fact.subject, length, kinds)
        ]
        for fact in observations.of("setup.works"):
            # Both ways to a code: the set-up that makes the first one, and the change where it was tried.
            offered += _policy(observations, fact.subject, length, kinds, "setup")
            if observations.one("change.works", fact.subject) is not None:
                offered += _policy(observations, fact.subject, length, kinds)
        details += offered
        if details and not offered:
            # A strong preset says nothing about what a change would take: that was never offered.
            details.append(Detail("first_use", Verdict.INCONCLUSIVE, "no-offer"))
        if not details:
            return self._missing(observations)
        verdict = combine(one.verdict for one in details)
        counted = [one for one in details if one.verdict is verdict]
        reason = {Verdict.FAIL: "weak", Verdict.PASS: "strong"}.get(verdict, "undecided")
        pointers = tuple(dict.fromkeys(pointer for one in counted for pointer in one.because))
        return Finding(self.name, verdict, reason, {"count": len(counted)}, pointers, details=tuple(details))

    def _missing(self, observations: Observations) -> Finding:
        attempt = observations.attempts.get("first_use") or observations.attempts.get("unit_uniqueness")
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-run")
        known = attempt.reason in ATTEMPT_REASONS and attempt.reason != "complete"
        return Finding(
            self.name, Verdict.INCONCLUSIVE, attempt.reason if known else "undecided", {"count": 0}
        )


def _policy(
    observations: Observations, subject: str, length: int, kinds: list[str], way: str = "change"
) -> Iterator[Detail]:
    """Judge what a change, or the first set-up, takes at one login path."""
    control = observations.one(f"{way}.works", subject)
    wanted = [*(["short"] if length > 1 else []), *kinds]
    for kind in wanted:
        facts = observations.of(f"{way}.accepts", f"{subject} {kind}")
        taken = [one for one in facts if one.value is True and (kind != "short" or _length(one) < length)]
        if taken:
            yield _detail(subject, Verdict.FAIL, "accepted", kind, taken[0])
        elif control is None or control.value is not True:
            pointers = because([*facts, *([control] if control is not None else [])])
            yield Detail(
                f"{subject} {kind}", Verdict.INCONCLUSIVE, "no-change-control", {"offer": kind}, pointers
            )
        else:
            refused = [
                one for one in facts if one.value is False and (kind != "short" or _length(one) >= length - 1)
            ]
            if refused:
                yield _detail(subject, Verdict.PASS, "refused", kind, refused[-1])
            else:
                pointers = because(facts)
                yield Detail(
                    f"{subject} {kind}", Verdict.INCONCLUSIVE, "offer-unknown", {"offer": kind}, pointers
                )


def _detail(subject: str, verdict: Verdict, reason: str, kind: str, fact: Observation) -> Detail:
    arguments: dict[str, Scalar] = {"offer": kind, "length": _length(fact)}
    return Detail(f"{subject} {kind}", verdict, reason, arguments, fact.because)


def _presets(observations: Observations, length: int, kinds: list[str]) -> Iterator[Detail]:
    """Judge the preset codes: of the description, and those printed on the units."""
    shapes = [one for one in observations.of("preset.exists") if one.value is True]
    shapes += observations.of("code.shape")
    for fact in shapes:
        if "length" not in fact.attributes:
            continue
        weak = [kind for kind in kinds if fact.attributes.get(kind)]
        if _length(fact) < length:
            weak.insert(0, "short")
        if not weak:
            yield Detail(fact.subject, Verdict.PASS, "preset-strong", {"length": _length(fact)}, fact.because)
            continue
        forced = observations.one("change.forced", fact.subject)
        if forced is not None and forced.value is True:
            yield Detail(fact.subject, Verdict.PASS, "preset-only-changes", {}, because([fact, forced]))
        elif forced is not None and forced.value is None:
            arguments: dict[str, Scalar] = {"offer": ", ".join(weak)}
            yield Detail(
                fact.subject, Verdict.INCONCLUSIVE, "preset-undecided", arguments, because([fact, forced])
            )
        else:
            yield _detail_of_preset(fact, weak)


def _detail_of_preset(fact: Observation, weak: list[str]) -> Detail:
    arguments: dict[str, Scalar] = {"offer": ", ".join(weak), "length": _length(fact)}
    return Detail(fact.subject, Verdict.FAIL, "preset-weak", arguments, fact.because)


def _length(fact: Observation) -> int:
    value = fact.attributes.get("length")
    return int(value) if isinstance(value, (int, float)) else 0


CRITERION = CodeStrength()
