"""Real small servers on loopback that behave badly, and a live net to meet them with."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import date

import msgspec

from sekisho.model.assessment import Authorisation, Limits
from sekisho.model.evidence import Transcript
from sekisho.ports import Endpoint
from sekisho.wires.clock import SystemClock
from sekisho.wires.net import LiveNet
from sekisho.wires.scope import Scope

AUTHORISATION = Authorisation(
    allowed_by="tests",
    role="owner",
    statement="loopback",
    signed_on=date(2020, 1, 1),
    addresses=("127.0.0.0/8", "::1/128"),
    valid_from=date(2020, 1, 1),
    valid_until=date(2100, 1, 1),
)
SMALL = Limits(
    answer_bytes=200_000, transcript_bytes=50_000, step_seconds=6.0, connect_seconds=1.0, read_seconds=0.5
)


class Kept(dict[str, Transcript]):
    """What a net kept, by id."""

    def keep(self, transcript: Transcript) -> str:
        identifier = hashlib.sha256(msgspec.msgpack.encode(transcript)).hexdigest()
        self[identifier] = transcript
        return identifier


def live_net(limits: Limits = SMALL, kept: Kept | None = None, **more: object) -> LiveNet:
    clock = SystemClock()
    return LiveNet(
        Scope(AUTHORISATION, clock), limits, clock, (kept if kept is not None else Kept()).keep, **more
    )  # type: ignore[arg-type]


def reset(sock: socket.socket) -> None:
    """Close with a RST instead of a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@contextlib.contextmanager
def serving(
    behave: Callable[[socket.socket], None], address: str = "127.0.0.1", tls: bool = False
) -> Iterator[Endpoint]:
    """Let ``behave`` have each connection in a thread of its own; whatever the client does to it is fine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, 0), family=family)
    open_ones: set[socket.socket] = set()

    def one(peer: socket.socket) -> None:
        open_ones.add(peer)
        with contextlib.suppress(OSError), peer:
            behave(peer)
        open_ones.discard(peer)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield Endpoint(address, listener.getsockname()[1], tls=tls)
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for peer in tuple(open_ones):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        thread.join(2)


def head(peer: socket.socket) -> bytes:
    """Read a request's head."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(4096)
        if not piece:
            break
        data += piece
    return data
