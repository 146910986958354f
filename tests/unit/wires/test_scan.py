"""The connect scan on loopback: what is open is found, everything is asked, and it can be stopped."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import threading
import time

import msgspec
import pytest

from fakes.peers import SMALL, live_net, reset, serving
from sekisho.ports import Endpoint
from sekisho.wires.rate import TokenBucket
from sekisho.wires.scan import Scanner

EVERY = range(1, 65_536)
FAST = msgspec.structs.replace(SMALL, connections_per_second=1e6)


def scanner(address: str, ports: object = EVERY, rate: float = 1e6, **more: object) -> Scanner:
    return Scanner(Endpoint(address, 0), ports, TokenBucket(rate), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["127.9.8.7", "::1"])
def test_every_port_is_asked_and_the_open_ones_are_found(address: str) -> None:
    with contextlib.ExitStack() as stack:
        wanted = {stack.enter_context(serving(lambda _: None, address)).port for _ in range(5)}
        wanted.add(stack.enter_context(serving(reset, address)).port)
        scan = scanner(address).run()
    assert wanted <= set(scan.open)
    assert (scan.probed, scan.asked, scan.note) == (65_535, 65_535, "")
    assert len(scan.open) + scan.closed == 65_535
    assert scan.silent == scan.unreachable == ()


def test_a_port_connected_to_itself_is_not_open() -> None:
    """From loopback to loopback a source port can equal the port asked: it happens in every few scans."""
    low, high = 40_000, 40_400
    for _ in range(20):
        scan = scanner("127.9.8.6", range(low, high)).run()
        really = set()
        for port in scan.open:
            with socket.socket() as check:
                check.bind(("127.0.0.1", 0))
                if check.connect_ex(("127.9.8.6", port)) == 0:
                    really.add(port)
        assert set(scan.open) == really


def test_a_full_backlog_is_silent_not_closed() -> None:
    with socket.create_server(("127.9.8.5", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.9.8.5", port))
            fillers.append(one)
        time.sleep(0.05)
        scan = scanner("127.9.8.5", [port, 1, 2]).run()
        for one in fillers:
            one.close()
    assert scan.silent == (port,)
    assert scan.closed == 2
    assert scan.note == ""


def test_the_rate_is_kept() -> None:
    began = time.monotonic()
    scan = scanner("127.9.8.7", range(1, 1001), rate=1000.0).run()
    seconds = time.monotonic() - began
    assert scan.probed == 1000
    assert 0.98 < seconds < 1.5


def test_it_stops_within_a_fifth_of_a_second_and_says_what_is_missing() -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    scan = scanner("127.9.8.7", rate=2000.0, stopped=stop.is_set).run()
    assert time.monotonic() - began < 0.5
    assert scan.note == "stopped"
    assert 0 < scan.probed < scan.asked == 65_535
    assert scan.closed + len(scan.open) == scan.probed


def test_it_pauses() -> None:
    pause = threading.Event()
    pause.set()
    done: list[int] = []
    thread = threading.Thread(
        target=lambda: done.append(scanner("127.9.8.7", range(1, 100), paused=pause.is_set).run().probed)
    )
    thread.start()
    time.sleep(0.3)
    assert not done
    pause.clear()
    thread.join(1)
    assert done == [99]


def test_the_order_is_shuffled_and_repeatable() -> None:
    orders = []
    for seed in (1, 1, 2):
        one = scanner("127.9.8.7", range(1, 100), seed=seed)
        one._queue = list(one._asked)
        one._random.shuffle(one._queue)
        orders.append(one._queue)
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_few_descriptors_are_enough() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(socket.socket())
        for _ in range(8):
            held.pop().close()
        scan = scanner("127.9.8.7", range(1, 5000)).run()
    finally:
        for one in held:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (scan.probed, scan.note) == (4999, "")


def test_no_way_there_is_unreachable_never_closed() -> None:
    """A link-local address at loopback has no neighbour and no route."""
    scan = scanner("fe80::1%lo", range(1, 50)).run()
    assert scan.closed == 0
    assert len(scan.unreachable) + len(scan.silent) == 49


def test_the_net_scans_in_a_thread_tells_progress_and_can_be_cancelled() -> None:
    told: list[tuple[str, int, int]] = []

    async def go() -> None:
        net = live_net(FAST, progress=lambda *seen: told.append(seen))
        scan = await net.scan(Endpoint("127.9.8.7", 0), list(EVERY))
        assert scan.probed == 65_535
        await asyncio.sleep(0)
        slow = live_net(msgspec.structs.replace(SMALL, connections_per_second=100.0))
        task = asyncio.create_task(slow.scan(Endpoint("127.9.8.7", 0), list(EVERY)))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 0.25

    asyncio.run(go())
    assert told[-1] == ("127.9.8.7", 65_535, 65_535)
    # A thread tells its result a moment before it ends; one that doesn't end is the defect.
    scans = [thread for thread in threading.enumerate() if thread.name == "scan"]
    for thread in scans:
        thread.join(5)
    assert not [thread for thread in scans if thread.is_alive()]
