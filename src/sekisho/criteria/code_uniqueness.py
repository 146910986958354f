"""Whether every unit has a preset code of its own.

Question: Are the codes of the units different, and not to be derived from public values?
How: At least ``units`` units' codes (parameter) must have been compared. Two equal codes, a code that
    follows from MAC address, SSID, serial number, model or maker, or a rule between units fails.
Evidence: Facts ``code.units``, ``code.same``, ``code.derived``, ``code.pattern`` of ``unit_uniqueness``.
Limits: Samples show that codes are bad, not that they are good. When the description gives no codes of
    units and claims for no login that codes differ per unit, or that there is no preset code at all, this branch
    is not claimed: not applicable, which passes nothing (another branch must hold). Weak codes are the matter of ``code_strength``.
Source: 第34条の10 第2号 (second branch), 2025 report (JP25-2b); ETSI EN 303 645 5.1-2, TS 103 701 5.1-2-1.
"""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Assurance, Detail, Finding, Scalar, Verdict
from sekisho.ports import Parameters

_PROBE = "unit_uniqueness"


class CodeUniqueness:
    """Judges the comparison of several units."""

    name = "code_uniqueness"
    title = Text(ja="機器ごとに異なる識別符号", en="A code of its own for each unit")
    needs = (_PROBE,)
    reasons = {
        **ATTEMPT_REASONS,
        "different": Text(
            ja="{count} 台の符号は互いに異なり、公開の値から導く規則も見つからない（試料からエントロピーは証明できない）。",
            en="The codes of {count} units differ, and no rule from public values was found (samples can't prove "
            "entropy).",
        ),
        "same": Text(ja="同じ符号の機器がある（{units}）。", en="Units share one code ({units})."),
        "derived": Text(
            ja="公開の値から導ける符号がある（{units}：{rule}）。",
            en="A code follows from public values ({units}: {rule}).",
        ),
        "pattern": Text(
            ja="機器の間に規則がある（{rule}）。", en="There is a rule between the units ({rule})."
        ),
        "too-few": Text(
            ja="比べた機器が {count} 台で、求められた {needed} 台に足りない。",
            en="Only {count} of the {needed} units asked for were compared.",
        ),
        "not-claimed": Text(
            ja="機器ごとに異なる符号であるとの宣言がない（他の方法によるものとみる）。",
            en="It is not claimed that codes differ per unit (another measure has to hold).",
        ),
        "no-preset": Text(
            ja="出荷時の識別符号がないと申告され、比べるものがない（他の方法によるものとみる）。",
            en="Declared: no code is preset, so there is nothing to compare (another measure has to hold).",
        ),
        "not-run": Text(ja="機器の符号を比べていない。", en="Units' codes were not compared."),
        "pair-same": Text(ja="同じ符号", en="the same code"),
        "pair-different": Text(ja="異なる符号", en="different codes"),
        "unit-derived": Text(ja="導ける（{rule}）", en="derivable ({rule})"),
        "unit-underived": Text(
            ja="導く規則は見つからない（照合した値：{checked}）",
            en="no rule found (compared with: {checked})",
        ),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge with ``units``, the least number of units."""
        needed = parameters.get("units", 2)
        needed = needed if isinstance(needed, int) else 2
        counted = observations.one("code.units")
        if counted is None:
            return self._missing(observations, terminal)
        facts = [*observations.of("code.same"), *observations.of("code.derived")]
        details = tuple(_detail(fact) for fact in facts)
        count = int(str(counted.value))
        verdict, reason, arguments, used = _weigh(observations, count, needed)
        arguments |= {"count": count, "needed": needed}
        return Finding(self.name, verdict, reason, arguments, because(used or [counted]), details=details)

    def _missing(self, observations: Observations, terminal: Terminal) -> Finding:
        attempt = observations.attempts.get(_PROBE)
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-run")
        coded = [one for one in terminal.logins if one.preset is not None or one.current is not None]
        if attempt.reason == "nothing-declared" and coded and all(one.no_preset for one in coded):
            return Finding(self.name, Verdict.NOT_APPLICABLE, "no-preset", assurance=Assurance.DECLARED)
        preset = [login for login in terminal.logins if login.preset is not None]
        if attempt.reason == "nothing-declared" and preset and not any(one.unique_per_unit for one in preset):
            return Finding(self.name, Verdict.NOT_APPLICABLE, "not-claimed", assurance=Assurance.DECLARED)
        known = attempt.reason in ATTEMPT_REASONS and attempt.reason != "complete"
        return Finding(
            self.name,
            Verdict.INCONCLUSIVE,
            attempt.reason if known else "not-run",
            {"detail": attempt.detail},
        )


def _weigh(
    observations: Observations, count: int, needed: int
) -> tuple[Verdict, str, dict[str, Scalar], list[Observation]]:
    same = [one for one in observations.of("code.same") if one.value is True]
    if same:
        named = ", ".join(one.subject.removeprefix("units ") for one in same)
        return Verdict.FAIL, "same", {"units": named}, same
    derived = [one for one in observations.of("code.derived") if one.value is True]
    if derived:
        named = ", ".join(one.subject.removeprefix("unit ") for one in derived)
        return Verdict.FAIL, "derived", {"units": named, "rule": derived[0].attributes.get("rule")}, derived
    ruled = [one for one in observations.of("code.pattern") if one.value is True]
    if ruled:
        return Verdict.FAIL, "pattern", {"rule": ruled[0].attributes.get("rule")}, ruled
    facts = [*observations.of("code.same"), *observations.of("code.derived")]
    if count < needed:
        return Verdict.INCONCLUSIVE, "too-few", {}, facts
    return Verdict.PASS, "different", {}, facts


def _detail(fact: Observation) -> Detail:
    if fact.name == "code.same":
        verdict, reason = (Verdict.FAIL, "pair-same") if fact.value else (Verdict.PASS, "pair-different")
    else:
        verdict, reason = (Verdict.FAIL, "unit-derived") if fact.value else (Verdict.PASS, "unit-underived")
    return Detail(fact.subject, verdict, reason, dict(fact.attributes), fact.because)


CRITERION = CodeUniqueness()
