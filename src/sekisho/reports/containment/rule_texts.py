"""Which module writes which kind of rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sekisho.model.containment import Kind, Rule, RuleText
from sekisho.reports.containment import (
    blackhole,
    cisco,
    dns_policy,
    flowspec,
    juniper,
    modsecurity,
    nftables,
    suricata,
    walled_garden,
)

RENDERERS: Mapping[Kind, Callable[[Rule], tuple[RuleText, ...]]] = {
    Kind.FLOWSPEC: flowspec.render,
    Kind.RTBH: blackhole.render,
    Kind.NFTABLES: nftables.render,
    Kind.CISCO: cisco.render,
    Kind.JUNIPER: juniper.render,
    Kind.COA: walled_garden.render,
    Kind.RPZ: dns_policy.render,
    Kind.MODSECURITY: modsecurity.render,
    Kind.SURICATA: suricata.render,
}


def texts(rule: Rule) -> tuple[RuleText, ...]:
    """Return the files of a rule, each with its undo.

    :raises RenderError: something in it can't be written safely, or an address that it needs is missing
    """
    return RENDERERS[rule.proposal.kind](rule)
