"""How sure several members together are of one indicator: weight, evidence, age; and its states.

The score is 100 × (1 − ∏ (1 − w·q·d)) over independent voices: w what a member's word has been worth, q what it saw,
d how long ago. Members of one legal group, and reports copied from one feed, are one voice: the strongest counts.
Times are milliseconds, 0 for never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from sekisho.model.indicator import Tlp

_DAY = 86_400_000


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one member says of one indicator, all its sightings together.

    :ivar key: of the indicator (`key_of`)
    :ivar use: ``cc``, ``download`` or ``reflector``
    :ivar kind: ``address`` or ``domain``; ``value`` is it
    :ivar evidence: how it was seen, a name of the catalogue's
    :ivar feed: the feed it was copied from; empty for none
    """

    key: str
    member: str
    use: str
    kind: str
    value: str
    port: int
    protocol: int
    family: str
    evidence: str
    feed: str
    first: int
    last: int
    sightings: int
    tlp: Tlp


class IndicatorState(StrEnum):
    """The life of an indicator. ``held``: a guard or a dispute keeps it back until a person decides."""

    CANDIDATE = "candidate"
    CONFIRMED = "confirmed"
    HELD = "held"
    DORMANT = "dormant"
    RETIRED = "retired"


class Use(StrEnum):
    """What an indicator may be used for: nothing yet, to watch for it, or to block it."""

    NONE = "none"
    WATCH = "watch"
    BLOCK = "block"


class Standing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the hub makes of an indicator now.

    :ivar key: of the indicator (`key_of`), with a mark for a standing beside the first (`level_key`)
    :ivar id: of the object that the hub publishes
    :ivar level: the marking under which it is published: no report marked stricter has a part in it
    :ivar since: when it came into its state; ``created`` when it was first heard of, ``published`` when last
        written: 0 when that is to be done, -1 when there is nothing to write
    :ivar reason: why it is held: a reason id of the guards, or ``disputed``
    :ivar verified: whether a person of the hub has looked at it and found it true
    """

    key: str
    id: str
    use: str
    kind: str
    value: str
    port: int
    protocol: int
    family: str
    state: IndicatorState
    grade: Use
    score: int
    voices: int
    level: Tlp
    since: int
    created: int
    first: int
    last: int
    published: int = 0
    reason: str = ""
    verified: int = 0


class Dispute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member says that an indicator is wrong. Until it is ``decided`` the indicator goes to nobody."""

    id: str
    key: str
    member: str
    at: int
    reason: str = ""
    decided: int = 0
    decided_by: str = ""
    upheld: int = 0


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The thresholds; ``catalogues/sharing.toml`` says why each is what it is. Hundredths, days, counts."""

    trust_start: int
    trust_least: int
    trust_most: int
    trust_forgetting_days: int
    evidence: Mapping[str, int]
    life_days: Mapping[str, int]
    decay_power: int
    dormant_below: int
    watch_from: int
    block_from: int
    proof_from: int
    voices: int
    retire_after_days: int
    k: int
    k_dominance: int
    k_devices: int
    model_days: int
    k_lines: int
    count_days: int
    open_disputes: int
    opinion_refs: int
    skew_seconds: int
    ledger_years: int
    addressed_days: int


class Voice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A report with what it weighs (hundredths); ``origins``: the hubs behind one that came from a hub elsewhere."""

    report: Report
    group: str
    weight: float
    origins: tuple[str, ...] = ()


class Weighed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A score with what it is made of: independent voices that are alive, the youngest decay, the strongest proof."""

    score: int
    voices: int
    decay: float
    proof: int


def key_of(kind: str, value: str, port: int, protocol: int, use: str) -> str:
    """Return the one text by which an indicator is known, whoever writes it."""
    return f"{use}|{kind}|{value}|{port}|{protocol}"


def trust(outcomes: Iterable[tuple[int, bool]], now: int, rules: Rules) -> float:
    """Return what a member's word is worth: the mean of a Beta that forgets, within its bounds.

    :param outcomes: (when, whether its report was found true)
    """
    good = bad = 1.0 * rules.trust_start
    for at, right in outcomes:
        weight = 0.5 ** (max(0, now - at) / (rules.trust_forgetting_days * _DAY))
        good, bad = (good + weight, bad) if right else (good, bad + weight)
    return min(max(good / (good + bad), rules.trust_least / 100), rules.trust_most / 100)


def life(use: str, kind: str, rules: Rules) -> int:
    """Return after how many milliseconds a sighting is worth nothing."""
    return rules.life_days["domain" if (use, kind) == ("cc", "domain") else use] * _DAY


def decay(report: Report, now: int, rules: Rules) -> float:
    """Return what is left of a report: 1 when new, 0 at the end of its kind's life."""
    age = min(max(0, now - report.last) / life(report.use, report.kind, rules), 1.0)
    return 1.0 - float(age ** (100 / rules.decay_power))


def asleep_after(use: str, kind: str, rules: Rules) -> int:
    """Return after how many milliseconds without a new sighting an indicator sleeps."""
    return int(life(use, kind, rules) * (1.0 - rules.dormant_below / 100) ** (rules.decay_power / 100))


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One independent voice as it enters a score: the strongest of its reports.

    :ivar weight: what its word has been worth (w), 0 to 1
    :ivar quality: how it was seen (q), 0 to 1, by the name ``evidence``
    :ivar decay: what its age has left (d), 0 to 1
    :ivar reports: how many reports are this one voice
    """

    weight: float
    quality: float
    decay: float
    evidence: str
    reports: int

    @property
    def part(self) -> float:
        """What it adds: w·q·d."""
        return self.weight * self.quality * self.decay


def sides(voices: Sequence[Voice], now: int, rules: Rules) -> tuple[Side, ...]:
    """Return the independent voices about an indicator, the strongest first: the inputs of `weigh`. They name nobody."""
    found = []
    for held in _sides(voices):
        some = [
            Side(one.weight, rules.evidence[one.report.evidence] / 100, decay(one.report, now, rules),
                 one.report.evidence, len(held))
            for one in held
        ]  # fmt: skip
        found.append(max(some, key=lambda one: one.part))
    return tuple(sorted(found, key=lambda one: -one.part))


def weigh(voices: Sequence[Voice], now: int, rules: Rules) -> Weighed:
    """Return the score of an indicator by all who speak of it."""
    left, alive, youngest, proof = 1.0, 0, 0.0, 0
    for side in _sides(voices):
        best = 0.0
        for one in side:
            quality = rules.evidence[one.report.evidence]
            age = decay(one.report, now, rules)
            best = max(best, one.weight * quality / 100 * age)
            youngest = max(youngest, age)
            if age >= rules.dormant_below / 100:
                proof = max(proof, quality)
        alive += any(decay(one.report, now, rules) >= rules.dormant_below / 100 for one in side)
        left *= 1.0 - best
    return Weighed(round(100 * (1.0 - left)), alive, youngest, proof)


def _sides(voices: Sequence[Voice]) -> list[list[Voice]]:
    """Put together what is one voice: one legal group, one feed, or one hub elsewhere, over however many steps."""
    sides: list[tuple[set[str], list[Voice]]] = []
    for one in voices:
        names = {f"group {one.group}"} | ({f"feed {one.report.feed}"} if one.report.feed else set())
        names |= {f"hub {origin}" for origin in one.origins}
        mine = [one]
        apart = []
        for known, held in sides:
            if known & names:
                names |= known
                mine = held + mine
            else:
                apart.append((known, held))
        sides = [*apart, (names, mine)]
    return [held for _, held in sides]


def judged(weighed: Weighed, *, verified: bool, rules: Rules) -> tuple[IndicatorState, Use]:
    """Return the state and the use of an indicator that nothing keeps back.

    Confirmed are two independent voices, or one that a person of the hub has verified with a strong proof behind it.
    """
    if weighed.decay < rules.dormant_below / 100:
        return IndicatorState.DORMANT, Use.NONE
    proven = verified and weighed.proof >= rules.proof_from
    if weighed.voices >= rules.voices or proven:
        if weighed.score >= rules.block_from:
            return IndicatorState.CONFIRMED, Use.BLOCK
        if weighed.score >= rules.watch_from or proven:
            return IndicatorState.CONFIRMED, Use.WATCH
    return IndicatorState.CANDIDATE, Use.NONE


_ORDER = {Use.NONE: 0, Use.WATCH: 1, Use.BLOCK: 2}


def published_levels(
    voices: Sequence[Voice], now: int, rules: Rules, *, verified: bool
) -> tuple[tuple[Tlp, Weighed, IndicatorState, Use], ...]:
    """Return the markings under which it is published: the lowest that reaches any use, and each that reaches a better one.

    Each is worked out of what is marked no stricter, so nothing that was marked stricter can be told from it, nor take it
    away. Red has no part in any.
    """
    found: list[tuple[Tlp, Weighed, IndicatorState, Use]] = []
    for level in (Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT):
        some = [one for one in voices if one.report.tlp <= level]
        if not some:
            continue
        weighed = weigh(some, now, rules)
        state, use = judged(weighed, verified=verified, rules=rules)
        if found and _ORDER[use] <= _ORDER[found[-1][3]]:
            continue
        if found and found[-1][3] is Use.NONE:
            found.pop()
        found.append((level, weighed, state, use))
    return tuple(found)


def family_of(voices: Iterable[Voice], before: str = "") -> str:
    """Return the family that most groups name; of several the one that was shown ``before``, or the first by name."""
    groups: dict[str, set[str]] = {}
    for one in voices:
        if one.report.family:
            groups.setdefault(one.report.family, set()).add(one.group)
    most = max(map(len, groups.values()), default=0)
    named = sorted(name for name, some in groups.items() if len(some) == most)
    return before if before in named else named[0] if named else ""


_LEVEL = "|^"


def base_key(key: str) -> str:
    """Return the key of the indicator that a standing is about."""
    return key.partition(_LEVEL)[0]


def standing_keys(key: str) -> list[str]:
    """Return all keys under which an indicator can stand: the first one's is its own, further levels have a mark."""
    return [key, *(level_key(key, level) for level in Tlp if level < Tlp.RED)]


def level_key(key: str, level: Tlp) -> str:
    """Return the key of the standing of a further level."""
    return f"{key}{_LEVEL}{int(level)}"


def rounded(count: int, step: int = 5) -> int:
    """Return a figure as it is shown: to the nearest step, never nothing."""
    return max(step, round(count / step) * step)


def shown_counts(cells: Mapping[str, Mapping[str, int]], *, k: int, dominance: int) -> dict[str, int]:
    """Return the figures that may be shown: of ``k`` members at least, none with ``dominance`` per cent or more of it.

    :param cells: name of the figure → member → its part
    """
    shown: dict[str, int] = {}
    for name, parts in cells.items():
        counted = {member: count for member, count in parts.items() if count > 0}
        total = sum(counted.values())
        if len(counted) >= k and max(counted.values()) * 100 < total * dominance:
            shown[name] = rounded(total)
    return shown
