"""Weighing what is reported, and publishing what came of it under the hub's own name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network

import msgspec

from sekisho.exchange.guards import Guards, guard
from sekisho.exchange.lists.entries import special
from sekisho.model.corroboration import (
    Dispute,
    IndicatorState,
    Report,
    Standing,
    Use,
    Voice,
    base_key,
    family_of,
    judged,
    standing_keys,
    trust,
    weigh,
)
from sekisho.model.domain_names import held as held_name
from sekisho.model.indicator import Indicator, Tlp
from sekisho.model.membership import Member, MemberState
from sekisho.model.sharing import Lane, Outcome
from sekisho.workflows.hub.books import Books
from sekisho.workflows.hub.offering import Heard, Origins, origins_of, publish_offers, settle_offers
from sekisho.workflows.hub.standing import standings_of, written

_AT_ONCE = 500


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


def heard(books: Books, key: str) -> list[Voice]:
    """Return who speaks of a key now, with what each word weighs."""
    groups = {one.id: one for one in books.members.members() if one.state is MemberState.ACTIVE}
    outcomes = books.disputes.outcomes()
    weights = {name: trust(outcomes.get(name, ()), books.now(), books.rules) for name in groups}
    origins = origins_of(books, groups, [base_key(key)])
    return _voices(books.reports.reports([base_key(key)]), groups, weights, origins)


def standings_for(books: Books, keys: Sequence[str], member: str, ceiling: Tlp) -> dict[str, Standing]:
    """Return what is to be made of some keys by what a member may know: its own reports and what is marked up to its ceiling.

    What other levels came to has no part in it, nor has a dispute about them; what the guards hold is held for everyone.
    """
    if not keys:
        return {}
    groups = {one.id: one for one in books.members.members() if one.state is MemberState.ACTIVE}
    outcomes = books.disputes.outcomes()
    weights = {name: trust(outcomes.get(name, ()), books.now(), books.rules) for name in groups}
    known: dict[str, list[Report]] = {}
    for one in books.reports.reports(keys):
        if one.member == member or one.tlp <= ceiling:
            known.setdefault(one.key, []).append(one)
    rows: dict[str, list[Standing]] = {}
    for row in books.reports.standings([name for key in keys for name in standing_keys(key)]):
        rows.setdefault(base_key(row.key), []).append(row)
    origins = origins_of(books, groups, list(keys))
    found: dict[str, Standing] = {}
    for key, reports in known.items():
        if voices := _voices(reports, groups, weights, origins):
            found[key] = _weighed_for(books, key, voices, rows.get(key, []), ceiling)
    return found


def _weighed_for(
    books: Books, key: str, voices: Sequence[Voice], rows: Sequence[Standing], ceiling: Tlp
) -> Standing:
    verified = max((one.verified for one in rows if one.level <= ceiling), default=0)
    weighed = weigh(voices, books.now(), books.rules)
    state, grade = judged(weighed, verified=verified > 0, rules=books.rules)
    reason = next((one.reason for one in rows if one.reason not in {"", "disputed", "refuted"}), "")
    if reason:
        state, grade = IndicatorState.HELD, Use.NONE
    one = voices[0].report
    first, last = min(some.report.first for some in voices), max(some.report.last for some in voices)
    return Standing(
        key, "", one.use, one.kind, one.value, one.port, one.protocol, family_of(voices), state, grade, weighed.score,
        weighed.voices, max(some.report.tlp for some in voices), last, first, first, last, -1, reason, verified,
    )  # fmt: skip


def _settle(
    books: Books, some: Sequence[str], groups: Mapping[str, Member], weights: Mapping[str, float], guards: Guards, now: int
) -> None:  # fmt: skip
    before = {
        one.key: one for one in books.reports.standings([n for key in some for n in standing_keys(key)])
    }
    reports: dict[str, list[Report]] = {}
    for one in books.reports.reports(some):
        reports.setdefault(one.key, []).append(one)
    origins = origins_of(books, groups, some)
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
    heard_of: dict[str, Heard] = {}
    for key in some:
        rows = {name: before[name] for name in standing_keys(key) if name in before}
        voices = _voices(reports.get(key, []), groups, weights, origins)
        verified = max((one.verified for one in rows.values()), default=0)
        made += standings_of(books, key, voices, disputes.get(key, []), rows, guarded, now, verified)
        heard_of[key] = Heard(voices, disputes.get(key, []), verified)
    books.reports.settle(made)
    settle_offers(books, groups, heard_of, guarded, now)


def _voices(
    reports: Iterable[Report], groups: Mapping[str, Member], weights: Mapping[str, float], origins: Origins
) -> list[Voice]:
    """Return what active members say, with its weight."""
    return [
        Voice(
            msgspec.structs.replace(one, feed=one.feed or groups[one.member].lineage),
            groups[one.member].group,
            weights[one.member],
            origins.get((one.member, one.key), ()),
        )
        for one in reports
        if one.member in groups
    ]


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
            return count + publish_offers(books, shuffle)
        count += some


def _published(books: Books, collection: str, shuffle: bytes) -> int:
    """Write some of what is due; return how many. What has a version of this very moment waits for the next one."""
    due = books.reports.due(_AT_ONCE)
    now = books.now()
    # What never went out isn't taken back.
    there = books.objects.known(collection, [one.id for one in due if one.grade is Use.NONE])
    out = {one.key for one in due if one.grade is not Use.NONE or one.id in there}
    mixed = sorted(
        (one for one in due if one.key in out), key=lambda one: books.minted("order", shuffle.hex(), one.key)
    )
    puts = books.objects.add(collection, [written(books, one, now) for one in mixed], now * 1000)
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
