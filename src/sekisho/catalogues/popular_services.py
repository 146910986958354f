"""Addresses that very many lines use for good reasons, as data: a guard against poisoned lists of C&C servers."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from functools import cache
from ipaddress import ip_network
from pathlib import Path

import msgspec

from sekisho.errors import CatalogueError
from sekisho.language import Text
from sekisho.model.indicator import Service

_FILE = Path(__file__).with_name("popular_services.toml")
_KINDS = frozenset({"root-server", "resolver", "ntp", "cdn"})


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    kind: str
    confidence: str
    source: str
    networks: tuple[str, ...]
    checked: date | None = None


@cache
def popular_services() -> tuple[Service, ...]:
    """Return every network of ``popular_services.toml``.

    :raises CatalogueError: for an unknown kind, a bad network or a missing field
    """
    try:
        found = tomllib.loads(_FILE.read_text("utf-8"))
        rows = msgspec.convert(found["service"], tuple[_Row, ...])
        services = tuple(
            Service(str(ip_network(network)), row.name, row.kind, row.source, row.confidence)
            for row in rows
            for network in row.networks
        )
    except (KeyError, ValueError, tomllib.TOMLDecodeError, msgspec.ValidationError) as fault:
        raise CatalogueError(
            Text(ja="よく使われるサービスの表が読めない", en="the table of popular services can't be read"),
            f"{_FILE.name}: {fault}",
        ) from fault
    unknown = {row.kind for row in rows} - _KINDS
    if unknown:
        raise CatalogueError(
            Text(ja="知らない種別がある", en="there is an unknown kind"), f"{_FILE.name}: {sorted(unknown)}"
        )
    return services


def own_services(networks: Iterable[str]) -> tuple[Service, ...]:
    """Return networks that somebody keeps off lists beside the table.

    :raises CatalogueError: one of them is no network
    """
    try:
        return tuple(Service(str(ip_network(one)), "own", "protected", "settings", "A") for one in networks)
    except ValueError as fault:
        raise CatalogueError(
            Text(ja="守るアドレス帯の設定に誤りがある", en="a network that is to be protected is none"),
            str(fault),
        ) from fault
