"""What the records of a first use say; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sekisho.model.evidence import Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.verdict import Scalar
from sekisho.probes.first_use.course import OFFERS, SHELLS


def observe_login(evidence: Evidence, name: str) -> Iterator[Observation]:
    """Derive what happened at one login path."""
    subject, base = f"login {name}", f"first/{name}/"
    entered = evidence.record(f"{base}enter")
    if entered is None:
        return
    pointer = (evidence.point(entered),)
    works = entered.data.get("accepted") or (
        True if entered.data.get("prompted") else entered.data.get("accepted")
    )
    yield Observation("preset.works", subject, works, {}, pointer)
    prompted = entered.data.get("prompted") if works else None
    yield Observation("change.prompted", subject, prompted, {}, pointer)
    ways = list(_observe_ways(evidence, name))
    yield from ways
    yield _forced(ways, subject, prompted)
    yield from observe_change(evidence, name, restricted=bool(prompted) or _shut(ways))


def observe_change(evidence: Evidence, name: str, *, restricted: bool) -> Iterator[Observation]:
    """Derive what a change takes and whether it works; ``restricted``: little could be done before it."""
    subject, base = f"login {name}", f"first/{name}/"
    yield from _observe_offers(evidence, name, restricted=restricted)
    yield from _observe_good(evidence, name)
    left = evidence.record(f"{base}left")
    if left is not None:
        attributes: dict[str, Scalar] = {
            str(key): left.data[key] for key in ("wanted", "left") if key in left.data
        }
        yield Observation(
            "change.left", subject, left.data.get("accepted"), attributes, (evidence.point(left),)
        )


def _wrote(data: Mapping[str, Any]) -> bool | None:
    """A write worked when the read-back shows what was written; without a reading it is refused."""
    if data.get("reading_failure") or "wrote" not in data:
        return None
    return data.get("read") is not None and data["read"] != data.get("old") and data["read"] == data["wrote"]


def _opened(before: Record, after: Record | None) -> bool | None:
    """Tell whether a page or a setting showed before the change what it shows after it (the control)."""
    if before.failure is not None:
        return None
    later = after.data if after is not None else {}
    pages = {one["path"]: one["digest"] for one in later.get("pages", [])}
    reads = {one["setting"]: one["value"] for one in later.get("reads", [])}
    seen = [one["digest"] == pages[one["path"]] for one in before.data["pages"] if one["path"] in pages]
    seen += [
        one["value"] is not None and one["value"] == reads.get(one["setting"], one["value"])
        for one in before.data["reads"]
        if not reads or reads.get(one["setting"]) is not None
    ]
    return any(seen) if seen else None


def _back(before: Record, after: Record | None) -> bool | None:
    """Tell whether the first page led to what only a signed-in user sees, before the change."""
    proof = before.data.get("proof")
    if proof is None or before.failure is not None:
        return None
    later = after.data.get("proof") if after is not None else None
    if later is not None and later["value"] is None:
        return None
    return proof["value"] is not None and (later is None or proof["value"] == later["value"])


def _observe_ways(evidence: Evidence, name: str) -> Iterator[Observation]:
    base, by = f"first/{name}/", f"login {name} by "
    # Without a change that worked, what was seen "after" is no control.
    worked = any(one.value for one in _observe_good(evidence, name))
    for way, opened in (("url", _opened), ("back", _back)):
        record = evidence.record(f"{base}before {way}")
        if record is not None:
            value = opened(record, evidence.record(f"{base}after {way}") if worked else None)
            yield Observation("change.bypass", by + way, value, {"way": way}, (evidence.point(record),))
    shut = False
    for record in evidence.under(f"{base}before api "):
        after = evidence.record(record.step.replace("before api", "after api")) if worked else None
        value, control = _wrote(record.data), _wrote(after.data) if after is not None else None
        if value is None and record.failure is None and control:
            value = False
        shut = shut or (value is False and bool(control))
        attributes: dict[str, Scalar] = {
            "way": "api",
            "setting": record.data.get("setting", ""),
            "control": control,
        }
        yield Observation("change.bypass", f"{by}api", value, attributes, (evidence.point(record),))
    skip = evidence.record(f"{base}before skip")
    if skip is not None and skip.data.get("accepted") is not None:
        value = bool(skip.data["accepted"]) and not skip.data.get("prompted") and not shut
        yield Observation("change.bypass", f"{by}skip", value, {"way": "skip"}, (evidence.point(skip),))
    yield from _observe_shells(evidence, name)


def _observe_shells(evidence: Evidence, name: str) -> Iterator[Observation]:
    """A shell that takes the preset before the change, or still after it, is a way round."""
    for when in ("before", "after"):
        for record in evidence.under(f"first/{name}/{when} "):
            way = record.data.get("kind", "")
            if way in SHELLS and record.data.get("login") != name:
                tail = way if when == "before" else f"{way} after the change"
                attributes: dict[str, Scalar] = {"way": way, "when": when, "other": record.data["login"]}
                value = record.data.get("accepted")
                subject, pointer = f"login {name} by {tail}", (evidence.point(record),)
                yield Observation("change.bypass", subject, value, attributes, pointer)


def _shut(ways: Iterable[Observation]) -> bool:
    """Tell whether writing was refused before the change."""
    api = [one for one in ways if one.attributes.get("way") == "api"]
    return bool(api) and all(one.value is False for one in api)


def _forced(ways: list[Observation], subject: str, prompted: bool | None) -> Observation:
    """Forced: no way round was found and at least one way that the control proves was tried."""
    own = [one for one in ways if one.attributes.get("way") in {"url", "back", "api", "skip"}]
    pointers = tuple(dict.fromkeys(pointer for one in own for pointer in one.because))
    opened = [one for one in own if one.value and one.attributes["way"] != "skip"]
    api = [one for one in own if one.attributes["way"] == "api"]
    proved = any(one.value is False and one.attributes.get("control") for one in api)
    value = False if opened else True if proved else (False if prompted is False else None)
    return Observation("change.forced", subject, value, {"ways": len(own)}, pointers)


def _observe_offers(evidence: Evidence, name: str, *, restricted: bool) -> Iterator[Observation]:
    base = f"first/{name}/offer "
    for offer in OFFERS:
        change, new = evidence.record(f"{base}{offer} change"), evidence.record(f"{base}{offer} new")
        old = evidence.record(f"{base}{offer} old")
        seen = new if new is not None else old
        if change is None or seen is None:
            continue
        kind, _, length = offer.partition(" ")
        attributes = {"offer": kind, "length": int(length) if length else change.data.get("length", 0)}
        pointers = (evidence.point(change), evidence.point(seen))
        value: bool | None = seen.data.get("accepted")
        if new is None:
            # The old code still opens it, so the change was refused; anything else is not known.
            value = False if value else None
        if kind == "same":
            value = _same_taken(evidence, name, seen) if restricted else None
        yield Observation("change.accepts", f"login {name} {kind}", value, attributes, pointers)


def _same_taken(evidence: Evidence, name: str, new: Record) -> bool | None:
    """The same code was taken as a new one when the prompt is gone or settings can be written now."""
    if not new.data.get("accepted"):
        return None
    writes = [_wrote(one.data) for one in evidence.under(f"first/{name}/offer same api ")]
    if any(writes):
        return True
    entered = evidence.record(f"first/{name}/enter")
    was = entered is not None and entered.data.get("prompted")
    return not new.data.get("prompted") if was else False if False in writes else None


def _observe_good(evidence: Evidence, name: str) -> Iterator[Observation]:
    base = f"first/{name}/good "
    changes = [one for one in evidence.under(base) if one.step.endswith(" change")]
    found: tuple[bool | None, dict[str, Scalar], Record] | None = None
    for change in changes:
        word = change.step.removeprefix(base).removesuffix(" change")
        new, old = evidence.record(f"{base}{word} new"), evidence.record(f"{base}{word} old")
        if new is None or old is None:
            continue
        taken, stale = new.data.get("accepted"), old.data.get("accepted")
        value = None if taken is None or (taken and stale is None) else bool(taken and stale is False)
        if found is None or value:
            found = (value, {"code": word, "new": taken, "old": stale}, new)
    if found is not None:
        yield Observation("change.works", f"login {name}", found[0], found[1], (evidence.point(found[2]),))
