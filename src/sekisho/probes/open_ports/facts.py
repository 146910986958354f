"""What the records of the scans say: pure, and the same for old evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sekisho.model.evidence import Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.verdict import Scalar

LAST_PORT = 65_535
BLOCK = 8_192
Services = Mapping[tuple[str, str, int], Any]


def whole(record: Record) -> bool:
    """Whether every port was asked, and the address is there: unreachable ones alone show nobody."""
    data = record.data
    if record.failure or data.get("note") or _accounted(record) != data.get("asked"):
        return False
    return answers(record) or not data.get("unreachable")


def answers(record: Record) -> bool:
    """Whether any port of a scan was open or refused: somebody was there."""
    return bool(record.data.get("open")) or bool(record.data.get("closed"))


def _accounted(record: Record) -> int:
    """Return how many ports a scan has a result for; a claim of more than it lists is not believed."""
    data = record.data
    listed = len(data.get("open", ())) + data.get("closed", 0) + data.get("silent_count", 0)
    return min(int(data.get("probed", 0)), int(listed) + _count(str(data.get("unreachable", ""))))


def _count(spans: str) -> int:
    """Return how many ports a text of `ranges` names."""
    ends = [span.split("-") for span in spans.split(",") if span]
    return sum(int(pair[-1]) - int(pair[0]) + 1 for pair in ends)


def ranges(ports: Sequence[int]) -> str:
    """Return sorted ``ports`` as text: ``1-22,24``."""
    spans: list[list[int]] = []
    for port in ports:
        if spans and spans[-1][1] == port - 1:
            spans[-1][1] = port
        else:
            spans.append([port, port])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def _groups(evidence: Evidence) -> dict[tuple[str, str], list[Record]]:
    """Return the records of the first scan by interface and address, as their steps name them."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in evidence.under("scan/"):
        _, interface, address, _ = record.step.split("/", 3)
        groups.setdefault((interface, address), []).append(record)
    return groups


def scans(evidence: Evidence, left_out: int = 0) -> Iterable[Observation]:
    """Yield, for each address and transport, whether its scan is whole, with the counts.

    ``left_out`` is how many TCP ports the description excludes: all others have to be there.
    """
    for (interface, address), records in _groups(evidence).items():
        data = [record.data for record in records]
        blocks = -(-(LAST_PORT + 1) // BLOCK)
        asked = max(LAST_PORT - left_out, sum(one.get("asked", 0) for one in data))
        attributes: dict[str, Scalar] = {
            "interface": interface,
            "role": _role(records),
            "address": address,
            "transport": "tcp",
            "probed": sum(_accounted(one) for one in records),
            "asked": asked,
            "open": sum(len(one.get("open", ())) for one in data),
            "closed": sum(one.get("closed", 0) for one in data),
            "silent": sum(one.get("silent_count", 0) for one in data),
            "seconds": round(sum(one.get("scan_seconds", 0.0) for one in data), 3),
        }
        # An address of which some blocks answered is there; a block of it may well be all silent.
        answered = bool(attributes["open"]) or bool(attributes["closed"])
        lost = stopped(evidence, records)
        every = len(records) == blocks and attributes["probed"] == asked
        complete = (every and not lost) and all(
            whole(one) or (answered and not one.failure and not one.data.get("note")) for one in records
        )
        attributes["answered"] = answered
        if lost:
            attributes["stopped"] = True
        pointers = tuple(evidence.point(one) for one in (*records, *lost))
        yield Observation("port.scan", f"{interface} {address} tcp", complete, attributes, pointers)
    for record in evidence.under("ask/"):
        _, interface, address = record.step.split("/", 2)
        ports = record.data.get("ports", {})
        states = [one["state"] for one in ports.values()]
        udp: dict[str, Scalar] = {
            "interface": interface,
            "role": str(record.data.get("role", "")),
            "address": address,
            "transport": "udp",
            "probed": len(ports),
            "asked": len(ports),
            "open": states.count("open"),
            "closed": states.count("closed"),
            "silent": states.count("silent"),
            "seconds": record.seconds,
            "answered": bool({"open", "closed"} & {*states, record.data.get("control")}),
        }
        complete = record.failure is None and bool(ports)
        yield Observation("port.scan", f"{interface} {address} udp", complete, udp, (evidence.point(record),))


def stopped(evidence: Evidence, records: Sequence[Record]) -> tuple[Record, ...]:
    """Return the blocks without any answer, after one with answers, that no control shows to be a filter's doing.

    Where some ports answered before, a block that is silent as a whole is either filtered or asked of a terminal
    that had gone away; only a port that answered before can tell, asked again right after the block.
    """
    there, lost = False, []
    for record in records:
        if answers(record):
            there = True
        elif there:
            control = evidence.record("still/" + record.step.removeprefix("scan/"))
            if control is None or not answers(control):
                lost.append(record if control is None else control)
    return tuple(lost)


def _role(records: Sequence[Record]) -> str:
    return next((str(one.data["role"]) for one in records if "role" in one.data), "")


def opened(evidence: Evidence, services: Services) -> Iterable[Observation]:
    """Return each open port once per address, whichever scan saw it."""
    seen: dict[tuple[str, str, str, int], Record] = {}
    for record in (*evidence.under("scan/"), *evidence.under("again/")):
        for port in record.data.get("open", ()):
            seen.setdefault((record.data["interface"], record.data["address"], "tcp", port), record)
    for record in evidence.under("ask/"):
        for port, state in record.data.get("ports", {}).items():
            if state["state"] == "open":
                seen.setdefault((record.data["interface"], record.data["address"], "udp", int(port)), record)
    for (interface, address, transport, port), record in sorted(seen.items(), key=lambda item: item[0]):
        service = services.get((interface, transport, port))
        attributes: dict[str, Scalar] = {
            "interface": interface,
            "role": str(record.data.get("role", "")),
            "transport": transport,
            "port": port,
            "address": address,
            "declared": service is not None,
            "needed": bool(service and service["needed"]),
            "service": service["name"] if service else "",
        }
        subject = f"{interface} {transport}/{port}"
        yield Observation("port.open", subject, True, attributes, (evidence.point(record),))


def missing(
    evidence: Evidence, declared: Record, services: Services, found: set[str]
) -> Iterable[Observation]:
    """Yield the declared services that no scan of their interface found."""
    left_out = {(one["transport"], one["port"]) for one in declared.data.get("exclusions", ())}
    groups: dict[str, list[Record]] = {}
    for (interface, _), records in _groups(evidence).items():
        groups.setdefault(interface, []).extend(records)
    for (interface, transport, port), service in services.items():
        subject = f"{interface} {transport}/{port}"
        if subject in found or (transport, port) in left_out or interface not in groups:
            continue
        attributes: dict[str, Scalar] = {
            "interface": interface,
            "transport": transport,
            "port": port,
            "service": service["name"],
            "role": _role(groups[interface]),
            "needed": bool(service["needed"]),
        }
        yield Observation("port.missing", subject, True, attributes, (evidence.point(declared),))


def unknown(evidence: Evidence, services: Services) -> Iterable[Observation]:
    """Yield, for each address, how many UDP ports stay unknown, and whether everything is silent there."""
    for record in evidence.under("ask/"):
        silent = [
            int(port) for port, state in record.data.get("ports", {}).items() if state["state"] == "silent"
        ]
        if not silent:
            continue
        interface, address = str(record.data["interface"]), str(record.data["address"])
        strangers = [port for port in silent if (interface, "udp", port) not in services]
        attributes: dict[str, Scalar] = {
            "interface": interface,
            "role": str(record.data.get("role", "")),
            "address": address,
            "transport": "udp",
            "ports": ranges(sorted(silent)),
            "undeclared": ranges(sorted(strangers)),
            # When the port that nobody uses is silent too, silence is the address's habit and says nothing.
            "filtered": record.data.get("control") == "silent",
        }
        pointer = evidence.point(record)
        yield Observation("port.unknown", f"{interface} {address} udp", len(silent), attributes, (pointer,))


def second(evidence: Evidence) -> Iterable[Observation]:
    """Yield, for each address scanned twice, whether the results differ; None when the second was torn."""
    groups = _groups(evidence)
    for record in evidence.under("again/"):
        _, interface, address = record.step.split("/", 2)
        first = {port for one in groups.get((interface, address), ()) for port in one.data.get("open", ())}
        now = set(record.data.get("open", ()))
        complete = whole(record)
        attributes: dict[str, Scalar] = {
            "interface": interface,
            "role": str(record.data.get("role", "")),
            "address": address,
            "transport": "tcp",
            "appeared": ranges(sorted(now - first)),
            "gone": ranges(sorted(first - now)) if complete else "",
        }
        value = (first != now) if complete else None
        pointer = evidence.point(record)
        yield Observation("port.second", f"{interface} {address} tcp", value, attributes, (pointer,))
