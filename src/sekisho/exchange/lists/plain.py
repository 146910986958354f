"""One entry a line: ``address``, ``address:port``, ``[v6]:port`` or CIDR, with ``#``, ``;`` or ``//`` comments."""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.exchange.lists.entries import Entries, endpoint

NAME = "plain"


def sniff(head: str, name: str) -> bool:  # noqa: ARG001 - all forms are asked alike
    """Say whether the first line that is no comment begins with a digit or a bracket and is one word."""
    for line in head.splitlines():
        word = bare(line)
        if word:
            return len(word.split()) == 1 and "," not in word and (word[0] in "[:" or word[0].isalnum())
    return True


def read(octets: bytes, entries: Entries, options: Mapping[str, str]) -> None:  # noqa: ARG001 - all alike
    """Read every line; what is no address is rejected with its line number."""
    for number, line in enumerate(octets.decode("utf-8", "replace").splitlines(), 1):
        word = bare(line)
        if not word:
            continue
        address, port, protocol = endpoint(word)
        entries.add(address, port, str(number), protocol=protocol)


def bare(line: str) -> str:
    """Return a line without its comment and edges."""
    line = line.lstrip("\ufeff").strip()
    if line.startswith(("#", ";", "//")):
        return ""
    for mark in ("#", ";", " //", "\t//"):
        line = line.partition(mark)[0]
    return line.strip()
