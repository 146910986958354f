"""The real net and access towards loopback only."""

from __future__ import annotations

from datetime import date
from typing import Any

from sekisho.model.assessment import Authorisation, Limits
from sekisho.model.evidence import Transcript
from sekisho.model.terminal import Interface, Service, Terminal
from sekisho.wires.access import LiveAccess
from sekisho.wires.clock import SystemClock
from sekisho.wires.net import LiveNet
from sekisho.wires.scope import Scope

LIMITS = Limits(read_seconds=3.0, connect_seconds=2.0, requests_per_second=500.0)


def loopback_net(limits: Limits = LIMITS, kept: list[Transcript] | None = None) -> LiveNet:
    allowed = Authorisation(
        allowed_by="test",
        role="owner",
        statement="loopback",
        signed_on=date(2026, 1, 1),
        addresses=("127.0.0.0/8", "::1/128"),
        valid_from=date(2020, 1, 1),
        valid_until=date(2099, 1, 1),
    )
    clock = SystemClock()
    kept = [] if kept is None else kept

    def keep(transcript: Transcript) -> str:
        kept.append(transcript)
        return f"{len(kept):064d}"

    return LiveNet(Scope(allowed, clock), limits, clock, keep)


def loopback_terminal(protocol: str, port: int, **more: Any) -> Terminal:
    return Terminal(
        maker="Acme",
        model="RT-200",
        interfaces=(Interface("lan", addresses=("127.0.0.1",)),),
        services=(Service("admin", protocol, port),),
        **more,
    )


def loopback_access(terminal: Terminal, limits: Limits = LIMITS, **more: Any) -> LiveAccess:
    return LiveAccess(loopback_net(limits), terminal, limits, SystemClock(), **more)
