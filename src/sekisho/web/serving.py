"""The server: binds to loopback, or beyond it with TLS only; prints what to open; ends when told."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from sekisho.errors import AuthorisationError, StoreError
from sekisho.language import Text
from sekisho.web.connections import PER_SOURCE, bounded
from sekisho.web.leaving import Leaving
from sekisho.web.readiness import tell

_BACKLOG = 128
_AT_ONCE = 512
#: Connections that one source may hold at a console: a whole office looks on from behind one address.
OF_ONE_OFFICE = 400
_KEPT_OPEN_S = 15
_LEAVING_S = 10


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the console listens.

    :ivar certificate: PEM file of the certificate chain; empty without TLS
    :ivar key: PEM file of its private key
    :ivar names: host names by which it is reached, beside the address itself
    :ivar client_ca: PEM file of the authorities (or single certificates) by which clients may show who they are
    """

    address: str = "127.0.0.1"
    port: int = 8443
    certificate: Path | None = None
    key: Path | None = None
    names: tuple[str, ...] = ()
    client_ca: Path | None = None

    @property
    def loopback(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return ipaddress.ip_address(self.address).is_loopback

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.certificate is not None

    @property
    def hosts(self) -> frozenset[str]:
        """The names that a browser may use."""
        own = {self.address, *self.names}
        return frozenset(
            name.lower() for name in (own | {"localhost", "127.0.0.1", "::1"} if self.loopback else own)
        )

    def url(self, path: str = "/") -> str:
        """Return an address that a person can open."""
        name = self.names[0] if self.names else self.address
        host = f"[{name}]" if ":" in name else name
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{path}"


def check(listening: Listening) -> None:
    """Refuse to be reached from elsewhere in the clear.

    :raises AuthorisationError: an address beyond loopback without TLS
    """
    if not listening.loopback and not listening.secure:
        raise AuthorisationError(
            Text(ja="ループバックの外では TLS が要る", en="beyond loopback TLS is needed"),
            listening.address,
            Text(ja="--tls を付ける（証明書は自動で作る）", en="add --tls (a certificate is made)"),
        )


def bind(listening: Listening) -> socket.socket:
    """Return the listening socket, before anything is printed.

    :raises StoreError: the port is taken, or the address isn't ours
    """
    family = socket.AF_INET6 if ":" in listening.address else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: head and body of an answer would be 40 ms apart.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((listening.address, listening.port))
        # Whoever reads the printed address may come at once: who comes early waits.
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise StoreError(
            Text(ja="待ち受けられない", en="can't listen there"),
            f"{listening.address}:{listening.port}: {error.strerror}",
            Text(ja="--port で別の番号を選ぶ", en="choose another number with --port"),
        ) from error
    return made


class _Server(uvicorn.Server):
    """Says when it is ready and when it leaves."""

    def __init__(self, config: uvicorn.Config, leaving: Leaving, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._leaving, self._ready = leaving, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        tell("STOPPING=1")
        self._leaving.begin()
        super().handle_exit(sig, frame)


def serve(
    application: Starlette, listening: Listening, sockets: Sequence[socket.socket],
    leaving: Leaving | None = None, ready: Callable[[], object] = lambda: tell("READY=1"),
    proxies: Collection[str] = (), per_source: int = PER_SOURCE,
) -> None:  # fmt: skip
    """Serve until SIGINT or SIGTERM.

    Live pages are told at once and come again; requests that run have ten seconds to end.

    :param proxies: addresses of which any number of connections is taken
    :param per_source: connections that any other source may hold
    """
    config = uvicorn.Config(
        application,
        http=bounded(proxies, per_source=per_source),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        backlog=_BACKLOG,
        limit_concurrency=_AT_ONCE,
        timeout_keep_alive=_KEPT_OPEN_S,
        timeout_graceful_shutdown=_LEAVING_S,
        ws="none",
        ssl_certfile=str(listening.certificate) if listening.certificate else None,
        ssl_keyfile=str(listening.key) if listening.key else None,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
        ssl_ca_certs=str(listening.client_ca) if listening.client_ca else None,
        ssl_cert_reqs=ssl.CERT_OPTIONAL if listening.client_ca else ssl.CERT_NONE,
        lifespan="off",
    )
    config.load()
    if config.ssl:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
        # A certificate in the file is trusted itself, whoever signed it.
        config.ssl.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _Server(config, leaving or Leaving(), ready).run(sockets=list(sockets))
