"""CSV with a header line (also one inside a comment): Feodo Tracker, ThreatFox, URLhaus by their column names, others by a mapping.

Of a URL only the host is looked at, and only when it is an address; the URL itself is never kept. Options name the
columns of other tables: ``address``, ``port``, ``protocol``, ``family``, ``confidence``, ``first_seen``,
``last_seen``, ``valid_from``, ``valid_until``, ``reference``; usual names are found without options.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from sekisho.exchange.lists.entries import (
    Entries,
    address_range,
    confidence,
    endpoint,
    milliseconds,
    protocol_number,
)
from sekisho.model.indicator import Indicator

NAME = "csv"

Row = Mapping[str, str]

_USUAL = {
    "address": ("dst_ip", "ip", "ip_address", "ipaddress", "address", "addr", "indicator", "network", "cidr", "prefix", "ioc", "host"),
    "port": ("dst_port", "port", "dport", "destination_port"),
    "protocol": ("protocol", "proto"),
    "family": ("malware", "family", "malware_family", "malware_printable", "botnet"),
    "confidence": ("confidence", "confidence_level"),
    "first_seen": ("first_seen_utc", "first_seen", "firstseen", "dateadded"),
    "last_seen": ("last_online", "last_seen_utc", "last_seen", "lastseen"),
    "valid_from": ("valid_from",),
    "valid_until": ("valid_until", "expires", "expiration"),
    "reference": ("id", "ioc_id", "reference"),
}  # fmt: skip
FIELDS = tuple(_USUAL)
_NOTHING = {"", "none", "null", "n/a", "-"}
_HEADER_LINES = 200


def sniff(head: str, name: str) -> bool:
    """Say whether there is a header that names an address column (or the name ends in .csv)."""
    return _header(head.splitlines(), {}) is not None or name.lower().endswith(".csv")


def read(octets: bytes, entries: Entries, options: Mapping[str, str]) -> None:
    """Read every row below the header."""
    lines = octets.decode("utf-8-sig", "replace").splitlines()
    found = _header(lines, options)
    if found is None:
        entries.reject("1", "no-header", "no line names a column of addresses")
        return
    at, names = found
    mapping = {field: options.get(field) or _usual(field, names) for field in FIELDS}
    for number, row in _rows(lines, at, names):
        if row is None:
            # The line is not repeated: it may hold a URL, and that a code or a name.
            entries.reject(str(number), "bad-row")
            continue
        with entries.each(str(number)):
            if {"url", "url_status"} <= set(names):
                _urlhaus(row, str(number), entries)
            elif "ioc_value" in names:
                _threatfox(row, str(number), entries)
            else:
                _add(row, mapping, str(number), entries)


def _header(lines: list[str], options: Mapping[str, str]) -> tuple[int, list[str]] | None:
    """Return the line index and names of the header; abuse.ch writes it into the last comment line."""
    found = None
    for index, line in enumerate(lines[:_HEADER_LINES]):
        comment = line.lstrip().startswith("#")
        names = _cells(line.lstrip("# ").strip()) or []
        names = [name.strip().lower() for name in names]
        known = (
            set(_USUAL["address"]) | {"ioc_value"} | ({options["address"]} if "address" in options else set())
        )
        if len(names) > 1 and (known & set(names) or {"url", "url_status"} <= set(names)):
            found = index, names
        if line.strip() and not comment:
            break
    return found


def _rows(lines: list[str], at: int, names: list[str]) -> Iterator[tuple[int, Row | None]]:
    """Yield line numbers and rows; None for a row with another count of cells. A row is one line."""
    for number, line in enumerate(lines[at + 1 :], at + 2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = _cells(line)
        yield number, dict(zip(names, cells, strict=True)) if cells and len(cells) == len(names) else None


def _cells(line: str) -> list[str] | None:
    try:
        return next(csv.reader([line], skipinitialspace=True, strict=True), [])
    except csv.Error:
        return None


def _usual(field: str, names: list[str]) -> str:
    return next((name for name in _USUAL[field] if name in names), "")


def _said(row: Row, name: str) -> str:
    value = row.get(name, "").strip()
    return "" if value.lower() in _NOTHING else value


def _add(row: Row, mapping: Mapping[str, str], where: str, entries: Entries) -> None:
    value = {field: _said(row, name) for field, name in mapping.items()}
    address, port, protocol = endpoint(value["address"])
    entries.add(
        address,
        value["port"] or port,
        where,
        protocol=protocol_number(value["protocol"]) if value["protocol"] else protocol,
        first_seen=milliseconds(value["first_seen"]),
        last_seen=milliseconds(value["last_seen"]),
        more=Indicator(
            "",
            family=value["family"],
            confidence=confidence(value["confidence"]),
            valid_from=milliseconds(value["valid_from"]),
            valid_until=milliseconds(value["valid_until"]),
            reference=value["reference"] or where,
        ),
    )


def _threatfox(row: Row, where: str, entries: Entries) -> None:
    if row.get("ioc_type", "").strip() not in {"ip:port", "ip"}:
        entries.other()
        return
    mapping = {field: _usual(field, list(row)) for field in FIELDS} | {
        "address": "ioc_value",
        "port": "",
        "reference": "ioc_id",
    }
    _add(row, mapping, where, entries)


def _urlhaus(row: Row, where: str, entries: Entries) -> None:
    """A download server: the host when it is an address, with the port it names or its scheme has."""
    try:
        parts = urlsplit(row["url"].strip())
        host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        # The URL is not repeated: it may name a person or a file.
        entries.reject(where, "bad-url", row.get("id", ""))
        return
    try:
        address_range(host, entries.limits.allow)
    except ValueError as fault:
        if str(fault) == "bad-address":
            entries.other()
            return
    entries.add(
        host,
        port,
        where,
        protocol=6,
        first_seen=milliseconds(row.get("dateadded")),
        last_seen=milliseconds(row.get("last_online")),
        more=Indicator("", reference=row.get("id", "") or where),
    )
