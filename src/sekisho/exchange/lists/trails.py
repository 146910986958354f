"""Maltrail trail files: one malware family a file; addresses with or without port among domains and URL paths.

The family is the file's name. Domains and URL paths are counted as others and not kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath

from sekisho.exchange.lists.entries import Entries
from sekisho.model.indicator import Indicator

NAME = "maltrail"

# What was meant as an address, right or wrong; a wrong one is rejected, not taken for a domain.
_FOUR = re.compile(r"(\d{1,4}(?:\.\d{1,4}){3}(?:/\d{1,3})?)(?::(\d+))?")
_SIX = re.compile(r"\[?([0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F.]*(?:/\d{1,3})?)\]?(?:(?<=\]):(\d+))?")


def sniff(head: str, name: str) -> bool:
    """Say whether the head names Maltrail or the file lies among trails."""
    return "/maltrail/" in head[:2000] or "Maltrail developers" in head[:2000] or "trails/static" in name


def read(octets: bytes, entries: Entries, options: Mapping[str, str]) -> None:
    """Read every line; option ``family`` stands in for the file's name."""
    family = options.get("family") or PurePath(options.get("name", "")).stem
    more = Indicator("", family=family)
    for number, line in enumerate(octets.decode("utf-8", "replace").splitlines(), 1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        found = _FOUR.fullmatch(word) or _SIX.fullmatch(word)
        if found is None:
            entries.other()
        else:
            entries.add(found[1], found[2] or "", str(number), more=more)
