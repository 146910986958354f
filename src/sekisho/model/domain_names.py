"""Domain names that must never stand on a list: what isn't a name, what names far too much, what very many lines need.

A list of names ends in resolvers. There a name can be a command (the trigger of a response policy is a name that ends in
``rpz-ip``, with an address written into it), and a name high up takes a whole country's names away.
Source of the triggers: draft-vixie-dnsop-dns-rpz, section 4; special names: RFC 6761, RFC 9476.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONGEST = 253
_TOP = 2
_LOCAL = frozenset({"alt", "arpa", "internal", "invalid", "local", "localhost", "onion"})


class CommonNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of names beforehand (``catalogues/popular_names.toml``).

    :ivar registries: names directly under a top level of two letters under which others register: ``co``, ``com``
    :ivar suffixes: further names under which others register: they are held, not what is below
    :ivar regions: pairs of a top level and names below it whose children are registries themselves
    :ivar services: names that very many lines need, with all that is below
    """

    registries: frozenset[str] = frozenset()
    suffixes: frozenset[str] = frozenset()
    regions: frozenset[tuple[str, str]] = frozenset()
    services: frozenset[str] = frozenset()


def misleading(name: str) -> str:
    """Return why a text can't be a name on a list; empty when it can."""
    labels = name.split(".")
    if len(name) > _LONGEST or len(labels) < _TOP or not all(map(_LABEL.fullmatch, labels)):
        return "no domain name of small letters, digits and - with two labels at least"
    if _NUMBER.fullmatch(labels[-1]):
        return "an address isn't a domain name"
    if any(label.startswith("rpz-") for label in labels):
        return "a trigger of a response policy isn't a domain name"
    return ""


def held(name: str, common: CommonNames, own: Iterable[str] = ()) -> str:
    """Return the reason why a name is held back, empty for none.

    ``own-name`` and ``popular-name`` for a name at, below or above one of them; ``public-suffix`` for one under which
    others register, and for one above; ``special-name`` for one that the DNS of the Internet doesn't hold.
    """
    labels = name.split(".")
    if misleading(name) or labels[-1] in _LOCAL:
        return "special-name"
    if any(_touches(name, one) for one in own):
        return "own-name"
    above = {".".join(labels[at:]) for at in range(len(labels))}
    if _suffix(name, labels, common):
        return "public-suffix"
    if above & common.services or any(one.endswith("." + name) for one in common.services):
        return "popular-name"
    return ""


def _suffix(name: str, labels: list[str], common: CommonNames) -> bool:
    if name in common.suffixes or any(one.endswith("." + name) for one in common.suffixes):
        return True
    if len(labels) == _TOP and len(labels[1]) == _TOP and labels[0] in common.registries:
        return True
    return len(labels) in {_TOP, _TOP + 1} and (labels[-1], labels[-2]) in common.regions


def _touches(name: str, other: str) -> bool:
    return name == other or name.endswith("." + other) or other.endswith("." + name)
