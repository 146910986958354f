"""Filters of sockets: small programs that the kernel asks about each packet (classic BPF, linux/filter.h)."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Sequence

# asm-generic/socket.h, not in Python's socket module.
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
RETURN = 0x06
#: Code, where to go on when a comparison holds and when not (steps further), and a number.
Step = tuple[int, int, int, int]
NOTHING: tuple[Step, ...] = ((RETURN, 0, 0, 0),)


def filter_by(made: socket.socket, program: Sequence[Step]) -> None:
    """Give a socket a program that returns how many octets of a packet it may have.

    :raises OSError: the system refuses
    """
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    made.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code))
    )


def shut(made: socket.socket) -> None:
    """Let nothing into a socket; what comes for it is counted by the kernel as dropped.

    :raises OSError: the system refuses
    """
    filter_by(made, NOTHING)


def opened(made: socket.socket) -> None:
    """Let everything into a socket that was `shut`.

    :raises OSError: the system refuses
    """
    made.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
