"""Where a console or a hub listens: a port, with a certificate where one is wanted. Nothing of either is needed for it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.web.serving import Listening, bind, check
from sekisho.wiring.moment import milliseconds


@contextmanager
def listening_at(
    data: Path, *, address: str, port: int, tls: bool = False, certificate: Path | None = None,
    key: Path | None = None, names: tuple[str, ...] = (), client_ca: Path | None = None,
) -> Iterator[tuple[Listening, socket.socket]]:  # fmt: skip
    """Listen, with a certificate that is made when none is given and TLS is wanted.

    :param client_ca: authorities by which clients may show who they are

    :raises AuthorisationError: beyond loopback without TLS
    :raises DescriptionError: a certificate without its key, or authorities without TLS or without a certificate
    :raises StoreError: the port is taken
    """
    if (certificate is None) != (key is None):
        raise DescriptionError(
            Text(ja="--certificate と --key は両方要る", en="--certificate and --key belong together")
        )
    if client_ca is not None:
        _authorities(client_ca, secure=tls or certificate is not None)
    if tls and certificate is None:
        from sekisho.stores.certificates import certificate_for

        certificate, key = certificate_for(data / "tls", (address, *names), milliseconds())
    wanted = Listening(address, port, certificate, key, names, client_ca)
    check(wanted)
    bound = bind(wanted)
    try:
        yield replace(wanted, port=bound.getsockname()[1]), bound
    finally:
        bound.close()


def _authorities(file: Path, *, secure: bool) -> None:
    if not secure:
        raise DescriptionError(
            Text(ja="--client-ca には TLS が要る", en="--client-ca needs TLS"),
            todo=Text(ja="--tls を付ける", en="add --tls"),
        )
    try:
        ssl.create_default_context(cafile=str(file))
    except (OSError, ssl.SSLError) as error:
        raise DescriptionError(
            Text(ja="認証局の証明書が読めない", en="no certificates of authorities"), str(file)
        ) from error
