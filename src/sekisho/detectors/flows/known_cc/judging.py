"""From conversations to detections: one for each line and malware family, with grade, sentence and evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.detectors.flows.known_cc.conversations import Conversations, Strength, conversations, strengths
from sekisho.detectors.flows.known_cc.matches import Matches
from sekisho.formats.flow_queries import SHOWN_ROWS, identity, number
from sekisho.formats.flow_rows import address_text, endpoint_text, shown
from sekisho.model.detection import Coverage, Detection, Grade, Window, mixed
from sekisho.model.indicator import Indicator, Rejected
from sekisho.model.verdict import Scalar
from sekisho.ports.flows import Finds, Options

Array = NDArray[Any]

_METHOD = "known_cc"
_MAPPED_HIGH = 0xFFFF
_REASONS = {
    Strength.ONE_SIDED: "one-sided",
    Strength.INBOUND: "inbound",
    Strength.WEAK: "weak",
    Strength.ATTEMPT: "attempt",
}
_WITH_PORTS = {6, 17, 132}
_FETCH = 4_096  # detections whose evidence is fetched together

_Proof = tuple[dict[str, Any], ...]


class Judged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Finds, what was left out as ``popular`` (shown to the operator), and how many conversations were noise."""

    finds: Finds
    popular: tuple[Rejected, ...] = ()
    noise: int = 0


class _Case(NamedTuple):
    """The whole that is judged."""

    table: pa.Table
    talks: Conversations
    strength: Array
    best: Array
    pairs: tuple[Array, Array]
    indicators: list[Indicator]


def judge(matches: Matches, window: Window, coverage: Coverage, parameters: Options) -> Judged:
    """Judge all rows that touched the list."""
    if not matches.kept:
        return Judged(Finds((), coverage))
    table = matches.table().combine_chunks()
    talks = conversations(table)
    best = _best(matches, talks)
    listed_port = np.array([one.port > 0 for one in matches.indicators])[best]
    case = _Case(table, talks, strengths(talks, listed_port), best, matches.pairs(), matches.indicators)
    heard = case.strength > Strength.NOISE
    crowded, popular = _popular(case, heard, coverage.lines, parameters)
    found = tuple(_detections(case, np.flatnonzero(heard & ~crowded), window, parameters))
    note = "overflow" if matches.overflow else "popular" if popular else coverage.note
    return Judged(
        Finds(found, msgspec.structs.replace(coverage, note=note)), popular, int(np.count_nonzero(~heard))
    )


def _best(matches: Matches, talks: Conversations) -> Array:
    """Return the most telling entry of each conversation: with port, long prefix, family, confidence."""
    rows, entries = matches.pairs()
    names = np.unique(entries)
    told = sorted(names.tolist(), key=lambda at: _telling(matches.indicators[at]))
    rank = np.zeros(len(matches.indicators), np.int64)
    rank[told] = np.arange(1, len(told) + 1)
    best = np.zeros(talks.count, np.int64)
    np.maximum.at(best, talks.of_row[rows], rank[entries])
    return np.array([0, *told], np.int64)[best]


def _telling(one: Indicator) -> tuple[bool, int, bool, int, str]:
    return one.port > 0, one.net.prefixlen, bool(one.family), one.confidence, one.family


def _popular(
    case: _Case, heard: Array, lines: int, parameters: Options
) -> tuple[Array, tuple[Rejected, ...]]:
    """Return the conversations with destinations that too many lines use, and those destinations."""
    talks = case.talks
    limit = max(number(parameters, "reach_share") * lines, number(parameters, "reach_least"))
    keys = talks.high, talks.low, talks.remote_port, talks.protocol
    order = np.lexsort((talks.line, *keys))
    new_end = np.ones(order.size, np.bool_)
    new_end[1:] = np.logical_or.reduce([key[order][1:] != key[order][:-1] for key in keys])
    new_line = new_end.copy()
    new_line[1:] |= talks.line[order][1:] != talks.line[order][:-1]
    end = np.cumsum(new_end) - 1
    # A line counts once for each destination, and only when it had to do with it: being scanned is no use of it.
    group = np.cumsum(new_line) - 1
    used = np.zeros(int(group[-1]) + 1, np.bool_)
    np.logical_or.at(used, group, heard[order])
    reach = np.bincount(end[new_line], weights=used).astype(np.int64)
    crowded = np.empty(order.size, np.bool_)
    crowded[order] = (reach > limit)[end]
    firsts = order[new_end]
    left = tuple(
        Rejected(_endpoint(talks, int(at)), "popular", f"{reach[place]} / {lines}")
        for place, at in enumerate(firsts)
        if reach[place] > limit
    )
    return crowded, left


def _detections(case: _Case, chosen: Array, window: Window, parameters: Options) -> Iterator[Detection]:
    """Yield one detection for each line and family, strongest conversations first within each."""
    groups: dict[tuple[int, str], list[int]] = {}
    for at in chosen.tolist():
        groups.setdefault((int(case.talks.line[at]), _name(case, at)), []).append(at)
    families: dict[int, int] = {}
    for (line, _), members in groups.items():
        talked = bool(case.strength[members].max() == Strength.ESTABLISHED)
        families[line] = families.get(line, 0) + talked
    members_of = _rows_by_conversation(case)
    entries_of = _entries_by_row(case)
    cases = sorted(groups.items())
    orders = [
        sorted(members, key=lambda at: (-int(case.strength[at]), -_octets(case, at), at))
        for _, members in cases
    ]
    evidence = _evidence(case.table, [[members_of[at] for at in order] for order in orders])
    for (key, _), order, proof in zip(cases, orders, evidence, strict=True):
        rows = [row for at in order for row in members_of[at].tolist()]
        sources = tuple(sorted({source for row in rows for source in entries_of.get(row, ())}))
        yield _detection(case, key, order, (len(rows), proof), sources, families[key[0]], window, parameters)


def _detection(
    case: _Case, key: tuple[int, str], order: list[int], proof: tuple[int, _Proof], sources: tuple[str, ...], families: int,
    window: Window, parameters: Options,
) -> Detection:  # fmt: skip
    talks, top = case.talks, order[0]
    strength = Strength(int(case.strength[top]))
    same = [at for at in order if case.strength[at] == strength]
    entry = case.indicators[int(case.best[top])]
    stated = entry.confidence if entry.confidence >= 0 else int(number(parameters, "confidence_unstated"))
    grade, reason = _grade(strength, entry, stated, families, parameters)
    if reason == "weak" and int(talks.protocol[top]) not in _WITH_PORTS:
        reason = "contact"
    remotes = tuple(dict.fromkeys(_endpoint(talks, at) for at in order))
    arguments: dict[str, Scalar] = {
        "remote": remotes[0],
        "family": entry.family or entry.source,
        "talks": len(same),
        "packets": sum(talks.sent_packets[same].tolist()) + sum(talks.got_packets[same].tolist()),
        "sent": sum(talks.sent_octets[same].tolist()),
        "received": sum(talks.got_octets[same].tolist()),
        "entry": entry.network,
        "confidence": stated,
        "families": families,
    }
    sampling = talks.sampling[order]
    unstated = bool(talks.sampled[order].any()) and int(sampling.max()) <= 1
    return Detection(
        id=identity(_METHOD, key[0], key[1], window.begin, window.end),
        method=_METHOD,
        subscriber=key[0],
        begin=int(talks.begin[order].min()),
        end=int(talks.end[order].max()),
        grade=grade,
        reason=reason,
        arguments=arguments | mixed(int(talks.finest[order].min()), int(sampling.max())),
        family=entry.family,
        remotes=remotes[:SHOWN_ROWS],
        remote_count=len(remotes),
        evidence=proof[1],
        rows=proof[0],
        sampling=0 if unstated else int(sampling.max()),
        sources=sources,
    )


def _grade(
    strength: Strength, entry: Indicator, confidence: int, families: int, parameters: Options
) -> tuple[Grade, str]:
    """Return how far it may be used, and why not further."""
    single = entry.network.endswith("/128" if ":" in entry.network else "/32")
    if strength is not Strength.ESTABLISHED:
        likely = strength is Strength.ONE_SIDED and single and entry.port > 0
        return Grade.LIKELY if likely else Grade.WATCH, _REASONS[strength]
    if not single:
        return Grade.LIKELY, "established-prefix"
    if not entry.port:
        return Grade.LIKELY, "established-any-port"
    if confidence < number(parameters, "confidence_least"):
        return Grade.LIKELY, "established-doubted"
    if families > number(parameters, "families_most"):
        return Grade.LIKELY, "established-crowd"
    return Grade.CONFIRMED, "established"


def _evidence(table: pa.Table, groups: list[list[Array]]) -> Iterator[_Proof]:
    """Yield for each detection the first rows of its strongest conversations, in order of time.

    All rows are fetched at once: one fetch for each detection would cost more than the rest of the judgement.
    """
    chosen: list[list[int]] = []
    for parts in groups:
        rows: list[int] = []
        for part in parts:
            rows += part[: SHOWN_ROWS - len(rows)].tolist()
            if len(rows) >= SHOWN_ROWS:
                break
        chosen.append(rows)
    for begin in range(0, len(chosen), _FETCH):
        block = chosen[begin : begin + _FETCH]
        taken = table.take(pa.array([row for rows in block for row in rows])).to_pylist()
        at = 0
        for rows in block:
            mine = taken[at : at + len(rows)]
            at += len(rows)
            yield tuple(
                shown(sorted(mine, key=lambda row: (row["flowStartMilliseconds"], row["subscriberSide"])))
            )


def _rows_by_conversation(case: _Case) -> list[Array]:
    """Return the rows of each conversation in order of time, however they came."""
    begin = case.table.column("flowStartMilliseconds").to_numpy()
    side = case.table.column("subscriberSide").to_numpy()
    of_row = case.talks.of_row
    order = np.lexsort((side, begin, of_row))
    return np.split(order, np.flatnonzero(np.diff(of_row[order])) + 1)


def _entries_by_row(case: _Case) -> dict[int, set[str]]:
    """Return the names of the lists that name each row's remote."""
    found: dict[int, set[str]] = {}
    for row, entry in zip(*(part.tolist() for part in case.pairs), strict=True):
        found.setdefault(row, set()).add(case.indicators[entry].source)
    return found


def _name(case: _Case, at: int) -> str:
    entry = case.indicators[int(case.best[at])]
    return entry.family or entry.network


def _octets(case: _Case, at: int) -> int:
    return int(case.talks.sent_octets[at]) + int(case.talks.got_octets[at])


def _endpoint(talks: Conversations, at: int) -> str:
    high, low = int(talks.high[at]), int(talks.low[at])
    if not high and low >> 32 == _MAPPED_HIGH:
        address = address_text(4, low & 0xFFFF_FFFF, None)
    else:
        address = address_text(6, None, (high << 64 | low).to_bytes(16, "big"))
    return endpoint_text(address, int(talks.remote_port[at]), int(talks.protocol[at]))
