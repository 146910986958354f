"""Whether settings, codes and updated software outlive a loss of power.

Question: After the power was cut at each of the declared delays, is everything of the asked kinds as before?
How: Parameter ``kinds`` (setting, code, software, ports). For each kind something must have been measured,
    and all of it kept at every delay. A terminal that does not come back fails whatever was asked. With kind
    ``software`` a cut in the middle of an update must leave a version that runs.
Evidence: Facts ``power.kept``, ``power.control``, ``power.silent``, ``power.booted`` of ``power_retention``.
Limits: The delays that were tried are shown: it holds for them. Software counts only when the version that
    was cut was an updated one. A setting that could not be read back before the cut, or a terminal that
    answered while it should have been off, decides nothing.
Source: 第34条の10 第4号; ETSI EN 303 645 5.9-1, 5.9-2.
"""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Detail, Finding, Scalar, Verdict
from sekisho.ports import Parameters

_PROBE = "power_retention"
_COVERS = {"software": {"software", "update"}}


class Retention:
    """Judges each thing that was cut."""

    name = "retention"
    title = Text(ja="電源断後の維持", en="Retention after loss of power")
    needs = (_PROBE,)
    reasons = {
        **ATTEMPT_REASONS,
        "kept": Text(
            ja="電源断（保存から {delays} 秒後）の後も保たれた（{keys}）。",
            en="Kept over power cuts {delays} s after saving ({keys}).",
        ),
        "lost": Text(
            ja="電源断で失われた：{lost}（試した遅れ {delays} 秒）。",
            en="Lost by a power cut: {lost} (delays tried: {delays} s).",
        ),
        "not-booted": Text(
            ja="電源断の後に起動しない、または戻らないサービスがある（{missing}）。",
            en="After a power cut it, or some of its services, does not come back ({missing}).",
        ),
        "cut-not-seen": Text(
            ja="電源を切っても応答があり、本当に切れたと言えない。",
            en="It answered while it should have been off, so the cut can't be relied on.",
        ),
        "no-control": Text(
            ja="切る前に書いた設定を読み戻せず、保たれたか判断できない（{keys}）。",
            en="What was written could not be read back before the cut ({keys}).",
        ),
        "not-measured": Text(
            ja="測れていない種類がある（{kinds}）。", en="Some kinds could not be measured ({kinds})."
        ),
        "not-updated": Text(
            ja="切った時の版 {version} が更新後のものと確かめられない。更新後に電源を切る試験が要る。",
            en="Version {version} at the cut is not known to be an updated one; cut after an update.",
        ),
        "not-run": Text(ja="電源断の試験をしていない。", en="Loss of power was not tested."),
        "one-kept": Text(ja="保たれた（実測 {measured} 秒後）", en="kept ({measured} s by the clock)"),
        "one-lost": Text(
            ja="失われた（{before} → {after}、実測 {measured} 秒後）",
            en="lost ({before} → {after}, {measured} s by the clock)",
        ),
        "update-kept": Text(
            ja="更新の開始から {delay} 秒後に切っても起動し、版は {after} である",
            en="the power was cut {delay} s into an update; it came back with version {after}",
        ),
        "update-lost": Text(
            ja="更新の開始から {delay} 秒後に切ると失われた（{before} → {after}）",
            en="lost by a cut {delay} s into an update ({before} → {after})",
        ),
        "one-opened": Text(
            ja="閉じていたポートが開いた（{opened}）", en="closed ports have opened ({opened})"
        ),
        "one-unknown": Text(ja="判断できない", en="can't be told"),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge the kinds in ``kinds`` (list)."""
        del terminal
        asked = parameters.get("kinds", [])
        kinds = [str(one) for one in asked] if isinstance(asked, list) else [str(asked)]
        wanted = set().union(*(_COVERS.get(kind, {kind}) for kind in kinds)) if kinds else set()
        facts = [one for one in observations.of("power.kept") if one.attributes.get("kind") in wanted]
        booted = [one for one in observations.of("power.booted") if one.value is False]
        details = tuple(_detail(one) for one in facts)
        arguments: dict[str, Scalar] = {"delays": _delays(observations), "keys": _keys(facts)}
        if booted:
            missing = ", ".join(str(one.attributes.get("missing")) for one in booted)
            return self._say(Verdict.FAIL, "not-booted", arguments | {"missing": missing}, booted, details)
        lost = [one for one in facts if one.value is False]
        if lost:
            named = ", ".join(one.subject for one in lost)
            return self._say(Verdict.FAIL, "lost", arguments | {"lost": named}, lost, details)
        if not facts:
            return self._missing(observations, kinds)
        verdict, reason, more = _open(observations, facts, kinds)
        return self._say(verdict, reason, arguments | more, facts, details)

    def _say(
        self,
        verdict: Verdict,
        reason: str,
        arguments: dict[str, Scalar],
        facts: list[Observation],
        details: tuple[Detail, ...],
    ) -> Finding:
        return Finding(self.name, verdict, reason, arguments, because(facts), details=details)

    def _missing(self, observations: Observations, kinds: list[str]) -> Finding:
        attempt = observations.attempts.get(_PROBE)
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-run")
        known = attempt.reason in ATTEMPT_REASONS and attempt.reason != "complete"
        arguments: dict[str, Scalar] = {"detail": attempt.detail, "kinds": ", ".join(kinds)}
        reason = attempt.reason if known else "not-measured"
        return Finding(self.name, Verdict.INCONCLUSIVE, reason, arguments)


def _open(
    observations: Observations, facts: list[Observation], kinds: list[str]
) -> tuple[Verdict, str, dict[str, Scalar]]:
    """Nothing was lost: say whether that was really seen."""
    if any(one.value is False for one in observations.of("power.silent")):
        return Verdict.INCONCLUSIVE, "cut-not-seen", {}
    bad = [one.subject for one in observations.of("power.control") if one.value is not True]
    if "setting" in kinds and bad:
        return Verdict.INCONCLUSIVE, "no-control", {"keys": ", ".join(bad)}
    attempt = observations.attempts.get(_PROBE)
    if attempt is not None and attempt.reason != "complete":
        reason = attempt.reason if attempt.reason in ATTEMPT_REASONS else "not-measured"
        return Verdict.INCONCLUSIVE, reason, {"detail": attempt.detail}
    kept = {str(one.attributes.get("kind")) for one in facts if one.value is True}
    missing = [kind for kind in kinds if kind not in kept]
    missing += [one.subject for one in facts if one.value is None]
    if missing:
        return Verdict.INCONCLUSIVE, "not-measured", {"kinds": ", ".join(missing)}
    stale = [
        one for one in facts if one.attributes.get("kind") == "software" and not one.attributes.get("updated")
    ]
    if stale:
        return Verdict.INCONCLUSIVE, "not-updated", {"version": stale[0].attributes.get("before")}
    return Verdict.PASS, "kept", {}


def _delays(observations: Observations) -> str:
    found = {
        one.attributes.get("delay")
        for one in observations.of("power.kept")
        if one.attributes.get("kind") != "update"
    }
    return ", ".join(f"{one:g}" for one in sorted(one for one in found if isinstance(one, int | float)))


def _keys(facts: list[Observation]) -> str:
    return ", ".join(
        dict.fromkeys(f"{one.attributes.get('kind')} {one.attributes.get('key')}" for one in facts)
    )


def _detail(fact: Observation) -> Detail:
    old = fact.attributes.get("wanted", fact.attributes.get("before"))
    arguments: dict[str, Scalar] = {**fact.attributes, "before": old}
    update = fact.attributes.get("kind") == "update"
    if fact.value is True:
        kept = "update-kept" if update else "one-kept"
        return Detail(fact.subject, Verdict.PASS, kept, arguments, fact.because)
    if fact.value is None:
        return Detail(fact.subject, Verdict.INCONCLUSIVE, "one-unknown", arguments, fact.because)
    reason = {"ports": "one-opened", "update": "update-lost"}.get(
        str(fact.attributes.get("kind")), "one-lost"
    )
    return Detail(fact.subject, Verdict.FAIL, reason, arguments, fact.because)


CRITERION = Retention()
