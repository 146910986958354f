"""A run that died between cutting the power and giving it back: the next one gives it back before all else."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import msgspec
import pytest

from fakes.peers import live_net, serving
from fakes.wire import FakeClock, MemoryStore
from sekisho.errors import PeerFailure, Unreachable
from sekisho.model.terminal import Exclusion, Interface, Power, Service, Terminal
from sekisho.wires.power import NotedPower
from sekisho.workflows.waking import reach_again, switched_off

ADDRESS = "127.77.9.1"
DARK = "127.77.9.2"


class Cord:
    """Starts the terminal's only server when the plug is put in."""

    def __init__(self, stack: ExitStack, *, fails: bool = False) -> None:
        self.acts: list[str] = []
        self.stack, self.fails = stack, fails
        self.port = 0

    async def cut(self) -> None:
        self.acts.append("cut")

    async def restore(self) -> None:
        self.acts.append("restore")
        if self.fails:
            raise PeerFailure("unsupported", "the plug does not answer")
        self.port = self.stack.enter_context(serving(lambda _: None, ADDRESS)).port


def terminal(port: int, address: str = ADDRESS) -> Terminal:
    return Terminal(
        interfaces=(Interface(name="lan", addresses=(address,)),),
        services=(Service(name="web", interface="lan", protocol="http", port=port),),
        power=Power(driver="command", cut=("x",), restore=("x",), ready_seconds=3.0),
    )


def test_what_the_journal_says_of_the_power() -> None:
    store = MemoryStore()
    assert switched_off(store) is False
    noted = NotedPower(Cord(ExitStack()), lambda on: [store.append("power", {"on": on})][:0] or None)
    asyncio.run(noted.cut())
    assert switched_off(store) is True


def test_a_cord_that_fails_leaves_the_note_that_it_is_off() -> None:
    store = MemoryStore()
    noted = NotedPower(
        Cord(ExitStack(), fails=True), lambda on: [store.append("power", {"on": on})][:0] or None
    )
    asyncio.run(noted.cut())
    with pytest.raises(PeerFailure):
        asyncio.run(noted.restore())
    assert switched_off(store) is True


def test_a_terminal_left_off_gets_its_power_although_its_host_answers_with_refusals() -> None:
    # On loopback, as behind a hypervisor, every closed port is refused: it would pass for being there.
    store = MemoryStore()
    store.append("power", {"on": False})
    with ExitStack() as stack:
        cord = Cord(stack)
        asyncio.run(reach_again(terminal(9), live_net(), store, cord, FakeClock()))
    assert cord.acts == ["restore"]


def test_one_that_has_power_is_left_alone() -> None:
    store = MemoryStore()
    store.append("power", {"on": False})
    store.append("power", {"on": True})
    with ExitStack() as stack:
        cord = Cord(stack)
        asyncio.run(reach_again(terminal(9), live_net(), store, cord, FakeClock()))
    assert cord.acts == []


def test_a_first_run_never_touches_the_cord() -> None:
    store = MemoryStore()
    store.append("power", {"on": False})
    asyncio.run(reach_again(terminal(9), live_net(), store, None, FakeClock()))


def test_a_cord_that_fails_ends_as_unreachable_not_as_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    net = live_net()

    async def dead(_endpoint: object) -> None:
        raise PeerFailure("unreachable", "nobody there")

    monkeypatch.setattr(net, "open", dead)
    cord = Cord(ExitStack(), fails=True)
    with pytest.raises(Unreachable):
        asyncio.run(reach_again(terminal(9, DARK), net, store, cord, FakeClock()))
    assert cord.acts == ["restore"]


@pytest.mark.parametrize(("on", "acts"), [(False, ["restore"]), (True, [])])
def test_assumed_to_be_up_spares_the_knock_and_not_the_power(on: bool, acts: list[str]) -> None:
    store = MemoryStore()
    store.append("power", {"on": on})
    with ExitStack() as stack:
        cord = Cord(stack)
        asyncio.run(reach_again(terminal(9), live_net(), store, cord, FakeClock(), assume_up=True))
    assert cord.acts == acts


def test_an_excluded_port_is_not_knocked_at() -> None:
    came: list[int] = []
    with serving(lambda _: came.append(1), ADDRESS) as answering:
        described = msgspec.structs.replace(
            terminal(answering.port), exclusions=(Exclusion("tcp", answering.port, "ours"),), power=None
        )
        # The usual ports are closed there: a refusal shows that somebody is there.
        asyncio.run(reach_again(described, live_net(), MemoryStore(), None, FakeClock()))
    assert came == []
