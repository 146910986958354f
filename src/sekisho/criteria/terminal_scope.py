"""Does 端末設備等規則 第34条の10 reach this terminal?

Question: Is it a 専用通信回線設備等端末 on a データ伝送用設備 (①) that uses IP there (②), whose settings of the
    telecommunication functions can be changed over the line (③), and that is not exempt as freely
    programmable (④); directly connected; and is no equivalent measure claimed (同等以上)?
How: The maker's declaration, corrected by what was seen: a setting that was changed over the line refutes
    "not over the line" and "no IP", and a login found there leaves them open. A terminal that is always
    behind certified equipment is out only when its manual says so. An equivalent measure is a claim until
    a person has weighed it. PASS means: the article applies.
Evidence: Declarations; facts ``setting.write``, ``service.anonymous``, ``login.path``, ``port.open`` with
    role wan; answers ``settings-over-line``, ``manual-notice``, ``equivalent-certificate``.
Limits: ①, ④ and the way of connection can't be measured. Whoever connects the cable decides what is the line.
Source: 端末設備等規則 第34条の10 and ただし書; guideline of 2019 (direct connection, notice in the manual).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sekisho.language import Text
from sekisho.model.evidence import Pointer
from sekisho.model.exclusion import EXCLUDED, EXCLUDED_TEXT, bounded, left_out
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Applicability, Equivalent, Terminal
from sekisho.model.verdict import Assurance, Detail, Finding, Scalar, Verdict
from sekisho.ports import Parameters

_YES_NO = {"yes": True, "no": False}
_LOOKING = ("open_ports", "service_identity", "web_login", "telnet_login", "ssh_login")
# Declared, and believed as long as nothing on the line side refutes it.
_UNREFUTED = frozenset({"no-ip", "not-over-line"})


class TerminalScope:
    """Judges applicability first, so that no duty is judged where none exists, and none is dodged."""

    name = "terminal_scope"
    title = Text(ja="第34条の10の適用", en="Whether article 34-10 applies")
    needs = (*_LOOKING, "document_check")
    reasons = {
        EXCLUDED: EXCLUDED_TEXT,
        "not-chosen": Text(
            ja="申告に反する観測がないと言うための試験の一部を行っていない（{probes}）。",
            en="Some of the tests that could speak against the declaration were not run ({probes}).",
        ),
        "applies": Text(
            ja="①〜③に当たり④に当たらない。第34条の10が適用される。",
            en="Conditions 1 to 3 hold and 4 does not: article 34-10 applies.",
        ),
        "applies-against-declaration": Text(
            ja="回線を介して変更できないと申告されたが、{setting}を回線側から変更できた。適用される。",
            en="Declared as not changeable over the line, yet {setting} was changed from the line side: it applies.",
        ),
        "applies-equivalent-refused": Text(
            ja="同等以上の措置の主張（{scheme} {certificate}）は認められなかった。適用される。",
            en="The claimed equivalent measure ({scheme} {certificate}) was not accepted: the article applies.",
        ),
        "applies-without-notice": Text(
            ja="間接接続と申告されたが、取扱説明書に直接接続できない旨の注意がない。適用されるものとして扱う。",
            en="Declared as connected indirectly, but the manual lacks the notice: treated as in scope.",
        ),
        "no-data-line": Text(
            ja="デジタルデータ伝送用設備に接続しないと申告された（①）。",
            en="Declared: does not connect to a carrier's data transmission facility (condition 1).",
        ),
        "no-ip": Text(
            ja="その接続にインターネットプロトコルを使わないと申告された（②）。",
            en="Declared: does not use the Internet Protocol there (condition 2).",
        ),
        "not-over-line": Text(
            ja="電気通信の機能の設定を回線を介して変更できないと申告され、反する観測もない（③）。",
            en="Declared: settings can't be changed over the line (condition 3); nothing seen speaks against it.",
        ),
        "free-software": Text(
            ja="利用者が任意のソフトウェアにより随時かつ容易に変更できると申告された（④）：{why}",
            en="Declared exempt as freely programmable by the user (condition 4): {why}",
        ),
        "no-connection": Text(
            ja="電気通信回線設備に接続しないと申告された。",
            en="Declared: not connected to carriers' lines at all.",
        ),
        "indirect": Text(
            ja="適合機器を介してのみ接続すると申告され、取扱説明書の注意も確認された（{person}、{at}）。",
            en="Declared: only behind certified equipment; a person found the notice in the manual ({person}, {at}).",
        ),
        "indirect-unchecked": Text(
            ja="間接接続と申告されたが、取扱説明書の注意が確認されていない。",
            en="Declared as indirect, but nobody has checked the manual's notice.",
        ),
        "indirect-contradicted": Text(
            ja="間接接続または非接続と申告されたが、回線側から{setting}を変更できた。接続のしかたを確かめること。",
            en="Declared as indirect or unconnected, yet {setting} was changed from the line side: check how it connects.",
        ),
        "contradiction": Text(
            ja="申告が食い違う：{what}", en="The declarations contradict each other: {what}"
        ),
        "seen-on-line": Text(
            ja="申告に反し、回線側に{what}が見つかった。設定を変更できるか確かめること。",
            en="Against the declaration, {what} was found on the line side: check whether settings can be changed.",
        ),
        "free-software-without-reason": Text(
            ja="④に当たると申告されたが、理由が書かれていない。",
            en="Declared exempt by condition 4, but without a reason.",
        ),
        "unanswered": Text(
            ja="答えのない条件がある：{missing}", en="Conditions without an answer: {missing}"
        ),
        "equivalent-unweighed": Text(
            ja="同等以上の措置の主張（{scheme} {certificate}、期限{expires}）を人がまだ評価していない。",
            en="A claimed equivalent measure ({scheme} {certificate}, expires {expires}) awaits a person's weighing.",
        ),
        "equivalent-expired": Text(
            ja="主張された{scheme} {certificate}は{expires}に期限切れ（{day}時点）。",
            en="The claimed {scheme} {certificate} expired on {expires} (as of {day}).",
        ),
        "equivalent-accepted": Text(
            ja="同等以上の措置（{scheme} {certificate}、期限{expires}）と人が認めた（{person}、{at}）。",
            en="A person accepted the equivalent measure {scheme} {certificate}, expires {expires} ({person}, {at}).",
        ),
        "declared-yes": Text(ja="申告：はい", en="declared: yes"),
        "declared-no": Text(ja="申告：いいえ", en="declared: no"),
        "not-declared": Text(ja="申告なし", en="not declared"),
        "answered-yes": Text(ja="回答：はい", en="answered: yes"),
        "answered-no": Text(ja="回答：いいえ", en="answered: no"),
        "observed-yes": Text(ja="観測：はい", en="observed: yes"),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge; there are no parameters: the conditions are the article's own."""
        del parameters
        finding = _Weighing(self.name, terminal.applicability, observations).finding()
        if finding.reason in _UNREFUTED:
            # "Nothing seen speaks against it" holds only where everything was looked at.
            missing = [name for name in _LOOKING if name not in observations.attempts]
            arguments: dict[str, Scalar] = {"probes": ", ".join(missing)}
            if missing:
                verdict, reason = Verdict.INCONCLUSIVE, "not-chosen"
                return msgspec.structs.replace(finding, verdict=verdict, reason=reason, arguments=arguments)
            finding = bounded(finding, left_out(observations, terminal))
        return finding


def _changes(observations: Observations) -> Iterator[Observation]:
    """Yield what shows that a setting was changed, on any side; reading alone (``changes`` absent) isn't it."""
    for fact in observations.of("setting.write"):
        if fact.value is True:
            yield fact
    for fact in observations.of("service.anonymous"):
        if fact.value is True and fact.attributes.get("changes") is True:
            yield fact


class _Weighing:
    """One terminal's conditions: declared, answered, observed."""

    def __init__(self, name: str, declared: Applicability, observations: Observations) -> None:
        self.name = name
        self.declared = declared
        self.observations = observations
        self.changed = tuple(fact for fact in _changes(observations) if fact.attributes.get("role") == "wan")
        self.offered = tuple(
            fact for fact in observations.of("login.path") if fact.attributes.get("role") == "wan"
        )
        self.ports = tuple(
            fact
            for fact in observations.of("port.open")
            if fact.attributes.get("role") == "wan" and fact.value is True
        )
        self.details = tuple(self._conditions())

    def finding(self) -> Finding:
        """Return the verdict: contradictions first, then what puts it out of scope, then what is open."""
        return self._contradicted() or self._outside() or self._open() or self._inside()

    def _contradicted(self) -> Finding | None:
        declared = self.declared
        if self.changed and (
            declared.connection in {"indirect", "none"} or declared.digital_data_line is False
        ):
            return self._say(Verdict.INCONCLUSIVE, "indirect-contradicted", self._setting(), self.changed)
        if declared.digital_data_line is False and declared.connection == "direct":
            what = "digital_data_line = false, connection = direct"
            return self._say(Verdict.INCONCLUSIVE, "contradiction", {"what": what})
        if self.changed:
            return None
        if declared.internet_protocol is False and self.ports:
            return self._say(
                Verdict.INCONCLUSIVE, "seen-on-line", {"what": self.ports[0].subject}, self.ports[:5]
            )
        if self._over_line() is False and self.offered:
            return self._say(
                Verdict.INCONCLUSIVE, "seen-on-line", {"what": self.offered[0].subject}, self.offered[:5]
            )
        return None

    def _outside(self) -> Finding | None:
        declared = self.declared
        if declared.digital_data_line is False:
            return self._say(Verdict.NOT_APPLICABLE, "no-data-line")
        if declared.internet_protocol is False and not self.changed:
            return self._say(Verdict.NOT_APPLICABLE, "no-ip")
        if self._over_line() is False:
            return self._say(Verdict.NOT_APPLICABLE, "not-over-line")
        if declared.free_software:
            why = declared.free_software_reason.strip()
            if not why:
                return self._say(Verdict.INCONCLUSIVE, "free-software-without-reason")
            return self._say(Verdict.NOT_APPLICABLE, "free-software", {"why": why})
        if declared.connection == "none":
            return self._say(Verdict.NOT_APPLICABLE, "no-connection")
        if declared.connection == "indirect":
            return self._indirect()
        return None

    def _indirect(self) -> Finding:
        answer = self._answer("manual-notice")
        if answer is None or answer.value not in _YES_NO:
            return self._say(Verdict.INCONCLUSIVE, "indirect-unchecked", facts=(answer,) if answer else ())
        if answer.value == "yes":
            return self._witnessed(Verdict.NOT_APPLICABLE, "indirect", answer)
        return self._witnessed(Verdict.PASS, "applies-without-notice", answer)

    def _open(self) -> Finding | None:
        declared = self.declared
        missing = [
            name
            for name, value in (
                ("digital_data_line", declared.digital_data_line),
                ("internet_protocol", True if self.changed else declared.internet_protocol),
                ("settings_over_line", self._over_line()),
                ("free_software", declared.free_software),
                ("connection", declared.connection or None),
            )
            if value is None
        ]
        if missing:
            return self._say(Verdict.INCONCLUSIVE, "unanswered", {"missing": ", ".join(missing)})
        return None

    def _inside(self) -> Finding:
        claim = self.declared.equivalent
        if claim is not None:
            return self._equivalent(claim)
        if self.changed and self.declared.settings_over_line is False:
            return self._say(Verdict.PASS, "applies-against-declaration", self._setting(), self.changed)
        return self._say(Verdict.PASS, "applies", facts=self.changed)

    def _equivalent(self, claim: Equivalent) -> Finding:
        answer = self._answer("equivalent-certificate")
        day = self._day(answer)
        arguments: dict[str, Scalar] = {
            "scheme": claim.scheme,
            "certificate": claim.certificate,
            "expires": claim.expires.isoformat() if claim.expires else "?",
            "scope": claim.scope,
            "day": day,
        }
        shown = " ".join(filter(None, (claim.scheme, claim.certificate, claim.scope)))
        if claim.expires and day and claim.expires.isoformat() < day:
            return self._say(Verdict.INCONCLUSIVE, "equivalent-expired", arguments, claim=shown)
        if answer is None or answer.value not in _YES_NO:
            return self._say(Verdict.INCONCLUSIVE, "equivalent-unweighed", arguments, claim=shown)
        if answer.value == "yes":
            return self._witnessed(
                Verdict.NOT_APPLICABLE, "equivalent-accepted", answer, arguments, claim=shown
            )
        return self._witnessed(Verdict.PASS, "applies-equivalent-refused", answer, arguments, claim=shown)

    def _over_line(self) -> bool | None:
        """Return ③: what was seen beats what was declared, which beats what was answered."""
        if self.changed:
            return True
        if self.declared.settings_over_line is not None:
            return self.declared.settings_over_line
        answer = self._answer("settings-over-line")
        return _YES_NO.get(str(answer.value)) if answer else None

    def _answer(self, question: str) -> Observation | None:
        """Return a signed answer; one without name or date counts as none."""
        answer = self.observations.one("answer", question)
        if answer is None or not answer.attributes.get("person") or not answer.attributes.get("at"):
            return None
        return answer

    def _day(self, answer: Observation | None) -> str:
        """Return the day (ISO 8601) at which a certificate is looked at; empty when nothing tells it."""
        if answer is not None:
            return str(answer.attributes["at"])[:10]
        asked = self.observations.one("document.asked")
        return str(asked.value)[:10] if asked else ""

    def _setting(self) -> dict[str, Scalar]:
        return {"setting": self.changed[0].subject}

    def _conditions(self) -> Iterator[Detail]:
        """Yield ①–④ one by one, with where the answer comes from."""
        declared = self.declared
        rows = {
            "① digital_data_line": declared.digital_data_line,
            "② internet_protocol": declared.internet_protocol,
            "③ settings_over_line": declared.settings_over_line,
            "④ free_software": declared.free_software,
        }
        for subject, value in rows.items():
            seen: tuple[Pointer, ...] = ()
            reason = "not-declared" if value is None else "declared-yes" if value else "declared-no"
            answer = self._answer("settings-over-line")
            if subject.startswith("③") and value is None and answer and answer.value in _YES_NO:
                reason, seen = f"answered-{answer.value}", answer.because
            if subject[0] in "②③" and self.changed:
                reason, seen = "observed-yes", because(self.changed)
            yield Detail(subject, Verdict.NONE, reason, {}, seen)

    def _say(
        self,
        verdict: Verdict,
        reason: str,
        arguments: dict[str, Scalar] | None = None,
        facts: tuple[Observation, ...] = (),
        claim: str = "",
    ) -> Finding:
        assurance = Assurance.OBSERVED if facts else Assurance.DECLARED
        return Finding(
            self.name, verdict, reason, arguments or {}, because(facts), assurance, claim, self.details
        )

    def _witnessed(
        self,
        verdict: Verdict,
        reason: str,
        answer: Observation,
        arguments: dict[str, Scalar] | None = None,
        claim: str = "",
    ) -> Finding:
        said: dict[str, Scalar] = {
            **(arguments or {}),
            "person": answer.attributes.get("person", ""),
            "at": answer.attributes.get("at", ""),
        }
        return Finding(
            self.name, verdict, reason, said, answer.because, Assurance.WITNESSED, claim, self.details
        )


CRITERION = TerminalScope()
