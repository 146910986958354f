"""A net without a network: it answers from stored transcripts, and from nothing else.

Conversations are matched by remote address and in the order in which they were recorded; what is asked has to
be what was asked then. Anything else raises PeerFailure("unsupported"): silence would look like a measurement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from sekisho.errors import PeerFailure
from sekisho.formats.http import Reply, ReplyReader, Request, build, host_header
from sekisho.model.evidence import Chunk, Transcript
from sekisho.ports import Datagram, Endpoint, Scan
from sekisho.wires.sockets import named, sockaddr

_FAILED = frozenset(
    {"timed-out", "refused", "reset", "unreachable", "tls", "malformed", "too-large", "too-slow"}
)


class ReplayNet:
    """`ports.Net` over ``transcripts`` (in the order of recording) and ``scans``."""

    def __init__(
        self, transcripts: Iterable[Transcript], scans: Iterable[Scan] = (), *, limit: int = 4 * 1024 * 1024
    ) -> None:
        self._left: dict[tuple[str, str], list[Transcript]] = {}
        for one in transcripts:
            self._left.setdefault((one.transport, one.remote), []).append(one)
        self._scans = {one.address: one for one in scans}
        self._limit = limit

    async def open(self, endpoint: Endpoint) -> ReplayConnection:
        """Return the next recorded conversation with ``endpoint``.

        Raises:
            PeerFailure: as recorded when it failed before a byte was said; ``unsupported`` when there is none.
        """
        found = self._next(endpoint, "tcp")
        if not found.chunks and found.ended in _FAILED:
            raise PeerFailure(found.ended, "as recorded")
        return ReplayConnection(found)

    async def ask(
        self, endpoint: Endpoint, payload: bytes, *, seconds: float = 2.0, most: int = 16
    ) -> tuple[Datagram, ...]:
        """Return the recorded answers to ``payload``.

        Raises:
            PeerFailure: as recorded; ``unsupported`` when this payload was not sent then.
        """
        del seconds
        found = self._next(endpoint, "udp", payload)
        answers = tuple(
            Datagram(endpoint.address, endpoint.port, one.data) for one in found.chunks if one.way == "<"
        )
        if not answers and found.ended in _FAILED:
            raise PeerFailure(found.ended, "as recorded")
        return answers[:most]

    async def scan(self, endpoint: Endpoint, ports: Sequence[int]) -> Scan:
        """Return the recorded scan of the address, narrowed to ``ports``.

        Raises:
            PeerFailure: ``unsupported`` when the address or some of the ports were not scanned then.
        """
        found = self._scans.get(endpoint.address)
        if found is None or found.probed < len(set(ports)):
            raise PeerFailure("unsupported", f"no recorded scan of {endpoint.address}")
        wanted = set(ports)
        kept = {
            name: tuple(port for port in getattr(found, name) if port in wanted)
            for name in ("open", "silent", "unreachable")
        }
        others = sum(map(len, kept.values()))
        return msgspec.structs.replace(
            found, **kept, closed=len(wanted) - others, probed=len(wanted), asked=len(wanted)
        )

    async def fetch(self, endpoint: Endpoint, request: Request) -> Reply:
        """Return the recorded reply to this very request.

        Raises:
            PeerFailure: as recorded; ``unsupported`` when this request was not sent then.
        """
        asked = build(request, host_header(endpoint.address, endpoint.port, tls=endpoint.tls))
        found = self._next(endpoint, "tcp", asked)
        reader = ReplyReader(request.method, self._limit)
        for chunk in found.chunks:
            if chunk.way == "<" and reader.feed(chunk.data):
                break
        if found.ended in _FAILED and not (found.ended == "reset" and reader.headed):
            raise PeerFailure(found.ended, "as recorded")
        return reader.finish("reset" if found.ended == "reset" else "")

    def _next(self, endpoint: Endpoint, transport: str, sent: bytes | None = None) -> Transcript:
        """Take the next transcript with ``endpoint`` that sent just ``sent`` (or whatever it sent)."""
        remote = named(sockaddr(endpoint.address, endpoint.port))
        waiting = self._left.get((transport, remote), [])
        for number, one in enumerate(waiting):
            if sent is None or _asks(one, sent):
                return waiting.pop(number)
        raise PeerFailure("unsupported", f"nothing recorded for this at {transport} {remote}")


class ReplayConnection:
    """`ports.Connection` over one transcript: what is sent has to be what was sent then."""

    def __init__(self, transcript: Transcript) -> None:
        self._chunks: list[Chunk] = list(transcript.chunks)
        self._ended = transcript.ended
        self.transcript = ""

    async def send(self, data: bytes) -> None:
        """Go past ``data`` in the record.

        Raises:
            PeerFailure: ``unsupported`` when something else was sent at this point.
        """
        while data:
            if (
                not self._chunks
                or self._chunks[0].way != ">"
                or not data.startswith(self._chunks[0].data[: len(data)])
            ):
                raise PeerFailure("unsupported", "something else was sent here when it was recorded")
            first = self._chunks.pop(0)
            if len(first.data) > len(data):
                self._chunks.insert(0, Chunk(first.at, ">", first.data[len(data) :]))
            data = data[len(first.data) :]

    async def receive(self, limit: int = 65_536, seconds: float | None = None) -> bytes:
        """Return the next recorded bytes.

        Raises:
            PeerFailure: as recorded at the end; ``timed-out`` where we spoke next then.
        """
        del seconds
        if self._chunks and self._chunks[0].way == "<":
            first = self._chunks.pop(0)
            if len(first.data) > limit:
                self._chunks.insert(0, Chunk(first.at, "<", first.data[limit:]))
            return first.data[:limit]
        if self._chunks or self._ended == "open":
            raise PeerFailure("timed-out", "nothing more was recorded here")
        if self._ended in _FAILED:
            raise PeerFailure(self._ended, "as recorded")
        return b""

    async def close(self) -> None:
        """Forget the rest."""
        self._chunks.clear()


def _asks(transcript: Transcript, sent: bytes) -> bool:
    """Whether ``sent`` is what was sent then. A refused connection fits anything; a cut record fits its part."""
    said = b"".join(one.data for one in transcript.chunks if one.way == ">")
    if not said:
        return transcript.ended in _FAILED
    return said == sent or (transcript.dropped > 0 and sent.startswith(said))
