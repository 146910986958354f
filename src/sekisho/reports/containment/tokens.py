"""Words that may stand in the text of a rule: each is parsed and written anew, or refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import msgspec

from sekisho.errors import RenderError
from sekisho.language import Text
from sekisho.model.containment import TCP, UDP, Rule, Scope
from sekisho.model.containment_numbers import EACH, first_number

Network = IPv4Network | IPv6Network
_MOST_PORT, _MOST_PROTOCOL = 65_535, 255
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{1,80}")
NAMES = {TCP: "tcp", UDP: "udp"}


class Selector(msgspec.Struct, frozen=True):
    """One line of packets: from ``source`` to ``destination`` (None: any), protocol and destination port (0: any)."""

    source: Network | None
    destination: Network | None
    protocol: int
    port: int

    @property
    def version(self) -> int:
        """4 or 6."""
        net = self.destination or self.source
        return net.version if net else 4


def refuse(what: str) -> RenderError:
    """Return the error for something that can't be written safely."""
    return RenderError(
        Text(ja="規則に安全に書けない値がある", en="a value can't be written safely into a rule"),
        ascii(what)[:120],
    )


def network(text: str) -> Network:
    """Return an address or prefix as a value; IPv6 scopes and host bits are refused."""
    try:
        net = ip_network(text)
    except ValueError as error:
        raise refuse(text) from error
    if "%" in str(net):
        raise refuse(text)
    return net


def host(text: str) -> str:
    """Return an address in canonical form."""
    try:
        address = ip_address(text)
    except ValueError as error:
        raise refuse(text) from error
    if "%" in str(address):
        raise refuse(text)
    return str(address)


def port(value: int) -> int:
    """Return a port."""
    if type(value) is not int or not 0 <= value <= _MOST_PORT:
        raise refuse(str(value))
    return value


def protocol(value: int) -> int:
    """Return an IANA protocol number."""
    if type(value) is not int or not 0 <= value <= _MOST_PROTOCOL:
        raise refuse(str(value))
    return value


def identifier(rule: Rule) -> str:
    """Return the proposal's id: lower-case letters, digits, hyphen."""
    if not _ID.fullmatch(rule.proposal.id):
        raise refuse(rule.proposal.id)
    return rule.proposal.id


def numbers(rule: Rule, count: int) -> range:
    """Return the numbers of a proposal's ``count`` rules; no other proposal that is held has them."""
    first = first_number(rule.proposal.kind, identifier(rule))
    if not first or count > EACH:
        raise refuse(f"{count} rules")
    return range(first, first + count)


def path(text: str) -> str:
    """Return a path of HTTP without anything that a rule language could read as its own."""
    if not _PATH.fullmatch(text):
        raise refuse(text)
    return text


def remark(text: str, most: int = 60) -> str:
    """Return a comment's word: everything but letters, digits, dot, underscore and hyphen of ASCII becomes ``_``."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:most] or "-"


def expiry(rule: Rule) -> str:
    """Return when it expires, UTC."""
    return f"{datetime.fromtimestamp(rule.proposal.expires / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def header(rule: Rule, sign: str = "#") -> str:
    """Return comment lines that say what this is; ``sign`` begins a comment of that language."""
    return (
        f"{sign} Sekisho {identifier(rule)} case {remark(rule.proposal.case)} expires {expiry(rule)}\n"
        f"{sign} Apply by hand; nothing applies it by itself. Undo it at its expiry.\n"
    )


def selectors(rule: Rule) -> list[Selector]:
    """Return what is to be dropped: the scope's lines to each remote, or anybody to the hole of the scope's lines.

    Pairs of different families are left out: there is nothing to match.

    :raises RenderError: the scope needs addresses and none were given, or nothing is left
    """
    match = rule.proposal.match
    scoped = match.scope is not Scope.EVERYONE
    if scoped and not rule.lines:
        raise RenderError(
            Text(
                ja="回線のアドレスがない（再識別の手続が要る）",
                en="the line's address is missing (it takes a re-identification)",
            ),
            rule.proposal.id,
        )
    lines: list[Network | None] = [*map(network, rule.lines)] if scoped else [None]
    if match.hole:
        found = [Selector(None, one, protocol(match.hole.protocol), port(match.hole.port)) for one in lines]
    else:
        found = [
            Selector(line, there, protocol(remote.protocol), port(remote.port))
            for remote in match.remotes
            for there in (network(remote.network),)
            for line in lines
            if line is None or line.version == there.version
        ]
    if not found:
        raise RenderError(Text(ja="照合するものが残らない", en="nothing is left to match"), rule.proposal.id)
    return found


def managers(rule: Rule, version: int) -> list[Network]:
    """Return the operator's management networks of one family; a virtual patch lets them through."""
    if not rule.proposal.match.hole:
        return []
    return [net for net in map(network, rule.settings.managers) if net.version == version]
