"""The only sockets towards terminals: within the scope, within the rates, on record.

`LiveNet` is `ports.Net`. Order of every call: the scope is asked, tokens are taken, then a socket is made.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from sekisho.errors import PeerFailure
from sekisho.formats.http import Reply, ReplyReader, Request, build, host_header
from sekisho.model.assessment import Limits
from sekisho.ports import Clock, Datagram, Endpoint, Scan
from sekisho.wires import sockets
from sekisho.wires.rate import TokenBucket
from sekisho.wires.scan import Pace, Scanner
from sekisho.wires.scope import Scope
from sekisho.wires.stream import BLOCK, LiveConnection, bounded
from sekisho.wires.transcripts import Keep, Ledger, Recorder

# linux/in.h, linux/in6.h: report ICMP errors also to sockets that are not connected.
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_DATAGRAM = 65_535
# An updater answers when it has written its flash, a page at once.
_UPLOAD_BYTES = 64 * 1024
_PATIENCE = 6
_NUDGE_SECONDS = 0.1

Progress = Callable[[str, int, int], None]


class LiveNet:
    """`ports.Net` on the machine's own network.

    Args:
        scope: asked before every socket.
        limits: rates, sizes and time-outs.
        clock: for the record's times.
        keep: stores a transcript and returns its id.
        stop: when set, a running scan ends within 0.2 s with what it has.
        pause: while set, a scan sends nothing.
        progress: told (address, ports done, ports asked) some times a second during a scan.
        seed: makes the order of a scan's ports repeatable; None shuffles anew.
        excluded: (transport, port) that the description leaves out: nothing is sent there, whoever asks for it.
    """

    def __init__(
        self,
        scope: Scope,
        limits: Limits,
        clock: Clock,
        keep: Keep,
        *,
        stop: threading.Event | None = None,
        pause: threading.Event | None = None,
        progress: Progress | None = None,
        seed: int | None = None,
        excluded: frozenset[tuple[str, int]] = frozenset(),
    ) -> None:
        self._scope = scope
        self._limits = limits
        self._clock = clock
        self.ledger = Ledger(clock, keep, limits.transcript_bytes)
        self._stop = stop or threading.Event()
        self._pause = pause or threading.Event()
        self._progress = progress
        self._seed = seed
        self._excluded = excluded
        self._connections = TokenBucket(limits.connections_per_second)
        self._requests = TokenBucket(limits.requests_per_second, limits.requests_per_second)
        self._paces: dict[str, Pace] = {}
        self._room = asyncio.Semaphore(limits.concurrent)

    def taken(self) -> tuple[str, ...]:
        """Return the ids of the transcripts since the last call (of the running step, under `collecting`)."""
        return self.ledger.collector().taken()

    async def open(self, endpoint: Endpoint) -> LiveConnection:
        """Connect to ``endpoint``, and begin TLS when it asks for it.

        Raises:
            AuthorisationError: before any socket is made.
            PeerFailure: ``refused``, ``timed-out``, ``unreachable``, ``reset``, ``tls``, ``budget``; ``left-out`` for a
                port that the description excludes, before any socket is made.
        """
        sock, recorder = await self._connect(endpoint)
        connection = LiveConnection(sock, recorder, self._limits.read_seconds, self._room.release)
        if not endpoint.tls:
            return connection
        try:
            await connection.secure(self._limits.connect_seconds * 2)
        except PeerFailure as failed:
            connection.abandon(failed.reason)
            raise
        except BaseException:
            connection.abandon("interrupted")
            raise
        return connection

    async def connected(self, endpoint: Endpoint) -> socket.socket:
        """Return a connected, non-blocking socket for a protocol library (SSH); its bytes are not on record.

        The rules of `open` hold up to the connection; whoever takes the socket closes it and bounds its reads.
        """
        sock, recorder = await self._connect(endpoint)
        recorder.close("handed over")
        self._room.release()
        return sock

    async def _connect(self, endpoint: Endpoint) -> tuple[socket.socket, Recorder]:
        self._scope.check(endpoint.address)
        self._check("tcp", endpoint.port)
        target = sockets.sockaddr(endpoint.address, endpoint.port)
        await self._requests.wait()
        await self._connections.wait()
        try:
            async with asyncio.timeout(self._limits.step_seconds):
                await self._room.acquire()
        except TimeoutError as error:
            raise PeerFailure("budget", f"{self._limits.concurrent} connections are open") from error
        recorder = self.ledger.recorder("tcp", sockets.named(target))
        sock: socket.socket | None = None
        try:
            sock = sockets.make(endpoint, socket.SOCK_STREAM)
            async with bounded(self._limits.connect_seconds, "connecting"):
                await asyncio.get_running_loop().sock_connect(sock, target)
            recorder.local = sockets.named(sock.getsockname())
        except BaseException as error:
            recorder.close(error.reason if isinstance(error, PeerFailure) else "interrupted")
            self._room.release()
            if sock is not None:
                sock.close()
            raise
        return sock, recorder

    async def ask(
        self, endpoint: Endpoint, payload: bytes, *, seconds: float = 2.0, most: int = 16
    ) -> tuple[Datagram, ...]:
        """Send one datagram and gather up to ``most`` answers of ``seconds``; none is an empty tuple.

        Answers may come from another port (SSDP, TFTP do so), but only from within the scope.

        Raises:
            AuthorisationError: before any socket is made.
            PeerFailure: ``refused`` when an ICMP port unreachable came and no answer, ``unreachable``, ``left-out``.
        """
        self._scope.check(endpoint.address)
        self._check("udp", endpoint.port)
        target = sockets.sockaddr(endpoint.address, endpoint.port)
        await self._requests.wait()
        recorder = self.ledger.recorder("udp", sockets.named(target))
        found: list[Datagram] = []
        ended = "closed"
        sock: socket.socket | None = None
        try:
            sock = sockets.make(endpoint, socket.SOCK_DGRAM)
            _report_errors(sock)
            async with bounded(seconds, "sending"):
                await asyncio.get_running_loop().sock_sendto(sock, payload, target)
            recorder.note(">", payload)
            recorder.local = sockets.named(sock.getsockname())
            await self._gather(sock, found, most, seconds, recorder)
        except PeerFailure as failed:
            ended = failed.reason
            if not found:
                raise
        finally:
            if sock is not None:
                sock.close()
            recorder.close(ended)
        return tuple(found)

    def _check(self, transport: str, port: int) -> None:
        if (transport, port) in self._excluded:
            raise PeerFailure("left-out", f"{transport}/{port} is excluded by the description")

    async def nudge(self, endpoint: Endpoint) -> None:
        """Send one empty datagram and wait for nothing: the kernel must learn who is there to deliver it.

        Raises: as `ask`.
        """
        await self.ask(endpoint, b"", seconds=_NUDGE_SECONDS, most=1)

    async def _gather(
        self, sock: socket.socket, found: list[Datagram], most: int, seconds: float, recorder: Recorder
    ) -> None:
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(found) < most:
                    try:
                        data, sender = await loop.sock_recvfrom(sock, _DATAGRAM)
                    except OSError as error:
                        failed = sockets.failure(error)
                        raise (failed or error) from error
                    if self._scope.allows(sender[0]):
                        found.append(Datagram(sender[0], sender[1], data))
                        recorder.note("<", data)

    async def scan(self, endpoint: Endpoint, ports: Sequence[int]) -> Scan:
        """Connect-scan TCP ``ports`` of the endpoint's address.

        A thread does it, so the event loop goes on; cancelling ends it within 0.2 s.

        Raises:
            AuthorisationError: before any socket is made.
            PeerFailure: ``unreachable`` when we don't have the endpoint's source address, device or zone.
        """
        self._scope.check(endpoint.address)
        ports = [port for port in ports if ("tcp", port) not in self._excluded]
        loop = asyncio.get_running_loop()
        cancelled = threading.Event()
        tell = self._progress

        def told(done: int) -> None:
            if tell is not None:
                with suppress(RuntimeError):  # the loop is gone when the run was killed
                    loop.call_soon_threadsafe(tell, endpoint.address, done, len(ports))

        scanner = Scanner(
            endpoint,
            ports,
            self._connections,
            longest=self._limits.connect_seconds,
            stopped=lambda: cancelled.is_set() or self._stop.is_set(),
            paused=self._pause.is_set,
            progress=told,
            seed=self._seed,
            pace=self._paces.setdefault(endpoint.address, Pace()),
        )
        ended: asyncio.Future[Scan] = loop.create_future()
        # A thread of its own, not one of a pool: it must live in the network namespace of its caller.
        threading.Thread(target=_run, args=(scanner, loop, ended), name="scan", daemon=True).start()
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            cancelled.set()
            with suppress(PeerFailure, OSError):
                await ended
            raise

    async def fetch(self, endpoint: Endpoint, request: Request) -> Reply:
        """Send one HTTP request, follow nothing, return the reply.

        Raises:
            AuthorisationError: before any socket is made.
            PeerFailure: as `open`; ``timed-out``, ``closed``, ``reset`` before a head came; ``too-large`` for a
                head without end, ``too-slow`` for a reply that drips on, ``malformed``.
        """
        began = self._clock.monotonic()
        connection = await self.open(endpoint)
        reader = ReplyReader(request.method, self._limits.answer_bytes)
        try:
            message = build(request, host_header(endpoint.address, endpoint.port, tls=endpoint.tls))
            refused: PeerFailure | None = None
            try:
                await connection.send(message)
            except PeerFailure as failed:
                refused = failed  # an upload may be answered (413) before it has been read
            how = await self._listen(connection, reader, patient=len(message) > _UPLOAD_BYTES)
            if refused is not None and not reader.headed:
                raise refused
            reply = reader.finish(how)
        except PeerFailure as failed:
            connection.abandon(failed.reason)
            raise
        finally:
            await connection.close()
        seconds = round(self._clock.monotonic() - began, 6)
        return msgspec.structs.replace(
            reply, seconds=seconds, transcript=connection.transcript, path=request.path
        )

    async def _listen(self, connection: LiveConnection, reader: ReplyReader, *, patient: bool) -> str:
        """Feed ``reader`` until the reply is whole or ends otherwise; return how it ended."""
        deadline = self._clock.monotonic() + min(
            self._limits.step_seconds / 2, _PATIENCE * self._limits.read_seconds
        )
        while True:
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise PeerFailure("too-slow", f"{reader.length} bytes of body so far")
            wait = left if patient and not reader.headed else min(left, self._limits.read_seconds)
            try:
                data = await connection.receive(BLOCK, wait)
            except PeerFailure as failed:
                if failed.reason == "timed-out" and wait == left and not patient:
                    continue
                if failed.reason in {"timed-out", "reset", "closed"}:
                    return _ending(failed, reader)
                raise
            if not data:
                return ""
            if reader.feed(data):
                return ""


def _ending(failed: PeerFailure, reader: ReplyReader) -> str:
    """Return the reason as the reply's ending when there is some body to show; else it is a failure."""
    if not reader.headed or (failed.reason == "timed-out" and not reader.length):
        raise failed
    return failed.reason


def _report_errors(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def _run(scanner: Scanner, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[Scan]) -> None:
    """Run ``scanner`` in this thread and hand its result to ``ended`` in the loop's thread."""

    def settle(scan: Scan | None, error: BaseException | None) -> None:
        if ended.cancelled():
            return
        if error is not None:
            ended.set_exception(error)
        elif scan is not None:
            ended.set_result(scan)

    scan: Scan | None = None
    error: BaseException | None = None
    try:
        scan = scanner.run()
    except Exception as caught:  # noqa: BLE001  (nothing may be lost at a thread's border: the caller raises it)
        error = caught
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(settle, scan, error)
