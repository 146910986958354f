"""Whether a stranger can guess a code that opens a login path.

Question:
    Does any login path open with no credential, with nonsense, with a preset code that many units share, with
    a pair of the attack list or with a weak code?
How:
    Every login path is judged by what was accepted. PASS needs the positive control (the right code opens
    it), the negative one (nonsense does not), and that every listed code of the login's own users was tried.
Evidence:
    ``login.anonymous``, ``login.random``, ``login.accepted``, ``login.tried`` of web_login, telnet_login and
    ssh_login; ``change.forced`` of first_use.
Limits:
    No password at all is missing access control, not a guessed code; it is named so. Pairs of users that
    nobody declared are tried only as far as no lock is risked, and their number is shown. Weak codes
    are samples of ours: where the terminal's own brake cut them off, after the whole attack list of its users
    was refused, that is shown and passes, as long as the service is alive afterwards: a crash is no brake. A
    listed code that is the one set for the test is undecided. A TCP port that the description excludes may hold a
    login path that nobody tried, so it keeps a pass undecided.
Source:
    令和6年総務省令第11号 3条; 2025年報告 (第三者が容易に推測できない); EN 303 645 5.1-1, 5.1-2.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS
from sekisho.model.exclusion import EXCLUDED, EXCLUDED_TEXT, bounded, left_out
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Login, Terminal
from sekisho.model.verdict import Detail, Finding, Verdict, combine
from sekisho.ports import Parameters

_PROBES = ("web_login", "telnet_login", "ssh_login")


class CodeGuessing:
    """Judges by which guesses opened a login path."""

    name = "code_guessing"
    title = Text(ja="識別符号の推測", en="Guessing of codes")
    needs = (*_PROBES, "first_use")
    reasons = {
        **ATTEMPT_REASONS,
        EXCLUDED: EXCLUDED_TEXT,
        "held": Text(
            ja="どのログイン経路も、推測できる識別符号では開かなかった({count}経路)。",
            en="No login path opened with a code that can be guessed ({count} paths).",
        ),
        "guessed": Text(
            ja="推測で開くログイン経路がある({count}件)。", en="Guesses opened login paths ({count})."
        ),
        "undecided": Text(
            ja="確かめられなかったログイン経路がある({count}件)。",
            en="Some login paths could not be settled ({count}).",
        ),
        "not-run": Text(ja="識別符号の推測の試験をしていない。", en="Guessing was not tested."),
        "no-login": Text(ja="試せるログイン経路が見つからなかった。", en="No login path was found to test."),
        "no-code": Text(
            ja="識別符号そのものを求めない(アクセス制御がない)。",
            en="It asks for no code at all (access control is missing).",
        ),
        "any-code": Text(ja="でたらめな識別符号で開く。", en="Any nonsense code opens it."),
        "accepted": Text(
            ja="推測できる識別符号で開く: {user}(出所 {origin})。",
            en="A guessable code opens it: {user} (from {origin}).",
        ),
        "preset-open": Text(
            ja="機器ごとに異ならない出荷時の識別符号で開く(利用者 {user})。",
            en="A preset code that is not unique per unit opens it (user {user}).",
        ),
        "chosen": Text(
            ja="一覧にある識別符号で開くが、試験のために設定した符号と同じである。",
            en="A listed code opens it, but it is the one set for this test.",
        ),
        "login-held": Text(
            ja="{tried}組を試して開かなかった(申告外の利用者の{foreign}組は試していない)。",
            en="{tried} pairs did not open it ({foreign} pairs of undeclared users were not tried).",
        ),
        "login-braked": Text(
            ja="攻撃に使われた組はすべて開かなかった。弱い符号の見本{skipped}組は、機器自身が試行を止めたため試していない。",
            en="No pair of the attack list opened it; {skipped} samples of weak codes were not tried because the "
            "terminal itself cut the tries off.",
        ),
        "not-all": Text(
            ja="一覧のうち{skipped}組を試せなかった({why})。",
            en="{skipped} pairs of the lists were not tried ({why}).",
        ),
        "died-not-locked": Text(
            ja="一覧を試す途中でサービスが応答しなくなり、{skipped}組を試せなかった。これはロックではない。",
            en="The service stopped answering while the lists were tried ({skipped} pairs were not); that is no lock.",
        ),
        "no-right-code": Text(
            ja="正しい識別符号で入れず、拒否の証拠にならない。",
            en="The right code did not open it either, so refusals prove nothing.",
        ),
        "no-random": Text(
            ja="でたらめな識別符号が拒まれるかを確かめていない。",
            en="That nonsense is refused was not established.",
        ),
        "control-untried": Text(
            ja="対照の試行（{control}）ができなかった: {why}。",
            en="A control ({control}) could not be tried: {why}.",
        ),
        "not-offered": Text(ja="このログイン経路は提供されていない。", en="This login path is not offered."),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge every login path that was tested; takes no parameters."""
        del parameters
        return bounded(self._judge(observations, terminal), left_out(observations, terminal, ("tcp",)))

    def _judge(self, observations: Observations, terminal: Terminal) -> Finding:
        details = [*_details(observations, terminal)]
        if not details:
            return self._missing(observations)
        for probe in _PROBES:
            attempt = observations.attempts.get(probe)
            if attempt is not None and attempt.status in {"failed", "stopped", "partial"}:
                reason = attempt.reason if attempt.reason in ATTEMPT_REASONS else "tool"
                details.append(Detail(probe, Verdict.INCONCLUSIVE, reason))
        details += [*_untested(observations, terminal, details)]
        verdict = combine(one.verdict for one in details)
        counted = [one for one in details if one.verdict is verdict]
        reason = {Verdict.FAIL: "guessed", Verdict.PASS: "held", Verdict.NOT_APPLICABLE: "not-offered"}.get(
            verdict, "undecided"
        )
        pointers = tuple(dict.fromkeys(pointer for one in counted for pointer in one.because))
        return Finding(self.name, verdict, reason, {"count": len(counted)}, pointers, details=tuple(details))

    def _missing(self, observations: Observations) -> Finding:
        tried = [observations.attempts[probe] for probe in _PROBES if probe in observations.attempts]
        if not tried:
            return Finding(self.name, Verdict.NONE, "not-run")
        reason = next((one.reason for one in tried if one.reason != "complete"), "no-login")
        return Finding(self.name, Verdict.INCONCLUSIVE, reason if reason in ATTEMPT_REASONS else "no-login")


def _details(observations: Observations, terminal: Terminal) -> Iterator[Detail]:
    for subject in dict.fromkeys(
        (*observations.subjects("login.anonymous"), *observations.subjects("login.random"))
    ):
        anonymous = observations.one("login.anonymous", subject)
        nonsense = observations.one("login.random", subject)
        if anonymous is not None and anonymous.value is True:
            yield Detail(subject, Verdict.FAIL, "no-code", {}, anonymous.because)
        elif nonsense is not None and nonsense.value is True:
            yield Detail(subject, Verdict.FAIL, "any-code", {}, nonsense.because)
        else:
            yield from _login(observations, terminal, subject)


def _login(observations: Observations, terminal: Terminal, subject: str) -> Iterator[Detail]:
    accepted = observations.of("login.accepted", subject)
    login = terminal.login(str(accepted[0].attributes.get("login", "")) if accepted else "")
    login = login or terminal.login(subject.removeprefix("login ").partition(" at ")[0])
    opened = [one for one in accepted if one.value is True]
    bad = [*_opened(observations, opened, login, subject)]
    yield from bad
    if bad:
        return
    nonsense = observations.one("login.random", subject)
    missing = [*_controls_missing(observations, accepted, subject)]
    yield from missing
    if missing:
        return
    if nonsense is None or nonsense.value is None:
        pointers = nonsense.because if nonsense is not None else ()
        yield Detail(subject, Verdict.INCONCLUSIVE, "no-random", {}, pointers)
        return
    if not any(one.attributes.get("origin") in {"current", "preset", "right"} for one in opened):
        yield Detail(subject, Verdict.INCONCLUSIVE, "no-right-code", {}, because(accepted))
        return
    tried = observations.one("login.tried", subject)
    if tried is None and " at " in subject:
        yield Detail(subject, Verdict.PASS, "login-held", {"tried": 1, "foreign": 0}, nonsense.because)
        return
    skipped = tried.attributes.get("skipped") if tried is not None else None
    weak = tried.attributes.get("weak") if tried is not None else None
    live = _live_after(observations, subject)
    # Who cuts the tries off is still there afterwards; a service that is gone has held nobody off by design.
    locked = tried is not None and tried.attributes.get("why") in {"locked", "shut"}
    braked = bool(weak) and not skipped and locked and live is not None and live.value is True
    arguments = {
        "tried": tried.value if tried is not None else 0,
        "skipped": skipped or weak,
        "foreign": tried.attributes.get("foreign", 0) if tried is not None else 0,
        "why": tried.attributes.get("why", "") if tried is not None else "",
    }
    alive = [live] if live is not None and (locked or live.value is not True) else []
    pointers = because([*([tried] if tried is not None else []), *alive, nonsense])
    if braked:
        yield Detail(subject, Verdict.PASS, "login-braked", arguments, pointers)
    elif (skipped or weak) and live is not None and live.value is False:
        yield Detail(subject, Verdict.INCONCLUSIVE, "died-not-locked", arguments, pointers)
    elif tried is None or skipped or weak or tried.value == 0:
        yield Detail(subject, Verdict.INCONCLUSIVE, "not-all", arguments, pointers)
    else:
        yield Detail(subject, Verdict.PASS, "login-held", arguments, pointers)


def _live_after(observations: Observations, subject: str) -> Observation | None:
    facts = observations.of("login.live", subject)
    return next((one for one in facts if one.attributes.get("when") == "after"), None)


def _controls_missing(
    observations: Observations, accepted: tuple[Observation, ...], subject: str
) -> Iterator[Detail]:
    """Return the tries that every verdict rests on and that were not made: nothing was sent, so nothing is known.

    A try that was made and can't be read (``accepted`` None without such a reason) is another matter.
    """
    nonsense = observations.one("login.random", subject)
    controls = [("random", nonsense)] if nonsense is not None else []
    controls += [("preset", one) for one in accepted if one.attributes.get("origin") == "preset"]
    anonymous = observations.one("login.anonymous", subject)
    controls += [("none", anonymous)] if anonymous is not None else []
    for control, fact in controls:
        why = fact.attributes.get("sign_in_failure")
        if fact.value is None and why:
            yield Detail(
                subject,
                Verdict.INCONCLUSIVE,
                "control-untried",
                {"control": control, "why": why},
                fact.because,
            )


def _opened(
    observations: Observations, opened: list[Observation], login: Login | None, subject: str
) -> Iterator[Detail]:
    """Return the accepted codes that a stranger could have guessed."""
    for fact in opened:
        origin = fact.attributes.get("origin")
        user = fact.attributes.get("shown") or fact.attributes.get("user")
        arguments = {"user": user, "origin": origin}
        if origin in {"mirai", "weak"}:
            chosen = login is not None and login.preset is not None and _is(login, str(user))
            verdict = Verdict.INCONCLUSIVE if chosen else Verdict.FAIL
            yield Detail(subject, verdict, "chosen" if chosen else "accepted", arguments, fact.because)
        elif origin == "preset":
            forced = observations.one("change.forced", subject)
            if forced is not None and forced.value is True and fact.attributes.get("prompted"):
                continue
            easy = any(fact.attributes.get(kind) for kind in ("attacked", "listed", "single", "sequential"))
            if easy or (login is not None and not login.unique_per_unit):
                yield Detail(
                    subject, Verdict.FAIL, "accepted" if easy else "preset-open", arguments, fact.because
                )


def _is(login: Login, shown: str) -> bool:
    """Tell whether the public pair is the code that the tester set (and not also the preset)."""
    current, preset = login.current, login.preset
    return current is not None and current != preset and shown == f"{current.user}:{current.password}"


def _untested(observations: Observations, terminal: Terminal, details: list[Detail]) -> Iterator[Detail]:
    """A declared login path of which nothing is known keeps the whole undecided."""
    seen = {one.subject for one in details}
    for login in terminal.logins:
        subject = f"login {login.name}"
        if subject in seen or login.kind == "none":
            continue
        service = terminal.service(login.service)
        port = f"{service.interface} tcp/{service.port}" if service is not None else subject
        offered = observations.one("shell.offered", port)
        if offered is not None and offered.value is False:
            yield Detail(subject, Verdict.NOT_APPLICABLE, "not-offered", {}, offered.because)
        else:
            yield Detail(subject, Verdict.INCONCLUSIVE, "no-login")


CRITERION = CodeGuessing()
