"""Remotely triggered black hole: the address as a route with the BLACKHOLE community (RFC 7999), as gobgp commands.

NO_EXPORT goes with it, so that no neighbour carries it further (RFC 7999 section 3.2).
"""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.containment import Rule, RuleText
from sekisho.reports.containment import tokens

BLACKHOLE, NO_EXPORT = "65535:666", "65535:65281"


def render(rule: Rule) -> tuple[RuleText, ...]:
    """Return gobgp commands; ports are not looked at, so each network stands once."""
    nets = dict.fromkeys(tokens.network(one.network) for one in rule.proposal.match.remotes)
    hops = {4: tokens.host(rule.settings.blackhole4), 6: tokens.host(rule.settings.blackhole6)}
    lines = [
        f"{net} nexthop {hops[net.version]} community {BLACKHOLE},{NO_EXPORT} -a ipv{net.version}"
        for net in nets
    ]
    head = tokens.header(rule)
    return (
        RuleText(
            "gobgp.sh",
            head + "".join(f"gobgp global rib add {one}\n" for one in lines),
            head + "".join(f"gobgp global rib del {net} -a ipv{net.version}\n" for net in nets),
            Text(
                ja="gobgpdの動く機械で sh に渡す。ルーターは次ホップを破棄へ向けておく（RFC 5635）",
                en="feed it to sh where gobgpd runs; routers send that next hop to discard (RFC 5635)",
            ),
            Text(ja="取消しのファイルを sh に渡す", en="feed the undo file to sh"),
        ),
    )
