"""The privacy door: FLOW rows with customers' addresses in, WATCHED rows with pseudonyms out.

Nothing behind this door holds an address of a customer. The customer side's address is replaced in place by another
one of the same customer prefix, by a permutation that only the holder of the key can undo; `subscriber` names the line.
The permutation of a prefix depends on the key and that prefix alone: adding prefixes changes no pseudonym given before.
A small prefix hides little (one of four addresses in a /30): give the prefix of the whole pool, not of each router.

- IPv4: a table of all customer addresses (condition: do not identify users while searching), so that a row costs one
  gather. Up to /8 per prefix and 1,024 different /16 in all (256 MB). A prefix shorter than /8 needs no memory: it
  is computed for each row by a Feistel network, at about a quarter of the speed.
- IPv6: the bits between the customer prefix and the delegated length (/56: RFC 6177) are permuted and the rest is
  zeroed, since the interface identifier names a device.
- ``postNATSourceIPv4Address`` is an address of the customer, too: it is replaced when it lies within the customer
  prefixes (name the pool of the NAT among them to keep it), and emptied together with its port otherwise.
- A row's addresses are those of its ``ipVersion``; what stands in the columns of the other family is emptied.
- When both sides are customers, the source is the line; the other side is replaced as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sekisho.errors import ReadingError
from sekisho.formats.permutation import KEY_BYTES
from sekisho.formats.pseudonyms4 import Lines4
from sekisho.formats.pseudonyms6 import Lines6
from sekisho.language import Text
from sekisho.model.tables import RECEIVES, SENDS, WATCHED

Network = IPv4Network | IPv6Network
_Net = TypeVar("_Net", IPv4Network, IPv6Network)
_SIDES4 = ("sourceIPv4Address", "destinationIPv4Address")
_SIDES6 = ("sourceIPv6Address", "destinationIPv6Address")
_POST_NAT = "postNATSourceIPv4Address"
_POST_NAT_PORT = "postNAPTSourceTransportPort"


class Pseudonyms:
    """Names lines without naming customers, for one key and one set of customer prefixes.

    ``key`` has 32 octets. ``customers`` are the operator's own prefixes; one inside another is left out. ``delegated``
    is the length of prefix that an IPv6 line is given (36 to 64). IPv6 prefixes lie in 2000::/3 or fc00::/7. With
    ``fast_from`` the twin of numba (same pseudonyms; the extra ``fast`` must be installed) takes over once so many rows
    of IPv4 came: it takes half a second to compile.

    :raises ReadingError: a key of another length, no prefix, or a prefix that can't be served, and why
    """

    def __init__(
        self,
        key: bytes,
        customers: Sequence[Network],
        *,
        prefix_preserving: bool = False,
        delegated: int = 56,
        fast_from: int | None = None,
    ) -> None:
        if len(key) != KEY_BYTES:
            raise ReadingError(
                Text(
                    ja=f"仮名化の鍵は{KEY_BYTES}オクテット", en=f"a key of pseudonyms has {KEY_BYTES} octets"
                ),
                f"{len(key)}",
            )
        if not customers:
            raise ReadingError(
                Text(ja="顧客のアドレスブロックがない", en="no customer prefixes are given"),
                todo=Text(
                    ja="自網の顧客用ブロックを全て挙げる", en="name all prefixes of your own customers"
                ),
            )
        nets4 = [net for net in customers if isinstance(net, IPv4Network)]
        nets6 = [net for net in customers if isinstance(net, IPv6Network)]
        self._lines4 = Lines4(key, _outer(nets4), prefix_preserving=prefix_preserving, fast_from=fast_from)
        self._lines6 = Lines6(key, _outer(nets6), prefix_preserving=prefix_preserving, delegated=delegated)

    def watch(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, int]:
        """Return the WATCHED rows of a FLOW batch and how many rows had no customer side and were left out.

        Optional columns that the batch leaves out stay out (`model.tables.completed` puts them back).
        """
        rows = batch.num_rows
        columns, line, side = self._sides(batch)
        self._hide_post_nat(batch, columns)
        columns["subscriber"], columns["subscriberSide"] = pa.array(line), pa.array(side)
        fields = [field for field in WATCHED if field.name in columns]
        out = pa.RecordBatch.from_arrays([columns[one.name] for one in fields], schema=pa.schema(fields))
        dropped = rows - int(np.count_nonzero(side))
        return (out.filter(pa.array(side != 0)), dropped) if dropped else (out, 0)

    @property
    def table4(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]] | None:
        """Where each /16 has its page and the pages, for whoever looks up IPv4 lines; None when a table isn't all."""
        return self._lines4.table

    def strangers(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the FLOW rows of a batch that have no customer side, as they are: what `watch` leaves out."""
        return batch.filter(pa.array(self._sides(batch)[2] == 0))

    def _sides(
        self, batch: pa.RecordBatch
    ) -> tuple[dict[str, pa.Array], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Return the columns with both ends replaced, the line of each row, and which side it is on (0: none)."""
        rows = batch.num_rows
        names = set(batch.schema.names)
        versions = _numbers(batch, "ipVersion")
        fours = 0 if _SIDES4[0] not in names else int(np.count_nonzero(versions == 4))  # noqa: PLR2004
        columns = {name: batch.column(name) for name in batch.schema.names}
        line, side = np.zeros(rows, np.int64), np.zeros(rows, np.uint8)
        if fours:
            at = None if fours == rows else versions == 4  # noqa: PLR2004
            line, side = self._watch4(batch, columns, at)
        else:
            _left_out(columns, _SIDES4)
        if fours == rows:
            _left_out(columns, _SIDES6)
        elif _SIDES6[0] in names:
            self._watch6(batch, columns, versions == 6, line, side)  # noqa: PLR2004
        return columns, line, side

    def subscriber(self, address: IPv4Address | IPv6Address | str) -> int:
        """Return the line that ``address`` belongs to, 0 when it is no customer's."""
        address = ip_address(address)
        if isinstance(address, IPv4Address):
            return int(self._lines4.names(np.array([int(address)], np.uint32))[0])
        _, lines = self._lines6.names(np.frombuffer(address.packed, np.uint8).reshape(1, 16))
        return int(lines[0])

    def reveal(self, subscriber: int) -> IPv4Address | IPv6Network | None:
        """Return the address (IPv4) or delegated prefix (IPv6) behind a line; None when no line is called so.

        Only for the role that holds the key, under the rules of re-identification.
        """
        if 0 < subscriber < 1 << 32:
            return self._lines4.reveal(subscriber)
        return self._lines6.reveal(subscriber)

    def _watch4(
        self, batch: pa.RecordBatch, columns: dict[str, pa.Array], at: npt.NDArray[np.bool_] | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        source, destination = (_numbers(batch, name) for name in _SIDES4)
        if at is not None:  # what stands in a row of the other family is no address
            source, destination = np.where(at, source, 0), np.where(at, destination, 0)
        new_source, new_destination, line, side = self._lines4.sides(source, destination)
        for name, values in zip(_SIDES4, (new_source, new_destination), strict=True):
            columns[name] = _masked(values, batch.column(name), at)
        return line, side

    def _watch6(
        self,
        batch: pa.RecordBatch,
        columns: dict[str, pa.Array],
        at: npt.NDArray[np.bool_],
        line: npt.NDArray[np.int64],
        side: npt.NDArray[np.uint8],
    ) -> None:
        for name, number in zip(_SIDES6, (SENDS, RECEIVES), strict=True):
            column = batch.column(name)
            octets = _octets(column)
            kept = at & _valid(column)
            here = np.flatnonzero(kept)
            named, lines = self._lines6.names(octets[here])
            # What stands behind a null, or in a row of the other family, may be an address as well.
            octets = np.zeros_like(octets)
            octets[here] = named
            valid = pa.py_buffer(np.packbits(kept, bitorder="little"))
            columns[name] = pa.Array.from_buffers(column.type, len(column), [valid, pa.py_buffer(octets)])
            mine = here[(lines != 0) & (side[here] == 0)]
            line[mine], side[mine] = lines[(lines != 0) & (side[here] == 0)], number

    def _hide_post_nat(self, batch: pa.RecordBatch, columns: dict[str, pa.Array]) -> None:
        if _POST_NAT not in columns:
            columns.pop(_POST_NAT_PORT, None)
            return
        column = batch.column(_POST_NAT)
        named = self._lines4.names(_numbers(batch, _POST_NAT)).astype(np.uint32)
        hidden = ~_valid(column) | (named == 0)
        columns[_POST_NAT] = pa.array(named, mask=hidden)
        if _POST_NAT_PORT in columns:
            port = columns[_POST_NAT_PORT]
            values = _numbers(batch, _POST_NAT_PORT)
            columns[_POST_NAT_PORT] = pa.array(np.where(hidden, 0, values), mask=hidden | ~_valid(port))


def _outer(nets: Sequence[_Net]) -> list[_Net]:
    """Leave out what lies inside another; neighbours stay apart, so that a new one changes no older pseudonym."""
    kept: list[_Net] = []
    for net in sorted(set(nets), key=lambda one: (int(one.network_address), one.prefixlen)):
        if not kept or int(net.network_address) > int(kept[-1].broadcast_address):
            kept.append(net)
    return kept


def _numbers(batch: pa.RecordBatch, name: str) -> npt.NDArray[Any]:
    column = batch.column(name)
    if column.null_count:
        column = column.fill_null(0)
    found: npt.NDArray[Any] = column.to_numpy(zero_copy_only=True)
    return found


def _valid(column: pa.Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return found


def _octets(column: pa.Array) -> npt.NDArray[np.uint8]:
    """Return the 16 octets of each row; rows that are null hold anything."""
    start = column.offset * 16
    raw = column.buffers()[1]
    if raw is None:
        return np.zeros((len(column), 16), np.uint8)
    return np.frombuffer(raw, np.uint8)[start : start + 16 * len(column)].reshape(-1, 16)


def _left_out(columns: dict[str, pa.Array], names: Sequence[str]) -> None:
    """Leave out the columns of a family that no row is of: whatever stands in them, no line is named by it."""
    for name in names:
        columns.pop(name, None)


def _masked(values: npt.NDArray[np.uint32], old: pa.Array, at: npt.NDArray[np.bool_] | None) -> pa.Array:
    if at is None and not old.null_count:
        return pa.array(values)
    hidden = ~_valid(old)
    return pa.array(values, mask=hidden if at is None else hidden | ~at)
