"""What runs of a console may reach: bounds that only whoever has the machine sets, in ``assess.toml``.

A tick in the browser is one person's word. What it may at most allow stands in a file that no browser writes, and this
machine's own addresses are no terminals: the packet capture of such a run would hold the console's own conversations.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import AuthorisationError, DescriptionError
from sekisho.language import Text

if TYPE_CHECKING:
    from ipaddress import IPv4Network

    from sekisho.model.assess_run import RunRules

_FILE = Text(ja="この計算機の assess.toml が決める", en="assess.toml on this machine decides; see the manual")
_MAPPED_BITS = 96
# Control characters, surrogates, separators of lines and paragraphs (Unicode's general categories).
_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})


def plain(address: str) -> IPv4Address | IPv6Address:
    """Return an address by which two spellings of one terminal are the same: no zone, no IPv4 within IPv6.

    :raises DescriptionError: it is none
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError as error:
        raise DescriptionError(Text(ja="IPアドレスではない", en="not an IP address"), address[:80]) from error
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed


def check(rules: RunRules, addresses: Iterable[str], prefixes: Iterable[str], *, public: bool) -> None:
    """Refuse a run that leaves the bounds.

    :param addresses: the terminal's; ``prefixes`` what its authorisation allows
    :param public: whether somebody ticked that public addresses are meant
    :raises AuthorisationError: own, outside, or public without both the file and the tick
    :raises DescriptionError: the bounds can't be read
    """
    from sekisho.wires.own_addresses import is_own

    own, inside, outside = (_parsed(one) for one in (rules.own, rules.prefixes, rules.public))
    wide = (*own, *inside, *(outside if public else ()))
    for one in addresses:
        if is_own(one):
            if not any(plain(one) in prefix for prefix in own):
                raise AuthorisationError(
                    Text(ja="この計算機自身のアドレスである", en="an address of this machine itself"),
                    one, _FILE,
                )  # fmt: skip
        elif not any(plain(one) in prefix for prefix in wide):
            raise _outside(one)
    for text in prefixes:
        wanted = _parsed((text,))[0]
        if not any(_within(wanted, prefix) for prefix in wide):
            raise _outside(text)


def check_words(wanted: msgspec.Struct) -> None:
    """Refuse control characters and halves of characters in what was typed: no file or command line takes them.

    :raises DescriptionError: naming the field
    """
    for field, value in msgspec.structs.asdict(wanted).items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and any(unicodedata.category(sign) in _NO_TEXT for sign in text):
                raise DescriptionError(
                    Text(ja="文字でないものが入っている", en="signs that are no text"), field
                )


def check_days(rules: RunRules, days: int) -> None:
    """Refuse an authorisation that is given for longer than one may be. :raises AuthorisationError: it is."""
    if days > rules.most_days:
        raise AuthorisationError(
            Text(
                ja=f"許可は長くて {rules.most_days} 日",
                en=f"an authorisation lasts {rules.most_days} days at most",
            ),
            str(days),
            _FILE,
        )


def _outside(text: str) -> AuthorisationError:
    return AuthorisationError(
        Text(ja="ここから評価してよい範囲の外である", en="outside of what may be assessed from here"),
        text,
        _FILE,
    )


def _parsed(texts: Sequence[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(_network(one) for one in texts)
    except ValueError as error:
        raise DescriptionError(
            Text(ja="アドレスの範囲が読めない", en="an address prefix can't be read"), str(error)[:200]
        ) from error


def _network(text: str) -> IPv4Network | IPv6Network:
    found = ip_network(text.partition("%")[0], strict=False)
    if isinstance(found, IPv6Network) and found.prefixlen >= _MAPPED_BITS:
        mapped = found.network_address.ipv4_mapped
        if mapped is not None:
            return ip_network(f"{mapped}/{found.prefixlen - _MAPPED_BITS}")
    return found


def _within(wanted: IPv4Network | IPv6Network, prefix: IPv4Network | IPv6Network) -> bool:
    return (
        wanted.version == prefix.version
        and wanted.network_address in prefix
        and wanted.broadcast_address in prefix
    )
