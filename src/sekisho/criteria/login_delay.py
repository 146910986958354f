"""Whether repeated login is delayed or locked so far that guessing does not pay.

Question:
    At the fastest way that was measured, do ``codes`` tries take at least ``seconds`` seconds; and can the
    owner still sign in meanwhile?
How:
    Takes the fastest of serial, parallel and two addresses. PASS needs the right code before (control), the
    service alive after each series, a parallel series as well as a serial one, and a second address.
Evidence:
    ``throttle.*`` of login_throttle.
Limits:
    A delay that holds only one by one is no delay. A service that died held nobody off by design: that is a
    failure, and says so. The pace is a lower bound where our own rate cap was reached. A brake that
    a power cut lifts is shown, not counted, since it needs the power cord.
Source:
    2025年報告 (遅延・ロック); EN 303 645 5.1-5. The figures are the catalogue's.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Detail, Finding, Scalar, Verdict, combine
from sekisho.ports import Parameters

_PROBE = "login_throttle"
_HOUR = 3600.0
_DAY = 86_400.0


class LoginDelay:
    """Judges each login path by its fastest measured pace."""

    name = "login_delay"
    title = Text(ja="ログイン試行の遅延・ロック", en="Delay or lock of repeated login")
    needs = (_PROBE,)
    reasons = {
        **ATTEMPT_REASONS,
        "slow": Text(
            ja="最も速い方法でも{codes}個に{days}日かかる。",
            en="Even the fastest way takes {days} days for {codes} codes.",
        ),
        "fast": Text(
            ja="十分に遅らせていないか、妨げられるログイン経路がある({count}件)。",
            en="Some login paths are not slowed enough or can be turned against their owner ({count}).",
        ),
        "undecided": Text(
            ja="確かめられなかった点がある({count}件)。", en="Some points could not be settled ({count})."
        ),
        "not-run": Text(ja="ログイン試行の制限を試験していない。", en="Repeated login was not tested."),
        "pace": Text(
            ja="{mode}で1時間に{hourly}個、{codes}個に{days}日。",
            en="{mode}: {hourly} tries an hour, {days} days for {codes} codes.",
        ),
        "cut-short": Text(
            ja="遅延が伸びている途中で試行の上限に達し、続けた場合の速さを測れていない(ここまでは1時間に{hourly}個)。",
            en="Our budget of tries ended while the delays still grew, so the lasting pace is unknown "
            "({hourly} tries an hour so far).",
        ),
        "died-not-locked": Text(
            ja="誤ったログインの後、サービスが応答しなくなった({mode})。これはロックではない。",
            en="The service stopped answering after wrong logins ({mode}); that is no lock.",
        ),
        "life-unknown": Text(
            ja="ロックか停止か区別できない({mode})。", en="A lock and a crash can't be told apart ({mode})."
        ),
        "owner-out": Text(
            ja="攻撃者を締め出している間、所有者も入れない({mode})。",
            en="While an attacker is held off, the owner can't sign in either ({mode}).",
        ),
        "owner-unknown": Text(
            ja="攻撃者を締め出している間に所有者が入れるか分からない。",
            en="Whether the owner can sign in while an attacker is held off is not known.",
        ),
        "no-right-code": Text(
            ja="試験前に正しい識別符号で入れず、試験が成り立たない。",
            en="The right code did not open it before, so the test does not hold.",
        ),
        "serial-only": Text(ja="並列の試行を測れていない。", en="Parallel tries were not measured."),
        "one-address": Text(
            ja="二つ目のアドレスから測れていない。", en="It was not measured from a second address."
        ),
        "not-measured": Text(ja="試行の速さを測れていない。", en="The pace of tries was not measured."),
        "not-recovered": Text(
            ja="待っても正しい識別符号で入れるようにならなかった({mode})。",
            en="The right code did not work again after the wait ({mode}).",
        ),
        "reboot-lifts": Text(
            ja="電源を切ると制限が解ける(参考)。", en="A power cut lifts the brake (for information)."
        ),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge by ``codes``, ``seconds`` and ``lock_out_owner``."""
        codes, seconds = _number(parameters, "codes", 1e6), _number(parameters, "seconds", 0.0)
        may_lock = bool(parameters.get("lock_out_owner", False))
        details: list[Detail] = []
        for subject in observations.subjects("throttle.control"):
            details += _login(observations, subject, codes, seconds, may_lock=may_lock)
        seen = set(observations.subjects("throttle.control"))
        if details:
            missing = [
                one for one in terminal.logins if one.kind != "none" and f"login {one.name}" not in seen
            ]
            details += [Detail(f"login {one.name}", Verdict.INCONCLUSIVE, "not-measured") for one in missing]
        else:
            return self._missing(observations)
        verdict = combine(one.verdict for one in details)
        counted = [one for one in details if one.verdict is verdict]
        reason = {Verdict.FAIL: "fast", Verdict.PASS: "slow"}.get(verdict, "undecided")
        arguments: dict[str, Scalar] = {"count": len(counted), "codes": int(codes)}
        if verdict is Verdict.PASS:
            days = [one.arguments["days"] for one in counted if "days" in one.arguments]
            arguments["days"] = min(
                (float(day) for day in days if isinstance(day, (int, float))), default=None
            )
        pointers = tuple(dict.fromkeys(pointer for one in counted for pointer in one.because))
        return Finding(self.name, verdict, reason, arguments, pointers, details=tuple(details))

    def _missing(self, observations: Observations) -> Finding:
        attempt = observations.attempts.get(_PROBE)
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-run")
        known = attempt.reason in ATTEMPT_REASONS and attempt.reason != "complete"
        return Finding(
            self.name, Verdict.INCONCLUSIVE, attempt.reason if known else "undecided", {"count": 0}
        )


def _login(
    observations: Observations, subject: str, codes: float, seconds: float, *, may_lock: bool
) -> Iterator[Detail]:
    control = observations.one("throttle.control", subject)
    if control is None or control.value is not True:
        pointers = control.because if control is not None else ()
        yield Detail(subject, Verdict.INCONCLUSIVE, "no-right-code", {}, pointers)
        return
    yield from _alive(observations, subject)
    rates = {str(one.attributes.get("mode")): one for one in _under(observations, "throttle.tries", subject)}
    yield from _pace(rates, subject, codes, seconds)
    if not may_lock:
        yield from _owner(observations, subject)
    for fact in _under(observations, "throttle.recovered", subject):
        if fact.value is not True:
            mode = fact.attributes.get("mode")
            yield Detail(subject, Verdict.INCONCLUSIVE, "not-recovered", {"mode": mode}, fact.because)
    reboot = rates.get("after-reboot")
    if reboot is not None and reboot.attributes.get("kept") is False:
        yield Detail(subject, Verdict.NOT_APPLICABLE, "reboot-lifts", {}, reboot.because)


def _alive(observations: Observations, subject: str) -> Iterator[Detail]:
    """A death is never a lock; one that can't be told from a lock keeps the whole undecided."""
    for fact in _under(observations, "throttle.live", subject):
        mode = fact.attributes.get("mode")
        if fact.value is False:
            yield Detail(subject, Verdict.FAIL, "died-not-locked", {"mode": mode}, fact.because)
        elif fact.value is None:
            yield Detail(subject, Verdict.INCONCLUSIVE, "life-unknown", {"mode": mode}, fact.because)


def _pace(rates: dict[str, Observation], subject: str, codes: float, seconds: float) -> Iterator[Detail]:
    """Judge the fastest pace; a pass also needs the parallel series and the second address."""
    counted = {mode: one for mode, one in rates.items() if mode != "after-reboot" and _hourly(one) > 0}
    if not counted:
        yield Detail(subject, Verdict.INCONCLUSIVE, "not-measured", {}, because(rates.values()))
        return
    mode, fastest = max(counted.items(), key=lambda item: _hourly(item[1]))
    hourly = _hourly(fastest)
    days = round(codes / hourly * _HOUR / _DAY, 2)
    arguments: dict[str, Scalar] = {"mode": mode, "hourly": hourly, "days": days, "codes": int(codes)}
    if codes / hourly * _HOUR < seconds:
        # A series that our own budget ended while delays still grew shows no pace that would last.
        short = bool(fastest.attributes.get("cut")) and bool(fastest.attributes.get("held"))
        verdict, reason = (Verdict.INCONCLUSIVE, "cut-short") if short else (Verdict.FAIL, "pace")
        yield Detail(f"{subject} {mode}", verdict, reason, arguments, fastest.because)
        return
    if not any(one.startswith("parallel") for one in counted) or "serial" not in rates:
        yield Detail(subject, Verdict.INCONCLUSIVE, "serial-only", arguments, fastest.because)
    elif "second-source" not in rates:
        yield Detail(subject, Verdict.INCONCLUSIVE, "one-address", arguments, fastest.because)
    else:
        yield Detail(f"{subject} {mode}", Verdict.PASS, "pace", arguments, fastest.because)


def _owner(observations: Observations, subject: str) -> Iterator[Detail]:
    facts = list(_under(observations, "throttle.owner", subject))
    for fact in facts:
        mode = fact.attributes.get("mode")
        if fact.value is False:
            yield Detail(subject, Verdict.FAIL, "owner-out", {"mode": mode}, fact.because)
        elif fact.value is None:
            yield Detail(subject, Verdict.INCONCLUSIVE, "owner-unknown", {"mode": mode}, fact.because)
    if not facts:
        yield Detail(subject, Verdict.INCONCLUSIVE, "owner-unknown")


def _under(observations: Observations, name: str, subject: str) -> Iterator[Observation]:
    for fact in observations.of(name):
        mode = str(fact.attributes.get("mode", ""))
        if fact.subject == f"{subject} {mode}":
            yield fact


def _hourly(fact: Observation) -> float:
    return (
        float(fact.value)
        if isinstance(fact.value, (int, float)) and fact.attributes.get("looked_at")
        else 0.0
    )


def _number(parameters: Parameters, name: str, usual: float) -> float:
    value = parameters.get(name, usual)
    return float(value) if isinstance(value, (int, float)) else usual


CRITERION = LoginDelay()
