"""The desk: a step is done once, whatever dies in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.wire import MemoryStore, fake_wire
from sekisho.errors import PeerFailure
from sekisho.model.evidence import Attempt, AttemptStatus


class P:
    name, version = "p", "1"


def go(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


async def give(value: Any) -> dict[str, Any]:
    if isinstance(value, BaseException):
        raise value
    return {"value": value}


def test_a_step_is_remembered() -> None:
    store = MemoryStore()
    first = go(fake_wire(P, store=store).step("a", lambda: give(1)))
    again = go(fake_wire(P, store=store).step("a", lambda: give(2)))
    assert first.data == again.data == {"value": 1}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(PeerFailure("reset", "x"), "reset"), (TimeoutError(), "timed-out"), (ValueError("ours"), "tool")],
)
def test_failures_are_data(fault: Exception, reason: str) -> None:
    record = go(fake_wire(P).step("a", lambda: give(fault)))
    assert record.failure.reason == reason
    assert record.data == {}


def test_a_step_has_a_time_out() -> None:
    record = go(fake_wire(P).step("a", lambda: asyncio.sleep(5), seconds=0.02))
    assert record.failure.reason == "timed-out"


def test_a_once_step_that_died_is_not_repeated() -> None:
    store = MemoryStore()
    with pytest.raises(KeyboardInterrupt):
        go(fake_wire(P, store=store).step("install", lambda: give(KeyboardInterrupt()), once=True))
    done: list[int] = []

    async def install() -> dict[str, Any]:
        done.append(1)
        return {}

    record = go(fake_wire(P, store=store).step("install", install, once=True))
    assert record.failure.reason == "interrupted"
    assert not done
    with pytest.raises(KeyboardInterrupt):
        go(fake_wire(P, store=store).step("read", lambda: give(KeyboardInterrupt())))
    assert go(fake_wire(P, store=store).step("read", lambda: give(7))).data == {"value": 7}


def test_seal_and_together() -> None:
    wire = fake_wire(P)

    async def work() -> Any:
        values = await wire.together([lambda: give(1), lambda: give(2)])
        await wire.step("a", lambda: give(values[1]["value"]))
        return wire.seal(Attempt(AttemptStatus.DONE))

    evidence = go(work())
    assert evidence.records[0].data == {"value": 2}
    assert evidence.attempt.status is AttemptStatus.DONE


def test_records_are_redacted() -> None:
    wire = fake_wire(P, redact=lambda raw: raw.replace(b"hunter2", b"***"))
    assert go(wire.step("a", lambda: give("hunter2"))).data == {"value": "***"}


def test_beside_waits_for_the_grace_and_no_longer() -> None:
    """What hangs on a peer whose power is off is given up; what ends in time is kept, and its failure is a failure."""
    wire = fake_wire(P)

    async def soon() -> str:
        await asyncio.sleep(0.02)
        return "done"

    async def never() -> str:
        await asyncio.sleep(60)
        return "never"

    async def other() -> str:
        return "cut"

    async def broken() -> str:
        raise PeerFailure("reset", "x")

    assert go(wire.beside(soon, other, 5.0)) == ("done", "cut")
    assert go(asyncio.wait_for(wire.beside(never, other, 0.05), 5)) == (None, "cut")
    with pytest.raises(PeerFailure):
        go(wire.beside(broken, other, 1.0))
    with pytest.raises(PeerFailure):
        go(wire.beside(never, broken, 1.0))


def test_the_host_runs_an_installer_with_the_images_file(tmp_path: Any) -> None:
    host = fake_wire(P).host
    kept = tmp_path / "kept"
    said = go(host.install(["cp", "-v", "{file}", str(kept)], b"image", "../x.bin"))
    assert kept.read_bytes() == b"image"
    assert "x.bin" in said
    with pytest.raises(PeerFailure, match="ended with 1"):
        go(host.install(["false", "{file}"], b"image", "x.bin"))
