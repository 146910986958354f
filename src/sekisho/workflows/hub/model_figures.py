"""What makers are told of their models: figures of enough groups of members, which change only when enough groups did.

A figure that followed each report would tell that one report by its difference. So what is shown is kept apart from what
is reported, and let out cell by cell: a new cell when it can be shown, an old one when at least ``k`` groups in it are
others than before and no single one makes nearly all of the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sekisho.model.corroboration import rounded, shown_counts
from sekisho.model.device_model import WHOLE, Cell, ModelReport, Product, ShownPart
from sekisho.workflows.hub.books import Books

_DAY = 86_400_000
_Place = tuple[str, str, str, str]
_Parts = dict[str, ShownPart]


def release_models(books: Books) -> int:
    """Let out what may be told anew; return how many cells.

    By firmware where that can be shown; of a model by all firmwares together only where no single one is, and then for as
    long as that is shown: no difference between the two tells what was left out.
    """
    live = _live(books)
    before = _by_place(books.shown_models.shown())
    units: dict[tuple[str, str, str], set[str]] = {}
    for vendor, model, firmware, finding in (*live, *before):
        units.setdefault((vendor, model, finding), set()).add(firmware)
    new: list[_Place] = []
    for (vendor, model, finding), firmwares in units.items():
        whole = (vendor, model, WHOLE, finding)
        fine = [(vendor, model, one, finding) for one in sorted(firmwares - {WHOLE})]
        if whole in before:
            new += [whole] if _may(books, live.get(whole, {}), before[whole]) else []
            continue
        some = [one for one in fine if _may(books, live.get(one, {}), before.get(one, {}))]
        if not some and not any(one in before for one in fine) and _may(books, live.get(whole, {}), {}):
            some = [whole]
        new += some
    gone = [one for one in before if one not in live]
    if new or gone:
        books.shown_models.show([*new, *gone], [part for one in new for part in live[one].values()])
    return len(new)


def seen_by_maker(books: Books, maker: str) -> tuple[Cell, ...]:
    """Return what a maker is told of its own models."""
    owned = books.models.products()
    return tuple(one for one in cells(books) if _owner(one.vendor, one.model, owned) == maker)


def cells(books: Books) -> tuple[Cell, ...]:
    """Return the figures that are shown: those let out last, while enough of the groups in them still report of it.

    How large one is hangs on none that left or grew silent since.
    """
    live = _live(books)
    made: list[Cell] = []
    for place, parts in _by_place(books.shown_models.shown()).items():
        if len(parts.keys() & live.get(place, {}).keys()) < books.rules.k:
            continue
        vendor, model, firmware, finding = place
        count = rounded(sum(one.devices for one in parts.values()))
        ports, cves = (
            _common(books, (signs for one in parts.values() for signs in set(getattr(one, kind))))
            for kind in ("ports", "cves")
        )
        made.append(Cell(vendor, model, "" if firmware == WHOLE else firmware, finding, count, ports, cves))
    return tuple(sorted(made, key=lambda one: (one.vendor, one.model, one.firmware, one.finding)))


def _common(books: Books, signs: Iterable[str]) -> tuple[str, ...]:
    """Return the signs that enough groups name."""
    counts: dict[str, int] = {}
    for one in signs:
        counts[one] = counts.get(one, 0) + 1
    return tuple(sorted(one for one, count in counts.items() if count >= books.rules.k))


def _may(books: Books, now: Mapping[str, ShownPart], before: Mapping[str, ShownPart]) -> bool:
    """Say whether a cell may be let out in the place of what it was (nothing for a new one)."""
    k, dominance = books.rules.k, books.rules.k_dominance
    counts = {side: one.devices for side, one in now.items()}
    if sum(counts.values()) < books.rules.k_devices or not shown_counts(
        {"": counts}, k=k, dominance=dominance
    ):
        return False
    if not before:
        return True
    sides = [side for side in {*now, *before} if now.get(side) != before.get(side)]
    steps = [
        abs((now[side].devices if side in now else 0) - (before[side].devices if side in before else 0))
        for side in sides
    ]
    return len(sides) >= k and (not any(steps) or max(steps) * 100 < sum(steps) * dominance)


def _live(books: Books) -> dict[_Place, _Parts]:
    """Return what active members reported lately, by place and group, also of all firmwares together."""
    oldest = books.now() - books.rules.model_days * _DAY
    groups = {one.id: one.group for one in books.roster().active.values()}
    found: dict[_Place, _Parts] = {}
    for one in books.models.reports():
        if one.member not in groups or one.last < oldest:
            continue
        for firmware in (one.firmware, WHOLE):
            place = (one.vendor, one.model, firmware, one.finding)
            parts = found.setdefault(place, {})
            side = groups[one.member]
            parts[side] = _added(parts.get(side), place, side, one)
    return found


def _added(old: ShownPart | None, place: _Place, side: str, one: ModelReport) -> ShownPart:
    ports = {*(old.ports if old else ()), *one.ports}
    cves = {*(old.cves if old else ()), *one.cves}
    devices = one.devices + (old.devices if old else 0)
    return ShownPart(*place, side, devices, tuple(sorted(ports)), tuple(sorted(cves)))


def _by_place(parts: Iterable[ShownPart]) -> dict[_Place, _Parts]:
    found: dict[_Place, _Parts] = {}
    for one in parts:
        found.setdefault((one.vendor, one.model, one.firmware, one.finding), {})[one.side] = one
    return found


def _owner(vendor: str, model: str, owned: Iterable[Product]) -> str:
    held = {(one.vendor, one.model): one.maker for one in owned}
    return held.get((vendor, model), held.get((vendor, ""), ""))
