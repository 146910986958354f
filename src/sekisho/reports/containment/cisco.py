"""Access lists of Cisco IOS. Text only: no such router was at hand, so nothing of it was loaded into one."""

from __future__ import annotations

from ipaddress import IPv4Network

from sekisho.language import Text
from sekisho.model.containment import Rule, RuleText
from sekisho.reports.containment import tokens
from sekisho.reports.containment.tokens import NAMES, Network, Selector


def render(rule: Rule) -> tuple[RuleText, ...]:
    """Return one access list per family that occurs."""
    name = f"SEKISHO-{tokens.identifier(rule).upper()}"
    chosen = tokens.selectors(rule)
    apply, undo = "", ""
    for version, kind in ((4, "ip access-list extended"), (6, "ipv6 access-list")):
        mine = [one for one in chosen if one.version == version]
        if not mine:
            continue
        listed = f"{name}-V{version}"
        every = "ip" if version == 4 else "ipv6"  # noqa: PLR2004 - IP version
        entries = [f"remark case {tokens.remark(rule.proposal.case)} expires {tokens.expiry(rule)}"]
        entries += [f"permit {every} {_end(one)} any" for one in tokens.managers(rule, version)]
        entries += [_deny(one, every) for one in mine]
        entries.append(f"permit {every} any any")
        apply += f"{kind} {listed}\n" + "".join(f" {one}\n" for one in entries) + "exit\n"
        undo += f"no {kind} {listed}\n"
    return (
        RuleText(
            "ios",
            tokens.header(rule, "!") + apply,
            tokens.header(rule, "!") + undo,
            Text(
                ja="設定モードで貼り、人がインターフェースに当てる。一方向に当てられる表は一つなので、既にあれば permit any の前に混ぜる",
                en="paste in configuration mode; a person binds it to an interface. One list per direction: merge it into an existing one before its permit any",
            ),
            Text(
                ja="インターフェースから外してから取消しを貼る",
                en="take it off the interface first, then paste the undo",
            ),
        ),
    )


def _deny(one: Selector, every: str) -> str:
    protocol = NAMES.get(one.protocol, str(one.protocol)) if one.protocol else every
    port = f" eq {one.port}" if one.port else ""
    return f"deny {protocol} {_end(one.source)} {_end(one.destination)}{port}"


def _end(net: Network | None) -> str:
    if net is None:
        return "any"
    if net.num_addresses == 1:
        return f"host {net.network_address}"
    return f"{net.network_address} {net.hostmask}" if isinstance(net, IPv4Network) else str(net)
