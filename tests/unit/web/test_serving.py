"""Where the console listens."""

import socket

from sekisho.web import serving


def test_an_accepted_connection_sends_at_once() -> None:
    """asyncio turns Nagle's algorithm off only where a socket says that it is TCP: else each page takes 40 ms more."""
    bound = serving.bind(serving.Listening(port=0))
    try:
        with socket.create_connection(bound.getsockname()):
            accepted, _ = bound.accept()
            with accepted:
                assert accepted.proto == socket.IPPROTO_TCP
    finally:
        bound.close()
