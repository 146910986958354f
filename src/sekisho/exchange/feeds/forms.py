"""The forms of one file: plain lines, CSV, JSON, nftables, RPZ, Unbound, Suricata, FlowSpec."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Literal

import msgspec

from sekisho.model.domain_names import misleading
from sekisho.model.indicator import Tlp

_NAMES = {6: "tcp", 17: "udp"}
_FIRST_SID, _SIDS = 1_000_000_000, 900_000_000


class Entry(msgspec.Struct, frozen=True):
    """One line of the list; ``until`` in milliseconds, ``port`` and ``protocol`` 0 for any."""

    id: str
    kind: str
    value: str
    port: int
    protocol: int
    use: str
    grade: str
    family: str
    since: int
    until: int

    @property
    def host(self) -> str:
        """The address without the length of its network where it is one host; a domain as it is."""
        if self.kind == "domain":
            return self.value
        network = ip_network(self.value)
        return str(network.network_address) if network.num_addresses == 1 else self.value


class Head(msgspec.Struct, frozen=True):
    """What stands above: whose list it is, when it last changed (milliseconds), how it is marked, how long it is.

    ``changed`` never goes back while the hub keeps what it has, also when the last entry is taken back: a list that is older
    than the one before comes from a hub that lost something.
    """

    title: str
    changed: int
    tlp: Tlp
    entries: int = 0

    def lines(self, mark: str) -> list[str]:
        """Return the head as comments."""
        title = " ".join(self.title.split())[:200]
        return [
            f"{mark} {title}",
            f"{mark} TLP:{self.tlp.name.replace('_', '+')}",
            f"{mark} changed {stamp(self.changed)}",
            f"{mark} entries {self.entries}",
        ]


class Form(msgspec.Struct, frozen=True):
    """A form: its media type and how it is written."""

    media: str
    write: Callable[[Head, Sequence[Entry]], str]


def stamp(at: int) -> str:
    """Return a moment in UTC to the second."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(head: Head, entries: Sequence[Entry]) -> str:
    """Write one address or domain a line, for routers and firewalls that take nothing more."""
    return _lines([*head.lines("#"), *dict.fromkeys(one.host for one in entries)])


def comma_separated(head: Head, entries: Sequence[Entry]) -> str:
    """Write CSV; no cell can begin with a sign that a spreadsheet takes for a formula."""
    rows = [f"{one.kind},{one.host},{one.port or ''},{_NAMES.get(one.protocol, '')},{one.use},{one.grade},{one.family},"
            f"{stamp(one.since)},{stamp(one.until)},{one.id}" for one in entries]  # fmt: skip
    return _lines([*head.lines("#"), "kind,value,port,protocol,use,grade,family,since,until,id", *rows])


def json_list(head: Head, entries: Sequence[Entry]) -> str:
    """Write JSON."""
    told = {
        "title": head.title, "tlp": head.tlp.name.replace("_", "+"), "changed": stamp(head.changed),
        "count": head.entries,
        "entries": [
            {"id": one.id, "kind": one.kind, "value": one.host, "port": one.port or None,
             "protocol": _NAMES.get(one.protocol), "use": one.use, "grade": one.grade, "family": one.family,
             "since": stamp(one.since), "until": stamp(one.until)}
            for one in entries
        ],
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(told), indent=1).decode() + "\n"


def nftables(head: Head, entries: Sequence[Entry]) -> str:
    """Write a table of sets for ``nft -f``; loading it again replaces it whole. It holds no rule."""
    sets: dict[tuple[Literal[4, 6], bool], list[str]] = {
        (4, False): [],
        (4, True): [],
        (6, False): [],
        (6, True): [],
    }
    for one in entries:
        if one.kind != "address":
            continue
        version = ip_network(one.value).version
        if one.port:
            for name in [_NAMES[one.protocol]] if one.protocol in _NAMES else _NAMES.values():
                sets[version, True].append(f"{one.host} . {name} . {one.port}")
        else:
            sets[version, False].append(one.host)
    made = [
        *head.lines("#"),
        "table inet sekisho_hub",
        "delete table inet sekisho_hub",
        "table inet sekisho_hub {",
    ]
    for (version, ports), elements in sets.items():
        kind = f"ipv{version}_addr" + (" . inet_proto . inet_service" if ports else "")
        made.append(f"  set list{version}{'_port' if ports else ''} {{")
        made.append(f"    type {kind}")
        if not ports:
            made += ["    flags interval", "    auto-merge"]
        if elements:
            made.append(f"    elements = {{ {', '.join(dict.fromkeys(elements))} }}")
        made.append("  }")
    return _lines([*made, "}"])


def response_policy(head: Head, entries: Sequence[Entry]) -> str:
    """Write a response policy zone for BIND and others; only domains on every port: an answer knows none.

    What may be blocked isn't there any more; what is only to be watched for is answered as it is, and the resolver's log of
    policies has it.
    """
    serial = head.changed // 1000 % (1 << 32)
    start = [
        *head.lines(";"),
        "$TTL 60",
        f"@ SOA localhost. root.localhost. {serial} 300 60 86400 60",
        "@ NS localhost.",
    ]
    rows = [(one, "." if grade == "block" else "rpz-passthru.") for one, grade in _domains(entries).items()]
    return _lines(
        [*start, *(line for one, to in rows for line in (f"{one} CNAME {to}", f"*.{one} CNAME {to}"))]
    )


def unbound(head: Head, entries: Sequence[Entry]) -> str:
    """Write a file to include in Unbound's configuration; only domains on every port.

    What may be blocked isn't there any more; what is only to be watched for is answered as it is and logged (``inform``).
    """
    rows = [
        f'  local-zone: "{one}." {"always_nxdomain" if grade == "block" else "inform"}'
        for one, grade in _domains(entries).items()
    ]
    return _lines([*head.lines("#"), "server:", *rows])


def suricata(head: Head, entries: Sequence[Entry]) -> str:
    """Write rules that alert; a rule's number is made from the entry, so it is the same tomorrow."""
    rules: list[str] = []
    taken: set[int] = set()
    for one in entries:
        number = int.from_bytes(hashlib.sha256(one.id.encode()).digest()[:6], "big") % _SIDS
        while number in taken:
            number = (number + 1) % _SIDS
        taken.add(number)
        about = f'msg:"Sekisho hub {one.use} {one.family or "unknown"} {one.grade}"'
        tail = f"classtype:trojan-activity; sid:{_FIRST_SID + number}; rev:1;)"
        if one.kind == "domain":
            rules.append(
                f'alert dns any any -> any any ({about}; dns.query; bsize:{len(one.value)}; content:"{one.value}"; nocase; {tail}'
            )
        else:
            name = _NAMES.get(one.protocol, "ip" if not one.port else "tcp")
            host = f"[{one.host}]" if ":" in one.host else one.host
            rules.append(f"alert {name} any any -> {host} {one.port or 'any'} ({about}; {tail}")
    return _lines([*head.lines("#"), *rules])


def flow_specification(head: Head, entries: Sequence[Entry]) -> str:
    """Write BGP FlowSpec (RFC 8955, IPv6: RFC 8956) as the ``flow`` block of a neighbour in ExaBGP's configuration.

    What may be blocked is discarded; what is only to be watched for is sampled and goes on (traffic-action, section 7.3).
    Names have no place in it. Loaded anew it replaces the block before: what the list dropped is withdrawn.
    """
    routes: list[str] = []
    for one in entries:
        if one.kind != "address":
            continue
        six = ip_network(one.value).version == 6  # noqa: PLR2004 - IP version
        words = [f"destination {one.value};"]
        if one.protocol in _NAMES:
            words.append(f"{'next-header' if six else 'protocol'} {_NAMES[one.protocol]};")
        if one.port:
            words.append(f"destination-port ={one.port};")
        then = "discard" if one.grade == "block" else "action sample"
        routes.append(f"  route hub-{len(routes) + 1} {{ match {{ {' '.join(words)} }} then {{ {then}; }} }}")
    return _lines([*head.lines("#"), "flow {", *routes, "}"])


def _domains(entries: Iterable[Entry]) -> dict[str, str]:
    """Return what a resolver can be told, with its grade: names on every port, nothing that it would read as a command.

    Of a name that stands there for two uses the better grade holds. What is only to be watched for under a name that may be
    blocked is left out: to a resolver the longer name comes first, so it would lift the block.
    """
    found: dict[str, str] = {}
    for one in entries:
        if one.kind == "domain" and not one.port and not misleading(one.value):
            found[one.value] = "block" if found.get(one.value) == "block" else one.grade
    blocked = {name for name, grade in found.items() if grade == "block"}
    return {name: grade for name, grade in found.items() if grade == "block" or not _above(name) & blocked}


def _above(name: str) -> set[str]:
    """Return the names that a name stands under."""
    labels = name.split(".")
    return {".".join(labels[at:]) for at in range(1, len(labels))}


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


FORMS: Mapping[str, Form] = {
    "txt": Form("text/plain; charset=utf-8", plain),
    "csv": Form("text/csv; charset=utf-8", comma_separated),
    "json": Form("application/json", json_list),
    "nft": Form("text/plain; charset=utf-8", nftables),
    "rpz": Form("text/dns", response_policy),
    "unbound": Form("text/plain; charset=utf-8", unbound),
    "suricata": Form("text/plain; charset=utf-8", suricata),
    "flowspec": Form("text/plain; charset=utf-8", flow_specification),
}
