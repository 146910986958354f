"""What stands of an indicator, worked out of those who are heard, and the object that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

import msgspec

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
    weigh,
)
from sekisho.model.indicator import Tlp
from sekisho.model.sharing import Offered, rfc3339
from sekisho.workflows.hub.books import Books

_HOUR, _DAY = 3_600_000, 86_400_000
_NAMES = {6: "tcp", 17: "udp", 132: "sctp"}
_SHOWN = ("state", "grade", "level", "family", "reason")


def standings_of(
    books: Books, key: str, voices: Sequence[Voice], disputes: Sequence[Dispute], rows: Mapping[str, Standing],
    guarded: Mapping[str, str], now: int, verified: int
) -> list[Standing]:  # fmt: skip
    """Return what stands of an indicator, level by level: what was shown at one is taken back at that one."""
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


def written(books: Books, one: Standing, now: int, more: Mapping[str, Any] | None = None) -> Offered:
    """Return the object that the hub publishes of a standing; ``more`` are further properties of it."""
    ends = one.last + asleep_after(one.use, one.kind, books.rules)
    first = one.first // _HOUR * _HOUR
    values = {
        "type": "indicator", "spec_version": "2.1", "id": one.id, "created_by_ref": books.identity,
        "created": _moment(one.created // _HOUR * _HOUR), "modified": _moment(now), "pattern": pattern(one),
        "pattern_type": "stix", "valid_from": _moment(first),
        "valid_until": _moment(max(ends // _HOUR * _HOUR, first + _HOUR)), "indicator_types": ["malicious-activity"],
        "labels": [*([one.family] if one.family else []), f"use:{one.use}", f"grade:{one.grade.value}"],
        "object_marking_refs": [WRITTEN[min(one.level, Tlp.AMBER_STRICT)]],
        **(more or {}),
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
