"""A TCP connect scan without privileges: one thread, one epoll, sockets used again and again (Linux).

How it is fast: a refused socket can be connected again, so most ports cost two system calls and no new socket.
How it is right: the kernel's own handshake decides; a port without an answer is asked again, in rounds, until a
round brings nothing new; answers that came only on a later try narrow the window; a port that answered before is
asked once more at the end, so a terminal that fell silent in the middle is noticed; nothing unasked is "closed".
"""

from __future__ import annotations

import contextlib
import errno
import random
import resource
import select
import socket
import time
from collections.abc import Callable, Sequence

from sekisho.ports import Endpoint, Scan
from sekisho.wires import sockets
from sekisho.wires.rate import TokenBucket

_UNKNOWN, _OPEN, _CLOSED, _SILENT, _UNREACHABLE = range(5)
_PENDING = frozenset({errno.EINPROGRESS, errno.EALREADY})
# A reset after the handshake (or at once after it) means that somebody listened.
_ANSWERED = frozenset({0, errno.EISCONN, errno.ECONNRESET, errno.EPIPE})
_NO_WAY = frozenset(
    {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EACCES, errno.EPERM}
)
_FULL = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EAGAIN}
)

BATCH = 256
FIRST_WINDOW = 128
WIDEST_WINDOW = 8192
SPARE_DESCRIPTORS = 64
ROUNDS_LEAST, ROUNDS_MOST = 3, 6
SHORTEST_WAIT, SURE_WAIT, FIRST_WAIT = 0.1, 0.75, 1.0
LATE_TRIES = 64
TOLD_EVERY = 0.1
COALESCED = 0.005  # one waking for many that run out together
STARVED_SECONDS = 10.0


class Pace:
    """How fast an address may be asked, as learnt so far; handed from one scan of it to the next."""

    def __init__(self) -> None:
        self.window = float(FIRST_WINDOW)
        self.smooth = 0.0
        self.spread = 0.0
        self.heard = False

    def measure(self, seconds: float) -> None:
        """Keep a smoothed round trip and its spread (the way of RFC 6298)."""
        if not self.smooth:
            self.smooth, self.spread = seconds, seconds / 2
            return
        self.spread += (abs(seconds - self.smooth) - self.spread) / 4
        self.smooth += (seconds - self.smooth) / 8


class Scanner:
    """One scan of ``ports`` at ``endpoint.address``; `run` blocks until it is done or stopped."""

    def __init__(
        self,
        endpoint: Endpoint,
        ports: Sequence[int],
        bucket: TokenBucket,
        *,
        longest: float = 5.0,
        stopped: Callable[[], bool] = lambda: False,
        paused: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda _done: None,
        seed: int | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._asked = tuple(dict.fromkeys(ports))
        self._bucket = bucket
        self._longest = longest
        self._stopped = stopped
        self._paused = paused
        self._progress = progress
        # Only the order depends on it: nobody gains anything by guessing it.
        self._random = random.Random(seed)  # noqa: S311
        self._state = bytearray(65_536)
        self._flying: dict[int, tuple[socket.socket, int, float]] = {}
        self._spare: list[socket.socket] = []
        self._queue: list[int] = []
        self._again: list[int] = []
        self._late_tries = LATE_TRIES
        self._pace = pace or Pace()
        self._at_once = True
        self._round = 0
        self._news = 0
        self._narrowed = 0.0
        self._starved = 0.0
        self._note = ""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._widest = max(1, min(WIDEST_WINDOW, (soft if soft > 0 else WIDEST_WINDOW) - SPARE_DESCRIPTORS))

    def run(self) -> Scan:
        """Scan and return what was seen.

        Raises:
            PeerFailure: ``unreachable`` when a socket can't be bound to the endpoint's source or device.
        """
        began = time.monotonic()
        self._target = sockets.sockaddr(self._endpoint.address, 1)
        with select.epoll() as self._epoll:
            try:
                self._rounds()
                self._confirm()
            finally:
                for sock, _, _ in self._flying.values():
                    sock.close()
                self._drop_spare()
        return self._result(time.monotonic() - began)

    def _rounds(self) -> None:
        self._queue = list(self._asked)
        while self._queue and not self._note:
            self._random.shuffle(self._queue)
            self._news = 0
            self._sweep()
            self._round += 1
            if self._round >= ROUNDS_MOST or (self._round >= ROUNDS_LEAST and not self._news):
                break
            self._queue, self._again = self._again, []

    def _confirm(self) -> None:
        """Ask once more a port that answered: when it is silent now, the silent ports say nothing."""
        state = self._state
        answered = next((port for port in self._asked if state[port] in {_OPEN, _CLOSED}), None)
        silent = any(state[port] == _SILENT for port in self._asked)
        if self._note or answered is None or not silent:
            return
        before = state[answered]
        self._round, self._again = 0, []
        for _ in range(ROUNDS_LEAST):
            self._queue = [answered]
            self._sweep()
            self._round += 1
            if state[answered] not in {_SILENT, _UNREACHABLE}:
                break
        else:
            self._note = f"stopped answering: port {answered} had answered before and is silent now"
        state[answered] = before

    def _sweep(self) -> None:
        """Ask every port of the queue once."""
        told = 0.0
        while self._queue or self._flying:
            if self._stopped():
                self._note = self._note or "stopped"
            if self._note:
                return
            if self._paused():
                time.sleep(0.05)
                self._forgive_waiting()
                continue
            self._launch()
            self._drop_spare()
            self._wait()
            now = time.monotonic()
            self._expire(now)
            if now - told > TOLD_EVERY:
                told = now
                self._progress(len(self._asked) - len(self._queue) - len(self._again) - len(self._flying))
        self._progress(len(self._asked) - len(self._again))

    def _launch(self) -> None:
        """Connect to as many ports as window and rate allow; most of a near target's answer at once."""
        room = min(BATCH, len(self._queue), int(self._pace.window) - len(self._flying))
        given = self._bucket.take(room) if room > 0 else 0
        queue, state, base, rest = self._queue, self._state, self._target[0], self._target[2:]
        sock: socket.socket | None = None
        for _ in range(given):
            port = queue.pop()
            if sock is None:
                sock = self._socket()
                if sock is None:
                    queue.append(port)
                    return
            target = (base, port, *rest) if rest else (base, port)
            error = sock.connect_ex(target)
            if self._at_once and error == errno.EINPROGRESS:
                # A near target's refusal is here already: this call fetches it and frees the socket.
                error = sock.connect_ex(target)
                if error == errno.EALREADY:
                    self._at_once = self._queue_is_near()
            if error == errno.ECONNREFUSED:
                if state[port]:
                    self._late()
                state[port] = _CLOSED
            else:
                sock = self._settle(sock, port, error)
        if sock is not None:
            self._spare.append(sock)

    def _queue_is_near(self) -> bool:
        """Whether answers came at once so far; when not, the second call of `_launch` is in vain."""
        return len(self._flying) < BATCH // 8

    def _settle(self, sock: socket.socket, port: int, error: int) -> socket.socket | None:
        """Take the outcome of a connect; return the socket when it can be used again."""
        if error in _PENDING:
            self._flying[sock.fileno()] = (sock, port, time.monotonic())
            # Level-triggered and never changed: a pending socket is quiet, a settled one is used or closed at once.
            with contextlib.suppress(FileExistsError):
                self._epoll.register(sock, select.EPOLLOUT)
            return None
        if error == errno.ECONNREFUSED:
            self._answer(port, _CLOSED)
            return sock
        if error in _ANSWERED:
            if _met_itself(sock):
                self._queue.append(port)
            else:
                self._answer(port, _OPEN)
        elif error in _NO_WAY:
            self._state[port] = _UNREACHABLE
            self._again.append(port)
        elif error in _FULL:
            self._queue.append(port)
            self._starve(errno.errorcode.get(error, str(error)))
        elif error == errno.ETIMEDOUT:
            self._silent(port)
        else:
            self._queue.append(port)  # such as ECONNABORTED: the socket was not clean; a new one will do
        sock.close()
        return None

    def _socket(self) -> socket.socket | None:
        if self._spare:
            return self._spare.pop()
        try:
            made = sockets.make(self._endpoint, socket.SOCK_STREAM, abrupt=True)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._starve(errno.errorcode.get(error.errno or 0, str(error)))
            return None
        self._starved = 0.0 if self._flying else self._starved
        return made

    def _starve(self, what: str) -> None:
        """Ports or descriptors of our own ran out: fly less; give up when waiting doesn't help."""
        self._pace.window = max(1.0, len(self._flying) / 2)
        if self._flying:
            return
        self._starved += 0.05
        time.sleep(0.05)
        if self._starved > STARVED_SECONDS:
            self._note = f"out of descriptors or ports of our own: {what}"

    def _wait(self) -> None:
        """Wait for answers, no longer than until something else is due, and never past 0.1 s."""
        if not self._flying:
            if self._queue and not self._note:
                delay = self._bucket.delay()
                if delay > 0:
                    time.sleep(min(delay, 0.1))
            return
        if self._queue and len(self._flying) < int(self._pace.window):
            timeout = min(self._bucket.delay(), 0.1)
        else:
            oldest = next(iter(self._flying.values()))[2]
            timeout = min(max(COALESCED, oldest + self._patience() - time.monotonic()), 0.1)
        events = self._epoll.poll(timeout, WIDEST_WINDOW)
        now = time.monotonic()
        for number, _ in events:
            sock, port, since = self._flying.pop(number)
            target = (self._target[0], port, *self._target[2:])
            error = sock.connect_ex(target)
            if error in _PENDING:
                self._flying[number] = (sock, port, since)
                continue
            if not self._round:
                self._pace.measure(now - since)
            left = self._settle(sock, port, error)
            if left is not None:
                self._spare.append(left)

    def _patience(self) -> float:
        """Return how long a port may be silent in this round: longer in each, as refusals may queue up."""
        if not self._pace.smooth and not self._heard():
            return min(FIRST_WAIT, self._longest)
        known = max(SHORTEST_WAIT, self._pace.smooth + 4 * self._pace.spread)
        if self._round >= ROUNDS_LEAST - 1:
            return min(max(SURE_WAIT, 4 * known), self._longest)
        return min((1 + self._round) * known, self._longest)

    def _heard(self) -> bool:
        self._pace.heard = self._pace.heard or _CLOSED in self._state or _OPEN in self._state
        return self._pace.heard

    def _expire(self, now: float) -> None:
        limit = now - self._patience()
        late: list[int] = []
        for number, (_, _, since) in self._flying.items():
            if since > limit:
                break  # in the order of their starts
            late.append(number)
        for number in late:
            sock, port, _ = self._flying.pop(number)
            # An ICMP error that arrived within our own system call is only kept as a soft error (tcp_v4_err).
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            sock.close()
            if error == errno.ECONNREFUSED:
                self._answer(port, _CLOSED)
            elif error in _NO_WAY:
                self._state[port] = _UNREACHABLE
                self._again.append(port)
            else:
                self._silent(port)

    def _silent(self, port: int) -> None:
        self._state[port] = _SILENT
        self._pace.window = min(self._pace.window + 1, self._widest)
        if self._late_tries and not self._round:
            # The first few are asked again right away: if they answer now, we are going too fast.
            self._late_tries -= 1
            self._queue.append(port)
        else:
            self._again.append(port)

    def _answer(self, port: int, state: int) -> None:
        if self._state[port] in {_SILENT, _UNREACHABLE}:
            self._late()
        self._state[port] = state
        self._pace.window = min(self._pace.window + 1, self._widest)

    def _late(self) -> None:
        """A port answered on a later try only: packets were lost, so go slower, at most twice a second."""
        self._news += 1
        now = time.monotonic()
        if now - self._narrowed > FIRST_WAIT / 2:
            self._narrowed = now
            self._pace.window = max(8.0, self._pace.window / 2)

    def _forgive_waiting(self) -> None:
        """After a pause, count the time of what is in flight anew."""
        now = time.monotonic()
        self._flying = {number: (sock, port, now) for number, (sock, port, _) in self._flying.items()}

    def _drop_spare(self) -> None:
        # A settled socket would wake the epoll for ever, so what isn't needed at once goes.
        for sock in self._spare:
            sock.close()
        self._spare.clear()

    def _result(self, seconds: float) -> Scan:
        by: dict[int, list[int]] = {state: [] for state in (_UNKNOWN, _OPEN, _CLOSED, _SILENT, _UNREACHABLE)}
        for port in sorted(self._asked):
            by[self._state[port]].append(port)
        probed = len(self._asked) - len(by[_UNKNOWN])
        note = self._note or ("" if probed == len(self._asked) else "not all ports were asked")
        return Scan(
            address=self._endpoint.address,
            transport="tcp",
            open=tuple(by[_OPEN]),
            silent=tuple(by[_SILENT]),
            unreachable=tuple(by[_UNREACHABLE]),
            closed=len(by[_CLOSED]),
            probed=probed,
            asked=len(self._asked),
            seconds=round(seconds, 6),
            note=note,
        )


def _met_itself(sock: socket.socket) -> bool:
    """Whether ``sock`` is connected to itself: on our own machine a source port may equal the port asked."""
    try:
        return bool(sock.getsockname() == sock.getpeername())
    except OSError:
        return False  # the peer has hung up already, so there was one
