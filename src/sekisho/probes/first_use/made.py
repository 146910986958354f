"""What the records of a set-up say, where nothing is preset; pure."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.model.evidence import Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.verdict import Scalar
from sekisho.probes.first_use.facts import observe_change
from sekisho.probes.first_use.set_up import OFFERS

_LINKS = ("wrong", "expired", "used")
_BROKEN = 500


def observe_set_up(evidence: Evidence, name: str) -> Iterator[Observation]:
    """Derive what was shut before, who could set it up, and what it took."""
    subject, base = f"login {name}", f"first/{name}/set-up "
    made = evidence.record(f"{base}made")
    before, early = evidence.record(f"{base}before"), evidence.record(f"{base}before current")
    if made is None or before is None:
        return
    known = _taken(made), _taken(early) if early is not None else None
    works = None if None in known else bool(known[0] and known[1] is False)
    pointers = tuple(evidence.point(one) for one in (made, early) if one is not None)
    attributes: dict[str, Scalar] = {"before": known[1], "after": known[0]}
    yield Observation("setup.works", subject, works, attributes, pointers)
    yield _shut(evidence, subject, base, before, made)
    yield from _links(evidence, subject, base)
    # The link served once, and that was for the good code: no weak one had used it up.
    used = evidence.record(f"{base}used link new")
    spared = works is True and used is not None and _taken(used) is False
    for offer in OFFERS:
        made_it, new = evidence.record(f"{base}offer {offer}"), evidence.record(f"{base}offer {offer} new")
        if made_it is None:
            continue
        kind, _, length = offer.partition(" ")
        about: dict[str, Scalar] = {
            "offer": kind,
            "length": int(length) if length else made_it.data.get("length", 0),
        }
        answered = _answered(made_it)
        value = _taken(new) if new is not None else False if spared else None
        value = value if answered or value else None
        pointers = tuple(evidence.point(one) for one in (made_it, new, made) if one is not None)
        yield Observation("setup.accepts", f"{subject} {kind}", value, about, pointers)
    yield from observe_change(evidence, name, restricted=False)


def _taken(record: Record) -> bool | None:
    """Tell whether a code opened it; one that a brake turned away unread, or a fault, is not known."""
    accepted: bool | None = record.data.get("accepted")
    broken = int(record.data.get("reply", {}).get("status") or 0) >= _BROKEN
    return None if accepted is False and (record.data.get("locked") or broken) else accepted


def _answered(record: Record) -> bool:
    """Tell whether an attempt to set it up was answered, be it by a refusal; a server that fails refuses nothing."""
    failed = record.failure is not None or record.data.get("reading_failure")
    return not failed and int(record.data.get("status") or 0) < _BROKEN


def _shut(evidence: Evidence, subject: str, base: str, before: Record, made: Record) -> Observation:
    """Shut: nothing that a signed-in user sees later was shown, no code opened it, no write left a trace."""
    after = evidence.record(f"{base}after")
    tries = [one for one in evidence.under(f"{base}before ") if "accepted" in one.data]
    opened = [one.data.get("code", "") for one in tries if one.data["accepted"]]
    unknown = [one for one in tries if _taken(one) is None]
    later = after.data if after is not None else {}
    pages = {one["path"]: one for one in later.get("pages", [])}
    values = {one["setting"]: one["value"] for one in later.get("reads", [])}
    proof, proven = before.data.get("proof"), later.get("proof")
    shown = proof is not None and proven is not None and proven["value"] is not None
    # Without a session that sees more than a stranger, what it sees tells nothing.
    inside = shown if proof is not None else bool(_taken(made))
    compared = [one for one in before.data.get("pages", []) if inside and one["path"] in pages]
    opened += [
        one["path"] for one in compared if one["digest"] and one["digest"] == pages[one["path"]]["digest"]
    ]
    unknown += [before for one in compared if one["failure"] or pages[one["path"]]["failure"]]
    opened += [one["setting"] for one in before.data.get("reads", []) if one["value"] is not None]
    if proof is not None and proof["value"] is not None:
        opened.append("proof")
    for one in evidence.under(f"{base}before write "):
        if values.get(one.data.get("setting")) == one.data.get("wrote"):
            # It may have been so by itself: what stood there before nobody could read.
            unknown.append(one)
    control = shown or bool(compared)
    value = False if opened else True if control and tries and not unknown else None
    records = [before, *([after] if after is not None else []), *tries]
    attributes: dict[str, Scalar] = {
        "what": ", ".join(map(str, opened)),
        "pages": len(compared),
        "codes": len(tries),
    }
    return Observation(
        "setup.shut", subject, value, attributes, tuple(evidence.point(one) for one in records)
    )


def _links(evidence: Evidence, subject: str, base: str) -> Iterator[Observation]:
    for kind in _LINKS:
        used, new = evidence.record(f"{base}{kind} link"), evidence.record(f"{base}{kind} link new")
        if used is None or new is None:
            continue
        old = evidence.record(f"{base}{kind} link old")
        taken = _taken(new)
        if taken is False and old is not None and old.data.get("accepted") is not True:
            # The code of the first user is gone: somebody else did something with the link.
            taken = True if old.data.get("accepted") is False else None
        answered = _answered(used)
        value = None if taken is None or not (answered or taken) else not taken
        records = [one for one in (used, new, old) if one is not None]
        pointers = tuple(evidence.point(one) for one in records)
        attributes: dict[str, Scalar] = {"link": kind, "status": used.data.get("status")}
        yield Observation("setup.link", f"{subject} {kind} link", value, attributes, pointers)
