"""Every way into the terminal that its addresses offer.

Question: Which TCP ports are open at each address of each interface, and which UDP services answer? Which of
    them did the maker declare, and what was declared but isn't there?
How: A connect scan of all 65,535 TCP ports per address in eight blocks, silent ports asked again in rounds, and a
    second scan at the end when the first was quick. After a block without any answer, a port that answered before
    is asked again: a terminal that went away is no filter. UDP: one harmless question per known protocol and for each
    declared UDP service, asked twice when silent; a port that nobody uses is asked as the control.
Evidence: Steps ``declared``, ``scan/<interface>/<address>/<block>``, ``still/<interface>/<address>/<block>``,
    ``ask/<interface>/<address>``, ``again/<interface>/<address>``.
Limits: A silent UDP port stays unknown: its service may not understand the question (SNMP v1/v2c with another
    community is silent) or a filter may drop it. A port that opens only after a knock, or only for some source
    address, is not seen. Ports in ``exclusions`` are left out and named.
Source: EN 303 645 5.6 (TS 103 701 ICS/IXIT, completeness); committee report 2025 on unneeded logical interfaces;
    ports with a malware record: device-security facts M1-M6, N5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sekisho.errors import PeerFailure
from sekisho.formats.http import host_header
from sekisho.formats.udp_questions import CONTROL, KNOWN, question
from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.terminal import Interface, Terminal
from sekisho.ports import Endpoint, Scan, Wire
from sekisho.probes.open_ports.facts import (
    BLOCK,
    LAST_PORT,
    answers,
    missing,
    opened,
    ranges,
    scans,
    second,
    unknown,
    whole,
)

UDP_SECONDS = 1.0
#: Hosts answer about one refused datagram a second (ICMP rate limits), so what stays silent is asked at that pace.
UDP_PACE = 1.1
UDP_AT_ONCE = 4
UDP_TRIES = 3


class OpenPorts:
    """Scans and asks; compares with the declaration; judges nothing."""

    name = "open_ports"
    version = "1"
    risk = Risk.READ
    title = Text(ja="開いているポート", en="Open ports")
    facts = {
        "port.scan": Text(
            ja="走査を最後まで行えたか（対象・応答数・所要秒）",
            en="whether the scan of an address is whole, with its counts",
        ),
        "port.open": Text(
            ja="開いているポート（申告の有無・必要性）",
            en="an open port, and whether it is declared and needed",
        ),
        "port.missing": Text(ja="申告にあるが見つからないポート", en="a declared port that was not found"),
        "port.unknown": Text(
            ja="応答がなく開閉が分からないUDPポートの数",
            en="number of UDP ports whose silence leaves them unknown",
        ),
        "port.second": Text(
            ja="2回目の走査の結果が1回目と異なるか",
            en="whether a second scan differed from the first",
        ),
        "port.excluded": Text(
            ja="理由を付けて走査から外したポート", en="a port left out on purpose, with the reason"
        ),
    }

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say which addresses are scanned."""
        return tuple(
            Text(
                ja=f"{interface.name} {address}: TCP全65,535ポートへの接続、UDP {len(_questions(terminal, interface))}種の問い合わせ",
                en=f"{interface.name} {address}: connect to all 65,535 TCP ports, ask {len(_questions(terminal, interface))} UDP services",
            )
            for interface in terminal.interfaces
            for address in interface.addresses
        )

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Scan every address, ask its UDP services, and scan again when that is quick."""
        targets = [(one, address) for one in terminal.interfaces for address in one.addresses]
        if not targets:
            return wire.seal(
                Attempt(AttemptStatus.SKIPPED, "nothing-declared", "no address of any interface")
            )

        async def declared() -> Mapping[str, Any]:
            return _declared(terminal)

        records = [await wire.step("declared", declared)]
        for interface, address in targets:
            left_out = _excluded(terminal, "tcp")
            blocks = [
                [
                    port
                    for port in range(max(1, start), min(start + BLOCK, LAST_PORT + 1))
                    if port not in left_out
                ]
                for start in range(0, LAST_PORT + 1, BLOCK)
            ]
            blocked: list[Record] = []
            for number, ports in enumerate(blocks, 1):
                at = f"{interface.name}/{address}/{number}"
                blocked.append(await self._scan(f"scan/{at}", interface, address, ports, wire))
                lively = _answered_before(blocked, blocks)
                if lively and not blocked[-1].failure and not answers(blocked[-1]):
                    records.append(await self._scan(f"still/{at}", interface, address, lively, wire))
            records += blocked
            records.append(await self._ask(terminal, interface, address, wire))
            taken, most = sum(record.seconds for record in blocked), wire.limits.rescan_seconds
            if most and taken <= most and not any(one.failure for one in blocked):
                every = [port for block in blocks for port in block]
                records.append(
                    await self._scan(f"again/{interface.name}/{address}", interface, address, every, wire)
                )
        return wire.seal(_attempt(records))

    async def _scan(
        self, step: str, interface: Interface, address: str, ports: Sequence[int], wire: Wire
    ) -> Record:
        async def scan() -> Mapping[str, Any]:
            result = await wire.net.scan(_endpoint(interface, address), ports)
            return {"interface": interface.name, "role": str(interface.role), **_shown(result)}

        return await wire.step(step, scan)

    async def _ask(self, terminal: Terminal, interface: Interface, address: str, wire: Wire) -> Record:
        questions = _questions(terminal, interface)

        async def one(port: int, protocol: str, seconds: float) -> dict[str, Any]:
            asked = question(port, protocol, host_header(address, port, tls=False))
            found: dict[str, Any] = {"question": asked.protocol, "state": "silent"}
            try:
                answers = await wire.net.ask(
                    _endpoint(interface, address, port), asked.payload, seconds=seconds, most=1
                )
            except PeerFailure as failure:
                if failure.reason not in {"refused", "unreachable"}:
                    raise
                return {**found, "state": "closed" if failure.reason == "refused" else "unreachable"}
            if answers:
                found |= {"state": "open", "bytes": len(answers[0].data), "from": answers[0].port}
            return found

        async def ask() -> Mapping[str, Any]:
            control = await one(CONTROL, "empty", UDP_SECONDS)
            states = await _in_groups(questions, one, wire)
            for port, protocol in questions.items():
                tries = UDP_TRIES if control["state"] == "closed" else 0
                while tries and states[port]["state"] == "silent":
                    # Closed ports are refused here, so silence is worth waiting out the limit of refusals.
                    tries -= 1
                    await wire.clock.sleep(UDP_PACE)
                    states[port] = await one(port, protocol, UDP_SECONDS)
            if control["state"] != "closed":
                silent = {port: name for port, name in questions.items() if states[port]["state"] == "silent"}
                states |= await _in_groups(silent, one, wire)
            return {
                "interface": interface.name,
                "role": str(interface.role),
                "address": address,
                "control": control["state"],
                "ports": {str(port): state for port, state in states.items()},
            }

        return await wire.step(f"ask/{interface.name}/{address}", ask)

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Return what is open, missing, unknown and left out, and how whole the scans are."""
        declared = evidence.record("declared")
        if declared is None:
            return
        services = {
            (one["interface"], one["transport"], one["port"]): one
            for one in declared.data.get("services", ())
        }
        for one in declared.data.get("exclusions", ()):
            yield Observation(
                "port.excluded",
                f"{one['transport']}/{one['port']}",
                True,
                {"transport": one["transport"], "port": one["port"], "reason": one["reason"]}
                | ({"host": True} if one.get("host") is True else {}),
                (evidence.point(declared),),
            )
        found = tuple(opened(evidence, services))
        excluded = {(one["transport"], one["port"]) for one in declared.data.get("exclusions", ())}
        yield from scans(evidence, sum(1 for transport, _ in excluded if transport == "tcp"))
        yield from found
        yield from missing(evidence, declared, services, {one.subject for one in found})
        yield from unknown(evidence, services)
        yield from second(evidence)


def _endpoint(interface: Interface, address: str, port: int = 0, transport: str = "tcp") -> Endpoint:
    """Return the way to ``address``: from our source address of the same family, when one is given."""
    source = next((one for one in interface.sources if (":" in one) == (":" in address)), "")
    return Endpoint(address, port, transport, source=source, device=interface.device)


def _questions(terminal: Terminal, interface: Interface) -> dict[int, str]:
    """Return the UDP ports to ask at ``interface`` and the protocol of each."""
    declared = {
        one.port: one.protocol
        for one in terminal.services
        if one.transport == "udp" and one.interface == interface.name
    }
    left_out = _excluded(terminal, "udp")
    return {port: name for port, name in {**KNOWN, **declared}.items() if port not in left_out}


def _excluded(terminal: Terminal, transport: str) -> set[int]:
    return {one.port for one in terminal.exclusions if one.transport == transport}


def _declared(terminal: Terminal) -> dict[str, Any]:
    return {
        "complete": terminal.services_complete,
        "services": [
            {
                "name": one.name,
                "protocol": one.protocol,
                "interface": one.interface,
                "transport": one.transport,
                "port": one.port,
                "needed": one.needed,
            }
            for one in terminal.services
        ],
        "exclusions": [
            {"transport": one.transport, "port": one.port, "reason": one.reason}
            | ({"host": True} if one.host else {})
            for one in terminal.exclusions
        ],
    }


def _answered_before(blocked: Sequence[Record], blocks: Sequence[Sequence[int]]) -> Sequence[int]:
    """Return ports that showed life so far: an open one, else the block that refused most; none at first."""
    for record in blocked:
        if record.data.get("open"):
            return [int(record.data["open"][0])]
    number = max(range(len(blocked)), key=lambda one: int(blocked[one].data.get("closed", 0)))
    return blocks[number] if answers(blocked[number]) else ()


async def _in_groups(questions: Mapping[int, str], one: Any, wire: Wire) -> dict[int, dict[str, Any]]:
    """Ask a few ports at a time; more at once would only run into the limit of refusals."""
    found: dict[int, dict[str, Any]] = {}
    ports = list(questions)
    for start in range(0, len(ports), UDP_AT_ONCE):
        group = ports[start : start + UDP_AT_ONCE]
        states = await wire.together([partial(one, port, questions[port], UDP_SECONDS) for port in group])
        found |= dict(zip(group, states, strict=True))
    return found


def _attempt(records: Sequence[Record]) -> Attempt:
    """Return how it went: DONE only when every scan is whole and every address was asked."""
    measured = [record for record in records if record.step != "declared"]
    failed = [record for record in measured if record.failure]
    torn = [record for record in measured if record.step.startswith("scan/") and not whole(record)]
    torn += [one for one in measured if one.step.startswith("still/") and not answers(one)]
    if not torn and not failed:
        return Attempt(AttemptStatus.DONE)
    worst = next(iter(failed), None) or torn[0]
    reason = worst.failure.reason if worst.failure else str(_why(worst))
    status = AttemptStatus.FAILED if len(failed) == len(measured) else AttemptStatus.PARTIAL
    return Attempt(status, reason, f"{worst.step}: {worst.data.get('note', '') or reason}")


def _why(record: Record) -> str:
    note = str(record.data.get("note", ""))
    if note.startswith("stopped answering") or record.step.startswith("still/"):
        return "died"
    if note == "stopped":
        return "interrupted"
    return "tool" if note else "unreachable"


def _shown(scan: Scan) -> dict[str, Any]:
    return {
        "address": scan.address,
        "transport": scan.transport,
        "open": list(scan.open),
        "silent": ranges(scan.silent),
        "silent_count": len(scan.silent),
        "unreachable": ranges(scan.unreachable),
        "closed": scan.closed,
        "probed": scan.probed,
        "asked": scan.asked,
        "scan_seconds": scan.seconds,
        "note": scan.note,
    }


PROBE = OpenPorts()
