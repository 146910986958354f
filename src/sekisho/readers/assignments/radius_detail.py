"""RADIUS accounting, as FreeRADIUS writes it to detail files.

Question:
    Which user name had which address or delegated prefix, from when to when?
How:
    Each record becomes one statement per address or prefix. Start and Interim-Update say that the session runs, Stop that
    it ended; the begin is the moment of the event less Acct-Session-Time. Accounting-On and -Off end all sessions of
    their NAS. The moment is the server's ``Timestamp`` less Acct-Delay-Time; without it Event-Timestamp.
Evidence:
    User-Name, Framed-IP-Address, Framed-IPv6-Prefix, Framed-IPv6-Address, Delegated-IPv6-Prefix, times. No other
    attribute leaves the reader.
Limits:
    A record without the empty line behind it is still being written and waits for the next run. A time with a zone's
    abbreviation other than UTC needs the option ``zone``. Framed-Route and pools behind a netmask are not looked at.
Source:
    RFC 2866 sections 4 and 5; RFC 2869 section 5.3; RFC 3162; RFC 4818; RFC 6911; a real FreeRADIUS 3.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import BinaryIO
from zoneinfo import ZoneInfo

import pyarrow as pa

from sekisho.formats.assignment_rows import (
    CLOSED,
    EARLIEST,
    LATEST,
    OPEN,
    RESET,
    Rows,
    name_number,
    octets_of,
)
from sekisho.formats.local_time import zone_of
from sekisho.formats.whole_lines import WholeLines
from sekisho.language import Text
from sekisho.ports.flows import Options, Tally

_ROWS = 65_536
_ATTRIBUTE = re.compile(
    r'^[ \t]+([A-Za-z0-9-]+)(?::\d+)? [:+]?= (?:"((?:[^"\\]|\\.)*)"|(.*?))[ \t\r]*$', re.MULTILINE
)
_KINDS = {
    "start": OPEN, "1": OPEN, "interim-update": OPEN, "alive": OPEN, "3": OPEN, "stop": CLOSED, "2": CLOSED,
    "accounting-on": RESET, "7": RESET, "accounting-off": RESET, "8": RESET,
}  # fmt: skip
_ADDRESSES = ("Framed-IP-Address", "Framed-IPv6-Prefix", "Framed-IPv6-Address", "Delegated-IPv6-Prefix")
#: RFC 2865 section 5.8: the user or the NAS is to choose; no address.
_NO_ADDRESS = ("255.255.255.255", "255.255.255.254", "0.0.0.0")  # noqa: S104 - nothing is bound to it
_MOMENT = re.compile(r"^([A-Z][a-z]{2} +\d{1,2} \d{4} \d\d:\d\d:\d\d)(?: ([A-Za-z+-][\w+-]*))?$")
_DIGITS = 18
_LONGEST = 32  # bits of Acct-Session-Time


class _Fault(Exception):
    """A record that can't be used, and the reason id."""


class RadiusDetail:
    """Reader of FreeRADIUS detail files."""

    name = "radius_detail"
    title = Text(
        ja="RADIUS アカウンティング（FreeRADIUS の detail）", en="RADIUS accounting (FreeRADIUS detail)"
    )
    options: Mapping[str, Text] = {
        "zone": Text(ja="UTC 以外の Event-Timestamp の時間帯（例 Asia/Tokyo）", en="zone of Event-Timestamp other than UTC (such as Asia/Tokyo)"),
        "account": Text(ja="回線の識別に使う属性（既定は User-Name）", en="which attribute names the line (default: User-Name)"),
    }  # fmt: skip

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content tells
        """Say whether ``head`` holds an accounting record of a detail file."""
        return b"\tAcct-Status-Type = " in head and b"\0" not in head[:4096]

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield batches of statements."""
        zone = zone_of(options)
        rows, line = Rows(str(options.get("source") or self.name)), 1
        records = WholeLines(source, b"\n\n")
        account = str(options.get("account") or "User-Name")
        while block := records.read():
            for record in block.decode("utf-8", "replace").split("\n\n"):
                if record.strip():
                    try:
                        _statements(
                            record, line + len(record) - len(record.lstrip("\n")), rows, zone, account
                        )
                    except _Fault as fault:
                        tally.reject(str(fault), f"line {line}", 1)
                line += record.count("\n") + 2
                if len(rows) >= _ROWS:
                    tally.good(len(rows))
                    yield rows.batch()
            line -= 2
        if records.half.strip():
            tally.note("half-record-left-for-next-run")
        if len(rows):
            tally.good(len(rows))
            yield rows.batch()


def _statements(record: str, line: int, rows: Rows, zone: str, account: str) -> None:
    said: dict[str, list[str]] = {}
    for name, quoted, bare in _ATTRIBUTE.findall(record):
        value = quoted or bare
        said.setdefault(name, []).append(
            re.sub(r"\\(.)", r"\1", value) if quoted and "\\" in quoted else value
        )
    state = _KINDS.get(_first(said, "Acct-Status-Type").lower())
    if state is None:
        raise _Fault("no-accounting-record")
    moment = _moment(said, zone)
    if not EARLIEST <= moment <= LATEST:
        raise _Fault("impossible-time")
    nas = _first(said, "NAS-Identifier") or _first(said, "NAS-IP-Address") or _first(said, "NAS-IPv6-Address")
    scope = _scope(nas)
    if state == RESET:
        rows.add("", (bytes(16), 0), RESET, (moment, moment, moment), session=scope, scope=scope, line=line)
        return
    who, session = _first(said, account), _first(said, "Acct-Session-Id")
    if not who:
        raise _Fault("no-account")
    if not session:
        raise _Fault("no-session")
    begin = moment - _seconds(said, "Acct-Session-Time") * 1000
    if state == CLOSED and "Acct-Session-Time" not in said:
        begin = 0  # a Start that came before, or comes yet, knows it
    if begin and begin < EARLIEST:
        raise _Fault("impossible-interval")
    end = moment if state == CLOSED else 0
    for text, octets in _networks(said):
        number = name_number("radius", nas, session, text, who)
        rows.add(who, octets, state, (begin, end, moment), session=number, scope=scope, line=line)


def _networks(said: Mapping[str, list[str]]) -> list[tuple[str, tuple[bytes, int]]]:
    texts = [text for name in _ADDRESSES for text in said.get(name, ()) if text not in _NO_ADDRESS]
    if not texts:
        raise _Fault("no-address")
    try:
        return [(text, _octets(text)) for text in texts]
    except ValueError:
        raise _Fault("address") from None


@lru_cache(maxsize=1 << 16)
def _octets(text: str) -> tuple[bytes, int]:
    return octets_of(ip_network(text, strict=False) if "/" in text else ip_address(text))


@lru_cache(maxsize=1 << 12)
def _scope(nas: str) -> int:
    return name_number("radius", nas)


def _first(said: Mapping[str, list[str]], name: str) -> str:
    return said[name][0] if name in said else ""


def _seconds(said: Mapping[str, list[str]], name: str) -> int:
    text = _first(said, name) or "0"
    if not _number(text) or int(text) >> _LONGEST:
        raise _Fault("impossible-interval")
    return int(text)


def _number(text: str) -> bool:
    """Say whether it is a number of digits that `int` takes, and not thousands of them."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _moment(said: Mapping[str, list[str]], zone: str) -> int:
    """Return milliseconds of the event."""
    stamp, event = _first(said, "Timestamp"), _first(said, "Event-Timestamp")
    if _number(stamp):
        return (int(stamp) - _seconds(said, "Acct-Delay-Time")) * 1000
    if _number(event):
        return int(event) * 1000
    found = _MOMENT.match(event)
    if not found:
        raise _Fault("no-time")
    try:
        naive = datetime.strptime(found[1], "%b %d %Y %H:%M:%S")  # noqa: DTZ007 - the zone comes next
    except ValueError:
        raise _Fault("no-time") from None
    if found[2] in {"UTC", "GMT"}:
        return int(naive.replace(tzinfo=UTC).timestamp()) * 1000
    if not zone:
        raise _Fault("no-time-zone")
    if not 1 < naive.year < MAXYEAR:
        raise _Fault("impossible-time")  # a zone would lead out of the calendar
    sides = [naive.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
    if sides[0].utcoffset() != sides[1].utcoffset():
        raise _Fault("no-time-zone")  # an hour that a change of clocks makes twice, or never
    return int((naive - (sides[0].utcoffset() or timedelta())).replace(tzinfo=UTC).timestamp()) * 1000


READER = RadiusDetail()
