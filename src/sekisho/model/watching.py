"""Settings of a watch: whose lines, which lists, how long records are kept; one TOML file in the data folder."""

from __future__ import annotations

import msgspec

from sekisho.model.containment import Containing
from sekisho.model.identity import Role
from sekisho.model.purpose import LegalBasis, Purpose
from sekisho.model.verdict import Scalar

# What a watch without any settings looks at: addresses that are nobody's on the Internet (RFC 1918, 6598, 4193).
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")


class Watching(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator decides about the watch.

    :ivar customers: prefixes of the watched lines; everything else is "the other side"
    :ivar prefix_preserving: pseudonyms keep common prefixes (shows which lines are neighbours; off by default)
    :ivar delegated: prefix length that an IPv6 line is given
    :ivar lists: files of known C&C servers, in any of the forms that `exchange.lists` reads
    :ivar basis: the legal ground on which flow records are looked at
    :ivar purposes: what the records may be used for
    :ivar days: how long flow records are kept; never longer than the hard maximum of the catalogue
    :ivar shards: number of shards by line
    :ivar exporters: addresses that may send flow records; empty for any
    :ivar ports: UDP ports of the collector
    :ivar listen: addresses of the collector
    :ivar packet_ring: datagrams are taken out of a packet ring where there can be one
    :ivar detect: the operator's own thresholds, by detector and name
    :ivar keep: days to keep the data of other stages, as ``candidate = 14``; never longer than the catalogue's maximum
    :ivar casework: the operator's own values of the catalogue ``casework.toml``
    :ivar people: named persons and their role: viewer, analyst, sender or admin
    :ivar four_eyes: re-identification needs a second person
    :ivar request_hours: how long the first person's request waits for the second
    :ivar containment: what a proposed rule may match, for how long, and which legal grounds are on record
    :ivar assignments: how logs of assignment are weighed, in seconds: ``skew`` of clocks (2), ``longest_open`` for a
        session without a Stop (604800), ``silence`` of a log that still counts as covering the time (86400)
    :ivar database: URL of the PostgreSQL that keeps cases, notices and the audit log; empty: SQLite in the data folder
    """

    customers: tuple[str, ...] = PRIVATE
    prefix_preserving: bool = False
    delegated: int = 56
    lists: tuple[str, ...] = ()
    basis: LegalBasis = LegalBasis.LEGITIMATE_BUSINESS
    purposes: tuple[Purpose, ...] = (Purpose.CC_DETECTION, Purpose.ATTACK_DETECTION)
    days: float | None = None
    shards: int = 4
    exporters: tuple[str, ...] = ()
    ports: tuple[int, ...] = (2055, 4739, 6343)
    listen: tuple[str, ...] = ("127.0.0.1", "::1")
    packet_ring: bool = False
    detect: dict[str, dict[str, Scalar]] = {}
    keep: dict[str, float] = {}
    people: dict[str, Role] = {}
    four_eyes: bool = False
    request_hours: float = 24.0
    containment: Containing = Containing()
    assignments: dict[str, float] = {}
    database: str = ""
    casework: dict[str, int] = {}
