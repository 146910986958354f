"""Slots that datagrams are received into: one row each, used again and again, with length and source beside them."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from abc import ABC, abstractmethod
from ipaddress import ip_address
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAME_OCTETS = 32


class _Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("octets", ctypes.c_size_t)]  # struct iovec


class _Message(ctypes.Structure):  # struct msghdr
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_octets", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_octets", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class _Header(ctypes.Structure):  # struct mmsghdr
    _fields_ = [("message", _Message), ("octets", ctypes.c_uint32)]


class OneSlots:
    """Receives datagrams one by one: slower, and everywhere."""

    def __init__(self, batch: int, slot_octets: int) -> None:
        # Never touched pages of a slot cost nothing.
        self.octets = np.zeros((batch, slot_octets), np.uint8)
        self._views = [memoryview(row) for row in self.octets]  # type: ignore[arg-type]  # numpy under 3.11 has no Buffer type
        self.length = np.zeros(batch, np.int32)
        self.names = np.zeros((batch, NAME_OCTETS), np.uint8)
        self.cut = np.zeros(batch, np.bool_)

    def fill(self, source: socket.socket, into: NDArray[np.uint8] | None = None) -> int:  # noqa: ARG002 - see `ManySlots`
        """Fill the slots with what waits in ``source``; return how many."""
        for number in range(len(self.length)):
            try:
                octets, _, flags, address = source.recvmsg_into([self._views[number]])
            except OSError:  # nothing more waits, or an error that an ICMP message left behind
                return number
            self.length[number] = octets
            self.cut[number] = bool(flags & socket.MSG_TRUNC)
            self.names[number] = _name(address)
        return len(self.length)

    def taken(self, got: int) -> NDArray[np.uint8]:
        """Return the rows that hold what the last `fill` got."""
        return self.octets[:got]


class Slots(ABC):
    """Slots of one's own, beside those of somebody else that may be shorter: what is beyond them goes to the own ones."""

    length: NDArray[np.int32]
    _stride: int

    def __init__(self, batch: int, slot_octets: int) -> None:
        # Never touched pages of a slot cost nothing.
        self.octets = np.zeros((batch, slot_octets), np.uint8)
        self.names = np.zeros((batch, NAME_OCTETS), np.uint8)
        self.cut = np.zeros(batch, np.bool_)
        self._into: NDArray[np.uint8] | None = None

    @abstractmethod
    def fill(self, source: socket.socket, into: NDArray[np.uint8] | None = None) -> int:
        """Fill slots with what waits in ``source``; return how many: those of ``into``, else the own ones."""

    def taken(self, got: int) -> NDArray[np.uint8]:
        """Return the rows that hold what the last `fill` got; the own ones when a datagram didn't fit the others."""
        if self._into is None:
            return self.octets[:got]
        if int(self.length[:got].max(initial=0)) <= self._stride:
            return self._into[:got]
        self.octets[:got, : self._stride] = self._into[:got]
        return self.octets[:got]


class ManySlots(Slots):
    """Receives up to a batch of datagrams in one system call, into its own slots or those of somebody else."""

    def __init__(self, batch: int, slot_octets: int) -> None:
        super().__init__(batch, slot_octets)
        self._batch = batch
        self._vectors = (_Vector * (2 * batch))()
        self._headers = (_Header * batch)()
        for number in range(batch):
            header = self._headers[number].message
            header.name = self.names.ctypes.data + number * NAME_OCTETS
            header.name_octets = NAME_OCTETS
            header.vectors = ctypes.addressof(self._vectors[2 * number])
            header.vector_count = 2
        table = np.frombuffer(memoryview(self._headers).cast("B"), np.uint8).reshape(
            batch, ctypes.sizeof(_Header)
        )
        vectors = np.frombuffer(memoryview(self._vectors).cast("B"), np.uintp).reshape(batch, 2, 2)
        self._base, self._room = vectors[:, :, 0], vectors[:, :, 1]
        self._steps = np.arange(batch, dtype=np.uintp)
        self._aim(slot_octets)
        self._name_octets = _column(table, _Message.name_octets.offset)
        self._flags = _column(table, _Message.flags.offset)
        self.length = _column(table, _Header.octets.offset)
        self._call = _libc().recvmmsg
        self._call.argtypes = [
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_void_p,
        ]

    def fill(self, source: socket.socket, into: NDArray[np.uint8] | None = None) -> int:
        """Fill slots with what waits in ``source``; return how many: those of ``into``, else the own ones."""
        rows = self.octets if into is None else into[: self._batch]
        if rows.shape[1] != self._stride:
            self._aim(rows.shape[1])
        self._base[: len(rows), 0] = self._steps[: len(rows)] * np.uintp(rows.strides[0]) + np.uintp(
            rows.ctypes.data
        )
        self._into = into
        got = self._call(
            source.fileno(), ctypes.addressof(self._headers), len(rows), socket.MSG_DONTWAIT, None
        )
        if got <= 0:  # nothing waits, or an error that an ICMP message left behind
            return 0
        self._name_octets[:got] = NAME_OCTETS  # the kernel wrote how many it used
        np.not_equal(self._flags[:got] & socket.MSG_TRUNC, 0, out=self.cut[:got])
        return int(got)

    def _aim(self, stride: int) -> None:
        """Take the first ``stride`` octets of a datagram elsewhere, the rest to the own slot."""
        slot = self.octets.shape[1]
        self._stride = stride
        self._base[:, 1] = self._steps * np.uintp(slot) + np.uintp(
            self.octets.ctypes.data + min(stride, slot)
        )
        self._room[:, 0] = min(stride, slot)
        self._room[:, 1] = slot - min(stride, slot)


def _column(table: NDArray[np.uint8], offset: int) -> NDArray[np.int32]:
    """Return a 32-bit field of all headers as a view."""
    return table[:, offset : offset + 4].view(np.int32)[:, 0]


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def slots_of(batch: int, slot_octets: int, *, singly: bool = False) -> OneSlots | ManySlots:
    """Return ``batch`` slots of ``slot_octets``, filled by one call where this system has it."""
    if singly or not hasattr(os, "sched_getaffinity") or not hasattr(_libc(), "recvmmsg"):
        return OneSlots(batch, slot_octets)
    return ManySlots(batch, slot_octets)


def _name(address: tuple[Any, ...]) -> NDArray[np.uint8]:
    """Return a Python address as the kernel would have written it, as far as `Sources` looks."""
    made = np.zeros(NAME_OCTETS, np.uint8)
    packed = np.frombuffer(ip_address(str(address[0]).partition("%")[0]).packed, np.uint8)
    if len(packed) == 4:  # noqa: PLR2004 - IPv4
        made[4:8] = packed
        return made
    made[8:24] = packed
    made[24:28] = np.frombuffer(struct.pack("=I", address[3]), np.uint8)
    return made
