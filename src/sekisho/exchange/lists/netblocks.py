"""Lists of networks and noisy addresses: Spamhaus DROP (text and JSON lines), DShield blocks, IPsum.

They say "bad", not "C&C": a match with one of them is weaker than one with a list of servers, and entries of this
kind have no port. IPsum's count of lists goes into the reference; option ``least`` leaves out what fewer lists name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address

import msgspec

from sekisho.exchange.lists.entries import Entries
from sekisho.model.indicator import Indicator

NAME = "netblocks"

_COUNT = re.compile(r"\s*[0-9]{1,9}\s*")


def sniff(head: str, name: str) -> bool:  # noqa: ARG001 - all forms are asked alike
    """Say whether it looks like DROP, a DShield block list or IPsum."""
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith(("#", ";"))]
    first = lines[0] if lines else ""
    return (
        "Spamhaus" in head[:500]
        or '"sblid"' in first
        or "; SBL" in first
        or first.lower().startswith("start\tend\tnetmask")
        or _is_block(first.split("\t"))
        or _is_count(first.split("\t"))
    )


def read(octets: bytes, entries: Entries, options: Mapping[str, str]) -> None:
    """Read every line by its own shape."""
    said = options.get("least", "1") or "1"
    least = int(said[:9]) if said.isascii() and said.isdigit() else 1
    for number, raw in enumerate(octets.decode("utf-8", "replace").splitlines(), 1):
        line, where = raw.strip(), str(number)
        cells = line.split("\t")
        if not line or line.startswith(("#", ";")) or line.lower().startswith("start\t"):
            continue
        if line.startswith("{"):
            with entries.each(where):
                _object(line, where, entries)
        elif _is_block(cells):
            with entries.each(where):
                _block(cells, where, entries)
        elif _is_count(cells):
            if int(cells[1]) >= least:
                entries.add(cells[0], "", where, more=Indicator("", reference=f"{number} lists={cells[1]}"))
            else:
                entries.other()
        else:
            address, _, note = line.partition(";")
            more = Indicator("", reference=f"{number} {note.strip()}".strip())
            entries.add(address, "", where, more=more)


def _object(line: str, where: str, entries: Entries) -> None:
    try:
        found = msgspec.json.decode(line.encode(), type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        entries.reject(where, "bad-json", line[:80])
        return
    if found.get("type") == "metadata":
        return
    more = Indicator("", reference=f"{where} {found.get('sblid', '')}".strip())
    entries.add(str(found.get("cidr", "")), "", where, more=more)


def _block(cells: list[str], where: str, entries: Entries) -> None:
    """Start, end, length: the three must agree."""
    try:
        first, last, length = IPv4Address(cells[0]), IPv4Address(cells[1]), int(cells[2][:9])
    except (AddressValueError, ValueError):
        entries.reject(where, "bad-address", " ".join(cells[:3])[:80])
        return
    if not 0 <= length <= 32 or int(last) - int(first) + 1 != 1 << (32 - length):  # noqa: PLR2004 - IPv4
        entries.reject(where, "range-mismatch", " ".join(cells[:3])[:80])
        return
    entries.add(f"{first}/{length}", "", where)


def _is_block(cells: list[str]) -> bool:
    return len(cells) > 2 and all(cell.count(".") == 3 for cell in cells[:2])  # noqa: PLR2004 - start, end, length


def _is_count(cells: list[str]) -> bool:
    return len(cells) == 2 and cells[0].count(".") == 3 and _COUNT.fullmatch(cells[1]) is not None  # noqa: PLR2004 - two cells
