"""Firewall filters of Junos as set commands. Text only: no such router was at hand, so nothing was loaded into one."""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.containment import Rule, RuleText
from sekisho.reports.containment import tokens
from sekisho.reports.containment.tokens import NAMES, Selector

_FAMILY = {4: "inet", 6: "inet6"}


def render(rule: Rule) -> tuple[RuleText, ...]:
    """Return one filter per family that occurs; its last term accepts everything else."""
    name = f"SEKISHO-{tokens.identifier(rule).upper()}"
    chosen = tokens.selectors(rule)
    apply, undo = "", ""
    for version, family in _FAMILY.items():
        mine = [one for one in chosen if one.version == version]
        if not mine:
            continue
        filtered = f"firewall family {family} filter {name}"
        lines = [
            f"{filtered} term managers from source-address {one}" for one in tokens.managers(rule, version)
        ]
        lines += [f"{filtered} term managers then accept"] if lines else []
        for number, one in enumerate(mine):
            term = f"{filtered} term t{number}"
            lines += [f"{term} from {word}" for word in _words(one)]
            lines += [f"{term} then count {name}-{number}", f"{term} then discard"]
        lines.append(f"{filtered} term rest then accept")
        apply += "".join(f"set {one}\n" for one in lines)
        undo += f"delete {filtered}\n"
    return (
        RuleText(
            "junos",
            tokens.header(rule) + apply,
            tokens.header(rule) + undo,
            Text(
                ja="load set で読み、人がインターフェースに当てて commit confirmed する",
                en="load set, then a person binds it to an interface and uses commit confirmed",
            ),
            Text(
                ja="インターフェースから外し、取消しを load set で読んで commit する",
                en="take it off the interface, load set the undo and commit",
            ),
        ),
    )


def _words(one: Selector) -> list[str]:
    six = one.version == 6  # noqa: PLR2004 - IP version
    words = [
        f"{side}-address {net}"
        for side, net in (("source", one.source), ("destination", one.destination))
        if net
    ]
    if one.protocol:
        words.append(f"{'next-header' if six else 'protocol'} {NAMES.get(one.protocol, one.protocol)}")
    if one.port:
        words.append(f"destination-port {one.port}")
    return words
