"""Only the interfaces that are needed are open.

Question: Is every open port declared by the maker and needed, and is none open that malware is known to enter by?
How: Every open port of the chosen side is compared with the description. Undeclared or declared as not needed is
    FAIL; an entry port (parameter ``entry_ports``, such as ``tcp/23``) is FAIL unless the maker declares it needed
    and says what for, which a person then has to weigh (INCONCLUSIVE). With ``side`` = ``line`` only the line side
    counts. A scan that is not whole, UDP ports that are silent where closed ones are refused, or a second scan that
    differs keep it INCONCLUSIVE. Nothing declared at all: INCONCLUSIVE, unless an entry port or the line side is
    open.
Evidence: Facts ``port.scan``, ``port.open``, ``port.missing``, ``port.unknown``, ``port.second`` of ``open_ports``.
Limits: That a declared need is a real one is the maker's claim. A port that is declared as needed and was not found
    keeps it INCONCLUSIVE: the scan, the service or the document is wrong, and which of them can't be told. Where
    a filter drops everything, silent UDP ports are shown as not told apart; from that side they don't answer their
    protocol's question. A port that the description excludes is unknown and keeps it INCONCLUSIVE.
Source: Committee report 2025 (unneeded logical interfaces; telnet is its example); EN 303 645 5.6-1, 5.6-2;
    TS 103 701 on completeness of the declaration.
"""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS, Attempt, AttemptStatus, Pointer
from sekisho.model.exclusion import EXCLUDED, EXCLUDED_TEXT, left_out
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Role, Service, Terminal
from sekisho.model.verdict import Assurance, Detail, Finding, Scalar, Verdict, combine
from sekisho.ports import Parameters

_PROBE = "open_ports"


class InterfacesNeeded:
    """Judges open ports by the declaration and by the list of entry ports."""

    name = "interfaces_needed"
    title = Text(ja="不要な論理インタフェースの停止", en="Unneeded logical interfaces are off")
    needs = (_PROBE,)
    reasons = {
        "only-needed": Text(
            ja="開いているポート{open}個は全て申告された必要なものである。",
            en="All {open} open ports are declared and needed.",
        ),
        "none-open": Text(ja="開いているポートはない。", en="No port is open."),
        "not-only-needed": Text(
            ja="{bad}個のポートが不要または申告外で開いている。",
            en="{bad} open port(s) are not needed or not declared.",
        ),
        "needed": Text(ja="申告された必要なサービス（{service}）。", en="Declared and needed ({service})."),
        "undeclared": Text(ja="申告されていないポートが開いている。", en="Open, but not declared."),
        "unneeded": Text(
            ja="必要ないと申告されたサービス（{service}）が開いている。",
            en="Open, though declared as not needed ({service}).",
        ),
        "entry-port": Text(
            ja="マルウェアの侵入に使われる代表的なポートが開いている。",
            en="Open, and a typical entry port of malware.",
        ),
        "entry-claimed": Text(
            ja="侵入に使われる代表的なポートだが、必要との申告がある（{purpose}）。人が判断する。",
            en="A typical entry port, declared as needed ({purpose}); a person has to weigh it.",
        ),
        "unknown-need": Text(
            ja="サービスの申告がないため、必要かどうか判断できない。",
            en="No services are declared, so the need can't be judged.",
        ),
        "open-questions": Text(
            ja="判断できない点が{open_questions}件残る。", en="{open_questions} point(s) can't be decided."
        ),
        "incomplete": Text(
            ja="走査が完了していない（{probed}/{asked}ポート）。",
            en="The scan is not whole ({probed} of {asked} ports).",
        ),
        "stopped": Text(
            ja="走査の途中で、それまで応答していたアドレスが応答しなくなった。",
            en="The address, which had answered, stopped answering during the scan.",
        ),
        "silent-address": Text(
            ja="全てのアドレスが一切応答しないため、機器が動作しているか分からない。",
            en="No address answers at all, so nothing shows that the terminal was running.",
        ),
        "nothing-open": Text(
            ja="どのアドレスにも開いたポートがなく、動作中の供試機器を走査したと言えない。",
            en="No address has any open port, so nothing shows that the terminal itself was running there.",
        ),
        "no-line-side": Text(
            ja="回線側のインタフェースが記述・走査されていない。",
            en="No interface of the line side was described and scanned.",
        ),
        "not-scanned": Text(
            ja="このインタフェースは走査されていない。", en="This interface was not scanned."
        ),
        "udp-silent": Text(
            ja="閉じたUDPポートには拒否が返るのに、ポート{ports}は応答がない（開いている可能性がある）。",
            en="UDP ports {ports} are silent where closed ones are refused: they may be open.",
        ),
        "udp-filtered": Text(
            ja="UDPポート{ports}は応答がない（このアドレスは全てを破棄している）。",
            en="UDP ports {ports} are silent, as everything at this address is.",
        ),
        "second-differs": Text(
            ja="2回の走査の結果が異なる（増:{appeared} 減:{gone}）。",
            en="Two scans differ (more: {appeared}; fewer: {gone}).",
        ),
        "second-unfinished": Text(
            ja="2回目の走査を完了できなかった。", en="The second scan could not be completed."
        ),
        "missing": Text(
            ja="申告にあるが見つからない（{service}）。", en="Declared, but not found ({service})."
        ),
        EXCLUDED: EXCLUDED_TEXT,
        "excluded-entry": Text(
            ja="侵入に使われる代表的なポートが走査から外されている（{why}）。",
            en="A typical entry port was left out of the scan ({why}).",
        ),
        "not-run": Text(ja="走査を行っていない。", en="No scan was run."),
        **ATTEMPT_REASONS,
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge with ``entry_ports`` (such as ``["tcp/23"]``) and ``side`` (``line`` or ``all``)."""
        line_only = parameters.get("side", "all") == "line"
        entries = _texts(parameters.get("entry_ports", []))
        attempt = observations.attempts.get(_PROBE)
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-run")
        scans = [fact for fact in observations.of("port.scan") if _counts(fact, line_only=line_only)]
        opened = [fact for fact in observations.of("port.open") if _counts(fact, line_only=line_only)]
        ports = tuple(_by_subject(opened, terminal, entries, line_only=line_only))
        doubts = (
            *_doubts(observations, line_only=line_only),
            *_unscanned(observations, terminal, line_only=line_only),
        )
        if attempt.status is not AttemptStatus.DONE and not doubts:
            doubts += (Detail("scan", Verdict.INCONCLUSIVE, _reason(attempt)),)
        if not scans and not doubts:
            doubts += (Detail("scan", Verdict.INCONCLUSIVE, "no-line-side" if line_only else "not-run"),)
        if scans and not any(fact.attributes.get("answered") for fact in observations.of("port.scan")):
            doubts += (Detail("scan", Verdict.INCONCLUSIVE, "silent-address", {}, because(scans)),)
        elif scans and not observations.of("port.open"):
            # A refusal shows that somebody is there, not that it is this terminal, switched on and set up.
            doubts += (Detail("scan", Verdict.INCONCLUSIVE, "nothing-open", {}, because(scans)),)
        shown = (
            *_shown(observations, line_only=line_only),
            *_excluded(left_out(observations, terminal), entries),
        )
        return self._conclude(scans, ports, (*doubts, *shown))

    def _conclude(
        self, scans: list[Observation], ports: tuple[Detail, ...], others: tuple[Detail, ...]
    ) -> Finding:
        details = (*ports, *others)
        bad = [one for one in details if one.verdict is Verdict.FAIL]
        unsure = [one for one in details if one.verdict is Verdict.INCONCLUSIVE]
        arguments: dict[str, Scalar] = {"open": len(ports), "bad": len(bad), "open_questions": len(unsure)}
        claim = ", ".join(one.subject for one in ports if one.reason == "entry-claimed")
        if bad:
            verdict, reason, pointers = Verdict.FAIL, "not-only-needed", _pointers(bad)
        elif unsure:
            only = {one.reason for one in unsure}
            reason = only.pop() if len(only) == 1 else "open-questions"
            verdict, pointers = Verdict.INCONCLUSIVE, _pointers(unsure)
            arguments |= unsure[0].arguments
        else:
            # The scans themselves carry a pass without any open port: they are whole and somebody answered.
            verdict = combine((Verdict.PASS, *(one.verdict for one in ports)))
            reason, pointers = ("only-needed" if ports else "none-open"), because(scans)
        assurance = Assurance.DECLARED if claim else Assurance.OBSERVED
        return Finding(self.name, verdict, reason, arguments, pointers, assurance, claim, details)


def _counts(fact: Observation, *, line_only: bool) -> bool:
    return not line_only or fact.attributes.get("role") == Role.WAN


def _reason(attempt: Attempt) -> str:
    return attempt.reason if attempt.reason in ATTEMPT_REASONS and attempt.reason != "complete" else "not-run"


def _unscanned(observations: Observations, terminal: Terminal, *, line_only: bool) -> Iterable[Detail]:
    """Yield the described interfaces that no scan looked at: nothing is known of them."""
    scanned = {fact.attributes.get("interface") for fact in observations.of("port.scan")}
    for one in terminal.interfaces:
        if one.name not in scanned and (not line_only or one.role is Role.WAN):
            yield Detail(one.name, Verdict.INCONCLUSIVE, "not-scanned")


def _texts(value: object) -> frozenset[str]:
    return (
        frozenset(str(one) for one in value) if isinstance(value, (list, tuple)) else frozenset({str(value)})
    )


def _pointers(details: list[Detail]) -> tuple[Pointer, ...]:
    return tuple(dict.fromkeys(pointer for one in details for pointer in one.because))


def _service(terminal: Terminal, fact: Observation) -> Service | None:
    a = fact.attributes
    return next(
        (
            one
            for one in terminal.services
            if (one.interface, one.transport, one.port) == (a["interface"], a["transport"], a["port"])
        ),
        None,
    )


def _by_subject(
    opened: list[Observation], terminal: Terminal, entries: frozenset[str], *, line_only: bool
) -> Iterable[Detail]:
    """Yield one detail for each open port, whatever number of addresses show it."""
    for subject in dict.fromkeys(fact.subject for fact in opened):
        facts = [fact for fact in opened if fact.subject == subject]
        fact = facts[0]
        service = _service(terminal, fact)
        entry = f"{fact.attributes['transport']}/{fact.attributes['port']}" in entries
        arguments: dict[str, Scalar] = {
            "addresses": ", ".join(str(one.attributes["address"]) for one in facts)
        }
        if service is not None:
            arguments |= {"service": service.name, "purpose": service.purpose}
        declared = bool(terminal.services) or terminal.services_complete
        verdict, reason = _weigh(service, entry=entry, strict=declared or line_only)
        yield Detail(subject, verdict, reason, arguments, because(facts))


def _weigh(service: Service | None, *, entry: bool, strict: bool) -> tuple[Verdict, str]:
    if entry:
        claimed = service is not None and service.needed and bool(service.purpose.strip())
        return (Verdict.INCONCLUSIVE, "entry-claimed") if claimed else (Verdict.FAIL, "entry-port")
    if service is None:
        return (Verdict.FAIL, "undeclared") if strict else (Verdict.INCONCLUSIVE, "unknown-need")
    return (Verdict.PASS, "needed") if service.needed else (Verdict.FAIL, "unneeded")


def _doubts(observations: Observations, *, line_only: bool) -> Iterable[Detail]:
    """Yield what keeps a pass from being one: torn scans, silent UDP, scans that differ."""
    for fact in observations.of("port.scan"):
        if _counts(fact, line_only=line_only) and fact.value is not True:
            arguments = {name: fact.attributes.get(name, 0) for name in ("probed", "asked")}
            reason = "stopped" if fact.attributes.get("stopped") else "incomplete"
            yield Detail(fact.subject, Verdict.INCONCLUSIVE, reason, arguments, fact.because)
    for fact in observations.of("port.unknown"):
        strangers = str(fact.attributes.get("undeclared", ""))
        if _counts(fact, line_only=line_only) and strangers and not fact.attributes.get("filtered"):
            yield Detail(fact.subject, Verdict.INCONCLUSIVE, "udp-silent", {"ports": strangers}, fact.because)
    for fact in observations.of("port.second"):
        if not _counts(fact, line_only=line_only) or fact.value is False:
            continue
        if fact.value is None:
            yield Detail(fact.subject, Verdict.INCONCLUSIVE, "second-unfinished", {}, fact.because)
            continue
        changes: dict[str, Scalar] = {name: fact.attributes.get(name) or "–" for name in ("appeared", "gone")}
        yield Detail(fact.subject, Verdict.INCONCLUSIVE, "second-differs", changes, fact.because)


def _shown(observations: Observations, *, line_only: bool) -> Iterable[Detail]:
    """Yield what is shown beside: declared but missing, filtered UDP."""
    for fact in observations.of("port.missing"):
        if not line_only or fact.attributes.get("role") in {None, Role.WAN}:
            arguments = {"service": fact.attributes.get("service", "")}
            # What is declared as needed and isn't there: a wrong address, a dead service or a wrong description.
            needed = fact.attributes.get("needed") is not False
            verdict = Verdict.INCONCLUSIVE if needed else Verdict.NOT_APPLICABLE
            yield Detail(fact.subject, verdict, "missing", arguments, fact.because)
    for fact in observations.of("port.unknown"):
        if _counts(fact, line_only=line_only) and fact.attributes.get("filtered"):
            ports = {"ports": fact.attributes.get("ports", "")}
            yield Detail(fact.subject, Verdict.NOT_APPLICABLE, "udp-filtered", ports, fact.because)


def _excluded(missing: Iterable[Detail], entries: frozenset[str]) -> Iterable[Detail]:
    """Yield what was left out of the scan: whether it is open is unknown, so it keeps the whole undecided."""
    for one in missing:
        reason = "excluded-entry" if one.subject in entries else one.reason
        yield Detail(one.subject, one.verdict, reason, one.arguments, one.because)


CRITERION = InterfacesNeeded()
