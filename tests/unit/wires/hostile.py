"""Devices that misbehave on purpose, one function each: it is given the connection and never ends well."""

from __future__ import annotations

import gzip
import socket
import time
from functools import cache

from fakes.peers import head, reset

OK = b"HTTP/1.1 200 OK\r\n"


def endless_banner(peer: socket.socket) -> None:
    """Talk without end, before anybody asks."""
    while True:
        peer.sendall(b"Welcome! " * 1000)


def slow_drip(peer: socket.socket) -> None:
    """A body of one byte at a time, always just in time."""
    head(peer)
    peer.sendall(OK + b"\r\n")
    while True:
        peer.sendall(b".")
        time.sleep(0.1)


def slow_head(peer: socket.socket) -> None:
    """A head of one byte at a time."""
    head(peer)
    peer.sendall(OK)
    while True:
        peer.sendall(b"X")
        time.sleep(0.1)


@cache
def _bomb() -> bytes:
    return gzip.compress(b"\0" * 300_000_000, 1)


def gzip_bomb(peer: socket.socket) -> None:
    """300 MB in a few hundred kB."""
    head(peer)
    peer.sendall(OK + b"Content-Encoding: gzip\r\n\r\n" + _bomb())


def gigabyte(peer: socket.socket) -> None:
    """A page of 1 GB, announced honestly."""
    head(peer)
    peer.sendall(OK + b"Content-Length: 1073741824\r\n\r\n")
    for _ in range(1024):
        peer.sendall(b"x" * 1_048_576)


def chunks_without_end(peer: socket.socket) -> None:
    """Chunk after chunk."""
    head(peer)
    peer.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        peer.sendall(b"1000\r\n" + b"y" * 4096 + b"\r\n")


def header_flood(peer: socket.socket) -> None:
    """Header after header."""
    head(peer)
    peer.sendall(OK)
    while True:
        peer.sendall(b"X-Flood: more\r\n" * 100)


def telnet_storm(peer: socket.socket) -> None:
    """IAC DO and WILL for every option, again and again."""
    storm = b"".join(bytes((255, verb, option)) for verb in (251, 253) for option in range(64))
    while True:
        peer.sendall(storm)


def tls_that_never_ends(peer: socket.socket) -> None:
    """Empty-looking TLS handshake records for ever, none of which is a ServerHello."""
    peer.recv(4096)
    while True:
        peer.sendall(b"\x16\x03\x03\x00\x04\x00\x00\x00\x00")
        time.sleep(0.01)


def tls_silence(peer: socket.socket) -> None:
    """Take the ClientHello and say nothing."""
    peer.recv(4096)
    time.sleep(60)


def not_tls(peer: socket.socket) -> None:
    """Answer the ClientHello in plain HTTP."""
    peer.recv(4096)
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def reset_at_once(peer: socket.socket) -> None:
    """RST right after the handshake."""
    reset(peer)


def reset_after_request(peer: socket.socket) -> None:
    """RST instead of an answer."""
    head(peer)
    reset(peer)


def reset_in_head(peer: socket.socket) -> None:
    """RST within the head."""
    head(peer)
    peer.sendall(OK + b"Server: x")
    time.sleep(0.1)
    reset(peer)


def reset_in_body(peer: socket.socket) -> None:
    """RST within the body."""
    head(peer)
    peer.sendall(OK + b"Content-Length: 1000\r\n\r\nhalf")
    time.sleep(0.1)
    reset(peer)


def half_closed(peer: socket.socket) -> None:
    """Stop sending before anything was said, and keep listening."""
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(4096):
        pass


def length_too_long(peer: socket.socket) -> None:
    """Announce more than comes, and close."""
    head(peer)
    peer.sendall(OK + b"Content-Length: 1000\r\n\r\nshort")


def length_too_long_and_waiting(peer: socket.socket) -> None:
    """Announce more than comes, and keep the connection open."""
    head(peer)
    peer.sendall(OK + b"Content-Length: 1000\r\n\r\nshort")
    time.sleep(60)


def length_too_short(peer: socket.socket) -> None:
    """Announce less than comes."""
    head(peer)
    peer.sendall(OK + b"Content-Length: 2\r\n\r\nlonger than that")


def says_nothing(peer: socket.socket) -> None:
    """Accept, read, and stay silent."""
    head(peer)
    time.sleep(60)


def gone_in_the_middle(peer: socket.socket) -> None:
    """Half a page, then nothing any more: the power went."""
    head(peer)
    peer.sendall(OK + b"Content-Length: 100000\r\n\r\n")
    time.sleep(60)


def refuses_the_upload(peer: socket.socket) -> None:
    """Answer 413 after the head, and hang up on the body."""
    peer.recv(4096)
    peer.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
    peer.shutdown(socket.SHUT_WR)
    time.sleep(0.3)
    reset(peer)
