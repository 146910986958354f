"""Weighing what is reported, and publishing what came of it under the hub's own name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network

import msgspec

from sekisho.exchange.guards import Guards, guard
from sekisho.exchange.lists.entries import special
from sekisho.formats.stix_marking import WRITTEN
from sekisho.formats.stix_object import check
from sekisho.model.corroboration import (
    Dispute,
    IndicatorState,
    Report,
    Standing,
    Use,
    Voice,
    Weighed,
    asleep_after,
    base_key,
    family_of,
    judged,
    level_key,
    published_levels,
    standing_keys,
    trust,
    weigh,
)
from sekisho.model.domain_names import held as held_name
from sekisho.model.indicator import Indicator, Tlp
from sekisho.model.membership import Member, MemberState
from sekisho.model.sharing import Lane, Offered, Outcome, rfc3339
from sekisho.workflows.hub.books import Books

_HOUR, _DAY = 3_600_000, 86_400_000
_AT_ONCE = 500
_NAMES = {6: "tcp", 17: "udp", 132: "sctp"}
_SHOWN = ("state", "grade", "level", "family", "reason")


def settle(books: Books, keys: Iterable[str]) -> None:
    """Weigh some keys anew."""
    wanted = list(dict.fromkeys(map(base_key, keys)))
    if not wanted:
        return
    now = books.now()
    groups = {one.id: one for one in books.members.members() if one.state is MemberState.ACTIVE}
    outcomes = books.disputes.outcomes()
    weights = {name: trust(outcomes.get(name, ()), now, books.rules) for name in groups}
    guards = Guards(
        own=tuple(one.network for one in books.members.networks() if not one.until or one.until > now),
        services=books.services, shortest4=32, shortest6=64,
    )  # fmt: skip
    for first in range(0, len(wanted), _AT_ONCE):
        with books.weighing:
            _settle(books, wanted[first : first + _AT_ONCE], groups, weights, guards, now)


def _settle(
    books: Books, some: Sequence[str], groups: Mapping[str, Member], weights: Mapping[str, float], guards: Guards, now: int
) -> None:  # fmt: skip
    before = {
        one.key: one for one in books.reports.standings([n for key in some for n in standing_keys(key)])
    }
    reports: dict[str, list[Report]] = {}
    for one in books.reports.reports(some):
        reports.setdefault(one.key, []).append(one)
    disputes: dict[str, list[Dispute]] = {}
    for dispute in books.disputes.disputes(some):
        if dispute.decided or dispute.member in groups:  # an open one of who isn't a member counts no more
            disputes.setdefault(dispute.key, []).append(dispute)
    places = {(one.kind, one.value) for some_of in reports.values() for one in some_of}
    places |= {(one.kind, one.value) for one in before.values()}
    guarded = _guarded(books, {value for kind, value in places if kind == "address"}, guards)
    own = books.own_names | {name for one in groups.values() for name in _names_of(one)}
    names = {value for kind, value in places if kind == "domain"}
    guarded |= {name: reason for name in names if (reason := held_name(name, books.names, own))}
    made: list[Standing] = []
    for key in some:
        rows = {name: before[name] for name in standing_keys(key) if name in before}
        voices = _voices(reports.get(key, []), groups, weights)
        made += _standings(books, key, voices, disputes.get(key, []), rows, guarded, now)
    books.reports.settle(made)


def _voices(
    reports: Iterable[Report], groups: Mapping[str, Member], weights: Mapping[str, float]
) -> list[Voice]:
    """Return what active members say, with its weight."""
    return [
        Voice(
            msgspec.structs.replace(one, feed=one.feed or groups[one.member].lineage),
            groups[one.member].group,
            weights[one.member],
        )
        for one in reports
        if one.member in groups
    ]


def _standings(
    books: Books, key: str, voices: Sequence[Voice], disputes: Sequence[Dispute], rows: Mapping[str, Standing],
    guarded: Mapping[str, str], now: int
) -> list[Standing]:  # fmt: skip
    """Return what stands of an indicator, level by level: what was shown at one is taken back at that one."""
    verified = max((one.verified for one in rows.values()), default=0)
    levels = {one[0]: one for one in published_levels(voices, now, books.rules, verified=verified > 0)}
    first = rows.get(key)
    others = {one.level: one for name, one in rows.items() if name != key}
    there = others | ({first.level: first} if first else {})
    made: list[Standing] = []
    for level in sorted(there.keys() | levels.keys()):
        old = there.get(level)
        name = old.key if old else level_key(key, level) if first or made else key
        entry = levels.get(level)
        heard = [one for one in voices if one.report.tlp <= level]
        if entry is None:
            weighed = weigh(heard, now, books.rules)
            entry = (level, weighed, judged(weighed, verified=verified > 0, rules=books.rules)[0], Use.NONE)
        made.append(_standing(books, name, heard, disputes, old, entry, verified, guarded, now))
    return made


def _standing(
    books: Books, name: str, heard: Sequence[Voice], disputes: Sequence[Dispute], old: Standing | None,
    entry: tuple[Tlp, Weighed, IndicatorState, Use], verified: int, guarded: Mapping[str, str], now: int
) -> Standing:  # fmt: skip
    level, weighed, state, grade = entry
    reports = [one.report for one in heard]
    model = reports[0] if reports else old
    if model is None:
        raise AssertionError(name)  # a level is there by its voices or by what stood there
    reason = _reason(model, disputes, verified, guarded)
    if reason:
        state, grade = (IndicatorState.RETIRED if reason == "refuted" else IndicatorState.HELD), Use.NONE
    elif state is IndicatorState.DORMANT and old and _long_asleep(old, now, books):
        state = IndicatorState.RETIRED
    new = Standing(
        name, old.id if old else books.minted("indicator", base_key(name), level.name), model.use, model.kind,
        model.value, model.port, model.protocol, family_of(heard, old.family if old else ""), state, grade,
        weighed.score, weighed.voices, level, now, old.created if old else now,
        min((one.first for one in reports), default=old.first if old else now),
        max((one.last for one in reports), default=old.last if old else now), -1, reason, verified,
    )  # fmt: skip
    if old is None:
        return msgspec.structs.replace(new, published=0 if grade is not Use.NONE else -1)
    since = old.since if old.state is state else now
    same = all(getattr(old, field) == getattr(new, field) for field in _SHOWN)
    same = same and old.last // _HOUR == new.last // _HOUR and old.first // _HOUR == new.first // _HOUR
    shown = grade is not Use.NONE or old.published >= 0  # what went out once is taken back as well
    published = old.published if same else 0 if shown else -1
    return msgspec.structs.replace(new, since=since, published=published)


def _long_asleep(old: Standing, now: int, books: Books) -> bool:
    if old.state is IndicatorState.RETIRED:
        return True
    return old.state is IndicatorState.DORMANT and now - old.since > books.rules.retire_after_days * _DAY


def _reason(
    one: Report | Standing, disputes: Sequence[Dispute], verified: int, guarded: Mapping[str, str]
) -> str:
    """Return why it is held back; empty for nothing."""
    if any(not dispute.decided for dispute in disputes):
        return "disputed"
    if any(dispute.upheld and dispute.decided > verified for dispute in disputes):
        return "refuted"
    return guarded.get(one.value, "")


def _names_of(member: Member) -> set[str]:
    """Return the names under which a member can be reached."""
    return {one.email.rpartition("@")[2].lower().rstrip(".") for one in member.contacts if "@" in one.email}


def _guarded(books: Books, places: Iterable[str], guards: Guards) -> dict[str, str]:
    """Return which of some addresses must not be handed out, each with its reason."""
    found: dict[str, str] = {}
    plain = []
    for value in places:
        name = special(ip_network(value))
        if name and name not in books.allow:
            found[value] = name
        else:
            plain.append(Indicator(value, reference=value))
    for one in guard(plain, guards).dropped:
        found[one.where.removeprefix(":")] = one.reason
    return found


def publish(books: Books, shuffle: bytes = b"") -> int:
    """Write what changed into the list, in an order that tells nothing of who reported it; return how many objects.

    :param shuffle: random octets that make the order
    """
    lane = books.lane(Lane.LIST)
    if lane is None:
        return 0
    count = 0
    while True:
        with books.weighing:
            some = _published(books, lane.id, shuffle)
        if not some:
            return count
        count += some


def _published(books: Books, collection: str, shuffle: bytes) -> int:
    """Write some of what is due; return how many. What has a version of this very moment waits for the next one."""
    due = books.reports.due(_AT_ONCE)
    now = books.now()
    # What never went out isn't taken back.
    out = {one.key for one in due if one.grade is not Use.NONE or books.objects.has(collection, one.id)}
    mixed = sorted(
        (one for one in due if one.key in out), key=lambda one: books.minted("order", shuffle.hex(), one.key)
    )
    puts = books.objects.add(collection, [_object(books, one, now) for one in mixed], now * 1000)
    late = {one.key for one, put in zip(mixed, puts, strict=True) if put.outcome is Outcome.OTHER}
    done = [one for one in due if one.key not in late]
    books.reports.settle(
        [msgspec.structs.replace(one, published=now if one.key in out else -1) for one in done]
    )
    return len(done)


def sweep(books: Books) -> int:
    """Weigh everything anew: age alone changes it. Return how many keys there are."""
    count, after = 0, ""
    while keys := books.reports.keys(after, _AT_ONCE):
        settle(books, keys)
        count, after = count + len(keys), keys[-1]
    return count


def _object(books: Books, one: Standing, now: int) -> Offered:
    ends = one.last + asleep_after(one.use, one.kind, books.rules)
    first = one.first // _HOUR * _HOUR
    values = {
        "type": "indicator", "spec_version": "2.1", "id": one.id, "created_by_ref": books.identity,
        "created": _moment(one.created // _HOUR * _HOUR), "modified": _moment(now), "pattern": pattern(one),
        "pattern_type": "stix", "valid_from": _moment(first),
        "valid_until": _moment(max(ends // _HOUR * _HOUR, first + _HOUR)), "indicator_types": ["malicious-activity"],
        "labels": [*([one.family] if one.family else []), f"use:{one.use}", f"grade:{one.grade.value}"],
        "object_marking_refs": [WRITTEN[min(one.level, Tlp.AMBER_STRICT)]],
        **({"revoked": True} if one.grade is Use.NONE else
           {"confidence": books.rules.block_from if one.grade is Use.BLOCK else books.rules.watch_from}),
    }  # fmt: skip
    body = msgspec.json.encode(values)
    told = check(body)
    return Offered(
        told.id, told.type, told.version, told.version_key, told.digest, body.decode(), "", "",
        min(one.level, Tlp.AMBER_STRICT),
    )  # fmt: skip


def pattern(one: Standing) -> str:
    """Return the STIX pattern of an indicator."""
    if one.kind == "domain":
        port = f" AND network-traffic:dst_port = {one.port}" if one.port else ""
        return f"[domain-name:value = '{one.value}'{port}]"
    network = ip_network(one.value)
    address = str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
    kind = f"ipv{network.version}-addr"
    if not one.port and not one.protocol:
        return f"[{kind}:value = '{address}']"
    parts = [f"network-traffic:dst_ref.type = '{kind}'", f"network-traffic:dst_ref.value = '{address}'"]
    parts += [f"network-traffic:dst_port = {one.port}"] if one.port else []
    parts += [f"network-traffic:protocols[*] = '{_NAMES[one.protocol]}'"] if one.protocol in _NAMES else []
    return f"[{' AND '.join(parts)}]"


def _moment(at: int) -> str:
    return rfc3339(at * 1000)[:-4] + "Z"
