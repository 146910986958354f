"""Zeek Intelligence Framework files: tab-separated with a ``#fields`` line; ``Intel::ADDR`` and ``Intel::SUBNET`` are read."""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.exchange.lists.entries import Entries
from sekisho.model.indicator import Indicator

NAME = "zeek-intel"


def sniff(head: str, name: str) -> bool:
    """Say whether there is a ``#fields`` line with an indicator."""
    return (head.lstrip().startswith("#fields\t") and "indicator" in head[:200]) or name.endswith(".intel")


def read(octets: bytes, entries: Entries, options: Mapping[str, str]) -> None:  # noqa: ARG001 - all alike
    """Read every line by the names of the last ``#fields`` line; other indicator types are counted as others."""
    names: list[str] = []
    for number, line in enumerate(octets.decode("utf-8", "replace").splitlines(), 1):
        if line.startswith("#fields"):
            names = line.split("\t")[1:]
        if not line.strip() or line.startswith("#"):
            continue
        row = dict(zip(names, line.split("\t"), strict=False))
        if "indicator" not in row or "indicator_type" not in row:
            entries.reject(str(number), "no-fields")
        elif row["indicator_type"].strip() in {"Intel::ADDR", "Intel::SUBNET"}:
            said = " ".join(row.get(name, "") for name in ("meta.source", "meta.desc")).strip()
            more = Indicator("", reference=f"{number} {said}"[:200].strip())
            entries.add(row["indicator"], "", str(number), more=more)
        else:
            entries.other()
