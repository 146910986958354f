"""Whether access control guards the settings.

Question:
    Can anyone without the right code, or of low right, change a setting of the 電気通信の機能?
How:
    Protected means that the write was refused and the read-back unchanged, with the owner's own write as the
    positive control. A management login that opens with no credential or with nonsense, a settings page
    that shows its form to nobody, and a service that takes changes without a credential are holes.
Evidence:
    ``setting.write``, ``login.anonymous``, ``login.random``, ``page.guarded`` and ``login.reach`` of
    web_login (and of the shells); ``service.anonymous`` and ``service.protocol``; ``port.scan``.
Limits:
    Side ``line`` looks at interfaces of role wan. Without one, wlan counts (public Wi-Fi is a carrier's
    line by the guideline). Without either, holes seen elsewhere fail, since one guard serves all sides, but
    guarded settings stay undecided: the side that the article speaks of was not tested, and absence is
    never a pass. Whoever knows that the only interface faces the line writes role = "wan". Where the
    line side was tested and shows nothing, settings guarded on the other sides pass; a hole on
    another side is then undecided, because whether that path counts as 電気通信回線設備を介して is not for
    a tool to say. A port that the description excludes keeps a pass undecided.
Source:
    端末設備等規則 34条の10 一号; 不正アクセス禁止法 2条3項; EN 303 645 5.5-5; JC-STAR S1.1-01.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS, AttemptStatus
from sekisho.model.exclusion import EXCLUDED, EXCLUDED_TEXT, bounded, left_out
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Role, Terminal
from sekisho.model.verdict import Detail, Finding, Scalar, Verdict, combine
from sekisho.ports import Parameters

_PROBES = ("web_login", "telnet_login", "ssh_login", "service_identity", "open_ports")
_MANAGEMENT = frozenset(
    {"http", "https", "telnet", "ssh", "snmp", "adb", "tr069", "onvif", "rtsp", "mqtt", "upnp"}
)


class AccessControl:
    """Judges by what was changed and what opened."""

    name = "access_control"
    title = Text(ja="アクセス制御機能", en="Access control")
    needs = _PROBES
    reasons = {
        **ATTEMPT_REASONS,
        EXCLUDED: EXCLUDED_TEXT,
        "guarded": Text(
            ja="{sides}で、正しい権限のない書込みはすべて拒まれ、読み戻した設定も変わらなかった({count}件)。",
            en="At {sides}, every write without the right was refused and the setting read back unchanged ({count}).",
        ),
        "hole": Text(
            ja="アクセス制御に抜けがある({count}件)。",
            en="Access control has holes ({count}).",
        ),
        "line-shut": Text(
            ja="回線側から届く設定の経路はなく、他の側では設定が守られている({count}件)。",
            en="No settings path is reachable from the line side, and on the others settings are guarded ({count}).",
        ),
        "line-not-described": Text(
            ja='{sides}では守られているが、回線側(role = "wan")のインタフェースが機器記述になく、試していない。',
            en='Guarded at {sides}, but no line-side interface (role = "wan") is described, so it was not tested.',
        ),
        "line-not-scanned": Text(
            ja="回線側の全ポートを調べ終えていないため、設定の経路がないとは言えない。",
            en="The line side was not scanned in full, so no absence of settings paths can be shown.",
        ),
        "hole-off-line": Text(
            ja="回線側には抜けがないが、他の側にある。その経路が「電気通信回線設備を介して」に当たるかは人が判断する。",
            en="No hole at the line side, but there is one on another side; whether that path counts as "
            "over the line is for a person to decide.",
        ),
        "undecided": Text(
            ja="確かめられなかった点がある({count}件)。", en="Some points could not be settled ({count})."
        ),
        "nothing-written": Text(
            ja="書込みを試せた設定がなく、守られているとは言えない。",
            en="No setting could be tried, so nothing shows that it is guarded.",
        ),
        "not-run": Text(ja="アクセス制御の試験をしていない。", en="Access control was not tested."),
        "changed": Text(ja="{who}で設定「{setting}」が変わった。", en="{setting} was changed as: {who}."),
        "kept": Text(
            ja="{who}では設定「{setting}」は変わらなかった。", en="{setting} was not changed as: {who}."
        ),
        "no-write-control": Text(
            ja="正しい権限でも設定「{setting}」を変えられず、拒否の証拠にならない。",
            en="Even the right code could not change {setting}, so a refusal proves nothing.",
        ),
        "write-unknown": Text(
            ja="{who}で書いた後の設定「{setting}」を読み戻せなかった。",
            en="{setting} could not be tried or read back as: {who}.",
        ),
        "no-code": Text(
            ja="識別符号なしで管理機能が開く。", en="Management opens with no credential at all."
        ),
        "asks-code": Text(ja="識別符号を求める。", en="It asks for a code."),
        "any-code": Text(ja="でたらめな識別符号で開く。", en="Any nonsense code opens it."),
        "open-unknown": Text(
            ja="識別符号なしで開くかどうか分からない。",
            en="Whether it opens with no credential can't be told.",
        ),
        "page-open": Text(
            ja="設定ページ {path} がログインなしで開く。",
            en="The settings page {path} opens without signing in.",
        ),
        "page-shown": Text(
            ja="ページ {path} がログインなしで見える。設定を変えられるかは確かめていない。",
            en="The page {path} shows without signing in; whether it changes settings was not tested.",
        ),
        "page-unknown": Text(
            ja="申告されたページ {path} が守られているか分からない({how})。",
            en="Whether the declared page {path} is guarded can't be told ({how}).",
        ),
        "service-open": Text(
            ja="認証なしに変更を受け付ける({what})。", en="It takes changes without a credential ({what})."
        ),
        "untested-path": Text(
            ja="回線側に {protocol} が開いているが、ログイン経路として試していない。",
            en="{protocol} is open on the line side but was not tested as a login path.",
        ),
        "not-back": Text(ja="設定が元に戻っていない。", en="The setting is not back to its old value."),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge one side (``side``: line or all); a port that was excluded keeps every path from being known."""
        finding = self._judge(observations, terminal, parameters)
        lost = tuple(_lost(observations))
        if lost and finding.verdict is Verdict.PASS:
            arguments: dict[str, Scalar] = {"count": len(lost)}
            details = (*finding.details, *lost)
            verdict, reason = Verdict.INCONCLUSIVE, "undecided"
            finding = Finding(self.name, verdict, reason, arguments, finding.because, details=details)
        return bounded(finding, left_out(observations, terminal))

    def _judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        line = str(parameters.get("side", "all")) == "line"
        roles = _line_roles(terminal) if line else frozenset(Role)
        described = bool(roles)
        near = [*_details(observations, roles or frozenset(Role))]
        far = [*_details(observations, frozenset(Role) - roles)] if line and described else []
        if not near and not far and not observations.of("login.reach"):
            return self._missing(observations)
        if line and described:
            return self._line(observations, near, far, roles)
        finding = self._weigh(observations, near, _sides(terminal, roles or frozenset(Role)))
        if line and finding.verdict is Verdict.PASS:
            verdict, reason = Verdict.INCONCLUSIVE, "line-not-described"
            arguments = finding.arguments
            return Finding(self.name, verdict, reason, arguments, finding.because, details=finding.details)
        return finding

    def _line(
        self, observations: Observations, near: list[Detail], far: list[Detail], roles: frozenset[Role]
    ) -> Finding:
        """Judge the line side; what is seen elsewhere counts only where the line shows nothing."""
        near += [*_untested(observations, roles, near)]
        sides = ", ".join(sorted(roles))
        if near:
            finding = self._weigh(observations, near, sides, far)
            holes = [one for one in far if one.verdict is Verdict.FAIL]
            return self._off_line(holes) if finding.verdict is Verdict.PASS and holes else finding
        scans = [one for one in observations.of("port.scan") if _at(one, roles)]
        if not scans or not all(one.value is True for one in scans):
            details = tuple(far)
            return Finding(
                self.name, Verdict.INCONCLUSIVE, "line-not-scanned", because=because(scans), details=details
            )
        other = self._weigh(observations, far, "LAN")
        pointers = (*because(scans), *other.because)
        verdict, reason = other.verdict, other.reason
        if verdict is Verdict.FAIL:
            verdict, reason = Verdict.INCONCLUSIVE, "hole-off-line"
        elif verdict is Verdict.PASS:
            reason = "line-shut"
        return Finding(self.name, verdict, reason, other.arguments, pointers, details=other.details)

    def _off_line(self, holes: list[Detail]) -> Finding:
        """The line side is guarded, and another side is not: for a person to decide."""
        pointers = tuple(dict.fromkeys(pointer for one in holes for pointer in one.because))
        arguments: dict[str, Scalar] = {"count": len(holes)}
        verdict, reason = Verdict.INCONCLUSIVE, "hole-off-line"
        return Finding(self.name, verdict, reason, arguments, pointers, details=tuple(holes))

    def _weigh(
        self, observations: Observations, details: list[Detail], sides: str, far: Sequence[Detail] = ()
    ) -> Finding:
        """Combine; guarded needs at least one setting that was really tried, on this or another side."""
        if not details:
            return self._missing(observations)
        verdict = combine(one.verdict for one in details)
        counted = [one for one in details if one.verdict is verdict]
        reason = {Verdict.FAIL: "hole", Verdict.PASS: "guarded"}.get(verdict, "undecided")
        if verdict is Verdict.PASS and not any(one.reason == "kept" for one in (*details, *far)):
            verdict, reason = Verdict.INCONCLUSIVE, "nothing-written"
        pointers = tuple(dict.fromkeys(pointer for one in counted for pointer in one.because))
        arguments: dict[str, Scalar] = {"count": len(counted), "sides": sides}
        return Finding(self.name, verdict, reason, arguments, pointers, details=tuple(details))

    def _missing(self, observations: Observations) -> Finding:
        attempt = observations.attempts.get("web_login")
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-run")
        reason = attempt.reason if attempt.reason in ATTEMPT_REASONS else "nothing-written"
        reason = "nothing-written" if reason == "complete" else reason
        return Finding(self.name, Verdict.INCONCLUSIVE, reason, {"detail": attempt.detail})


def _lost(observations: Observations) -> Iterator[Detail]:
    """Yield the probes that could not look: another path may exist that only they would have found."""
    for probe in _PROBES:
        attempt = observations.attempts.get(probe)
        if attempt is None:
            continue
        if attempt.status in {AttemptStatus.FAILED, AttemptStatus.STOPPED} or attempt.reason == "not-allowed":
            reason = attempt.reason if attempt.reason in ATTEMPT_REASONS else "tool"
            yield Detail(probe, Verdict.INCONCLUSIVE, reason)


def _line_roles(terminal: Terminal) -> frozenset[Role]:
    roles = {one.role for one in terminal.interfaces}
    return frozenset({Role.WAN} if Role.WAN in roles else {Role.WLAN} if Role.WLAN in roles else set())


def _sides(terminal: Terminal, roles: frozenset[Role]) -> str:
    return ", ".join(one.name for one in terminal.interfaces if one.role in roles)


def _at(fact: Observation, roles: frozenset[Role]) -> bool:
    """Tell whether a fact belongs to these sides; one that names no side belongs to every one but the line."""
    role = fact.attributes.get("role")
    return role in roles if role else Role.LAN in roles


def _details(observations: Observations, roles: frozenset[Role]) -> Iterator[Detail]:
    def here(name: str) -> list[Observation]:
        return [one for one in observations.of(name) if _at(one, roles)]

    yield from _writes(here("setting.write"))
    for fact in here("setting.read"):
        arguments: dict[str, Scalar] = {"setting": fact.attributes.get("setting"), "who": "right"}
        yield Detail(fact.subject, Verdict.INCONCLUSIVE, "write-unknown", arguments, fact.because)
    written = {one.attributes.get("login") for one in here("setting.write") if one.value is False}
    yield from _doors(here("login.anonymous"), written)
    for fact in here("login.random"):
        if fact.value is True:
            yield Detail(fact.subject, Verdict.FAIL, "any-code", {}, fact.because)
    for fact in here("service.anonymous"):
        if fact.value is True and fact.attributes.get("changes", True):
            what = fact.attributes.get("what")
            yield Detail(fact.subject, Verdict.FAIL, "service-open", {"what": what}, fact.because)
    yield from _pages(here("page.guarded"))
    for fact in here("setting.restored"):
        if fact.value is False:
            yield Detail(fact.subject, Verdict.INCONCLUSIVE, "not-back", {}, fact.because)


def _doors(facts: list[Observation], written: set[Scalar]) -> Iterator[Detail]:
    """A login that opens with no credential is a hole; one that asks for a code is noted."""
    for fact in facts:
        if fact.value is True:
            yield Detail(fact.subject, Verdict.FAIL, "no-code", {}, fact.because)
        elif fact.value is False:
            yield Detail(fact.subject, Verdict.PASS, "asks-code", {}, fact.because)
        elif fact.attributes.get("login") not in written:
            yield Detail(fact.subject, Verdict.INCONCLUSIVE, "open-unknown", {}, fact.because)


def _writes(facts: list[Observation]) -> Iterator[Detail]:
    """Protected: the write left no trace, and the owner's write did (the positive control)."""
    controls = {
        fact.subject.rpartition(" as ")[0]: fact for fact in facts if fact.attributes.get("who") == "right"
    }
    for fact in facts:
        who, setting = fact.attributes.get("who"), fact.attributes.get("setting")
        if who == "right":
            continue
        arguments = {"who": who, "setting": setting}
        control = controls.get(fact.subject.rpartition(" as ")[0])
        pointers = because([fact, *([control] if control is not None else [])])
        if fact.value is True:
            yield Detail(fact.subject, Verdict.FAIL, "changed", arguments, fact.because)
        elif fact.value is None:
            yield Detail(fact.subject, Verdict.INCONCLUSIVE, "write-unknown", arguments, pointers)
        elif control is None or control.value is not True:
            yield Detail(fact.subject, Verdict.INCONCLUSIVE, "no-write-control", arguments, pointers)
        else:
            yield Detail(fact.subject, Verdict.PASS, "kept", arguments, pointers)


def _pages(facts: list[Observation]) -> Iterator[Detail]:
    for fact in facts:
        arguments = {"path": fact.attributes.get("path"), "how": fact.attributes.get("how")}
        listed, form = fact.attributes.get("listed"), fact.attributes.get("form")
        if fact.value is False:
            verdict = Verdict.FAIL if listed or form else Verdict.INCONCLUSIVE
            reason = "page-open" if listed or form else "page-shown"
            yield Detail(fact.subject, verdict, reason, arguments, fact.because)
        elif fact.value is None and listed:
            yield Detail(fact.subject, Verdict.INCONCLUSIVE, "page-unknown", arguments, fact.because)


def _untested(observations: Observations, roles: frozenset[Role], near: list[Detail]) -> Iterator[Detail]:
    """Management protocols that are open on the line side but whose login nobody tested."""
    tested = {
        fact.attributes.get("port")
        for name in ("login.path", "login.anonymous", "setting.write", "service.anonymous")
        for fact in observations.of(name)
        if _at(fact, roles)
    }
    known = {one.subject for one in near}
    for fact in observations.of("service.protocol"):
        protocol = str(fact.value)
        if not _at(fact, roles) or protocol not in _MANAGEMENT or fact.subject in known:
            continue
        if fact.attributes.get("port") not in tested:
            yield Detail(
                fact.subject, Verdict.INCONCLUSIVE, "untested-path", {"protocol": protocol}, fact.because
            )


CRITERION = AccessControl()
