"""Waking: the terminal answers before anything is asked of it, also when an earlier run left it switched off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from sekisho.errors import PeerFailure, Unreachable
from sekisho.language import Text
from sekisho.model.terminal import Terminal
from sekisho.ports import Clock, Endpoint, EvidenceStore, Net, Power

_KNOCK = (80, 443, 22, 23, 8080, 8443, 53)
_POLL_SECONDS = 0.5
_KNOCK_SECONDS = 3.0


def switched_off(store: EvidenceStore) -> bool:
    """Tell whether the last thing that the journal holds of the power is that it was to be taken away."""
    last = next((event for event in reversed(tuple(store.events())) if event.kind == "power"), None)
    return last is not None and last.body.get("on") is not True


async def reach(terminal: Terminal, net: Net) -> None:
    """Raise Unreachable when nothing at any address of the terminal answers a knock.

    A refusal is an answer: somebody is there. Needed because a scan of a silent address takes long and
    would look like 'all ports closed or filtered'.
    """

    async def knock(endpoint: Endpoint) -> bool:
        try:
            async with asyncio.timeout(_KNOCK_SECONDS):
                connection = await net.open(endpoint)
            await connection.close()
        except PeerFailure as failure:
            return failure.reason in {"refused", "reset", "closed"}
        except TimeoutError:
            return False
        return True

    declared = {s.port for s in terminal.services if s.transport == "tcp"}
    knocked = [port for port in sorted(declared | set(_KNOCK)) if not terminal.excludes("tcp", port)]
    ends = [
        Endpoint(address, port, source=_own(interface.sources, address), device=interface.device)
        for interface in terminal.interfaces
        for address in interface.addresses
        for port in knocked
    ]
    if not any(await asyncio.gather(*(knock(end) for end in ends))):
        raise Unreachable(
            Text(ja="機器がどのアドレスでも応答しない", en="the terminal answers at none of its addresses"),
            ", ".join(sorted({end.address for end in ends})),
            Text(
                ja="電源と配線、アドレスを確かめる。応答しない機器でも続けるなら --assume-up",
                en="check power, cable and address; to go on all the same use --assume-up",
            ),
        )


def _own(sources: Sequence[str], address: str) -> str:
    """Return the first of our own addresses of the same family, or none."""
    return next((one for one in sources if (":" in one) == (":" in address)), "")


async def reach_again(
    terminal: Terminal,
    net: Net,
    store: EvidenceStore,
    power: Power | None,
    clock: Clock,
    *,
    assume_up: bool = False,
) -> None:
    """Raise Unreachable unless the terminal answers (or it is to be assumed that it does).

    With ``power`` (a resumed run's) the power is given back first when a run died between cutting and
    restoring, or when nothing answers; then its declared services have ``ready_seconds`` to come up. Not
    left to the knock alone: a host in front of the terminal may answer for it while it is off.
    """
    plan = terminal.power
    if power is not None and plan is not None:
        if not switched_off(store) and (assume_up or await _answers(terminal, net)):
            return
        with suppress(PeerFailure):  # it may have power: what counts is whether it answers
            await power.restore()
        end = clock.monotonic() + plan.ready_seconds
        while not await _all_up(terminal, net) and clock.monotonic() < end:
            await clock.sleep(_POLL_SECONDS)
    if not assume_up:
        await reach(terminal, net)


async def _answers(terminal: Terminal, net: Net) -> bool:
    try:
        await reach(terminal, net)
    except Unreachable:
        return False
    return True


async def _all_up(terminal: Terminal, net: Net) -> bool:
    """Tell whether every declared TCP service takes a connection; one that is declared and absent costs the wait."""
    for service in (one for one in terminal.services if one.transport == "tcp"):
        if terminal.excludes("tcp", service.port):
            continue
        interface = terminal.interface(service.interface)
        if interface is None or not interface.addresses:
            continue
        address = interface.addresses[0]
        source = _own(interface.sources, address)
        end = Endpoint(address, service.port, source=source, device=interface.device)
        try:
            async with asyncio.timeout(_KNOCK_SECONDS):
                connection = await net.open(end)
        except (PeerFailure, TimeoutError):
            return False
        await connection.close()
    return True
