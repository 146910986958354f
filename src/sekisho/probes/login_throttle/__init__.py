"""Repeated login: how fast codes can be tried, one by one, at once, from two addresses, after a reboot.

Question:
    Does the terminal delay or lock repeated wrong logins; does that hold for 5 and 20 connections at once,
    from a second address and after a reboot; can the owner still sign in meanwhile; how long would 10^6
    codes take at the fastest way?
How:
    First the right code (positive control). Then wrong codes one after another, waiting out short delays,
    until enough were looked at or a long lock stands. While it stands: the owner from the other address
    and with a session opened before, wrong codes from the other address, liveness of the service and of
    other ports. Then the lock is waited out until the right code works again. The same in parallel, and
    after a power cut where tries were held off and a power driver is there.
Evidence:
    One record for each series with the time and answer of every try; codes are not kept.
Limits:
    Bounded by the budget of throttle tries, shared by logins of one user, and by the patience with one delay (64 s unless limited);
    our own rate cap bounds what can be measured and stands in the facts. Delays that grow are taken at their
    later pace, locks with what came before them. A lock declared to last for ever is not provoked. A lock's
    length is a lower bound (the last refusal), which favours the attacker.
Source:
    2025年報告 (ログイン試行の遅延・ロック); EN 303 645 5.1-5; RFC 6585 section 4 (429).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence
from sekisho.model.observation import Observation
from sekisho.model.terminal import Terminal
from sekisho.ports import Wire
from sekisho.probes.login_throttle.facts import observe_login
from sekisho.probes.login_throttle.series import Bout, right_code


class LoginThrottle:
    """The probe of the brake on guessing."""

    name = "login_throttle"
    version = "1"
    risk = Risk.LOCKOUT
    title = Text(ja="ログイン試行の制限", en="Brake on repeated login")
    facts: Mapping[str, Text] = {
        "throttle.control": Text(
            ja="試験前に正しい識別符号で入れるか(対照)",
            en="whether the right code opens it before (control)",
        ),
        "throttle.tries": Text(ja="1時間に試せる数", en="codes that can be tried in an hour"),
        "throttle.live": Text(
            ja="試行の後もサービスが生きているか", en="whether the service is alive after the tries"
        ),
        "throttle.owner": Text(
            ja="攻撃者が遅延・ロック中でも所有者が入れるか",
            en="whether the owner can sign in while an attacker is held off",
        ),
        "throttle.recovered": Text(
            ja="待った後に正しい識別符号で入れるか", en="whether the right code works again after the wait"
        ),
        "throttle.million": Text(
            ja="最も速い方法で10^6個を試すのに要る秒数", en="seconds to try 10^6 codes the fastest way"
        ),
    }

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say at which login paths wrong codes are sent."""
        return tuple(
            Text(
                ja=f"「{login.name}」: 誤った識別符号を逐次・並列(5・20)・別アドレスから送り、ロックの解除を待つ",
                en=f"{login.name}: wrong codes serially, 5 and 20 at once, from another address; wait the lock out",
            )
            for login in terminal.logins
            if login.kind != "none" and right_code(login) is not None
        )

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Measure each login path, one after the other."""
        logins = [login for login in terminal.logins if login.kind != "none"]
        if not logins:
            return wire.seal(Attempt(AttemptStatus.SKIPPED, "nothing-declared"))
        known = [login for login in logins if right_code(login) is not None]
        if not known:
            return wire.seal(Attempt(AttemptStatus.SKIPPED, "not-described", "no right code is known"))
        ended = [await Bout(terminal, wire, login).run() for login in known]
        bad = next((one for one in ended if one != "complete"), "")
        if not bad and len(known) < len(logins):
            bad = "not-described"
        return wire.seal(Attempt(AttemptStatus.PARTIAL if bad else AttemptStatus.DONE, bad or "complete"))

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Derive the facts; pure."""
        names = [one.step.split("/")[1] for one in evidence.records if one.step.endswith("/control")]
        for name in names:
            yield from observe_login(evidence, name)


PROBE = LoginThrottle()
