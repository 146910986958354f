"""What the columns of delimited flow files are called, tool by tool, and how a file's own header is understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

START, END, DURATION = "flowStartMilliseconds", "flowEndMilliseconds", "flowDurationMilliseconds"
SOURCE, DESTINATION = "sourceAddress", "destinationAddress"
SOURCE_PORT, DESTINATION_PORT = "sourceTransportPort", "destinationTransportPort"
PROTOCOL, FLAGS = "protocolIdentifier", "tcpControlBits"
PACKETS, OCTETS = "packetDeltaCount", "octetDeltaCount"
#: RFC 5103 reverse counters, and totals of both directions.
REVERSE_PACKETS, REVERSE_OCTETS = "reversePacketDeltaCount", "reverseOctetDeltaCount"
TOTAL_PACKETS, TOTAL_OCTETS, STATE = "packetTotalCount", "octetTotalCount", "state"
INTERVAL = "samplingPacketInterval"
#: Whose flows they are; `exporter` itself is the option that says it for a whole file.
EXPORTER = "exporterColumn"

ROLES = (
    START, END, DURATION, SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT, PROTOCOL, FLAGS, PACKETS, OCTETS,
    REVERSE_PACKETS, REVERSE_OCTETS, TOTAL_PACKETS, TOTAL_OCTETS, STATE, INTERVAL,
    EXPORTER,
)  # fmt: skip
#: Without these a row is no flow; packets or octets must be there too.
NEEDED = (START, SOURCE, DESTINATION, PROTOCOL)

# AWS: "Flow log records", version 2, in the default order; files from CloudWatch have no header.
AWS_COLUMNS = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
#: Role → the tool's own column name.
PRESETS: Mapping[str, Mapping[str, str]] = {
    "sekisho": {**{role: role for role in ROLES}, EXPORTER: "exporter"},
    # nfdump 1.6 and 1.7 -o csv; times are local time of the machine that ran nfdump.
    "nfdump": {
        START: "ts", END: "te", DURATION: "td", SOURCE: "sa", DESTINATION: "da", SOURCE_PORT: "sp",
        DESTINATION_PORT: "dp", PROTOCOL: "pr", FLAGS: "flg", PACKETS: "ipkt", OCTETS: "ibyt",
    },
    # nfdump 1.7.4 and later -o csv.
    "nfdump-csv": {
        START: "firstSeen", END: "lastSeen", DURATION: "duration", SOURCE: "srcAddr", DESTINATION: "dstAddr",
        SOURCE_PORT: "srcPort", DESTINATION_PORT: "dstPort", PROTOCOL: "proto", FLAGS: "flags", PACKETS: "packets",
        OCTETS: "bytes",
    },
    # nfdump -o long; the two sides stand with their ports.
    "nfdump-long": {
        START: "start", DURATION: "duration", SOURCE: "source", DESTINATION: "destination", SOURCE_PORT: "sport",
        DESTINATION_PORT: "dport", PROTOCOL: "protocol", FLAGS: "flags", PACKETS: "packets", OCTETS: "octets",
    },
    # SiLK rwcut, default fields.
    "silk": {
        START: "sTime", END: "eTime", DURATION: "duration", SOURCE: "sIP", DESTINATION: "dIP", SOURCE_PORT: "sPort",
        DESTINATION_PORT: "dPort", PROTOCOL: "pro", FLAGS: "flags", PACKETS: "packets", OCTETS: "bytes",
    },
    # Argus ra -c, as CTU-13 publishes it (binetflow): counters of both directions and of the source.
    "argus": {
        START: "StartTime", DURATION: "Dur", SOURCE: "SrcAddr", DESTINATION: "DstAddr", SOURCE_PORT: "Sport",
        DESTINATION_PORT: "Dport", PROTOCOL: "Proto", STATE: "State", TOTAL_PACKETS: "TotPkts",
        TOTAL_OCTETS: "TotBytes", OCTETS: "SrcBytes", PACKETS: "SrcPkts",
    },
    "aws-vpc": {
        START: "start", END: "end", SOURCE: "srcaddr", DESTINATION: "dstaddr", SOURCE_PORT: "srcport",
        DESTINATION_PORT: "dstport", PROTOCOL: "protocol", PACKETS: "packets", OCTETS: "bytes", FLAGS: "tcp-flags",
    },
}  # fmt: skip
# A preset fits a header that has all of these.
_SIGNS: Mapping[str, tuple[str, ...]] = {
    "sekisho": (START, SOURCE, DESTINATION),
    "nfdump": ("ts", "te", "sa", "da", "pr", "ipkt"),
    "nfdump-csv": ("firstSeen", "srcAddr", "dstAddr", "proto"),
    "silk": ("sIP", "dIP", "sTime"),
    "argus": ("StartTime", "SrcAddr", "DstAddr", "TotPkts"),
    "aws-vpc": ("srcaddr", "dstaddr", "start", "protocol"),
}
LONG_HEADER = "Date first seen"
#: One line of nfdump -o long or -o line: start, duration, protocol, side → side, flags and type of service, counts.
_SIDE = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:]*"
LONG_LINE = (
    r"^(?P<start>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{8,15})\s+(?P<duration>[0-9:.]+)\s+(?P<protocol>[A-Za-z0-9-]+)\s+"
    rf"(?P<source>{_SIDE})[:.](?P<sport>[0-9]+(?:\.[0-9]+)?)\s+->\s+"
    rf"(?P<destination>{_SIDE})[:.](?P<dport>[0-9]+(?:\.[0-9]+)?)\s+"
    r"(?:(?P<flags>[.A-Za-z]{6,8})\s+[0-9]+\s+)?(?P<packets>[0-9]+)\s+(?P<octets>[0-9]+)(?:\s+[0-9]+)*\s*$"
)
_DELIMITERS = ",\t|;"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file's lines are to be read: column names in order, delimiter, and which column has which role."""

    names: list[str]
    delimiter: str
    roles: Mapping[str, str]
    preset: str
    header: bool


def split_names(line: str, delimiter: str = "") -> tuple[list[str], str]:
    """Return the column names of a header line and the delimiter (that which makes most columns when not given)."""
    if not delimiter:
        most = max(_DELIMITERS, key=line.count)
        # Some tools pad their columns with spaces; only a line without another delimiter is delimited by them.
        delimiter = most if most in line else " "
    return [name.strip().strip('"').strip() for name in line.split(delimiter)], delimiter


def preset_of(names: list[str]) -> str:
    """Return the preset whose columns a header has; an empty text when there is none."""
    return next((preset for preset, signs in _SIGNS.items() if set(signs) <= set(names)), "")


def shape_of(
    line: str,
    preset: str = "",
    mapping: Mapping[str, str] | None = None,
    header: str = "",
    delimiter: str = "",
) -> Shape:
    """Understand a file by its first line; ``mapping`` (role → column name) goes before the preset's names.

    ``header`` names the columns of a file that has no header line. Roles without a column are left out.
    """
    if line.startswith(LONG_HEADER) or preset == "nfdump-long":
        roles = PRESETS["nfdump-long"]
        return Shape(list(roles.values()), " ", roles, "nfdump-long", line.startswith(LONG_HEADER))
    names, found = split_names(line, delimiter)
    own = not header
    if preset == "aws-vpc" and own and "srcaddr" not in names:
        header, own = AWS_COLUMNS, False
    if header:
        names, _ = split_names(header)
    preset = preset or preset_of(names)
    wanted = {**PRESETS.get(preset, {}), **(mapping or {})}
    roles = {role: name for role, name in wanted.items() if name in names}
    return Shape(names, found, roles, preset, own)


def missing(shape: Shape) -> list[str]:
    """Return the roles that no column has and that a flow can't do without."""
    lost = [role for role in NEEDED if role not in shape.roles]
    counted = {PACKETS, OCTETS, TOTAL_PACKETS, TOTAL_OCTETS} & set(shape.roles)
    return lost if counted else [*lost, PACKETS]
