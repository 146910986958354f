"""BGP UPDATE messages: what is announced, by which origin, and what is withdrawn (RFC 4271, RFC 4760, RFC 6793, RFC 7911).

Only reachability is read: prefixes of IPv4 and IPv6 unicast, and the origin of a path. What lies about its length, or is
no prefix, gives a reason id instead of a guess; nothing here raises for what a peer sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

Prefix = IPv4Network | IPv6Network

UPDATE = 2
_MARKER, _HEADER = b"\xff" * 16, 19
_AS_PATH, _MP_REACH, _MP_UNREACH, _AS4_PATH = 2, 14, 15, 17
_EXTENDED = 0x10
_SET, _SEQUENCE = 1, 2
_CONFEDERATION = (3, 4)  # RFC 5065: segments within a confederation name no other AS
_OCTETS = {1: 4, 2: 16}  # AFI → octets of an address
_VERSIONS = {1: 4, 2: 6}
_UNICAST = 1
_FAMILY = 3  # octets of AFI and SAFI
_EMPTY = 4  # octets of both lengths of an UPDATE that says nothing
#: What stands in a path of two octets for an AS of four (RFC 6793).
AS_TRANS = 23_456


class Update(NamedTuple):
    """What one UPDATE says of reachability.

    :ivar announced: prefixes with a path
    :ivar origins: the AS that the path begins at; several where it ends in a set (RFC 4271, 9.2.2.2), none where the path is
        empty (a route of the peer's own AS) or wasn't sent
    :ivar faults: reason ids of what could not be read; the rest is still told
    :ivar ended: 4 or 6 when it says that the peer has told its whole table of IPv4 or IPv6 (RFC 4724, 2); 0 otherwise
    """

    announced: tuple[Prefix, ...]
    withdrawn: tuple[Prefix, ...]
    origins: tuple[int, ...]
    faults: tuple[str, ...] = ()
    ended: int = 0

    @property
    def versions(self) -> frozenset[int]:
        """The versions of IP that it speaks of."""
        return frozenset({one.version for one in (*self.announced, *self.withdrawn)} | {self.ended} - {0})


def message_type(octets: bytes) -> int:
    """Return the type of a message with a sound header and the length that it names; 0 for anything else."""
    if len(octets) < _HEADER or octets[:16] != _MARKER or int.from_bytes(octets[16:18]) != len(octets):
        return 0
    return octets[18]


def read_update(octets: bytes, *, as_octets: int, add_path: bool = False) -> Update:
    """Read an UPDATE whole, with its header.

    :param as_octets: 2 or 4, how wide AS numbers of the path are
    :param add_path: each prefix has a path identifier in front (RFC 7911)
    """
    if message_type(octets) != UPDATE:
        return Update((), (), (), ("not-an-update",))
    body, faults = octets[_HEADER:], []
    gone_octets, rest, fault = _counted(body)
    attributes, reached, fault = _counted(rest) if not fault else (b"", b"", fault)
    if fault:
        return Update((), (), (), (fault,))
    announced: list[Prefix] = []
    withdrawn: list[Prefix] = []
    faults += _prefixes(gone_octets, 1, withdrawn, add_path=add_path)
    path, wide = None, None
    ended = 0 if len(body) > _EMPTY or faults else 4
    for kind, value in _attributes(attributes, faults):
        if kind == _AS_PATH:
            path = _segments(value, as_octets, faults)
        elif kind == _AS4_PATH:
            wide = _segments(value, 4, faults)
        elif kind == _MP_REACH:
            faults += _reached(value, announced, add_path=add_path)
        elif kind == _MP_UNREACH and (afi := _family(value)):
            faults += _prefixes(value[3:], afi, withdrawn, add_path=add_path)
            if (
                len(value) == _FAMILY
                and len(attributes) <= _FAMILY + 4
                and len(body) == len(attributes) + _EMPTY
            ):
                ended = _VERSIONS[afi]
    faults += _prefixes(reached, 1, announced, add_path=add_path)
    return Update(
        tuple(announced), tuple(withdrawn), _origins(path, wide if as_octets == 2 else None),  # noqa: PLR2004 - RFC 6793
        tuple(dict.fromkeys(faults)), ended,
    )  # fmt: skip


def read_attributes(octets: bytes) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the origins that the path attributes of a stored route name (AS numbers of 4 octets, RFC 6396, 4.3.4)."""
    faults: list[str] = []
    path = None
    for kind, value in _attributes(octets, faults):
        if kind == _AS_PATH:
            path = _segments(value, 4, faults)
    return _origins(path, None), tuple(dict.fromkeys(faults))


def read_prefix(octets: bytes, afi: int) -> tuple[Prefix, int] | None:
    """Return the prefix at the beginning and how many octets it takes; None when it is none."""
    if not octets or octets[0] > 8 * _OCTETS[afi]:
        return None
    taken = 1 + (octets[0] + 7) // 8
    if len(octets) < taken:
        return None
    address = int.from_bytes(octets[1:taken].ljust(_OCTETS[afi], b"\0"))
    # Bits beyond the length have no meaning (RFC 4271, 4.3).
    rest = 8 * _OCTETS[afi] - octets[0]
    kind = IPv4Network if afi == 1 else IPv6Network
    return kind((address >> rest << rest, octets[0])), taken


def prefix_of(text: str) -> Prefix:
    """Return a prefix that a person wrote. :raises ValueError: it is none, or has bits beyond its length."""
    return ip_network(text.strip())


def _counted(octets: bytes) -> tuple[bytes, bytes, str]:
    """Split off what a length of two octets in front counts."""
    if len(octets) < 2:  # noqa: PLR2004 - the length itself
        return b"", b"", "length-lies"
    end = 2 + int.from_bytes(octets[:2])
    return (b"", b"", "length-lies") if end > len(octets) else (octets[2:end], octets[end:], "")


def _prefixes(octets: bytes, afi: int, found: list[Prefix], *, add_path: bool) -> list[str]:
    at = 0
    while at < len(octets):
        at += 4 if add_path else 0
        read = read_prefix(octets[at : at + 17], afi)
        if read is None:
            return ["no-prefix"]
        found.append(read[0])
        at += read[1]
    return []


def _attributes(octets: bytes, faults: list[str]) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(octets):
        wide = octets[at] & _EXTENDED
        head = at + (4 if wide else 3)
        if head > len(octets):
            faults.append("attribute-lies")
            return
        end = head + int.from_bytes(octets[at + 2 : head])
        if end > len(octets):
            faults.append("attribute-lies")
            return
        yield octets[at + 1], octets[head:end]
        at = end


def _segments(octets: bytes, width: int, faults: list[str]) -> list[tuple[int, tuple[int, ...]]] | None:
    """Return the segments of a path, those of confederations left out; None when it can't be read."""
    found, at = [], 0
    while at < len(octets):
        end = at + 2 + width * octets[at + 1] if at + 1 < len(octets) else len(octets) + 1
        if end > len(octets):
            faults.append("path-lies")
            return None
        if octets[at] not in _CONFEDERATION:
            numbers = tuple(int.from_bytes(octets[one : one + width]) for one in range(at + 2, end, width))
            found.append((octets[at], numbers))
        at = end
    return found


def _reached(value: bytes, found: list[Prefix], *, add_path: bool) -> list[str]:
    afi = _family(value)
    if not afi:
        return []
    if len(value) < 5 or len(value) < 5 + value[3]:  # noqa: PLR2004 - AFI, SAFI, length of the next hop, reserved octet
        return ["attribute-lies"]
    return _prefixes(value[5 + value[3] :], afi, found, add_path=add_path)


def _family(value: bytes) -> int:
    """Return the AFI of unicast routes; 0 for families that aren't read (VPN, multicast, flow rules) and for none."""
    afi = int.from_bytes(value[:2])
    return afi if len(value) >= _FAMILY and afi in _OCTETS and value[2] == _UNICAST else 0


def _origins(
    path: list[tuple[int, tuple[int, ...]]] | None, wide: list[tuple[int, tuple[int, ...]]] | None
) -> tuple[int, ...]:
    # An AS4_PATH longer than the path is ignored (RFC 6793, 4.2.3).
    if path and wide and _length(wide) <= _length(path):
        path = wide
    if not path or not path[-1][1]:
        return ()
    kind, numbers = path[-1]
    return tuple(dict.fromkeys(numbers)) if kind == _SET else (numbers[-1],)


def _length(path: list[tuple[int, tuple[int, ...]]]) -> int:
    return sum(1 if kind == _SET else len(numbers) for kind, numbers in path)
