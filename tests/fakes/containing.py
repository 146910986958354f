"""Proposals and rules for tests, with everything on record that the law asks for."""

from __future__ import annotations

from typing import Any

from sekisho.catalogues.virtual_patches import virtual_patches
from sekisho.language import Text
from sekisho.model.containment import (
    TCP,
    Containing,
    Endpoint,
    Garden,
    Hole,
    Kind,
    Match,
    Proposal,
    Radius,
    Rpz,
    Rule,
    Scope,
)

NOW = 1_795_212_000_000
HOUR = 3_600_000
REMOTE = Endpoint("203.0.113.7/32", 4444, TCP)
ON_RECORD = Containing(
    ground="正当業務行為 2026-10-01",
    rpz=Rpz("約款第30条", "https://isp.example/notice", "マイページ", "2027-01-31", ("cc.example.com",)),
    garden=Garden("約款第31条", "garden", "normal"),
)


def hole(name: str = "hg532-37215") -> Hole:
    return next(one for one in virtual_patches() if one.id == name)


def rule(
    kind: Kind, match: Match | None = None, settings: Containing = ON_RECORD, seconds: int = 3600, **more: Any
) -> Rule:
    chosen = match or DEFAULTS.get(kind, Match(remotes=(REMOTE,)))
    proposal = Proposal(
        more.pop("id", "r-0a1b2c"), more.pop("case", "case-1"), kind, chosen, NOW, NOW + seconds * 1000, "関守",
        Radius(NOW - HOUR, NOW), Text(ja="取消し", en="undo"),
    )  # fmt: skip
    return Rule(proposal, seconds, settings, **more)


DEFAULTS = {
    Kind.COA: Match(Scope.LINE),
    Kind.RPZ: Match(names=("cc.example.com",)),
    Kind.MODSECURITY: Match(hole=hole()),
    Kind.SURICATA: Match(hole=hole()),
}
