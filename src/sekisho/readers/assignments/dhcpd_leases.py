"""Leases of ISC dhcpd, IPv4 and IPv6 (addresses and delegated prefixes).

Question:
    Which client had which address or delegated prefix?
How:
    The file is a journal: the server appends a whole declaration whenever a lease changes. An active lease is a promise
    from its start to its end, which a later one of the same address shortens; a free, released or expired one ended then.
    The account is the relay agent's remote-id, else its circuit-id, else the uid (DUID), else the hardware address.
Evidence:
    Address or prefix, starts (IPv6: cltt), ends, binding state, the account.
Limits:
    A released IPv6 binding ended at its cltt, since its ends is still the promise. The begin of an IPv6 binding is the last word of its client; the declarations before it tell the time before. A
    declaration without its closing brace is still being written and waits for the next run.
Source:
    dhcpd.leases(5) and the file of a real ISC dhcpd 4.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import BinaryIO

import pyarrow as pa

from sekisho.formats.assignment_rows import CLOSED, EARLIEST, LATEST, LEASED, Rows, name_number, octets_of
from sekisho.formats.whole_lines import WholeLines
from sekisho.language import Text
from sekisho.ports.flows import Options, Tally

_ROWS = 65_536
_DECLARATION = re.compile(r"^(lease|ia-na|ia-ta|ia-pd) (\S.*?) \{\s*$(.*?)^\}\s*$", re.MULTILINE | re.DOTALL)
_INNER = re.compile(r"^\s+(iaaddr|iaprefix) (\S+) \{\s*$(.*?)^\s+\}\s*$", re.MULTILINE | re.DOTALL)
_TIME = r"\s+(?:never|epoch ([0-9]+)|\d (\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d))"
_STARTS, _ENDS, _CLTT = (
    re.compile(rf"^\s+{word}{_TIME}", re.MULTILINE) for word in ("starts", "ends", "cltt")
)
_STATE = re.compile(r"^\s+binding state (\w+);", re.MULTILINE)
_OWNERS = {
    "remote-id": re.compile(r"^\s+option agent\.remote-id (.+);$", re.MULTILINE),
    "circuit-id": re.compile(r"^\s+option agent\.circuit-id (.+);$", re.MULTILINE),
    "uid": re.compile(r'^\s+uid "((?:[^"\\]|\\.)*)";', re.MULTILINE),
    "hardware": re.compile(r"^\s+hardware \S+ (\S+);", re.MULTILINE),
}
_NEVER = LATEST
_DIGITS = 12
_GONE = {"free", "released", "expired", "abandoned", "backup", "reset"}


class DhcpdLeases:
    """Reader of dhcpd.leases and dhcpd6.leases."""

    name = "dhcpd_leases"
    title = Text(ja="ISC dhcpd のリースファイル", en="leases of ISC dhcpd")
    options: Mapping[str, Text] = {
        "account": Text(ja=f"回線の識別（{'、'.join(_OWNERS)}。既定はこの順）", en=f"what names the line ({', '.join(_OWNERS)}; default: the first there)"),
        "server": Text(ja="サーバーの名前（複数台あるとき）", en="the server's name (when there are several)"),
    }  # fmt: skip

    def detect(self, head: bytes, name: str) -> bool:
        """Say whether ``head`` is a lease file."""
        text = head.decode("ascii", "replace")
        return bool(re.search(r"^(lease [\d.]+ \{|ia-(na|ta|pd) \")", text, re.MULTILINE)) or (
            "isc-dhcp" in text[:2000] and "leases" in name
        )

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield batches of statements."""
        rows, line = Rows(str(options.get("source") or self.name)), 1
        scope = name_number(self.name, str(options.get("server") or ""))
        owner = str(options.get("account") or "")
        records = WholeLines(source, b"\n}\n")
        while block := records.read():
            text = block.decode("latin-1")
            at = 0
            for found in _DECLARATION.finditer(text):
                line += text.count("\n", at, found.start())
                at = found.start()
                for reason in _statements(found, rows, (scope, line), owner):
                    tally.reject(reason, f"line {line}", 1)
                if len(rows) >= _ROWS:
                    tally.good(len(rows))
                    yield rows.batch()
            line += text.count("\n", at)
        if re.search(rb"^(lease|ia-)", records.half, re.MULTILINE):
            tally.note("half-record-left-for-next-run")
        if len(rows):
            tally.good(len(rows))
            yield rows.batch()


def _statements(found: re.Match[str], rows: Rows, place: tuple[int, int], owner: str) -> Iterator[str]:
    """Add what a declaration says; yield reasons of what can't be used."""
    kind, key, body = found.groups()
    if kind == "lease":
        account = next((name for name in _owners(body, owner)), "")
        yield from _one((kind, key), body, account, _time(_STARTS, body), rows, place)
        return
    octets = _octets(key.strip('"'))
    account = "duid:" + octets[4:].hex(":")
    for inner in _INNER.finditer(body):
        yield from _one((kind, inner[2]), inner[3], account, _time(_CLTT, body), rows, place)


def _one(
    what: tuple[str, str], body: str, account: str, begin: int, rows: Rows, place: tuple[int, int]
) -> Iterator[str]:
    kind, text = what
    state = _STATE.search(body)
    end = _time(_ENDS, body)
    try:
        network = octets_of(ip_network(text) if "/" in text else ip_address(text))
    except ValueError:
        yield "address"
        return
    if state and state[1] in _GONE and not account:
        return  # never given to anybody
    if not account:
        yield "no-account"
        return
    if not EARLIEST <= begin <= LATEST or not EARLIEST <= end <= LATEST:
        yield "impossible-time"
        return
    if end < begin:
        yield "ends-before-begin"
        return
    scope, line = place
    gone = state is not None and state[1] in _GONE
    if gone and state is not None and kind != "lease" and state[1] != "expired":
        end = begin  # cltt is when the client gave it back; ends is still the old promise
    session = name_number("dhcpd", str(scope), text, account, str(begin))
    times = (begin, end, end if gone else begin)
    rows.add(account, network, CLOSED if gone else LEASED, times, session=session, scope=scope, line=line)


def _owners(body: str, wanted: str) -> Iterator[str]:
    for name, pattern in _OWNERS.items():
        if (not wanted or wanted == name) and (found := pattern.search(body)):
            yield f"{name}:{_octets(found[1]).hex(':') if name == 'uid' else found[1].strip(chr(34))}"


def _time(pattern: re.Pattern[str], body: str) -> int:
    """Return milliseconds of a time, which is UTC (or the epoch, with db-time-format local); -1 when there is none, or no such."""
    found = pattern.search(body)
    if not found:
        return -1
    if found[1]:
        return int(found[1]) * 1000 if len(found[1]) <= _DIGITS else -1
    if not found[2]:
        return _NEVER
    try:
        moment = datetime(*(int(part) for part in found.groups()[1:]), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return -1
    return int(moment.timestamp()) * 1000


def _octets(text: str) -> bytes:
    """Return the octets of a text with octal escapes."""
    pieces = re.findall(r"\\([0-7]{3})|\\(.)|([^\\])", text, re.DOTALL)
    return b"".join(
        bytes([int(octal, 8) & 255]) if octal else (escaped or plain).encode("latin-1")
        for octal, escaped, plain in pieces
    )


READER = DhcpdLeases()
