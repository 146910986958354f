"""STIX 2.1 bundles (and TAXII envelopes, which also hold ``objects``): indicator objects whose pattern is an address.

Validity, confidence and marking come from the object; the family from the malware that a relationship says it
indicates, or from its labels. A marking nobody can resolve counts as TLP:RED: what may not be shared stays here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sekisho.exchange.lists.entries import Entries, confidence, milliseconds
from sekisho.exchange.lists.stix_pattern import targets
from sekisho.formats.stix_marking import MARKINGS
from sekisho.model.indicator import Indicator, Tlp

NAME = "stix"

_TLP = {
    "white": Tlp.CLEAR,
    "clear": Tlp.CLEAR,
    "green": Tlp.GREEN,
    "amber": Tlp.AMBER,
    "amber+strict": Tlp.AMBER_STRICT,
    "red": Tlp.RED,
}

Object = Mapping[str, Any]


def sniff(head: str, name: str) -> bool:  # noqa: ARG001 - all forms are asked alike
    """Say whether it is a JSON object with STIX objects."""
    return head.lstrip().startswith("{") and (
        '"objects"' in head or '"spec_version"' in head or '"bundle"' in head[:500]
    )


def read(octets: bytes, entries: Entries, options: Mapping[str, str]) -> None:  # noqa: ARG001 - all alike
    """Read a bundle or an envelope."""
    try:
        bundle = msgspec.json.decode(octets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        entries.reject("bundle", "bad-json", str(fault)[:200])
        return
    objects = bundle.get("objects", []) if isinstance(bundle, dict) else bundle
    if not isinstance(objects, list):
        entries.reject("bundle", "bad-bundle", "no list of objects")
        return
    read_objects((one for one in objects if isinstance(one, dict)), entries)


def read_objects(objects: Iterable[Object], entries: Entries) -> None:
    """Read STIX objects: indicators, and what the others say about them."""
    known = [one for one in objects if isinstance(one.get("type"), str)]
    markings = dict(MARKINGS) | {
        str(one.get("id")): tlp for one in known if (tlp := marking(one)) is not None
    }
    names = {
        str(one.get("id")): str(one.get("name", "")) for one in known if one["type"] in {"malware", "tool"}
    }
    families = {
        str(one.get("source_ref")): names[str(one.get("target_ref"))]
        for one in known
        if one["type"] == "relationship"
        and one.get("relationship_type") == "indicates"
        and str(one.get("target_ref")) in names
    }
    for one in known:
        if one["type"] == "indicator":
            with entries.each(str(one.get("id", "?"))[:100]):
                _indicator(one, entries, markings, families)


def marking(one: Object) -> Tlp | None:
    """Return what a marking definition object says; None when it says nothing about sharing."""
    if one.get("type") != "marking-definition":
        return None
    definition = one.get("definition")
    said = [definition.get("tlp")] if isinstance(definition, dict) else []
    extensions = one.get("extensions")
    if isinstance(extensions, dict):
        said += [part.get("tlp_2_0") for part in extensions.values() if isinstance(part, dict)]
    levels = [_TLP.get(str(word).lower(), Tlp.RED) for word in said if word]
    if levels:
        return max(levels)
    return Tlp.CLEAR if one.get("definition_type") == "statement" else Tlp.RED


def tlp_of(word: str) -> Tlp | None:
    """Return the level a tag such as ``tlp:amber`` names, the strictest of one that nobody knows; None for other words."""
    head, _, tail = word.strip().lower().partition(":")
    return _TLP.get(tail, Tlp.RED) if head == "tlp" else None


def _indicator(
    one: Object, entries: Entries, markings: Mapping[str, Tlp], families: Mapping[str, str]
) -> None:
    where = str(one.get("id", "?"))[:100]
    if one.get("revoked") is True:
        entries.reject(where, "revoked")
        return
    pattern = one.get("pattern")
    if one.get("pattern_type", "stix") != "stix" or not isinstance(pattern, str):
        entries.reject(where, "other-pattern-type", str(one.get("pattern_type"))[:40])
        return
    times = [milliseconds(one.get(name)) if one.get(name) else 0 for name in ("valid_from", "valid_until")]
    if any(
        one.get(name) and not time for name, time in zip(("valid_from", "valid_until"), times, strict=True)
    ):
        entries.reject(where, "bad-time", f"{one.get('valid_from')} {one.get('valid_until')}"[:80])
        return
    references = one.get("object_marking_refs")
    levels = [markings.get(str(ref), Tlp.RED) for ref in references] if isinstance(references, list) else []
    labels = one.get("labels")
    label = str(labels[0]) if isinstance(labels, list) and labels else ""
    more = Indicator(
        "",
        valid_from=times[0],
        valid_until=times[1],
        confidence=confidence(one.get("confidence", "")),
        family=families.get(where, label),
        reference=where,
        tlp=max(levels, default=Tlp.CLEAR),
    )
    for target in targets(pattern):
        if target.fault:
            # A URL is not repeated: it may hold a code or name a person.
            entries.reject(where, target.fault, "" if "url" in pattern.lower() else pattern[:200])
        else:
            entries.add(target.address, target.port, where, protocol=target.protocol, more=more)
