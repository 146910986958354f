"""nftables: a table of its own in the forwarding path, whose entries the kernel itself drops at the expiry.

Each rule looks into a set whose only entry has a timeout: when it is over, the rule matches nothing. Loading the file
again replaces the table; deleting it takes everything back.
"""

from __future__ import annotations

from sekisho.errors import RenderError
from sekisho.language import Text
from sekisho.model.containment import Rule, RuleText
from sekisho.reports.containment import tokens
from sekisho.reports.containment.tokens import NAMES, Network, Selector

_FAMILY = {4: "ip", 6: "ip6"}


def render(rule: Rule) -> tuple[RuleText, ...]:
    """Return the table.

    :raises RenderError: the proposal has expired
    """
    if rule.seconds < 1:
        raise RenderError(Text(ja="期限を過ぎている", en="it has expired"), rule.proposal.id)
    table = f"inet sekisho_{tokens.identifier(rule).replace('-', '_')}"
    chosen = tokens.selectors(rule)
    sets = "".join(_set(number, one, rule.seconds) for number, one in enumerate(chosen))
    rules = "".join(f"    {_rule(number, one, rule)}\n" for number, one in enumerate(chosen))
    return (
        RuleText(
            "nft",
            f"{tokens.header(rule)}table {table}\ndelete table {table}\ntable {table} {{\n{sets}"
            f"  chain forward {{\n    type filter hook forward priority filter - 10; policy accept;\n{rules}  }}\n}}\n",
            f"{tokens.header(rule)}table {table}\ndelete table {table}\n",
            Text(
                ja="転送する機械で nft -f に渡す。期限にはカーネルが自ら無効にする",
                en="nft -f on the forwarding machine; at its expiry the kernel makes it match nothing",
            ),
            Text(ja="取消しのファイルを nft -f に渡す", en="nft -f with the undo file"),
        ),
    )


def _key(one: Selector) -> tuple[str, Network]:
    """Return which side is held in the set with the timeout: the remote, or the line of a patch."""
    net = one.destination or one.source
    if net is None:
        raise tokens.refuse("no network")
    return ("daddr" if one.destination else "saddr"), net


def _set(number: int, one: Selector, seconds: int) -> str:
    net = _key(one)[1]
    kind = "ipv4_addr" if net.version == 4 else "ipv6_addr"  # noqa: PLR2004 - IP version
    return (
        f"  set s{number} {{\n    type {kind}; flags interval, timeout;\n"
        f"    elements = {{ {net} timeout {int(seconds)}s }}\n  }}\n"
    )


def _rule(number: int, one: Selector, rule: Rule) -> str:
    side, net = _key(one)
    family = _FAMILY[net.version]
    words = [f"{family} {side} @s{number}"]
    if one.destination and one.source:
        words.append(f"{family} saddr {one.source}")
    managers = tokens.managers(rule, net.version)
    if managers:
        words.append(f"{family} saddr != {{ {', '.join(map(str, managers))} }}")
    if one.port:
        words.append(f"{NAMES[one.protocol]} dport {one.port}")
    elif one.protocol:
        words.append(f"meta l4proto {one.protocol}")
    return " ".join([*words, "counter drop"])
