"""What a proposal may never be: too long, too wide, towards what everybody needs, or without its legal ground.

Every check gives faults (stable id of `FAULTS` and a detail); a proposal with any is refused, never trimmed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network

from sekisho.language import Text
from sekisho.model.containment import (
    MOST_HOURS,
    MOST_LINE_HOURS,
    MOST_SELECTORS,
    SCOPES,
    SHORTEST4,
    SHORTEST6,
    TAKES_HOLES,
    TAKES_REMOTES,
    TCP,
    UDP,
    Containing,
    Endpoint,
    Kind,
    Match,
    Radius,
    Scope,
)
from sekisho.model.indicator import Service

Fault = tuple[str, str]
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# In a policy zone such labels are no name but a trigger or an action of another sort (rpz-ip, rpz-client-ip, rpz-nsip …).
_POLICY_LABEL = "rpz-"
_GUARD = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
# A name in a policy zone stands before the zone's own, and both together may have 255 octets (RFC 1035).
_LONGEST_NAME = 180
_PRIVATE = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
# Special-use names that never are a C&C server of the Internet (RFC 6761, 6762, 7686, 8375).
_SPECIAL = ("arpa", "local", "localhost", "onion", "invalid", "test", "internal")
# Below so many lines a share says nothing.
_LINES_LEAST = 20


def canonical_name(text: str) -> str:
    """Return a domain name in lower case without its last dot; empty when it is none that a zone may hold.

    Letters, digits, hyphen and underscore only, two labels at least, no wildcard: nothing that could end a line, and no
    label that a policy zone reads as an address or an action.
    """
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    fits = len(name) <= _LONGEST_NAME and len(labels) > 1 and all(map(_LABEL.fullmatch, labels))
    policy = any(one.startswith(_POLICY_LABEL) for one in labels)
    return name if fits and not policy and not labels[-1].isdigit() else ""


def faults(
    kind: Kind,
    match: Match,
    hours: float,
    settings: Containing,
    *,
    own: Sequence[str],
    services: Sequence[Service],
    today: date,
) -> list[Fault]:
    """Return why this may not be proposed; ``own`` are the operator's prefixes, ``services`` what everybody uses."""
    if wrong := list(_settings(settings, own)):
        return wrong
    return [
        *_ground(kind, match, settings, today),
        *_time(match, hours, settings),
        *_shape(kind, match),
        *(fault for one in match.remotes for fault in _remote(one, settings, own, services)),
        *(fault for one in match.names for fault in _name(one, settings)),
    ]


def too_popular(radius: Radius, match: Match, settings: Containing) -> list[Fault]:
    """Return a fault when an endpoint out there is used by too large a share of the watched lines."""
    if not match.remotes or not radius.measured or radius.lines < _LINES_LEAST:
        return []
    share = radius.lines / max(1, radius.watched)
    return (
        [("popular-here", f"{radius.lines} / {radius.watched} > {settings.most_share}")]
        if share > settings.most_share
        else []
    )


def _settings(settings: Containing, own: Sequence[str]) -> Iterator[Fault]:
    """Yield guards that can't be read: a guard that isn't understood must not be passed by."""
    for text in (*own, *settings.protected, *settings.managers, settings.blackhole4, settings.blackhole6):
        try:
            ip_network(text, strict=False)
        except ValueError:
            yield "settings", text[:80]
    for name in settings.protected_names:
        if not _GUARD.fullmatch(name.lower().strip(".")):
            yield "settings", name[:80]


def _time(match: Match, hours: float, settings: Containing) -> Iterator[Fault]:
    line = match.scope is Scope.LINE
    most = min(settings.most_hours, MOST_HOURS)
    most = min(most, settings.most_line_hours, MOST_LINE_HOURS) if line else most
    if not 0 < hours <= most:
        yield "expiry", f"{hours:g} h: 0 < h <= {most:g}"


def _shape(kind: Kind, match: Match) -> Iterator[Fault]:
    wanted = 1 if kind is not Kind.COA else 0
    if (bool(match.remotes) + bool(match.names) + bool(match.hole)) != wanted:
        yield "nothing", kind.value
    if match.remotes and kind not in TAKES_REMOTES:
        yield "kind", f"{kind.value}: remotes"
    if match.hole and kind not in TAKES_HOLES:
        yield "kind", f"{kind.value}: hole"
    if bool(match.names) != (kind is Kind.RPZ) and (match.names or kind is Kind.RPZ):
        yield "kind", f"{kind.value}: names"
    scoped = match.hole and kind not in {Kind.MODSECURITY, Kind.SURICATA} and match.scope is Scope.EVERYONE
    if match.scope not in SCOPES[kind] or scoped:
        yield "scope", f"{kind.value}: {match.scope.value}"
    if len(match.remotes) + len(match.names) > MOST_SELECTORS:
        yield "too-many", f"{len(match.remotes) + len(match.names)} > {MOST_SELECTORS}"
    if kind is Kind.MODSECURITY and match.hole and not match.hole.paths:
        yield "no-path", match.hole.id


def _remote(
    one: Endpoint, settings: Containing, own: Sequence[str], services: Sequence[Service]
) -> Iterator[Fault]:
    try:
        net = one.net
    except ValueError:
        yield "not-a-network", one.network
        return
    four = isinstance(net, IPv4Network)
    shortest = max(settings.shortest4, SHORTEST4) if four else max(settings.shortest6, SHORTEST6)
    if net.prefixlen < shortest:
        yield "too-wide", f"{net}: /{net.prefixlen} < /{shortest}"
    portless = one.port and one.protocol not in {TCP, UDP}
    if not 0 <= one.port < 1 << 16 or not 0 <= one.protocol < 1 << 8 or portless:
        yield "port", f"{one.port}/{one.protocol}"
    if net.is_multicast or net.is_loopback or net.is_link_local or net.is_unspecified:
        yield "not-remote", str(net)
    yield from _guarded(net, settings, own, services)


def _guarded(
    net: IPv4Network | IPv6Network, settings: Containing, own: Sequence[str], services: Sequence[Service]
) -> Iterator[Fault]:
    for text in own:
        if _touch(net, text):
            yield "own-network", f"{net}: {text}"
    for text in (*settings.protected, *settings.managers, settings.blackhole4, settings.blackhole6):
        if _touch(net, text):
            yield "protected", f"{net}: {text}"
    if any(_touch(net, str(text)) for text in _PRIVATE):
        yield "not-remote", str(net)
    for service in services:
        if _touch(net, service.network):
            yield "popular-service", f"{net}: {service.name} ({service.kind})"


def _touch(net: IPv4Network | IPv6Network, text: str) -> bool:
    other = ip_network(text, strict=False)
    if isinstance(net, IPv4Network):
        return isinstance(other, IPv4Network) and net.overlaps(other)
    if isinstance(other, IPv6Network) and net.overlaps(other):
        return True
    # An IPv4 address in the clothes of IPv6 (RFC 4291 section 2.5.5.2) is that address.
    mapped = net.network_address.ipv4_mapped
    return mapped is not None and isinstance(other, IPv4Network) and mapped in other


def _name(name: str, settings: Containing) -> Iterator[Fault]:
    plain = canonical_name(name)
    if not plain:
        yield "not-a-name", name[:80]
        return
    guarded = (*settings.protected_names, *_SPECIAL)
    for one in guarded:
        domain = one.lower().strip(".")
        # Neither what lies below a guarded domain nor a domain that one lies below.
        if domain and (f".{plain}".endswith(f".{domain}") or f".{domain}".endswith(f".{plain}")):
            yield "protected", f"{plain}: {domain}"
    if plain not in {canonical_name(listed) for listed in settings.rpz.names}:
        yield "not-listed", plain


def _ground(kind: Kind, match: Match, settings: Containing, today: date) -> Iterator[Fault]:
    if kind is Kind.RPZ:
        rpz = settings.rpz
        for need in ("clause", "notice", "opt_out", "review"):
            if not getattr(rpz, need).strip():
                yield "rpz-off", f"[containment.rpz] {need}"
        if rpz.review and (due := _day(rpz.review)) is None:
            yield "rpz-off", f"[containment.rpz] review = {rpz.review!r}"
        elif rpz.review and due is not None and due < today:
            yield "review-overdue", rpz.review
    if kind is Kind.COA:
        garden = settings.garden
        for need in ("clause", "filter", "normal"):
            if not getattr(garden, need).strip():
                yield "garden-off", f"[containment.garden] {need}"
    elif kind is not Kind.RPZ and match.scope is not Scope.EVERYONE and not settings.ground.strip():
        yield "no-ground", "[containment] ground"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


FAULTS = {
    "settings": Text(
        ja="設定の [containment] に読めない値がある", en="a value of [containment] can't be read"
    ),
    "expiry": Text(ja="期限がないか、長すぎる", en="no expiry, or too long a one"),
    "nothing": Text(ja="規則が照合するものは一種類", en="a rule matches one sort of thing, and needs one"),
    "kind": Text(ja="この形式では照合できない", en="this kind of rule can't match that"),
    "scope": Text(ja="この形式ではその範囲にできない", en="this kind of rule can't have that scope"),
    "too-many": Text(ja="相手先が多すぎる", en="too many endpoints"),
    "no-path": Text(
        ja="経路（パス）が知られていないので、この形式では書けない",
        en="no path is known, so this kind of rule can't be written",
    ),
    "not-a-network": Text(ja="アドレスでもアドレス帯でもない", en="neither an address nor a prefix"),
    "too-wide": Text(ja="アドレス帯が広すぎる", en="too wide a prefix"),
    "port": Text(ja="ポートとプロトコルが合わない", en="port and protocol don't fit"),
    "not-remote": Text(ja="外部の相手先ではない", en="not an endpoint out there"),
    "own-network": Text(ja="自網のアドレスである", en="an address of the operator's own"),
    "protected": Text(ja="保護の対象である（設定）", en="protected by the settings"),
    "popular-service": Text(ja="多くの回線が使うサービスである", en="a service that very many lines use"),
    "popular-here": Text(
        ja="自網で多くの回線が使う相手先である", en="an endpoint that too many of the watched lines use"
    ),
    "not-a-name": Text(ja="ドメイン名ではない", en="not a domain name"),
    "not-listed": Text(
        ja="記録された表にない名前は遮断できない（第二次とりまとめ）",
        en="a name that isn't on the recorded list may not be blocked (second report, 2015-09)",
    ),
    "rpz-off": Text(
        ja="DNSでの遮断は既定で無効。約款の条項・公表・解除の手段・見直しの期日の記録が要る",
        en="blocking by DNS is off: clause, public notice, opt-out and day of review must be on record",
    ),
    "review-overdue": Text(ja="見直しの期日を過ぎた", en="the day of review has passed"),
    "garden-off": Text(
        ja="隔離は既定で無効。約款の条項と二つのフィルター名の記録が要る",
        en="the walled garden is off: clause and the names of both filters must be on record",
    ),
    "no-ground": Text(
        ja="回線の通信を選んで止める根拠が記録されていない",
        en="no ground is on record for stopping traffic of chosen lines",
    ),
}
