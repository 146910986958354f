"""A byte stream to the terminal, plain or in TLS: every wait has an end, every byte is on record.

TLS runs over memory buffers on the same socket, so a handshake that never ends is bounded like anything else.
Certificates are recorded and never verified: devices have self-signed ones, and what we want is the evidence.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from cryptography import x509

from sekisho.errors import PeerFailure
from sekisho.wires import sockets
from sekisho.wires.transcripts import Recorder

HANDSHAKE_BYTES = 256 * 1024
BLOCK = 64 * 1024


@asynccontextmanager
async def bounded(seconds: float, what: str) -> AsyncIterator[None]:
    """Turn time-outs and socket errors of the code inside into PeerFailure.

    Args:
        seconds: how long it may take.
        what: what was waited for, for the detail.

    Raises:
        PeerFailure: ``timed-out``, ``refused``, ``reset``, ``unreachable``.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except OSError as error:
        found = sockets.failure(error)
        if found is None:
            raise
        detail = f"{what}: {seconds:g} s" if found.reason == "timed-out" else f"{what}: {found.detail}"
        raise PeerFailure(found.reason, detail) from error


class LiveConnection:
    """`ports.Connection` over a connected socket."""

    def __init__(
        self, sock: socket.socket, recorder: Recorder, seconds: float, ended: Callable[[], None]
    ) -> None:
        self._sock = sock
        self._recorder = recorder
        self._seconds = seconds
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._session: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._open = True
        self.transcript = ""

    async def secure(self, seconds: float) -> None:
        """Begin TLS as a client.

        Raises:
            PeerFailure: ``tls`` when there is no session within ``seconds`` and 256 KiB.
        """
        session = _context().wrap_bio(self._incoming, self._outgoing, server_hostname=None)
        try:
            async with bounded(seconds, "TLS"):
                await self._shake_hands(session)
        except PeerFailure as failed:
            raise PeerFailure("tls", str(failed)) from failed
        self._session = session
        self._recorder.tls = _describe(session)

    async def _shake_hands(self, session: ssl.SSLObject) -> None:
        received = 0
        while True:
            try:
                session.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError as error:
                with suppress(OSError):
                    await self._flush()  # the alert that says what we didn't like
                raise PeerFailure("tls", error.reason or "handshake refused") from error
            else:
                await self._flush()
                return
            data = await self._loop.sock_recv(self._sock, BLOCK)
            received += len(data)
            if not data:
                raise PeerFailure("tls", "closed in the handshake")
            if received > HANDSHAKE_BYTES:
                raise PeerFailure("tls", "an endless handshake")
            self._incoming.write(data)

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self._loop.sock_sendall(self._sock, data)

    async def send(self, data: bytes) -> None:
        """Send ``data``; each block of 64 KiB may take the read time-out.

        Raises:
            PeerFailure: ``timed-out``, ``reset``, ``closed``.
        """
        self._must_be_open()
        for start in range(0, len(data), BLOCK):
            block = data[start : start + BLOCK]
            async with self._failing(self._seconds, "sending", final=False):
                if self._session is None:
                    await self._loop.sock_sendall(self._sock, block)
                else:
                    self._session.write(block)
                    await self._flush()
            self._recorder.note(">", block)

    async def receive(self, limit: int = 65_536, seconds: float | None = None) -> bytes:
        """Return the next bytes, at most ``limit``; ``b""`` when the peer has closed in order.

        Raises:
            PeerFailure: ``timed-out``, ``reset``, ``tls``, ``closed`` (by us).
        """
        self._must_be_open()
        async with self._failing(self._seconds if seconds is None else seconds, "waiting for an answer"):
            data = await self._read(limit)
        self._recorder.note("<", data)
        return data

    async def _read(self, limit: int) -> bytes:
        if self._session is None:
            return await self._loop.sock_recv(self._sock, limit)
        while True:
            try:
                return self._session.read(limit)
            except ssl.SSLWantReadError:
                await self._flush()
                raw = await self._loop.sock_recv(self._sock, BLOCK)
                self._incoming.write(raw) if raw else self._incoming.write_eof()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise PeerFailure("tls", error.reason or "broken record") from error

    @asynccontextmanager
    async def _failing(self, seconds: float, what: str, *, final: bool = True) -> AsyncIterator[None]:
        """Bound the code inside, and leave a failure's reason in the transcript's end.

        A failed send is not ``final``: what the peer said before it hung up can still be read.
        """
        try:
            async with bounded(seconds, what):
                yield
        except ssl.SSLError as error:
            raise PeerFailure("tls", error.reason or what) from error
        except PeerFailure as failed:
            if final and failed.reason != "timed-out":
                self._end(failed.reason)
            raise

    def _must_be_open(self) -> None:
        if not self._open:
            raise PeerFailure("closed", "the connection has ended")

    async def close(self) -> None:
        """Close, once or more often."""
        if self._open and self._session is not None:
            with suppress(OSError):
                self._session.unwrap()
            # A polite goodbye that nobody waits for: at most what fits into the socket's buffer now.
            with suppress(OSError):
                self._sock.send(self._outgoing.read())
        self._end("closed")

    def abandon(self, how: str) -> None:
        """Close at once; ``how`` is the reason that the transcript ends with."""
        self._end(how)

    def _end(self, how: str) -> None:
        if not self._open:
            return
        self._open = False
        self._sock.close()
        self.transcript = self._recorder.close(how)
        self._ended()


def _context() -> ssl.SSLContext:
    """Return a context that talks to anything: old versions, weak ciphers, any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    return context


def _describe(session: ssl.SSLObject) -> str:
    """Return version, cipher, SHA-256 of the certificate (DER) and its subject, as the transcript keeps them."""
    cipher = session.cipher()
    encoded = session.getpeercert(binary_form=True)
    parts = [session.version() or "?", cipher[0] if cipher else "?"]
    if encoded:
        parts.append(f"sha256:{hashlib.sha256(encoded).hexdigest()}")
        with suppress(ValueError, x509.UnsupportedGeneralNameType):
            parts.append(x509.load_der_x509_certificate(encoded).subject.rfc4514_string())
    return " ".join(part for part in parts if part)
